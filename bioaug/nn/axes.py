"""Principal axes of weighted rows, at a cost that is bounded for long signals."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bioaug.core.tensors import Labels
from bioaug.nn.bands import band_means, cosines
from bioaug.nn.cells import are_few

MAX_AXES = 256  # principal axes that are kept, at most
MIN_STD = 1e-3  # standard deviation along an axis that is told from rounding, relative to the first
LONG = 1024  # values of a row, up to which all axes come from the whole covariance matrix
MOST_PRODUCTS = 10**10  # of the inner products of rows among themselves: a few seconds
CHUNK = 4096  # rows widened to float64 in one go


def balanced_weights(labels: Labels) -> Tensor:
    """Return weights of shape (n, 1) that sum to 1, each class weighing the same."""
    weights = 1 / labels.bincount().double().clamp(min=1)[labels]
    return (weights / weights.sum())[:, None]


class Axes(NamedTuple):
    """Weighted mean, first principal axes and standard deviations along them, in float64.

    Attributes
    ----------
    mean : Tensor of shape (n_values,)
    axes : Tensor of shape (n_values, n_axes)
        Unit vectors, and zeros where the rows span fewer axes.
    deviations : Tensor of shape (n_axes,)
        Descending.
    variance : float
        Of all values together, across the other axes, too.
    """

    mean: Tensor
    axes: Tensor
    deviations: Tensor
    variance: float


def find_principal_axes(rows: Tensor, weights: Tensor, n_axes: int, n_parts: int = 1) -> Axes:
    """Return the first principal axes of `rows`.

    Of n long rows (more than 1,024 values) or of fewer rows than values, the axes come from the
    (n, n) matrix of their inner products, and n is bounded: at least twice `n_axes`, and as many
    more, evenly spaced, as a few seconds allow. Mean and variance are always those of all rows.

    Principal axes of fewer than `LEAST_ROWS` different rows would be these rows in another order:
    then the axes are cosines, and the variance along each is a mean over a band of frequencies.

    Parameters
    ----------
    rows : Tensor of shape (n, n_values)
    weights : Tensor of shape (n, 1)
        Which sum to 1.
    n_axes : int
    n_parts : int
        How many such calls share those seconds, one for each channel.
    """
    n_rows, n_values = rows.shape
    if are_few(rows):
        return _cosine_axes(rows, weights, n_axes)
    parts = list(zip(rows.split(CHUNK), weights.split(CHUNK), strict=True))
    mean = torch.stack([(w * part).sum(dim=0) for part, w in parts]).sum(dim=0)
    if n_rows >= n_values and n_values <= LONG:
        covariance = rows.new_zeros(n_values, n_values, dtype=torch.float64)
        for part, w in parts:
            centred = part - mean
            covariance += centred.T @ (w * centred)
        variances, axes = torch.linalg.eigh(covariance)
        deviations = variances.clamp(min=0).sqrt().flip(0)[:n_axes]
        return Axes(mean, axes.flip(1)[:, :n_axes], deviations, float(covariance.trace()))
    variance = sum(float((w * (part - mean).square()).sum()) for part, w in parts)
    most = max(2 * n_axes, int((MOST_PRODUCTS / (n_values * n_parts)) ** 0.5))
    chosen = torch.linspace(0, n_rows - 1, min(n_rows, most)).round().long()
    heavy = (weights[chosen] / weights[chosen].sum()).sqrt() * (rows[chosen] - mean)
    squares, turned = torch.linalg.eigh(heavy @ heavy.T)
    n_found = min(n_axes, len(chosen))
    found = squares.clamp(min=0).sqrt().flip(0)[:n_found]
    rounding = max(1e-7 * float(found[0]), 1e-12 * float(mean.norm()))
    is_spanned = found > rounding
    axes, deviations = mean.new_zeros(n_values, n_axes), mean.new_zeros(n_axes)
    deviations[:n_found] = torch.where(is_spanned, found, 0.0)
    scale = torch.where(is_spanned, 1 / found.clamp(min=1e-300), 0.0)
    axes[:, :n_found] = heavy.T @ turned.flip(1)[:, :n_found] * scale
    return Axes(mean, axes, deviations, variance)


def _cosine_axes(rows: Tensor, weights: Tensor, n_axes: int) -> Axes:
    """Return axes that no row decides."""
    mean = (weights * rows).sum(dim=0)
    centred, axes = rows - mean, cosines(rows.shape[1], n_axes)
    variances = band_means((weights * (centred @ axes).square()).sum(dim=0))
    deviations, order = variances.sqrt().sort(descending=True, stable=True)
    variance = float((weights * centred.square()).sum())
    return Axes(mean, axes[:, order], deviations, variance)
