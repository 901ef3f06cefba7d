"""Training, synthetic and held-out rows of privacy scores, and their null values.

Two halves of the training rows tell what fresh rows would score only where both sides are of the
size that was given, and where there is no third set. So the null is made here: a random part of
the training rows stands in for the synthetic ones and leaves the training rows, as if a perfect
generator had drawn new rows of the same patients.

Training rows that occur several times count once: the nearest other real row of a repeated one
would be itself. Held-out rows of other patients say nothing on rows, so scores that need them are
inconclusive then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.distances import flat, nearest_rows
from bioaug.core.row_hashes import MIN_VALUES
from bioaug.exceptions import DataError
from bioaug.metrics.base.leaks import check_apart
from bioaug.metrics.base.measure import Result, check_n_null, combine, seed_of
from bioaug.metrics.base.pairs import by_class, check_pair, in_real_units
from bioaug.metrics.base.score import Direction, Score
from bioaug.metrics.privacy._disguises import EQUAL

LEAST_SHARED = 10  # held-out rows of patients with training rows
MOST_COMPARED = 20_000  # rows among which near repeats are searched for
OTHER_PATIENTS = (
    "the held-out rows are of other patients than the training rows, so they tell patients from "
    "each other, not rows"
)
OTHER_DISTRIBUTION = (
    "the held-out rows differ from the training rows whatever the synthetic rows are (other "
    "patients?), so they say nothing on single rows"
)
_N_NEAR = 3  # neighbours by which held-out and training rows are compared
_N_DRAWS = 200
_MOST_EXCESS = 2.6  # standard deviations, which chance exceeds in 0.5 % of the cases


@dataclass(frozen=True)
class Sets:
    """The rows of one class, flat, in the units of the training rows.

    Attributes
    ----------
    train, synthetic, holdout : ndarray of shape (n, n_channels * n_timesteps)
        Training rows differ from each other. Without held-out rows, `holdout` is empty.
    groups, groups_holdout : ndarray of shape (n,) or None
        The patient of every training and held-out row.
    n_stand_in : int
        How many rows stand in for the synthetic ones in the null, for scores that grow with the
        number of synthetic rows.
    shape : tuple of int
        Channels and time steps of a row.
    """

    train: NDArray[np.float64]
    synthetic: NDArray[np.float64]
    holdout: NDArray[np.float64]
    groups: NDArray | None = None
    groups_holdout: NDArray | None = None
    n_stand_in: int = 0
    shape: tuple[int, ...] = (1, -1)

    def deep(self, rows: NDArray) -> NDArray[np.float64]:
        """Return flat rows in the shape (n, n_channels, n_timesteps)."""
        return rows.reshape(len(rows), *self.shape)

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

    def without_repeats(self) -> Sets:
        """Return the sets in which every training and held-out row counts once."""
        kept, held = different_rows(self.train), different_rows(self.holdout)
        return replace(
            self,
            train=self.train[kept],
            holdout=self.holdout[held],
            groups=None if self.groups is None else self.groups[kept],
            groups_holdout=None if self.groups_holdout is None else self.groups_holdout[held],
            n_stand_in=min(self.n_stand_in, len(kept) // 2),
        )

    def of_own_patients(self) -> Sets:
        """Return the sets without held-out rows of patients who have no training rows."""
        if self.groups is None or self.groups_holdout is None:
            return self
        own = np.isin(self.groups_holdout, self.groups)
        if not own.any():
            return self
        return replace(self, holdout=self.holdout[own], groups_holdout=self.groups_holdout[own])


SetsFormula = Callable[[Sets, np.random.RandomState], Result]
NullDraws = Callable[[Sets, int, np.random.RandomState], list[float]]


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
    draw: NullDraws | None = None,
    rests_on_holdout: bool = True,
) -> Score:
    """Return the score that `formula` gives, class by class, with its null value.

    Parameters
    ----------
    formula : callable (sets, random_state) -> Result
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
        See `Sets.stand_in`; repeated synthetic rows count once then.
    draw : callable (sets, n_null, random_state) -> list of float, optional
        What the score would be without a leak, instead of what stand-ins score.
    rests_on_holdout : bool
        Whether held-out rows that are not comparable leave nothing to say.
    """
    began = time.perf_counter()
    check_n_null(n_null, owner=name)
    seed = seed_of(random_state)
    parts = {}
    for label, sets in classes_of(given, name).items():
        _check_enough(sets, given, least=least, owner=name, label=label)
        n_rows = len(sets.train)
        sets = sets.without_repeats()
        if proportional:
            made = sets.synthetic[different_rows(sets.synthetic)]
            sets = replace(sets, synthetic=made)
        _check_different(sets, owner=name)
        rng = np.random.RandomState(seed)
        found = formula(sets, rng)
        details = dict(found.details() if callable(found.details) else found.details)
        if n_rows > len(sets.train):
            details["repeated_training_rows"] = n_rows - len(sets.train)
        draws, reason = [], ""
        if n_null:
            if draw is None and len(sets.train) < 2 * least:
                reason = f"{len(sets.train)} different training rows, a null needs {2 * least}"
            elif rests_on_holdout and len(sets.holdout):
                reason = why_not_comparable(sets)
        if n_null and not reason:
            find = draw or partial(_null_draws, formula, proportional=proportional)
            draws = find(sets, n_null, rng)
        found = found._replace(details=details)
        parts[label] = (found, draws, len(sets.train), len(sets.synthetic), reason)
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


def different_rows(rows: NDArray) -> NDArray[np.int64]:
    """Return which rows remain where those that are (nearly) equal to another one count once.

    Rows of fewer than 8 values may well be near by chance, so only equal ones are taken for one.
    """
    if len(rows) < 2:
        return np.arange(len(rows))
    kept = np.sort(np.unique(rows, axis=0, return_index=True)[1])
    if rows.shape[1] < MIN_VALUES or len(rows) > MOST_COMPARED:
        return kept
    size = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
    while len(kept) > 1:
        index, distance = nearest_rows(rows[kept], rows[kept], own=np.arange(len(kept)))
        limit = EQUAL * np.minimum(size[kept], size[kept[index[:, 0]]])
        repeats = (distance[:, 0] <= limit) & (index[:, 0] < np.arange(len(kept)))
        if not repeats.any():
            break
        kept = kept[~repeats]
    return kept


def why_not_comparable(sets: Sets) -> str:
    """Return why held-out rows say nothing on single training rows; empty where they do.

    With groups, because they are of other patients. Without groups, because they differ from the
    training rows by more than chance, whatever the synthetic rows: the nearest other real rows are
    too often of the same set.
    """
    if sets.groups is not None and sets.groups_holdout is not None:
        n_shared = int(np.isin(sets.groups_holdout, sets.groups).sum())
        if 0 < n_shared < LEAST_SHARED:
            return f"only {n_shared} held-out rows are of patients with training rows"
        return "" if n_shared else OTHER_PATIENTS
    train, holdout = sets.train, sets.holdout
    if len(train) + len(holdout) > MOST_COMPARED:
        train, holdout = train[: MOST_COMPARED // 2], holdout[: MOST_COMPARED // 2]
    rows, n_train = np.concatenate([train, holdout]), len(train)
    n_near = min(_N_NEAR, len(rows) - 1)
    near = nearest_rows(rows, rows, n_near, own=np.arange(len(rows)))[0]
    is_train = np.arange(len(rows)) < n_train

    def same(labels: NDArray) -> float:
        return float(np.mean(labels[near] == labels[:, None]))

    rng = np.random.RandomState(0)  # of a check, not of the score
    drawn = np.array([same(rng.permutation(is_train)) for _ in range(_N_DRAWS)])
    excess = (same(is_train) - drawn.mean()) / max(drawn.std(), 1e-12)
    return OTHER_DISTRIBUTION if excess > _MOST_EXCESS else ""


def _check_different(sets: Sets, *, owner: str) -> None:
    if len(sets.train) < 2:
        raise DataError(
            f"The 'X_real' parameter of {owner} must have at least 2 rows that differ from each "
            f"other. Got {len(sets.train)}. Give the rows that the generator was trained on."
        )


def check_holdout(X_holdout: Any, *, owner: str) -> None:
    """Raise a DataError where there are no held-out rows."""
    if X_holdout is None:
        raise DataError(
            f"The 'X_holdout' parameter of {owner} must hold real rows that the generator never "
            "saw. Got None. Set some aside before training."
        )


def classes_of(given: Given, owner: str) -> dict[Any, Sets]:
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
            real.shape[1:],
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
