"""Collate function that replaces rows of a batch by synthetic ones on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils import data

from bioaug.core.checks import UNIT, check_number
from bioaug.exceptions import DataError
from bioaug.torch_datasets._epoch import Item
from bioaug.torch_datasets._source import Generator, Source, checked_classes
from bioaug.training.runtime import Runtime


class MixOnDevice:
    """Replaces some rows of each batch by synthetic signals, on the device where the batch goes.

    Give it to a loader as `collate_fn`, with ``num_workers=0``, or call it on batches. It counts
    the rows that it has seen, so that every batch gets new signals.

    Parameters
    ----------
    synthesizer : Synthesizer or GANOversampler
        Fitted. Rows of classes that it does not know stay as they are.
    classes : array-like
        The label of every code, as in `AugmentedDataset.classes_`.
    mix : float in [0, 1]
        Probability of every row to be replaced by a synthetic one of its class.
    device : str, default="cpu"
    random_state : int, default=0
    """

    def __init__(
        self,
        synthesizer: Generator,
        classes: Any,
        mix: float,
        *,
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        owner = "MixOnDevice"
        self._source = Source(synthesizer, random_state, owner)
        check_number(mix, UNIT, name="mix", owner=owner)
        self.classes = checked_classes(classes, np.array([]), owner, "the batches")
        self.mix = float(mix)
        self.device, self.n_rows = Runtime.create(device).device, 0

    def __call__(self, batch: Any) -> Item:
        """Return (signals, codes) of a batch, or of a list of items.

        Raises
        ------
        DataError
            In a worker of a loader, which would count for itself.
        """
        worker = data.get_worker_info()
        if worker is not None:
            raise DataError(
                "The 'num_workers' parameter of a loader with MixOnDevice must be 0, for every "
                f"worker would generate the same signals. Got {worker.num_workers}."
            )
        signals, codes = data.default_collate(batch) if isinstance(batch, list) else batch
        signals, labels = signals.to(self.device), self.classes[codes.cpu().numpy()]
        if self.n_rows == 0:
            self._source.warn_of_units(signals.cpu().numpy(), labels, "MixOnDevice")
        index = np.arange(self.n_rows, self.n_rows + len(signals))
        self.n_rows += len(signals)
        known = np.isin(labels, self._source.classes)
        chosen = (self._source.fractions(index, 0) < self.mix) & known
        if chosen.any():
            synthetic = self._source.generate(labels[chosen], index[chosen], 0).to(signals)
            signals = signals.clone()
            signals[torch.from_numpy(chosen).to(self.device)] = synthetic
        return signals, codes.to(self.device)
