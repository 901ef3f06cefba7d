"""Euclidean distances between many rows, exact where it matters, with bounded memory.

The fast way to many distances is a matrix product, ``|a|^2 - 2 ab + |b|^2``, whose rounding error
is that of the large terms: equal rows seem to have a distance, whose size depends on the processor,
the number of threads and the library. Here the product only finds candidates. What is returned or
compared is computed from differences, summed in one fixed order: equal rows have a distance of
exactly 0, nearly equal ones their own, and equal distances compare equal on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_VALUES = 2**22  # distances held at once: 32 MiB in float64
_PAIR_VALUES = 2**16  # differences held at once, which stay in the processor's cache
_PRECISION = 1e-6  # relative error of a squared distance, above which it is computed exactly


def flat(X: NDArray) -> NDArray[np.float64]:
    """Return signals as float64 rows of shape (n_samples, n_channels * n_timesteps)."""
    return np.ascontiguousarray(X.reshape(len(X), -1), dtype=np.float64)


def nearest_rows(
    A: NDArray, B: NDArray, k: int = 1, *, own: NDArray | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the `k` nearest rows of `B` of each row of `A`, nearest first.

    Parameters
    ----------
    A, B : ndarray of shape (n_rows, n_values), finite
    k : int
        At most ``len(B)``, and ``len(B) - 1`` with `own`.
    own : ndarray of shape (len(A),), optional
        Which row of `B` each row of `A` is, or -1 where it is none of them: a row is not its own
        neighbour, but a copy of it is.

    Returns
    -------
    index : ndarray of shape (len(A), k)
        In `B`; of rows at the same distance the first.
    distance : ndarray of shape (len(A), k)
    """
    A, B = flat(A), flat(B)
    index, distance = np.empty((len(A), k), np.int64), np.empty((len(A), k))
    for rows, squared, error in _products(A, B):
        least, most = squared - error, np.add(squared, error, out=squared)
        if own is not None:
            known = np.flatnonzero(own[rows] >= 0)
            most[known, own[rows][known]] = np.inf
        bound = most.min(axis=1) if k == 1 else np.partition(most, k - 1, axis=1)[:, k - 1]
        at, other = np.nonzero(least <= bound[:, None])
        exact = row_distances(A[rows], B, at, other)
        if own is not None:
            exact[other == own[rows][at]] = np.inf
        order = np.lexsort((other, exact, at))
        first = np.searchsorted(at, np.arange(len(most)))
        chosen = order[first[:, None] + np.arange(k)]
        index[rows], distance[rows] = other[chosen], exact[chosen]
    return index, distance


def nearest(A: NDArray, B: NDArray | None = None, k: int = 1) -> NDArray[np.float64]:
    """Return the distances from each row of `A` to its `k` nearest rows of `B`, nearest first.

    Without `B`, to the nearest other rows of `A`: a row is not its own neighbour.

    Returns
    -------
    distances : ndarray of shape (len(A), k)
    """
    if B is None:
        return nearest_rows(A, A, k, own=np.arange(len(A)))[1]
    return nearest_rows(A, B, k)[1]


def nearest_index(A: NDArray, B: NDArray) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each row of `A` the index of its nearest row of `B`, and the distance."""
    index, distance = nearest_rows(A, B)
    return index[:, 0], distance[:, 0]


def count_within(A: NDArray, B: NDArray, radius: NDArray) -> NDArray[np.int64]:
    """Return for each row of `A` in how many balls it lies: one around each row of `B`.

    A row at a distance of exactly the radius lies inside.

    Parameters
    ----------
    A, B : ndarray of shape (n_rows, n_values), finite
    radius : ndarray of shape (len(B),)
        Distances, not squared.
    """
    A, B = flat(A), flat(B)
    counts = np.empty(len(A), np.int64)
    for rows, squared, error in _products(A, B):
        error += 1e-12 * radius**2  # of the square
        squared -= radius**2
        counts[rows] = (squared < -error).sum(axis=1)
        at, other = np.nonzero(np.abs(squared) <= error)
        inside = row_distances(A[rows], B, at, other) <= radius[other]
        counts[rows] += np.bincount(at[inside], minlength=len(squared))
    return counts


def distance_blocks(A: NDArray, B: NDArray) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield blocks of rows of the squared distances between rows of `A` and of `B`.

    Those of nearly equal rows are exact, the others have a relative error below a millionth.

    Yields
    ------
    rows : slice, of `A`
    squared : ndarray of shape (n_block, len(B))
    """
    A, B = flat(A), flat(B)
    for rows, squared, error in _products(A, B):
        error /= _PRECISION
        at, other = np.nonzero(squared < error)
        squared[at, other] = row_distances(A[rows], B, at, other) ** 2
        yield rows, squared


def row_distances(
    A: NDArray, B: NDArray, at: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the exact distances between the rows `at` of `A` and the rows `other` of `B`."""
    distances = np.empty(len(at))
    step = max(1, _PAIR_VALUES // max(A.shape[1], 1))
    for start in range(0, len(at), step):
        part = slice(start, start + step)
        difference = A[at[part]] - B[other[part]]
        # Not einsum or norm: they sum in an order that depends on the processor.
        distances[part] = np.square(difference, out=difference).sum(axis=1)
    return np.sqrt(distances, out=distances)


def _products(
    A: NDArray, B: NDArray
) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield blocks of squared distances from a product, and by how much each can be wrong."""
    if not len(A) or not len(B):
        return
    # Seen from a typical row, so that an offset costs no precision and equal rows are exactly 0.
    centre = B[np.square(B - B.mean(axis=0)).sum(axis=1).argmin()]
    A, B = A - centre, B - centre
    square_a, square_b = np.square(A).sum(axis=1), np.square(B).sum(axis=1)
    bound = (2 * A.shape[1] + 32) * np.finfo(np.float64).eps
    n_block = max(1, BLOCK_VALUES // len(B))
    for start in range(0, len(A), n_block):
        rows = slice(start, min(start + n_block, len(A)))
        sizes = square_a[rows, None] + square_b
        squared = -2 * (A[rows] @ B.T)
        squared += sizes
        np.maximum(squared, 0, out=squared)
        sizes *= bound
        yield rows, squared, sizes
