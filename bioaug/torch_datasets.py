"""Synthetic signals for torch's DataLoader, made while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, default_collate, get_worker_info

from bioaug._row_noise import row_seeds
from bioaug._validation import (
    COUNT,
    NOT_NEGATIVE,
    UNIT,
    WHOLE,
    Interval,
    check_finite,
    check_labels,
    check_number,
    check_signals,
)
from bioaug.exceptions import DataError
from bioaug.synthesizer import Synthesizer
from bioaug.training.runtime import Runtime

_STEP = 0.6180339887498949  # of the golden ratio: its multiples fill [0, 1) evenly at any count
Item = tuple[Tensor, Tensor]


class _Epoch:
    """The number of the epoch, which the main process sets and every worker sees."""

    def __init__(self) -> None:
        self._number = torch.zeros(1, dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins; its synthetic signals are new ones.

        Call it before each pass through the loader, as with torch's `DistributedSampler`.
        """
        check_number(epoch, WHOLE, name="epoch", owner="set_epoch")
        self._number[0] = int(epoch)

    @property
    def epoch(self) -> int:
        """The number of the epoch."""
        return int(self._number[0])


class _Source:
    """Makes rows of a synthesizer from (seed, epoch, index) alone."""

    def __init__(self, synthesizer: Synthesizer, random_state: int, owner: str) -> None:
        if not isinstance(synthesizer, Synthesizer):
            raise DataError(
                f"The 'synthesizer' parameter of {owner} must be a fitted Synthesizer. "
                f"Got {type(synthesizer).__name__} instead."
            )
        check_is_fitted(synthesizer)
        check_number(random_state, WHOLE, name="random_state", owner=owner)
        self.synthesizer, self.seed = synthesizer, int(random_state)

    def make(self, labels: NDArray, index: NDArray, epoch: int) -> Tensor:
        """Return one float32 signal per label."""
        # CUDA must not be touched in a forked worker.
        device = torch.device("cpu")
        if get_worker_info() is None:
            device = Runtime.create(self.synthesizer.device).device
        seeds = row_seeds(self.seed, index, epoch=epoch)
        rows = self.synthesizer._make(labels, seeds, device)
        return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))

    def chances(self, index: NDArray, epoch: int) -> NDArray[np.float64]:
        """Return one number in [0, 1) per index."""
        words = row_seeds(self.seed + 1, index, epoch=epoch)
        return (words.view(np.uint64) >> np.uint64(11)).astype(np.float64) * 2.0**-53


class SyntheticDataset(_Epoch, Dataset[Item]):
    """Synthetic signals alone, made when the loader asks for them.

    Item i of an epoch depends on (`random_state`, epoch, i) only: any number of workers or ranks
    sees the same stream, and a loader that starts in the middle goes on with the same signals. One
    batch is one call of the generator.

    Parameters
    ----------
    synthesizer : Synthesizer
        Fitted.
    n_samples : int
        Signals in an epoch.
    proportions : dict, optional
        Shares of the classes, which need not sum to 1; None is equal shares.
    random_state : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        An item is (signal, code), a float32 tensor and the place of its label in `classes_`.

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
        synthesizer: Synthesizer,
        n_samples: int,
        *,
        proportions: Mapping[Any, float] | None = None,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        self._source = _Source(synthesizer, random_state, "SyntheticDataset")
        check_number(n_samples, COUNT, name="n_samples", owner="SyntheticDataset")
        self.n_samples, self.classes_ = int(n_samples), synthesizer.classes_
        self._limits = _limits(proportions, self.classes_, "SyntheticDataset")

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        index = _checked_index(indices, self.n_samples)
        codes = _codes(index, self._limits)
        signals = self._source.make(self.classes_[codes], index, self.epoch)
        return list(zip(signals, torch.from_numpy(codes), strict=True))


class SyntheticBatches(_Epoch, IterableDataset[Item]):
    """An endless or counted stream of synthetic batches, for a loader with ``batch_size=None``.

    Batch k of an epoch depends on (`random_state`, epoch, k) only, and workers and ranks take
    turns, so the order is the same whatever their number (each rank sees its own share).

    Parameters
    ----------
    synthesizer : Synthesizer
        Fitted.
    batch_size : int
    n_batches : int, optional
        Batches in an epoch, of all ranks together; None never ends.
    proportions : dict, optional
        Shares of the classes; None is equal shares.
    rank, world_size : int, default=0, 1
        Which share of the batches this process takes.
    random_state : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        A batch is (signals, codes), codes being places in `classes_`.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        batch_size: int,
        *,
        n_batches: int | None = None,
        proportions: Mapping[Any, float] | None = None,
        rank: int = 0,
        world_size: int = 1,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        owner = "SyntheticBatches"
        self._source = _Source(synthesizer, random_state, owner)
        check_number(batch_size, COUNT, name="batch_size", owner=owner)
        check_number(n_batches, COUNT, name="n_batches", owner=owner, optional=True)
        check_number(world_size, COUNT, name="world_size", owner=owner)
        ranks = Interval(Integral, 0, world_size, closed="left")
        check_number(rank, ranks, name="rank", owner=owner)
        self.batch_size, self.n_batches = int(batch_size), n_batches
        self.rank, self.world_size = int(rank), int(world_size)
        self.classes_ = synthesizer.classes_
        self._limits = _limits(proportions, self.classes_, owner)
        self._start = 0

    def set_epoch(self, epoch: int, *, start: int = 0) -> None:
        """Say which epoch begins, and after how many batches of this rank: to go on in the middle.

        `start` must be set before the loader starts its workers.
        """
        check_number(start, WHOLE, name="start", owner="set_epoch")
        super().set_epoch(epoch)
        self._start = int(start)

    def __iter__(self) -> Iterator[Item]:
        worker = get_worker_info()
        turn, n_turns = (0, 1) if worker is None else (worker.id, worker.num_workers)
        place = self._start + turn  # among the batches of this rank
        while True:
            number = place * self.world_size + self.rank
            if self.n_batches is not None and number >= self.n_batches:
                return
            index = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
            codes = _codes(index, self._limits)
            signals = self._source.make(self.classes_[codes], index, self.epoch)
            yield signals, torch.from_numpy(codes)
            place += n_turns


class AugmentedDataset(_Epoch, Dataset[Item]):
    """Real rows, grown by synthetic ones, or some of them replaced by synthetic ones.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...) or map-style dataset
        Signals as the synthesizer saw them; or a dataset of (signal, label) items.
    y : array-like of shape (n_samples,)
        The label of every row; needed for a dataset too, whose own labels are not looked at.
    synthesizer : Synthesizer
        Fitted. Where it does not know a class, that class stays as it is.
    grow : {"balanced"} or dict or None, default="balanced"
        Synthetic rows that follow the real ones: as many as bring every class that the synthesizer
        knows to the size of the largest class, or so many by class; None is none.
    mix : float in [0, 1] or callable, default=0.0
        Chance that a real row is replaced by a synthetic one of its class; a callable (epoch) ->
        float is a schedule.
    classes : array-like, optional
        The labels in the order of their codes, for codes that do not depend on which classes `y`
        happens to hold; None is those of `y`, sorted.
    random_state : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        An item is (signal, code), a float32 tensor and the place of its label in `classes_`.
    labels_ : ndarray of shape (n,)
        The code of every item, real and synthetic, for samplers.

    Notes
    -----
    A synthetic item depends on (`random_state`, epoch, index) only, so workers and ranks do not
    matter; `set_epoch` makes new ones. One batch is one call of the generator.

    Examples
    --------
    >>> from bioaug import AugmentedDataset, Synthesizer
    >>> from bioaug.datasets import make_ecg
    >>> ecg = make_ecg(200, classes=("N", "V"), random_state=0)
    >>> synthesizer = Synthesizer(n_steps=2, random_state=0).fit(ecg.data, ecg.target)
    >>> dataset = AugmentedDataset(ecg.data, ecg.target, synthesizer)
    >>> len(ecg.data), len(dataset) > 300
    (200, True)
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        synthesizer: Synthesizer,
        *,
        grow: Literal["balanced"] | Mapping[Any, int] | None = "balanced",
        mix: float | Callable[[int], float] = 0.0,
        classes: Any = None,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        owner = "AugmentedDataset"
        self._source = _Source(synthesizer, random_state, owner)
        self._real: Any = X
        if not isinstance(X, Dataset):
            rows, _ = check_signals(X, None, owner=owner)
            if rows.shape[1:] != synthesizer.signal_shape_:
                raise DataError(
                    f"The 'X' parameter of {owner} must have signals of shape "
                    f"{synthesizer.signal_shape_}, as the synthesizer makes. Got {rows.shape[1:]} "
                    "instead. Reshape them, or fit a synthesizer on such signals."
                )
            with np.errstate(over="ignore"):
                rows = np.require(rows, np.float32, ["C", "W"])  # torch shares writeable rows only
            check_finite(rows, owner=owner)  # in float32, where large numbers are infinite
            self._real = torch.from_numpy(rows)
        labels = np.asarray(y)
        if labels.shape != (len(self._real),):
            raise DataError(
                f"The 'y' parameter of {owner} must hold the label of each of the "
                f"{len(self._real)} rows. Got shape {labels.shape} instead."
            )
        check_labels(labels, owner=owner)
        if not callable(mix):
            check_number(mix, UNIT, name="mix", owner=owner, otherwise=" or a callable")
        self._mix, self.n_real = mix, len(labels)
        found, codes = np.unique(labels, return_inverse=True)
        self.classes_ = found if classes is None else np.asarray(classes)
        places = {label: place for place, label in enumerate(self.classes_.tolist())}
        if len(places) < len(self.classes_) or not places.keys() >= set(found.tolist()):
            raise DataError(
                f"The 'classes' parameter of {owner} must hold every label of y, "
                f"{found.tolist()}, and none twice. Got {self.classes_.tolist()} instead."
            )
        codes = np.array([places[label] for label in found.tolist()])[codes]
        self._known = np.isin(self.classes_, synthesizer.classes_)
        added = self._added(grow, np.bincount(codes, minlength=len(places)), owner)
        self.labels_ = np.concatenate([codes, np.repeat(np.arange(len(added)), added)])

    def _added(self, grow: Any, counts: NDArray, owner: str) -> NDArray:
        if grow is None:
            return np.zeros_like(counts)
        if grow == "balanced":
            return np.where(self._known, counts.max() - counts, 0)
        known = self.classes_[self._known].tolist()
        is_right = isinstance(grow, Mapping) and set(grow) <= set(known)
        if not is_right:
            raise DataError(
                f"The 'grow' parameter of {owner} must be 'balanced', None or a dict of the "
                f"classes {known}. Got {grow!r} instead."
            )
        for value in grow.values():
            check_number(value, WHOLE, name="grow", owner=owner)
        return np.array([grow.get(label, 0) for label in self.classes_.tolist()])

    def __len__(self) -> int:
        return len(self.labels_)

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        index, epoch = _checked_index(indices, len(self)), self.epoch
        codes, is_new = self.labels_[index], index >= self.n_real
        share = self._mix(epoch) if callable(self._mix) else self._mix
        if share:
            replaced = self._source.chances(index, epoch) < share
            is_new = is_new | (replaced & self._known[codes])
        made = iter(())
        if is_new.any():
            labels = self.classes_[codes[is_new]]
            made = iter(self._source.make(labels, index[is_new], epoch))
        return [
            (next(made) if new else self._row(i), torch.tensor(code))
            for i, new, code in zip(index.tolist(), is_new, codes.tolist(), strict=True)
        ]

    def _row(self, index: int) -> Tensor:
        row = self._real[index]
        return row if isinstance(row, Tensor) else torch.as_tensor(row[0], dtype=torch.float32)


class MixOnDevice:
    """Replaces a share of each batch by synthetic signals, on the device where the batch goes.

    Give it to a loader as `collate_fn`, with ``num_workers=0``, or call it on batches. It counts
    the rows that it has seen, so that every batch gets new signals.

    Parameters
    ----------
    synthesizer : Synthesizer
        Fitted. Rows of classes that it does not know stay as they are.
    classes : array-like
        The label of every code, as in `AugmentedDataset.classes_`.
    share : float in [0, 1]
        Chance of every row to be replaced by a synthetic one of its class.
    device : str, default="cpu"
    random_state : int, default=0
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        classes: Any,
        share: float,
        *,
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        self._source = _Source(synthesizer, random_state, "MixOnDevice")
        check_number(share, UNIT, name="share", owner="MixOnDevice")
        self.classes, self.share = np.asarray(classes), float(share)
        self.device, self.n_rows = Runtime.create(device).device, 0

    def __call__(self, batch: Any) -> Item:
        """Return (signals, codes) of a batch, or of a list of items.

        Raises
        ------
        DataError
            In a worker of a loader, which would count for itself.
        """
        worker = get_worker_info()
        if worker is not None:
            raise DataError(
                "The 'num_workers' parameter of a loader with MixOnDevice must be 0, for every "
                f"worker would make the same signals. Got {worker.num_workers}."
            )
        signals, codes = default_collate(batch) if isinstance(batch, list) else batch
        signals, labels = signals.to(self.device), self.classes[codes.cpu().numpy()]
        index = np.arange(self.n_rows, self.n_rows + len(signals))
        self.n_rows += len(signals)
        known = np.isin(labels, self._source.synthesizer.classes_)
        chosen = (self._source.chances(index, 0) < self.share) & known
        if chosen.any():
            made = self._source.make(labels[chosen], index[chosen], 0).to(signals)
            signals = signals.clone()
            signals[torch.from_numpy(chosen).to(self.device)] = made
        return signals, codes.to(self.device)


def _limits(proportions: Mapping[Any, float] | None, classes: NDArray, owner: str) -> NDArray:
    """Return the upper end of every class in [0, 1]."""
    if proportions is None:
        shares = np.ones(len(classes))
    else:
        known = classes.tolist()
        is_right = isinstance(proportions, Mapping) and set(proportions) <= set(known)
        if not is_right or not any(proportions.values()):
            raise DataError(
                f"The 'proportions' parameter of {owner} must be a dict of shares of the classes "
                f"{known}, not all 0. Got {proportions!r} instead."
            )
        for share in proportions.values():
            check_number(share, NOT_NEGATIVE, name="proportions", owner=owner)
        shares = np.array([proportions.get(label, 0.0) for label in known])
    return np.cumsum(shares) / shares.sum()


def _codes(index: NDArray, limits: NDArray) -> NDArray[np.int64]:
    """Return the class of every index, evenly spread over any stretch of indices."""
    return np.searchsorted(limits, index * _STEP % 1.0, side="right").clip(max=len(limits) - 1)


def _checked_index(indices: Sequence[int], n: int) -> NDArray[np.int64]:
    index = np.asarray(indices, dtype=np.int64)
    index = np.where(index < 0, index + n, index)
    if len(index) and (index.min() < 0 or index.max() >= n):
        raise IndexError(f"An index is out of the range of {n} items.")
    return index
