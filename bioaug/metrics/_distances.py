"""Distances between many signals, a block at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_VALUES = 2**23  # distances held at once: 64 MiB in float64


def flat(X: NDArray) -> NDArray[np.float64]:
    """Return signals as float64 rows of shape (n_samples, n_channels * n_timesteps)."""
    return np.ascontiguousarray(X.reshape(len(X), -1), dtype=np.float64)


def distance_blocks(A: NDArray, B: NDArray) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield blocks of rows of the squared Euclidean distances between rows of `A` and of `B`.

    Yields
    ------
    rows : slice, of `A`
    squared : ndarray of shape (n_block, len(B))
    """
    square_a, square_b = np.einsum("ij,ij->i", A, A), np.einsum("ij,ij->i", B, B)
    n_block = max(1, BLOCK_VALUES // max(len(B), 1))
    for start in range(0, len(A), n_block):
        rows = slice(start, min(start + n_block, len(A)))
        squared = -2 * (A[rows] @ B.T)
        squared += square_a[rows, None]
        squared += square_b
        np.maximum(squared, 0, out=squared)
        yield rows, squared


def nearest(A: NDArray, B: NDArray | None = None, k: int = 1) -> NDArray[np.float64]:
    """Return the distances from each row of `A` to its `k` nearest rows of `B`, nearest first.

    Without `B`, to the nearest other rows of `A`: a row is not its own neighbour.

    Returns
    -------
    distances : ndarray of shape (len(A), k)
    """
    others = A if B is None else B
    found = np.empty((len(A), k))
    for rows, squared in distance_blocks(A, others):
        if B is None:
            squared[np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)] = np.inf
        part = np.partition(squared, k - 1, axis=1)[:, :k]
        part.sort(axis=1)
        found[rows] = np.sqrt(part)
    return found


def nearest_index(A: NDArray, B: NDArray) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each row of `A` the index of its nearest row of `B`, and the distance."""
    index, distance = np.empty(len(A), np.int64), np.empty(len(A))
    for rows, squared in distance_blocks(A, B):
        index[rows] = squared.argmin(axis=1)
        distance[rows] = np.sqrt(squared.min(axis=1))
    return index, distance
