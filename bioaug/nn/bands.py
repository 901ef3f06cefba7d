"""Coordinates of rows that no training row decides: cosines, in bands of frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOWEST = 4  # cosines of the lowest band; each band is about twice as wide as the one below


def cosines(n_values: int, n_axes: int) -> Tensor:
    """Return the orthonormal cosines of lowest frequency as columns, in float64."""
    time = (torch.arange(n_values, dtype=torch.float64) + 0.5) / n_values
    waves = torch.cos(math.pi * time[:, None] * torch.arange(n_axes))
    return waves / waves.norm(dim=0)


def band_means(values: Tensor) -> Tensor:
    """Return values of these cosines, each replaced by the mean over its band."""
    band = (torch.arange(len(values)) / LOWEST + 1).log2().floor().long()
    sums, counts = (torch.zeros(int(band.max()) + 1, dtype=values.dtype) for _ in range(2))
    sums.index_add_(0, band, values)
    counts.index_add_(0, band, torch.ones_like(values))
    return (sums / counts)[band]
