"""Which synthetic rows are let through: no copies of training rows, none outside their class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioaug._distances import flat, nearest_index, nearest_rows

FEWEST = 20  # rows from which on distances among them say what held-out rows would do
MOST_LOOKED_AT = 5000  # rows whose distances to the others are found
RAREST = 0.01  # share of rows that may lie closer together, such as beats recorded twice
FEWEST_DIFFERENT = 0.1  # of the real spread, below which a generator has collapsed
ACCEPTED, COPY, OUTSIDE = "accepted", "copy", "outside"


@dataclass(frozen=True)
class Gate:
    """Judges synthetic rows of one class by the distance to their nearest real row.

    Each real row's distance to its nearest other is what a held-out row's would be. A synthetic
    row that is closer than the smallest of these (than all but 1 % of them) is a copy; one that
    is farther than the largest lies outside the class. With fewer than 20 rows these limits say
    nothing, and only equal rows are copies.

    Distances are Euclidean. Features behind the time steps, which have units of their own, are
    scaled to vary as much as a time step does in the mean.

    Parameters
    ----------
    middle, weights : ndarray of shape (n_values,)
        What is subtracted from a row, and what it is multiplied by.
    rows : ndarray of shape (n_rows, n_values)
        Real rows of the class, so changed.
    closest, farthest : float
        Limits of the distance.
    """

    middle: NDArray
    weights: NDArray
    rows: NDArray
    closest: float
    farthest: float

    @classmethod
    def fit(cls, X: NDArray, n_features: int = 0) -> Gate:
        """Find the limits from the real rows of one class; the last values may be features."""
        rows = flat(X)
        middle, weights = rows.mean(axis=0), np.ones(rows.shape[1])
        if n_features:
            spread = rows.std(axis=0)
            usual = np.sqrt((spread[:-n_features] ** 2).mean())
            own = spread[-n_features:]
            weights[-n_features:] = usual / np.where(own > 0, own, 1)
        rows = (rows - middle) * weights
        if len(rows) < FEWEST:
            return cls(middle, weights, rows, 0.0, np.inf)
        looked_at = np.linspace(0, len(rows) - 1, min(len(rows), MOST_LOOKED_AT)).astype(int)
        apart = nearest_rows(rows[looked_at], rows, own=looked_at)[1][:, 0]
        closest = float(np.quantile(apart, RAREST, method="lower"))
        return cls(middle, weights, rows, closest, float(apart.max()))

    def judge(self, made: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return of each row: the place of the nearest real row, its distance, the verdict."""
        made = self._scaled(made)
        nearest, distance = nearest_index(made, self.rows)
        verdict = np.full(len(made), ACCEPTED, dtype="<U8")
        verdict[distance > self.farthest] = OUTSIDE
        verdict[(distance < self.closest) | (distance == 0)] = COPY
        return nearest, distance, verdict

    def has_collapsed(self, made: NDArray) -> bool:
        """Whether rows differ from each other much less than real rows do."""
        if len(self.rows) < FEWEST or len(made) < FEWEST:
            return False
        spread = self._scaled(made).var(axis=0).sum()
        return bool(spread < FEWEST_DIFFERENT**2 * self.rows.var(axis=0).sum())

    def _scaled(self, made: NDArray) -> NDArray:
        return (flat(made) - self.middle) * self.weights
