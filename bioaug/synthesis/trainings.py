"""Plans the trainings of a Synthesizer's models and runs them, in parallel where asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray

from bioaug.core.checkpoint_folder import remove_stale
from bioaug.core.file_names import file_name
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError, QualityWarning, TrainingWarning
from bioaug.synthesis.cache import cached_fit
from bioaug.synthesis.fit import Training
from bioaug.synthesis.fitted import FittedModel
from bioaug.synthesis.settings import OWNER, Settings
from bioaug.training import TrainerConfig


def train_models(
    X: NDArray, y: NDArray, settings: Settings, seeds: Sequence[int]
) -> list[FittedModel]:
    """Return the model of all classes, or of each.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
    y : ndarray of shape (n_samples,)
    settings : Settings
    seeds : sequence of int
        One for each class; a model of all classes takes the first.
    """
    classes = np.unique(y)
    groups = [[label] for label in classes] if settings.per_class else [list(classes)]
    n_jobs: int = 1
    if len(groups) > 1:
        n_jobs = effective_n_jobs(settings.n_jobs)  # pyright: ignore[reportArgumentType]
    config = _shared_time(settings.config, math.ceil(len(groups) / n_jobs))
    n_threads = max(1, torch.get_num_threads() // len(groups))  # whatever n_jobs is
    trainings = [
        replace(
            _training(settings, own, group, seed),
            verbose=settings.verbose if n_jobs == 1 else 0,
            n_threads=n_threads,
        )
        for group, seed, own in zip(groups, seeds, _configs(settings, config, groups), strict=False)
    ]
    fits = (
        delayed(cached_fit)(*_rows_of(X, y, group), training, memory=settings.memory)
        for group, training in zip(groups, trainings, strict=True)
    )
    with _tidied_on_interrupt(trainings):
        return list(Parallel(n_jobs=n_jobs)(fits))  # pyright: ignore


def tune_models(
    models: Sequence[FittedModel], X: NDArray, y: NDArray, settings: Settings, sampling_seed: int
) -> list[FittedModel]:
    """Return a model of each class in `y`, trained further from the one that generates it.

    Parameters
    ----------
    models : sequence of FittedModel
    X : ndarray of shape (n_samples, ...)
    y : ndarray of shape (n_samples,)
    settings : Settings
        Whose `config` has the steps of each class, and the time of all.
    sampling_seed : int
        From which the seeds of the trainings follow.
    """
    classes = np.unique(y)
    config = _shared_time(settings.config, len(classes))
    tuned = []
    for index, label in enumerate(classes):
        seed = int(np.random.SeedSequence([sampling_seed, index]).generate_state(1)[0])
        training = replace(_training(settings, config, [label], seed % 2**31), folder=None)
        start = next(fitted for fitted in models if label in fitted.classes)
        rows = _rows_of(X, y, [label])
        tuned.append(cached_fit(*rows, training, start, memory=settings.memory))
    return tuned


def warn_of_problems(models: Sequence[FittedModel]) -> None:
    """Warn of trainings that ended early and of classes whose synthetic signals look poor."""
    for fitted in models:
        if fitted.warning:
            names = ", ".join(map(str, fitted.classes))
            warn_user(f"{OWNER}, class {names}: {fitted.warning}.", TrainingWarning)
        for label, quality in fitted.quality.items():
            if quality.problem:
                warn_user(
                    f"{OWNER}, class {label}: its synthetic signals look poor: {quality.problem}. "
                    "Train for longer, or try another model; `quality_` has the figures.",
                    QualityWarning,
                )


def _shared_time(config: TrainerConfig, n_turns: int) -> TrainerConfig:
    """Divide the time among models that are trained one after another."""
    if config.max_time is None:
        return config
    return replace(config, max_time=config.max_time / n_turns)


def _configs(settings: Settings, config: TrainerConfig, groups: list[list]) -> list[TrainerConfig]:
    """Return the configuration of each model."""
    if settings.class_steps is None:
        return [config] * len(groups)
    steps, labels = settings.class_steps, [group[0] for group in groups]
    missing = [label for label in labels if label not in steps]
    if any(len(group) > 1 for group in groups) or missing:
        raise DataError(
            f"The 'n_steps' parameter of {OWNER} may be a dict where every class has a model of "
            f"its own (per_class=True), and must then hold all of {', '.join(map(str, labels))}. "
            f"Got {dict(steps)!r:.200}."
        )
    return [replace(config, n_steps=int(steps[label])) for label in labels]


def _training(settings: Settings, config: TrainerConfig, group: list, seed: int) -> Training:
    folder = None
    if settings.checkpoint_dir is not None:
        name = f"{settings.model.name}-{', '.join(map(str, group))}"
        folder = settings.checkpoint_dir / file_name(name)
    return Training(
        model=settings.model,
        model_params=settings.model_params,
        config=config,
        early_stopping=settings.scorer,
        folder=folder,
        callbacks=settings.callbacks,
        device=settings.device,
        seed=seed,
        verbose=settings.verbose,
        n_features=settings.n_features,
    )


def _rows_of(X: NDArray, y: NDArray, group: list) -> tuple[NDArray, NDArray]:
    rows = np.isin(y, np.array(group, dtype=y.dtype))  # a list of texts would lose final nulls
    return (X, y) if rows.all() else (X[rows], y[rows])


@contextmanager
def _tidied_on_interrupt(trainings: Sequence[Training]) -> Iterator[None]:
    """Remove what workers left half written where joblib has killed them on Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        for training in trainings:
            if training.folder is not None:
                remove_stale(training.folder)
        raise
