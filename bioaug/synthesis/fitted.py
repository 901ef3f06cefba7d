"""A trained model together with the codec of its training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from bioaug.core.row_noise import RowNoise, row_seeds
from bioaug.core.seeding import SEED_LIMIT, give_way, seeded
from bioaug.models.base import GenerativeModel
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.quality import N_COMPARED, ClassQuality, compare_rows

# Limits of one chunk of generated rows, so that activations stay near 100 MiB: values in all, time
# steps of all rows (attention over single steps takes memory quadratic in them), and rows.
MAX_CHUNK_VALUES, MAX_CHUNK_TIMESTEPS, MAX_CHUNK_ROWS = 2**21, 2**17, 1024


class SignalSource(Protocol):
    """What a score is computed of: a fitted `Synthesizer`, or a model while it is trained."""

    def sample(self, n_samples: int = 1, *, y: Any = None, random_state: Any = None) -> Any:
        """Return (X, y): signals, one of each class in `y` or `n_samples` of all classes."""
        ...


Scorer = Callable[[SignalSource, NDArray, NDArray], float]  # (source, X, y), greater is better


@dataclass
class FittedModel:
    """A trained model with the codec of its rows and the classes that it generates.

    Attributes
    ----------
    codec : SignalCodec
    model : GenerativeModel
        On the CPU, in evaluation mode when it generates.
    classes : ndarray of shape (n_classes,)
        Of the classes of the codec, those that this model is used for.
    history : list of dict
        Mean losses along the training.
    warning : str or None
        Why the training ended early, or what looks wrong.
    n_steps : int
        The steps that the training was planned for.
    quality : dict of label to ClassQuality
    """

    codec: SignalCodec
    model: GenerativeModel
    classes: NDArray
    history: list[dict[str, Any]] = field(default_factory=list)
    warning: str | None = None
    n_steps: int = 0
    quality: dict[Any, ClassQuality] = field(default_factory=dict)

    def generate(
        self, y: NDArray, seeds: NDArray[np.int64], device: torch.device | None = None
    ) -> NDArray:
        """Return one signal for each label and its seed; None generates where the model is."""
        out = np.empty((len(y), *self.codec.shape), self.codec.dtype)
        device = next(self.model.parameters()).device if device is None else device
        self.generate_into(out, np.arange(len(y)), y, seeds, device=device)
        return out

    @torch.no_grad()
    def generate_into(
        self,
        out: NDArray,
        rows: NDArray,
        y: NDArray,
        seeds: NDArray[np.int64],
        *,
        device: torch.device,
        max_chunk_values: int = MAX_CHUNK_VALUES,
    ) -> None:
        """Write one new signal per label of `y` into `rows` of `out`, a bounded chunk at a time.

        Each signal depends on its own seed in `seeds` alone, whatever else is generated with it.
        """
        labels = torch.from_numpy(self.codec.encode_labels(y)).to(device)
        spec = self.model.spec
        n_rows = max_chunk_values // (spec.n_channels * spec.n_timesteps)
        n_rows = max(1, min(n_rows, MAX_CHUNK_TIMESTEPS // spec.n_timesteps, MAX_CHUNK_ROWS))
        home = next(self.model.parameters()).device
        if home != device:  # which goes through all modules
            self.model.to(device)
        model = self.model.eval()
        try:
            # What does not come from the rows' own streams differs from call to call, too.
            with seeded(int(np.bitwise_xor.reduce(seeds) % SEED_LIMIT)):
                for start in range(0, len(y), n_rows):
                    chunk = slice(start, start + n_rows)
                    with RowNoise(torch.from_numpy(seeds[chunk]).to(device)):
                        generated = model.generate(labels[chunk])
                    out[rows[chunk]] = self.codec.decode(generated)
                    if home == device:  # else another thread would move the model meanwhile
                        give_way()
        finally:
            if home != device:
                self.model.to(home)

    def assess(
        self, X: NDArray, y: NDArray, held_out: tuple[NDArray, NDArray] | None, seed: int
    ) -> None:
        """Set `quality` from training rows and, where there are any, rows held out from them."""

        def encoded(rows: NDArray, label: Any) -> NDArray:
            return self.codec.encode(rows, np.repeat(label, len(rows)))[0].flatten(1).numpy()

        for name, label in zip(self.classes.tolist(), self.classes, strict=True):
            training = encoded(X[y == label], label)
            others = None if held_out is None else encoded(held_out[0][held_out[1] == label], label)
            n = min(len(training if others is None else others), N_COMPARED)
            synthetic = self.generate(np.repeat(label, n), row_seeds(seed, n))
            self.quality[name] = compare_rows(encoded(synthetic, label), training, others)


def without_classes(models: Sequence[FittedModel], classes: NDArray) -> list[FittedModel]:
    """Return the models that still generate a class when these are taken from them."""
    kept = []
    for fitted in models:
        own = fitted.classes[~np.isin(fitted.classes, classes)]
        quality = {label: note for label, note in fitted.quality.items() if label in own.tolist()}
        if len(own):
            kept.append(replace(fitted, classes=own, quality=quality))
    return kept


@dataclass(frozen=True)
class ModelInTraining:
    """The signals of a model with the weights that it has now, for a score that watches it."""

    codec: SignalCodec
    model: GenerativeModel

    def sample(
        self, n_samples: int = 1, *, y: Any = None, random_state: int = 0
    ) -> tuple[NDArray, NDArray]:
        """Return signals and their labels; the same `random_state` gives the same noise."""
        classes = self.codec.classes
        labels = np.resize(classes, n_samples) if y is None else np.asarray(y)
        fitted = FittedModel(self.codec, self.model, classes)
        return fitted.generate(labels, row_seeds(random_state, len(labels))), labels
