"""Features of heart beats and of brain waves."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import welch

from bioaug.core.checks import POSITIVE, Interval, as_3d, check_number
from bioaug.exceptions import DataError
from bioaug.metrics.base.pairs import check_set

Features = dict[str, NDArray[np.float64]]  # each of shape (n, n_channels)

BANDS = {  # Hz
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
SLOPE_BAND = (2.0, 40.0)  # Hz
# Milliseconds, relative to the R peak or to the end of the QRS complex.
BASELINE, PEAK_SEARCH, QRS_SEARCH, ST = (-100, -60), (-60, 60), (-150, 170), (40, 80)
SLOPE_WINDOW, GAP = 12, 40  # ms: over which the slope is taken, and flat parts that a QRS may have
STEEP = 0.12  # of the beat's greatest slope: more is QRS complex
LEAST_MS = (160, 200)  # before and after the R peak
LEAST_EEG, WELCH_SECONDS = 0.5, 2.0  # s


def ecg_features(X: ArrayLike, *, sampling_rate: float, r_peak: int | None = None) -> Features:
    """Measure every heart beat: R amplitude, QRS height and width, ST level.

    Parameters
    ----------
    X : array-like of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        One beat a row, with 160 ms before its R peak and 200 ms after it.
    sampling_rate : float
        In Hz.
    r_peak : int, optional
        Index of the R peak in every row; where the mean distance from the rows' medians is
        largest by default.

    Returns
    -------
    features : dict of str to ndarray of shape (n, n_channels)
        - ``r_amplitude``: the value furthest from the baseline up to 60 ms from the R peak, minus
          the baseline; negative where the beat points down; in the units of `X`.
        - ``qrs_height``: highest minus lowest value in the QRS complex, in the units of `X`.
        - ``qrs_width``: from its begin to its end, in milliseconds.
        - ``st_level``: the mean from 40 to 80 ms after its end (or the row's last 40 ms), minus
          the baseline; in the units of `X`.

    Raises
    ------
    DataError
        For rows that cannot be used or are too short around the R peak.

    Notes
    -----
    The baseline is the median from 100 to 60 ms before the R peak. The QRS complex is where the
    slope over 12 ms is above 12 % of the beat's greatest slope up to 60 ms from the R peak, from
    there on in both directions, over flat parts of up to 40 ms, at most 150 ms before and 170 ms
    after the R peak, less what the 12 ms reach beyond its ends. So a complex of straight lines has
    its width to one sample. Cardiologists mark the first and the last departure from the line
    between waves: the widths that they gave 1,800 beats of LUDB are 25 to 41 ms larger in the
    median, depending on the lead. These simple rules compare sets of beats; they do not replace a
    delineator.

    Examples
    --------
    >>> from bioaug.datasets import make_ecg
    >>> from bioaug.metrics import ecg_features
    >>> ecg = make_ecg(40, classes=("N", "V"), random_state=0)
    >>> width = ecg_features(ecg.data, sampling_rate=360, r_peak=90)["qrs_width"]
    >>> bool(width[ecg.target == "V"].mean() > width[ecg.target == "N"].mean())
    True
    """
    X = as_3d(check_set(X, None, owner="ecg_features")[0]).astype(np.float64)
    peak = find_r_peak(X, sampling_rate, r_peak, owner="ecg_features")
    return ecg_features_of(X, sampling_rate, peak)


def eeg_features(X: ArrayLike, *, sampling_rate: float) -> Features:
    """Measure the power of the EEG's bands, and how fast it falls with frequency.

    Parameters
    ----------
    X : array-like of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        At least half a second each.
    sampling_rate : float
        In Hz.

    Returns
    -------
    features : dict of str to ndarray of shape (n, n_channels)
        - ``delta`` (0.5 to 4 Hz), ``theta`` (4 to 8), ``alpha`` (8 to 13), ``beta`` (13 to 30)
          and ``gamma`` (30 to 45): log10 of the power, in the squared units of `X`.
        - ``slope``: of a straight line through log10 power over log10 frequency from 2 to 40 Hz;
          minus the exponent of 1/f noise.

        What the sampling rate or the length does not reach is left out.

    Raises
    ------
    DataError
        For rows that cannot be used or are too short.

    Notes
    -----
    Power densities are Welch's [1]_, by Hann windows of two seconds or of the whole row where
    that is shorter, each without its mean.

    References
    ----------
    .. [1] Welch PD, "The use of fast Fourier transform for the estimation of power spectra",
       IEEE Transactions on Audio and Electroacoustics 15(2):70-73, 1967.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import eeg_features
    >>> alpha = 20 * np.sin(2 * np.pi * 10 * np.arange(500) / 250)
    >>> features = eeg_features(alpha[None], sampling_rate=250)
    >>> max(("delta", "theta", "alpha", "beta", "gamma"), key=lambda name: features[name][0, 0])
    'alpha'
    >>> round(float(10 ** features["alpha"][0, 0]))  # half of the squared amplitude
    200
    """
    X = as_3d(check_set(X, None, owner="eeg_features")[0]).astype(np.float64)
    return eeg_features_of(X, sampling_rate, owner="eeg_features")


def find_r_peak(X: NDArray, sampling_rate: float, r_peak: int | None, *, owner: str) -> int:
    """Return the checked index of the R peak in the rows of 3-D `X`; None finds it."""
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner=owner)
    n_timesteps = X.shape[2]
    if r_peak is None:
        height = np.abs(X - np.median(X, axis=2, keepdims=True)).mean(axis=(0, 1))
        r_peak = int(height.argmax())
    inside = Interval(Integral, 0, n_timesteps, closed="left")
    check_number(r_peak, inside, name="r_peak", owner=owner, optional=True)
    before, after = (needed * sampling_rate / 1000 for needed in LEAST_MS)
    if r_peak < before or n_timesteps - r_peak < after:
        raise DataError(
            f"The rows of {owner} must have {LEAST_MS[0]} ms before the R peak and {LEAST_MS[1]} "
            f"ms after it. Got {r_peak} and {n_timesteps - r_peak} samples at {sampling_rate:g} "
            "Hz. Give longer rows, or the right 'r_peak' and 'sampling_rate'."
        )
    return r_peak


def ecg_features_of(X: NDArray, sampling_rate: float, r_peak: int) -> Features:
    """Return the features of 3-D `X`; see `ecg_features`."""

    def span(ms: tuple[int, int]) -> slice:
        first, last = (round(r_peak + t * sampling_rate / 1000) for t in ms)
        return slice(max(first, 0), min(last + 1, X.shape[2]))

    centred = X - np.median(X[..., span(BASELINE)], axis=2, keepdims=True)
    peak = centred[..., span(PEAK_SEARCH)]
    furthest = np.abs(peak).argmax(axis=2)[..., None]
    begin, end = _qrs(centred, sampling_rate, r_peak, span)
    times = np.arange(X.shape[2])
    in_qrs = (times >= np.floor(begin)[..., None]) & (times <= np.ceil(end)[..., None])
    highest = np.where(in_qrs, centred, -np.inf).max(axis=2)
    lowest = np.where(in_qrs, centred, np.inf).min(axis=2)
    length = (ST[1] - ST[0]) * sampling_rate / 1000
    first = np.minimum(end + ST[0] * sampling_rate / 1000, X.shape[2] - length)
    in_st = (times >= first[..., None]) & (times < first[..., None] + length)
    return {
        "r_amplitude": np.take_along_axis(peak, furthest, axis=2)[..., 0],
        "qrs_height": highest - lowest,
        "qrs_width": (end - begin) * 1000 / sampling_rate,
        "st_level": (centred * in_st).sum(axis=2) / in_st.sum(axis=2),
    }


def _qrs(
    X: NDArray, sampling_rate: float, r_peak: int, span: Callable[[tuple[int, int]], slice]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times in samples at which each beat's QRS complex begins and ends."""
    half = max(1, round(SLOPE_WINDOW * sampling_rate / 2000))
    slope = np.zeros_like(X)
    slope[..., half:-half] = np.abs(X[..., 2 * half :] - X[..., : -2 * half])
    greatest = slope[..., span(PEAK_SEARCH)].max(axis=2, keepdims=True)
    steep = slope > STEEP * greatest
    window, gap = span(QRS_SEARCH), GAP * sampling_rate / 1000
    before = _last_steep(steep[..., window.start : r_peak + 1][..., ::-1], gap)
    after = _last_steep(steep[..., r_peak : window.stop], gap)
    # The slope over a window reaches its threshold before the window's middle is at the edge.
    reach = half * (1 - 2 * STEEP)
    return r_peak - np.maximum(before - reach, 0), r_peak + np.maximum(after - reach, 0)


def _last_steep(steep: NDArray, gap: float) -> NDArray[np.int64]:
    """Return how many steps from the first the last steep one is, over gaps up to `gap`."""
    last = np.zeros(steep.shape[:-1], np.int64)
    for step in range(steep.shape[-1]):
        last = np.where(steep[..., step] & (step - last <= gap), step, last)
    return last


def eeg_features_of(X: NDArray, sampling_rate: float, *, owner: str) -> Features:
    """Return the features of 3-D `X`; see `eeg_features`."""
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner=owner)
    n_timesteps = X.shape[2]
    if n_timesteps < LEAST_EEG * sampling_rate:
        raise DataError(
            f"The rows of {owner} must last at least {LEAST_EEG} s. Got {n_timesteps} samples at "
            f"{sampling_rate:g} Hz. Give longer rows, or the right 'sampling_rate'."
        )
    n_window = min(n_timesteps, round(WELCH_SECONDS * sampling_rate))
    frequencies, density = welch(X, sampling_rate, nperseg=n_window, detrend="constant")
    # A flat row has no power at all, and the logarithm needs some.
    density = np.maximum(density, 1e-15 * max(density.max(), np.finfo(float).tiny / 1e-15))
    width = frequencies[1]
    features = {}
    for name, (low, high) in BANDS.items():
        within = (frequencies >= low) & (frequencies < high)
        if within.any() and high <= sampling_rate / 2:
            features[name] = np.log10(density[..., within].sum(axis=2) * width)
    within = (frequencies >= SLOPE_BAND[0]) & (frequencies <= SLOPE_BAND[1])
    if within.sum() > 2:
        x = np.log10(frequencies[within])
        x -= x.mean()
        features["slope"] = np.log10(density[..., within]) @ x / (x @ x)
    if not features:
        raise DataError(
            f"The 'sampling_rate' parameter of {owner} must reach a band of the EEG: at least 8 Hz "
            f"for that up to 4 Hz. Got {sampling_rate:g} Hz. Give the right one."
        )
    return features
