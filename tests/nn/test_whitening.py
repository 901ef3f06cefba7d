from __future__ import annotations

import pytest
import torch

from bioaug.nn.axes import MAX_AXES
from bioaug.nn.outliers import drawn_in
from bioaug.nn.whitening import Whitening


def rows(n_samples=400, n_channels=2, n_timesteps=24, seed=0):
    generator = torch.Generator().manual_seed(seed)
    walks = torch.randn(n_samples, n_channels, n_timesteps, generator=generator).cumsum(dim=2)
    return walks / walks.abs().max()


def test_before_fit_nothing_changes():
    signals = rows()
    whitening = Whitening(2, 24, left=0.5)
    assert torch.equal(whitening(signals), signals)
    assert torch.equal(whitening.inverse(signals), signals)


@pytest.mark.parametrize("left", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_timesteps", [1, 2, 24, MAX_AXES + 20])
def test_inverse_takes_the_map_back(left, n_timesteps):
    signals = rows(n_timesteps=n_timesteps)
    whitening = Whitening(2, n_timesteps, left=left)
    whitening.fit(signals, torch.zeros(400, dtype=torch.int64))
    back = whitening.inverse(whitening(signals))
    torch.testing.assert_close(back, signals, rtol=0, atol=1e-3)
    assert back.dtype == torch.float32


@pytest.mark.parametrize("left", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_timesteps", [2, 24, MAX_AXES + 20])
def test_training_rows_get_mean_0_and_mean_square_1(left, n_timesteps):
    signals = rows(n_samples=1000, n_timesteps=n_timesteps)
    whitening = Whitening(2, n_timesteps, left=left)
    whitening.fit(signals, torch.zeros(1000, dtype=torch.int64))
    whitened = whitening(signals)
    torch.testing.assert_close(whitened.mean(dim=0), torch.zeros(2, n_timesteps), rtol=0, atol=1e-3)
    torch.testing.assert_close(whitened.square().mean(dim=(0, 2)), torch.ones(2), rtol=1e-2, atol=0)


def test_left_0_whitens_fully():
    signals = rows(n_channels=1, n_timesteps=8)
    whitening = Whitening(1, 8, left=0.0)
    whitening.fit(signals, torch.zeros(400, dtype=torch.int64))
    whitened = whitening(signals)[:, 0]
    torch.testing.assert_close(whitened.T @ whitened / 400, torch.eye(8), rtol=0, atol=1e-3)


def test_left_1_only_shifts_and_scales():
    signals = rows(n_channels=1)
    whitening = Whitening(1, 24, left=1.0)
    whitening.fit(signals, torch.zeros(400, dtype=torch.int64))
    centred = signals - signals.mean(dim=0)
    factor = centred.square().mean().rsqrt()
    torch.testing.assert_close(whitening(signals), centred * factor, rtol=0, atol=1e-3)


def test_every_class_weighs_the_same():
    few, many = rows(20, seed=1), rows(400, seed=2)
    once, often = Whitening(2, 24, left=0.5), Whitening(2, 24, left=0.5)
    once.fit(torch.cat([few, many]), torch.tensor([0] * 20 + [1] * 400))
    often.fit(torch.cat([few.repeat(20, 1, 1), many]), torch.tensor([0] * 400 + [1] * 400))
    signals = rows(5, seed=3)
    torch.testing.assert_close(once(signals), often(signals), rtol=0, atol=1e-4)
    means = [drawn_in(part, torch.zeros(len(part)).long()).mean(dim=0) for part in (few, many)]
    torch.testing.assert_close(once.mean, (means[0] + means[1]) / 2)


def test_a_dead_channel_and_few_rows_stay_finite():
    signals = rows(3, n_timesteps=40)
    signals[:, 1] = 0.25
    whitening = Whitening(2, 40, left=0.5)
    whitening.fit(signals, torch.tensor([0, 0, 1]))
    assert torch.isfinite(whitening(signals)).all()
    torch.testing.assert_close(whitening.inverse(whitening(signals)), signals, rtol=0, atol=1e-3)


def test_the_fit_is_part_of_the_saved_weights():
    signals = rows()
    whitening, other = Whitening(2, 24, left=0.5), Whitening(2, 24, left=0.5)
    whitening.fit(signals, torch.zeros(400, dtype=torch.int64))
    other.load_state_dict(whitening.state_dict())
    assert torch.equal(other(signals), whitening(signals))
    assert not list(whitening.parameters())
