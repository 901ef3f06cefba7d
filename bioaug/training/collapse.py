"""The callback that ends a training whose generator has collapsed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bioaug.core.seeding import seeded
from bioaug.core.tensors import Labels, Signals
from bioaug.training.callback import Callback, CallbackState, weights_or_none
from bioaug.training.check_schedule import CheckSchedule
from bioaug.training.state import TrainerState, copy_weights


class CollapseGuard(Callback):
    """Ends a training whose generator makes nearly the same signal again and again.

    For every class it compares the spread over samples (mean standard deviation per channel and
    time step) of generated with that of real signals. A class that once had a healthy spread and
    falls below `least` of the real one ends the training; the weights of the last healthy check
    are kept.

    Parameters
    ----------
    signals, labels : Tensor
        The encoded training rows.
    names : mapping of int to str
        Class names for the warning.
    every : float
        Fraction of the run between checks.
    least : float, default=0.05
    min_steps : int, default=0
        Steps between checks, at least.
    """

    n_samples = 32  # generated per class at each check

    def __init__(
        self,
        signals: Signals,
        labels: Labels,
        names: Mapping[int, str],
        every: float,
        least: float = 0.05,
        min_steps: int = 0,
    ) -> None:
        self.names, self.schedule, self.least = names, CheckSchedule(every, min_steps), least
        self.healthy: dict[str, Tensor] | None = None
        self.real = {k: _spread(signals[labels == k][:2048]) for k in names}

    def on_fit_begin(self, state: TrainerState) -> None:
        """Count from where this run begins."""
        self.schedule.begin(state)

    def state_dict(self) -> CallbackState:
        """Return the weights of the last check that found every class varied."""
        return {"healthy": self.healthy}

    def load_state_dict(self, state_dict: CallbackState) -> None:
        """Go on with those weights."""
        self.healthy = weights_or_none(state_dict["healthy"], "healthy")

    def on_step_end(self, state: TrainerState) -> None:
        """Check, and stop where a class has collapsed since the last check."""
        if not self.schedule.is_due(state):
            return
        collapsed = self.collapsed(state)
        if not collapsed:
            self.healthy = copy_weights(state.averaged)
        elif self.healthy is not None:
            state.averaged, state.stop = copy_weights(self.healthy), True
            state.warning = (
                f"training ended early because the generator collapsed at step {state.step} on "
                f"class {', '.join(collapsed)}; the weights of the last good check are kept"
            )

    def on_fit_end(self, state: TrainerState) -> None:
        """Warn where a class has never been healthy although the run was long enough to tell."""
        if (
            state.warning is None
            and state.progress >= self.schedule.every(state)
            and self.healthy is None
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
        collapsed = []
        with seeded(0), state.averaged_weights() as model:
            for label, name in self.names.items():
                device = next(model.parameters()).device
                generated = model.generate(torch.full((self.n_samples,), label, device=device))
                if _spread(generated) < self.least * self.real[label]:
                    collapsed.append(name)
        return collapsed


def _spread(signals: Signals) -> float:
    return float(signals.std(dim=0).mean()) if len(signals) > 1 else 0.0
