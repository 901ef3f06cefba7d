"""What may watch a training: progress, time, checkpoints, TensorBoard, collapse."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from bioaug.core.checkpoint import file_name
from bioaug.core.checks import check_path
from bioaug.core.seeding import seeded
from bioaug.core.tensors import Labels, Signals
from bioaug.exceptions import CheckpointError, TrainingWarning
from bioaug.models.base import GenerativeModel
from bioaug.training.resume import Copied, copy_of, write_state
from bioaug.training.trainer import Callback, TrainerState


class Progress(Callback):
    """A bar with the latest losses, summed per update."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def on_fit_begin(self, state: TrainerState) -> None:
        """Draw the bar, from the step that a resumed run begins at."""
        self._bar = tqdm(
            total=state.n_steps,
            initial=state.step,
            desc=state.title,
            unit="step",
            dynamic_ncols=True,
            mininterval=0.5,
        )

    def on_step_end(self, state: TrainerState) -> None:
        """Move the bar; show the losses when there are new ones."""
        if self._bar is None:
            return
        self._bar.update(state.step - self._bar.n)
        if _is_logged(state):
            totals: dict[str, float] = {}
            for name, value in _losses(state.history[-1]).items():
                update = name.partition("/")[0]
                totals[update] = totals.get(update, 0.0) + value
            self._bar.set_postfix(totals, refresh=False)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Pace:
    """Says when it is time to look again.

    Parameters
    ----------
    every : float
        Share of the run between two looks.
    least : int, default=0
        Steps between two looks, at least.
    """

    def __init__(self, every: float, least: int = 0) -> None:
        self._every, self._least, self._done = every, least, 0

    def every(self, state: TrainerState) -> float:
        """Return the share of this run between two looks."""
        return max(self._every, self._least / max(state.n_steps or 0, 1))

    def begin(self, state: TrainerState) -> None:
        """Count from where this run begins."""
        self._done = self._looks(state)

    def is_due(self, state: TrainerState) -> bool:
        """Whether a look is due after this step; true once for each."""
        before, self._done = self._done, self._looks(state)
        return self._done > before

    def _looks(self, state: TrainerState) -> int:
        return int(state.progress / self.every(state) + 1e-9)


class Checkpoint(Callback):
    """Writes the state into a folder, so that a killed training can go on.

    It writes before the first step, `1 / every` times along the run, and at its end; a training
    that is interrupted or raises leaves the state at its last entry of the history. Where a write
    fails during the training, as on a full disk, it warns, the training goes on, and the next
    write tries again; before the first step it raises.

    Parameters
    ----------
    folder : path
    every : float
        Share of the run between two writes; they fall on entries of the history.
    settings : mapping
        What the run was started with; a run with other settings refuses to go on from here.
    """

    def __init__(self, folder: str | Path, every: float, settings: Mapping[str, Any]) -> None:
        self.folder = check_path(folder, name="folder", owner="Checkpoint")
        self.settings, self.pace = settings, Pace(every)
        self._begun = 0
        self._unwritten: Copied | None = None

    def on_fit_begin(self, state: TrainerState) -> None:
        """Write the state before the first step, to see that the folder can be written.

        Raises
        ------
        OSError
            Where it cannot.
        """
        self.pace.begin(state)
        self._begun, self._unwritten = state.step, None
        if state.step == 0:
            write_state(self.folder, copy_of(state), self.settings)

    def on_step_end(self, state: TrainerState) -> None:
        """Keep the state where the losses of all steps so far were seen; write where it is time."""
        if _is_logged(state):
            self._unwritten = copy_of(state)
            if self.pace.is_due(state):
                self._write()

    def on_fit_end(self, state: TrainerState) -> None:
        """Write the end of the run, from which `fit` returns at once."""
        if state.step > self._begun:
            self._unwritten = copy_of(state)
            self._write()

    def close(self) -> None:
        """Write the last state that was kept, where the training raised or was interrupted."""
        self._write()

    def _write(self) -> None:
        if self._unwritten is None:
            return
        try:
            write_state(self.folder, self._unwritten, self.settings)
        except (OSError, CheckpointError) as error:
            step, reason = self._unwritten[1]["step"], getattr(error, "strerror", error)
            message = f"The training state of step {step} was not written: {reason}."
            warnings.warn(message, TrainingWarning, stacklevel=2)
        self._unwritten = None  # not reached by an interruption, after which `close` writes it


class TensorBoard(Callback):
    """Writes the losses to TensorBoard, one run per trained model.

    Parameters
    ----------
    log_dir : path
    """

    def __init__(self, log_dir: str | Path) -> None:
        self.log_dir = log_dir
        self._writer: Any = None

    def on_fit_begin(self, state: TrainerState) -> None:
        """Open the writer.

        Raises
        ------
        ImportError
            Where tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "The TensorBoard callback needs tensorboard: pip install 'bioaug[tensorboard]'."
            ) from error
        folder = check_path(self.log_dir, name="log_dir", owner="TensorBoard")
        self._writer = SummaryWriter(str(folder / file_name(state.title)))

    def on_step_end(self, state: TrainerState) -> None:
        """Write the latest entry of the history, once."""
        if self._writer and _is_logged(state):
            for name, value in _losses(state.history[-1]).items():
                self._writer.add_scalar(f"loss/{name}", value, state.step)

    def close(self) -> None:
        """Close the writer."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class CollapseGuard(Callback):
    """Ends a training whose generator makes nearly the same signal again and again.

    For every class it compares the spread over samples (mean standard deviation per channel and
    time step) of generated with that of real signals. A class that once had a healthy spread and
    falls below `least` of the real one ends the training; the weights of the last healthy look
    are kept.

    Parameters
    ----------
    signals, labels : Tensor
        The encoded training rows.
    names : mapping of int to str
        Class names for the warning.
    every : float
        Share of the run between looks.
    least : float, default=0.05
    min_steps : int, default=0
        Steps between looks, at least.
    """

    n_samples = 32  # generated per class at each look

    def __init__(
        self,
        signals: Signals,
        labels: Labels,
        names: Mapping[int, str],
        every: float,
        least: float = 0.05,
        min_steps: int = 0,
    ) -> None:
        self.names, self.pace, self.least = names, Pace(every, min_steps), least
        self.real = {k: _spread(signals[labels == k][:2048]) for k in names}

    def on_fit_begin(self, state: TrainerState) -> None:
        """Count from where this run begins."""
        self.pace.begin(state)

    def on_step_end(self, state: TrainerState) -> None:
        """Look, and stop where a class has collapsed since the last look."""
        if not self.pace.is_due(state):
            return
        collapsed = self.collapsed(state)
        if not collapsed:
            state.healthy = {name: value.clone() for name, value in state.averaged.items()}
        elif state.healthy is not None:
            state.averaged, state.stop = state.healthy, True
            state.warning = (
                f"training ended early because the generator collapsed at step {state.step} on "
                f"class {', '.join(collapsed)}; the weights of the last good look are kept"
            )

    def on_fit_end(self, state: TrainerState) -> None:
        """Warn where a class has never been healthy although the run was long enough to tell."""
        if (
            state.warning is None
            and state.progress >= self.pace.every(state)
            and state.healthy is None
        ):
            collapsed = self.collapsed(state)
            if collapsed:
                state.warning = (
                    f"after {state.step} steps the generated signals of class "
                    f"{', '.join(collapsed)} are nearly all alike; train for longer"
                )

    @torch.no_grad()
    def collapsed(self, state: TrainerState) -> list[str]:
        """Return the names of the classes whose signals are nearly all alike."""
        found = []
        with seeded(0), state.averaged_weights() as model:
            for label, name in self.names.items():
                device = next(model.parameters()).device
                made = model.generate(torch.full((self.n_samples,), label, device=device))
                if _spread(made) < self.least * self.real[label]:
                    found.append(name)
        return found


class EarlyStopping(Callback):
    """Keeps the averaged weights that score best, and ends the run when no better ones come.

    Looks are taken in the last phase of the model, on averaged weights in eval mode, with
    generators of their own, so that watching a run never changes it.

    Parameters
    ----------
    score : callable (GenerativeModel) -> float
        Greater is better; it should judge by rows that the training does not see.
    every : float
        Share of the run between looks, which fall on entries of the history.
    patience : int, default=5
        Looks without a better score after which the run ends.
    """

    def __init__(
        self, score: Callable[[GenerativeModel], float], every: float, patience: int = 5
    ) -> None:
        self.score, self.pace, self.patience = score, Pace(every), patience

    def on_fit_begin(self, state: TrainerState) -> None:
        """Count from where this run begins."""
        self.pace.begin(state)

    def on_step_end(self, state: TrainerState) -> None:
        """Look, where it is time, and add the score to the history as "held-out/score"."""
        if not _is_logged(state) or not self.pace.is_due(state):
            return
        if state.history[-1]["phase"] != state.model.phases()[-1].name:
            return
        with seeded(0), state.averaged_weights() as model:
            score = float(self.score(model))
        state.history[-1]["held-out/score"] = score
        if score > state.best_score:
            state.best = {name: value.clone() for name, value in state.averaged.items()}
            state.best_score, state.n_worse = score, 0
        else:
            state.n_worse += 1
            state.stop = state.stop or state.n_worse >= self.patience


def _is_logged(state: TrainerState) -> bool:
    """Whether the last step has an entry in the history."""
    return bool(state.history) and state.history[-1]["step"] == state.step


def _spread(signals: Signals) -> float:
    return float(signals.std(dim=0).mean()) if len(signals) > 1 else 0.0


def _losses(entry: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if "/" in name}
