"""Outliers drawn in, so that no mean, axis or covariance is that of a single row."""

from __future__ import annotations

import torch
from torch import Tensor

from bioaug.core.tensors import Labels, Signals
from bioaug.nn.cells import LEAST_ROWS, are_few, different

FARTHEST = 1.4  # times the distance of the 8th farthest row, from the middle of the class


def drawn_in(signals: Signals, labels: Labels) -> Signals:
    """Return signals of which none lies far beyond all others of its class.

    A mean of many rows, and still more a principal axis, is that of one row where this row is far
    larger than the others. So rows that are more than 1.4 times as far from the class's median as
    the eighth farthest (or, in small classes, as half of the rows) are moved towards it until they
    are not: at most seven of a class. Classes of fewer than eight rows stay as they are, and copies
    of a row are no other rows.
    """
    moved = signals
    for label in labels.unique():
        chosen = (labels == label).nonzero()[:, 0]
        rows = signals[chosen].flatten(1)
        if are_few(rows):
            continue
        middle = rows.median(dim=0).values
        distance = (rows - middle).norm(dim=1)
        factor = _limit(distance[different(rows)]) / distance.clamp(min=1e-30)
        far = factor < 1
        if far.any():
            moved = signals.clone() if moved is signals else moved
            inside = middle + factor[far, None] * (rows[far] - middle)
            moved[chosen[far]] = inside.unflatten(1, signals.shape[1:]).to(signals.dtype)
    return moved


def _limit(distance: Tensor) -> Tensor:
    descending = distance.sort(descending=True).values
    return FARTHEST * torch.maximum(descending[LEAST_ROWS - 1], descending[len(distance) // 2])
