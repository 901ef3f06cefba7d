"""Chooses the generators of each class by its size: the first choice, and simpler ones after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioaug.oversampling._model import ChosenModel, Label

# From the first choice to the last, which takes a class of any size. The smallest class for each
# of the others comes from benchmarks/small_classes.py.
OWN, SHARED, LOCAL, DISTORT = STEPS = ("own", "shared", "local", "distort")
MIN_SAMPLES = {OWN: 32, SHARED: 32, LOCAL: 16}


@dataclass(frozen=True)
class FallbackPlan:
    """The fallback chain of every class that grows.

    Attributes
    ----------
    chains : dict
        Of every class: the steps of its chain, the first choice first. A step is one of `STEPS`,
        or the method without training that the user chose.
    warning : str or None
        What a user should know of the choice.
    """

    chains: dict[Label, tuple[str, ...]]
    warning: str | None

    @classmethod
    def of(
        cls,
        model: ChosenModel,
        X: NDArray,
        y: NDArray,
        labels: Sequence[Label],
        min_samples: Mapping[str, int],
    ) -> FallbackPlan:
        """Choose by the number of different rows of each class."""
        n_rows = {label: _n_different(X[y == label]) for label in labels}
        has_others = len(np.unique(y)) > 1
        first = {
            label: _first_step(model, label, n_rows[label], min_samples, has_others)
            for label in labels
        }
        chains = {
            label: _chain(step, n_rows[label] >= min_samples[LOCAL])
            for label, step in first.items()
        }
        sizes = {label: _size(label, n_rows[label], int((y == label).sum())) for label in labels}
        small = [label for label in labels if n_rows[label] < min_samples[OWN]]
        return cls(chains, _warning(model, first, sizes, small))

    def classes_by(self, step: str) -> list[Label]:
        """Return the classes whose first choice is this step."""
        return [label for label, chain in self.chains.items() if chain[0] == step]


def _first_step(
    model: ChosenModel,
    label: Label,
    n_rows: int,
    min_samples: Mapping[str, int],
    has_others: bool,
) -> str:
    by_size = LOCAL if n_rows >= min_samples[LOCAL] else DISTORT
    if model.is_fitted:
        return OWN if label in model.known_classes else by_size
    if model.method is not None:
        return by_size if model.method == LOCAL else model.method
    if n_rows >= min_samples[OWN]:
        return OWN
    if n_rows >= min_samples[SHARED] and has_others and model.is_conditional:
        return SHARED
    return by_size


def _chain(first: str, is_local_possible: bool) -> tuple[str, ...]:
    """Return a step and the simpler ones; all of them are simpler than a model."""
    if first not in STEPS:  # a method that the user chose
        return (first, DISTORT)
    simpler = [step for step in (LOCAL, DISTORT) if STEPS.index(step) > STEPS.index(first)]
    return (first, *(step for step in simpler if step != LOCAL or is_local_possible))


def _warning(
    model: ChosenModel,
    first: Mapping[Label, str],
    sizes: Mapping[Label, str],
    small: Sequence[Label],
) -> str | None:
    """Return one warning for all classes, or None."""
    unknown = [label for label in first if model.is_fitted and label not in model.known_classes]
    simpler = [
        f"{sizes[label]}, by {step!r})"
        for label, step in first.items()
        if step in STEPS[1:] and step != model.method and label not in unknown
    ]
    without = [f"{sizes[label]}, by {first[label]!r})" for label in unknown]
    unsure = [f"{sizes[label]})" for label in small if model.is_fitted and label not in unknown]
    limits = "The 'min_samples' parameter has the limits."
    parts = []
    if simpler:
        parts.append(
            "too few rows for a model of their own, so simpler generators make these classes: "
            f"{', '.join(simpler)}. {limits}"
        )
    if without:
        parts.append(
            "the fitted model does not know these classes, so they are grown without one: "
            f"{', '.join(without)}."
        )
    if unsure:
        parts.append(
            "too few rows of these classes to tell whether what the fitted model generates is "
            f"right: {', '.join(unsure)}. {limits}"
        )
    return f"GANOversampler: {' And '.join(parts)}" if parts else None


def _size(label: Label, n_different: int, n_rows: int) -> str:
    """Return the beginning of a class's entry in a list: "V (5 rows"."""
    which = " different" if n_different < n_rows else ""
    return f"{label} ({n_different}{which} row{'s' * (n_different != 1)}"


def _n_different(rows: NDArray) -> int:
    """Return the number of rows, repeated ones counted once."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    return len({row.tobytes() for row in flat})
