"""What all scores share: checks, units, classes, the null value, seeds and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import MAX_ABS, as_3d, check_signals
from bioaug.core.seeding import check_generator, draw_seed
from bioaug.exceptions import DataError
from bioaug.metrics._base.halves import Split, Splits, check_groups, patient_splits, row_splits
from bioaug.metrics._base.score import Direction, Null, Score


class Found(NamedTuple):
    """What a score's formula finds: its value, and what else it has to say.

    Details that take long are given as a function, which is not called for the null value.
    """

    value: float
    details: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = {}


Formula = Callable[[NDArray, NDArray, np.random.RandomState], Found]
Draws = Callable[[NDArray, int, list[Split], np.random.RandomState], list[float]]


@dataclass(frozen=True)
class NullLaw:
    """How a score under equal distributions depends on the numbers of rows.

    The parts of the real rows that the null is drawn from are smaller than the sets that are
    scored; with ``f = (1/n_real + 1/n_synthetic) / (1/n_first + 1/n_second)``, their scores are
    brought to the sizes at hand. Parts of one finite set are drawn without replacement, which
    changes nothing in a difference of both sides, for one side has what the other lacks.

    Attributes
    ----------
    power : float
        The spread goes with f to this power: 1/2 for most, 1 for squared distances, which are
        quadratic in the differences, and 0 where the parts need no correction.
    about_zero : bool
        Whether the mean shrinks with the spread, as that of a distance does.
    equal : bool
        Whether the score takes equally many rows of both sets.
    is_share : bool
        Whether it is a share of rows: a null of draws that are all 1 leaves room for a few rows.
    difference : bool
        Whether the score is a difference or a ratio of both sides, so that it has one and the same
        mean for all equal distributions. Otherwise 1/n_real comes off the variances of the parts.
    twofold : bool
        Whether the score is the mean of squared distances of all synthetic rows from two halves
        of the real ones.
    worst : float, optional
        The worst value, of a score that is better the higher it is.
    most : int, optional
        Rows that the score takes of either set, where it takes a part of more.
    most_ratio : float, optional
        Of synthetic to real rows, above which no part of the real rows can stand in.
    expected : callable (n_real, n_synthetic) -> float, optional
        The mean under equal distributions, of a score whose mean depends on the ratio of sizes.
    """

    power: float = 0.5
    about_zero: bool = False
    equal: bool = False
    is_share: bool = False
    difference: bool = True
    twofold: bool = False
    worst: float | None = None
    most: int | None = None
    most_ratio: float = np.inf
    expected: Callable[[float, float], float] | None = None

    def sizes(self, n_real: int, n_synthetic: int, least: int) -> tuple[int, int]:
        """Return how many real rows stand in for the real and for the synthetic ones."""
        if self.equal:
            n_each = max(min(n_real // 2, n_synthetic), least)
            return n_each, n_each
        ratio = self.ratio(n_real, n_synthetic)
        second = min(max(round(n_real * ratio / (1 + ratio)), least), n_real - least)
        return n_real - second, second

    def ratio(self, n_real: int, n_synthetic: int) -> float:
        """Return how many times as many rows stand in for the synthetic as for the real ones."""
        ratio = 1.0 if self.equal else n_synthetic / n_real
        return ratio if self.expected else min(ratio, 1.0)

    def scaled(
        self, draws: list[float], splits: Splits, n_synthetic: int, *, spread: bool
    ) -> list[float]:
        """Return what the draws would have been with the numbers of rows at hand.

        `spread` says whether rows set the spread; halves of the patients have that of patients.
        """
        if not draws:
            return draws
        values, n_real = np.asarray(draws), splits.n_real
        if self.expected is not None:
            of_parts = float(np.mean([self.expected(*pair) for pair in splits.sizes]))
            values = values + self.expected(n_real, n_synthetic) - of_parts
        if spread and self.power:
            lacking = 0.0 if self.difference else 2 / n_real
            noise = float(np.mean([self._noise(*pair) for pair in splits.sizes])) - lacking
            center = 0.0 if self.about_zero else values.mean()
            factor = (self._noise(n_real, n_synthetic) / noise) ** self.power
            values = center + (values - center) * factor
        if self.is_share:  # all rows of a part stand for all rows
            values = np.where(np.asarray(draws) == 1, 1.0, values)
        return values.tolist()

    @property
    def best_of_patients(self) -> float:
        """How much lower the null's low end is for a generator that has seen very many patients.

        Halves of p patients differ as 2 / p + 2 / p, all of them and very many others as 1 / p.
        """
        return 0.25**self.power if self.about_zero or self.power == 1 else 1.0

    def _noise(self, n_real: int, n_synthetic: int) -> float:
        """Return 1 / n_real + 1 / n_synthetic of the rows that the score takes."""
        if self.twofold:
            return float(np.sqrt(((2 / n_real + 1 / n_synthetic) ** 2 + n_synthetic**-2.0) / 2))
        sizes = np.minimum([n_real, n_synthetic], self.most or np.inf)
        return float(2 / sizes.min() if self.equal else (1 / sizes).sum())


class Part(NamedTuple):
    """The score of one class, and what its null is made of."""

    found: Found
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


class Pair(NamedTuple):
    """Real and synthetic signals of shape (n, n_channels, n_timesteps) with their labels."""

    X_real: NDArray
    X_synthetic: NDArray
    y_real: NDArray | None
    y_synthetic: NDArray | None


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
    law: NullLaw = NullLaw(),
    draw: Draws | None = None,
) -> Score:
    """Return the score that `formula` gives, class by class, with its null value.

    Parameters
    ----------
    formula : callable (real, synthetic, random_state) -> Found
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
    reasons = [f"class {label}: {part.reason}" for label, part in parts.items() if part.reason]
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


def check_pair(
    X_real: Any,
    X_synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    *,
    owner: str,
    first: str = "real",
    other: str = "synthetic",
) -> Pair:
    """Return both sets as 3-D float64 with labels, or raise one clear DataError.

    `first` and `other` are how the parameters of the sets are called, as in X_holdout and y_holdout
    for "holdout".
    """
    if (y_real is None) != (y_synthetic is None):
        missing = f"y_{first if y_real is None else other}"
        raise DataError(
            f"The {missing!r} parameter of {owner} must be given where the other labels are. "
            "Got None. Give both or neither."
        )
    X_real, y_real = check_set(X_real, y_real, owner=owner, which=f"_{first}")
    X_synthetic, y_synthetic = check_set(X_synthetic, y_synthetic, owner=owner, which=f"_{other}")
    real, synthetic = as_3d(X_real), as_3d(X_synthetic)
    if real.shape[1:] != synthetic.shape[1:]:
        raise DataError(
            f"The 'X_{other}' parameter of {owner} must have signals of (n_channels, "
            f"n_timesteps) = {real.shape[1:]}, as 'X_{first}' has. Got {synthetic.shape[1:]} "
            "instead. Cut or resample one of them."
        )
    return Pair(real.astype(np.float64), synthetic.astype(np.float64), y_real, y_synthetic)


def check_set(X: Any, y: Any, *, owner: str, which: str = "") -> tuple[NDArray, NDArray | None]:
    """Return one set as `check_signals` does, but raise nothing else than a DataError.

    `which` is what its parameters have behind X and y, as "_real".
    """
    X_name, y_name = f"X{which}", f"y{which}"
    shapes = "(n, n_timesteps) or (n, n_channels, n_timesteps)"
    with _refused(f"The {X_name!r} parameter of {owner} must hold numbers, of shape {shapes}."):
        X, _ = check_signals(X, owner=owner, names=(X_name, y_name))
    with _refused(f"The {y_name!r} parameter of {owner} must hold a class for each of the rows."):
        return check_signals(X, y, owner=owner, names=(X_name, y_name))


@contextmanager
def _refused(rule: str) -> Iterator[None]:
    """Raise what scikit-learn refuses as a DataError that begins with the rule."""
    try:
        yield
    except DataError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: tensors with gradients
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":.")
        raise DataError(f"{rule} scikit-learn refuses what came: {reason}.") from error


def in_real_units(pair: Pair) -> Pair:
    """Shift and scale every channel by the real rows' mean and deviation.

    A channel that is constant in the real rows takes the unit of the other channels, or of the
    synthetic rows where all are constant, so that no score depends on the unit of the signals.
    """
    mean = pair.X_real.mean(axis=(0, 2), keepdims=True)
    deviation = _deviation(pair.X_real, mean)
    varies = deviation > 0
    if not varies.all():
        mean = np.where(varies, mean, pair.X_real[:1, :, :1])  # exact, so that equal is equal
        made = _deviation(pair.X_synthetic, mean)
        instead = np.sqrt(np.mean(deviation[varies] ** 2)) if varies.any() else made.max()
        deviation = np.where(varies, deviation, instead or 1.0)
    with np.errstate(over="ignore"):
        real, synthetic = ((X - mean) / deviation for X in (pair.X_real, pair.X_synthetic))
    if np.abs(synthetic).max() > MAX_ABS:
        raise DataError(
            f"The synthetic signals must lie within {MAX_ABS:g} standard deviations of the real "
            "ones, for squares must be finite. Give both in the same unit."
        )
    return pair._replace(X_real=real, X_synthetic=synthetic)


def _deviation(X: NDArray, mean: NDArray) -> NDArray[np.float64]:
    """Return the root mean square distance of each channel from `mean`; 0 for rounding alone."""
    deviation = np.sqrt(((X - mean) ** 2).mean(axis=(0, 2), keepdims=True))
    largest = np.abs(X).max(axis=(0, 2), keepdims=True)
    return np.where(deviation > 1e-12 * largest, deviation, 0.0)


def by_class(pair: Pair, *, owner: str) -> list[tuple[Any, NDArray, NDArray]]:
    """Return (label, real, synthetic) for every class of the synthetic rows, or for None."""
    if pair.y_real is None or pair.y_synthetic is None:
        return [(None, pair.X_real, pair.X_synthetic)]
    classes, made = np.unique(pair.y_real).tolist(), np.unique(pair.y_synthetic).tolist()
    if unknown := sorted(set(made) - set(classes), key=str):
        raise DataError(
            f"The 'y_synthetic' parameter of {owner} must hold classes of 'y_real', {classes}. "
            f"Got {unknown} as well. Leave those rows out."
        )
    return [
        (label, pair.X_real[pair.y_real == label], pair.X_synthetic[pair.y_synthetic == label])
        for label in made
    ]


def check_enough(
    real: NDArray, synthetic: NDArray, *, least: int, owner: str, label: Any = None
) -> None:
    """Raise a DataError where either side has fewer than `least` rows."""
    for name, rows in (("X_real", real), ("X_synthetic", synthetic)):
        if len(rows) < least:
            of_class = "" if label is None else f" of class {label!r}"
            raise DataError(
                f"The {name!r} parameter of {owner} must have at least {least} rows{of_class}. "
                f"Got {len(rows)}. Give more rows, or leave this score out."
            )
