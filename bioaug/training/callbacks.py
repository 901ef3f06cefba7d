"""Callbacks that report a training: a progress bar and TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from bioaug.core.checks import check_path
from bioaug.core.file_names import file_name
from bioaug.training.callback import Callback
from bioaug.training.state import TrainerState


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
        if state.is_logged:
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
        if self._writer and state.is_logged:
            for name, value in _losses(state.history[-1]).items():
                self._writer.add_scalar(f"loss/{name}", value, state.step)

    def close(self) -> None:
        """Close the writer."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _losses(entry: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if "/" in name}
