"""A training's state on disk, from which a killed run goes on as if nothing had happened."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bioaug._version import __version__
from bioaug.core.checkpoint import (
    MALFORMED,
    as_json,
    check_history,
    check_tensors,
    read_checkpoint,
    write_checkpoint,
)
from bioaug.exceptions import CheckpointError, TrainingWarning
from bioaug.models.base import GenerativeModel
from bioaug.training.trainer import TrainerState

KIND = "training"
_FIELDS = {  # what TrainerState holds beside tensors
    "n_steps": (int, type(None)),
    "step": int,
    "seconds": (int, float),
    "history": list,
    "stop": bool,
    "warning": (str, type(None)),
    "best_score": (int, float),
    "n_worse": int,
}
Copied = tuple[dict[str, Tensor], dict[str, Any]]  # a state's tensors, and its fields
_VERSIONS = {"bioaug": __version__, "torch": str(torch.__version__)}
_OPTIONAL = ("healthy", "best")  # copies of the weights, where a callback keeps them


def copy_of(state: TrainerState) -> Copied:
    """Return weights, averages, optimisers, generator states; and history, as they are now."""
    tensors = {f"model/{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"averaged/{name}": value for name, value in state.averaged.items()}
    for kept in _OPTIONAL:
        weights = getattr(state, kept) or {}
        tensors |= {f"{kept}/{name}": value for name, value in weights.items()}
    for name, optimizer in state.optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{name}/{index}/{key}": value for key, value in values.items()}
    tensors |= {f"generator/{name}": value for name, value in _generator_states().items()}
    fields = {name: getattr(state, name) for name in _FIELDS}
    copies = {name: torch.as_tensor(value).detach().clone() for name, value in tensors.items()}
    return copies, fields | {"history": list(state.history)}


def write_state(folder: Path, copied: Copied, settings: Mapping[str, Any]) -> None:
    """Write what `copy_of` took, as one atomic change."""
    tensors, fields = copied
    config = {"kind": KIND, "settings": dict(settings), "state": fields} | _VERSIONS
    write_checkpoint(folder, tensors, config)


def read_state(folder: Path, model: GenerativeModel, settings: Mapping[str, Any]) -> TrainerState:
    """Return the state written into `folder`, with `model` and the generators as they were.

    Raises
    ------
    CheckpointError
        Where the folder is damaged, or belongs to a run with other settings or other rows.

    Warns
    -----
    TrainingWarning
        Where another version of bioaug or torch wrote it, which may have computed otherwise.
    """
    tensors, config = read_checkpoint(folder)
    found = config.get("settings") if config.get("kind") == KIND else None
    if not isinstance(found, dict):
        raise CheckpointError(
            f"The folder {str(folder)!r} holds no saved training but a {config.get('kind')!r}. "
            "Give another 'checkpoint_dir'."
        )
    wanted = as_json(settings)
    differing = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
    if differing:
        raise CheckpointError(
            f"The training saved in {str(folder)!r} is another one: it differs in "
            f"{', '.join(differing)}. Give another 'checkpoint_dir', or delete this one to train "
            "anew."
        )
    groups: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = value
    try:
        wanted = model.state_dict()
        if unknown := groups.keys() - {"model", "averaged", "optimizer", "generator", *_OPTIONAL}:
            raise ValueError(f"{sorted(unknown)} unknown")
        for kept in ("model", "averaged", *(groups.keys() & set(_OPTIONAL))):
            check_tensors(groups[kept], wanted, kept)
        model.load_state_dict(groups["model"])
        state = TrainerState.create(model)
        for name in state.averaged:
            state.averaged[name].copy_(groups["averaged"][name])
        for kept in groups.keys() & set(_OPTIONAL):
            weights = {name: v.to(state.averaged[name]) for name, v in groups[kept].items()}
            setattr(state, kept, weights)
        _load_optimizers(state.optimizers, groups.get("optimizer", {}))
        fields = _checked(config["state"], settings)
        for name in _FIELDS:
            setattr(state, name, fields[name])
        _set_generator_states(groups["generator"])
    except MALFORMED as error:
        raise CheckpointError(
            f"The training saved in {str(folder)!r} does not fit its model ({error}). Delete the "
            "folder to train anew."
        ) from error
    others = [
        f"{name} {config.get(name)}" for name in _VERSIONS if config.get(name) != _VERSIONS[name]
    ]
    if others:
        warnings.warn(
            f"The training saved in {str(folder)!r} was written by {' and '.join(others)}. It goes "
            "on, but may end with other weights than an unbroken run.",
            TrainingWarning,
            stacklevel=2,
        )
    return state


def _load_optimizers(
    optimizers: Mapping[str, torch.optim.Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    states: dict[str, dict[int, dict[str, Tensor]]] = {name: {} for name in optimizers}
    for key, value in tensors.items():
        owner, index, slot = key.rsplit("/", 2)
        states[owner].setdefault(int(index), {})[slot] = value
    for name, optimizer in optimizers.items():
        moved = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for index, slots in states[name].items():
            check_tensors(slots, _slots(optimizer, moved[index]), f"optimizer {name}/{index}")
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states[name]})


def _slots(optimizer: torch.optim.Optimizer, moved: Tensor) -> dict[str, Tensor]:
    """Return what an optimizer remembers of a parameter like `moved` after a step."""
    probe = torch.nn.Parameter(torch.zeros_like(moved))
    probe.grad = torch.zeros_like(probe)
    taken = inspect.signature(type(optimizer).__init__).parameters
    options = {name: value for name, value in optimizer.defaults.items() if name in taken}
    other: torch.optim.Optimizer = type(optimizer)([probe], **options)
    other.step()
    return {name: torch.as_tensor(value) for name, value in other.state[probe].items()}


def _checked(fields: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Raise a ValueError for a field of another type, or one that no such run can have."""
    for name, kind in _FIELDS.items():
        value = fields[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"state: {name!r} is {value!r:.50}")
    if fields["step"] < 0 or not 0 <= fields["seconds"] < math.inf:
        raise ValueError(f"state: step {fields['step']!r:.50}, seconds {fields['seconds']!r:.50}")
    most = settings.get("config", {}).get("n_steps", fields["step"])
    if fields["step"] > most or fields["n_worse"] < 0 or math.isnan(fields["best_score"]):
        raise ValueError(f"state: step {fields['step']!r:.50} of {most}, or no such scores")
    planned = fields["n_steps"]
    if planned is not None and planned < fields["step"]:
        raise ValueError(f"state: step {fields['step']} of {planned!r:.50}")
    check_history(fields["history"])
    if fields["history"] and fields["history"][-1]["step"] > fields["step"]:
        raise ValueError(f"history: it goes beyond step {fields['step']}")
    return fields


def _generator_states() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _set_generator_states(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
