"""How many steps a training has time for."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from bioaug.models.base import Phase

MEASURED = 0.05  # fraction of the time left that measuring may take
MAX_TRIALS = 5  # steps of each phase
MARGIN = 0.9  # fraction of the time left that is planned for: a machine may become slower


def planned_steps(
    step: Callable[[Phase], object], phases: Sequence[Phase], n_steps: int, seconds: float
) -> int:
    """Return how many of `n_steps` steps there is time for, at least one.

    Parameters
    ----------
    step : callable
        Makes a trial step of a phase, by which the pace is measured.
    phases : sequence of Phase
    n_steps : int, positive
    seconds : float
        Time left, which the trial steps are part of.
    """
    if seconds <= 0:
        return 1
    began, budget = time.perf_counter(), MEASURED * seconds / len(phases)
    each = sum(phase.fraction * _seconds(step, phase, budget) for phase in phases)
    left = seconds - (time.perf_counter() - began)
    return max(1, min(n_steps, int(MARGIN * left / max(each, 1e-9))))


def _seconds(step: Callable[[Phase], object], phase: Phase, budget: float) -> float:
    """Return how long a step of this phase takes; the first one, which is slower, counts least."""
    measured: list[float] = []
    while len(measured) < MAX_TRIALS and sum(measured) < budget:
        began = time.perf_counter()
        step(phase)
        measured.append(time.perf_counter() - began)
    return statistics.median(measured[1:] or measured)
