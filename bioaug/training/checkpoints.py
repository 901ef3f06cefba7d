"""The callback that writes a training's state, so that a killed one can go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioaug.core.checks import check_path
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import CheckpointError, TrainingWarning
from bioaug.training.callback import Callback
from bioaug.training.check_schedule import CheckSchedule
from bioaug.training.resume import StateSnapshot, snapshot, write_state
from bioaug.training.state import TrainerState


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
        Fraction of the run between two writes; they fall on entries of the history.
    settings : mapping
        What the run was started with; a run with other settings refuses to go on from here.
    """

    def __init__(self, folder: str | Path, every: float, settings: Mapping[str, Any]) -> None:
        self.folder = check_path(folder, name="folder", owner="Checkpoint")
        self.settings, self.schedule = settings, CheckSchedule(every)
        self._begun = 0
        self._unwritten: StateSnapshot | None = None

    def on_fit_begin(self, state: TrainerState) -> None:
        """Write the state before the first step, to see that the folder can be written.

        Raises
        ------
        OSError
            Where it cannot.
        """
        self.schedule.begin(state)
        self._begun, self._unwritten = state.step, None
        if state.step == 0:
            write_state(self.folder, snapshot(state), self.settings)

    def on_step_end(self, state: TrainerState) -> None:
        """Keep the state where the losses of all steps so far were seen; write where it is time."""
        if state.is_logged:
            self._unwritten = snapshot(state)
            if self.schedule.is_due(state):
                self._write()

    def on_fit_end(self, state: TrainerState) -> None:
        """Write the end of the run, from which `fit` returns at once."""
        if state.step > self._begun:
            self._unwritten = snapshot(state)
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
            warn_user(message, TrainingWarning)
        self._unwritten = None  # not reached by an interruption, after which `close` writes it
