"""The spectrum distance on signals whose spectra are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import periodogram

from bioaug.exceptions import DataError
from bioaug.metrics.fidelity.spectra import spectrum_distance


def noise(n_samples: int, seed: int, n_timesteps: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_samples, 1, n_timesteps))


@pytest.mark.parametrize(("gain", "decibels"), [(2, 6.0206), (0.1, 20), (1, 0)])
def test_a_gain_is_its_decibels(gain: float, decibels: float) -> None:
    A = noise(300, 0)
    found = spectrum_distance(A, gain * A, n_null=0)
    assert found.details["plain"] == pytest.approx(decibels, abs=0.01)
    assert found == pytest.approx(decibels, abs=0.05)


def test_plain_agrees_with_scipy() -> None:
    A, B = noise(30, 0), noise(20, 1) * 1.5
    found = spectrum_distance(A, B, n_null=0).details["plain"]
    power = [
        periodogram(X, window="hann", detrend="constant", scaling="density")[1][..., 1:]
        for X in (A, B)
    ]
    difference = np.subtract(*(10 * np.log10(p).mean(axis=0) for p in power))
    assert found == pytest.approx(np.sqrt((difference**2).mean()), abs=1e-3)


def test_new_noise_is_near_zero_at_any_number_of_rows() -> None:
    values = [spectrum_distance(noise(n, 0), noise(n, 1), n_null=0) for n in (20, 100, 1000)]
    assert max(values) < 0.6


def test_phase_is_not_heard() -> None:
    A = noise(200, 0)
    assert spectrum_distance(A, A[..., ::-1], n_null=0) < 0.05


def test_bands_are_signed_and_of_each_channel() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(100) / 100
    A = rng.normal(size=(200, 2, 100))
    B = rng.normal(size=(200, 2, 100))
    B[:, 1] += 3 * np.sin(2 * np.pi * (10 * time + rng.random((200, 1))))
    bands = {"low": (5, 15), "high": (30, 50)}
    found = spectrum_distance(A, B, sampling_rate=100, bands=bands, n_null=0).details["bands"]
    assert found["low"][1] > 5
    np.testing.assert_allclose([found["low"][0], *found["high"]], 0, atol=0.5)
    lost = spectrum_distance(B, A, sampling_rate=100.0, bands=bands, n_null=0).details["bands"]
    assert lost["low"][1] == pytest.approx(-found["low"][1], abs=0.01)


def test_silence_is_far_but_finite() -> None:
    found = spectrum_distance(noise(20, 0), np.zeros((20, 1, 64)), n_null=0)
    assert 50 < found < 100


def test_bad_settings_are_named() -> None:
    A = noise(20, 0)
    with pytest.raises(DataError, match=r"sampling_rate.*where 'bands' are"):
        spectrum_distance(A, A, bands={"alpha": (8, 13)})
    with pytest.raises(DataError, match="'alpha' from 100 to 130"):
        spectrum_distance(A, A, sampling_rate=64, bands={"alpha": (100, 130)})
    with pytest.raises(DataError, match="sampling_rate"):
        spectrum_distance(A, A, sampling_rate=-1)
    with pytest.raises(DataError, match=r"at least 4 time steps. Got 3"):
        spectrum_distance(A[..., :3], A[..., :3])
