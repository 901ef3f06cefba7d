"""Coverage, spread and near copies of the synthetic rows of each class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioaug.core.distances import nearest

N_COMPARED = 256  # rows of each kind that are compared, at most
N_SEARCHED = 5000  # training rows among which near copies are sought, at most
MIN_ROWS = 20  # below which distances between rows are not informative
NEAREST_K = 5
NEAR_COPY_QUANTILE = 0.01  # of the distances between training rows: a copy is nearer
SPREAD_LIMITS = 0.5, 2.0
MIN_COVERAGE = 0.5  # of what fresh real rows would reach
MAX_NEAR_COPIES = 0.2


@dataclass(frozen=True)
class ClassQuality:
    """How the synthetic rows of one class compare with real ones, on a few hundred of each.

    A quick look and no proof: the scores of `bioaug.metrics`, on patients that the generator has
    not seen, are the measure. With fewer than 20 real rows every value is None.

    Attributes
    ----------
    reference : str
        "held-out rows", which early stopping kept from the training, or "training rows", with
        which a generator that only repeats them has full coverage.
    n_rows : int
        How many of them, and as many synthetic rows, were compared.
    coverage : float or None
        Fraction of the real rows with a synthetic one nearer than their fifth nearest real row.
    expected_coverage : float or None
        What as many fresh real rows would reach on average.
    spread : float or None
        Standard deviation of synthetic rows around their mean, divided by that of real rows; 1 is
        right, near 0 is a collapsed generator.
    near_copies : float or None
        Fraction of synthetic rows that lie nearer to a training row than all but 1 % of the
        training rows do to each other; fresh real rows have about 0.01.
    """

    reference: str
    n_rows: int
    coverage: float | None = None
    expected_coverage: float | None = None
    spread: float | None = None
    near_copies: float | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong, in words, or None."""
        if self.coverage is None or self.expected_coverage is None or self.spread is None:
            return None
        problems = []
        if not SPREAD_LIMITS[0] <= self.spread <= SPREAD_LIMITS[1]:
            problems.append(f"they vary {self.spread:.2g} times as much as real ones")
        if self.coverage < MIN_COVERAGE * self.expected_coverage:
            problems.append(
                f"{self.coverage:.0%} of the {self.reference} have a synthetic one near them, of "
                f"fresh real rows {self.expected_coverage:.0%} would"
            )
        if self.near_copies is not None and self.near_copies > MAX_NEAR_COPIES:
            problems.append(f"{self.near_copies:.0%} are near copies of training rows")
        return "; ".join(problems) or None

    def __str__(self) -> str:
        if self.coverage is None:
            return f"too few rows to assess ({self.n_rows})"
        return (
            f"coverage {self.coverage:.2f} of {self.n_rows} {self.reference} (fresh real rows "
            f"{self.expected_coverage:.2f}), spread {self.spread:.2f} of real, near copies "
            f"{self.near_copies:.0%}"
        )


def compare_rows(
    synthetic: NDArray, training: NDArray, held_out: NDArray | None = None
) -> ClassQuality:
    """Compare synthetic rows of one class with real ones.

    Parameters
    ----------
    synthetic, training : ndarray of shape (n, n_values)
    held_out : ndarray of shape (n_held_out, n_values), optional
        Rows kept from the training; None compares with training rows.
    """
    reference, name = (
        (training, "training rows") if held_out is None else (held_out, "held-out rows")
    )
    reference = spaced(reference, N_COMPARED)
    n = min(len(reference), len(synthetic))
    if n < MIN_ROWS:
        return ClassQuality(name, len(reference))
    reference, synthetic = spaced(reference, n), synthetic[:n]
    radius = nearest(reference, k=NEAREST_K)[:, -1]
    # A row at exactly the radius lies inside, so that copies of rows that occur often are seen.
    is_covered = nearest(reference, synthetic)[:, 0] <= radius
    searched = spaced(training, N_SEARCHED)
    return ClassQuality(
        reference=name,
        n_rows=n,
        coverage=float(is_covered.mean()),
        expected_coverage=_expected_coverage(n),
        spread=_ratio(synthetic, reference),
        near_copies=_near_copies(synthetic, searched),
    )


def spaced(rows: NDArray, n: int) -> NDArray:
    """Return at most `n` rows, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), n)).astype(int)]


def _near_copies(synthetic: NDArray, training: NDArray) -> float | None:
    distinct = np.unique(training, axis=0)
    if len(distinct) < MIN_ROWS:
        return None
    limit = np.quantile(nearest(distinct)[:, 0], NEAR_COPY_QUANTILE)
    return float((nearest(synthetic, training)[:, 0] <= limit).mean())


def _ratio(synthetic: NDArray, real: NDArray) -> float | None:
    own = real.var(axis=0).sum()
    return float(np.sqrt(synthetic.var(axis=0).sum() / own)) if own > 0 else None


def _expected_coverage(n: int, k: int = NEAREST_K) -> float:
    """Return the mean coverage of n rows by n others of the same distribution [Naeem 2020]."""
    return 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k + 1))
