"""When a callback checks a training again."""

from __future__ import annotations

from bioaug.training.state import TrainerState


class CheckSchedule:
    """Tells when the next check is due.

    Parameters
    ----------
    every : float
        Fraction of the run between two checks.
    min_steps : int, default=0
        Steps between two checks, at least.
    """

    def __init__(self, every: float, min_steps: int = 0) -> None:
        self._every, self._min_steps, self._done = every, min_steps, 0

    def every(self, state: TrainerState) -> float:
        """Return the fraction of this run between two checks."""
        return max(self._every, self._min_steps / max(state.n_steps or 0, 1))

    def begin(self, state: TrainerState) -> None:
        """Count from where this run begins."""
        self._done = self._n_due(state)

    def is_due(self, state: TrainerState) -> bool:
        """Whether a check is due after this step; true once for each."""
        before, self._done = self._done, self._n_due(state)
        return self._done > before

    def _n_due(self, state: TrainerState) -> int:
        return int(state.progress / self.every(state) + 1e-9)
