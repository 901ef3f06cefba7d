"""Signals of a generator by (seed, epoch, index), and the class of every index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from bioaug.core.checks import NOT_NEGATIVE, NOT_NEGATIVE_INT, check_labels, check_number
from bioaug.core.row_noise import row_seeds
from bioaug.exceptions import DataError
from bioaug.synthesis.synthesizer import Synthesizer
from bioaug.synthesis.units import warn_of_units

_STEP = 0.6180339887498949  # of the golden ratio: its multiples fill [0, 1) evenly at any count


@runtime_checkable
class Generator(Protocol):
    """A fitted `Synthesizer` or `GANOversampler`, or anything that generates as they do."""

    def generate(self, labels: NDArray, seeds: NDArray[np.int64]) -> NDArray:
        """Return one signal per label, which depends on its own label and seed only."""
        ...


class Source:
    """Signals of a generator, each from (seed, epoch, index) alone."""

    def __init__(self, generator: Any, random_state: int, owner: str) -> None:
        if isinstance(generator, type) or not isinstance(generator, Generator):
            raise DataError(
                f"The 'synthesizer' parameter of {owner} must be a fitted Synthesizer or "
                f"GANOversampler. Got {type(generator).__name__} instead."
            )
        check_is_fitted(generator)
        check_number(random_state, NOT_NEGATIVE_INT, name="random_state", owner=owner)
        self.generator, self.seed = generator, int(random_state)
        self.classes: NDArray = generator.classes_  # pyright: ignore[reportAttributeAccessIssue]
        self.shape: tuple[int, ...] = generator.signal_shape_  # pyright: ignore

    def generate(self, labels: NDArray, index: NDArray, epoch: int) -> Tensor:
        """Return one float32 signal per label."""
        seeds = row_seeds(self.seed, index, epoch=epoch)
        rows = self.generator.generate(labels, seeds)
        return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))

    def warn_of_units(self, signals: Any, labels: NDArray, owner: str) -> None:
        """Warn where real signals have another scale than those that the model was trained on."""
        trained = getattr(self.generator, "synthesizer_", self.generator)
        rows = np.asarray(signals).reshape(len(labels), *self.shape)
        if isinstance(trained, Synthesizer) and len(rows):
            warn_of_units(trained, rows, labels, owner=owner)

    def fractions(self, index: NDArray, epoch: int) -> NDArray[np.float64]:
        """Return one random number in [0, 1) per index."""
        words = row_seeds(self.seed + 1, index, epoch=epoch)
        return (words.view(np.uint64) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def checked_classes(classes: Any, needed: NDArray, owner: str, what: str) -> NDArray:
    """Return the labels in the order of their codes: those given, or those needed."""
    if classes is None:
        return needed
    given = np.asarray(classes if isinstance(classes, np.ndarray) else list(classes))
    labels = given.tolist()
    if given.ndim != 1 or len(set(labels)) < len(labels) or not set(labels) >= set(needed.tolist()):
        raise DataError(
            f"The 'classes' parameter of {owner} must hold every label of {what}, "
            f"{needed.tolist()}, and none twice. Got {labels} instead."
        )
    check_labels(given, owner=owner)
    return given


class ClassSequence:
    """The class of every index, in given proportions, evenly spread over any stretch of indices.

    Parameters
    ----------
    proportions : dict or None
        Fractions of the classes, which need not sum to 1; None is equal fractions.
    known : ndarray
        The labels that can be generated.
    classes : array-like or None
        The labels in the order of their codes.
    owner : str
    """

    def __init__(
        self, proportions: Mapping[Any, float] | None, known: NDArray, classes: Any, owner: str
    ) -> None:
        labels = known.tolist()
        if proportions is None:
            proportions = dict.fromkeys(labels, 1.0)
        is_right = isinstance(proportions, Mapping) and set(proportions) <= set(labels)
        if not is_right or not any(proportions.values()):
            raise DataError(
                f"The 'proportions' parameter of {owner} must be a dict of fractions of the "
                f"classes {labels}, not all 0. Got {proportions!r} instead."
            )
        for fraction in proportions.values():
            check_number(fraction, NOT_NEGATIVE, name="proportions", owner=owner)
        fractions = np.array([proportions.get(label, 0.0) for label in labels])
        self._limits = np.cumsum(fractions) / fractions.sum()
        self._known = known
        self.classes = checked_classes(
            classes, known if classes is None else known[fractions > 0], owner, "the synthesizer"
        )
        codes = {label: code for code, label in enumerate(self.classes.tolist())}
        self._codes = np.array([codes.get(label, -1) for label in labels])

    def __call__(self, index: NDArray) -> tuple[NDArray, Tensor]:
        """Return the labels of these indices and their codes."""
        at = np.searchsorted(self._limits, index * _STEP % 1.0, side="right")
        at = at.clip(max=len(self._limits) - 1)
        return self._known[at], torch.from_numpy(self._codes[at])
