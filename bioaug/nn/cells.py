"""Disjoint cells of neighbouring rows, none of fewer rows than a stated number."""

from __future__ import annotations

import heapq

import numpy as np
import torch
from torch import Tensor

LEAST_ROWS = 8  # different training rows that anything stored with a model rests on, at least
N_POWERS = 8  # steps of the power iteration for a cell's longest axis


def partition(rows: Tensor, least: int, most_cells: int) -> list[Tensor]:
    """Return the indices of the rows of every cell.

    Beginning with all rows, the cell with the largest sum of squares is cut in two across its
    longest axis, where the sums of squares of both parts are smallest. No cell has fewer than
    `least` rows, so a row far from all others shares its cell with the nearest along that axis.

    Parameters
    ----------
    rows : Tensor of shape (n_rows, n_values)
    least : int
        Rows of a cell; fewer rows than that are one cell.
    most_cells : int
    """
    whole, kept = torch.arange(len(rows)), []
    waiting = [(-_squares(rows), 0, whole)]
    while waiting and len(waiting) + len(kept) < most_cells:
        _, _, cell = heapq.heappop(waiting)
        if len(cell) < 2 * least:
            kept.append(cell)
            continue
        for part in _halves(rows, cell, least):
            heapq.heappush(waiting, (-_squares(rows[part]), int(part[0]), part))
    return kept + [cell for *_, cell in waiting]


def different(rows: Tensor) -> Tensor:
    """Return the indices of the rows of a matrix without repetitions, in order."""
    values = np.ascontiguousarray(rows.cpu().numpy() + 0.0)  # no -0
    if not values.size:
        return torch.arange(len(rows))
    as_bytes = values.view(np.dtype((np.void, values.itemsize * values.shape[1])))[:, 0]
    return torch.from_numpy(np.sort(np.unique(as_bytes, return_index=True)[1]))


def are_few(rows: Tensor) -> bool:
    """Whether there are fewer than `LEAST_ROWS` different rows."""
    for _ in range(LEAST_ROWS - 1):
        if not len(rows):
            return True
        rows = rows[(rows != rows[0]).any(dim=1)]
    return not len(rows)


def _squares(rows: Tensor) -> float:
    return float((rows - rows.mean(dim=0)).square().sum())


def _halves(rows: Tensor, cell: Tensor, least: int) -> tuple[Tensor, Tensor]:
    """Return the two parts of a cell of at least twice `least` rows."""
    centred = rows[cell] - rows[cell].mean(dim=0)
    axis = centred[centred.square().sum(dim=1).argmax()]
    for _ in range(N_POWERS):
        axis = (centred @ axis) @ centred
        axis = axis / axis.norm().clamp(min=1e-30)
    along, order = (centred @ axis).double().sort(stable=True)
    n = len(cell)
    n_left = torch.arange(1, n)
    left, right = along.cumsum(0)[:-1] / n_left, -along.cumsum(0)[:-1] / (n - n_left)
    between = n_left * (n - n_left) * (left - right).square()  # of both means; their sum is 0
    cut = least + int(between[least - 1 : n - least].argmax())
    return cell[order[:cut]], cell[order[cut:]]
