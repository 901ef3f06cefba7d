"""Adversarial training of a generator against a discriminator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from bioaug.core.tensors import Labels, Scores, Signals
from bioaug.models.base import (
    DEFAULT_CONTEXT,
    Batch,
    GenerativeModel,
    LossContext,
    Losses,
    Phase,
    SignalSpec,
    Update,
)
from bioaug.nn.augmentation import Augmentation
from bioaug.nn.objectives import (
    Objective,
    gradient_penalty,
    interpolates,
    squared_gradients,
    stepped_squared_gradients,
)
from bioaug.nn.whitening import IdentityWhitening, Whitening


class DiscriminatorOutput(NamedTuple):
    """A score per signal and, with a label head, a logit per class."""

    score: Scores
    label_logits: Tensor | None = None


class AdversarialModel(GenerativeModel):
    """A generator (z, labels) -> signals and a discriminator (signals, labels) -> its output.

    A subclass builds the two networks and states the constants of its paper. Both networks work in
    the coordinates of `whitening`, which are those of the signals unless the subclass sets others.
    Where a score depends on the other signals of its batch, as with minibatch discrimination or
    batch normalisation, `batch_dependent` keeps real and fake signals in batches of their own.
    """

    generator: nn.Module
    discriminator: nn.Module
    whitening: Whitening | IdentityWhitening
    objective: Objective
    latent_dim: int
    n_critic: int = 1
    label_weight: float = 1.0
    batch_dependent: bool = False
    optimizer_g: Callable[[Iterable[Parameter]], Optimizer]
    optimizer_d: Callable[[Iterable[Parameter]], Optimizer]

    @abstractmethod
    def __init__(self, spec: SignalSpec) -> None:
        super().__init__(spec)
        self.whitening = IdentityWhitening()
        self.augmentation = Augmentation()

    def fit_preprocessing(self, signals: Signals, labels: Labels) -> None:
        """Fit the whitening."""
        self.whitening.fit(signals, labels)

    def phases(self) -> Sequence[Phase]:
        """Return one phase: `n_critic` discriminator steps, then one generator step."""
        d = Update("discriminator", self.discriminator_loss, ("discriminator",), self.optimizer_d)
        g = Update("generator", self.generator_loss, ("generator",), self.optimizer_g)
        return (Phase("adversarial", (d,) * self.n_critic + (g,)),)

    def discriminator_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the adversarial loss, the label loss on real signals, and the penalties."""
        labels = batch.labels
        real = self.augmented(self.whitening(batch.signals), context)
        fake = self.augmented(self.generate_whitened(labels), context)
        on_real, on_fake = self.discriminate(real, fake, labels)
        self._adapt(on_real, on_fake, context)
        losses = {"adversarial": self.objective.discriminator(on_real.score, on_fake.score).mean()}
        if on_real.label_logits is not None:
            losses["label"] = self.label_weight * cross_entropy(on_real.label_logits, labels)
        return losses | self.penalties(real, fake, labels, context)

    def generator_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the adversarial loss and the label loss on fake signals."""
        labels = batch.labels
        output = self.discriminator(self.augmented(self.generate_whitened(labels), context), labels)
        if self.objective.paired:
            with torch.no_grad():
                real = self.augmented(self.whitening(batch.signals), context)
                real_score = self.discriminator(real, labels).score
        else:
            real_score = torch.zeros_like(output.score)
        losses = {"adversarial": self.objective.generator(real_score, output.score).mean()}
        if output.label_logits is not None:
            losses["label"] = self.label_weight * cross_entropy(output.label_logits, labels)
        return losses

    def discriminate(
        self, real: Signals, fake: Signals, labels: Labels
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """Return the discriminator's output for real and fake signals, in one pass if possible."""
        if self.batch_dependent:
            return self.discriminator(real, labels), self.discriminator(fake, labels)
        both = self.discriminator(torch.cat([real, fake]), labels.repeat(2))
        n, logits = len(real), both.label_logits
        return (
            DiscriminatorOutput(both.score[:n], None if logits is None else logits[:n]),
            DiscriminatorOutput(both.score[n:], None if logits is None else logits[n:]),
        )

    def augmented(self, signals: Signals, context: LossContext) -> Signals:
        """Apply the discriminator's augmentations."""
        p = context.augment
        if p == 0:
            return signals
        return self.augmentation(signals, self.augmentation.chance if p == "adaptive" else p)

    def _adapt(
        self, on_real: DiscriminatorOutput, on_fake: DiscriminatorOutput, context: LossContext
    ) -> None:
        if context.augment == "adaptive":
            center = on_fake.score.mean() if self.objective.paired else 0
            self.augmentation.adapt(on_real.score - center)

    def penalties(
        self, real: Signals, fake: Signals, labels: Labels, context: LossContext
    ) -> Losses:
        """Return the weighted gradient penalties that the objective asks for."""
        every = context.penalty_every
        if every > 1 and torch.rand(()) * every >= 1:
            return Losses()
        objective, losses = self.objective, Losses()

        def score(signals: Signals) -> Scores:
            return self.discriminator(signals, labels.repeat(len(signals) // len(labels))).score

        if objective.gp_weight:
            between = interpolates(real, fake)
            losses["gradient_penalty"] = objective.gp_weight * gradient_penalty(score, between)
        if objective.r1_weight or objective.r2_weight:
            squared = squared_gradients
            if context.penalty == "finite_difference":
                squared = stepped_squared_gradients
            if self.batch_dependent:
                on_real, on_fake = squared(score, real), squared(score, fake)
            else:
                on_real, on_fake = squared(score, torch.cat([real, fake])).chunk(2)
            losses["r1"] = objective.r1_weight * on_real.mean()
            losses["r2"] = objective.r2_weight * on_fake.mean()
        return {name: every * value for name, value in losses.items()}

    def generate_whitened(self, labels: Labels) -> Signals:
        """Return new signals of these labels in the coordinates that the networks see."""
        z = torch.randn(len(labels), self.latent_dim, device=labels.device)
        return self.generator(z, labels).float()

    def generate(self, labels: Labels) -> Signals:
        """Return one signal in [-1, 1] per label."""
        return self.whitening.inverse(self.generate_whitened(labels)).clamp(-1, 1)
