"""Small-sample-corrected bootstrap intervals and p-values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.utils._param_validation import Interval as IntervalOf

BLOCK_VALUES = 4_000_000  # weights that are held at a time
DRAWS = IntervalOf(Integral, 1, 10**6, closed="both")
MANY = IntervalOf(Integral, 1, 10**9, closed="both")  # as many patients, rows or bins at most

LimitedBy = Literal["patients", "folds", "repeats"]


@dataclass(frozen=True)
class Interval:
    """A difference with its confidence interval and p-value.

    Attributes
    ----------
    value : float
        The observed difference; positive where the first classifier is better.
    low, high : float
        Infinite where one fold or one patient is all there is.
    p : float
        Two-sided p-value of no difference, not adjusted for other comparisons.
    confidence : float
        How often such intervals hold the true difference.
    limited_by : {"patients", "folds", "repeats"}
        What most of the width comes from: more of these would make it narrower.
    """

    value: float
    low: float
    high: float
    p: float
    confidence: float = 0.95
    limited_by: LimitedBy = "patients"

    @property
    def half_width(self) -> float:
        """Half the distance from `low` to `high`."""
        return (self.high - self.low) / 2


def in_blocks(n_draws: int, n_units: int) -> Iterator[tuple[int, int]]:
    """Yield first and last index of as many draws of all units as fit into memory."""
    step = max(1, BLOCK_VALUES // n_units)
    for start in range(0, n_draws, step):
        yield start, min(start + step, n_draws)


def tail_fraction(confidence: float, n_units: int) -> float:
    """Return the fraction of the draws on either side of an expanded percentile interval.

    Draws of n units vary less than samples do, by n - 1 to n, and know no heavier tail: as wide as
    Student's interval is the one with Phi(-sqrt(n / (n - 1)) t) of the draws outside (Hesterberg).
    """
    quantile = student.ppf((1 + confidence) / 2, n_units - 1)
    return float(norm.cdf(-quantile * np.sqrt(n_units / (n_units - 1))))


def two_sided_p(draws: NDArray, n_units: int) -> float:
    """Return the p-value of 0 that belongs to the expanded interval.

    Twice the smaller fraction of the draws on either side of 0, those on 0 counting for both and
    one more for the value itself; carried from the normal to Student's distribution like the
    interval.
    """
    smaller = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    fraction = (smaller + 1) / (len(draws) + 1)
    if fraction >= 0.5:
        return 1.0
    scale = np.sqrt((n_units - 1) / n_units)
    return float(2 * student.cdf(norm.ppf(fraction) * scale, n_units - 1))


@dataclass(frozen=True)
class Repeats:
    """How much the difference of two classifiers varies with their training.

    Attributes
    ----------
    error : float
        Standard error of the mean difference over the repeats; 0 where there is only one.
    freedom : int
        Degrees of freedom of this error.
    """

    error: float = 0.0
    freedom: int = 1

    @classmethod
    def of(cls, first: NDArray, second: NDArray, n_first: int, n_second: int) -> Repeats:
        """Return the error of mean(first) - mean(second); paired where there are as many.

        `n_first` and `n_second` count the repeats of each whose predictions differ: identical
        predictions are one training, however often they were made.
        """
        parts = [(first, n_first), (second, n_second)]
        if len(first) == len(second):
            parts = [(first - second, max(n_first, n_second))]
        parts = [(part, n) for part, n in parts if n > 1]
        error = float(np.sqrt(sum(part.var(ddof=1) / n for part, n in parts)))
        if error < 1e-12:  # deterministic trainings
            return cls()
        return cls(error, min(n for _, n in parts) - 1)


def limits(
    value: float, draws: NDArray, n_units: int, repeats: Repeats, confidence: float
) -> tuple[float, float]:
    """Return the interval of drawn units, made wider by what the repeats vary.

    Standard errors of units, to either side, and of repeats are added as squares, and Student's
    degrees of freedom are those of Welch and Satterthwaite.
    """
    tail = tail_fraction(confidence, n_units)
    low, high = np.quantile(draws, [tail, 1 - tail]).tolist()
    if not repeats.error:
        return low, high
    upper = (1 + confidence) / 2
    of_units, of_repeats = draws.var() * n_units / (n_units - 1), repeats.error**2
    freedom = (of_units + of_repeats) ** 2 / (
        of_units**2 / (n_units - 1) + of_repeats**2 / repeats.freedom
    )
    half = repeats.error * student.ppf(upper, n_units - 1)
    ratio = student.ppf(upper, freedom) / student.ppf(upper, n_units - 1)
    below, above = ratio * np.hypot([max(value - low, 0), max(high - value, 0)], half)
    return value - float(below), value + float(above)


def p_of_zero(value: float, draws: NDArray, n_units: int, repeats: Repeats) -> float:
    """Return the p-value of 0: one minus the confidence whose interval just reaches it."""
    of_units = two_sided_p(draws, n_units)
    if not repeats.error:
        return of_units

    def gap(confidence: float) -> float:
        """Return how far 0 lies outside of the interval; negative inside of it."""
        low, high = limits(value, draws, n_units, repeats, confidence)
        return max(low, -high)

    least, most = 1e-4, 1 - 1e-9  # beyond, Student's quantile is 0 or infinite in rounding
    if gap(least) <= 0:
        confidence = least
    elif gap(most) > 0:
        confidence = most
    else:
        confidence = float(brentq(gap, least, most, xtol=1e-10))  # pyright: ignore
    return max(1 - confidence, of_units)
