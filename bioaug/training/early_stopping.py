"""The callback that keeps the weights that score best."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from bioaug.core.seeding import seeded
from bioaug.models.base import GenerativeModel
from bioaug.training.callback import Callback, CallbackState, weights_or_none
from bioaug.training.check_schedule import CheckSchedule
from bioaug.training.state import TrainerState, copy_weights


class EarlyStopping(Callback):
    """Keeps the averaged weights that score best, and ends the run when no better ones come.

    Checks are made in the last phase of the model, on averaged weights in eval mode, with
    generators of their own, so that watching a run never changes it.

    Parameters
    ----------
    score : callable (GenerativeModel) -> float
        Greater is better; it should judge by rows that the training does not see.
    every : float
        Fraction of the run between checks, which fall on entries of the history.
    patience : int, default=5
        Checks without a better score after which the run ends.
    """

    def __init__(
        self, score: Callable[[GenerativeModel], float], every: float, patience: int = 5
    ) -> None:
        self.score, self.schedule, self.patience = score, CheckSchedule(every), patience
        self.best: dict[str, Tensor] | None = None
        self.best_score = -math.inf
        self.n_worse = 0

    def on_fit_begin(self, state: TrainerState) -> None:
        """Count from where this run begins."""
        self.schedule.begin(state)

    def on_step_end(self, state: TrainerState) -> None:
        """Score, where a check is due, and add the score to the history as "held-out/score"."""
        if not state.is_logged or not self.schedule.is_due(state):
            return
        if state.history[-1]["phase"] != state.model.phases()[-1].name:
            return
        with seeded(0), state.averaged_weights() as model:
            score = float(self.score(model))
        state.history[-1]["held-out/score"] = score
        if score > self.best_score:
            self.best = copy_weights(state.averaged)
            self.best_score, self.n_worse = score, 0
        else:
            self.n_worse += 1
            state.stop = state.stop or self.n_worse >= self.patience

    def on_steps_end(self, state: TrainerState) -> None:
        """End the run with the weights that scored best."""
        if self.best is not None:
            state.averaged = copy_weights(self.best)

    def state_dict(self) -> CallbackState:
        """Return the best weights, their score, and the number of checks since."""
        best_score = self.best_score if math.isfinite(self.best_score) else None
        return {"best": self.best, "best_score": best_score, "n_worse": self.n_worse}

    def load_state_dict(self, state_dict: CallbackState) -> None:
        """Go on with these."""
        self.best = weights_or_none(state_dict["best"], "best")
        score, n_worse = state_dict["best_score"], state_dict["n_worse"]
        score = -math.inf if score is None else score
        if isinstance(score, bool) or not isinstance(score, float | int) or not score < math.inf:
            raise ValueError(f"best_score is {score!r:.50}")
        if isinstance(n_worse, bool) or not isinstance(n_worse, int) or n_worse < 0:
            raise ValueError(f"n_worse is {n_worse!r:.50}")
        self.best_score, self.n_worse = float(score), n_worse
