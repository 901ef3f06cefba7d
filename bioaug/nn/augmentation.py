"""Changes of signals that a discriminator sees, through which gradients flow to the generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bioaug.core.tensors import Scores, Signals

LARGEST_SHIFT = 0.05  # of the length, either way
LARGEST_GAIN = 0.2  # added to or taken from 1
LARGEST_WANDER = 0.2  # of the mean deviation of the batch
LARGEST_MASK = 0.2  # of the length
TARGET = 0.6  # how far the discriminator may be from guessing: mean sign of its scores
STEP = 2e-5  # change of the chance per signal seen


class Augmentation(nn.Module):
    """Shift, gain, baseline wander and a mask, each with a chance of its own per signal [1]_.

    Real and synthetic signals must both pass through it before the discriminator sees them: what
    is changed in both is not learned by the generator, as long as the chance stays below about
    0.8. With chance 0 signals pass untouched.

    Parameters
    ----------
    chance : float or "adaptive"
        "adaptive" begins at 0 and rises by a small step whenever the discriminator tells its real
        rows too surely, and falls otherwise [2]_.

    References
    ----------
    .. [1] Zhao et al. (2020). "Differentiable augmentation for data-efficient GAN training."
       NeurIPS 33.
    .. [2] Karras et al. (2020). "Training generative adversarial networks with limited data."
       NeurIPS 33.
    """

    chance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("chance", torch.zeros(()))

    def adapt(self, real: Scores) -> None:
        """Move the chance towards where real scores are positive in 8 of 10 signals."""
        too_sure = torch.sign(torch.sign(real.detach()).mean() - TARGET)
        self.chance.add_(STEP * len(real) * too_sure).clamp_(0, 0.8)

    def forward(self, signals: Signals, chance: Tensor | float) -> Signals:
        """Return signals of the same shape, some of them changed."""
        for change in (_shift, _gain, _wander, _mask):
            chosen = torch.rand(len(signals), 1, 1, device=signals.device) < chance
            signals = torch.where(chosen, change(signals), signals)
        return signals


def _shift(signals: Signals) -> Signals:
    """Move each signal by a whole number of steps; the ends repeat their last value."""
    n, device = signals.shape[2], signals.device
    most = int(LARGEST_SHIFT * n)
    by = torch.randint(-most, most + 1, (len(signals), 1), device=device)
    places = (torch.arange(n, device=device) + by).clamp(0, n - 1)
    return signals.gather(2, places[:, None].expand_as(signals))


def _gain(signals: Signals) -> Signals:
    return signals * (1 + LARGEST_GAIN * _uniform(signals))


def _wander(signals: Signals) -> Signals:
    """Add half a wave or less, at a random phase, to every channel of a signal alike."""
    time = torch.linspace(0, torch.pi, signals.shape[2], device=signals.device)
    wave = torch.sin(time * _uniform(signals) + torch.pi * _uniform(signals))
    return signals + LARGEST_WANDER * signals.detach().std() * _uniform(signals) * wave


def _mask(signals: Signals) -> Signals:
    """Set a stretch of each signal to 0."""
    n, device = signals.shape[2], signals.device
    width = LARGEST_MASK * n * torch.rand(len(signals), 1, 1, device=device)
    start = torch.rand(len(signals), 1, 1, device=device) * n - width / 2
    time = torch.arange(n, device=device)
    return signals * ((time < start) | (time >= start + width))


def _uniform(signals: Signals) -> Tensor:
    """Return one number in [-1, 1] per signal."""
    return 2 * torch.rand(len(signals), 1, 1, device=signals.device) - 1
