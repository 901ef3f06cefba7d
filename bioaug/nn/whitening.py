"""A change of coordinates in which small, fast parts of a signal weigh as much as large ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bioaug._typing import Labels, Signals

FLOOR = 1e-3  # smallest deviation told apart, as a share of the largest
CHUNK = 4096  # rows widened to float64 in one go
MOST_AXES = 256  # principal axes kept; what lies across them shares one factor


class Whitening(nn.Module):
    """Partly whitens every channel by a symmetric matrix fitted on the training rows.

    Along each principal axis of the rows, a deviation d becomes d**left, then all are scaled to a
    mean square of 1. Being symmetric, the matrix leaves each time step near its place, so patches
    and convolutions still see a signal. Every class weighs the same in the fit. Before `fit` the
    map changes nothing.

    Parameters
    ----------
    n_channels, n_timesteps : int
    left : float
        Share of the log deviation that is left: 1 changes only the scale, 0 whitens fully.
    """

    mean: Tensor
    axes: Tensor
    factors: Tensor
    rest: Tensor

    def __init__(self, n_channels: int, n_timesteps: int, left: float) -> None:
        super().__init__()
        n_axes = min(n_timesteps, MOST_AXES)
        self.left = left
        self.register_buffer("mean", torch.zeros(n_channels, n_timesteps))
        self.register_buffer("axes", torch.zeros(n_channels, n_timesteps, n_axes))
        self.register_buffer("factors", torch.ones(n_channels, n_axes))
        self.register_buffer("rest", torch.ones(n_channels, 1))

    @torch.no_grad()
    def fit(self, signals: Signals, labels: Labels) -> None:
        """Learn mean, axes and factors from the training rows."""
        weights = 1 / labels.bincount().double().clamp(min=1)[labels]
        weights = (weights / weights.sum())[:, None]
        for channel in range(signals.shape[1]):
            mean, covariance = _moments(signals[:, channel], weights)
            variances, axes = torch.linalg.eigh(covariance)
            self._keep(channel, mean, variances.clamp(min=0).sqrt().flip(0), axes.flip(1))

    def _keep(self, channel: int, mean: Tensor, deviations: Tensor, axes: Tensor) -> None:
        n_axes = self.factors.shape[1]
        least = max(FLOOR * float(deviations[0]), 1e-12)
        kept = deviations[:n_axes].clamp(min=least)
        rest = deviations[n_axes:].square().mean().sqrt().nan_to_num(0).clamp(min=least)
        factors, rest_factor = kept ** (self.left - 1), rest ** (self.left - 1)
        rest_power = (len(deviations) - n_axes) * (rest_factor * rest) ** 2
        scale = (((factors * kept).square().sum() + rest_power) / len(deviations)).sqrt()
        self.mean[channel] = mean
        self.axes[channel] = axes[:, :n_axes]
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


def _moments(rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return weighted mean and covariance in float64, widening a chunk of rows at a time."""
    parts = list(zip(rows.split(CHUNK), weights.split(CHUNK), strict=True))
    mean = torch.stack([(w * part).sum(dim=0) for part, w in parts]).sum(dim=0)
    covariance = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for part, w in parts:
        centred = part - mean
        covariance += centred.T @ (w * centred)
    return mean, covariance
