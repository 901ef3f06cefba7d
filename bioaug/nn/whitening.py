"""Whitening: coordinates in which small, fast parts of a signal weigh as much as large ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bioaug.core.tensors import Labels, Signals
from bioaug.nn.axes import MAX_AXES, MIN_STD, Axes, balanced_weights, find_principal_axes
from bioaug.nn.basis_rows import basis_rows, smoothed


class Whitening(nn.Module):
    """Partly whitens every channel by a symmetric matrix fitted on the training rows.

    Along each principal axis of the rows, a standard deviation d becomes d**left, then all are
    scaled to a mean square of 1; what lies across the first 256 axes shares one factor. Being
    symmetric, the matrix leaves each time step near its index, so patches and convolutions still
    see a signal. Every class weighs the same in the fit. Before `fit` the map changes nothing.

    Parameters
    ----------
    n_channels, n_timesteps : int
    left : float
        Fraction of the log standard deviation that is left: 1 changes only the scale, 0 whitens
        fully.
    """

    mean: Tensor
    axes: Tensor
    factors: Tensor
    rest: Tensor

    def __init__(self, n_channels: int, n_timesteps: int, left: float) -> None:
        super().__init__()
        n_axes = min(n_timesteps, MAX_AXES)
        self.left = left
        self.register_buffer("mean", torch.zeros(n_channels, n_timesteps))
        self.register_buffer("axes", torch.zeros(n_channels, n_timesteps, n_axes))
        self.register_buffer("factors", torch.ones(n_channels, n_axes))
        self.register_buffer("rest", torch.ones(n_channels, 1))

    @torch.no_grad()
    def fit(self, signals: Signals, labels: Labels) -> None:
        """Learn mean, axes and factors from the training rows, see `basis_rows`."""
        signals, labels = smoothed(*basis_rows(signals, labels))
        weights = balanced_weights(labels)
        n_channels, n_axes = self.factors.shape
        for channel in range(n_channels):
            found = find_principal_axes(signals[:, channel], weights, n_axes, n_channels)
            self._keep(channel, found)

    def _keep(self, channel: int, found: Axes) -> None:
        n_axes, n_others = len(found.deviations), len(found.mean) - len(found.deviations)
        least = max(MIN_STD * float(found.deviations[0]), 1e-12)
        left_over = max(found.variance - float(found.deviations.square().sum()), 0.0)
        rest = torch.tensor(max((left_over / max(n_others, 1)) ** 0.5, least), dtype=torch.float64)
        kept = found.deviations.clamp(min=least)
        factors, rest_factor = kept ** (self.left - 1), rest ** (self.left - 1)
        power = (factors * kept).square().sum() + n_others * (rest_factor * rest) ** 2
        scale = (power / (n_axes + n_others)).sqrt()
        self.mean[channel] = found.mean
        self.axes[channel] = found.axes
        self.factors[channel], self.rest[channel] = factors / scale, rest_factor / scale

    def forward(self, signals: Signals) -> Signals:
        """Return signals in the new coordinates, of the same shape."""
        return self._scale(signals - self.mean, self.factors, self.rest)

    def inverse(self, signals: Signals) -> Signals:
        """Return signals from the new coordinates to those of the training rows."""
        return self._scale(signals, 1 / self.factors, 1 / self.rest) + self.mean

    def _scale(self, signals: Signals, factors: Tensor, rest: Tensor) -> Signals:
        along = torch.einsum("bct,cta->bca", signals, self.axes) * (factors - rest)
        return rest * signals + torch.einsum("bca,cta->bct", along, self.axes)


class IdentityWhitening(nn.Module):
    """The signals' own coordinates, in place of a `Whitening`."""

    def fit(self, signals: Signals, labels: Labels) -> None:
        """Learn nothing."""

    def forward(self, signals: Signals) -> Signals:
        """Return the signals as they are."""
        return signals

    def inverse(self, signals: Signals) -> Signals:
        """Return the signals as they are."""
        return signals


def make_whitening(
    n_channels: int, n_timesteps: int, left: float | None
) -> Whitening | IdentityWhitening:
    """Return a `Whitening`, or the identity where `left` is None."""
    return IdentityWhitening() if left is None else Whitening(n_channels, n_timesteps, left)
