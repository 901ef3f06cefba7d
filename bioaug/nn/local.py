"""New rows between a training row and its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bioaug._typing import Labels

MOST_ROWS = 8192  # rows kept of each class
BLOCK = 1024  # rows whose distances are found in one go


class LocalGaussians(nn.Module):
    """Draws from the Gaussian that a random training row and its nearest neighbours suggest [1]_.

    With the mean m and the deviations of the row's `n_neighbours` nearest rows of its class, a
    draw is ``m + sqrt(1 - share^2) (row - m) + share e``, where e has the neighbours' covariance:
    with share 0 the row itself, with share 1 a draw that forgot which row it came from. The
    covariance of the class is kept. Training rows are held, but not saved.

    Parameters
    ----------
    share : float in [0, 1]
    n_neighbours : int

    References
    ----------
    .. [1] Vincent and Bengio (2003). "Manifold Parzen windows." NeurIPS 15.
    """

    rows: Tensor
    neighbours: Tensor
    counts: Tensor

    def __init__(self, share: float, n_neighbours: int) -> None:
        super().__init__()
        self.share, self.n_neighbours = share, n_neighbours
        self.register_buffer("rows", torch.zeros(0, 0), persistent=False)
        self.register_buffer("neighbours", torch.zeros(0, 0, dtype=torch.int64), persistent=False)
        self.register_buffer("counts", torch.zeros(0, dtype=torch.int64), persistent=False)

    @torch.no_grad()
    def fit(self, rows: Tensor, labels: Labels, scale: Tensor) -> None:
        """Keep the rows, and find their neighbours.

        Parameters
        ----------
        rows : Tensor of shape (n, n_values)
        labels : Tensor of shape (n,)
        scale : Tensor of shape (n_values,)
            Distances are those of ``rows * scale``.
        """
        kept, neighbours, n_before = [], [], 0
        counts = torch.zeros(int(labels.max()) + 1, dtype=torch.int64)
        n_nearest = max(1, min(self.n_neighbours, int(labels.bincount().max()) - 1))
        for label in labels.unique().tolist():
            own = rows[labels == label]
            own = own[torch.randperm(len(own))[:MOST_ROWS]]
            neighbours.append(n_before + _nearest(own * scale, n_nearest))
            kept.append(own)
            counts[label] = len(own)
            n_before += len(own)
        self.rows, self.neighbours, self.counts = torch.cat(kept), torch.cat(neighbours), counts

    def draw(self, labels: Labels) -> tuple[Tensor, Tensor]:
        """Return a random training row of every label, and a draw beside it."""
        starts = self.counts.cumsum(0) - self.counts
        within = torch.rand(len(labels), device=labels.device, dtype=torch.float64)
        index = starts[labels] + (within * self.counts[labels]).long()
        row, near = self.rows[index], self.rows[self.neighbours[index]]
        mean = near.mean(dim=1)
        n = near.shape[1]
        weights = torch.randn(len(labels), 1, n, device=labels.device) / max(n - 1, 1) ** 0.5
        across = (weights @ (near - mean[:, None])).squeeze(1)
        return row, mean + (1 - self.share**2) ** 0.5 * (row - mean) + self.share * across


def _nearest(rows: Tensor, n_nearest: int) -> Tensor:
    """Return the places of the nearest other rows; the row itself where there are too few."""
    found = []
    for start in range(0, len(rows), BLOCK):
        apart = torch.cdist(rows[start : start + BLOCK], rows)
        apart[torch.arange(len(apart)), torch.arange(start, start + len(apart))] = torch.inf
        n = min(n_nearest, len(rows) - 1)
        nearest = apart.topk(n, largest=False).indices if n else apart[:, :0].long()
        own = torch.arange(start, start + len(apart))[:, None].expand(-1, n_nearest - n)
        found.append(torch.cat([nearest, own], dim=1))
    return torch.cat(found)
