"""Simulated noise of ambulatory recordings: muscles, mains hum, breathing, drift, offset."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioaug.datasets._simulator_tables import (
    MUSCLE_BAND_HZ,
    MUSCLE_LOG_LEVEL,
    OFFSET_STD,
    SLOW_WAVES,
    SlowWave,
)


def add_noise(
    signals: NDArray[np.float32],
    patient: NDArray[np.int64],
    *,
    n_patients: int,
    sampling_rate: float,
    scale: float,
    rng: np.random.Generator,
) -> None:
    """Add noise in place; every patient has a level of each kind.

    Parameters
    ----------
    signals : ndarray of shape (n_samples, n_leads, n_timesteps)
        In millivolts.
    patient : ndarray of shape (n_samples,)
    n_patients : int
    sampling_rate : float
        In Hz.
    scale : float
        1 is the usual level of an ambulatory recording.
    rng : numpy.random.Generator
    """
    n_samples, n_leads, n_timesteps = signals.shape
    shape = (n_patients, n_leads)
    muscle = rng.lognormal(*MUSCLE_LOG_LEVEL, shape)[patient]
    # Muscles are not equally tense at all times.
    muscle = scale * muscle * rng.lognormal(0, 0.35, (n_samples, 1))
    signals += muscle[..., np.newaxis].astype(np.float32) * _muscle_noise(
        signals.shape, sampling_rate, rng
    )
    seconds = np.arange(n_timesteps, dtype=np.float32) / sampling_rate
    waves = [
        (_frequencies(wave, n_patients, rng), rng.lognormal(*wave.log_level, shape))
        for wave in SLOW_WAVES
    ]
    for frequency, height in waves:
        if frequency.max() >= sampling_rate / 2:
            continue
        phase = rng.uniform(0, 2 * np.pi, (n_samples, 1)).astype(np.float32)
        turns = 2 * np.pi * frequency[patient, np.newaxis].astype(np.float32) * seconds
        wave = np.sin(turns + phase)[:, np.newaxis]
        signals += (scale * height[patient, :, np.newaxis]).astype(np.float32) * wave
    offset = rng.normal(0, OFFSET_STD, shape)[patient, :, np.newaxis]
    signals += (scale * offset).astype(np.float32)


def _frequencies(wave: SlowWave, n_patients: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the frequency of a wave in every patient, in Hz."""
    low, high = wave.hertz
    return np.full(n_patients, low) if low == high else rng.uniform(low, high, n_patients)


def _muscle_noise(
    shape: tuple[int, int, int], sampling_rate: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise of standard deviation 1 in the band of muscles, below the Nyquist frequency."""
    reach = math.ceil(sampling_rate / MUSCLE_BAND_HZ[0])
    # The Fourier transform makes the noise a circle, which is cut open by dropping some of it.
    white = rng.standard_normal((*shape[:2], shape[2] + reach), dtype=np.float32)
    frequency = np.fft.rfftfreq(white.shape[2], 1 / sampling_rate)
    low, high = MUSCLE_BAND_HZ
    gain = 1 / np.sqrt(
        (1 + (low / np.maximum(frequency, 0.1)) ** 4) * (1 + (frequency / high) ** 4)
    )
    power = np.full(len(gain), 2.0)
    power[0] = 1.0
    gain /= np.sqrt((power * gain**2).sum() / white.shape[2])
    spectrum = np.fft.rfft(white) * gain.astype(np.float32)
    return np.fft.irfft(spectrum, n=white.shape[2])[..., : shape[2]].astype(np.float32)
