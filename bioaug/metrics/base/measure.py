"""Computation of a score: its formula class by class, null value, seed and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.core.seeding import check_generator, draw_seed
from bioaug.exceptions import DataError
from bioaug.metrics.base.halves import Split, Splits, check_groups, patient_splits, row_splits
from bioaug.metrics.base.null_law import USUAL_LAW, NullLaw
from bioaug.metrics.base.pairs import by_class, check_enough, check_pair, in_real_units
from bioaug.metrics.base.score import Direction, Null, Score


class Result(NamedTuple):
    """The result of a score's formula: its value, and details.

    Details that take long are given as a function, which is not called for the null value.
    """

    value: float
    details: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = {}


Formula = Callable[[NDArray, NDArray, np.random.RandomState], Result]
Draws = Callable[[NDArray, int, list[Split], np.random.RandomState], list[float]]


class Part(NamedTuple):
    """The score of one class, and what its null is made of."""

    found: Result
    draws: list[float]
    n_real: int
    n_synthetic: int
    reason: str = ""
    least_width: float = 0.0
    low_factor: float = 1.0

    def null(self, draws: Any = None) -> Null | None:
        """Return the null of the draws, of this part or of the mean of several."""
        draws = self.draws if draws is None else draws
        if not len(draws):
            return None
        null = Null.of(draws, least_width=self.least_width)
        return replace(null, low=min(null.low, null.low * self.low_factor))


def measure(
    formula: Formula,
    X_real: Any,
    X_synthetic: Any,
    *,
    name: str,
    direction: Direction,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    least: int = 2,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
    scale: bool = True,
    law: NullLaw = USUAL_LAW,
    draw: Draws | None = None,
) -> Score:
    """Return the score that `formula` gives, class by class, with its null value.

    Parameters
    ----------
    formula : callable (real, synthetic, random_state) -> Result
        Real and synthetic signals of one class, float64, shape (n, n_channels, n_timesteps). It
        must train on no row that it tests on, and take all randomness from `random_state`.
    X_real, X_synthetic : array-like, 2-D or 3-D
    name : str
        Of the score, for errors and for printing.
    direction : {"lower", "higher"}
        What is better.
    y_real, y_synthetic : array-like, optional
        With labels, every class is scored by itself and the score is the mean.
    groups_real : array-like, optional
        The patient of every real row; with them, the null halves patients.
    least : int
        Smallest number of rows that the formula takes on either side; the null is left out (None)
        where the real rows are fewer than twice as many.
    n_null : int
        Random parts of the real rows for the null value; 0 for none, else at least 2.
    random_state : int, RandomState or None
    scale : bool
        Whether every channel is shifted and scaled by the real rows' mean and deviation, which
        makes the score free of units.
    law : NullLaw
        How the score depends on the numbers of rows.
    draw : callable (real, n_synthetic, pairs, random_state) -> list of float, optional
        What pairs of parts of the real rows score, where that is not `formula` of each.
    """
    began = time.perf_counter()
    seed = seed_of(random_state)
    check_n_null(n_null, owner=name)
    pair = check_pair(X_real, X_synthetic, y_real, y_synthetic, owner=name)
    groups = check_groups(groups_real, len(pair.X_real), owner=name, name="groups_real")
    if scale:
        pair = in_real_units(pair)
    parts = {}
    for label, real, synthetic in by_class(pair, owner=name):
        check_enough(real, synthetic, least=least, owner=name, label=label)
        rng = np.random.RandomState(seed)
        found = formula(real, synthetic, rng)
        details = dict(found.details() if callable(found.details) else found.details)
        sizes = len(real), len(synthetic)
        part = Part(found._replace(details=details), [], *sizes)
        if n_null:
            own = groups if groups is None or label is None else groups[pair.y_real == label]
            splits = null_splits(real, own, len(synthetic), law, n_null, least=least, rng=rng)
            draws = (draw or partial(draws_of, formula))(real, len(synthetic), splits.pairs, rng)
            draws = law.scaled(draws, splits, len(synthetic), spread=groups is None)
            part = part._replace(
                draws=draws,
                reason=splits.reason,
                least_width=1.5 / min(sizes) if law.is_share else 0.0,
                low_factor=1.0 if groups is None else law.best_of_patients,
            )
            if groups is not None and law.worst is not None:
                part = part._replace(reason=part.reason or _worst_is_usual(part, law.worst))
        parts[label] = part
    about = {"name": name, "direction": direction, "seed": seed}
    return combine(parts, pair.y_real, about | {"seconds": time.perf_counter() - began})


def _worst_is_usual(part: Part, worst: float) -> str:
    """Return why a low value tells nothing: patients differ so much that the worst is usual."""
    null = part.null()
    if null is None or worst not in null or part.found.value > max(null.value, worst):
        return ""
    return f"patients differ so much that {worst:g}, the worst value, lies inside the null"


def null_splits(
    real: NDArray,
    groups: NDArray | None,
    n_synthetic: int,
    law: NullLaw,
    n_null: int,
    *,
    least: int,
    rng: np.random.RandomState,
) -> Splits:
    """Return parts of the real rows that stand in for real and synthetic ones, for the null."""
    if n_synthetic > law.most_ratio * len(real):
        return Splits(
            [],
            f"{n_synthetic} synthetic rows, at most {law.most_ratio:g} times the {len(real)} real "
            "ones can be compared",
        )
    if groups is not None and law.expected is not None and n_synthetic > len(real):
        return Splits(
            [],
            f"{n_synthetic} synthetic rows, at most as many as the {len(real)} real ones can be "
            "compared where patients are known",
        )
    if groups is None:
        sizes = partial(law.sizes, n_synthetic=n_synthetic, least=least)
        return row_splits(real, sizes, n_null, least=least, rng=rng)
    return patient_splits(groups, law.ratio(len(real), n_synthetic), n_null, least=least, rng=rng)


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed: the given one, or one drawn from the generator, or a fresh one for None."""
    rng = check_generator(random_state)
    return int(random_state) if isinstance(random_state, Integral) else draw_seed(rng)


def check_n_null(n_null: Any, *, owner: str) -> None:
    """Raise a DataError unless `n_null` is a number of draws that a null can be made of."""
    if not isinstance(n_null, Integral) or (n_null != 0 and n_null < 2):
        raise DataError(
            f"The 'n_null' parameter of {owner} must be the int 0 or at least 2. "
            f"Got {n_null!r} instead."
        )


def draws_of(
    formula: Formula,
    real: NDArray,
    n_synthetic: int,
    pairs: list[Split],
    rng: np.random.RandomState,
) -> list[float]:
    """Return what pairs of parts of the real rows score."""
    return [formula(real[one], real[other], rng).value for one, other in pairs]


def combine(parts: Mapping[Any, Any], y_real: Any, about: dict) -> Score:
    """Return the score of the one part without label, or the mean over classes.

    Each part is a `Part`, or a tuple of at least its first four values.
    """
    parts = {label: Part(*part) for label, part in parts.items()}
    scores = {
        label: Score(
            part.found.value,
            null=part.null(),
            n_real=part.n_real,
            n_synthetic=part.n_synthetic,
            details=part.found.details,
            inconclusive=part.reason,
            **about,
        )
        for label, part in parts.items()
    }
    if list(scores) == [None]:
        return scores[None]
    draws = [part.draws for part in parts.values()]
    some = next(iter(parts.values()))
    width = float(np.mean([part.least_width for part in parts.values()]))
    left_out = [label for label in np.unique(y_real).tolist() if label not in scores]
    classes: dict[str, list[str]] = {}  # of each reason
    for label, part in parts.items():
        if part.reason:
            classes.setdefault(part.reason, []).append(str(label))
    reasons = [f"class {', '.join(of)}: {reason}" for reason, of in classes.items()]
    return Score(
        float(np.mean([float(score) for score in scores.values()])),
        null=some._replace(least_width=width).null(np.mean(draws, axis=0)) if all(draws) else None,
        n_real=sum(score.n_real for score in scores.values()),
        n_synthetic=sum(score.n_synthetic for score in scores.values()),
        per_class=scores,
        details={"classes_left_out": left_out} if left_out else {},
        inconclusive="; ".join(reasons),
        **about,
    )
