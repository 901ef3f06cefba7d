"""A fully connected GAN: the plain baseline, quick enough to be useful."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from bioaug.core.checks import (
    COUNT,
    POSITIVE,
    UNIT,
    Interval,
    check_number,
    check_numbers,
    check_option,
)
from bioaug.core.tensors import Labels, Signals
from bioaug.exceptions import DataError
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import SignalSpec
from bioaug.models.registry import register_model
from bioaug.nn.conditioning import LabelProjection
from bioaug.nn.objectives import non_saturating, relativistic, wasserstein_gp
from bioaug.nn.whitening import make_whitening

OWNER = "DenseGAN"
SLOPE = 0.2  # of the leaky rectifiers below 0
OBJECTIVES = ("relativistic", "non_saturating", "wasserstein_gp")


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

    References
    ----------
    .. [1] Goodfellow I et al., "Generative adversarial nets", NeurIPS 27, 2014.
    .. [2] Huang N, Gokaslan A, Kuleshov V, Tompkin J, "The GAN is dead; long live the GAN! A
       modern GAN baseline", NeurIPS 37, 2024.
    """

    name = "dense"
    generator: _Generator
    discriminator: _Discriminator
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
        check_numbers(
            {"latent_dim": latent_dim, "label_dim": label_dim, "n_critic": n_critic},
            COUNT,
            owner=OWNER,
        )
        check_numbers(
            {"lr_generator": lr_generator, "lr_discriminator": lr_discriminator},
            POSITIVE,
            owner=OWNER,
        )
        check_number(gamma, Interval(Real, 0, None, closed="left"), name="gamma", owner=OWNER)
        check_number(beta, Interval(Real, 0, 1, closed="left"), name="beta", owner=OWNER)
        check_number(whitening, UNIT, name="whitening", owner=OWNER, optional=True)
        check_option(skip, name="skip", owner=OWNER, options=(True, False))
        check_option(objective, name="objective", owner=OWNER, options=OBJECTIVES)
        widths_g = _widths(generator_widths, "generator_widths")
        widths_d = _widths(discriminator_widths, "discriminator_widths")
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
        self.generator = _Generator(spec, latent_dim, label_dim, widths_g, skip=skip)
        self.discriminator = _Discriminator(spec, widths_d)


class _Generator(nn.Module):
    """Noise and label embedding -> hidden layers -> a whole signal at once."""

    def __init__(
        self,
        spec: SignalSpec,
        latent_dim: int,
        label_dim: int,
        widths: tuple[int, ...],
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

    def __init__(self, spec: SignalSpec, widths: tuple[int, ...]) -> None:
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


def _layers(n_inputs: int, widths: tuple[int, ...]) -> nn.Sequential:
    layers = [
        layer
        for before, after in pairwise((n_inputs, *widths))
        for layer in (nn.Linear(before, after), nn.LeakyReLU(SLOPE))
    ]
    return nn.Sequential(*layers)


def _widths(widths: Sequence[int], name: str) -> tuple[int, ...]:
    if isinstance(widths, str) or not isinstance(widths, Sequence) or not widths:
        raise DataError(
            f"The {name!r} parameter of {OWNER} must be a sequence of at least one positive "
            f"integer. Got {widths!r} instead."
        )
    for width in widths:
        check_number(width, COUNT, name=name, owner=OWNER)
    return tuple(int(width) for width in widths)
