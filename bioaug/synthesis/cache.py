"""Cache of trained models on disk (the `memory` parameter)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path

import torch
from filelock import FileLock
from numpy.typing import NDArray

from bioaug._version import __version__
from bioaug.core.checkpoint import (
    MALFORMED,
    as_json,
    json_digest,
    read_checkpoint,
    write_checkpoint,
)
from bioaug.core.checkpoint_folder import has_checkpoint
from bioaug.core.fingerprint import array_digest
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import CheckpointError, TrainingWarning
from bioaug.synthesis._model_files import described, rebuilt, weights_of
from bioaug.synthesis.fit import Training, fit_model, model_identity
from bioaug.synthesis.fitted import FittedModel

KIND = "trained model in memory"


def cached_fit(
    X: NDArray,
    y: NDArray,
    training: Training,
    start: FittedModel | None = None,
    *,
    memory: Path | None,
) -> FittedModel:
    """Return what `fit_model` does, from the folder `memory` where the same was trained before.

    Processes that want the same training wait for the first of them. A folder that is damaged or
    cannot be written costs the training, and a warning, but not the result.
    """
    scorer = training.early_stopping
    is_known = model_identity(training.model) is not None
    if memory is None or not is_known or not (scorer is None or is_dataclass(scorer)):
        return fit_model(X, y, training, start)
    key = _key(X, y, training, start)
    folder = memory / "bioaug" / key
    cached = _cached(folder, key, training)
    if cached is not None:  # without a lock, as a folder that is read-only allows
        return cached
    with _locked(folder):
        cached = _cached(folder, key, training, warn=True)
        if cached is not None:
            return cached
        fitted = fit_model(X, y, training, start)
        try:
            config = {"kind": KIND, "key": key, "fitted": described(fitted)}
            write_checkpoint(folder, weights_of([fitted]), config, owned=True)
        except (OSError, CheckpointError) as error:
            _warn("the trained model could not be kept", error)
        return fitted


def _cached(
    folder: Path, key: str, training: Training, *, warn: bool = False
) -> FittedModel | None:
    """Return the model that was kept in `folder` for `key`; None, and a warning, for any other."""
    try:
        if not has_checkpoint(folder):
            return None
        tensors, config = read_checkpoint(folder)
        if config.get("kind") != KIND or config.get("key") != key:
            raise ValueError("it was kept for other rows or parameters, and copied here")
        return rebuilt(training.model, training.model_params, config["fitted"], tensors, 0)
    except MALFORMED as error:
        if warn:
            _warn(f"{str(folder)!r} cannot be read, so this is trained again", error)
        return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the right to train what is kept in `folder`, where a lock can be written."""
    lock = FileLock(folder.with_suffix(".lock"))
    with suppress(OSError, NotImplementedError, ValueError):  # reported when the model is written
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _key(X: NDArray, y: NDArray, training: Training, start: FittedModel | None) -> str:
    """Return a digest of everything that the trained weights depend on."""
    weights = weights_of([start]) if start else {}
    described = {
        "bioaug": __version__,
        "torch": torch.__version__,
        "rows": array_digest(X, y),
        "model": model_identity(training.model),
        "model_params": training.model_params,
        "config": asdict(training.config),
        "early_stopping": repr(training.early_stopping),
        "device": training.device,
        "seed": training.seed,
        "n_features": training.n_features,
        "start": None if start is None else start.codec.to_json(),
        "start weights": {name: array_digest(t.cpu().numpy()) for name, t in weights.items()},
    }
    return json_digest(as_json(described))


def _warn(what: str, error: Exception) -> None:
    message = f"The 'memory' folder of Synthesizer could not be used: {what} ({error})."
    warn_user(message, TrainingWarning)
