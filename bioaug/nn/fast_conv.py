"""Strided convolutions written as matrix products, on signals whose channels stand last.

With (batch, time, channels), blocks of time steps are rows of a matrix without a copy, and such a
convolution is one matrix product over a few neighbouring blocks. Its second derivative, which a
gradient penalty needs, is made of matrix products too; that of torch's convolutions is slow on a
CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class StridedConv(nn.Module):
    """A convolution of kernel `taps * stride`, (batch, stride n, before) -> (batch, n, after)."""

    def __init__(self, before: int, after: int, taps: int, stride: int) -> None:
        super().__init__()
        self.taps, self.stride = taps, stride
        self.linear = nn.Linear(taps * stride * before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Return a signal a stride times as short."""
        blocks = x.reshape(len(x), x.shape[1] // self.stride, self.stride * x.shape[2])
        return _over_neighbours(blocks, self.linear, self.taps)


class StridedConvTranspose(nn.Module):
    """A transposed convolution, (batch, n, before) -> (batch, stride n, after)."""

    def __init__(self, before: int, after: int, taps: int, stride: int) -> None:
        super().__init__()
        self.taps, self.stride, self.after = taps, stride, after
        self.linear = nn.Linear(taps * before, stride * after)

    def forward(self, x: Tensor) -> Tensor:
        """Return a signal a stride times as long."""
        blocks = _over_neighbours(x, self.linear, self.taps)
        return blocks.reshape(len(x), self.stride * x.shape[1], self.after)


class HalvingConv(nn.Module):
    """A convolution with kernel 4, stride 2 and padding 1, of signals of any length."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.product = nn.Linear(4 * before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Return a signal half as long, rounded up."""
        pairs = pad(x, (0, 0, 1, 1 + x.shape[1] % 2)).unflatten(1, (-1, 2)).flatten(2)
        return self.product(torch.cat([pairs[:, :-1], pairs[:, 1:]], dim=2))


def _over_neighbours(x: Tensor, linear: nn.Linear, taps: int) -> Tensor:
    """Return `linear` of each of the n blocks of `x` with those around it: (batch, n, after)."""
    n, ahead = x.shape[1], (taps - 1) // 2
    around = (0, 0, ahead, taps - 1 - ahead)
    if 2 * linear.out_features >= x.shape[2]:
        padded = pad(x, around)
        return linear(torch.cat([padded[:, tap : tap + n] for tap in range(taps)], dim=2))
    # Less is copied where each block is first multiplied for all taps, then added where it belongs.
    by_tap = linear.weight.unflatten(1, (taps, -1)).transpose(0, 1).flatten(0, 1)
    products = pad(x @ by_tap.T, around).unflatten(2, (taps, -1))
    return sum((products[:, tap : tap + n, tap] for tap in range(taps)), linear.bias)
