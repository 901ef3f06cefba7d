"""A training's state on disk, from which a killed run goes on as if nothing had happened."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
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
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import CheckpointError, TrainingWarning
from bioaug.models.base import GenerativeModel
from bioaug.training.callback import Callback
from bioaug.training.state import TrainerState

KIND = "training"
_FIELDS = {  # what TrainerState holds beside tensors
    "n_steps": (int, type(None)),
    "step": int,
    "seconds": (int, float),
    "history": list,
    "stop": bool,
    "warning": (str, type(None)),
}
_GROUPS = {"model", "averaged", "optimizer", "generator", "callback"}  # of tensors
StateSnapshot = tuple[dict[str, Tensor], dict[str, Any]]  # a state's tensors, and its fields
_VERSIONS = {"bioaug": __version__, "torch": str(torch.__version__)}


def snapshot(state: TrainerState) -> StateSnapshot:
    """Return weights, averages, optimisers, generators, callbacks and history, as they are now."""
    tensors = {f"model/{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"averaged/{name}": value for name, value in state.averaged.items()}
    for name, optimizer in state.optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{name}/{index}/{key}": value for key, value in values.items()}
    tensors |= {f"generator/{name}": value for name, value in _generator_states().items()}
    callbacks: dict[str, dict[str, Any]] = {}
    for owner, callback in _by_name(state.callbacks).items():
        entries = callback.state_dict()
        weights = {key: value for key, value in entries.items() if isinstance(value, Mapping)}
        for key, named in weights.items():
            tensors |= {f"callback/{owner}/{key}/{name}": value for name, value in named.items()}
        callbacks[owner] = {key: value for key, value in entries.items() if key not in weights}
    fields = {name: getattr(state, name) for name in _FIELDS} | {"callbacks": callbacks}
    copies = {name: torch.as_tensor(value).detach().clone() for name, value in tensors.items()}
    return copies, fields | {"history": list(state.history)}


def write_state(folder: Path, taken: StateSnapshot, settings: Mapping[str, Any]) -> None:
    """Write a snapshot, as one atomic change."""
    tensors, fields = taken
    config = {"kind": KIND, "settings": dict(settings), "state": fields} | _VERSIONS
    write_checkpoint(folder, tensors, config)


def read_state(
    folder: Path,
    model: GenerativeModel,
    settings: Mapping[str, Any],
    callbacks: Sequence[Callback] = (),
) -> TrainerState:
    """Return the state written into `folder`; restore `model`, `callbacks` and the generators.

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
    _check_settings(folder, config, settings)
    try:
        state = _restored(tensors, config["state"], model, settings, callbacks)
    except MALFORMED as error:
        raise CheckpointError(
            f"The training saved in {str(folder)!r} does not fit its model ({error}). Delete the "
            "folder to train anew."
        ) from error
    others = [
        f"{name} {config.get(name)}" for name in _VERSIONS if config.get(name) != _VERSIONS[name]
    ]
    if others:
        warn_user(
            f"The training saved in {str(folder)!r} was written by {' and '.join(others)}. It goes "
            "on, but may end with other weights than an unbroken run.",
            TrainingWarning,
        )
    return state


def _check_settings(folder: Path, config: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Raise a CheckpointError where the folder holds no training, or that of another run."""
    stored = config.get("settings") if config.get("kind") == KIND else None
    if not isinstance(stored, dict):
        raise CheckpointError(
            f"The folder {str(folder)!r} holds no saved training but a {config.get('kind')!r}. "
            "Give another 'checkpoint_dir'."
        )
    wanted = as_json(settings)
    differing = sorted(k for k in wanted.keys() | stored.keys() if wanted.get(k) != stored.get(k))
    if differing:
        raise CheckpointError(
            f"The training saved in {str(folder)!r} is another one: it differs in "
            f"{', '.join(differing)}. Give another 'checkpoint_dir', or delete this one to train "
            "anew."
        )


def _restored(
    tensors: Mapping[str, Tensor],
    fields: dict[str, Any],
    model: GenerativeModel,
    settings: Mapping[str, Any],
    callbacks: Sequence[Callback],
) -> TrainerState:
    groups = _nested(tensors)
    if unknown := groups.keys() - _GROUPS:
        raise ValueError(f"{sorted(unknown)} unknown")
    for name in ("model", "averaged"):
        check_tensors(groups[name], model.state_dict(), name)
    model.load_state_dict(groups["model"])
    state = TrainerState.create(model)
    for name in state.averaged:
        state.averaged[name].copy_(groups["averaged"][name])
    _load_optimizers(state.optimizers, groups.get("optimizer", {}))
    _check_fields(fields, settings)
    for name in _FIELDS:
        setattr(state, name, fields[name])
    state.callbacks = callbacks
    _load_callbacks(state, fields["callbacks"], groups.get("callback", {}))
    _set_generator_states(groups["generator"])
    return state


def _nested(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Group tensors by the part of their names before the first slash."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = value
    return groups


def _by_name(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Name callbacks by their class, and several of one class by their order, too."""
    names = [type(callback).__name__ for callback in callbacks]
    counts = [names[:index].count(name) for index, name in enumerate(names)]
    keys = [f"{name} {n + 1}" if n else name for name, n in zip(names, counts, strict=True)]
    return dict(zip(keys, callbacks, strict=True))


def _load_callbacks(state: TrainerState, fields: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give each callback what it had saved; one that is new to the run begins afresh."""
    stored = {owner: dict(entries) for owner, entries in dict(fields).items()}
    for owner, named in _nested(tensors).items():
        for key, weights in _nested(named).items():
            check_tensors(weights, state.averaged, f"callback {owner}/{key}")
            moved = {name: value.to(state.averaged[name]) for name, value in weights.items()}
            stored[owner][key] = moved
    for owner, callback in _by_name(state.callbacks).items():
        if stored.get(owner):
            callback.load_state_dict(stored[owner])


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


def _check_fields(fields: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """Raise a ValueError for a field of another type, or one that no such run can have."""
    for name, kind in _FIELDS.items():
        value = fields[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"state: {name!r} is {value!r:.50}")
    if fields["step"] < 0 or not 0 <= fields["seconds"] < math.inf:
        raise ValueError(f"state: step {fields['step']!r:.50}, seconds {fields['seconds']!r:.50}")
    most = settings.get("config", {}).get("n_steps", fields["step"])
    if fields["step"] > most:
        raise ValueError(f"state: step {fields['step']!r:.50} of {most}")
    planned = fields["n_steps"]
    if planned is not None and planned < fields["step"]:
        raise ValueError(f"state: step {fields['step']} of {planned!r:.50}")
    check_history(fields["history"])
    if fields["history"] and fields["history"][-1]["step"] > fields["step"]:
        raise ValueError(f"history: it goes beyond step {fields['step']}")


def _generator_states() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _set_generator_states(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
