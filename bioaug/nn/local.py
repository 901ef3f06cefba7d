"""New rows between a training row and its neighbours."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bioaug._distances import nearest_rows
from bioaug._typing import Labels

NEIGHBOURS = 20
MOST_ROWS = 8192  # rows of a class among which neighbours are looked for


class LocalGaussians:
    """Draws from the Gaussian that a training row and its nearest neighbours suggest [1]_.

    With the mean m of the nearest rows of its class, a draw beside a row is
    ``m + sqrt(1 - share^2) (row - m) + share e``, where e has the neighbours' covariance: with
    share 0 the row itself, with share 1 a draw that forgot which row it came from. The covariance
    of the class is kept.

    Parameters
    ----------
    rows : Tensor of shape (n, n_values)
    labels : Tensor of shape (n,)
    share : float in [0, 1]
    n_neighbours : int, default=20

    References
    ----------
    .. [1] Vincent and Bengio (2003). "Manifold Parzen windows." NeurIPS 15.
    """

    def __init__(
        self, rows: Tensor, labels: Labels, share: float, n_neighbours: int = NEIGHBOURS
    ) -> None:
        self.rows, self.share = rows, share
        n_nearest = max(1, min(n_neighbours, int(labels.bincount().max()) - 1))
        self.neighbours = torch.arange(len(rows), device=rows.device)[:, None].repeat(1, n_nearest)
        for label in labels.unique():
            own = (labels == label).nonzero().squeeze(1)
            self._find(own)

    @torch.no_grad()
    def _find(self, own: Tensor) -> None:
        """Find the neighbours of the rows of one class; the row itself where there are too few."""
        spaced = np.linspace(0, len(own) - 1, min(len(own), MOST_ROWS)).astype(np.int64)
        among = own[torch.from_numpy(spaced).to(own.device)]
        n = min(self.neighbours.shape[1], len(among) - 1)
        if n < 1:
            return
        position = np.full(len(own), -1)
        position[spaced] = np.arange(len(spaced))
        rows, others = (self.rows[part].double().cpu().numpy() for part in (own, among))
        index = torch.from_numpy(nearest_rows(rows, others, n, own=position)[0]).to(own.device)
        self.neighbours[own, :n] = among[index]

    def draw(self, index: Tensor) -> Tensor:
        """Return a draw beside each of these rows."""
        near = self.rows[self.neighbours[index]]
        mean, n = near.mean(dim=1), near.shape[1]
        weights = torch.randn(len(index), 1, n, device=index.device) / max(n - 1, 1) ** 0.5
        across = (weights @ (near - mean[:, None])).squeeze(1)
        return mean + (1 - self.share**2) ** 0.5 * (self.rows[index] - mean) + self.share * across
