"""Random numbers that belong to a row, whatever batch, worker or rank it is made in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional, init
from torch.overrides import TorchFunctionMode

from bioaug.exceptions import DataError

# The constants of splitmix64 (Steele, Lea and Flood 2014), as signed numbers.
_GAMMA, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
_UNIT = 2.0**-23
_BY_SIZE = {torch.randn, torch.rand}
_LIKE = {torch.randn_like, torch.rand_like}
_MULTINOMIAL = {torch.multinomial, Tensor.multinomial}
_NORMAL = {torch.randn, torch.randn_like}
_REFUSED = {
    *(torch.normal, torch.randint, torch.randint_like, torch.randperm, torch.poisson),
    *(torch.bernoulli, torch.binomial, torch.native_dropout, functional.gumbel_softmax),
    *(Tensor.normal_, Tensor.uniform_, Tensor.bernoulli, Tensor.bernoulli_, Tensor.random_),
    *(Tensor.exponential_, Tensor.geometric_, Tensor.log_normal_, Tensor.cauchy_),
    *(init.normal_, init.uniform_, init.kaiming_normal_, init.kaiming_uniform_),
}
# Functions that are random only while training, with the position of `training` and of `p`.
_TRAINING = dict.fromkeys(
    (
        *(functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d),
        *(functional.alpha_dropout, functional.feature_alpha_dropout),
        *(torch.dropout, torch.alpha_dropout, torch.feature_dropout, torch.feature_alpha_dropout),
    ),
    (2, 1),
) | {functional.rrelu: (3, None), functional.scaled_dot_product_attention: (None, 4)}
_RANDOM = {*_BY_SIZE, *_LIKE, *_MULTINOMIAL, *_REFUSED, *_TRAINING}


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

    It holds for `torch.randn`, `rand`, `randn_like`, `rand_like` and one draw of `multinomial`,
    where the first dimension is that of the rows. The numbers are a hash of the row's seed and a
    counter, so rows do not depend on each other. Everything else of torch that draws numbers is an
    error in the block, as it would make a row depend on its batch: other functions, dropout in
    training mode, tensors whose first size is another, and calls with `generator=` or `out=`.

    It sees what Python code calls. Numbers that are drawn inside compiled code
    (`torch.compile`, dropout between the layers of `nn.LSTM`) or by other libraries pass unseen.

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
        """Replace or refuse the random functions."""
        kwargs = kwargs or {}
        if func not in _RANDOM:  # nearly all of a model's calls: no more work than needed
            return func(*args, **kwargs)
        if func in _TRAINING and not _draws(func, args, kwargs):
            return func(*args, **kwargs)
        if func in _REFUSED or func in _TRAINING:
            raise _error(func, "")
        given = [name for name in ("generator", "out") if kwargs.get(name) is not None]
        if given:
            raise _error(func, f" with {given[0]}=")
        if func in _BY_SIZE:
            return self._checked(func, _shape(args, kwargs), kwargs)
        source = args[0] if args else kwargs["input"]
        if func in _LIKE:
            return self._checked(func, tuple(source.shape), {"dtype": source.dtype} | kwargs)
        n_draws = kwargs["num_samples"] if "num_samples" in kwargs else args[1]
        if source.ndim != 2 or len(source) != len(self.seeds) or n_draws != 1:
            raise _error(func, f" of {n_draws} from weights of shape {tuple(source.shape)}")
        cumulative = source.double().cumsum(dim=1)
        point = self._draw(False, (len(self.seeds), 1), torch.float64) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, point, right=True).clamp(max=source.shape[1] - 1)

    def _checked(self, func: Callable, shape: tuple[int, ...], kwargs: dict[str, Any]) -> Tensor:
        """Return new numbers of this shape; an error for those that are no rows."""
        if not shape or shape[0] != len(self.seeds):
            raise _error(func, f" of shape {shape} in a batch of {len(self.seeds)}")
        device = torch.device(kwargs.get("device") or self.seeds.device)
        if device.type != self.seeds.device.type:
            raise _error(func, f" on {device} in a batch on {self.seeds.device}")
        return self._draw(func in _NORMAL, shape, kwargs.get("dtype"))

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


def _draws(func: Callable, args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether this call of a function that is random only while training draws numbers."""

    def value(names: tuple[str, ...], position: int | None, default: Any) -> Any:
        given = [kwargs[name] for name in names if name in kwargs]
        if given or position is None or len(args) <= position:
            return given[0] if given else default
        return args[position]

    at_training, at_p = _TRAINING[func]
    is_training = value(("training", "train"), at_training, func is not functional.rrelu)
    default_p = 0.0 if func is functional.scaled_dot_product_attention else 0.5
    return bool(is_training) and value(("p", "dropout_p"), at_p, default_p) > 0


def _error(func: Callable, how: str) -> DataError:
    return DataError(
        "The 'generate' method of a model must draw its noise by torch.randn, rand, randn_like, "
        "rand_like or one draw of multinomial, with a row of numbers for each label. Got "
        f"{getattr(func, '__name__', func)}{how}, which would make a signal depend on the others "
        "of its batch. Draw the noise by one of these, in eval mode."
    )
