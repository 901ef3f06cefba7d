"""Training of one model on the rows of its classes: what a worker process runs."""

from __future__ import annotations

import copy
import multiprocessing
import time
from dataclasses import asdict, dataclass, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checkpoint import as_json
from bioaug.core.checkpoint_folder import has_checkpoint
from bioaug.core.fingerprint import array_digest, qualified_name, source_digest, stable_repr
from bioaug.core.seeding import seeded
from bioaug.core.tensors import Labels, Signals
from bioaug.models.base import GenerativeModel, SignalSpec
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.fitted import FittedModel, ModelInTraining, Scorer
from bioaug.training import (
    Callback,
    Checkpoint,
    CollapseGuard,
    EarlyStopping,
    Progress,
    Trainer,
    TrainerConfig,
    TrainerState,
)
from bioaug.training.batches import balanced_batches
from bioaug.training.resume import read_state
from bioaug.training.runtime import Runtime, threads

N_CHECKS = 20  # checkpoints, checks for collapse, and scores of early stopping in one run
MIN_STEPS = 100  # between two checks for collapse
SHORT_FRACTION = 0.1  # of the usual steps, below which a training is called short
HELD_OUT_FRACTION = 0.2  # of the rows, by which early stopping judges
_OTHERS = {"bioaug", "torch", "abc", "builtins"}  # modules whose classes are not the user's


@dataclass(frozen=True)
class Training:
    """Everything that a training needs besides its rows."""

    model: type[GenerativeModel]
    model_params: dict[str, Any]
    config: TrainerConfig
    early_stopping: Scorer | None
    folder: Path | None
    callbacks: tuple[Callback, ...]
    device: str
    seed: int
    verbose: int
    n_features: int = 0
    n_threads: int | None = None


def fit_model(
    X: NDArray, y: NDArray, training: Training, start: FittedModel | None = None
) -> FittedModel:
    """Train one model on the rows of `X` with labels `y`, from new weights or those of `start`."""
    began = time.perf_counter()
    held_out = np.zeros(len(y), bool)
    if training.early_stopping is not None:
        held_out = held_out_rows(y, training.seed)
    X, y, watched = X[~held_out], y[~held_out], (X[held_out], y[held_out])
    codec = SignalCodec.fit(X, y, training.n_features) if start is None else start.codec
    runtime = Runtime.create(training.device, training.config.precision)
    with threads(training.n_threads), seeded(training.seed):
        signals, labels = codec.encode(X, y)
        model = _initial_model(training, codec, signals, labels, start).to(runtime.device)
        settings: dict[str, Any] = {}
        if training.folder is not None:
            settings = _settings(training, model.spec, signals, labels, watched)
        callbacks = _callbacks(training, codec, (signals, labels), watched, settings)
        state = _initial_state(training, model, settings, callbacks)
        state.title = _title(training.model.name, np.unique(y))
        batches = balanced_batches(
            signals.to(runtime.device),
            labels.to(runtime.device),
            training.config.batch_size,
            training.config.neighbour_mixing,
        )
        if state.step == 0:
            state.seconds = time.perf_counter() - began  # `max_time` counts what came before, too
        state = Trainer(training.config, runtime, callbacks).fit(model, batches, resume=state)
    warning, n_steps = state.warning or _too_short(training, state), state.n_steps or 0
    fitted = FittedModel(
        codec, model.to("cpu"), np.unique(y), state.history, warning, n_steps=n_steps
    )
    fitted.assess(X, y, watched if held_out.any() else None, training.seed)
    return fitted


def held_out_rows(y: NDArray, seed: int) -> NDArray[np.bool_]:
    """Return which rows are held out from the training: a fifth of every class, at least one."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(y), bool)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        chosen[rows[: max(1, round(HELD_OUT_FRACTION * len(rows)))]] = True
    return chosen


def _initial_model(
    training: Training,
    codec: SignalCodec,
    signals: Signals,
    labels: Labels,
    start: FittedModel | None,
) -> GenerativeModel:
    if start is not None:
        return copy.deepcopy(start.model)
    spec = SignalSpec(codec.n_channels, codec.n_timesteps, len(codec.classes))
    model = training.model(spec, **training.model_params)
    model.fit_preprocessing(signals, labels)
    return model


def _too_short(training: Training, state: TrainerState) -> str | None:
    """Say where the time was enough for a small part of the usual steps only."""
    usual = TrainerConfig(**training.model.training_defaults).n_steps  # pyright: ignore
    wanted = min(usual, training.config.n_steps)
    if training.config.max_time is None or (state.n_steps or 0) >= SHORT_FRACTION * wanted:
        return None
    return (
        f"max_time was enough for {state.n_steps} of {wanted} steps "
        f"({(state.n_steps or 0) / wanted:.0%}), so the signals may look unfinished; give it more "
        "time"
    )


def _initial_state(
    training: Training,
    model: GenerativeModel,
    settings: dict[str, Any],
    callbacks: list[Callback],
) -> TrainerState:
    if training.folder is not None and has_checkpoint(training.folder):
        return read_state(training.folder, model, settings, callbacks)
    return TrainerState.create(model)


def _callbacks(
    training: Training,
    codec: SignalCodec,
    rows: tuple[Signals, Labels],
    watched: tuple[NDArray, NDArray],
    settings: dict[str, Any],
) -> list[Callback]:
    """Return the callbacks in their order: those that choose weights before those that save."""
    names = {index: str(codec.classes[index]) for index in rows[1].unique().tolist()}
    callbacks: list[Callback] = [
        CollapseGuard(*rows, names, every=1 / N_CHECKS, min_steps=MIN_STEPS)
    ]
    scorer = training.early_stopping
    if scorer is not None:

        def score(model: GenerativeModel) -> float:
            return float(scorer(ModelInTraining(codec, model), *watched))

        callbacks.append(EarlyStopping(score, every=1 / N_CHECKS))
    callbacks += training.callbacks
    if training.folder is not None:
        callbacks.append(Checkpoint(training.folder, 1 / N_CHECKS, settings))
    if training.verbose and multiprocessing.parent_process() is None:  # none in joblib's workers
        callbacks.append(Progress())
    return callbacks


def _settings(
    training: Training,
    spec: SignalSpec,
    signals: Signals,
    labels: Labels,
    watched: tuple[NDArray, NDArray],
) -> dict[str, Any]:
    """Return what two runs must share to be the same run, as JSON holds it."""
    settings = {
        "model": model_identity(training.model) or training.model.name,
        "model_params": training.model_params,
        "config": asdict(training.config),
        "early_stopping": _scorer_repr(training.early_stopping),
        "seed": training.seed,
        "n_features": training.n_features,
        "spec": asdict(spec),
        "training rows": array_digest(signals.numpy(), labels.numpy()),
        "held-out rows": array_digest(*watched),  # by which early stopping judges
    }
    return as_json(settings)


def model_identity(model: type[GenerativeModel]) -> str | None:
    """Return the name of a model; of a class of the user's own, with a digest of its source.

    So a training of a class that has changed since is not taken for the same. Changes of what the
    class calls are not seen. None where there is no source, as of a class typed at a prompt.
    """
    own = [cls for cls in model.__mro__ if cls.__module__.split(".")[0] not in _OTHERS]
    if not own:
        return model.name
    digest = source_digest(*own)
    return None if digest is None else f"{model.name} {digest}"


def _scorer_repr(scorer: Scorer | None) -> str | None:
    """Return a name of a scorer that is the same in every process; of an object, its class."""
    if scorer is None:
        return None
    if is_dataclass(scorer) or isinstance(scorer, partial) or hasattr(scorer, "__qualname__"):
        return stable_repr(scorer)
    return qualified_name(type(scorer))  # its attributes may change while it watches


def _title(name: str, classes: NDArray) -> str:
    return f"{name} {', '.join(str(label) for label in classes)}"
