"""What can make rows of a class from seeds: synthesizers, simpler methods, adapted objects."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from bioaug.core.row_noise import row_seeds
from bioaug.core.seeding import SEED_LIMIT, seeded
from bioaug.exceptions import DataError
from bioaug.oversampling.classical import ClassicalMethod
from bioaug.synthesis.synthesizer import Synthesizer

DRAW = 256  # rows that an adapted object draws in one go


class Grower(ABC):
    """Makes rows, each from its class, its seed and its index alone."""

    name: str
    is_drawn = False  # whether a seed gives a whole draw, and the index one row of it

    def seeds(self, stream: int, index: NDArray) -> NDArray[np.int64]:
        """Return the seed of every row of a stream, one of its own unless a draw shares it."""
        return row_seeds(stream, index)

    @abstractmethod
    def make(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label, seed and index, in the units of the training rows."""


class SynthesizerGrower(Grower):
    """A fitted `Synthesizer`."""

    def __init__(self, synthesizer: Synthesizer, name: str) -> None:
        self.synthesizer, self.name = synthesizer, name

    def make(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label and seed."""
        labels = labels.astype(self.synthesizer.classes_.dtype)
        return self.synthesizer.generate(labels, seeds)


class ClassicalGrower(Grower):
    """A method without training, on the rows of every class that it was given."""

    def __init__(self, name: str, n_features: int = 0) -> None:
        self.name, self._n_features = name, n_features
        self._methods: dict[Any, ClassicalMethod] = {}

    def fit(self, X: NDArray, label: Any) -> ClassicalGrower:
        """Take the rows of one more class."""
        self._methods[label] = ClassicalMethod.fit(self.name, X, self._n_features)
        return self

    def make(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label and seed."""
        return _class_by_class(labels, lambda label, rows: self._methods[label].make(seeds[rows]))


class AdaptedGrower(Grower):
    """Any object with `fit` and `sample`, cloned and fitted on the rows of each class.

    Such an object draws many rows from one seed, so rows come in draws of 256: a row is made again
    from the seed of its draw and its place in it, ``index % 256``.

    Parameters
    ----------
    model : object
        ``fit(X)`` on rows of shape (n, n_values), then ``sample(n)``, which returns rows or (rows,
        labels). It is seeded by `random_state`, a parameter of `sample` or of its own.
    """

    is_drawn = True

    def __init__(self, model: Any) -> None:
        self.name = type(model).__name__
        self._model = model
        self._fitted: dict[Any, Any] = {}

    def fit(self, X: NDArray, y: NDArray, seeds: Mapping[Any, int]) -> AdaptedGrower:
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

    def seeds(self, stream: int, index: NDArray) -> NDArray[np.int64]:
        """Return the seed of every row's draw."""
        return row_seeds(stream, index // DRAW) % SEED_LIMIT

    def make(self, labels: NDArray, seeds: NDArray, index: NDArray) -> NDArray:
        """Return one row for each label, seed and index."""

        def of_class(label: Any, rows: NDArray) -> NDArray:
            made = np.empty((len(rows), *self._shape))
            for seed in np.unique(seeds[rows]):
                of_draw = seeds[rows] == seed
                made[of_draw] = self._draw(label, int(seed))[index[rows][of_draw] % DRAW]
            return made

        made = _class_by_class(labels, of_class)
        return made if self._dtype.kind in "iub" else made.astype(self._dtype)

    def _draw(self, label: Any, seed: int) -> NDArray:
        model = self._fitted[label]
        _set_seed(model, seed)
        takes_seed = "random_state" in inspect.signature(model.sample).parameters
        with seeded(seed):
            drawn = model.sample(DRAW, **({"random_state": seed} if takes_seed else {}))
        rows = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn)
        if rows.shape[:1] != (DRAW,) or rows.size != DRAW * np.prod(self._shape):
            raise DataError(
                f"The 'model' parameter of GANOversampler must sample rows of "
                f"{int(np.prod(self._shape))} values. Got an array of shape {rows.shape} for "
                f"{DRAW} rows from {self.name}."
            )
        if not np.isfinite(rows).all():
            raise DataError(
                f"The 'model' parameter of GANOversampler must sample finite rows. Got NaN or "
                f"infinity from {self.name} in class {label}."
            )
        order = np.random.default_rng(seed).permutation(DRAW)  # mixtures draw part by part
        return rows[order].reshape(DRAW, *self._shape)


def _set_seed(model: Any, seed: int) -> None:
    if hasattr(model, "random_state"):
        model.random_state = seed


def _class_by_class(labels: NDArray, make: Any) -> NDArray:
    """Return what `make` gives for every class and the places of its rows, in the rows' order."""
    out: NDArray | None = None
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        made = make(label, rows)
        if out is None:
            out = np.empty((len(labels), *made.shape[1:]), made.dtype)
        out[rows] = made
    return np.empty(0) if out is None else out
