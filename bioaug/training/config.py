"""Settings of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

from bioaug.core.checks import POSITIVE, UNIT, Interval, check_number, check_option
from bioaug.models.base import LossContext
from bioaug.training.runtime import PRECISIONS

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
    neighbour_mixing : float in [0, 1]
        How much of what tells a training row from its 20 nearest neighbours is replaced by chance
        whenever the row is used, see `ManifoldParzen`: against learning few rows by heart.
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
    neighbour_mixing: float = 0.0

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
        check_number(self.neighbour_mixing, UNIT, name="neighbour_mixing", owner=owner)
        if self.augment != "adaptive":
            check_number(
                self.augment, UNIT, name="augment", owner=owner, otherwise=" or 'adaptive'"
            )
        check_option(self.precision, name="precision", owner=owner, options=PRECISIONS)
        check_option(self.schedule, name="schedule", owner=owner, options=SCHEDULES)

    def loss_context(self, progress: float) -> LossContext:
        """Return what losses may depend on besides their batch."""
        return LossContext(progress, self.penalty_every, self.penalty, self.augment)

    def learning_rate_factor(self, progress: float) -> float:
        """Return the factor of all learning rates after this fraction of the steps."""
        return SCHEDULES[self.schedule](progress)
