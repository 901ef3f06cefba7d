"""Small models and data for tests. No model here has a name, so none is registered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim import SGD

from bioaug.core.seeding import seeded
from bioaug.core.tensors import Labels, Signals
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import Batch, GenerativeModel, Losses, Phase, SignalSpec, Update
from bioaug.nn.objectives import Objective, non_saturating
from bioaug.training import Callback, Trainer, TrainerConfig, TrainerState
from bioaug.training.batches import balanced_batches
from bioaug.training.runtime import Runtime

CPU = Runtime(torch.device("cpu"))
SMALL = {"generator_dim": 5, "discriminator_dim": 5, "depth": 1, "latent_dim": 6}  # of BioSGAN


def make_rows(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float64]:
    """Return random walks, which have no row property in common."""
    return np.random.default_rng(seed).normal(size=shape).cumsum(axis=-1)


def make_batch(spec: SignalSpec, per_class: int = 4, seed: int = 0) -> Batch:
    """Return a batch with `per_class` rows of every class, in [-1, 1]."""
    labels = torch.arange(spec.n_classes).repeat(per_class)
    generator = torch.Generator().manual_seed(seed)
    signals = torch.rand(len(labels), spec.n_channels, spec.n_timesteps, generator=generator)
    return Batch(2 * signals - 1, labels)


def train(
    model: GenerativeModel,
    n_steps: int,
    callbacks: Sequence[Callback] = (),
    *,
    batch: Batch | None = None,
    runtime: Runtime = CPU,
    seed: int = 0,
    **settings: object,
) -> TrainerState:
    """Train `model` on balanced batches of `batch`."""
    signals, labels = batch or make_batch(model.spec)
    config = TrainerConfig(n_steps=n_steps, **settings)
    with seeded(seed):
        return Trainer(config, runtime, callbacks).fit(
            model, balanced_batches(signals, labels, config.batch_size)
        )


def distances(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """Return Euclidean distances from differences: a product's depend on the processor."""
    return torch.cdist(A, B, compute_mode="donot_use_mm_for_euclid_dist")


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules hold the same weights, bit by bit."""
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


class Recorder(Callback):
    """Notes events, weights and learning rates."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.weights: list[dict[str, torch.Tensor]] = []
        self.rates: list[float] = []

    def on_fit_begin(self, state: TrainerState) -> None:
        self.events.append("fit begins")

    def on_phase_begin(self, state: TrainerState) -> None:
        self.events.append(f"phase begins at {state.step}")

    def on_step_end(self, state: TrainerState) -> None:
        self.events.append(f"step {state.step}")
        self.weights.append({k: v.clone() for k, v in state.model.state_dict().items()})
        self.rates += [next(iter(state.optimizers.values())).param_groups[0]["lr"]]

    def on_fit_end(self, state: TrainerState) -> None:
        self.events.append("fit ends")


class StopAt(Callback):
    """Ends the run at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, state: TrainerState) -> None:
        state.stop = state.stop or state.step >= self.step


class Killed(Exception):
    """Stands for the end of a process."""


class DieAt(Callback):
    """Breaks the run off at a step, as a crash does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, state: TrainerState) -> None:
        if state.step == self.step:
            raise Killed


class Spread(GenerativeModel):
    """Mean per class plus noise; trained on whatever `pull` makes of the two.

    Its loss is the squared distance of the means from the batch, plus `pull` times the size of
    the noise: a positive pull makes it collapse. From update number `nan_from` on, it is NaN.
    """

    def __init__(
        self, spec: SignalSpec, *, pull: float = 0.0, lr: float = 0.1, nan_from: int | None = None
    ) -> None:
        super().__init__(spec)
        self.means = nn.Embedding(spec.n_classes, spec.n_channels * spec.n_timesteps)
        self.size = nn.Linear(1, spec.n_classes, bias=False)
        nn.init.zeros_(self.means.weight)
        nn.init.constant_(self.size.weight, 0.5)
        self.pull, self.lr, self.nan_from, self.n_updates = pull, lr, nan_from, 0

    def phases(self) -> Sequence[Phase]:
        optimizer = partial(SGD, lr=self.lr)
        return (Phase("only", (Update("fit", self.loss, ("means", "size"), optimizer),)),)

    def loss(self, batch: Batch, context=None) -> Losses:
        self.n_updates += 1
        noisy = self.make(batch.labels)
        losses = {
            "distance": (noisy - batch.signals).square().mean(),
            "size": self.pull * self.size.weight.square().sum(),
        }
        if self.nan_from is not None and self.n_updates >= self.nan_from:
            losses["distance"] = losses["distance"] * float("nan")
        return losses

    def make(self, labels: Labels) -> Signals:
        shape = (len(labels), self.spec.n_channels, self.spec.n_timesteps)
        noise = torch.randn(shape) * self.size.weight[labels, :, None]
        return self.means(labels).view(shape) + noise

    def generate(self, labels: Labels) -> Signals:
        return self.make(labels).clamp(-1, 1)


class Unconditional(Spread):
    """A model that holds one class."""

    conditional = False


class Duel(AdversarialModel):
    """The least adversarial model: two linear networks."""

    optimizer_g = staticmethod(partial(SGD, lr=0.1))
    optimizer_d = staticmethod(partial(SGD, lr=0.1))

    def __init__(self, spec: SignalSpec, objective: Objective | None = None) -> None:
        super().__init__(spec)
        self.objective, self.latent_dim = objective or non_saturating(), 3
        self.generator = _Maker(spec, self.latent_dim)
        self.discriminator = _Judge(spec)


class _Maker(nn.Module):
    def __init__(self, spec: SignalSpec, latent_dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.linear = nn.Linear(latent_dim, spec.n_channels * spec.n_timesteps)

    def forward(self, z: torch.Tensor, labels: Labels) -> Signals:
        return self.linear(z).tanh().unflatten(1, (self.spec.n_channels, self.spec.n_timesteps))


class _Judge(nn.Module):
    def __init__(self, spec: SignalSpec) -> None:
        super().__init__()
        self.linear = nn.Linear(spec.n_channels * spec.n_timesteps, 1)

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.linear(signals.flatten(1)).tanh().squeeze(1))


def make_waves(n_samples: int, seed: int = 0, n_channels: int = 2, n_timesteps: int = 24):
    """Smooth signals of a few random directions, so that neighbours mean something."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 2 * np.pi, n_timesteps)
    shapes = np.stack([np.sin(k * time + p) for k in (1, 2, 3) for p in (0, np.pi / 2)])
    X = rng.normal(size=(n_samples, n_channels, len(shapes))) @ shapes
    return X + 0.1 * rng.normal(size=X.shape)
