"""Noise that already looks a little like the signals: a mixture of Gaussians per class."""

from __future__ import annotations

import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bioaug._typing import Labels, Signals
from bioaug.nn.axes import LONG, find_principal_axes

MOST_AXES = 256  # principal axes kept
FLOOR = 1e-3  # smallest deviation told apart, as a share of the largest
MOST_ROWS = 8192  # rows of a class that k-means sees
BASES = ("mixture", "normal")
ROWS_EACH = 5  # training rows for each component
NEAR = 12, 32  # rows that a component is fitted to, at least: of fewer, draws would be copies
RANK = 24  # axes of its covariance


def make_noise(
    n_channels: int, n_timesteps: int, n_classes: int, *, base: str, n_components: int
) -> tuple[PrincipalAxes, GaussianMixture]:
    """Return coordinates and the noise in them; with base "normal" it stays white."""
    axes = PrincipalAxes(n_channels, n_timesteps)
    n_components = n_components if base == "mixture" else 1
    return axes, GaussianMixture(axes, n_classes, n_components, ROWS_EACH, RANK)


def fit_noise(
    axes: PrincipalAxes, mixture: GaussianMixture, base: str, signals: Signals, labels: Labels
) -> None:
    """Learn both from the training rows."""
    axes.fit(signals, labels)
    if base == "mixture":
        mixture.fit(axes, axes(signals), labels)


class PrincipalAxes(nn.Module):
    """Coordinates of whole signals, all channels together, along their principal axes.

    Every coordinate has mean 0 and deviation 1 over the training rows, each class weighing the
    same. What lies across the first 256 axes is left out.

    Parameters
    ----------
    n_channels, n_timesteps : int
    """

    mean: Tensor
    axes: Tensor
    deviations: Tensor

    def __init__(self, n_channels: int, n_timesteps: int) -> None:
        super().__init__()
        self.shape = (n_channels, n_timesteps)
        n_values = n_channels * n_timesteps
        self.n_axes = min(n_values, MOST_AXES)
        self.register_buffer("mean", torch.zeros(n_values))
        self.register_buffer("axes", torch.eye(n_values, self.n_axes))
        self.register_buffer("deviations", torch.ones(self.n_axes))

    @torch.no_grad()
    def fit(self, signals: Signals, labels: Labels) -> None:
        """Learn the axes from the training rows."""
        rows = signals.flatten(1)
        weights = 1 / labels.bincount().double().clamp(min=1)[labels]
        weights = (weights / weights.sum())[:, None]
        self.mean.copy_((weights * rows).sum(dim=0))
        if len(rows) < rows.shape[1] or rows.shape[1] > LONG:
            _, axes, spread, _ = find_principal_axes(rows, weights, self.n_axes)
            n = self.n_axes
        else:
            heavy = weights.sqrt().float() * (rows - self.mean)
            squares, axes = torch.linalg.eigh((heavy.T @ heavy).double())
            n = self.n_axes
            spread, axes = squares.clamp(min=0).sqrt().flip(0)[:n], axes.flip(1)[:, :n]
        self.axes.zero_()
        self.axes[:, :n] = axes
        self.deviations.zero_()
        self.deviations[:n] = spread
        self.deviations.clamp_(min=max(FLOOR * float(spread.max()), 1e-8))

    def forward(self, signals: Signals) -> Tensor:
        """Return coordinates of shape (batch, n_axes)."""
        return (signals.flatten(1) - self.mean) @ self.axes / self.deviations

    def inverse(self, coordinates: Tensor) -> Signals:
        """Return signals of these coordinates."""
        return ((coordinates * self.deviations) @ self.axes.T + self.mean).unflatten(1, self.shape)


class GaussianMixture(nn.Module):
    """A mixture of Gaussians per class, in principal coordinates.

    Components stand where the cells of k-means do, and are fitted to the rows of their cell or, of
    small cells, to the nearest rows of their class, so that they overlap. Each has its centre, its
    first principal axes, and the variance that is left along every coordinate. Before `fit`, every
    class has one component, the standard normal distribution.

    Parameters
    ----------
    axes : PrincipalAxes
        In whose coordinates rows and samples are given.
    n_classes : int
    n_components : int
        At most, for each class; there are no more than one for every `rows_each` rows.
    rows_each : int
        Rows of a component, at least in the mean.
    rank : int
        Principal axes kept of a component.
    """

    deviations: Tensor
    centres: Tensor
    factors: Tensor
    rest: Tensor
    shares: Tensor

    def __init__(
        self, axes: PrincipalAxes, n_classes: int, n_components: int, rows_each: int, rank: int
    ) -> None:
        super().__init__()
        n, k = axes.n_axes, n_components
        self.rows_each, self.rank = rows_each, min(rank, n)
        self.register_buffer("deviations", axes.deviations.clone())
        self.register_buffer("centres", torch.zeros(n_classes, k, n))
        self.register_buffer("factors", torch.zeros(n_classes, k, self.rank, n))
        self.register_buffer("rest", torch.ones(n_classes, k, n))
        self.register_buffer("shares", one_hot(torch.zeros(n_classes).long(), k).float())

    @torch.no_grad()
    def fit(self, axes: PrincipalAxes, rows: Tensor, labels: Labels) -> None:
        """Learn the components of every class from coordinates of the training rows."""
        self.deviations.copy_(axes.deviations)
        self.shares.zero_()
        for label in labels.unique().tolist():
            self._fit_class(label, rows[labels == label])

    def _fit_class(self, label: int, rows: Tensor) -> None:
        n_cells = max(1, min(self.centres.shape[1], len(rows) // self.rows_each))
        some = rows[torch.randperm(len(rows))[:MOST_ROWS]]
        scaled, seed = some * self.deviations, int(torch.randint(2**31, ()))
        means = KMeans(n_cells, max_iter=30, random_state=seed).fit(scaled.numpy()).cluster_centers_  # pyright: ignore[reportArgumentType]
        means = torch.from_numpy(means).float()
        self.centres[label, :n_cells] = means / self.deviations
        self.shares[label, :n_cells] = 1.0
        within = self.nearest(rows, torch.full((len(rows),), label))
        n_near = min(max(len(some) // 16, NEAR[0]), NEAR[1], len(some))
        near = torch.cdist(means, scaled).topk(n_near, largest=False).indices
        for cell in range(n_cells):
            own = rows[within == cell]
            self._fit_cell(label, cell, own if len(own) >= n_near else some[near[cell]])
            self.shares[label, cell] = float(len(own))

    def _fit_cell(self, label: int, cell: int, rows: Tensor) -> None:
        apart = (rows - rows.mean(dim=0)) / max(len(rows) - 1, 1) ** 0.5
        _, spread, axes = torch.linalg.svd(apart, full_matrices=False)
        n = min(self.rank, len(spread))
        factors = spread[:n, None] * axes[:n]
        self.factors[label, cell, :n] = factors
        left = apart.square().sum(dim=0) - factors.square().sum(dim=0)
        self.rest[label, cell] = left.clamp(min=0).sqrt()

    def nearest(self, rows: Tensor, labels: Labels) -> Tensor:
        """Return the component of its class that is nearest to each row."""
        cells = torch.empty_like(labels)
        for label in labels.unique():
            chosen = labels == label
            apart = torch.cdist(
                rows[chosen] * self.deviations, self.centres[label] * self.deviations
            )
            cells[chosen] = apart.masked_fill(self.shares[label] == 0, torch.inf).argmin(dim=1)
        return cells

    def draw(self, labels: Labels, cells: Tensor | None = None) -> Tensor:
        """Return one row per label, of the given components or of random ones."""
        if cells is None:
            cells = torch.multinomial(self.shares[labels], 1).squeeze(1)
        noise = torch.randn(len(labels), 1, self.rank, device=labels.device)
        along = (noise @ self.factors[labels, cells]).squeeze(1)
        across = torch.randn_like(along) * self.rest[labels, cells]
        return self.centres[labels, cells] + along + across
