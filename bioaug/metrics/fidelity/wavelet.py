"""Morlet wavelet transform, smoothing, and coherence of all pairs of signals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pywt
from numpy.typing import NDArray

from bioaug.exceptions import DataError

# exp(i 6 t) exp(-t^2 / 2), the Morlet wavelet of Torrence and Compo.
WAVELET = pywt.ContinuousWavelet("cmor2.0-0.9549296585513721")  # pyright: ignore
CONE = 2**0.5  # edge effects reach this many scales into a signal
OCTAVES = 0.6  # width of the boxcar over scales
OCTAVE_STEP = 0.1  # between two scales
# In samples; the period is 1.03 times the scale. Below it the wavelet's spectrum is cut at half the
# sampling rate, which makes it ring through the whole signal.
SMALLEST_SCALE = 3.0
LEAST_TIMESTEPS = 16
REACH, FINE, COARSE = 5.0, 0.7, 1.5  # in scales: the Gaussian's half width, steps inside, between
SKIP = 2  # every second scale is looked at; the boxcar still holds all


def pairwise_coherence(
    rows: NDArray,
    sampling_rate: float | None = None,
    band: tuple[float, float] | None = None,
    *,
    owner: str,
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the coherence of all pairs of rows at every frequency, meaned over the cone.

    The smoothed cross-spectrum at one point is an inner product of what two transforms have
    around it, so one matrix product gives it for all pairs. Steps of 0.7 scales inside
    the Gaussian and of 1.5 scales between points lose next to nothing, since all is smooth there.

    Returns
    -------
    frequencies, weights : ndarray of shape (n_frequencies,)
        Points of the cone that a frequency stands for.
    tables : ndarray of shape (n_frequencies, n_rows, n_rows)
    """
    n_timesteps = rows.shape[2]
    scales = scales_of(n_timesteps, OCTAVE_STEP, owner=owner)
    frequencies = frequencies_of(scales, sampling_rate)
    low, high = band or (0.0, np.inf)
    chosen = np.flatnonzero((frequencies >= low) & (frequencies <= high))[::SKIP]
    if not len(chosen):
        raise DataError(
            f"The 'band' parameter of {owner} must hold frequencies between "
            f"{frequencies[-1]:.3g} and {frequencies[0]:.3g}. Got {band}. Widen it."
        )
    tables = np.zeros((len(chosen), len(rows), len(rows)))
    for channel in range(rows.shape[1]):
        W = transform(rows[:, channel], scales)
        for table, index in zip(tables, chosen, strict=True):
            vectors = list(_unit_vectors(W, scales, int(index)))
            for unit in vectors:
                product = unit @ unit.conj().T
                table += (product.real**2 + product.imag**2) / (len(vectors) * rows.shape[1])
    return frequencies[chosen], n_timesteps - 2 * CONE * scales[chosen], tables


def _unit_vectors(W: NDArray, scales: NDArray, index: int) -> Iterator[NDArray[np.complex64]]:
    """Yield, for points of time inside the cone, each row's transform around the point.

    Yields
    ------
    unit : ndarray of shape (n_rows, n_around), whose rows have length 1, or 0 without any power
    """
    scale, n_timesteps = scales[index], W.shape[2]
    box = _boxcar(OCTAVES / OCTAVE_STEP / 2)
    around = np.arange(len(box)) - len(box) // 2 + index
    kept = (around >= 0) & (around < len(scales))
    around, box = around[kept], box[kept]
    widths = scales[around][:, None]
    step = max(1, round(FINE * scale))
    reach = int(REACH * scale) // step
    offsets = np.arange(-reach, reach + 1) * step
    # Every scale is smoothed by its own Gaussian, of sum 1, and divided by itself, as in S.
    root = np.sqrt(box[:, None] * np.exp(-0.5 * (offsets / widths) ** 2)) / widths
    span = n_timesteps - 2 * CONE * scale
    n_points = max(1, round(span / (COARSE * scale)))
    middles = CONE * scale + span * (np.arange(n_points) + 0.5) / n_points - 0.5
    for middle in np.rint(middles).astype(int):
        times = middle + offsets
        valid = (times >= 0) & (times < n_timesteps)
        near = W[:, around[:, None], times[valid]] * root[:, valid]
        vectors = near.reshape(len(W), -1)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        yield (vectors / np.where(length > 0, length, 1)).astype(np.complex64)


def scales_of(n_timesteps: int, octave_step: float, *, owner: str) -> NDArray:
    """Return the scales, in samples, whose cone of influence is not empty."""
    if n_timesteps < LEAST_TIMESTEPS:
        raise DataError(
            f"The signals of {owner} must have at least {LEAST_TIMESTEPS} time steps. "
            f"Got {n_timesteps}. Leave this score out for signals that are so short."
        )
    largest = n_timesteps / 2 / CONE
    n_scales = int(np.log2(0.95 * largest / SMALLEST_SCALE) / octave_step) + 1
    return SMALLEST_SCALE * 2 ** (octave_step * np.arange(n_scales))


def frequencies_of(scales: NDArray, sampling_rate: float | None) -> NDArray:
    """Return the frequency of a sine to which each scale answers most."""
    centre = 2 * np.pi * WAVELET.center_frequency
    period = 4 * np.pi * scales / (centre + (2 + centre**2) ** 0.5)
    return (sampling_rate or 1.0) / period


def transform(x: NDArray, scales: NDArray) -> NDArray[np.complex128]:
    """Return the wavelet transform of shape (..., n_scales, n_timesteps), by way of Fourier's."""
    n_timesteps = x.shape[-1]
    centred = x - x.mean(axis=-1, keepdims=True)
    # What rounding leaves of a flat signal is no signal.
    largest = np.abs(x).max(axis=-1, keepdims=True)
    centred = np.where(np.abs(centred).max(axis=-1, keepdims=True) > 1e-12 * largest, centred, 0)
    n_padded = _power_of_two(2 * n_timesteps)
    omega = 2 * np.pi * np.fft.fftfreq(n_padded)
    centre = 2 * np.pi * WAVELET.center_frequency
    spread = WAVELET.bandwidth_frequency / 4  # of exp(-t^2 / bandwidth), over frequency
    psi = np.exp(-spread * (scales[:, None] * omega - centre) ** 2) * (omega > 0)
    psi *= np.sqrt(scales)[:, None]
    spectrum = np.fft.fft(centred, n_padded, axis=-1)[..., None, :]
    return np.fft.ifft(spectrum * psi, axis=-1)[..., :n_timesteps]


def smooth(spectrum: NDArray, scales: NDArray, half_width: float) -> NDArray[np.complex128]:
    """Smooth spectra of shape (..., n_scales, n_timesteps), divided by scale, as in S."""
    n_timesteps = spectrum.shape[-1]
    n_padded = _power_of_two(n_timesteps + int(4 * scales[-1]))
    omega = 2 * np.pi * np.fft.fftfreq(n_padded)
    gauss = np.exp(-0.5 * (scales[:, None] * omega) ** 2)
    moved = np.fft.fft(spectrum / scales[:, None], n_padded, axis=-1) * gauss
    in_time = np.fft.ifft(moved, axis=-1)[..., :n_timesteps]
    box = _boxcar(half_width)
    reach = len(box) // 2
    smoothed = np.zeros_like(in_time)
    n_scales = len(scales)
    for offset in range(-min(reach, n_scales - 1), min(reach, n_scales - 1) + 1):
        to = slice(max(0, -offset), n_scales - max(0, offset))
        source = slice(max(0, offset), n_scales - max(0, -offset))
        smoothed[..., to, :] += box[reach + offset] * in_time[..., source, :]
    return smoothed


def _boxcar(half_width: float) -> NDArray[np.float64]:
    """Return the weights of a boxcar of so many steps to either side; its ends count in part."""
    reach = int(np.ceil(half_width - 0.5))
    return np.clip(half_width + 0.5 - np.abs(np.arange(-reach, reach + 1)), 0, 1)


def _power_of_two(at_least: int) -> int:
    return 1 << (at_least - 1).bit_length()
