"""Real-row equivalence: how many held-out real rows one synthetic row was worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from bioaug.core.arrays import to_floats
from bioaug.core.checks import FRACTION, check_number
from bioaug.core.seeding import check_generator
from bioaug.exceptions import DataError
from bioaug.statistics._resampling import DRAWS, MANY, tail_fraction

ROUNDING = 1e-12  # by which equal means of scores differ


@dataclass(frozen=True)
class Worth:
    """Real-row equivalence of one synthetic row, with its interval.

    Attributes
    ----------
    value : float
        0 where the synthetic rows did not raise the score; NaN where real rows did not either,
        so that there is nothing to compare with.
    low, high : float
        Interval; `high` is infinite where the real rows may not have been enough to match.
    is_bound : bool
        Whether `value` is a lower bound: the synthetic rows beat all real rows that were added.
    """

    value: float
    low: float
    high: float
    is_bound: bool


def worth(
    real_counts: ArrayLike,
    real_scores: ArrayLike,
    synthetic_score: ArrayLike,
    n_synthetic: int,
) -> float:
    """Real-row equivalence: how many real rows one synthetic row was worth.

    Parameters
    ----------
    real_counts : array-like of shape (n_levels,)
        Held-out real rows that were added, ascending from 0.
    real_scores : array-like of shape (n_levels, n_scores)
        Scores of the classifier with these rows, such as its macro F1 by fold and repeat. Greater
        is better.
    synthetic_score : array-like of shape (n_scores,)
        Its scores with the synthetic rows instead, on the same folds.
    n_synthetic : int
        Synthetic rows that were added.

    Returns
    -------
    float
        1 is as good as real. 0 where the score is not above that without any added row: whether it
        fell is reported elsewhere, by the difference of the scores. Where it is above that of the
        last level, the worth of the last level, which is a lower bound. NaN where more real rows
        did not raise the score.

    Raises
    ------
    DataError
        Where shapes do not match, scores are not finite, or counts do not ascend from 0.

    See Also
    --------
    worth_interval : The same with its interval, and whether it is a bound.

    Notes
    -----
    A curve that never falls is fitted to the mean scores by isotonic regression [1]_, with lines
    between its levels; the worth is the smallest number of real rows at which it reaches the mean
    synthetic score, divided by `n_synthetic`.

    References
    ----------
    .. [1] Barlow, Bartholomew, Bremner and Brunk, "Statistical inference under order
       restrictions", Wiley, 1972.

    Examples
    --------
    >>> from bioaug.statistics import worth
    >>> real_scores = [[0.5, 0.5], [0.6, 0.6], [0.7, 0.7]]
    >>> round(worth([0, 10, 20], real_scores, [0.64, 0.66], n_synthetic=100), 3)
    0.15
    """
    counts, scores, synthetic = _check(
        real_counts, real_scores, synthetic_score, n_synthetic, owner="worth"
    )
    matched, _ = _rows_to_match(counts, scores.mean(axis=1), float(synthetic.mean()))
    return matched / n_synthetic


def worth_interval(
    real_counts: ArrayLike,
    real_scores: ArrayLike,
    synthetic_score: ArrayLike,
    n_synthetic: int,
    *,
    n_draws: int = 2000,
    confidence: float = 0.95,
    random_state: Any = 0,
) -> Worth:
    """Real-row equivalence of one synthetic row, with its interval.

    Parameters
    ----------
    real_counts : array-like of shape (n_levels,)
        Held-out real rows that were added, ascending from 0.
    real_scores : array-like of shape (n_levels, n_scores)
        Scores of the classifier with these rows, such as its macro F1 by fold and repeat. Greater
        is better.
    synthetic_score : array-like of shape (n_scores,)
        Its scores with the synthetic rows instead, on the same folds.
    n_synthetic : int
        Synthetic rows that were added.
    n_draws : int
        Times that folds are drawn with replacement, the same for all levels and synthetic rows.
    confidence : float
    random_state : int, RandomState instance or None

    Returns
    -------
    Worth
        From a single score, the interval is 0 to infinity.

    Raises
    ------
    DataError
        As `worth` does, and for a number that is out of range.

    Notes
    -----
    Each draw is a `worth` of its own. One that is only a lower bound counts with this bound for
    `low` and as infinite for `high`; one without a value, as 0 and infinite. The limits are those
    of the expanded percentile interval, see `patient_bootstrap`. Folds share training rows, which
    no drawing of folds makes up for: the interval is too narrow rather than too wide.
    """
    owner = "worth_interval"
    counts, scores, synthetic = _check(
        real_counts, real_scores, synthetic_score, n_synthetic, owner=owner
    )
    check_number(n_draws, DRAWS, name="n_draws", owner=owner)
    check_number(confidence, FRACTION, name="confidence", owner=owner)
    random = check_generator(random_state)
    matched, is_bound = _rows_to_match(counts, scores.mean(axis=1), float(synthetic.mean()))
    value, n_scores = matched / n_synthetic, len(synthetic)
    if n_scores < 2:
        return Worth(value, 0.0, np.inf, is_bound)
    drawn = random.randint(n_scores, size=(n_draws, n_scores))
    lower, upper = np.empty(n_draws), np.empty(n_draws)
    for i, folds in enumerate(drawn):
        lower[i], bound = _rows_to_match(
            counts, scores[:, folds].mean(axis=1), float(synthetic[folds].mean())
        )
        upper[i] = np.inf if bound else lower[i]
    lower, upper = np.nan_to_num(lower, nan=0.0), np.where(np.isnan(upper), np.inf, upper)
    outside = int(tail_fraction(confidence, n_scores) * n_draws)
    low, high = np.sort(lower)[outside], np.sort(upper)[n_draws - 1 - outside]
    return Worth(value, float(low / n_synthetic), float(high / n_synthetic), is_bound)


def _rows_to_match(counts: NDArray, means: NDArray, target: float) -> tuple[float, bool]:
    """Return real rows at which the rising curve reaches the target, and whether it does not."""
    curve = isotonic_regression(means).x
    if curve[-1] - curve[0] < ROUNDING:
        return np.nan, False
    target -= ROUNDING
    above = int(np.searchsorted(curve, target))
    if above == 0:
        return 0.0, False
    if above == len(curve):
        return float(counts[-1]), True
    part = (target - curve[above - 1]) / (curve[above] - curve[above - 1])
    return float(counts[above - 1] + part * (counts[above] - counts[above - 1])), False


def _check(
    real_counts: ArrayLike,
    real_scores: ArrayLike,
    synthetic_score: ArrayLike,
    n_synthetic: int,
    *,
    owner: str,
) -> tuple[NDArray, NDArray, NDArray]:
    check_number(n_synthetic, MANY, name="n_synthetic", owner=owner)
    counts = to_floats(real_counts, name="real_counts", owner=owner)
    scores = to_floats(real_scores, name="real_scores", owner=owner)
    synthetic = np.atleast_1d(to_floats(synthetic_score, name="synthetic_score", owner=owner))
    if counts.ndim != 1 or len(counts) < 2 or counts[0] != 0 or not (np.diff(counts) > 0).all():
        raise DataError(
            f"The 'real_counts' parameter of {owner} must hold at least two numbers of rows that "
            f"ascend from 0. Got {real_counts!r} instead."
        )
    if synthetic.ndim != 1 or not len(synthetic):
        raise DataError(
            f"The 'synthetic_score' parameter of {owner} must have shape (n_scores,). "
            f"Got shape {synthetic.shape} instead."
        )
    expected = (len(counts), len(synthetic))
    if scores.shape != expected:
        raise DataError(
            f"The 'real_scores' parameter of {owner} must have shape {expected}: a row for each "
            f"level, a column for each synthetic score. Got shape {scores.shape} instead."
        )
    for name, values in (("real_scores", scores), ("synthetic_score", synthetic)):
        if not np.isfinite(values).all():
            raise DataError(
                f"The {name!r} parameter of {owner} must be finite. Got "
                f"{int((~np.isfinite(values)).sum())} values that are NaN or infinite."
            )
    return counts, scores, synthetic
