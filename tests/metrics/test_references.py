"""Where published code scores wrongly, on a few numbers: what docs/scores.md says of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from toys import make_rows

from bioaug.metrics import coherence_map, discriminative_score, mmd, predictive_score


def column(*values: float) -> NDArray:
    return np.array(values, dtype=float)[:, None]


def biased_mmd(real: NDArray, synthetic: NDArray, rate: float) -> float:
    """The MMD of tsgm and synthcity: means with the diagonal, kernel exp(-rate |a - b|^2)."""
    both = np.concatenate([real, synthetic])
    kernel = np.exp(-rate * ((both[:, None] - both) ** 2).sum(axis=2))
    n = len(real)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def test_mmd_of_a_fixed_width_is_its_floor_whatever_the_rows():
    real, near, far = column(0, 10, 20, 30), column(5, 15, 25, 35), column(105, 115, 125, 135)
    floor = 1 / 4 + 1 / 4
    assert biased_mmd(real, near, rate=1) == pytest.approx(floor, abs=1e-6)
    assert biased_mmd(real, far, rate=1) == pytest.approx(floor, abs=1e-6)
    assert mmd(real, near, n_null=0, random_state=0) < 0
    assert mmd(real, far, n_null=0, random_state=0) > 0.5


def test_mmd_with_the_median_distance_as_rate_forgives_noise():
    """StaGAN's code: the rate of the kernel is the median distance from real to synthetic rows."""
    rng = np.random.default_rng(0)
    real, fresh = 3 * rng.normal(size=(2, 100, 30))
    noise = 30 * rng.normal(size=(100, 30))

    def scored(synthetic: NDArray) -> float:
        apart = np.sqrt(((real[:, None] - synthetic) ** 2).sum(axis=2))
        return biased_mmd(real, synthetic, float(np.median(apart)))

    assert scored(noise) == pytest.approx(scored(fresh), abs=1e-6)  # the kernel is 0 everywhere
    assert mmd(real, noise, n_null=0, random_state=0) > 0.1
    assert mmd(real, fresh, n_null=0, random_state=0) < 0.01


def test_timegan_scores_are_not_defined_for_one_channel():
    n_channels = 1
    with pytest.raises(ValueError, match="hidden_size"):  # TimeGAN's state has half as many values
        torch.nn.GRU(n_channels, n_channels // 2)
    rows = make_rows((60, 12))
    assert rows[:, None, :].transpose(0, 2, 1)[..., :-1].size == 0  # its forecaster's input
    given = {"n_null": 0, "random_state": 0}
    assert 0 <= discriminative_score(rows[:30], rows[30:], classifier="gru", **given) <= 0.5
    assert predictive_score(rows[:30], rows[30:], n_steps=3, **given) > 0


def test_coherence_without_smoothing_is_one_for_any_two_signals():
    first, second = np.array([[1 + 2j, 3j], [2.0, -1 + 1j]])  # coefficients of two signals
    unsmoothed = np.abs(first * second.conj()) ** 2 / (np.abs(first) ** 2 * np.abs(second) ** 2)
    assert unsmoothed == pytest.approx(1)
    first, second = make_rows((2, 256))
    assert coherence_map(first, second).mean() < 0.8
