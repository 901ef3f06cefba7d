"""The base of callbacks: what may watch a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

if TYPE_CHECKING:
    from bioaug.training.state import TrainerState

CallbackState: TypeAlias = dict[str, float | int | str | bool | Mapping[str, Tensor] | None]


class Callback:
    """Base of callbacks: every event does nothing.

    A callback may set `state.stop`, `state.warning` and `state.averaged`. Where several callbacks
    watch a run, each event reaches them in their order.
    """

    def on_fit_begin(self, state: TrainerState) -> None:
        """Prepare for the first step, or for going on with a resumed run."""

    def on_phase_begin(self, state: TrainerState) -> None:
        """Prepare for the first step of a phase."""

    def on_step_end(self, state: TrainerState) -> None:
        """Inspect the state after a step."""

    def on_steps_end(self, state: TrainerState) -> None:
        """Choose the weights that the run ends with, by setting `state.averaged`."""

    def on_fit_end(self, state: TrainerState) -> None:
        """Inspect the state at the end, with the averaged weights in the model."""

    def close(self) -> None:
        """Release resources; also called on error or interrupt."""

    def state_dict(self) -> CallbackState:
        """Return what the callback must remember for a resumed run to go on unchanged.

        Values are numbers, strings, None, or mappings of tensors that hold a copy of the model's
        weights, such as `state.averaged`. Default: nothing.
        """
        return {}

    def load_state_dict(self, state_dict: CallbackState) -> None:
        """Go on from what `state_dict` returned in the run that was interrupted.

        Raises
        ------
        ValueError
            Where a value is none that `state_dict` returns.
        """


def weights_or_none(value: object, name: str) -> dict[str, Tensor] | None:
    """Return weights that a callback has saved, or None.

    Raises
    ------
    ValueError
        Where `value` is neither.
    """
    if value is None or isinstance(value, Mapping):
        return None if value is None else dict(value)
    raise ValueError(f"{name} is {value!r:.50}")
