"""Data sets of synthetic signals alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from bioaug.core.checks import COUNT, NOT_NEGATIVE_INT, Interval, check_number
from bioaug.torch_datasets._epoch import HasEpoch, IndexedDataset, Item
from bioaug.torch_datasets._source import ClassSequence, Generator, Source


class SyntheticDataset(IndexedDataset, Dataset[Item]):
    """Synthetic signals alone, generated when the loader asks for them.

    Item i of an epoch depends on (`random_state`, epoch, i) only: any number of workers or ranks
    sees the same stream, and a loader that starts in the middle goes on with the same signals. One
    batch is one call of the generator.

    Parameters
    ----------
    synthesizer : Synthesizer or GANOversampler
        Fitted.
    n_samples : int
        Signals in an epoch.
    proportions : dict, optional
        Fractions of the classes, which need not sum to 1; None is equal fractions.
    classes : array-like, optional
        The labels in the order of their codes, such as those of the data set that this one is
        joined with; None is those of the synthesizer.
    random_state : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        An item is (signal, code), a float32 tensor and the index of its label in `classes_`.
        A slice, a mask or a list of indices gives (signals, codes).

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from bioaug import Synthesizer, SyntheticDataset
    >>> from bioaug.datasets import make_ecg
    >>> ecg = make_ecg(200, classes=("N", "V"), random_state=0)
    >>> synthesizer = Synthesizer(n_steps=2, random_state=0).fit(ecg.data, ecg.target)
    >>> dataset = SyntheticDataset(synthesizer, 64)
    >>> signals, codes = next(iter(DataLoader(dataset, batch_size=32)))
    >>> signals.shape[0], int((codes == 0).sum())
    (32, 16)
    """

    def __init__(
        self,
        synthesizer: Generator,
        n_samples: int,
        *,
        proportions: Mapping[Any, float] | None = None,
        classes: Any = None,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        owner = "SyntheticDataset"
        self._source = Source(synthesizer, random_state, owner)
        check_number(n_samples, COUNT, name="n_samples", owner=owner)
        self.n_samples = int(n_samples)
        self._sequence = ClassSequence(proportions, self._source.classes, classes, owner)
        self.classes_ = self._sequence.classes

    def __len__(self) -> int:
        return self.n_samples

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        index = self._checked(indices)
        labels, codes = self._sequence(index)
        return list(zip(self._source.generate(labels, index, self.epoch), codes, strict=True))


class SyntheticBatches(HasEpoch, IterableDataset[Item]):
    """An endless or counted stream of synthetic batches, for a loader with ``batch_size=None``.

    Batch k of an epoch depends on (`random_state`, epoch, k) only, and workers and ranks take
    turns, so the order is the same whatever their number (each rank sees its own part).

    Parameters
    ----------
    synthesizer : Synthesizer or GANOversampler
        Fitted.
    batch_size : int
    n_batches : int, optional
        Batches in an epoch, of all ranks together; None never ends.
    proportions : dict, optional
        Fractions of the classes; None is equal fractions.
    classes : array-like, optional
        The labels in the order of their codes; None is those of the synthesizer.
    rank, world_size : int, default=0, 1
        Which part of the batches this process takes.
    random_state : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        A batch is (signals, codes), codes being indices into `classes_`.
    """

    def __init__(
        self,
        synthesizer: Generator,
        batch_size: int,
        *,
        n_batches: int | None = None,
        proportions: Mapping[Any, float] | None = None,
        classes: Any = None,
        rank: int = 0,
        world_size: int = 1,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        owner = "SyntheticBatches"
        self._source = Source(synthesizer, random_state, owner)
        check_number(batch_size, COUNT, name="batch_size", owner=owner)
        check_number(n_batches, COUNT, name="n_batches", owner=owner, optional=True)
        check_number(world_size, COUNT, name="world_size", owner=owner)
        ranks = Interval(Integral, 0, world_size, closed="left")
        check_number(rank, ranks, name="rank", owner=owner)
        self.batch_size, self.n_batches = int(batch_size), n_batches
        self.rank, self.world_size = int(rank), int(world_size)
        self._sequence = ClassSequence(proportions, self._source.classes, classes, owner)
        self.classes_ = self._sequence.classes

    def set_epoch(self, epoch: int, *, start: int = 0) -> None:
        """Set the number of the epoch, and how many batches of this rank to skip, to resume it."""
        check_number(start, NOT_NEGATIVE_INT, name="start", owner="set_epoch")
        super().set_epoch(epoch)
        self._number[1] = int(start)

    def __iter__(self) -> Iterator[Item]:
        worker = get_worker_info()
        turn, n_turns = (0, 1) if worker is None else (worker.id, worker.num_workers)
        epoch = self.epoch
        turn_of_rank = int(self._number[1]) + turn  # among the batches of this rank
        while True:
            number = turn_of_rank * self.world_size + self.rank
            if self.n_batches is not None and number >= self.n_batches:
                return
            index = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
            labels, codes = self._sequence(index)
            yield self._source.generate(labels, index, epoch), codes
            turn_of_rank += n_turns
