"""TransGAN in one dimension: a transformer that grows a signal against a convolutional critic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad
from torch.optim import Adam, AdamW, RMSprop

from bioaug.core.tensors import Labels, Signals
from bioaug.exceptions import DataError
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import Phase, SignalSpec
from bioaug.models.constraints import (
    COUNT,
    COUNT_OR_AUTO,
    POSITIVE_OR_NONE,
    UNIT_OR_NONE,
    Choice,
    Counts,
)
from bioaug.models.registry import register_model
from bioaug.nn.attention import TransformerBlock
from bioaug.nn.fast_conv import HalvingConv
from bioaug.nn.objectives import non_saturating, wasserstein, wasserstein_gp
from bioaug.nn.patches import choose_patch_size
from bioaug.nn.whitening import make_whitening

N_TOKENS, LARGEST_PATCH = 25, 32  # what patch_size="auto" aims at
LAYERS, WIDEST = 6, 16  # of the critic; its widths double up to 16 times the first
CLIP = 0.01  # largest weight of the critic with objective="wgan"
# Each objective with its optimiser and the default step lengths of generator and critic.
OBJECTIVES = {
    "wgan-gp": (
        wasserstein_gp(weight=10.0),
        partial(Adam, betas=(0.0, 0.9), fused=True),
        (1e-3, 2e-3),
    ),
    # Clipped weights leave the generator gradients near 1e-10, far below the usual eps of 1e-8.
    "wgan": (wasserstein(), partial(RMSprop, eps=1e-16), (5e-5, 5e-5)),
    "bce": (non_saturating(), partial(AdamW, betas=(0.5, 0.9), fused=True), (2e-4, 2e-4)),
}


@register_model
class TransGAN(AdversarialModel):
    """Transformer generator with pixel-shuffle upsampling against a strided convolutional critic.

    The generator [1]_ turns noise into a few wide tokens and grows them in stages: after the
    transformer blocks of a stage each token is cut into `upsampling` narrower ones. The critic has
    six convolutions of stride 2, as in the version for electrocardiograms [2]_. One model is
    trained per class.

    Parameters
    ----------
    spec : SignalSpec
    objective : {"wgan-gp", "wgan", "bce"}, default="wgan-gp"
        Wasserstein loss with gradient penalty (weight 10, Adam), with the critic's weights clipped
        at 0.01 (RMSprop), or binary cross-entropy (AdamW).
    latent_dim : int, default=256
        Length of the noise vector.
    embed_dim : int, default=128
        Width of the first stage's tokens; each further stage divides it by `upsampling`. The
        paper's configuration has 1024.
    depth : sequence of int, default=(1, 1, 1)
        Transformer blocks in each stage. TransGAN has (5, 4, 2).
    upsampling : int, default=2
        How many tokens each one becomes between stages. The paper's configuration has 4.
    patch_size : int or "auto", default="auto"
        Time steps that each of the last stage's tokens makes. The paper's configuration has 1;
        attention then takes time quadratic in the length. "auto" makes about 25 tokens, or patches
        of 32 steps where signals are long.
    n_heads : int, default=4
        Attention heads in each block; they must divide the width of every stage.
    critic_dim : int, default=16
        Channels after the first convolution; they double in each of the next, up to 16 times as
        many. The paper's are not known; 32 gives a checkpoint of the size measured.
    n_critic : int, default=1
        Critic steps per generator step. The reference code has 5.
    lr_generator, lr_discriminator : float or None, default=None
        Step lengths of the optimisers. None is 1e-3 and 2e-3 with "wgan-gp" (the reference code
        has 1e-5), 5e-5 with "wgan", and 2e-4 with "bce" (the reference code has 1e-6).
    whitening : float in [0, 1] or None, default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that the networks see, see `Whitening`; None uses the signals as they are.

    Notes
    -----
    `paper_params` are the reference code's noise, width and step lengths. Its networks are not
    published: the depth is TransGAN's, upsampling and critic are assumed.

    References
    ----------
    .. [1] Jiang Y, Chang S, Wang Z, "TransGAN: two pure transformers can make one strong GAN, and
       that can scale up", NeurIPS 34, 2021.
    .. [2] Xia Y, Xu Y, Chen P, Zhang J, Zhang Y, "Generative adversarial network with transformer
       generator for boosting ECG classification", Biomedical Signal Processing and Control 80,
       104276, 2023.
    """

    name = "transgan"
    conditional = False
    constraints = {
        "objective": Choice(tuple(OBJECTIVES)),
        "latent_dim": COUNT,
        "embed_dim": COUNT,
        "depth": Counts("with the number of blocks of each stage, such as (1, 1, 1)"),
        "upsampling": COUNT,
        "patch_size": COUNT_OR_AUTO,
        "n_heads": COUNT,
        "critic_dim": COUNT,
        "n_critic": COUNT,
        "lr_generator": POSITIVE_OR_NONE,
        "lr_discriminator": POSITIVE_OR_NONE,
        "whitening": UNIT_OR_NONE,
    }
    paper_params = {
        "objective": "wgan-gp",
        "latent_dim": 256,
        "embed_dim": 1024,
        "depth": (5, 4, 2),
        "upsampling": 4,
        "patch_size": 1,
        "critic_dim": 32,
        "n_critic": 5,
        "lr_generator": 1e-5,
        "lr_discriminator": 1e-5,
        "whitening": None,
    }
    training_defaults = {"n_steps": 4000, "batch_size": 32, "ema_decay": 0.99, "schedule": "cosine"}

    def __init__(
        self,
        spec: SignalSpec,
        *,
        objective: Literal["wgan-gp", "wgan", "bce"] = "wgan-gp",
        latent_dim: int = 256,
        embed_dim: int = 128,
        depth: Sequence[int] = (1, 1, 1),
        upsampling: int = 2,
        patch_size: int | Literal["auto"] = "auto",
        n_heads: int = 4,
        critic_dim: int = 16,
        n_critic: int = 1,
        lr_generator: float | None = None,
        lr_discriminator: float | None = None,
        whitening: float | None = 0.5,
    ) -> None:
        super().__init__(spec)
        _check_widths(embed_dim, upsampling, n_heads, len(depth))
        patch = choose_patch_size(
            patch_size, spec.n_timesteps, n_patches=N_TOKENS, largest=LARGEST_PATCH
        )
        self.latent_dim, self.n_critic = latent_dim, n_critic
        # Not in the paper: both networks work in partly whitened coordinates, see BioSGAN.
        self.whitening = make_whitening(spec.n_channels, spec.n_timesteps, whitening)
        self.objective, optimizer, rates = OBJECTIVES[objective]
        self.optimizer_g = partial(optimizer, lr=lr_generator or rates[0])
        self.optimizer_d = partial(optimizer, lr=lr_discriminator or rates[1])
        self.clips = objective == "wgan"
        self.generator = _Generator(
            spec,
            patch,
            latent_dim,
            embed_dim,
            upsampling,
            _stages(embed_dim, depth, upsampling, n_heads),
        )
        self.discriminator = _Critic(spec, critic_dim)

    def phases(self) -> Sequence[Phase]:
        """Return one phase: `n_critic` critic steps, then a generator step; "wgan" clips."""
        (phase,) = super().phases()
        if not self.clips:
            return (phase,)
        *critic, generator = phase.updates
        clipped = tuple(replace(update, after=self.clip) for update in critic)
        return (replace(phase, updates=(*clipped, generator)),)

    @torch.no_grad()
    def clip(self) -> None:
        """Clip the critic's weights."""
        for weight in self.discriminator.parameters():
            weight.clamp_(-CLIP, CLIP)


class _Generator(nn.Module):
    """Noise -> few wide tokens -> stages of blocks and pixel shuffle -> signal."""

    def __init__(
        self,
        spec: SignalSpec,
        patch: int,
        latent_dim: int,
        dim: int,
        upsampling: int,
        stages: nn.ModuleList,
    ) -> None:
        super().__init__()
        self.spec, self.upsampling = spec, upsampling
        growth = upsampling ** (len(stages) - 1)
        n_tokens, last = -(-spec.n_timesteps // (patch * growth)), dim // growth
        self.to_tokens = nn.Linear(latent_dim, n_tokens * dim)
        self.stages = stages
        self.positions = nn.ParameterList(
            0.02 * torch.randn(n_tokens * upsampling**i, dim // upsampling**i)
            for i in range(len(stages))
        )
        self.norm = nn.LayerNorm(last)
        # A convolution over three tokens, so that no seam shows between patches.
        self.to_signal = nn.Linear(3 * last, patch * spec.n_channels)

    def forward(self, z: Tensor, labels: Labels) -> Signals:
        tokens = self.to_tokens(z).unflatten(1, self.positions[0].shape)
        for stage, positions in zip(self.stages, self.positions, strict=True):
            if tokens.shape[1:] != positions.shape:
                tokens = tokens.reshape(len(tokens), *positions.shape)  # 1-D pixel shuffle
            tokens = stage(tokens + positions)
        tokens = pad(self.norm(tokens), (0, 0, 1, 1))
        near = torch.cat([tokens[:, :-2], tokens[:, 1:-1], tokens[:, 2:]], dim=2)
        signals = self.to_signal(near).unflatten(2, (-1, self.spec.n_channels)).flatten(1, 2)
        return signals[:, : self.spec.n_timesteps].transpose(1, 2)


class _Critic(nn.Module):
    """Six convolutions of stride 2 and a linear score of what is left."""

    def __init__(self, spec: SignalSpec, dim: int) -> None:
        super().__init__()
        widths = [spec.n_channels] + [dim * min(2**i, WIDEST) for i in range(LAYERS)]
        self.layers = nn.ModuleList(HalvingConv(*pair) for pair in pairwise(widths))
        self.score = nn.Linear(widths[-1] * -(-spec.n_timesteps // 2**LAYERS), 1)

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        features = signals.transpose(1, 2)
        for layer in self.layers:
            features = leaky_relu(layer(features), 0.2)
        return DiscriminatorOutput(self.score(features.flatten(1)).squeeze(1))


def _stages(dim: int, depth: Sequence[int], upsampling: int, n_heads: int) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Sequential(*(TransformerBlock(dim // upsampling**i, n_heads) for _ in range(n_blocks)))
        for i, n_blocks in enumerate(depth)
    )


def _check_widths(dim: int, upsampling: int, n_heads: int, n_stages: int) -> None:
    needed = n_heads * upsampling ** (n_stages - 1)
    if dim % needed:
        raise DataError(
            f"The 'embed_dim' parameter of TransGAN must be a multiple of {needed}: n_heads="
            f"{n_heads} times upsampling={upsampling} for each of the {n_stages - 1} stages after "
            f"the first. Got {dim!r} instead. Change one of them."
        )
