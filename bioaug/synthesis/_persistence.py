"""Fitted synthesizers as folders of safetensors and JSON, and back."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules import module as torch_module

from bioaug._version import __version__
from bioaug.core.checkpoint import (
    MALFORMED,
    as_json,
    check_history,
    check_tensors,
    read_checkpoint,
    write_checkpoint,
)
from bioaug.core.checks import check_path
from bioaug.core.seeding import seeded
from bioaug.exceptions import CheckpointError
from bioaug.leakage import TrainingFingerprint
from bioaug.models import get_model
from bioaug.models.base import GenerativeModel, SignalSpec
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.fit import FittedModel
from bioaug.synthesis.quality import ClassQuality
from bioaug.training.runtime import Runtime

KIND = "synthesizer"
_SETTINGS = ("model", "model_params", "training_params", "n_steps", "max_time", "per_class")
_SETTINGS += ("n_features",)
MOST_ENTRIES = 60_000  # of the histories of all models
FEWEST_VALUES, FEWEST_MODULES = 2**20, 1000  # that a model may be asked to have, however small
FINGERPRINT = "fingerprint/"  # the names of its arrays begin with this


def write_synthesizer(
    synthesizer: Any, path: str | Path, *, include_fingerprint: bool = False
) -> None:
    """Write a fitted Synthesizer into folder `path`, as one atomic change.

    The hashes of its training rows are left out unless asked for.
    """
    folder = check_path(path, name="path", owner="save")
    fingerprint = synthesizer.training_fingerprint_ if include_fingerprint else None
    write_checkpoint(folder, *saved_form(synthesizer, fingerprint))


def saved_form(
    synthesizer: Any, fingerprint: TrainingFingerprint | None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the config of which a saved Synthesizer consists."""
    tensors, about = weights_of(synthesizer.models_), None
    if fingerprint is not None:
        arrays, about = fingerprint.to_saved()
        tensors |= {f"{FINGERPRINT}{n}": torch.from_numpy(a) for n, a in arrays.items()}
    seed, n_models = synthesizer.random_state, len(synthesizer.models_)
    parameters = {name: getattr(synthesizer, name) for name in _SETTINGS}
    if isinstance(parameters["n_steps"], Mapping):  # JSON has no labels but text
        parameters["n_steps"] = list(parameters["n_steps"].items())
    config = {
        "kind": KIND,
        "bioaug": __version__,
        "parameters": as_json(parameters),
        "random_state": seed if isinstance(seed, Integral) else None,
        "sampling_seed": synthesizer._sampling_seed,
        "n_samplings": synthesizer._n_samplings,
        "models": [_thinned(described(fitted), n_models) for fitted in synthesizer.models_],
        "fingerprint": about,
    }
    return tensors, config


def read_synthesizer(cls: type, path: str | Path, *, device: str) -> Any:
    """Return the synthesizer of class `cls` that `write_synthesizer` wrote into folder `path`."""
    tensors, config = read_checkpoint(check_path(path, name="path", owner="load"))
    Runtime.create(device)
    if config.get("kind") != KIND:
        raise CheckpointError(
            f"The folder {str(path)!r} holds no saved Synthesizer but a "
            f"{config.get('kind')!r}. Give the folder that Synthesizer.save wrote."
        )
    return rebuilt_synthesizer(cls, tensors, config, path, device=device)


def rebuilt_synthesizer(
    cls: type, tensors: dict[str, Tensor], config: dict[str, Any], path: str | Path, *, device: str
) -> Any:
    """Return the synthesizer of class `cls` whose `saved_form` was read from folder `path`."""
    try:
        if foreign := sorted(config["parameters"].keys() - set(_SETTINGS)):
            raise ValueError(f"parameters: {foreign} unknown")
        parameters = dict(config["parameters"])
        if isinstance(parameters.get("n_steps"), list):
            parameters["n_steps"] = dict(parameters["n_steps"])
        synthesizer: Any = cls(**parameters, random_state=config["random_state"], device=device)
        model = get_model(synthesizer.model, owner="the saved Synthesizer")
        synthesizer.models_ = [
            rebuilt(model, synthesizer.model_params, of_model, tensors, index)
            for index, of_model in enumerate(config["models"])
        ]
        _restore(synthesizer, config, tensors)
    except MALFORMED as error:
        raise CheckpointError(
            f"The saved model in {str(path)!r} cannot be rebuilt ({error}). Load it with the "
            f"bioaug that wrote it ({config.get('bioaug')}), or train and save it anew."
        ) from error
    return synthesizer


def _restore(synthesizer: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Set what `fit` sets beside the models."""
    synthesizer._sampling_seed = int(config["sampling_seed"])
    synthesizer._n_samplings = int(config["n_samplings"])
    if synthesizer._sampling_seed < 0 or synthesizer._n_samplings < 0:
        raise ValueError("sampling_seed and n_samplings: negative")
    if len({fitted.codec.shape for fitted in synthesizer.models_}) != 1:
        raise ValueError("models: not one shape of signals")
    classes = [fitted.classes for fitted in synthesizer.models_]
    kind = synthesizer.models_[0].codec.classes.dtype  # also in an order of bytes that is not ours
    synthesizer.classes_ = np.unique(np.concatenate(classes)).astype(kind)
    synthesizer.signal_shape_ = synthesizer.models_[0].codec.shape
    synthesizer.n_features_in_ = synthesizer.signal_shape_[0]
    synthesizer.training_fingerprint_ = None
    if config.get("fingerprint") is not None:
        arrays = _without(FINGERPRINT, tensors)
        fingerprint = TrainingFingerprint.from_saved(
            {name: tensor.numpy() for name, tensor in arrays.items()}, config["fingerprint"]
        )
        if fingerprint.n_values != math.prod(synthesizer.signal_shape_):
            raise ValueError("fingerprint: of rows of another length")
        synthesizer.training_fingerprint_ = fingerprint


def _without(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, under the rest of their names."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def weights_of(models: Sequence[FittedModel]) -> dict[str, Tensor]:
    """Return the weights of models, each name preceded by the index of its model."""
    return {
        f"{index}/{name}": tensor
        for index, fitted in enumerate(models)
        for name, tensor in fitted.model.state_dict().items()
    }


def described(fitted: FittedModel) -> dict[str, Any]:
    """Return everything about a fitted model but its weights, for JSON."""
    return {
        "codec": fitted.codec.to_json(),
        "asked for": [int(i) for i in fitted.codec.encode_labels(fitted.classes)],
        "spec": asdict(fitted.model.spec),
        "history": fitted.history,
        "warning": fitted.warning,
        "n_steps": fitted.n_steps,
        "quality": [
            asdict(fitted.quality[label]) for label in fitted.classes.tolist() if fitted.quality
        ],
    }


def _thinned(of_model: dict[str, Any], n_models: int) -> dict[str, Any]:
    """Return a description with a history of bounded length, so that it can always be saved."""
    history, most = of_model["history"], max(MOST_ENTRIES // n_models, 2)
    if len(history) <= most:
        return of_model
    chosen = np.linspace(0, len(history) - 1, most).round().astype(int)
    return of_model | {"history": [history[entry] for entry in chosen]}


def rebuilt(
    model: type[GenerativeModel],
    model_params: dict[str, Any] | None,
    of_model: dict[str, Any],
    tensors: dict[str, Tensor],
    index: int,
) -> FittedModel:
    """Build what `described` gave, with the weights whose names begin with `index`."""
    weights = _without(f"{index}/", tensors)
    codec = SignalCodec.from_json(of_model["codec"])
    spec = SignalSpec(codec.n_channels, codec.n_timesteps, len(codec.classes))
    if of_model["spec"] != asdict(spec):
        raise ValueError(f"spec: {of_model['spec']} does not fit its codec, {asdict(spec)}")
    # A wrong size is found before memory is taken for it.
    with torch.device("meta"), _no_more_than(weights, model_params):
        check_tensors(weights, _unfilled(model, spec, model_params, weights).state_dict())
    with seeded(0):
        built = _unfilled(model, spec, model_params, weights)
    built.load_state_dict(weights)
    classes = codec.classes[of_model["asked for"]]
    if classes.ndim != 1 or not len(classes):
        raise ValueError(f"asked for: {of_model['asked for']}")
    check_history(of_model["history"])
    if not isinstance(of_model["warning"], str | None):
        raise ValueError(f"warning: {of_model['warning']!r:.50}")
    notes = [_quality(note) for note in of_model["quality"]]
    quality = dict(zip(classes.tolist(), notes, strict=bool(notes)))
    n_steps = of_model["n_steps"]
    if type(n_steps) is not int or n_steps < 0:
        raise ValueError(f"n_steps: {n_steps!r:.50}")
    return FittedModel(
        codec,
        built.eval(),
        classes,
        of_model["history"],
        of_model["warning"],
        n_steps=n_steps,
        quality=quality,
    )


def _quality(note: dict[str, Any]) -> ClassQuality:
    """Return a note on one class, or raise a ValueError or TypeError."""
    found = ClassQuality(**note)
    numbers = {name: value for name, value in note.items() if name != "reference"}
    if not isinstance(found.reference, str) or not isinstance(found.n_rows, int):
        raise ValueError(f"quality: {note!r:.100}")
    if any(isinstance(v, str | list | dict) for v in numbers.values()):
        raise ValueError(f"quality: {note!r:.100}")
    return found


def _unfilled(
    model: type[GenerativeModel],
    spec: SignalSpec,
    model_params: dict[str, Any] | None,
    weights: dict[str, Tensor],
) -> GenerativeModel:
    """Return a model of the size of `weights`."""
    built = model(spec, **(model_params or {}))
    built.size_like(weights)
    return built


@contextmanager
def _no_more_than(weights: Mapping[str, Tensor], model_params: Any) -> Iterator[None]:
    """Raise a ValueError where this thread builds a model that is far larger than its weights.

    It raises while the model is built, so that a billion layers are not begun; whether a model fits
    its weights exactly is checked when it is built.
    """
    n_values = FEWEST_VALUES + 2 * sum(tensor.numel() for tensor in weights.values())
    n_tensors, n_modules = FEWEST_MODULES + 2 * len(weights), FEWEST_MODULES + 20 * len(weights)
    _check_sizes(model_params, n_values, n_tensors)
    thread, left = threading.get_ident(), [n_tensors, n_values, n_modules]

    def count(module: torch.nn.Module, name: str, registered: Any) -> None:
        if threading.get_ident() != thread:
            return
        if isinstance(registered, Tensor):
            left[0] -= 1
            left[1] -= registered.numel()
        else:
            left[2] -= 1
        if min(left) < 0:
            raise ValueError(f"weights: the model of these parameters has more, such as {name!r}")

    hooks = (
        torch_module.register_module_parameter_registration_hook(count),
        torch_module.register_module_buffer_registration_hook(count),
        torch_module.register_module_module_registration_hook(count),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _check_sizes(value: Any, most: int, longest: int) -> None:
    """Raise a ValueError for numbers and lists that no model of these weights was built with."""
    if isinstance(value, int | float) and abs(value) > most:
        raise ValueError(f"model_params: {value!r:.50} is out of proportion to the weights")
    if isinstance(value, list) and len(value) > longest:
        raise ValueError(f"model_params: a list of {len(value)} values")
    inner: Any = value.values() if isinstance(value, dict) else value
    for part in inner if isinstance(value, dict | list) else ():
        _check_sizes(part, most, longest)
