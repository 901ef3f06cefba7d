"""Mixins of data sets: the number of the epoch in shared memory, and items by many indices."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import data

from bioaug.core.checks import NOT_NEGATIVE_INT, check_number
from bioaug.exceptions import DataError

Item = tuple[Tensor, Tensor]


class HasEpoch:
    """Mixin of data sets: `set_epoch`, whose number lies in shared memory.

    Copies of a data set, by `pickle`, `copy.deepcopy` or `torch.save`, have a number of their own
    in shared memory again. Where there is no shared memory, the number is the main process's, and
    a worker refuses to work with it.
    """

    def __init__(self) -> None:
        self._number = _shared(torch.zeros(2, dtype=torch.int64))  # the epoch, the batches to skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._number = _shared(self._number)

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch that begins; its synthetic signals are new ones.

        Call it before each pass through the loader, as with torch's `DistributedSampler`.
        """
        check_number(epoch, NOT_NEGATIVE_INT, name="epoch", owner="set_epoch")
        self._number[0] = int(epoch)

    @property
    def epoch(self) -> int:
        """The number of the epoch."""
        worker = data.get_worker_info()
        if worker is not None and not self._number.is_shared():
            raise DataError(
                "The 'num_workers' parameter of the loader must be 0, for this system gives no "
                "shared memory (is /dev/shm missing or full?), through which workers see the "
                f"epoch. Got {worker.num_workers}."
            )
        return int(self._number[0])


class IndexedDataset(HasEpoch):
    """Mixin of map-style data sets that fetch many items at once, by `__getitems__`."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        """Return the item of an index, or (signals, codes) of a slice, a mask or many indices."""
        if isinstance(index, Integral) or (
            isinstance(index, np.ndarray | Tensor) and not index.ndim and index.dtype != bool
        ):
            return self.__getitems__([int(index)])[0]
        return data.default_collate(self.__getitems__(self._indices(index)))

    def _indices(self, index: Any) -> Any:
        if isinstance(index, slice):
            return range(len(self))[index]
        try:
            indices = np.asarray(index)
        except (TypeError, ValueError):
            indices = np.empty((), object)
        if indices.dtype == bool and indices.shape == (len(self),):
            indices = np.flatnonzero(indices)
        if indices.ndim != 1 or indices.dtype.kind not in "iu" or not len(indices):
            raise DataError(
                f"The index of {type(self).__name__} must be an integer, or a slice, a list of "
                f"integers or a mask that chooses one item or more. Got {index!r} instead."
            )
        return indices

    def _checked(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Return indices from 0 on."""
        n, index = len(self), np.asarray(indices, dtype=np.int64)
        index = np.where(index < 0, index + n, index)
        if len(index) and (index.min() < 0 or index.max() >= n):
            raise IndexError(f"An index is out of the range of {n} items.")
        return index


def _shared(numbers: Tensor) -> Tensor:
    """Move numbers into shared memory, where there is any."""
    try:
        return numbers.share_memory_()
    except (RuntimeError, OSError):
        return numbers
