"""Map-style data set of real and synthetic signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from bioaug.core.checks import (
    NOT_NEGATIVE_INT,
    UNIT,
    check_finite,
    check_labels,
    check_number,
    check_signals,
)
from bioaug.exceptions import DataError
from bioaug.torch_datasets._epoch import IndexedDataset, Item
from bioaug.torch_datasets._source import Generator, Source, checked_classes

N_CHECKED = 64  # real rows whose scale is compared with that of the training rows


class AugmentedDataset(IndexedDataset, Dataset[Item]):
    """Real rows followed by synthetic ones, some real ones replaced by synthetic ones.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...) or map-style dataset
        Signals as the synthesizer saw them; or a dataset of signals or of (signal, label) items.
    y : array-like of shape (n_samples,)
        The label of every row; needed for a dataset too, whose own labels are ignored.
    synthesizer : Synthesizer or GANOversampler
        Fitted. A sampler also generates the classes that are too small for a model, but its quality
        filter does not judge these rows. A class that it does not know stays as it is.
    grow : {"balanced"} or dict or None, default="balanced"
        Synthetic rows that follow the real ones: as many as bring every class that the synthesizer
        knows to the size of the largest class, or so many by class; None is none.
    mix : float in [0, 1] or callable, default=0.0
        Probability that a real row is replaced by a synthetic one of its class; a callable
        (epoch) -> float is a schedule.
    classes : array-like, optional
        The labels in the order of their codes, for codes that do not depend on which classes `y`
        happens to hold; None is those of `y`, sorted.
    random_state : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        An item is (signal, code), a float32 tensor and the index of its label in `classes_`.
        A slice, a mask or a list of indices gives (signals, codes).
    labels_ : ndarray of shape (n,)
        The code of every item, real and synthetic, for samplers.

    Notes
    -----
    A synthetic item depends on (`random_state`, epoch, index) only, so workers and ranks do not
    matter; `set_epoch` gives new ones. One batch is one call of the generator.

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
        synthesizer: Generator,
        *,
        grow: Literal["balanced"] | Mapping[Any, int] | None = "balanced",
        mix: float | Callable[[int], float] = 0.0,
        classes: Any = None,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        owner = "AugmentedDataset"
        self._source = Source(synthesizer, random_state, owner)
        self._real: Any = self._checked_rows(X, owner)
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
        some = np.linspace(0, len(labels) - 1, min(len(labels), N_CHECKED)).astype(int)
        self._source.warn_of_units([self._row(i).numpy() for i in some], labels[some], owner)
        present, codes = np.unique(labels, return_inverse=True)
        self.classes_ = checked_classes(classes, present, owner, "y")
        code_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        codes = np.array([code_of[label] for label in present.tolist()])[codes]
        self._known = np.isin(self.classes_, self._source.classes)
        added = self._added(grow, np.bincount(codes, minlength=len(code_of)), owner)
        self.labels_ = np.concatenate([codes, np.repeat(np.arange(len(added)), added)])

    def _checked_rows(self, X: Any, owner: str) -> Any:
        """Return the real signals: a float32 tensor, or the data set that was given."""
        if isinstance(X, Dataset):
            if isinstance(X, IterableDataset) or not hasattr(X, "__len__"):
                raise DataError(
                    f"The 'X' parameter of {owner} must be a map-style data set, with a length. "
                    f"Got {type(X).__name__} instead."
                )
            if len(X):  # pyright: ignore[reportArgumentType]
                self._signal(X[0])
            return X
        rows, _ = check_signals(X, None, owner=owner)
        if rows.shape[1:] != self._source.shape:
            raise self._shape_error(rows.shape[1:])
        with np.errstate(over="ignore"):
            rows = np.require(rows, np.float32, ["C", "W"])  # torch shares writeable rows only
        check_finite(rows, owner=owner)  # in float32, where large numbers are infinite
        return torch.from_numpy(rows)

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
            check_number(value, NOT_NEGATIVE_INT, name="grow", owner=owner)
        return np.array([grow.get(label, 0) for label in self.classes_.tolist()])

    def __len__(self) -> int:
        return len(self.labels_)

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        index, epoch = self._checked(indices), self.epoch
        codes, is_new = self.labels_[index], index >= self.n_real
        mix = self._mix(epoch) if callable(self._mix) else self._mix
        if mix:
            replaced = self._source.fractions(index, epoch) < mix
            is_new = is_new | (replaced & self._known[codes])
        generated: Iterator[Tensor] = iter(())
        if is_new.any():
            labels = self.classes_[codes[is_new]]
            generated = iter(self._source.generate(labels, index[is_new], epoch))
        return [
            (next(generated) if new else self._row(i), torch.tensor(code))
            for i, new, code in zip(index.tolist(), is_new, codes.tolist(), strict=True)
        ]

    def _row(self, index: int) -> Tensor:
        row = self._real[index]
        return row if isinstance(self._real, Tensor) else self._signal(row)

    def _signal(self, item: Any) -> Tensor:
        """Return the signal of an item of a data set."""
        if isinstance(item, tuple | list) and 1 <= len(item) <= 2:
            item = item[0]
        if not isinstance(item, Tensor | np.ndarray):
            what = type(item).__name__
            if isinstance(item, tuple | list):
                what = f"a {what} of {len(item)}"
            raise DataError(
                "The 'X' parameter of AugmentedDataset must be a data set whose items are signals "
                f"or (signal, label), for a synthetic item has nothing else. Got {what}. Wrap it "
                "in a data set that leaves the rest out."
            )
        signal = torch.as_tensor(item, dtype=torch.float32)
        if tuple(signal.shape) != self._source.shape:
            raise self._shape_error(tuple(signal.shape))
        return signal

    def _shape_error(self, shape: tuple[int, ...]) -> DataError:
        return DataError(
            f"The 'X' parameter of AugmentedDataset must have signals of shape "
            f"{self._source.shape}, as the synthesizer generates. Got {shape} instead. Reshape "
            "them, or fit a synthesizer on such signals."
        )
