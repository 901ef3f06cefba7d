"""Trains the generators that a fallback plan starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from bioaug.core.checks import as_labels
from bioaug.core.seeding import check_generator, draw_seed
from bioaug.leakage import TrainingFingerprint
from bioaug.oversampling._fallback import OWN, SHARED, STEPS, FallbackPlan
from bioaug.oversampling._generators import (
    AdaptedGenerator,
    ClassicalGenerator,
    RowGenerator,
    SynthesizerGenerator,
)
from bioaug.oversampling._model import OWNER, ChosenModel, Label
from bioaug.synthesis.synthesizer import Synthesizer

FINE_TUNING = 0.2  # fraction of a shared model's time
MAX_SHARED_ROWS = 2000  # of each class, that a shared model learns from


class Generators:
    """The generators of all classes: trained ones, and classical ones as soon as they are needed.

    Parameters
    ----------
    plan : FallbackPlan
    trained : dict of RowGenerator
        By step of the fallback chain.
    synthesizer : Synthesizer or None
        The one in use; of two, one that has the classes of both.
    X, y : ndarray
        Real rows for the classical ones, and their labels.
    n_features : int
    """

    def __init__(
        self,
        plan: FallbackPlan,
        trained: Mapping[str, RowGenerator],
        synthesizer: Synthesizer | None,
        X: NDArray,
        y: NDArray,
        n_features: int,
    ) -> None:
        self.synthesizer = synthesizer
        self._chains, self._trained = plan.chains, trained
        self._classical: dict[str, ClassicalGenerator] = {}
        self._X, self._y, self._n_features = X, y, n_features

    def chain(self, label: Label) -> Iterator[RowGenerator]:
        """Yield the generators of a class, the first choice first."""
        for step in self._chains[label]:
            if step in self._trained:
                yield self._trained[step]
            else:
                generator = ClassicalGenerator(step, self._n_features)
                generator = self._classical.setdefault(step, generator)
                generator.add_class(label, self._X[self._y == label])
                yield generator

    @property
    def by_name(self) -> dict[str, RowGenerator]:
        """All that were needed."""
        return {one.name: one for one in (*self._trained.values(), *self._classical.values())}


def fit_generators(
    plan: FallbackPlan,
    model: ChosenModel,
    X: NDArray,
    y: NDArray,
    seeds: Mapping[str, int],
    fingerprint: TrainingFingerprint,
    n_features: int,
) -> Generators:
    """Train every generator that is the first choice of a class.

    Parameters
    ----------
    plan : FallbackPlan
    model : ChosenModel
    X, y : ndarray
        All real rows.
    seeds : dict
        Of the steps that train, for a `Synthesizer` without a `random_state` of its own.
    fingerprint : TrainingFingerprint
        Of all real rows, which a trained synthesizer takes for its own.
    n_features : int
        Values at the end of each row that are no time steps.

    Returns
    -------
    generators : Generators
    """
    own, shared = plan.classes_by(OWN), plan.classes_by(SHARED)
    trained: dict[str, RowGenerator] = {}
    used: list[Synthesizer] = []
    if own and model.synthesizer is None:
        adapted = AdaptedGenerator(model.value)
        trained[OWN] = adapted.fit(X, y, dict.fromkeys(own, seeds[OWN]))
    elif own and model.is_fitted:
        used.append(model.value)
        trained[OWN] = SynthesizerGenerator(model.value, model.name)
    elif own:
        unfitted = _seeded(model.value, seeds[OWN], n_trainings=1 + bool(shared))
        rows = _rows_of(own, y)
        used.append(unfitted.fit_checked(X[rows], as_labels(y[rows], owner=OWNER), fingerprint))
        trained[OWN] = SynthesizerGenerator(used[-1], model.name)
    if shared:
        unfitted = _seeded(model.value, seeds[SHARED], n_trainings=1 + bool(own))
        used.append(_fit_shared(unfitted, X, y, shared, seeds[SHARED]))
        used[-1].training_fingerprint_ = fingerprint
        trained[SHARED] = SynthesizerGenerator(used[-1], f"{model.name}, shared")
    return Generators(plan, trained, _joined(used), X, y, n_features)


def _joined(used: Sequence[Synthesizer]) -> Synthesizer | None:
    """Return the one that was trained, or one with the classes of both."""
    if len(used) < 2:
        return next(iter(used), None)
    whole = used[0].joined(used[1])
    whole.training_fingerprint_ = used[0].training_fingerprint_  # the same of both
    return whole


def draw_seeds(
    random_state: int | np.random.RandomState | None, model: ChosenModel, plan: FallbackPlan
) -> tuple[dict[str, int], dict[Label, list[int]]]:
    """Return the seeds of the trainings, and of each class one for every step of its chain.

    Without a `random_state`, rows are generated from that of the `Synthesizer`, if it has one.
    """
    generator = check_generator(random_state)
    of_trainings = {step: draw_seed(generator) for step in (OWN, SHARED)}
    if random_state is None and model.synthesizer is not None:
        generator = check_generator(model.synthesizer.random_state)
    of_rows = {
        label: [draw_seed(generator) for _ in STEPS][: len(chain)]
        for label, chain in plan.chains.items()
    }
    return of_trainings, of_rows


def _seeded(model: Synthesizer, seed: int, n_trainings: int) -> Synthesizer:
    """Return an unfitted copy with a seed, and with its part of the time."""
    copied: Any = clone(model)
    if copied.max_time is not None:
        copied.set_params(max_time=copied.max_time / n_trainings)
    if copied.random_state is None:
        copied.set_params(random_state=seed)
    return copied


def _fit_shared(
    synthesizer: Synthesizer, X: NDArray, y: NDArray, labels: list[Label], seed: int
) -> Synthesizer:
    """Train one model on all classes, then further on each of the small ones."""
    rng = np.random.default_rng(seed)
    by_class = [np.flatnonzero(y == label) for label in np.unique(y)]
    kept = np.concatenate([rng.permutation(rows)[:MAX_SHARED_ROWS] for rows in by_class])
    seconds, for_tuning = synthesizer.max_time, None
    synthesizer.set_params(per_class=False)
    if seconds is not None:
        synthesizer.set_params(max_time=(1 - FINE_TUNING) * seconds)
        for_tuning = FINE_TUNING * seconds
    synthesizer.fit(X[kept], y[kept])  # checks the rows of classes that do not grow, too
    small = _rows_of(labels, y)
    return synthesizer.fine_tune(X[small], y[small], max_time=for_tuning)


def _rows_of(labels: Sequence[Label], y: NDArray) -> NDArray[np.bool_]:
    of_kind: Any = np.array(labels, dtype=y.dtype)  # a list of texts would lose final nulls
    return np.isin(y, of_kind)
