"""Windows around heartbeats: checks, removal of the baseline, resampling and cutting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, median_filter
from scipy.signal import oaconvolve

from bioaug.exceptions import DataError


def check_window(window: Sequence[int], *, owner: str) -> tuple[int, int]:
    """Return a window as (samples before the R peak, samples from it on), or raise a DataError."""
    if (
        isinstance(window, Sequence)
        and len(window) == 2
        and all(isinstance(n, Integral) and not isinstance(n, bool) for n in window)
        and window[0] >= 0
        and window[1] >= 1
    ):
        return int(window[0]), int(window[1])
    raise DataError(
        f"The 'window' parameter of {owner} must be two integers: samples before the R peak (0 or "
        f"more) and samples from it on (1 or more). Got {window!r} instead. Give for example "
        "(90, 110)."
    )


def check_sampling_rate(sampling_rate: float, *, owner: str) -> float:
    """Return a sampling rate in Hz, or raise a DataError."""
    if (
        isinstance(sampling_rate, Real)
        and not isinstance(sampling_rate, bool)
        and math.isfinite(sampling_rate)
        and sampling_rate > 0
    ):
        return float(sampling_rate)
    raise DataError(
        f"The 'sampling_rate' parameter of {owner} must be a positive number of Hz. Got "
        f"{sampling_rate!r} instead. Give for example 360."
    )


def subtract_baseline(signal: NDArray[np.float32], sampling_rate: float) -> NDArray[np.float32]:
    """Subtract what is left after a median filter of 200 ms and one of 600 ms.

    The first takes out the P waves and the QRS complexes, the second the T waves.

    Parameters
    ----------
    signal : ndarray of shape (n_timesteps,)
    sampling_rate : float
        In Hz.

    Returns
    -------
    signal : ndarray of shape (n_timesteps,)
    """
    baseline = signal
    for seconds in (0.2, 0.6):
        odd_width = 2 * round(seconds * sampling_rate / 2) + 1
        baseline = median_filter(baseline, odd_width, mode="nearest")
    return signal - baseline


def scale_window(window: tuple[int, int], rate: float, new_rate: float) -> tuple[int, int]:
    """Return how many samples a window has before and from its R peak on at another rate."""
    before, after = (round(n * new_rate / rate) for n in window)
    return before, max(after, 1)


def whole_windows(
    peaks: NDArray[np.int64],
    window: tuple[int, int],
    is_missing: NDArray[np.bool_],
    *,
    own_window: tuple[int, int],
    rate: float,
    new_rate: float,
) -> NDArray[np.bool_]:
    """Return which windows lie inside a recording and touch no missing sample.

    Parameters
    ----------
    peaks : ndarray of shape (n_samples,)
        Indices of the R peaks in the recording; those outside it have no window.
    window : tuple of two int
        Samples before and from the R peak on, counted at `new_rate`.
    is_missing : ndarray of shape (n_timesteps,)
    own_window : tuple of two int
        The same, counted at `rate`.
    rate, new_rate : float
        Sampling rate of the recording and of the windows, in Hz.
    """
    n_timesteps = len(is_missing)
    inside = (peaks >= own_window[0]) & (peaks + own_window[1] <= n_timesteps)
    n_missing = np.concatenate([[0], np.cumsum(is_missing)])
    first = np.floor(peaks - window[0] * (rate / new_rate)).astype(np.int64)
    last = np.ceil(peaks + (window[1] - 1) * (rate / new_rate)).astype(np.int64)
    until = n_missing[np.clip(last + 1, 0, n_timesteps)]
    return inside & (until == n_missing[np.clip(first, 0, n_timesteps)])


def fill_gaps(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a signal with straight lines through missing samples, so that filters stay finite."""
    is_missing = np.isnan(signal)
    if not is_missing.any():
        return np.ascontiguousarray(signal)
    filled = signal.copy()
    there = np.flatnonzero(~is_missing)
    filled[is_missing] = np.interp(np.flatnonzero(is_missing), there, signal[there])
    return filled


def cut_windows(
    signal: NDArray[np.float32],
    peaks: NDArray[np.int64],
    window: tuple[int, int],
    *,
    rate: float,
    new_rate: float,
) -> NDArray[np.float32]:
    """Cut the window around each R peak out of one lead, at another sampling rate if wanted.

    Parameters
    ----------
    signal : ndarray of shape (n_timesteps,)
    peaks : ndarray of shape (n_samples,)
        Indices of the R peaks in `signal`.
    window : tuple of two int
        Samples before and from the R peak on, counted at `new_rate`.
    rate, new_rate : float
        Sampling rate of the signal and of the windows, in Hz.

    Returns
    -------
    windows : ndarray of shape (n_samples, sum(window))
        The R peak is at index ``window[0]``, at every rate.
    """
    before, after = window
    if new_rate == rate:
        return sliding_window_view(signal, before + after)[peaks - before]
    if new_rate < rate:
        signal = _low_pass(signal, new_rate / rate)
    # Sampled at times counted from the R peak, so that resampling never moves it.
    times = peaks[:, np.newaxis] + np.arange(-before, after) * (rate / new_rate)
    windows = map_coordinates(signal, times[np.newaxis], order=3, mode="nearest")
    return np.asarray(windows, dtype=np.float32)


def _low_pass(signal: NDArray[np.float32], cutoff: float) -> NDArray[np.float32]:
    """Remove what lies above `cutoff`, a fraction of the Nyquist frequency, without delay."""
    half = math.ceil(10 / cutoff)
    taps = np.sinc(cutoff * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, 5.0)
    taps = (taps / taps.sum()).astype(np.float32)
    return oaconvolve(np.pad(signal, half, mode="edge"), taps, mode="valid")
