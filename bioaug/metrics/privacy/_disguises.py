"""Nearest training rows of signals that may be shifted, scaled, turned over or reversed copies.

Every search returns the distances to the nearest and to the second nearest *different* row, so
that a copy stands out from rows that merely resemble each other: the ratio of both is 0 for a copy
and near 1 for a signal between many similar ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import NDArray
from scipy.fft import next_fast_len

EQUAL = 1e-2  # of a row's own size: two recordings of a beat are never that near
N_COARSE = 40  # time steps that signals are averaged down to for a first look
N_CANDIDATES = 8  # rows of every preselection whose exact distance is found
MOST_LAG = 0.25  # of the time steps, between a signal and a shifted one
LEAST_ENERGY = 0.5  # of either signal, in their overlap
_BLOCK_VALUES = 2**22  # numbers held at once: 32 MiB in float64
_FLAT = 1e-9  # of a channel's size, below which its variation is rounding

Search = Callable[..., "Neighbours"]


class Neighbours(NamedTuple):
    """The nearest training rows of some rows.

    Attributes
    ----------
    training_row : ndarray of shape (n_rows,)
        The nearest training row.
    nearest, second : ndarray of shape (n_rows,)
        The distance to it, and to the nearest training row that differs from it.
    size : ndarray of shape (n_rows,)
        The row's own size, in the unit of the distances; 0 for rows without any variation, which
        are copies of nothing.
    """

    training_row: NDArray[np.int64]
    nearest: NDArray[np.float64]
    second: NDArray[np.float64]
    size: NDArray[np.float64]

    @property
    def ratio(self) -> NDArray[np.float64]:
        """The nearest distance over the second one; near 0 for a copy."""
        usable = (self.second > 0) & (self.size > 0)
        return np.where(usable, self.nearest / np.where(usable, self.second, 1), 1.0)

    @property
    def equal(self) -> NDArray[np.bool_]:
        """Whether the nearest training row is (nearly) equal."""
        return (self.nearest <= EQUAL * self.size) & (self.size > 0)


def plain_neighbours(rows: NDArray, train: NDArray, *, itself: NDArray | None = None) -> Neighbours:
    """Return the nearest training rows by the Euclidean distance.

    Parameters
    ----------
    rows, train : ndarray of shape (n, n_channels, n_timesteps)
    itself : ndarray of shape (n_rows,), optional
        Which training row every row is, where they are training rows: none is its own neighbour.
    """
    middle = train.mean(axis=0)
    A, B = ((X - middle).reshape(len(X), -1) for X in (rows, train))
    size = np.where(_varies(rows).any(axis=1), np.linalg.norm(A, axis=1), 0.0)
    square = np.einsum("ij,ij->i", B, B)
    found = []
    for part in _blocks(len(A), len(B) + N_CANDIDATES * A.shape[1]):
        own = None if itself is None else itself[part]
        candidates = _smallest(square - 2 * (A[part] @ B.T), own)
        # By differences, not by the product, so that equal rows are at distance 0.
        distances = np.linalg.norm(A[part, None] - B[candidates], axis=2)
        found.append(_nearest_two(distances, candidates, size[part]))
    index, near, second = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return Neighbours(index, near, second, size)


def disguised_neighbours(
    rows: NDArray, train: NDArray, *, itself: NDArray | None = None
) -> Neighbours:
    """Return the nearest training rows whatever the shift, gain, sign, offset and time's direction.

    Parameters
    ----------
    rows, train : ndarray of shape (n, n_channels, n_timesteps)
    itself : ndarray of shape (n_rows,), optional
        Which training row every row is, where they are training rows: none is its own neighbour.

    Notes
    -----
    The distance is ``sqrt(2 (1 - r))``, that of two standardised signals with the correlation r:
    the largest, over all lags and both directions of time, of the mean over channels of
    ``|corr(a_c[t + lag], b_c[t])|``. Either a lag is circular, or it is at most a quarter of the
    time steps, and only the overlap counts, which must hold half of either signal's energy.

    Where there are many training rows, it is found for 16 candidates of each row: the 8 with the
    most similar magnitude spectrum, which no circular shift, sign, gain, offset or reversal
    changes, and the 8 that are nearest after every signal was averaged down to 40 time steps.
    """
    there, back, B = _Signals(rows), _Signals(rows[..., ::-1]), _Signals(train)
    size = np.where(there.varies.any(axis=1), np.sqrt(2.0), 0.0)
    spectra, spectra_of_train = there.magnitudes(), B.magnitudes()
    square = np.einsum("ij,ij->i", spectra_of_train, spectra_of_train)
    n_channels, n_fft = rows.shape[1], B.n_fft
    found = []
    for part in _blocks(len(rows), 3 * len(train) + 12 * N_CANDIDATES * n_channels * n_fft):
        own = None if itself is None else itself[part]
        by_spectrum = square - 2 * (spectra[part] @ spectra_of_train.T)
        by_shape = -_coarse_likeness(there.unit[part], B.unit)
        candidates = np.hstack([_smallest(near, own) for near in (by_spectrum, by_shape)])
        likeness = np.maximum(
            _likeness(there, part, B, candidates), _likeness(back, part, B, candidates)
        )
        distances = np.sqrt(2 * np.maximum(1 - likeness, 0))
        found.append(_nearest_two(distances, candidates, size[part]))
    index, near, second = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return Neighbours(index, near, second, size)


class _Signals:
    """Standardised signals, with what their correlations at all lags are found from."""

    def __init__(self, X: NDArray) -> None:
        n_timesteps = X.shape[-1]
        most_lag = int(n_timesteps * MOST_LAG)
        self.lags = np.arange(-most_lag, most_lag + 1)
        self.n_over = n_timesteps - np.abs(self.lags)
        self.n_fft = next_fast_len(n_timesteps + most_lag, real=True)
        self.varies = _varies(X)
        centred = X - X.mean(axis=-1, keepdims=True)
        norm = np.where(self.varies, np.linalg.norm(centred, axis=-1), np.inf)
        self.unit = centred / norm[..., None]
        self.circular = rfft(self.unit, axis=-1)
        self.padded = rfft(self.unit, self.n_fft, axis=-1)

    def magnitudes(self) -> NDArray[np.float64]:
        """Return the magnitude spectra, which hardly any disguise changes."""
        return np.abs(self.circular).reshape(len(self.circular), -1)

    def overlaps(self, rows: NDArray | slice, sign: int) -> tuple[NDArray, NDArray]:
        """Return the mean and the energy about it of the part of rows that overlaps at every lag.

        At a lag, a[lag:] of a row (sign 1) lies over b[:-lag] of a training row (sign -1).
        """
        unit = self.unit[rows]
        start = np.zeros((*unit.shape[:-1], 1))
        first = np.maximum(sign * self.lags, 0)
        last = unit.shape[-1] + np.minimum(sign * self.lags, 0)
        total, square = (
            sums[..., last] - sums[..., first]
            for sums in (
                np.concatenate([start, values.cumsum(axis=-1)], axis=-1)
                for values in (unit, unit**2)
            )
        )
        mean = total / self.n_over
        return mean, square - total * mean


def _coarse_likeness(A: NDArray, B: NDArray) -> NDArray[np.float32]:
    """Return the largest correlation over lags and directions of each row of A with each of B.

    The signals are averaged down to a few time steps first; the sum is over channels.
    """
    n_mean = max(1, A.shape[-1] // N_COARSE)
    A, B = (
        X[..., : X.shape[-1] // n_mean * n_mean]
        .reshape(*X.shape[:-1], -1, n_mean)
        .mean(axis=-1, dtype=np.float32)
        for X in (A, B)
    )
    n_timesteps = A.shape[-1]
    most_lag = int(n_timesteps * MOST_LAG)
    best = np.zeros((len(A), len(B)), np.float32)
    for lag in range(-most_lag, most_lag + 1):
        of_a = slice(max(lag, 0), n_timesteps + min(lag, 0))
        of_b = slice(max(-lag, 0), n_timesteps + min(-lag, 0))
        pieces_b = _standardised(B[..., of_b])
        for rows in (A, A[..., ::-1]):
            pieces_a = _standardised(rows[..., of_a])
            total = np.zeros_like(best)
            for channel in range(A.shape[1]):
                total += np.abs(pieces_a[:, channel] @ pieces_b[:, channel].T)
            np.maximum(best, total, out=best)
    return best


def _standardised(X: NDArray) -> NDArray[np.float32]:
    """Return pieces of signals without mean and of length 1; 0 where little of a signal is left."""
    X = X - X.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(X, axis=-1, keepdims=True)
    return np.where(norm > 0, X / np.where(norm > 0, norm, 1), 0)


def _likeness(A: _Signals, part: slice, B: _Signals, candidates: NDArray) -> NDArray[np.float64]:
    """Return the largest mean correlation over lags of some rows with their candidates."""
    known, place = np.unique(candidates, return_inverse=True)
    place = place.reshape(candidates.shape)
    cross = irfft(A.padded[part, None] * B.padded[candidates].conj(), A.n_fft, axis=-1)
    cross = cross[..., A.lags]
    (mean_a, energy_a), (mean_b, energy_b) = A.overlaps(part, 1), B.overlaps(known, -1)
    mean_a, energy_a, mean_b, energy_b = (
        mean_a[:, None],
        energy_a[:, None],
        mean_b[place],
        energy_b[place],
    )
    cross -= A.n_over * mean_a * mean_b
    enough = np.minimum(energy_a, energy_b) >= LEAST_ENERGY
    overlapping = np.where(
        enough, np.abs(cross) / np.sqrt(np.where(enough, energy_a * energy_b, 1)), 0
    )
    n_timesteps = A.unit.shape[-1]
    turned = irfft(A.circular[part, None] * B.circular[candidates].conj(), n_timesteps, axis=-1)
    # A channel that is flat in both has nothing to compare; one flat in one of both is unlike.
    varying = (A.varies[part][:, None] | B.varies[candidates]).sum(axis=-1)
    best = np.maximum(overlapping.sum(axis=2).max(axis=-1), np.abs(turned).sum(axis=2).max(axis=-1))
    return best / np.maximum(varying, 1)


def _nearest_two(
    distances: NDArray, candidates: NDArray, size: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the nearest candidate, its distance and that of the nearest one that differs.

    Training rows that are nearly as near as equal rows are one: so a row that was trained on twice
    is not its own second neighbour.
    """
    best = distances.argmin(axis=1)
    index = np.take_along_axis(candidates, best[:, None], axis=1)[:, 0]
    nearest = np.take_along_axis(distances, best[:, None], axis=1)[:, 0]
    different = (distances > EQUAL * size[:, None]) & (candidates != index[:, None])
    second = np.where(different, distances, np.inf).min(axis=1)
    return index, nearest, np.where(np.isfinite(second), second, np.maximum(nearest, EQUAL * size))


def _smallest(near: NDArray, own: NDArray | None) -> NDArray[np.int64]:
    """Return the columns of the smallest values of each row, without the row's own column."""
    if own is not None:
        near[np.arange(len(near)), own] = np.inf
    n_others = near.shape[1] - (own is not None)
    n_candidates = min(N_CANDIDATES, n_others)
    if n_candidates == near.shape[1]:
        return np.broadcast_to(np.arange(n_candidates), near.shape)
    return np.argpartition(near, n_candidates - 1, axis=1)[:, :n_candidates]


def _varies(X: NDArray) -> NDArray[np.bool_]:
    """Return which channels of which rows vary at all."""
    return np.ptp(X, axis=-1) > _FLAT * np.abs(X).max(axis=-1)


def _blocks(n_rows: int, values_per_row: int) -> list[slice]:
    n_block = max(1, _BLOCK_VALUES // max(values_per_row, 1))
    return [slice(start, min(start + n_block, n_rows)) for start in range(0, n_rows, n_block)]
