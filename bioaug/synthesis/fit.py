"""One model fitted on encoded rows: what a worker process trains and gives back."""

from __future__ import annotations

import copy
import hashlib
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bioaug.core.checkpoint import as_json, has_checkpoint
from bioaug.core.digest import identity, name_of
from bioaug.core.row_noise import RowNoise, row_seeds
from bioaug.core.seeding import SEED_LIMIT, give_way, seeded
from bioaug.core.tensors import Labels, Signals
from bioaug.models.base import GenerativeModel, SignalSpec
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.quality import N_COMPARED, ClassQuality, compare_rows
from bioaug.training import (
    Callback,
    Checkpoint,
    Progress,
    Trainer,
    TrainerConfig,
    TrainerState,
)
from bioaug.training.batches import balanced_batches
from bioaug.training.callbacks import CollapseGuard, EarlyStopping
from bioaug.training.resume import read_state
from bioaug.training.runtime import Runtime, threads

LOOKS = 20  # checkpoints, looks for collapse and scores in one run
MIN_STEPS = 100  # between two looks for collapse
FEW = 0.1  # of the usual steps, below which a training is called short
HELD_OUT = 0.2  # share of the rows that early stopping looks at
# What is generated in one go, so that activations stay near 100 MiB: values in all, time steps of
# all rows (attention over single steps takes memory quadratic in them), and rows.
CHUNK_VALUES, CHUNK_STEPS, CHUNK_ROWS = 2**21, 2**17, 1024


Scorer = Callable[[Any, NDArray, NDArray], float]  # (synthesizer, X, y), greater is better


@dataclass(frozen=True)
class Training:
    """Everything that a training needs beside its rows."""

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


@dataclass
class FittedModel:
    """A trained model on the CPU, with the codec of its rows and the classes it is asked for."""

    codec: SignalCodec
    model: GenerativeModel
    classes: NDArray
    history: list[dict[str, Any]] = field(default_factory=list)
    warning: str | None = None
    n_steps: int = 0  # that were planned for its training
    quality: dict[Any, ClassQuality] = field(default_factory=dict)  # by class label

    @torch.no_grad()
    def generate(
        self, y: NDArray, *, seeds: NDArray, device: torch.device, out: NDArray, rows: NDArray
    ) -> None:
        """Write one new signal per label of `y` into `rows` of `out`, a bounded chunk at a time.

        Each signal is made from the seed of its own in `seeds`, whatever else is made beside it.
        """
        labels = torch.from_numpy(self.codec.encode_labels(y)).to(device)
        spec = self.model.spec
        most = CHUNK_VALUES // (spec.n_channels * spec.n_timesteps)
        chunk = max(1, min(most, CHUNK_STEPS // spec.n_timesteps, CHUNK_ROWS))
        home = next(self.model.parameters()).device
        if home != device:  # which goes through all modules
            self.model.to(device)
        model = self.model.eval()
        try:
            # What does not come from the rows' own streams differs from call to call, too.
            with seeded(int(np.bitwise_xor.reduce(seeds) % SEED_LIMIT)):
                for start in range(0, len(y), chunk):
                    part = slice(start, start + chunk)
                    with RowNoise(torch.from_numpy(seeds[part]).to(device)):
                        made = model.generate(labels[part])
                    out[rows[part]] = self.codec.decode(made)
                    if home == device:  # else another thread would move the model meanwhile
                        give_way()
        finally:
            if home != device:
                self.model.to(home)

    def sample(
        self, n_samples: int = 1, *, y: NDArray | None = None, random_state: int = 0
    ) -> tuple[NDArray, NDArray]:
        """Return new signals as `Synthesizer.sample` does, for scorers that watch a training."""
        labels = np.resize(self.classes, n_samples) if y is None else np.asarray(y)
        out = np.empty((len(labels), *self.codec.shape), self.codec.dtype)
        device = next(self.model.parameters()).device
        rows = np.arange(len(labels))
        seeds = row_seeds(random_state, len(labels))
        self.generate(labels, seeds=seeds, device=device, out=out, rows=rows)
        return out, labels

    def assess(
        self, X: NDArray, y: NDArray, held_out: tuple[NDArray, NDArray] | None, seed: int
    ) -> None:
        """Set `quality` from training rows and, where there are any, rows kept from them."""

        def rows_of(label: Any, X: NDArray, y: NDArray) -> NDArray:
            chosen = X[y == label]
            return self.codec.encode(chosen, np.repeat(label, len(chosen)))[0].flatten(1).numpy()

        for name, label in zip(self.classes.tolist(), self.classes, strict=True):
            training = rows_of(label, X, y)
            others = None if held_out is None else rows_of(label, *held_out)
            n = min(len(training if others is None else others), N_COMPARED)
            made = self.sample(y=np.repeat(label, n), random_state=seed)
            self.quality[name] = compare_rows(rows_of(label, *made), training, others)


def fit_model(
    X: NDArray, y: NDArray, training: Training, start: FittedModel | None = None
) -> FittedModel:
    """Train one model on the rows of `X` with labels `y`, from new weights or those of `start`."""
    began = time.perf_counter()
    held_out = _held_out(y, training.seed) if training.early_stopping else np.zeros(len(y), bool)
    X, y, watched = X[~held_out], y[~held_out], (X[held_out], y[held_out])
    codec = SignalCodec.fit(X, y, training.n_features) if start is None else start.codec
    spec = SignalSpec(codec.n_channels, codec.n_timesteps, len(codec.classes))
    runtime = Runtime.create(training.device, training.config.precision)
    classes = np.unique(y)
    with threads(training.n_threads), seeded(training.seed):
        signals, labels = codec.encode(X, y)
        if start is None:
            model = training.model(spec, **training.model_params)
            model.calibrate(signals, labels)
        else:
            model = copy.deepcopy(start.model)
        model.to(runtime.device)
        settings = _settings(training, spec, signals, labels, watched)
        state = _start(training, model, settings, _title(training.model.name, classes))
        callbacks = _callbacks(training, signals, labels, codec.classes, settings)
        if training.early_stopping is not None:
            callbacks.insert(1, _early_stopping(training, training.early_stopping, codec, watched))
        batches = balanced_batches(
            signals.to(runtime.device),
            labels.to(runtime.device),
            training.config.batch_size,
            training.config.smoothing,
        )
        if state.step == 0:
            state.seconds = time.perf_counter() - began  # `max_time` counts what came before, too
        state = Trainer(training.config, runtime, callbacks).fit(model, batches, resume=state)
    warning = state.warning or _too_short(training, state)
    fitted = FittedModel(
        codec, model.to("cpu"), classes, state.history, warning, n_steps=state.n_steps or 0
    )
    fitted.assess(X, y, watched if held_out.any() else None, training.seed)
    return fitted


def _too_short(training: Training, state: TrainerState) -> str | None:
    """Say where the time was enough for a small part of the usual steps only."""
    usual = TrainerConfig(**training.model.training_defaults).n_steps  # pyright: ignore
    wanted = min(usual, training.config.n_steps)
    if training.config.max_time is None or (state.n_steps or 0) >= FEW * wanted:
        return None
    return (
        f"max_time was enough for {state.n_steps} of {wanted} steps "
        f"({(state.n_steps or 0) / wanted:.0%}), so the signals may look unfinished; give it more "
        "time"
    )


def _start(
    training: Training, model: GenerativeModel, settings: dict[str, Any], title: str
) -> TrainerState:
    if training.folder is not None and has_checkpoint(training.folder):
        state = read_state(training.folder, model, settings)
        state.title = title
        return state
    return TrainerState.create(model, title)


def _callbacks(
    training: Training,
    signals: Signals,
    labels: Labels,
    classes: NDArray,
    settings: dict[str, Any],
) -> list[Callback]:
    names = {index: str(classes[index]) for index in labels.unique().tolist()}
    callbacks: list[Callback] = [
        CollapseGuard(signals, labels, names, every=1 / LOOKS, min_steps=MIN_STEPS)
    ]
    callbacks += training.callbacks
    if training.folder is not None:
        callbacks.append(Checkpoint(training.folder, 1 / LOOKS, settings))
    if training.verbose and multiprocessing.parent_process() is None:  # none in joblib's workers
        callbacks.append(Progress())
    return callbacks


def _early_stopping(
    training: Training, scorer: Scorer, codec: SignalCodec, watched: tuple[NDArray, NDArray]
) -> EarlyStopping:
    def score(model: GenerativeModel) -> float:
        return float(scorer(FittedModel(codec, model, codec.classes), *watched))

    return EarlyStopping(score, every=1 / LOOKS)


def _held_out(y: NDArray, seed: int) -> NDArray[np.bool_]:
    """Return which rows are kept from the training: a fifth of every class, at least one."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(y), bool)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        chosen[rows[: max(1, round(HELD_OUT * len(rows)))]] = True
    return chosen


def _settings(
    training: Training,
    spec: SignalSpec,
    signals: Signals,
    labels: Labels,
    watched: tuple[NDArray, NDArray],
) -> dict[str, Any]:
    """Return what two runs must share to be the same run, as JSON holds it."""
    rows = hashlib.sha256(np.ascontiguousarray(signals.numpy()).data)
    rows.update(labels.numpy().tobytes())
    rows.update(np.ascontiguousarray(watched[0]).data)  # by which early stopping judges
    settings = {
        "model": training.model.name,
        "model_params": training.model_params,
        "config": asdict(training.config),
        "early_stopping": _identity(training.early_stopping),
        "seed": training.seed,
        "n_features": training.n_features,
        "spec": asdict(spec),
        "training rows": rows.hexdigest(),
    }
    return settings if training.folder is None else as_json(settings)


def _identity(scorer: Scorer | None) -> str | None:
    """Name a scorer in the same way in every process, an object by its class."""
    if scorer is None:
        return None
    if is_dataclass(scorer) or isinstance(scorer, partial) or hasattr(scorer, "__qualname__"):
        return identity(scorer)
    return name_of(type(scorer))  # its attributes may change while it watches


def _title(name: str, classes: NDArray) -> str:
    return f"{name} {', '.join(str(label) for label in classes)}"
