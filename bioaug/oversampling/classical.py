"""New rows from old ones without training: noise, gain, time warp, draws between neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bioaug.core.row_noise import RowNoise
from bioaug.core.tensors import Signals
from bioaug.nn.parzen import LocalGaussians
from bioaug.synthesis.codec import SignalCodec

NOISE, GAIN, SHIFT = 0.03, 0.1, 0.02  # deviations: of the signal's, of 1, of the length
N_WAVES = 3  # half waves that a time warp is made of
FORGOTTEN = 0.9  # share of what tells a row from its neighbours, in "local"
BLOCK = 4096  # rows made in one go


@dataclass
class ClassicalMethod:
    """One class's rows and the way to make new ones from them.

    Parameters
    ----------
    name : str
        One of `classical_methods()`.
    codec : SignalCodec
    signals : Tensor of shape (n_rows, n_channels, n_timesteps)
        Encoded.
    gaussians : LocalGaussians or None
        For "local".
    """

    name: str
    codec: SignalCodec
    signals: Signals
    gaussians: LocalGaussians | None

    @classmethod
    def fit(cls, name: str, X: NDArray, n_features: int = 0) -> ClassicalMethod:
        """Take the rows of one class.

        The last `n_features` values of each row only get a little noise, except by "local".
        """
        labels = np.zeros(len(X), np.int64)
        codec = SignalCodec.fit(X, labels, n_features)
        signals, codes = codec.encode(X, labels)
        is_local = name == "local"
        gaussians = LocalGaussians(signals.flatten(1), codes, FORGOTTEN) if is_local else None
        return cls(name, codec, signals, gaussians)

    @torch.no_grad()
    def make(self, seeds: NDArray[np.int64]) -> NDArray:
        """Return one new row per seed, from a row that the seed chooses."""
        made = [
            self._block(torch.from_numpy(seeds[i : i + BLOCK])) for i in range(0, len(seeds), BLOCK)
        ]
        return np.concatenate(made)

    def _block(self, seeds: Tensor) -> NDArray:
        with RowNoise(seeds):
            rows = (torch.rand(len(seeds), dtype=torch.float64) * len(self.signals)).long()
            return self.codec.decode(self._changed(rows))

    def _changed(self, rows: Tensor) -> Signals:
        signals = self.signals[rows]
        if self.gaussians is not None:
            return self.gaussians.draw(rows).view_as(signals)
        end = signals.shape[2] - len(self.codec.feature_low)
        features = signals[..., end:]
        deviation = self.signals.std(dim=0, correction=0)[..., end:]
        features = features + NOISE * deviation * torch.randn_like(features)
        return torch.cat([_CHANGES[self.name](signals[..., :end]), features], dim=2)


def classical_methods() -> list[str]:
    """Return the names of the methods that need no training."""
    return ["local", *_CHANGES]


def jitter(signals: Signals) -> Signals:
    """Add white noise, of 0.03 of every channel's standard deviation."""
    return signals + NOISE * signals.std(dim=2, keepdim=True, correction=0) * torch.randn_like(
        signals
    )


def scale(signals: Signals) -> Signals:
    """Change the gain of every row by a factor, of standard deviation 0.1 in logarithm."""
    return signals * (GAIN * torch.randn(len(signals), 1, 1)).exp()


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
    bend = SHIFT * n_timesteps * torch.randn(len(signals), N_WAVES) @ waves.sin()
    place = (torch.arange(n_timesteps) + bend).clamp(0, n_timesteps - 1)
    before = place.floor().long()
    after = (before + 1).clamp(max=n_timesteps - 1)
    part = (place - before)[:, None]
    at = [signals.gather(2, side[:, None].expand_as(signals)) for side in (before, after)]
    return at[0] + part * (at[1] - at[0])


def distort(signals: Signals) -> Signals:
    """Do all three: bend time, change the gain, add noise."""
    return jitter(scale(warp(signals)))


_CHANGES: dict[str, Callable[[Signals], Signals]] = {
    "jitter": jitter,
    "scale": scale,
    "warp": warp,
    "distort": distort,
}
