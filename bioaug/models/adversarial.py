"""The game of generator against discriminator that most models share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from bioaug._typing import Labels, Scores, Signals
from bioaug.models.base import Batch, GenerativeModel, Losses, Phase, SignalSpec, Update
from bioaug.nn.whitening import Whitening
from bioaug.objectives import Objective, gradient_penalty, interpolates, squared_gradients


class Verdict(NamedTuple):
    """What a discriminator says: a score per signal and, with a label head, a logit per class."""

    score: Scores
    label_logits: Tensor | None = None


class AdversarialModel(GenerativeModel):
    """A generator (z, labels) -> signals against a discriminator (signals, labels) -> Verdict.

    A subclass builds the two networks and states the constants of its paper. Where it sets
    `whitening` to a `Whitening`, both networks work in those coordinates.
    """

    generator: nn.Module
    discriminator: nn.Module
    whitening: Whitening | nn.Identity
    objective: Objective
    latent_dim: int
    n_critic: int = 1
    label_weight: float = 1.0
    optimizer_g: Callable[[Iterable[Parameter]], Optimizer]
    optimizer_d: Callable[[Iterable[Parameter]], Optimizer]

    @abstractmethod
    def __init__(self, spec: SignalSpec) -> None:
        super().__init__(spec)
        self.whitening = nn.Identity()

    def calibrate(self, signals: Signals, labels: Labels) -> None:
        """Fit the whitening, where the model has one."""
        if isinstance(self.whitening, Whitening):
            self.whitening.fit(signals, labels)

    def phases(self) -> Sequence[Phase]:
        """Return one phase: `n_critic` discriminator steps, then one generator step."""
        d = Update("discriminator", self.discriminator_loss, ("discriminator",), self.optimizer_d)
        g = Update("generator", self.generator_loss, ("generator",), self.optimizer_g)
        return (Phase("adversarial", (d,) * self.n_critic + (g,)),)

    def discriminator_loss(self, batch: Batch) -> Losses:
        """Return the adversarial loss, the label loss on real signals, and the penalties."""
        real, labels = self.whitening(batch.signals), batch.labels
        fake = self.make(labels)
        verdict = self.discriminator(torch.cat([real, fake]), labels.repeat(2))
        real_score, fake_score = verdict.score.chunk(2)
        losses = {"adversarial": self.objective.discriminator(real_score, fake_score).mean()}
        if verdict.label_logits is not None:
            logits = verdict.label_logits[: len(real)]
            losses["label"] = self.label_weight * cross_entropy(logits, labels)
        return losses | self.penalties(real, fake, labels)

    def generator_loss(self, batch: Batch) -> Losses:
        """Return the adversarial loss and the label loss on fake signals."""
        real, labels = self.whitening(batch.signals), batch.labels
        verdict = self.discriminator(self.make(labels), labels)
        if self.objective.paired:
            with torch.no_grad():
                real_score = self.discriminator(real, labels).score
        else:
            real_score = torch.zeros_like(verdict.score)
        losses = {"adversarial": self.objective.generator(real_score, verdict.score).mean()}
        if verdict.label_logits is not None:
            losses["label"] = self.label_weight * cross_entropy(verdict.label_logits, labels)
        return losses

    def penalties(self, real: Signals, fake: Signals, labels: Labels) -> Losses:
        """Return the weighted gradient penalties that the objective asks for."""

        def score(signals: Signals) -> Scores:
            return self.discriminator(signals, labels).score

        objective, losses = self.objective, Losses()
        if objective.gp_weight:
            between = interpolates(real, fake)
            losses["gradient_penalty"] = objective.gp_weight * gradient_penalty(score, between)
        if objective.r1_weight:
            losses["r1"] = objective.r1_weight * squared_gradients(score, real).mean()
        if objective.r2_weight:
            losses["r2"] = objective.r2_weight * squared_gradients(score, fake).mean()
        return losses

    def make(self, labels: Labels) -> Signals:
        """Return fresh signals of these labels in the coordinates that the discriminator sees."""
        z = torch.randn(len(labels), self.latent_dim, device=labels.device)
        return self.generator(z, labels).float()

    def generate(self, labels: Labels) -> Signals:
        """Return one signal in [-1, 1] per label."""
        return self.as_signals(self.make(labels))

    def as_signals(self, signals: Signals) -> Signals:
        """Return what the generator made in [-1, 1], out of the discriminator's coordinates."""
        if isinstance(self.whitening, Whitening):
            signals = self.whitening.inverse(signals)
        return signals.clamp(-1, 1)
