"""What bootstrap draws of few units say: limits and p-values that are not too hopeful."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

BLOCK_VALUES = 4_000_000  # weights that are held at a time


def in_blocks(n_draws: int, n_units: int) -> Iterator[tuple[int, int]]:
    """Yield first and last place of as many draws of all units as fit into memory."""
    step = max(1, BLOCK_VALUES // n_units)
    for start in range(0, n_draws, step):
        yield start, min(start + step, n_draws)


def tail_share(confidence: float, n_units: int) -> float:
    """Return the share of the draws on either side of an expanded percentile interval.

    Draws of n units vary less than samples do, by n - 1 to n, and know no heavier tail: as wide as
    Student's interval is the one with Phi(-sqrt(n / (n - 1)) t) of the draws outside (Hesterberg).
    """
    quantile = student.ppf((1 + confidence) / 2, n_units - 1)
    return float(norm.cdf(-quantile * np.sqrt(n_units / (n_units - 1))))


def two_sided_p(draws: NDArray, n_units: int) -> float:
    """Return the p-value of 0 that belongs to the expanded interval.

    Twice the smaller share of the draws on either side of 0, those on 0 counting for both and one
    more for the value itself; carried from the normal to Student's distribution like the interval.
    """
    smaller = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    share = (smaller + 1) / (len(draws) + 1)
    if share >= 0.5:
        return 1.0
    scale = np.sqrt((n_units - 1) / n_units)
    return float(2 * student.cdf(norm.ppf(share) * scale, n_units - 1))
