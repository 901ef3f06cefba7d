"""The endless stream of training batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from bioaug.core.tensors import Labels, Signals
from bioaug.models.base import Batch
from bioaug.nn.parzen import ManifoldParzen


def balanced_batches(
    signals: Signals, labels: Labels, batch_size: int, neighbour_mixing: float = 0.0
) -> Iterator[Batch]:
    """Yield batches with equally many rows of every class, drawn with replacement.

    Where `batch_size` is no multiple of the number of classes, the classes that get one row more
    change from batch to batch at random. Draws come from torch's global generator, so a restored
    generator state continues the stream.

    Parameters
    ----------
    signals : Tensor of shape (n_samples, n_channels, n_timesteps)
    labels : Tensor of shape (n_samples,)
        On the same device.
    batch_size : int
    neighbour_mixing : float in [0, 1], default=0.0
        Share of what tells a row from its neighbours that is replaced by chance at every draw, see
        `ManifoldParzen`.
    """
    local = (
        ManifoldParzen(signals.flatten(1), labels, neighbour_mixing) if neighbour_mixing else None
    )
    order = labels.argsort(stable=True)  # rows of a class stand together in it
    counts = labels.bincount()
    counts = counts[counts > 0]
    starts = counts.cumsum(0) - counts
    n_classes, device, shape = len(counts), labels.device, signals.shape[1:]
    places = torch.arange(batch_size, device=device)
    while True:
        shift = int(torch.randint(n_classes, ())) if batch_size % n_classes else 0
        drawn = (places + shift) % n_classes
        within = (torch.rand(batch_size, device=device, dtype=torch.float64) * counts[drawn]).long()
        rows = order[starts[drawn] + within]
        chosen = signals[rows] if local is None else local.draw(rows).unflatten(1, shape)
        yield Batch(chosen, labels[rows])
