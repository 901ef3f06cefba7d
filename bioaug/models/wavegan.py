"""WaveGAN: strided transposed convolutions in one dimension, with phase shuffle."""

from __future__ import annotations

import math
from functools import partial
from numbers import Integral
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad, relu
from torch.optim import Adam

from bioaug.core.checks import Interval
from bioaug.core.tensors import Labels, Signals
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import SignalSpec
from bioaug.models.constraints import (
    BELOW_ONE,
    BOOLEAN,
    COUNT,
    NOT_NEGATIVE,
    NOT_NEGATIVE_INT,
    POSITIVE,
    UNIT_OR_NONE,
    Choice,
    Multiple,
    Number,
)
from bioaug.models.registry import register_model
from bioaug.nn.conditioning import LabelProjection
from bioaug.nn.fast_conv import StridedConv, StridedConvTranspose
from bioaug.nn.objectives import non_saturating, relativistic, wasserstein_gp
from bioaug.nn.whitening import make_whitening

STRIDE = 4  # of every layer
DEEPEST = 16  # layers: 4**16 time steps become one
START = 16  # time steps, about, that depth="auto" leaves after the last layer
SLOPE = 0.2  # of the discriminator's leaky rectifiers below 0


@register_model
class WaveGAN(AdversarialModel):
    """Convolutions of stride 4 and long kernels, trained with WGAN-GP [1]_.

    With ``objective="non_saturating", batch_norm=True, dropout=0.3, n_critic=1, phase_shuffle=0``
    it is the variant that is used for EEG.

    Parameters
    ----------
    spec : SignalSpec
    latent_dim, label_dim : int, default=100, 10
        Lengths of the noise vector and of the label embedding beside it. The paper has no labels.
    depth : int or "auto", default="auto"
        Layers in each network. "auto" leaves about 16 time steps after them, as in the paper, which
        has 5 for signals of 16,384 steps: 2 for beats of 200, 3 for windows of 1,024.
    generator_width, discriminator_width : int, default=16, 16
        Channels nearest to the signal; each further layer has twice as many. The paper has 64.
    kernel_size : int, default=12
        Length of every kernel, a multiple of the stride 4. The paper has 25.
    phase_shuffle : int, default=0
        Largest shift, in steps of each hidden layer of the discriminator, one for a whole batch.
        The paper has 2, for sounds that may begin anywhere. Beats stand at a fixed place; windows
        cut anywhere from an EEG do not.
    noise : bool, default=True
        Whether each hidden layer of the generator adds noise of its own, of learned strength [2]_.
        The paper has none; its one vector cannot make texture along a whole signal.
    objective : {"wasserstein_gp", "non_saturating", "relativistic"}, default="wasserstein_gp"
        "non_saturating" is the EEG code's binary cross-entropy.
    gp_weight : float, default=10.0
        Weight of the gradient penalty of "wasserstein_gp", and gamma of "relativistic".
    n_critic : int, default=2
        Discriminator steps per generator step. The paper has 5.
    batch_norm : bool, default=False
        Whether the layers normalise over the batch, except where the discriminator sees signals.
    dropout : float in [0, 1), default=0.0
        After each layer of the discriminator.
    lr_generator, lr_discriminator : float, default=1e-3, 1e-3
        Adam's step lengths. The paper has 1e-4.
    whitening : float in [0, 1] or None, default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that the networks see, see `Whitening`; None uses the signals as they are.

    Notes
    -----
    `paper_params` are the paper's but for the kernels, which are 24 long, a multiple of the stride,
    instead of 25, and for the label embedding beside the noise.

    References
    ----------
    .. [1] Donahue C, McAuley J, Puckette M, "Adversarial audio synthesis", ICLR 2019.
    .. [2] Karras T, Laine S, Aila T, "A style-based generator architecture for generative
       adversarial networks", CVPR 2019.
    """

    name = "wavegan"
    generator: _Generator
    discriminator: _Discriminator
    constraints = {
        "latent_dim": COUNT,
        "label_dim": COUNT,
        "depth": Number(Interval(Integral, 1, DEEPEST, closed="both"), auto=True),
        "generator_width": COUNT,
        "discriminator_width": COUNT,
        "kernel_size": Multiple(STRIDE, "the stride"),
        "phase_shuffle": NOT_NEGATIVE_INT,
        "noise": BOOLEAN,
        "objective": Choice(("wasserstein_gp", "non_saturating", "relativistic")),
        "gp_weight": NOT_NEGATIVE,
        "n_critic": COUNT,
        "batch_norm": BOOLEAN,
        "dropout": BELOW_ONE,
        "lr_generator": POSITIVE,
        "lr_discriminator": POSITIVE,
        "whitening": UNIT_OR_NONE,
    }
    paper_params = {
        "latent_dim": 100,
        "depth": "auto",
        "generator_width": 64,
        "discriminator_width": 64,
        "kernel_size": 24,
        "phase_shuffle": 2,
        "noise": False,
        "objective": "wasserstein_gp",
        "gp_weight": 10.0,
        "n_critic": 5,
        "batch_norm": False,
        "dropout": 0.0,
        "lr_generator": 1e-4,
        "lr_discriminator": 1e-4,
        "whitening": None,
    }
    # The paper has batches of 64 and the penalty at every step.
    training_defaults = {
        "n_steps": 5000,
        "batch_size": 32,
        "ema_decay": 0.999,
        "penalty_every": 2,
    }

    def __init__(
        self,
        spec: SignalSpec,
        *,
        latent_dim: int = 100,
        label_dim: int = 10,
        depth: int | Literal["auto"] = "auto",
        generator_width: int = 16,
        discriminator_width: int = 16,
        kernel_size: int = 12,
        phase_shuffle: int = 0,
        noise: bool = True,
        objective: Literal["wasserstein_gp", "non_saturating", "relativistic"] = "wasserstein_gp",
        gp_weight: float = 10.0,
        n_critic: int = 2,
        batch_norm: bool = False,
        dropout: float = 0.0,
        lr_generator: float = 1e-3,
        lr_discriminator: float = 1e-3,
        whitening: float | None = 0.5,
    ) -> None:
        super().__init__(spec)
        taps = int(kernel_size) // STRIDE
        if depth == "auto":
            depth = max(round(math.log(spec.n_timesteps / START, STRIDE)), 1)
        self.latent_dim, self.n_critic, self.batch_dependent = latent_dim, n_critic, batch_norm
        self.objective = {
            "wasserstein_gp": partial(wasserstein_gp, gp_weight),
            "non_saturating": non_saturating,
            "relativistic": partial(relativistic, gp_weight),
        }[objective]()
        self.whitening = make_whitening(spec.n_channels, spec.n_timesteps, whitening)
        self.optimizer_g = partial(Adam, lr=lr_generator, betas=(0.5, 0.9), fused=True)
        self.optimizer_d = partial(Adam, lr=lr_discriminator, betas=(0.5, 0.9), fused=True)
        channels_g = [generator_width * 2**k for k in reversed(range(depth))]
        channels_d = [discriminator_width * 2**k for k in range(depth)]
        self.generator = _Generator(
            spec, latent_dim, label_dim, channels_g, taps,
            noise=noise, batch_norm=batch_norm, bounded=whitening is None,
        )  # fmt: skip
        self.discriminator = _Discriminator(
            spec, channels_d, taps, phase_shuffle, dropout=dropout, batch_norm=batch_norm
        )


class _Generator(nn.Module):
    """Noise and label embedding -> a short signal of many channels -> four times as long, ..."""

    def __init__(
        self,
        spec: SignalSpec,
        latent_dim: int,
        label_dim: int,
        channels: list[int],
        taps: int,
        *,
        noise: bool,
        batch_norm: bool,
        bounded: bool,
    ) -> None:
        super().__init__()
        self.n_timesteps, self.bounded = spec.n_timesteps, bounded
        self.n_start = -(-spec.n_timesteps // STRIDE ** len(channels))
        self.label_embedding = nn.Embedding(spec.n_classes, label_dim)
        self.start = nn.Linear(latent_dim + label_dim, self.n_start * channels[0])
        self.norms = nn.ModuleList(_norm(n, batch_norm) for n in channels)
        self.noises = nn.ModuleList(_Noise(n) if noise else nn.Identity() for n in channels)
        after = [*channels[1:], spec.n_channels]
        pairs = zip(channels, after, strict=True)
        self.layers = nn.ModuleList(StridedConvTranspose(n, m, taps, STRIDE) for n, m in pairs)

    def forward(self, z: Tensor, labels: Labels) -> Signals:
        noise_and_label = torch.cat([z, self.label_embedding(labels)], dim=1)
        x = self.start(noise_and_label).unflatten(1, (self.n_start, -1))
        for norm, noise, layer in zip(self.norms, self.noises, self.layers, strict=True):
            x = layer(relu(noise(norm(x))))
        signals = x.transpose(1, 2)[..., : self.n_timesteps]
        return signals.tanh() if self.bounded else signals


class _Discriminator(nn.Module):
    """A signal -> a quarter as long with more channels, ... -> a score, in part by the label."""

    def __init__(
        self,
        spec: SignalSpec,
        channels: list[int],
        taps: int,
        phase_shuffle: int,
        *,
        dropout: float,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        self.phase_shuffle = phase_shuffle
        n_left = -(-spec.n_timesteps // STRIDE ** len(channels))
        self.padding = n_left * STRIDE ** len(channels) - spec.n_timesteps
        before = [spec.n_channels, *channels[:-1]]
        self.layers = nn.ModuleList(
            StridedConv(n, m, taps, STRIDE) for n, m in zip(before, channels, strict=True)
        )
        self.norms = nn.ModuleList(
            _norm(n, batch_norm and index > 0) for index, n in enumerate(channels)
        )
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(n_left * channels[-1], 1)
        self.projection = LabelProjection(spec.n_classes, n_left * channels[-1])

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        x = pad(signals, (0, self.padding)).transpose(1, 2)
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if index:
                x = shuffle_phase(x, self.phase_shuffle)
            x = self.dropout(leaky_relu(norm(layer(x)), SLOPE))
        features = x.flatten(1)
        return DiscriminatorOutput(
            self.score(features).squeeze(1) + self.projection(features, labels)
        )


class _Noise(nn.Module):
    """Adds independent noise; every channel learns how much, beginning at none."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(n_channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.strength * torch.randn_like(x)


class _BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of channels that stand last."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(0, 1)).view_as(input)


def _norm(n_channels: int, batch_norm: bool) -> nn.Module:
    return _BatchNorm(n_channels) if batch_norm else nn.Identity()


def shuffle_phase(x: Tensor, most: int) -> Tensor:
    """Move a batch by up to `most` steps either way; the end is filled by reflection."""
    most = min(most, x.shape[1] - 1)
    by = int(torch.randint(-most, most + 1, ()))
    if by > 0:
        return torch.cat([x[:, 1 : by + 1].flip(1), x[:, :-by]], dim=1)
    if by < 0:
        return torch.cat([x[:, -by:], x[:, by - 1 : -1].flip(1)], dim=1)
    return x
