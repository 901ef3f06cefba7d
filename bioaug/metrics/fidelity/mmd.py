"""Maximum mean discrepancy of real and synthetic signals."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import Interval, check_number
from bioaug.core.distances import distance_blocks, flat
from bioaug.metrics.base.halves import Split
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Score

_MEDIAN_ROWS = 1000  # of each side, from which the bandwidth is taken
_PERMUTED_ROWS = 500  # of each side, for the p-value
_WIDTHS = (4, 2, 1, 0.5, 0.25)  # times the median: each kernel is the fourth power of the last
_PERMUTATIONS = Interval(Integral, 500, None, closed="left")


@register_score(
    "mmd", "fidelity", takes=("groups_real",), detects=faults_but("collapse to the mean")
)
def mmd(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    n_permutations: int = 500,
    n_null: int = 100,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the squared maximum mean discrepancy, unbiased, with a Gaussian kernel.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 4 rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 4 rows, in each class.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    n_permutations : int, default=500
        Of the labels real and synthetic, for the p-value; at least 500.
    n_null : int, default=100
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed for reproducible results.

    Returns
    -------
    score : Score
        At most 2; equal distributions score 0 on average and can fall below; lower is better. Its
        ``details``: ``p_value``, of the hypothesis that both distributions are equal, on up to 500
        rows of each side; ``five_bandwidths``, the sum over five kernels, which sees coarse and
        fine differences; ``bandwidth``, the median distance, in deviations of the real signals.

    Raises
    ------
    DataError
        For fewer than 4 rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_{i != j} k(r_i, r_j) + mean_{i != j} k(f_i, f_j) - 2 mean_{i, j} k(r_i, f_j)`` [1]_,
    with ``k(a, b) = exp(-|a - b|^2 / (2 h^2))`` and h the median distance between all signals,
    real and synthetic, up to 1000 of each. The five bandwidths are h / 4, h / 2, h, 2 h and 4 h.
    A fixed bandwidth of 1 rates noise above real heartbeats: distances grow with the length.

    References
    ----------
    .. [1] Gretton et al. (2012). "A kernel two-sample test." Journal of Machine Learning
       Research 13.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import mmd
    >>> X = np.random.default_rng(0).normal(size=(100, 16))
    >>> score = mmd(X[:50], X[50:] + 1, random_state=0)
    >>> score > score.null.high, score.details["p_value"] < 0.01
    (True, True)
    """
    check_number(n_permutations, _PERMUTATIONS, name="n_permutations", owner="mmd")

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        real, synthetic = flat(real), flat(synthetic)
        bandwidth = _median_distance(_some(real, rng), _some(synthetic, rng))

        def details() -> Mapping[str, Any]:
            return {
                "p_value": _permutation_p(real, synthetic, bandwidth, n_permutations, rng),
                "five_bandwidths": float(_unbiased_mmd(real, synthetic, bandwidth, _WIDTHS).sum()),
                "bandwidth": bandwidth,
            }

        return Result(float(_unbiased_mmd(real, synthetic, bandwidth, (1,))[0]), details)

    return measure(
        formula,
        X_real,
        X_synthetic,
        name="mmd",
        direction="lower",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=4,
        n_null=n_null,
        random_state=random_state,
        law=NullLaw(power=1),
        draw=_draws,
    )


def _some(rows: NDArray, rng: np.random.RandomState, most: int = _MEDIAN_ROWS) -> NDArray:
    """Return all rows, or a random part of them."""
    return rows if len(rows) <= most else rows[rng.permutation(len(rows))[:most]]


def _median_distance(real: NDArray, synthetic: NDArray) -> float:
    """Return the median distance between different rows; 1 where all rows are equal."""
    rows = np.concatenate([real, synthetic])
    squared = np.concatenate([block for _, block in distance_blocks(rows, rows)])
    apart = squared[np.triu_indices(len(rows), 1)]
    # Rows that are equal differ by rounding alone, and say nothing of the scale.
    apart = apart[apart > 1e-12 * apart.max(initial=0)]
    return float(np.median(np.sqrt(apart))) if len(apart) else 1.0


def _kernel_sums(A: NDArray, B: NDArray, bandwidth: float, widths: tuple) -> NDArray[np.float64]:
    """Return the sum of the kernel over all pairs of rows, for each width, widest first.

    Every width is half of the one before, so its kernel is the fourth power.
    """
    sums = np.zeros(len(widths))
    for _, kernel in distance_blocks(A, B):
        kernel /= -2 * (widths[0] * bandwidth) ** 2
        np.exp(kernel, out=kernel)
        for i in range(len(widths)):
            if i:
                np.square(kernel, out=kernel)
                np.square(kernel, out=kernel)
            sums[i] += kernel.sum()
    return sums


def _unbiased_mmd(
    real: NDArray, synthetic: NDArray, bandwidth: float, widths: tuple
) -> NDArray[np.float64]:
    n, m = len(real), len(synthetic)
    within_real = (_kernel_sums(real, real, bandwidth, widths) - n) / (n * (n - 1))
    within = (_kernel_sums(synthetic, synthetic, bandwidth, widths) - m) / (m * (m - 1))
    between = _kernel_sums(real, synthetic, bandwidth, widths) / (n * m)
    return within_real + within - 2 * between


def _draws(
    real: NDArray, n_synthetic: int, pairs: list[Split], rng: np.random.RandomState
) -> list[float]:
    """Return the MMD of parts of the real rows, all from one pass over the kernel."""
    if not pairs:
        return []
    rows = flat(real)
    bandwidth = _median_distance(_some(rows, rng), rows[:0])
    first, second = np.zeros((2, len(rows), len(pairs)))
    for column, (one, other) in enumerate(pairs):
        first[one, column] = second[other, column] = 1
    sums = []
    for _, kernel in distance_blocks(rows, rows):
        kernel /= -2 * bandwidth**2
        np.exp(kernel, out=kernel)
        sums.append(kernel @ np.concatenate([first, second], axis=1))
    with_first, with_second = np.split(np.concatenate(sums), 2, axis=1)
    n, m = first.sum(axis=0), second.sum(axis=0)
    within = ((first * with_first).sum(axis=0) - n) / (n * (n - 1))
    within += ((second * with_second).sum(axis=0) - m) / (m * (m - 1))
    return (within - 2 * (first * with_second).sum(axis=0) / (n * m)).tolist()


def _permutation_p(
    real: NDArray,
    synthetic: NDArray,
    bandwidth: float,
    n_permutations: int,
    rng: np.random.RandomState,
) -> float:
    """Return the share of relabelled sets, the given one among them, of at least this MMD."""
    real, synthetic = _some(real, rng, _PERMUTED_ROWS), _some(synthetic, rng, _PERMUTED_ROWS)
    n, m = len(real), len(synthetic)
    rows = np.concatenate([real, synthetic])
    kernel = np.concatenate([block for _, block in distance_blocks(rows, rows)])
    np.exp(kernel / (-2 * bandwidth**2), out=kernel)
    np.fill_diagonal(kernel, 0)
    is_real = np.zeros((n + m, n_permutations + 1))
    is_real[:n, 0] = 1
    for column in range(1, n_permutations + 1):
        is_real[rng.permutation(n + m)[:n], column] = 1
    with_real = kernel @ is_real
    real_real = (is_real * with_real).sum(axis=0)
    between = with_real.sum(axis=0) - real_real
    synthetic_synthetic = kernel.sum() - real_real - 2 * between
    found = real_real / (n * (n - 1)) + synthetic_synthetic / (m * (m - 1)) - 2 * between / (n * m)
    # The tolerance counts relabellings that only rounding keeps from being equal.
    return float((found >= found[0] - 1e-12).mean())
