"""A training's state on disk, from which a killed run goes on as if nothing had happened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bioaug.checkpoint import (
    MALFORMED,
    as_json,
    check_history,
    check_tensors,
    read_checkpoint,
    write_checkpoint,
)
from bioaug.exceptions import CheckpointError
from bioaug.models.base import GenerativeModel
from bioaug.training.trainer import TrainerState

KIND = "training"
_FIELDS = {  # what TrainerState holds beside tensors
    "step": int,
    "seconds": (int, float),
    "history": list,
    "stop": bool,
    "warning": (str, type(None)),
    "best_score": (int, float),
    "n_worse": int,
}
Copied = tuple[dict[str, Tensor], dict[str, Any]]  # a state's tensors, and its fields
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
    write_checkpoint(folder, tensors, {"kind": KIND, "settings": dict(settings), "state": fields})


def read_state(folder: Path, model: GenerativeModel, settings: Mapping[str, Any]) -> TrainerState:
    """Return the state written into `folder`, with `model` and the generators as they were.

    Raises
    ------
    CheckpointError
        Where the folder is damaged, or belongs to a run with other settings or other rows.
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
        for kept in ("model", "averaged", *(groups.keys() & set(_OPTIONAL))):
            check_tensors(groups[kept], wanted, kept)
        model.load_state_dict(groups["model"])
        state = TrainerState.create(model)
        for name in state.averaged:
            state.averaged[name].copy_(groups["averaged"][name])
        for kept in groups.keys() & set(_OPTIONAL):
            weights = {name: v.to(state.averaged[name]) for name, v in groups[kept].items()}
            setattr(state, kept, weights)
        for name, optimizer in state.optimizers.items():
            _load_optimizer(optimizer, name, groups.get("optimizer", {}))
        fields = _checked(config["state"])
        for name in _FIELDS:
            setattr(state, name, fields[name])
        _set_generator_states(groups["generator"])
    except MALFORMED as error:
        raise CheckpointError(
            f"The training saved in {str(folder)!r} does not fit its model ({error}). Delete the "
            "folder to train anew."
        ) from error
    return state


def _load_optimizer(
    optimizer: torch.optim.Optimizer, name: str, tensors: Mapping[str, Tensor]
) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        owner, index, slot = key.rsplit("/", 2)
        if owner == name:
            state.setdefault(int(index), {})[slot] = value
    moved = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, slots in state.items():
        for slot, value in slots.items():
            if value.shape not in ((), moved[index].shape):
                raise ValueError(f"optimizer {name}: {index}/{slot} has shape {tuple(value.shape)}")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    """Raise a ValueError for a field of another type."""
    for name, kind in _FIELDS.items():
        value = fields[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"state: {name!r} is {value!r:.50}")
    if fields["step"] < 0 or not 0 <= fields["seconds"] < math.inf:
        raise ValueError(f"state: step {fields['step']!r:.50}, seconds {fields['seconds']!r:.50}")
    check_history(fields["history"])
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
