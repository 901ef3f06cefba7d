"""Generators of rows from labels and seeds: fitted synthesizers, classical methods, adapters."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from bioaug.core.row_noise import row_seeds
from bioaug.core.seeding import SEED_LIMIT, seeded
from bioaug.exceptions import DataError
from bioaug.oversampling._model import Label
from bioaug.oversampling.classical import ClassicalMethod
from bioaug.synthesis.synthesizer import Synthesizer

ROWS_PER_DRAW = 256  # that an adapted object samples in one go


class RowGenerator(ABC):
    """Generates rows, each from its class, its seed and its index alone."""

    name: str

    @abstractmethod
    def generate(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label, seed and index, in the units of the training rows."""

    def stream(self, seed: int, index: NDArray) -> NDArray[np.int64]:
        """Return the seeds of the rows of a stream with these indices."""
        return row_seeds(seed, index)

    def addressed(self, numbers: NDArray) -> tuple[NDArray, NDArray]:
        """Return the seed and the index of the rows that a user counts by `numbers`."""
        return numbers, np.zeros_like(numbers)


class SynthesizerGenerator(RowGenerator):
    """A fitted `Synthesizer`."""

    def __init__(self, synthesizer: Synthesizer, name: str) -> None:
        self.synthesizer, self.name = synthesizer, name

    def generate(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label and seed."""
        labels = labels.astype(self.synthesizer.classes_.dtype)
        return self.synthesizer.generate(labels, seeds)


class ClassicalGenerator(RowGenerator):
    """A method without training, on the rows of every class that it was given."""

    def __init__(self, name: str, n_features: int = 0) -> None:
        self.name, self._n_features = name, n_features
        self._methods: dict[Label, ClassicalMethod] = {}

    def add_class(self, label: Label, X: NDArray) -> None:
        """Take the rows of one more class."""
        self._methods[label] = ClassicalMethod.fit(self.name, X, self._n_features)

    def generate(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label and seed."""
        return _by_class(labels, lambda label, rows: self._methods[label].generate(seeds[rows]))


class AdaptedGenerator(RowGenerator):
    """Any object with `fit` and `sample`, cloned and fitted on the rows of each class.

    Such an object samples many rows from one seed, so rows come in draws of 256: a row is
    generated again from the seed of its draw and its position in it, ``index % 256``.

    Parameters
    ----------
    model : object
        ``fit(X)`` on rows of shape (n, n_values), then ``sample(n)``, which returns rows or (rows,
        labels). It is seeded by `random_state`, a parameter of `sample` or of its own.
    """

    def __init__(self, model: Any) -> None:
        self.name = type(model).__name__
        self._model = model
        self._fitted: dict[Label, Any] = {}

    def fit(self, X: NDArray, y: NDArray, seeds: Mapping[Label, int]) -> AdaptedGenerator:
        """Fit a clone on the rows of every class in `seeds`."""
        self._dtype, self._shape = X.dtype, X.shape[1:]
        for label, seed in seeds.items():
            model: Any = clone(self._model, safe=False)
            _set_seed(model, seed)
            rows = X[y == label]
            try:
                with seeded(seed):  # for a model that takes no random_state
                    fitted = model.fit(rows.reshape(len(rows), -1))
            except Exception as error:
                error.add_note(f"GANOversampler: in {self.name}.fit, {len(rows)} rows of {label}.")
                raise
            self._fitted[label] = model if fitted is None else fitted
        return self

    def stream(self, seed: int, index: NDArray) -> NDArray[np.int64]:
        """Return the seed of every row's draw."""
        return row_seeds(seed, index // ROWS_PER_DRAW) % SEED_LIMIT

    def addressed(self, numbers: NDArray) -> tuple[NDArray, NDArray]:
        """Return the seed of each row's draw, and its position in the draw."""
        return numbers // ROWS_PER_DRAW % SEED_LIMIT, numbers % ROWS_PER_DRAW

    def generate(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label, seed and index."""

        def of_class(label: Label, rows: NDArray) -> NDArray:
            generated = np.empty((len(rows), *self._shape))
            for seed in np.unique(seeds[rows]):
                of_draw = seeds[rows] == seed
                drawn = self._draw(label, int(seed))
                generated[of_draw] = drawn[index[rows][of_draw] % ROWS_PER_DRAW]
            return generated

        generated = _by_class(labels, of_class)
        return generated if self._dtype.kind in "iub" else generated.astype(self._dtype)

    def _draw(self, label: Label, seed: int) -> NDArray:
        model = self._fitted[label]
        _set_seed(model, seed)
        takes_seed = "random_state" in inspect.signature(model.sample).parameters
        with seeded(seed):
            drawn = model.sample(ROWS_PER_DRAW, **({"random_state": seed} if takes_seed else {}))
        rows = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn)
        if rows.shape[:1] != (ROWS_PER_DRAW,) or rows.size != ROWS_PER_DRAW * np.prod(self._shape):
            raise DataError(
                f"The 'model' parameter of GANOversampler must sample rows of "
                f"{int(np.prod(self._shape))} values. Got an array of shape {rows.shape} for "
                f"{ROWS_PER_DRAW} rows from {self.name}."
            )
        if not np.isfinite(rows).all():
            raise DataError(
                f"The 'model' parameter of GANOversampler must sample finite rows. Got NaN or "
                f"infinity from {self.name} in class {label}."
            )
        order = np.random.default_rng(seed).permutation(ROWS_PER_DRAW)  # mixtures go part by part
        return rows[order].reshape(ROWS_PER_DRAW, *self._shape)


def _set_seed(model: Any, seed: int) -> None:
    if hasattr(model, "random_state"):
        model.random_state = seed


def _by_class(labels: NDArray, generate: Callable[[Label, NDArray], NDArray]) -> NDArray:
    """Return what `generate` gives for each class and the indices of its rows, in their order."""
    result: NDArray | None = None
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        generated = generate(label, rows)
        if result is None:
            result = np.empty((len(labels), *generated.shape[1:]), generated.dtype)
        result[rows] = generated
    return np.empty(0) if result is None else result
