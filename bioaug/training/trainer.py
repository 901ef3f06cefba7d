"""The only training loop."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bioaug.core.seeding import give_way, unchanged_generators
from bioaug.exceptions import TrainingDivergedError
from bioaug.models.base import (
    DEFAULT_CONTEXT,
    Batch,
    GenerativeModel,
    LossContext,
    Losses,
    Phase,
    Update,
)
from bioaug.training.callback import Callback
from bioaug.training.config import TrainerConfig
from bioaug.training.plan import planned_steps
from bioaug.training.runtime import Runtime
from bioaug.training.state import TrainerState, copy_weights, trained_parameters


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

        Parameters
        ----------
        model : GenerativeModel
        batches : iterator of Batch
            Endless; every update takes the next one.
        resume : TrainerState, optional
            State of an earlier run, from which this one goes on.

        Returns
        -------
        TrainerState
            After the last step.

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
        self.runtime.broadcast_weights(model)
        state = resume or TrainerState.create(model)
        state.callbacks = self.callbacks
        phases, last = tuple(model.phases()), None
        good, window = copy_weights(state.averaged), []
        begin = time.perf_counter() - state.seconds
        if state.n_steps is None:
            state.n_steps = self._planned(state, batches)
        state.progress = _progress(state)
        self._notify("on_fit_begin", state)
        while not state.is_done:
            phase = _phase_at(phases, state.progress + 0.5 / state.n_steps)
            if phase is not last:
                last = phase
                self._notify("on_phase_begin", state)
            window.append(self.step(state, phase, batches))
            state.seconds = time.perf_counter() - begin
            state.progress = _progress(state)
            self._end_in_time(state)
            if state.step % config.log_every == 0 or state.progress >= 1:
                if not self._log(state, window, phase, good):
                    break
                good, window = copy_weights(state.averaged), []
            self._notify("on_step_end", state)
            give_way()
            if state.stop and window:  # a run that ended between two entries is checked, too
                self._log(state, window, phase, good)
        self._notify("on_steps_end", state)
        model.load_state_dict(state.averaged)
        model.eval()
        model.requires_grad_(True)
        self._notify("on_fit_end", state)
        return state

    def step(self, state: TrainerState, phase: Phase, batches: Iterator[Batch]) -> Losses:
        """Run one step of `phase` and return its detached losses."""
        factor = self.config.learning_rate_factor(state.progress)
        context = self.config.loss_context(state.progress)
        losses = Losses()
        for update in phase.updates:
            optimizer = state.optimizers[update.name]
            settings = update.schedule(state.progress) if update.schedule else {}
            for group in optimizer.param_groups:
                group.update(settings)
                group["lr"] = group["initial_lr"] * factor * settings.get("lr", 1.0)
            terms = self.apply(state.model, update, next(batches), optimizer, context)
            losses |= {f"{update.name}/{name}": value for name, value in terms.items()}
        self._average(state)
        state.step += 1
        return losses

    def apply(
        self,
        model: GenerativeModel,
        update: Update,
        batch: Batch,
        optimizer: Optimizer,
        context: LossContext = DEFAULT_CONTEXT,
    ) -> Losses:
        """Freeze what `update` does not train, then loss, backward, all-reduce, clip and step."""
        trained = trained_parameters(model, update)
        model.requires_grad_(False)
        for parameter in trained:
            parameter.requires_grad_(True)
        with self.runtime.autocast():
            losses = update.loss(batch, context)
        total = torch.stack(list(losses.values())).sum()
        if update.skip_below is None or total.item() >= update.skip_below:
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            self.runtime.all_reduce_gradients(trained)
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

    def _notify(self, event: str, state: TrainerState) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(state)


def _progress(state: TrainerState) -> float:
    return state.step / state.n_steps if state.n_steps else 1.0


def _phase_at(phases: Sequence[Phase], done: float) -> Phase:
    """Return the phase in which the fraction `done` of all steps lies."""
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
