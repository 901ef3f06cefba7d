"""Fitted models as tensors and JSON, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from bioaug.core.checkpoint import check_history, check_tensors
from bioaug.core.seeding import seeded
from bioaug.models.base import GenerativeModel, SignalSpec
from bioaug.synthesis._model_size import bounded_size
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.fitted import FittedModel
from bioaug.synthesis.quality import ClassQuality


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
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


def rebuilt(
    model: type[GenerativeModel],
    model_params: dict[str, Any] | None,
    of_model: dict[str, Any],
    tensors: dict[str, Tensor],
    index: int,
) -> FittedModel:
    """Build what `described` gave, with the weights whose names begin with `index`."""
    weights = without_prefix(f"{index}/", tensors)
    codec = SignalCodec.from_json(of_model["codec"])
    spec = SignalSpec(codec.n_channels, codec.n_timesteps, len(codec.classes))
    if of_model["spec"] != asdict(spec):
        raise ValueError(f"spec: {of_model['spec']} does not fit its codec, {asdict(spec)}")
    # Sizes are checked before memory is allocated.
    with torch.device("meta"), bounded_size(weights, model_params):
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
    quality = ClassQuality(**note)
    numbers = {name: value for name, value in note.items() if name != "reference"}
    if not isinstance(quality.reference, str) or not isinstance(quality.n_rows, int):
        raise ValueError(f"quality: {note!r:.100}")
    if any(isinstance(v, str | list | dict) for v in numbers.values()):
        raise ValueError(f"quality: {note!r:.100}")
    return quality


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
