"""Manifold Parzen windows: random rows around a training row and its nearest neighbours."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bioaug.core.distances import nearest_rows
from bioaug.core.tensors import Labels

N_NEIGHBOURS = 20
MAX_ROWS = 8192


class ManifoldParzen:
    """Samples Gaussians around training rows, with the covariance of the nearest neighbours [1]_.

    With the mean m of the nearest rows of its class, a draw beside a row is
    ``m + sqrt(1 - a^2) (row - m) + a e``, where e has mean 0 and the neighbours' covariance, and a
    is the noise fraction: with 0 the row itself, with 1 a draw that does not depend on which of
    the neighbours it began at. The covariance of the class is kept.

    Parameters
    ----------
    rows : Tensor of shape (n, n_values)
    labels : Tensor of shape (n,)
    noise_fraction : float in [0, 1]
    n_neighbours : int, default=20
    max_rows : int, default=8192
        Rows of a class, evenly spaced, among which neighbours are searched.

    References
    ----------
    .. [1] Vincent and Bengio (2003). "Manifold Parzen windows." NeurIPS 15.
    """

    def __init__(
        self,
        rows: Tensor,
        labels: Labels,
        noise_fraction: float,
        n_neighbours: int = N_NEIGHBOURS,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self.rows, self.noise_fraction, self._max_rows = rows, noise_fraction, max_rows
        n_nearest = max(1, min(n_neighbours, int(labels.bincount().max()) - 1))
        self.neighbours = torch.arange(len(rows), device=rows.device)[:, None].repeat(1, n_nearest)
        for label in labels.unique():
            own = (labels == label).nonzero().squeeze(1)
            self._find(own)

    @torch.no_grad()
    def _find(self, own: Tensor) -> None:
        """Find the different rows nearest to those of one class; itself where there are too few."""
        given = self.rows[own].double().cpu().numpy() + 0.0  # no -0
        numbers, first = _different(given)
        n_chosen = min(len(first), self._max_rows)
        chosen = first[np.linspace(0, len(first) - 1, n_chosen).astype(np.int64)]
        n = min(self.neighbours.shape[1], len(chosen) - 1)
        if n < 1:
            return
        position = np.full(len(own), -1)
        position[numbers[chosen]] = np.arange(len(chosen))  # by the number of a row
        index = nearest_rows(given, given[chosen], n, own=position[numbers])[0]
        self.neighbours[own, :n] = own[torch.from_numpy(chosen[index]).to(own.device)]

    def draw(self, index: Tensor) -> Tensor:
        """Return a draw beside each of these rows."""
        near = self.rows[self.neighbours[index]]
        mean, n = near.mean(dim=1), near.shape[1]
        weights = torch.randn(len(index), 1, n, device=index.device) / max(n - 1, 1) ** 0.5
        across = (weights @ (near - mean[:, None])).squeeze(1)
        kept = (1 - self.noise_fraction**2) ** 0.5 * (self.rows[index] - mean)
        return mean + kept + self.noise_fraction * across


def _different(rows: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each row, the same for equal ones, and where each first stands."""
    known: dict[bytes, int] = {}
    numbers = np.array(
        [known.setdefault(hashlib.blake2b(row).digest(), len(known)) for row in rows]
    )
    return numbers, np.unique(numbers, return_index=True)[1]
