"""The state of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from bioaug.models.base import GenerativeModel, Update
from bioaug.training.callback import Callback


@dataclass
class TrainerState:
    """Everything that a run has learned so far; with the generator states, it can go on.

    Attributes
    ----------
    model : GenerativeModel
    optimizers : dict of str to Optimizer, by name of their update
    averaged : dict of str to Tensor
        The averaged (EMA) weights.
        The run ends with them.
    callbacks : sequence of Callback
        Those that watch the run; their `state_dict` is saved with the rest.
    title : str
        What is trained, for progress bars and logs.
    n_steps : int or None
        Steps of the whole run; None until it is planned.
    step : int, steps done
    seconds : float, time spent
    progress : float
        The fraction of the steps that are done.
    history : list of dict
        One entry per `log_every` steps: step, seconds, phase, and mean losses by name.
    stop : bool
        Set by a callback to end the run.
    warning : str or None
        Why the run ended early, or what looks wrong.
    """

    model: GenerativeModel
    optimizers: dict[str, Optimizer]
    averaged: dict[str, Tensor]
    callbacks: Sequence[Callback] = ()
    title: str = ""
    n_steps: int | None = None
    step: int = 0
    seconds: float = 0.0
    progress: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    stop: bool = False
    warning: str | None = None

    @classmethod
    def create(cls, model: GenerativeModel, title: str = "") -> TrainerState:
        """Return the state before the first step."""
        updates = {update.name: update for phase in model.phases() for update in phase.updates}
        optimizers = {
            name: update.optimizer(trained_parameters(model, update))
            for name, update in updates.items()
        }
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        return cls(model, optimizers, copy_weights(model.state_dict()), title=title)

    @property
    def is_done(self) -> bool:
        """Whether no further step is to be made."""
        return self.progress >= 1 or self.stop

    @property
    def is_logged(self) -> bool:
        """Whether the last step has an entry in the history."""
        return bool(self.history) and self.history[-1]["step"] == self.step

    @contextmanager
    def averaged_weights(self) -> Iterator[GenerativeModel]:
        """Temporarily swap in the averaged weights, in eval mode."""
        current = copy_weights(self.model.state_dict())
        self.model.load_state_dict(self.averaged)
        self.model.eval()
        try:
            yield self.model
        finally:
            self.model.load_state_dict(current)
            self.model.train()


def trained_parameters(model: GenerativeModel, update: Update) -> list[Parameter]:
    """Return the parameters that `update` changes."""
    return [p for name in update.trains for p in getattr(model, name).parameters()]


def copy_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a copy of weights that later steps do not change."""
    return {name: tensor.detach().clone() for name, tensor in weights.items()}
