"""The only training loop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bioaug.core.checks import POSITIVE, UNIT, Interval, check_number, check_option
from bioaug.core.seeding import give_way, unchanged_generators
from bioaug.exceptions import TrainingDivergedError
from bioaug.models.base import Batch, GenerativeModel, Losses, LossOptions, Phase, Update
from bioaug.training.plan import planned_steps
from bioaug.training.runtime import PRECISIONS, Runtime

PENALTIES = ("autograd", "finite_difference")
SCHEDULES = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: (1.0 + math.cos(math.pi * done)) / 2,
}


@dataclass(frozen=True)
class TrainerConfig:
    """How long and how a model is trained.

    Attributes
    ----------
    n_steps : int
        Passes through a phase's tuple of updates, all phases together.
    batch_size : int
    precision : {"float32", "bfloat16"}
    grad_clip : float, optional
        Largest gradient norm of one update.
    ema_decay : float, optional
        Decay of the averaged weights, which are the ones sampled from; None keeps the last ones.
        The first steps are forgotten faster: step t uses min(ema_decay, (1 + t) / (10 + t)).
    schedule : {"constant", "linear", "cosine"}
        How learning rates fall to 0 over the run.
    log_every : int
        Steps between entries of the history; losses are checked then too.
    max_time : float, optional
        Seconds after which the run ends. Before the first step, the pace of a few is measured, and
        no more steps are planned than the time is enough for; schedules and phases follow them.
    penalty_every : int
        In models with gradient penalties, one discriminator step in so many, at random, has them;
        they then weigh as many times as much.
    penalty : {"autograd", "finite_difference"}
        How squared gradients are found: exactly, or from the score at a random small step, which
        needs no second derivative. WGAN-GP's penalty needs the exact ones.
    augment : float in [0, 1] or "adaptive"
        In models with a discriminator, the chance of each augmentation of what it sees, real and
        synthetic alike, see `Augmentation`; "adaptive" sets it by how much better the
        discriminator knows its training rows than chance.
    smoothing : float in [0, 1]
        How much of what tells a training row from its 20 nearest neighbours is replaced by chance
        whenever the row is used, see `LocalGaussians`: against learning few rows by heart.
    """

    n_steps: int = 1000
    batch_size: int = 64
    precision: str = "float32"
    grad_clip: float | None = None
    ema_decay: float | None = 0.999
    schedule: str = "constant"
    log_every: int = 50
    max_time: float | None = None
    penalty_every: int = 1
    penalty: str = "autograd"
    augment: float | str = 0.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        owner = "TrainerConfig"
        counts = {"n_steps": 0, "batch_size": 1, "log_every": 1, "penalty_every": 1}
        for name, least in counts.items():
            allowed = Interval(Integral, least, None, closed="left")
            check_number(getattr(self, name), allowed, name=name, owner=owner)
        allowed = Interval(Real, 0, 1, closed="left")
        check_number(self.ema_decay, allowed, name="ema_decay", owner=owner, optional=True)
        check_number(self.grad_clip, POSITIVE, name="grad_clip", owner=owner, optional=True)
        check_number(self.max_time, POSITIVE, name="max_time", owner=owner, optional=True)
        check_option(self.penalty, name="penalty", owner=owner, options=PENALTIES)
        check_number(self.smoothing, UNIT, name="smoothing", owner=owner)
        if self.augment != "adaptive":
            check_number(
                self.augment, UNIT, name="augment", owner=owner, otherwise=" or 'adaptive'"
            )
        check_option(self.precision, name="precision", owner=owner, options=PRECISIONS)
        check_option(self.schedule, name="schedule", owner=owner, options=SCHEDULES)


@dataclass
class TrainerState:
    """Everything that a run has learned so far; with the generator states, it can go on.

    Attributes
    ----------
    model : GenerativeModel
    optimizers : dict of str to Optimizer, by name of their update
    averaged : dict of str to Tensor
        The averaged (EMA) weights.
    healthy : dict of str to Tensor, or None
        The averaged weights when `CollapseGuard` last found every class varied.
    best : dict of str to Tensor, or None
        The averaged weights that `EarlyStopping` scored best; the run ends with them.
    best_score : float
    n_worse : int
        Looks since the best one.
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
    healthy: dict[str, Tensor] | None = None
    best: dict[str, Tensor] | None = None
    best_score: float = -math.inf
    n_worse: int = 0
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
            name: update.optimizer(_parameters(model, update)) for name, update in updates.items()
        }
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        return cls(model, optimizers, _copy(model.state_dict()), title=title)

    @contextmanager
    def averaged_weights(self) -> Iterator[GenerativeModel]:
        """Lend the model in eval mode with its averaged weights, then restore it."""
        current = _copy(self.model.state_dict())
        self.model.load_state_dict(self.averaged)
        self.model.eval()
        try:
            yield self.model
        finally:
            self.model.load_state_dict(current)
            self.model.train()


class Callback:
    """Base of callbacks: every event does nothing. A callback may set `state.stop`."""

    def on_fit_begin(self, state: TrainerState) -> None:
        """Look at the state before the first step."""

    def on_phase_begin(self, state: TrainerState) -> None:
        """Look at the state before the first step of a phase."""

    def on_step_end(self, state: TrainerState) -> None:
        """Look at the state after a step."""

    def on_fit_end(self, state: TrainerState) -> None:
        """Look at the state after the last step, averaged weights in the model."""

    def close(self) -> None:
        """Let go of what was opened, also where the training raised or was interrupted."""


class Trainer:
    """Runs the updates of a model's phases and keeps its averaged weights.

    Parameters
    ----------
    config : TrainerConfig
    runtime : Runtime
    callbacks : sequence of Callback
    """

    def __init__(
        self, config: TrainerConfig, runtime: Runtime, callbacks: Sequence[Callback] = ()
    ) -> None:
        self.config, self.runtime, self.callbacks = config, runtime, callbacks

    def fit(
        self, model: GenerativeModel, batches: Iterator[Batch], resume: TrainerState | None = None
    ) -> TrainerState:
        """Train `model` in place and leave its averaged weights in it.

        Raises
        ------
        TrainingDivergedError
            Where a loss turned NaN or infinite before any weights were worth keeping. Later, the
            run ends with the last good weights and a warning in the returned state.
        """
        try:
            return self._run(model, batches, resume)
        finally:
            for callback in self.callbacks:
                callback.close()

    def _run(
        self, model: GenerativeModel, batches: Iterator[Batch], resume: TrainerState | None
    ) -> TrainerState:
        config = self.config
        model.to(self.runtime.device).train()
        model.options = LossOptions(config.penalty_every, config.penalty, config.augment)
        self.runtime.share_weights(model)
        state = resume or TrainerState.create(model)
        phases, last = tuple(model.phases()), None
        good, window = _copy(state.averaged), []
        begin = time.perf_counter() - state.seconds
        if state.n_steps is None:
            state.n_steps = self._planned(state, batches)
        state.progress = _progress(state)
        self._tell("on_fit_begin", state)
        while state.progress < 1 and not state.stop:
            phase = _phase_at(phases, state.progress + 0.5 / state.n_steps)
            if phase is not last:
                last = phase
                self._tell("on_phase_begin", state)
            window.append(self.step(state, phase, batches))
            state.seconds = time.perf_counter() - begin
            state.progress = _progress(state)
            self._end_in_time(state)
            if state.step % config.log_every == 0 or state.progress >= 1:
                if not self._log(state, window, phase, good):
                    break
                good, window = _copy(state.averaged), []
            self._tell("on_step_end", state)
            give_way()
            if state.stop and window:  # a run ended between two entries is looked at, too
                self._log(state, window, phase, good)
        state.averaged = state.best or state.averaged
        model.load_state_dict(state.averaged)
        model.eval()
        model.requires_grad_(True)
        self._tell("on_fit_end", state)
        return state

    def step(self, state: TrainerState, phase: Phase, batches: Iterator[Batch]) -> Losses:
        """Run one step of `phase` and return its detached losses."""
        factor = SCHEDULES[self.config.schedule](state.progress)
        state.model.progress = state.progress
        losses = Losses()
        for update in phase.updates:
            optimizer = state.optimizers[update.name]
            settings = update.schedule(state.progress) if update.schedule else {}
            for group in optimizer.param_groups:
                group.update(settings)
                group["lr"] = group["initial_lr"] * factor * settings.get("lr", 1.0)
            found = self.apply(state.model, update, next(batches), optimizer)
            losses |= {f"{update.name}/{name}": value for name, value in found.items()}
        self._average(state)
        state.step += 1
        return losses

    def apply(
        self, model: GenerativeModel, update: Update, batch: Batch, optimizer: Optimizer
    ) -> Losses:
        """Freeze what `update` does not train, then loss, backward, share, clip and step."""
        trained = _parameters(model, update)
        model.requires_grad_(False)
        for parameter in trained:
            parameter.requires_grad_(True)
        with self.runtime.autocast():
            losses = update.loss(batch)
        total = torch.stack(list(losses.values())).sum()
        if update.skip_below is None or total.item() >= update.skip_below:
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            self.runtime.share_gradients(trained)
            if self.config.grad_clip is not None:
                torch.nn.utils.clip_grad_norm_(trained, self.config.grad_clip)
            optimizer.step()
            if update.after is not None:
                update.after()
        return {name: value.detach() for name, value in losses.items()}

    def _planned(self, state: TrainerState, batches: Iterator[Batch]) -> int:
        """Return the number of steps of the run.

        Where there is a limit of time, the pace is measured on a copy of the model, and its random
        numbers are drawn again afterwards. So the run depends on the time through this number
        alone: one without a limit and as many steps is the same.
        """
        n_steps, limit = self.config.n_steps, self.config.max_time
        if limit is None or n_steps == 0:
            return n_steps
        with unchanged_generators():
            trial = TrainerState.create(copy.deepcopy(state.model))
            phases = tuple(trial.model.phases())
            return planned_steps(
                lambda phase: self.step(trial, phase, batches),
                phases,
                n_steps,
                limit - state.seconds,
            )

    def _end_in_time(self, state: TrainerState) -> None:
        limit = self.config.max_time
        if limit is None or state.seconds < limit or state.progress == 1:
            return
        state.stop = True
        state.warning = (
            f"max_time ended the training at step {state.step} of the {state.n_steps} that were "
            "planned, for the machine became slower; n_steps cannot repeat this run exactly"
        )

    @torch.no_grad()
    def _average(self, state: TrainerState) -> None:
        current = state.model.state_dict()
        decay = self.config.ema_decay or 0.0
        weight = 1 - min(decay, (1 + state.step) / (10 + state.step))
        floating = [name for name, value in current.items() if value.is_floating_point()]
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
            [state.averaged[name] for name in floating],
            [current[name] for name in floating],
            weight,
        )
        for name in current.keys() - set(floating):
            state.averaged[name].copy_(current[name])

    def _log(
        self, state: TrainerState, window: list[Losses], phase: Phase, good: dict[str, Tensor]
    ) -> bool:
        """Add a window of steps to the history; where one is bad, go back to `good` and stop."""
        entry = _summary(window, state, phase)
        if isinstance(entry, dict):
            state.history.append(entry)
            return True
        if not state.history:
            raise TrainingDivergedError(
                f"Training of {state.title or 'the model'} diverged: {entry}. Nothing was learned "
                "before. Lower the learning rates, or look for outliers in the signals."
            )
        state.averaged, state.stop = good, True
        state.warning = f"training ended early because {entry}; the last good weights are kept"
        return False

    def _tell(self, event: str, state: TrainerState) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(state)


def _progress(state: TrainerState) -> float:
    return state.step / state.n_steps if state.n_steps else 1.0


def _phase_at(phases: Sequence[Phase], done: float) -> Phase:
    """Return the phase in which the share `done` of all steps lies."""
    for phase in phases[:-1]:
        if done < phase.fraction:
            return phase
        done -= phase.fraction
    return phases[-1]


def _summary(window: Sequence[Losses], state: TrainerState, phase: Phase) -> dict[str, Any] | str:
    """Return the mean losses of a window of steps, or where the first bad one is."""
    names = sorted({name for losses in window for name in losses})
    means: dict[str, Any] = {}
    for name in names:
        values = torch.stack([losses[name] for losses in window if name in losses]).float().cpu()
        bad = (~torch.isfinite(values)).nonzero().flatten()
        if len(bad):
            step = state.step - len(window) + int(bad[0]) + 1
            return f"the loss {name!r} is {float(values[bad[0]])} at step {step}"
        means[name] = float(values.mean())
    if not all(bool(torch.isfinite(value).all()) for value in state.averaged.values()):
        return f"a weight is no longer finite at step {state.step}"
    return {"step": state.step, "seconds": state.seconds, "phase": phase.name} | means


def _parameters(model: GenerativeModel, update: Update) -> list[torch.nn.Parameter]:
    return [p for name in update.trains for p in getattr(model, name).parameters()]


def _copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
