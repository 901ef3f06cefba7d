"""Noise that already looks a little like the signals: a mixture of Gaussians per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from bioaug.core.tensors import Labels, Signals
from bioaug.nn.axes import MAX_AXES, MIN_STD, balanced_weights, find_principal_axes
from bioaug.nn.basis_rows import MOST_ROWS, basis_rows, smoothed
from bioaug.nn.cells import LEAST_ROWS, different, partition

BASES = ("mixture", "normal")
ROWS_SHARED = 32  # training rows that a covariance rests on, where a class has as many
ROWS_PER_AXIS = 4  # rows for each principal axis of a covariance
RANK = 24  # axes of a covariance, at most
_SIZED = ("centres", "group", "factors", "rest", "weights", "first")  # buffers sized by the rows


def make_noise(
    n_channels: int, n_timesteps: int, n_classes: int, *, base: str, n_components: int
) -> tuple[PrincipalAxes, GaussianMixture]:
    """Return coordinates and the noise in them; with base "normal" it stays white."""
    axes = PrincipalAxes(n_channels, n_timesteps)
    n_components = n_components if base == "mixture" else 1
    return axes, GaussianMixture(axes, n_classes, n_components, RANK)


def fit_noise(
    axes: PrincipalAxes, mixture: GaussianMixture, base: str, signals: Signals, labels: Labels
) -> None:
    """Learn both from the same training rows, see `basis_rows`."""
    signals, labels = basis_rows(signals, labels)
    axes.fit(*smoothed(signals, labels))
    if base == "mixture":
        mixture.fit(axes, signals, labels)


class PrincipalAxes(nn.Module):
    """Coordinates of whole signals, all channels together, along their principal axes.

    Every coordinate has mean 0 and deviation 1 over the training rows, each class weighing the
    same. What lies across the first 256 axes is left out. Principal axes of fewer than
    `LEAST_ROWS` rows would be these rows in another order: then the axes are cosines, and their
    deviations means over bands of frequencies.

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
        self.n_axes = min(n_values, MAX_AXES)
        self.register_buffer("mean", torch.zeros(n_values))
        self.register_buffer("axes", torch.eye(n_values, self.n_axes))
        self.register_buffer("deviations", torch.ones(self.n_axes))

    @torch.no_grad()
    def fit(self, signals: Signals, labels: Labels) -> None:
        """Learn the axes from the training rows."""
        rows = signals.flatten(1)
        mean, axes, stds, _ = find_principal_axes(rows, balanced_weights(labels), self.n_axes)
        n = axes.shape[1]
        self.mean.copy_(mean)
        self.axes.zero_()
        self.axes[:, :n] = axes
        self.deviations.zero_()
        self.deviations[:n] = stds
        self.deviations.clamp_(min=max(MIN_STD * float(stds.max()), 1e-8))

    def forward(self, signals: Signals) -> Tensor:
        """Return coordinates of shape (batch, n_axes)."""
        return (signals.flatten(1) - self.mean) @ self.axes / self.deviations

    def inverse(self, coordinates: Tensor) -> Signals:
        """Return signals of these coordinates."""
        return ((coordinates * self.deviations) @ self.axes.T + self.mean).unflatten(1, self.shape)


class GaussianMixture(nn.Module):
    """A mixture of Gaussians per class, in principal coordinates.

    The rows of a class are divided into disjoint groups of neighbouring rows, and these into
    disjoint cells of at least `LEAST_ROWS` different rows (see `partition`). Each cell is a
    component: its centre is the mean of the cell, its weight the number of its rows, and its
    covariance, shared by the components of a group, that of the group's rows about their centres:
    the first principal axes, and the variance that is left along every coordinate. So no number
    rests on fewer rows, and, as the sets are disjoint, no difference of two numbers does.

    A class of fewer than `LEAST_ROWS` rows has one component with the covariance of all rows,
    scaled to the mean variance of its own, and its mean as the centre; that of a single row, or of
    none, is the standard normal distribution, as before `fit`.

    Parameters
    ----------
    axes : PrincipalAxes
        In whose coordinates rows and samples are given.
    n_classes : int
    n_components : int
        At most, for each class.
    rank : int
        Principal axes kept of a covariance, at most; one for every 4 rows.
    """

    deviations: Tensor
    centres: Tensor
    group: Tensor
    factors: Tensor
    rest: Tensor
    weights: Tensor
    first: Tensor

    def __init__(self, axes: PrincipalAxes, n_classes: int, n_components: int, rank: int) -> None:
        super().__init__()
        self.n_components, self.rank = n_components, min(rank, axes.n_axes)
        self.register_buffer("deviations", axes.deviations.clone())
        self._keep([_standard_normal(axes.n_axes) for _ in range(n_classes)])

    @torch.no_grad()
    def fit(self, axes: PrincipalAxes, signals: Signals, labels: Labels) -> None:
        """Learn the components of every class from the training rows; equal ones count once."""
        self.deviations.copy_(axes.deviations)
        of_classes = []
        for label in range(len(self.weights)):
            own = signals[labels == label]
            of_classes.append(self._fitted(axes(own[different(own.flatten(1))])))
        self._keep(of_classes)

    def _fitted(self, rows: Tensor) -> _Components:
        """Return the components of one class."""
        if len(rows) < 2:
            return _standard_normal(rows.shape[1])
        if len(rows) < LEAST_ROWS:
            return _one_component(rows)
        rows = rows[torch.randperm(len(rows))[:MOST_ROWS]]
        scaled = rows * self.deviations
        groups = partition(
            scaled, ROWS_SHARED, max(1, self.n_components * LEAST_ROWS // ROWS_SHARED)
        )
        found, n_free = [], self.n_components - len(groups)
        for group in groups:
            most = 1 + n_free * len(group) // len(rows)
            cells = [group[cell] for cell in partition(scaled[group], LEAST_ROWS, most)]
            found.append(_group_of([rows[cell] for cell in cells], self.rank, self.deviations))
        return _joined(found)

    def _keep(self, of_classes: Sequence[_Components]) -> None:
        """Make these the components of the classes, one after another."""
        found, counts = _joined(of_classes), [len(c.weights) for c in of_classes]
        weights = torch.zeros(len(counts), max(counts))
        for row, components in zip(weights, of_classes, strict=True):
            row[: len(components.weights)] = components.weights
        first = torch.tensor([0, *counts[:-1]]).cumsum(0)
        kept = {"centres": found.centres, "group": found.group, "factors": found.factors}
        kept |= {"rest": found.rest, "weights": weights, "first": first}
        for name, value in kept.items():
            self.register_buffer(name, value)

    def size_like(self, weights: Mapping[str, Tensor], prefix: str) -> None:
        """Take the sizes of saved buffers, which depend on the training rows.

        Raises
        ------
        ValueError
            Where they are no mixture of these classes, coordinates and parameters.
        """
        n_axes = len(self.deviations)
        centres, group, factors, rest, shares, first = (weights[prefix + name] for name in _SIZED)
        n, n_groups = len(centres), len(rest)
        counts = (shares > 0).sum(dim=1)
        ends = counts.cumsum(0)
        is_right = (
            centres.shape == (n, n_axes)
            and group.shape == (n,)
            and factors.shape == (n_groups, min(factors.shape[1], self.rank), n_axes)
            and rest.shape == (n_groups, n_axes)
            and shares.shape == (len(self.weights), int(counts.max()))
            and shares.shape[1] <= self.n_components
            and bool((shares >= 0).all() and (counts > 0).all())
            and bool(((shares > 0).long().diff(dim=1) <= 0).all())  # zeros only fill up
            and int(ends[-1]) == n
            and torch.equal(first, ends - counts)
            and bool(((group >= 0) & (group < n_groups)).all())
        )
        if not is_right:
            raise ValueError("mixture: buffers of other sizes, or that do not fit together")
        for name in _SIZED:
            like = weights[prefix + name]
            self.register_buffer(name, torch.zeros(like.shape, dtype=like.dtype))

    def nearest(self, rows: Tensor, labels: Labels) -> Tensor:
        """Return the component of its class that is nearest to each row."""
        components = torch.empty_like(labels)
        for label in labels.unique():
            chosen, first = labels == label, int(self.first[label])
            n = int((self.weights[label] > 0).sum())
            centres = self.centres[first : first + n] * self.deviations
            apart = torch.cdist(rows[chosen] * self.deviations, centres)
            components[chosen] = first + apart.argmin(dim=1)
        return components

    def draw(self, labels: Labels, components: Tensor | None = None) -> Tensor:
        """Return one row per label, of the given components or of random ones of its class."""
        if components is None:
            chosen = torch.multinomial(self.weights[labels], 1).squeeze(1)
            components = self.first[labels] + chosen
        group = self.group[components]
        noise = torch.randn(len(labels), 1, self.factors.shape[1], device=labels.device)
        along = (noise @ self.factors[group]).squeeze(1)
        across = torch.randn_like(along) * self.rest[group]
        return self.centres[components] + along + across


class _Components(NamedTuple):
    """Gaussians of one class or of several, and the covariances that they share."""

    weights: Tensor  # (n_components,)
    centres: Tensor  # (n_components, n_axes)
    group: Tensor  # (n_components,), the covariance of each
    factors: Tensor  # (n_groups, rank, n_axes)
    rest: Tensor  # (n_groups, n_axes)


def _standard_normal(n_axes: int) -> _Components:
    zeros, ones = torch.zeros(1, n_axes), torch.ones(1, n_axes)
    return _Components(ones[:, 0], zeros, torch.zeros(1).long(), torch.zeros(1, 0, n_axes), ones)


def _one_component(rows: Tensor) -> _Components:
    """Return a Gaussian of the rows' mean and mean variance, and no axes of their own."""
    rest = rows.var(dim=0).mean().sqrt()
    found = _standard_normal(rows.shape[1])
    return found._replace(centres=rows.mean(dim=0)[None], rest=rest * found.rest)


def _group_of(cells: Sequence[Tensor], rank: int, deviations: Tensor) -> _Components:
    """Return a component for each cell, with the covariance that all rows have about them.

    The axes are the first of the signals, in which each coordinate has its deviation.
    """
    centres = torch.stack([rows.mean(dim=0) for rows in cells])
    n_rows = sum(map(len, cells))
    scale = max(n_rows - len(cells), 1) ** 0.5
    apart = torch.cat([rows - rows.mean(dim=0) for rows in cells]) / scale
    _, spread, axes = torch.linalg.svd(apart * deviations, full_matrices=False)
    n = min(rank, n_rows // ROWS_PER_AXIS, len(spread))
    factors = spread[:n, None] * axes[:n] / deviations
    left = apart.square().sum(dim=0) - factors.square().sum(dim=0)
    counts = torch.tensor([float(len(rows)) for rows in cells])
    group = torch.zeros(len(cells), dtype=torch.int64)
    return _Components(counts, centres, group, factors[None], left.clamp(min=0).sqrt()[None])


def _joined(parts: Sequence[_Components]) -> _Components:
    """Return all components, their covariances with as many axes as the largest has."""
    rank = max(part.factors.shape[1] for part in parts)
    starts = torch.tensor([0, *(len(part.rest) for part in parts)]).cumsum(0)
    factors = [pad(part.factors, (0, 0, 0, rank - part.factors.shape[1])) for part in parts]
    return _Components(
        torch.cat([part.weights for part in parts]),
        torch.cat([part.centres for part in parts]),
        torch.cat([part.group + start for part, start in zip(parts, starts, strict=False)]),
        torch.cat(factors),
        torch.cat([part.rest for part in parts]),
    )
