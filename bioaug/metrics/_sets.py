"""What privacy scores share: they compare with the generator's training rows.

Two halves of the training rows tell what fresh rows would score only where both sides are of the
size that was given, and where there is no third set. So the null is made here: a random part of
the training rows stands in for the synthetic ones and leaves the training rows, as if a perfect
generator had drawn new rows of the same patients.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug._distances import flat
from bioaug.exceptions import DataError, LeakError
from bioaug.lineage import Lineage
from bioaug.metrics._measure import (
    Found,
    by_class,
    check_n_null,
    check_pair,
    combine,
    in_real_units,
    seed_of,
)
from bioaug.metrics.score import Direction, Score


@dataclass(frozen=True)
class Sets:
    """The rows of one class, flat, in the units of the training rows.

    Attributes
    ----------
    train, synthetic, holdout : ndarray of shape (n, n_channels * n_timesteps)
        Without held-out rows, `holdout` is empty.
    groups, groups_holdout : ndarray of shape (n,) or None
        The patient of every training and held-out row.
    n_stand_in : int
        How many rows stand in for the synthetic ones in the null, for scores that grow with the
        number of synthetic rows.
    """

    train: NDArray[np.float64]
    synthetic: NDArray[np.float64]
    holdout: NDArray[np.float64]
    groups: NDArray | None = None
    groups_holdout: NDArray | None = None
    n_stand_in: int = 0

    def stand_in(self, rng: np.random.RandomState, *, proportional: bool) -> Sets:
        """Return the sets with a random part of the training rows instead of the synthetic ones.

        As many as there are synthetic rows, but at most half; where `proportional`, the share
        that leaves the ratio of synthetic to training rows as it is.
        """
        n_train, n_part = len(self.train), self.n_stand_in
        if proportional:
            n_part = round(n_train * len(self.synthetic) / (n_train + len(self.synthetic)))
            n_part = min(max(n_part, 1), n_train - 2)
        order = rng.permutation(n_train)
        part, rest = order[:n_part], order[n_part:]
        groups = None if self.groups is None else self.groups[rest]
        return replace(self, train=self.train[rest], synthetic=self.train[part], groups=groups)


SetsFormula = Callable[[Sets, np.random.RandomState], Found]


@dataclass(frozen=True)
class Given:
    """What the user gave, under the names of the parameters."""

    X_real: Any
    X_synthetic: Any
    y_real: Any = None
    y_synthetic: Any = None
    X_holdout: Any = None
    y_holdout: Any = None
    groups_real: Any = None
    groups_holdout: Any = None


def measure_sets(
    formula: SetsFormula,
    given: Given,
    *,
    name: str,
    direction: Direction,
    least: int,
    n_null: int,
    random_state: int | np.random.RandomState | None,
    proportional: bool = False,
) -> Score:
    """Return the score that `formula` gives, class by class, with its null value.

    Parameters
    ----------
    formula : callable (sets, random_state) -> Found
    given : Given
    name : str
    direction : {"lower", "higher"}
    least : int
        Smallest number of rows of every set; the null is left out (None) where the training rows
        are fewer than twice as many.
    n_null : int
        Draws of stand-ins for the null value; 0 for none, else at least 2.
    random_state : int, RandomState or None
    proportional : bool
        See `Sets.stand_in`.
    """
    began = time.perf_counter()
    check_n_null(n_null, owner=name)
    seed = seed_of(random_state)
    parts = {}
    for label, sets in _classes(given, name).items():
        _check_enough(sets, given, least=least, owner=name, label=label)
        rng = np.random.RandomState(seed)
        found = formula(sets, rng)
        details = found.details() if callable(found.details) else found.details
        found = found._replace(details=dict(details))
        draws = []
        if n_null and len(sets.train) >= 2 * least:
            draws = _null_draws(formula, sets, n_null, rng, proportional=proportional)
        parts[label] = (found, draws, len(sets.train), len(sets.synthetic))
    about = {"name": name, "direction": direction, "seed": seed}
    return combine(parts, given.y_real, about | {"seconds": time.perf_counter() - began})


def _null_draws(
    formula: SetsFormula,
    sets: Sets,
    n_null: int,
    rng: np.random.RandomState,
    *,
    proportional: bool,
) -> list[float]:
    """Return what stand-ins score, spread as much as fresh rows would be.

    Parts of one finite set resemble each other: drawing the share f of it without replacement
    leaves 1 - f of the variance, which is made good here.
    """
    found, share = [], 0.0
    for _ in range(n_null):
        drawn = sets.stand_in(rng, proportional=proportional)
        share = len(drawn.synthetic) / len(sets.train)
        found.append(formula(drawn, rng).value)
    values = np.array(found)
    return (values.mean() + (values - values.mean()) / np.sqrt(1 - share)).tolist()


def check_holdout(X_holdout: Any, *, owner: str) -> None:
    """Raise a DataError where there are no held-out rows."""
    if X_holdout is None:
        raise DataError(
            f"The 'X_holdout' parameter of {owner} must hold real rows that the generator never "
            "saw. Got None. Set some aside before training."
        )


def check_apart(
    X_train: NDArray,
    X_test: NDArray,
    *,
    owner: str,
    names: tuple[str, str] = ("X_real", "X_holdout"),
) -> None:
    """Raise a LeakError where more than half of the test rows are training rows; warn of fewer.

    Rows count as the same as in `Lineage.check`. A few may be the same by chance, such as flat
    ones. `names` is what `owner` calls the two sets.
    """
    n_shared = int(Lineage.of(X_train).seen(X_test).sum())
    if not n_shared:
        return
    first, second = names
    found = (
        f"The {second!r} parameter of {owner} must hold other rows than {first!r}. Got {n_shared} "
        f"of {len(X_test)} rows that are (nearly) equal to one of {first!r}. Split first, by "
        "patients, and give test rows of patients that the generator was not trained on."
    )
    if n_shared > len(X_test) / 2:
        raise LeakError(found)
    warnings.warn(f"{found} Scores that compare both are off by these rows.", stacklevel=2)


def _classes(given: Given, owner: str) -> dict[Any, Sets]:
    """Return the checked and scaled sets of every class; the one label None without labels."""
    labels = given.y_real, given.y_synthetic
    pair = check_pair(given.X_real, given.X_synthetic, *labels, owner=owner)
    beside = None
    if given.X_holdout is not None:
        labels = given.y_real, given.y_holdout
        beside = check_pair(given.X_real, given.X_holdout, *labels, owner=owner, other="holdout")
        check_apart(beside.X_real, beside.X_synthetic, owner=owner)
        beside = in_real_units(beside)
    n_holdout = 0 if beside is None else len(beside.X_synthetic)
    groups = _groups(given, len(pair.X_real), n_holdout, owner)
    found = {}
    for label, real, synthetic in by_class(in_real_units(pair), owner=owner):
        everything = label is None
        mine = slice(None) if everything else pair.y_real == label
        held = slice(None) if everything or beside is None else beside.y_synthetic == label
        holdout = flat(real)[:0] if beside is None else flat(beside.X_synthetic)[held]
        found[label] = Sets(
            flat(real),
            flat(synthetic),
            holdout,
            None if groups is None else groups[0][mine],
            None if groups is None else groups[1][held],
            min(len(synthetic), len(real) // 2),
        )
    return found


def _groups(
    given: Given, n_real: int, n_holdout: int, owner: str
) -> tuple[NDArray, NDArray] | None:
    """Return the patients of training and held-out rows, or None."""
    both = {"groups_real": given.groups_real, "groups_holdout": given.groups_holdout}
    if all(groups is None for groups in both.values()):
        return None
    arrays = []
    for (key, groups), n_rows in zip(both.items(), (n_real, n_holdout), strict=True):
        n_given = 0 if groups is None else len(groups)
        if n_given != n_rows:
            raise DataError(
                f"The {key!r} parameter of {owner} must hold the patient of each of the {n_rows} "
                f"rows. Got {n_given}. Give 'groups_real' and 'groups_holdout', or neither."
            )
        arrays.append(np.asarray(groups))
    return arrays[0], arrays[1]


def _check_enough(sets: Sets, given: Given, *, least: int, owner: str, label: Any) -> None:
    rows = {"X_real": sets.train, "X_synthetic": sets.synthetic}
    if given.X_holdout is not None:
        rows["X_holdout"] = sets.holdout
    for name, array in rows.items():
        if len(array) < least:
            of_class = "" if label is None else f" of class {label!r}"
            raise DataError(
                f"The {name!r} parameter of {owner} must have at least {least} rows{of_class}. "
                f"Got {len(array)}. Give more rows, or leave this score out."
            )
