"""Augmentation without training: noise, gain, time warping, draws between neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bioaug.core.row_noise import RowNoise
from bioaug.core.tensors import Signals
from bioaug.nn.parzen import ManifoldParzen
from bioaug.synthesis.codec import SignalCodec

NOISE_STD = 0.03  # of the channel's standard deviation
GAIN_STD = 0.1  # of the logarithm
WARP_STD = 0.02  # of the length, of each half wave
N_WAVES = 3  # half waves that a time warp is the sum of
NOISE_FRACTION = 0.9  # of a row's offset from the mean of its neighbours, drawn anew by "local"
BLOCK = 4096  # rows generated in one go


@dataclass(frozen=True)
class Method:
    """One way of augmenting without training.

    Attributes
    ----------
    transform : callable or None
        What is done to the signals of a random row; None draws between a row and its neighbours.
    makes_near_copies : bool
        Whether rows are close to a real one by design, so that the filter's "auto" skips them.
    """

    transform: Callable[[Signals], Signals] | None
    makes_near_copies: bool


@dataclass
class ClassicalMethod:
    """The rows of one class, and the method by which new ones are generated from them.

    Parameters
    ----------
    name : str
        One of `classical_methods()`.
    codec : SignalCodec
    signals : Tensor of shape (n_rows, n_channels, n_timesteps)
        Encoded.
    gaussians : ManifoldParzen or None
        Where the method has no transform.
    """

    name: str
    codec: SignalCodec
    signals: Signals
    gaussians: ManifoldParzen | None

    @classmethod
    def fit(cls, name: str, X: NDArray, n_features: int = 0) -> ClassicalMethod:
        """Take the rows of one class.

        Transforms only add a little noise to the last `n_features` values of each row.
        """
        labels = np.zeros(len(X), np.int64)
        codec = SignalCodec.fit(X, labels, n_features)
        signals, codes = codec.encode(X, labels)
        gaussians = None
        if METHODS[name].transform is None:
            gaussians = ManifoldParzen(signals.flatten(1), codes, NOISE_FRACTION)
        return cls(name, codec, signals, gaussians)

    @torch.no_grad()
    def generate(self, seeds: NDArray[np.int64]) -> NDArray:
        """Return one new row per seed, from a row that the seed chooses."""
        starts = range(0, len(seeds), BLOCK)
        return np.concatenate([self._block(torch.from_numpy(seeds[i : i + BLOCK])) for i in starts])

    def _block(self, seeds: Tensor) -> NDArray:
        with RowNoise(seeds):
            rows = (torch.rand(len(seeds), dtype=torch.float64) * len(self.signals)).long()
            return self.codec.decode(self._varied(rows))

    def _varied(self, rows: Tensor) -> Signals:
        signals = self.signals[rows]
        if self.gaussians is not None:
            return self.gaussians.draw(rows).view_as(signals)
        end = signals.shape[2] - len(self.codec.feature_low)
        features = signals[..., end:]
        std = self.signals.std(dim=0, correction=0)[..., end:]
        features = features + NOISE_STD * std * torch.randn_like(features)
        transform: Any = METHODS[self.name].transform  # not None, for there are no Gaussians
        return torch.cat([transform(signals[..., :end]), features], dim=2)


def classical_methods() -> list[str]:
    """Return the names of the methods that need no training."""
    return list(METHODS)


def jitter(signals: Signals) -> Signals:
    """Add white noise, of 0.03 of every channel's standard deviation."""
    std = signals.std(dim=2, keepdim=True, correction=0)
    return signals + NOISE_STD * std * torch.randn_like(signals)


def scale(signals: Signals) -> Signals:
    """Change the gain of every row by a factor, of standard deviation 0.1 in logarithm."""
    return signals * (GAIN_STD * torch.randn(len(signals), 1, 1)).exp()


def warp(signals: Signals) -> Signals:
    """Bend time smoothly, by about 0.02 of the length; the ends stay [1]_.

    References
    ----------
    .. [1] Um et al. (2017). "Data augmentation of wearable sensor data for Parkinson's disease
       monitoring using convolutional neural networks." ICMI.
    """
    n_timesteps = signals.shape[2]
    time = torch.linspace(0, 1, n_timesteps)
    waves = torch.arange(1, N_WAVES + 1)[:, None] * torch.pi * time
    shift = WARP_STD * n_timesteps * torch.randn(len(signals), N_WAVES) @ waves.sin()
    position = (torch.arange(n_timesteps) + shift).clamp(0, n_timesteps - 1)
    before = position.floor().long()
    after = (before + 1).clamp(max=n_timesteps - 1)
    weight = (position - before)[:, None]
    low, high = (signals.gather(2, at[:, None].expand_as(signals)) for at in (before, after))
    return low + weight * (high - low)


def distort(signals: Signals) -> Signals:
    """Do all three: bend time, change the gain, add noise."""
    return jitter(scale(warp(signals)))


METHODS: dict[str, Method] = {
    "local": Method(None, makes_near_copies=False),
    "jitter": Method(jitter, makes_near_copies=True),
    "scale": Method(scale, makes_near_copies=True),
    "warp": Method(warp, makes_near_copies=True),
    "distort": Method(distort, makes_near_copies=True),
}
