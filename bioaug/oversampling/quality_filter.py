"""Quality filter: rejects synthetic rows that copy a real row or lie outside their class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.core.distances import distance_blocks, flat, nearest_index, row_distances

MIN_ROWS = 20  # from which on distances between real rows estimate those of held-out rows
MAX_REFERENCE = 5000  # real rows whose nearest neighbours give the limits
COPY_QUANTILE = 0.01  # fraction of rows that may lie closer together, such as beats recorded twice
SAME_ROW = 1e-4  # of the root mean square distance from the mean: closer rows are one, repeated
MIN_STD_RATIO = 0.1  # of the real standard deviation, below which a generator has collapsed
MAX_LOG_EXCESS = 10.0  # what an exact copy counts
MAX_OPS = 1e11  # multiply-adds, some seconds, above which "auto" skips the filter
ACCEPTED, COPY, OUTSIDE = "accepted", "copy", "outside"


class Judgement(NamedTuple):
    """The nearest real row of each new row, its distance, and what follows from it.

    Attributes
    ----------
    nearest : ndarray of int of shape (n_rows,)
        Index of the nearest real row.
    distance : ndarray of shape (n_rows,)
        To that row.
    status : ndarray of str of shape (n_rows,)
        "accepted", "copy" or "outside".
    """

    nearest: NDArray
    distance: NDArray
    status: NDArray


@dataclass(frozen=True)
class QualityFilter:
    """Judges synthetic rows of one class by the distance to their nearest real row.

    Each real row's distance to its nearest different row estimates that of a held-out row. A
    synthetic row that is closer than the smallest of these (than all but 1 % of them) is a copy;
    one that is farther than the largest lies outside the class. Repeated rows count once. With
    fewer than 20 different rows these limits say nothing, and only equal rows are copies.

    Every new row is compared with all real rows of the class. The two limits come from all of
    these, too, but from 5,000 evenly spaced ones where there are more: see `n_reference`.

    Distances are Euclidean. Features behind the time steps, which have units of their own, are
    scaled to vary as much as a time step does on average.

    Parameters
    ----------
    mean, weights : ndarray of shape (n_values,)
        What is subtracted from a row, and what it is multiplied by.
    rows : ndarray of shape (n_rows, n_values)
        Real rows of the class, so scaled.
    min_distance, max_distance : float
        Limits of the distance.
    n_reference : int
        Different real rows that the limits were estimated from.
    """

    mean: NDArray
    weights: NDArray
    rows: NDArray
    min_distance: float
    max_distance: float
    n_reference: int

    @classmethod
    def fit(cls, X: NDArray, n_features: int = 0) -> QualityFilter:
        """Estimate the limits from the real rows of one class, whose last values may be features.

        Parameters
        ----------
        X : ndarray of shape (n_rows, ...)
        n_features : int, default=0
            How many of the last values of each row are features.

        Returns
        -------
        quality_filter : QualityFilter
        """
        rows = flat(X)
        mean, weights = rows.mean(axis=0), np.ones(rows.shape[1])
        if n_features:
            std = rows.std(axis=0)
            usual = np.sqrt((std[:-n_features] ** 2).mean())
            own = std[-n_features:]
            weights[-n_features:] = usual / np.where(own > 0, own, 1)
        rows = (rows - mean) * weights
        distances = _to_nearest_different(rows)
        limits = (0.0, np.inf)
        if len(distances) >= MIN_ROWS:
            lowest = np.quantile(distances, COPY_QUANTILE, method="lower")
            limits = (float(lowest), float(distances.max()))
        return cls(mean, weights, rows, *limits, len(distances))

    @staticmethod
    def cost(n_new: int, X: NDArray) -> int:
        """Return the multiply-adds of fitting on the real rows `X` and judging `n_new` rows."""
        return (n_new + min(len(X), MAX_REFERENCE)) * X.size

    def judge(self, X: NDArray) -> Judgement:
        """Compare synthetic rows with the real ones.

        Parameters
        ----------
        X : ndarray of shape (n_rows, ...)

        Returns
        -------
        judgement : Judgement
            Also unpacked as ``nearest, distance, status``.
        """
        nearest, distance = nearest_index(self._scaled(X), self.rows)
        status = np.full(len(distance), ACCEPTED, dtype="<U8")
        status[distance > self.max_distance] = OUTSIDE
        status[(distance < self.min_distance) | (distance == 0)] = COPY
        return Judgement(nearest, distance, status)

    def excess(self, distance: NDArray, status: NDArray) -> float:
        """Return by how much rows miss the limits: the mean logarithm, 0 for an accepted row."""
        limit = np.where(status == COPY, self.min_distance, self.max_distance)
        with np.errstate(divide="ignore", invalid="ignore"):  # equal rows, and a limit of 0
            factor = np.abs(np.log(distance / limit))
        excess = np.nan_to_num(factor, nan=MAX_LOG_EXCESS, posinf=MAX_LOG_EXCESS)
        is_refused = np.isin(status, (COPY, OUTSIDE))
        return float(np.where(is_refused, excess.clip(max=MAX_LOG_EXCESS), 0.0).mean())

    def reason(self, status: NDArray) -> str:
        """Say what was wrong with the rows that were refused."""
        n_copies, n_outside = int((status == COPY).sum()), int((status == OUTSIDE).sum())
        if n_outside >= n_copies:
            return (
                f"{n_outside} of {len(status)} rows lie outside the class, farther from its real "
                "rows than any of these from another"
            )
        return (
            f"{n_copies} of {len(status)} rows are copies, nearer to a real row than real rows "
            "are to each other"
        )

    def has_collapsed(self, X: NDArray) -> bool:
        """Whether rows differ from each other much less than real rows do."""
        if len(self.rows) < MIN_ROWS or len(X) < MIN_ROWS:
            return False
        variance = self._scaled(X).var(axis=0).sum()
        return bool(variance < MIN_STD_RATIO**2 * self.rows.var(axis=0).sum())

    def _scaled(self, X: NDArray) -> NDArray:
        return (flat(X) - self.mean) * self.weights


def _to_nearest_different(rows: NDArray) -> NDArray:
    """Return the distance of different rows, 5,000 at most, to their nearest different row."""
    same = SAME_ROW**2 * np.square(rows).sum(axis=1).mean()
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MAX_REFERENCE)).astype(int)
    blocks = []
    for part, squared in distance_blocks(rows[chosen], rows):
        repeats = squared <= same
        is_first = repeats.argmax(axis=1) == chosen[part]
        squared[repeats] = np.inf
        of_first, squared = rows[chosen[part]][is_first], squared[is_first]
        smallest = squared.min(axis=1, initial=np.inf)
        near = np.isfinite(squared) & (squared <= (1 + 1e-5) * smallest[:, None])
        row, other = np.nonzero(near)
        exact = np.full(len(smallest), np.inf)
        np.minimum.at(exact, row, row_distances(of_first, rows, row, other))
        blocks.append(exact[np.isfinite(exact)])
    return np.concatenate(blocks)
