"""The rows that coordinates and mixtures are fitted to, so that no two of them differ by a row."""

from __future__ import annotations

import torch
from torch import Tensor

from bioaug.nn.bands import band_means, cosines
from bioaug.nn.cells import LEAST_ROWS, are_few, different
from bioaug.nn.outliers import drawn_in

MOST_ROWS = 8192  # of a class
N_COSINES = 64  # that the variance of a class of few rows is described with, at most


def basis_rows(signals: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of every class that all means and covariances of a model are taken over.

    Equal rows of a class count once, of more than 8,192 rows evenly spaced ones are taken, and
    outliers are drawn in. Were one mean taken over other rows than the next, such as once with and
    once without repetitions, their difference would be the rows that only one of them counts.
    """
    signals, labels = _different(signals, labels)
    return _different(drawn_in(signals, labels), labels)  # outliers may have become equal


def _different(signals: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    chosen = []
    for label in labels.unique():
        own = (labels == label).nonzero()[:, 0]
        own = own[different(signals[own].flatten(1)).to(own.device)]
        n = min(len(own), MOST_ROWS)
        chosen.append(own[torch.linspace(0, len(own) - 1, n, dtype=torch.float64).round().long()])
    rows = torch.cat(chosen).sort().values
    return signals[rows], labels[rows]


def smoothed(signals: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows in which a class of fewer than 8 is replaced by what may be kept of it.

    Principal axes of all classes together would show the differences between the few rows of one of
    them, for the covariance of the others is known. So these rows give way to others with the same
    mean, whose variance lies along cosines and is a mean over each band of frequencies. Rows that
    are fewer than 8 of all classes together stay: see `find_principal_axes`.
    """
    if are_few(signals.flatten(1)):
        return signals, labels
    parts, of_parts = [], []
    for label in labels.unique():
        own = signals[labels == label]
        if len(own) < LEAST_ROWS:
            own = _along_cosines(own.flatten(1).double()).to(own.dtype).unflatten(1, own.shape[1:])
        parts.append(own)
        of_parts.append(label.expand(len(own)))
    return torch.cat(parts), torch.cat(of_parts)


def _along_cosines(rows: Tensor) -> Tensor:
    """Return rows around the same mean, with about the same variance in every band."""
    mean = rows.mean(dim=0)
    waves = cosines(rows.shape[1], min(rows.shape[1], N_COSINES)).to(rows.device)
    variances = band_means(((rows - mean) @ waves).square().mean(dim=0).cpu()).to(rows.device)
    apart = (len(variances) * variances).sqrt()[:, None] * waves.T
    return torch.cat([mean + apart, mean - apart])
