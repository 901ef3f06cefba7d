"""A fully connected GAN: the plain baseline, quick enough to be useful."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from bioaug.core.tensors import Labels, Signals
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import SignalSpec
from bioaug.models.constraints import (
    BELOW_ONE,
    BOOLEAN,
    COUNT,
    NOT_NEGATIVE,
    POSITIVE,
    UNIT_OR_NONE,
    Choice,
    Counts,
)
from bioaug.models.registry import register_model
from bioaug.nn.conditioning import LabelProjection
from bioaug.nn.objectives import non_saturating, relativistic, wasserstein_gp
from bioaug.nn.whitening import make_whitening

SLOPE = 0.2  # of the leaky rectifiers below 0


@register_model
class DenseGAN(AdversarialModel):
    """Two fully connected networks [1]_, here with labels and a relativistic loss [2]_.

    Parameters
    ----------
    spec : SignalSpec
    latent_dim, label_dim : int, default=200, 10
        Lengths of the noise vector and of the label embedding beside it, which a single class does
        without.
    generator_widths, discriminator_widths : sequence of int, default=(256, 256), (256, 256)
        Units of the hidden layers, at least one each. Those of the EEG code are not published.
    skip : bool, default=True
        Whether a linear map of the noise is added to what the hidden layers make. It carries
        noise-like texture past them.
    objective : {"relativistic", "non_saturating", "wasserstein_gp"}, default="relativistic"
        "non_saturating" is the EEG code's binary cross-entropy.
    gamma : float, default=1.0
        Weight of the gradient penalties on real and synthetic signals of "relativistic".
    n_critic : int, default=1
        Discriminator steps per generator step.
    lr_generator, lr_discriminator : float, default=5e-4, 1e-3
        Adam's step lengths.
    beta : float, default=0.0
        Decay of Adam's first momentum. Keras, and so the EEG code, has 0.9.
    whitening : float in [0, 1] or None, default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that the networks see, see `Whitening`; None uses the signals as they are.

    Notes
    -----
    `paper_params` are those of the EEG code as far as its description goes: binary cross-entropy
    and Keras's Adam. The code is not public; latent size and widths are assumed.

    References
    ----------
    .. [1] Goodfellow I et al., "Generative adversarial nets", NeurIPS 27, 2014.
    .. [2] Huang N, Gokaslan A, Kuleshov V, Tompkin J, "The GAN is dead; long live the GAN! A
       modern GAN baseline", NeurIPS 37, 2024.
    """

    name = "dense"
    generator: _Generator
    discriminator: _Discriminator
    constraints = {
        "latent_dim": COUNT,
        "label_dim": COUNT,
        "generator_widths": Counts("of at least one positive integer"),
        "discriminator_widths": Counts("of at least one positive integer"),
        "skip": BOOLEAN,
        "objective": Choice(("relativistic", "non_saturating", "wasserstein_gp")),
        "gamma": NOT_NEGATIVE,
        "n_critic": COUNT,
        "lr_generator": POSITIVE,
        "lr_discriminator": POSITIVE,
        "beta": BELOW_ONE,
        "whitening": UNIT_OR_NONE,
    }
    paper_params = {
        "latent_dim": 100,
        "generator_widths": (128, 256),
        "discriminator_widths": (256, 128),
        "skip": False,
        "objective": "non_saturating",
        "lr_generator": 1e-3,
        "lr_discriminator": 1e-3,
        "beta": 0.9,
        "whitening": None,
    }
    training_defaults = {"n_steps": 15000, "batch_size": 128, "ema_decay": 0.999}

    def __init__(
        self,
        spec: SignalSpec,
        *,
        latent_dim: int = 200,
        label_dim: int = 10,
        generator_widths: Sequence[int] = (256, 256),
        discriminator_widths: Sequence[int] = (256, 256),
        skip: bool = True,
        objective: Literal["relativistic", "non_saturating", "wasserstein_gp"] = "relativistic",
        gamma: float = 1.0,
        n_critic: int = 1,
        lr_generator: float = 5e-4,
        lr_discriminator: float = 1e-3,
        beta: float = 0.0,
        whitening: float | None = 0.5,
    ) -> None:
        super().__init__(spec)
        self.latent_dim, self.n_critic = latent_dim, n_critic
        self.objective = {
            "relativistic": partial(relativistic, gamma),
            "non_saturating": non_saturating,
            "wasserstein_gp": wasserstein_gp,
        }[objective]()
        self.whitening = make_whitening(spec.n_channels, spec.n_timesteps, whitening)
        betas = (beta, 0.999 if objective == "non_saturating" else 0.9)
        self.optimizer_g = partial(Adam, lr=lr_generator, betas=betas, fused=True)
        self.optimizer_d = partial(Adam, lr=lr_discriminator, betas=betas, fused=True)
        self.generator = _Generator(spec, latent_dim, label_dim, generator_widths, skip=skip)
        self.discriminator = _Discriminator(spec, discriminator_widths)


class _Generator(nn.Module):
    """Noise and label embedding -> hidden layers -> a whole signal at once."""

    def __init__(
        self,
        spec: SignalSpec,
        latent_dim: int,
        label_dim: int,
        widths: Sequence[int],
        *,
        skip: bool,
    ) -> None:
        super().__init__()
        self.shape = (spec.n_channels, spec.n_timesteps)
        n_values = spec.n_channels * spec.n_timesteps
        label_dim = label_dim if spec.n_classes > 1 else 0
        self.label_embedding = nn.Embedding(spec.n_classes, label_dim) if label_dim else None
        self.hidden = _layers(latent_dim + label_dim, widths)
        self.to_signal = nn.Linear(widths[-1], n_values)
        self.skip = nn.Linear(latent_dim, n_values, bias=False) if skip else None

    def forward(self, z: Tensor, labels: Labels) -> Signals:
        inputs = z
        if self.label_embedding is not None:
            inputs = torch.cat([z, self.label_embedding(labels)], dim=1)
        values = self.to_signal(self.hidden(inputs))
        if self.skip is not None:
            values = values + self.skip(z)
        return values.unflatten(1, self.shape)


class _Discriminator(nn.Module):
    """A whole signal -> hidden layers -> a score, part of which depends on the label."""

    def __init__(self, spec: SignalSpec, widths: Sequence[int]) -> None:
        super().__init__()
        self.hidden = _layers(spec.n_channels * spec.n_timesteps, widths)
        self.score = nn.Linear(widths[-1], 1)
        n_classes = spec.n_classes
        self.projection = LabelProjection(n_classes, widths[-1]) if n_classes > 1 else None

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        features = self.hidden(signals.flatten(1))
        score = self.score(features).squeeze(1)
        if self.projection is not None:
            score = score + self.projection(features, labels)
        return DiscriminatorOutput(score)


def _layers(n_inputs: int, widths: Sequence[int]) -> nn.Sequential:
    layers = [
        layer
        for before, after in pairwise((n_inputs, *widths))
        for layer in (nn.Linear(before, after), nn.LeakyReLU(SLOPE))
    ]
    return nn.Sequential(*layers)
