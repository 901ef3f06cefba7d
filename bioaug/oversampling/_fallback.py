"""Which way each class is grown: by a model where it has the rows for one, else more simply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from bioaug.core.seeding import draw_seed
from bioaug.models import get_model
from bioaug.oversampling._sources import AdaptedGrower, ClassicalGrower, Grower, SynthesizerGrower
from bioaug.synthesis.synthesizer import Synthesizer

# From the highest rung to the lowest, which takes any class; the smallest class for each of the
# others comes from benchmarks/small_classes.py.
OWN, SHARED, LOCAL, DISTORT = RUNGS = ("own", "shared", "local", "distort")
LADDER = {OWN: 32, SHARED: 32, LOCAL: 16}
FINE_TUNING = 0.2  # share of the time of a shared model
MOST_SHARED = 2000  # rows of each other class that a shared model learns from


class Ladder:
    """The growers of every class, each fitted when it is first asked for.

    Parameters
    ----------
    model : Synthesizer, str or object
        A fitted one serves as it is, another is cloned and fitted; a name of
        `classical_methods()`; or an object with `fit` and `sample`.
    X, y : ndarray
        All rows.
    labels : list
        Classes that are to grow.
    least : dict
        The smallest class for every rung but the last.
    random_state : RandomState
    n_features : int
        Values at the end of each row that are no time steps.

    Attributes
    ----------
    n_rows, rungs : dict
        Of every class: how many different rows it has, and the rung that it starts from.
    growers : dict
        Fitted ones by name.
    synthesizer : Synthesizer or None
        What was used: of two, one that has the classes of both.
    unknown : list
        Classes that a fitted model does not know, and that are grown without one.
    """

    def __init__(
        self,
        model: Any,
        X: NDArray,
        y: NDArray,
        labels: list,
        least: Mapping[str, int],
        random_state: np.random.RandomState,
        n_features: int,
    ) -> None:
        self._n_features = n_features
        self._model, self._X, self._y = model, X, y
        self._seeds = {rung: draw_seed(random_state) for rung in (OWN, SHARED)}
        self._least = least
        known = getattr(model, "classes_", None) if isinstance(model, Synthesizer) else None
        self.unknown = [] if known is None else [k for k in labels if k not in known.tolist()]
        self.n_rows = {label: _n_different(X[y == label]) for label in labels}
        self.rungs = {label: self._first_rung(label) for label in labels}
        self.growers: dict[str, Grower] = {}
        self.synthesizer: Synthesizer | None = None

    def growers_of(self, label: Any) -> list[Callable[[], Grower]]:
        """Return what gives the class's grower, and the simpler ones after it."""
        first = self.rungs[label]
        rungs = [first, *(r for r in (LOCAL, DISTORT) if self._is_below(r, first, label))]
        return [lambda rung=rung: self._grower(rung, label) for rung in rungs]

    def simpler_than_chosen(self) -> list[str]:
        """Return the classes that are grown in a simpler way than was asked for, and why."""
        return [
            f"{self._size(label)}, by {rung!r})"
            for label, rung in self.rungs.items()
            if rung in RUNGS[1:] and rung != self._model and label not in self.unknown
        ]

    def strangers(self) -> list[str]:
        """Return the classes that are grown without the fitted model, which does not know them."""
        return [f"{self._size(label)}, by {self.rungs[label]!r})" for label in self.unknown]

    def too_few_to_judge(self) -> list[str]:
        """Return the classes of a fitted model that have too few rows here for one of their own."""
        if not isinstance(self._model, Synthesizer) or not hasattr(self._model, "classes_"):
            return []
        small = [label for label, n in self.n_rows.items() if n < self._least[OWN]]
        return [f"{self._size(label)})" for label in small if label not in self.unknown]

    def _size(self, label: Any) -> str:
        """Return the beginning of a class's entry in a list: "V (5 rows"."""
        n_rows = self.n_rows[label]
        which = " different" if n_rows < (self._y == label).sum() else ""
        return f"{label} ({n_rows}{which} row{'s' * (n_rows != 1)}"

    def _first_rung(self, label: Any) -> str:
        n_rows = self.n_rows[label]
        if isinstance(self._model, Synthesizer) and hasattr(self._model, "classes_"):
            simpler = LOCAL if n_rows >= self._least[LOCAL] else DISTORT
            return simpler if label in self.unknown else OWN
        if isinstance(self._model, str):  # a method without training
            too_few = self._model == LOCAL and n_rows < self._least[LOCAL]
            return DISTORT if too_few else self._model
        if n_rows >= self._least[OWN]:
            return OWN
        if n_rows >= self._least[SHARED] and self._can_share():
            return SHARED
        return LOCAL if n_rows >= self._least[LOCAL] else DISTORT

    def _can_share(self) -> bool:
        if not isinstance(self._model, Synthesizer) or len(np.unique(self._y)) < 2:
            return False
        return get_model(self._model.model, owner="GANOversampler").conditional

    def _is_below(self, rung: str, first: str, label: Any) -> bool:
        if first not in RUNGS:  # a method that the user chose
            return rung == DISTORT
        too_few = rung == LOCAL and self.n_rows[label] < self._least[LOCAL]
        return RUNGS.index(rung) > RUNGS.index(first) and not too_few

    def _grower(self, rung: str, label: Any) -> Grower:
        if rung in (OWN, SHARED):
            found = self.growers.get(self._name(rung))
            grower = found or (self._own() if rung == OWN else self._shared())
        else:
            found = self.growers.get(rung) or ClassicalGrower(rung, self._n_features)
            grower = found.fit(self._X[self._y == label], label)  # pyright: ignore
        self.growers[grower.name] = grower
        return grower

    def _name(self, rung: str) -> str:
        if not isinstance(self._model, Synthesizer):
            return type(self._model).__name__
        return get_model(self._model.model).name + (", shared" if rung == SHARED else "")

    def _own(self) -> Grower:
        labels = [label for label, rung in self.rungs.items() if rung == OWN]
        if not isinstance(self._model, Synthesizer):
            seeds = dict.fromkeys(labels, self._seeds[OWN])
            return AdaptedGrower(self._model).fit(self._X, self._y, seeds)
        synthesizer = self._model
        if not hasattr(synthesizer, "classes_"):
            rows = np.isin(self._y, labels)
            synthesizer = self._seeded(OWN).fit(self._X[rows], self._y[rows])
        self.synthesizer = (
            synthesizer if self.synthesizer is None else synthesizer.joined(self.synthesizer)
        )
        return SynthesizerGrower(synthesizer, self._name(OWN))

    def _shared(self) -> Grower:
        """Train one model on all classes, then further on each of the small ones."""
        labels = [label for label, rung in self.rungs.items() if rung == SHARED]
        rng = np.random.default_rng(self._seeds[SHARED])
        others = [np.flatnonzero(self._y == c) for c in np.unique(self._y)]
        kept = np.concatenate([rng.permutation(rows)[:MOST_SHARED] for rows in others])
        synthesizer = self._seeded(SHARED).set_params(per_class=False)
        most = synthesizer.max_time
        if most is not None:
            synthesizer.set_params(max_time=(1 - FINE_TUNING) * most)
        synthesizer.fit(self._X[kept], self._y[kept])
        small = np.isin(self._y, labels)
        tuning = None if most is None else FINE_TUNING * most
        synthesizer.fine_tune(self._X[small], self._y[small], max_time=tuning)
        self.synthesizer = (
            synthesizer if self.synthesizer is None else self.synthesizer.joined(synthesizer)
        )
        return SynthesizerGrower(synthesizer, self._name(SHARED))

    def _seeded(self, rung: str) -> Synthesizer:
        chosen: Synthesizer = clone(self._model)  # pyright: ignore[reportAssignmentType]
        n_trained = len({rung for rung in self.rungs.values() if rung in (OWN, SHARED)})
        if chosen.max_time is not None:
            chosen.set_params(max_time=chosen.max_time / n_trained)
        if chosen.random_state is None:
            chosen.set_params(random_state=self._seeds[rung])
        return chosen


def _n_different(rows: NDArray) -> int:
    """Return the number of rows, repeated ones counted once."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    return len({row.tobytes() for row in flat})
