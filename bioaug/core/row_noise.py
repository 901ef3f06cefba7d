"""Random numbers that belong to a row, whatever batch, worker or rank it is made in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

# The constants of splitmix64 (Steele, Lea and Flood 2014), as signed numbers.
_GAMMA, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
_UNIT = 2.0**-23
_REPLACED = {torch.randn, torch.rand, torch.randn_like, torch.rand_like, torch.multinomial}


def row_seeds(seed: int, rows: NDArray | int, *, epoch: int = 0) -> NDArray[np.int64]:
    """Return one seed per row: the same for the same seed, epoch and row.

    Parameters
    ----------
    seed, epoch : int
    rows : int or ndarray of int
        Numbers of the rows; n stands for 0..n-1.
    """
    index = torch.as_tensor(np.arange(rows) if isinstance(rows, int) else np.asarray(rows))
    stream = _mixed(_mixed(torch.tensor(int(seed))) + int(epoch))
    return _mixed(stream + index.to(torch.int64)).numpy()


class RowNoise(TorchFunctionMode):
    """Inside this block, torch draws every row of a batch from a stream of the row's own.

    It holds for `torch.randn`, `rand`, `randn_like`, `rand_like` and one draw of `multinomial`
    where the first dimension is that of the rows; other random numbers come from torch as usual.
    The numbers are a hash of the row's seed and a counter, so rows do not depend on each other.

    Parameters
    ----------
    seeds : Tensor of shape (n_rows,)
        On the device where the numbers are wanted.
    """

    def __init__(self, seeds: Tensor) -> None:
        super().__init__()
        self.seeds, self.n_drawn = seeds, 0

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Replace the random functions."""
        kwargs = kwargs or {}
        if func not in _REPLACED:  # nearly all of a model's calls: no more work than needed
            return func(*args, **kwargs)
        if func in (torch.randn, torch.rand):
            shape = _shape(args, kwargs)
            if shape and shape[0] == len(self.seeds):
                return self._draw(func is torch.randn, shape, kwargs.get("dtype"))
        if func in (torch.randn_like, torch.rand_like) and len(args[0]) == len(self.seeds):
            return self._draw(func is torch.randn_like, tuple(args[0].shape), args[0].dtype)
        if func is torch.multinomial and len(args[0]) == len(self.seeds) and args[1] == 1:
            shares = args[0].double().cumsum(dim=1)
            place = self._draw(False, (len(self.seeds), 1), torch.float64) * shares[:, -1:]
            return torch.searchsorted(shares, place, right=True).clamp(max=args[0].shape[1] - 1)
        return func(*args, **kwargs)

    def _draw(self, normal: bool, shape: tuple[int, ...], dtype: torch.dtype | None) -> Tensor:
        n_each = math.prod(shape[1:])
        n_words = (n_each + 1) // 2
        counter = torch.arange(self.n_drawn, self.n_drawn + n_words, device=self.seeds.device)
        self.n_drawn += n_words
        words = _mixed(self.seeds[:, None] + _GAMMA * (counter + 1))
        # Two numbers of 23 bits from every word of 64, none of them 0 or 1.
        first = (((words >> 41) & 0x7FFFFF).float() + 0.5) * _UNIT
        second = (((words >> 9) & 0x7FFFFF).float() + 0.5) * _UNIT
        if normal:  # Box and Muller
            length, angle = (-2 * first.log()).sqrt(), 2 * torch.pi * second
            first, second = length * angle.cos(), length * angle.sin()
        drawn = torch.cat([first, second], dim=1)[:, :n_each].reshape(shape)
        return drawn.to(dtype or torch.get_default_dtype())


def _mixed(words: Tensor) -> Tensor:
    """Return the finaliser of splitmix64: neighbouring numbers have nothing in common after it."""
    words = (words ^ _shifted(words, 30)) * _FIRST
    words = (words ^ _shifted(words, 27)) * _SECOND
    return words ^ _shifted(words, 31)


def _shifted(words: Tensor, by: int) -> Tensor:
    """Shift right as unsigned numbers."""
    return (words >> by) & ((1 << (64 - by)) - 1)


def _shape(args: tuple, kwargs: dict[str, Any]) -> tuple[int, ...]:
    size = kwargs.get("size", args)
    if len(size) == 1 and not isinstance(size[0], int):
        size = size[0]
    return tuple(size)
