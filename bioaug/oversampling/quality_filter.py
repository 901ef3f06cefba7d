"""Acceptance of synthetic rows: no copies of training rows, none outside their class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioaug.core.distances import distance_blocks, flat, nearest_index, row_distances

FEWEST = 20  # rows from which on distances among them say what held-out rows would do
MOST_LOOKED_AT = 5000  # rows whose distances to the others are found
RAREST = 0.01  # share of rows that may lie closer together, such as beats recorded twice
SAME = 1e-4  # of the root mean square distance from the mean: nearer rows are one row, repeated
FEWEST_DIFFERENT = 0.1  # of the real spread, below which a generator has collapsed
MOST_EXCESS = 10.0  # what an exact copy counts
ACCEPTED, COPY, OUTSIDE = "accepted", "copy", "outside"


@dataclass(frozen=True)
class QualityFilter:
    """Judges synthetic rows of one class by the distance to their nearest real row.

    Each real row's distance to its nearest different row is what a held-out row's would be. A
    synthetic row that is closer than the smallest of these (than all but 1 % of them) is a copy;
    one that is farther than the largest lies outside the class. Repeated rows count once. With
    fewer than 20 different rows these limits say nothing, and only equal rows are copies.

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
    def fit(cls, X: NDArray, n_features: int = 0) -> QualityFilter:
        """Find the limits from the real rows of one class; the last values may be features."""
        rows = flat(X)
        middle, weights = rows.mean(axis=0), np.ones(rows.shape[1])
        if n_features:
            spread = rows.std(axis=0)
            usual = np.sqrt((spread[:-n_features] ** 2).mean())
            own = spread[-n_features:]
            weights[-n_features:] = usual / np.where(own > 0, own, 1)
        rows = (rows - middle) * weights
        apart = _nearest_different(rows)
        if len(apart) < FEWEST:
            return cls(middle, weights, rows, 0.0, np.inf)
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

    def excess(self, distance: NDArray, verdict: NDArray) -> float:
        """Return by how much rows miss the limits: the mean logarithm, 0 for an accepted row."""
        limit = np.where(verdict == COPY, self.closest, self.farthest)
        with np.errstate(divide="ignore", invalid="ignore"):  # equal rows, and a limit of 0
            factor = np.abs(np.log(distance / limit))
        missed = np.nan_to_num(factor, nan=MOST_EXCESS, posinf=MOST_EXCESS).clip(max=MOST_EXCESS)
        return float(np.where(np.isin(verdict, (COPY, OUTSIDE)), missed, 0.0).mean())

    def reason(self, verdict: NDArray) -> str:
        """Say what was wrong with the rows that were refused."""
        n_copies, n_outside = int((verdict == COPY).sum()), int((verdict == OUTSIDE).sum())
        if n_outside >= n_copies:
            return (
                f"{n_outside} of {len(verdict)} rows lie outside the class, farther from its real "
                "rows than any of these from another"
            )
        return (
            f"{n_copies} of {len(verdict)} rows are copies, nearer to a real row than real rows "
            "are to each other"
        )

    def has_collapsed(self, made: NDArray) -> bool:
        """Whether rows differ from each other much less than real rows do."""
        if len(self.rows) < FEWEST or len(made) < FEWEST:
            return False
        spread = self._scaled(made).var(axis=0).sum()
        return bool(spread < FEWEST_DIFFERENT**2 * self.rows.var(axis=0).sum())

    def _scaled(self, made: NDArray) -> NDArray:
        return (flat(made) - self.middle) * self.weights


def _nearest_different(rows: NDArray) -> NDArray:
    """Return the distance of different rows, 5,000 at most, to their nearest different row."""
    same = SAME**2 * np.square(rows).sum(axis=1).mean()
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MOST_LOOKED_AT)).astype(int)
    found = []
    for part, squared in distance_blocks(rows[chosen], rows):
        repeats = squared <= same
        is_first = repeats.argmax(axis=1) == chosen[part]
        squared[repeats] = np.inf
        of_first, squared = rows[chosen[part]][is_first], squared[is_first]
        least = squared.min(axis=1, initial=np.inf)
        at, other = np.nonzero(np.isfinite(squared) & (squared <= (1 + 1e-5) * least[:, None]))
        exact = np.full(len(least), np.inf)
        np.minimum.at(exact, at, row_distances(of_first, rows, at, other))
        found.append(exact[np.isfinite(exact)])
    return np.concatenate(found)
