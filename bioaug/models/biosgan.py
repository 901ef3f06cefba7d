"""BioSGAN: a label-guided transformer GAN for biosignals."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from bioaug.core.tensors import Labels, Signals
from bioaug.exceptions import DataError
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import SignalSpec
from bioaug.models.constraints import (
    BOOLEAN,
    COUNT,
    COUNT_OR_AUTO,
    NOT_NEGATIVE,
    POSITIVE,
    UNIT,
    UNIT_OR_NONE,
    Choice,
)
from bioaug.models.registry import register_model
from bioaug.nn.attention import TransformerBlock
from bioaug.nn.conditioning import LabelProjection
from bioaug.nn.objectives import wasserstein_gp
from bioaug.nn.patches import choose_patch_size, count_patches
from bioaug.nn.whitening import make_whitening

N_TOKENS, LARGEST_PATCH = 16, 32  # what patch_size="auto" aims at


@register_model
class BioSGAN(AdversarialModel):
    """Transformer generator and discriminator with a label head, trained with WGAN-GP [1]_.

    Parameters
    ----------
    spec : SignalSpec
    patch_size : int or "auto", default="auto"
        Time steps in one token. 1 is the reference code's; attention then takes time quadratic in
        the length. "auto" makes about 16 tokens, or patches of 32 steps where signals are long.
    latent_dim, label_dim : int, default=100, 10
        Lengths of the noise vector and of label embeddings that stand beside something.
    label_injection : {"concatenate", "add", "tokens", "channel"}, default="concatenate"
        How the generator learns the label. Its embedding is concatenated to the noise; or is as
        long as the noise and added to it; or is concatenated to every token behind the first
        layer; or holds one number per token, which is an extra feature map there. The paper
        proposes the first and compares it with the others.
    discriminator_labels : {"head", "concatenate", "channel"}, default="head"
        How the discriminator learns of labels: by the label head (and `projection`) that the paper
        proposes, or, as conditional GANs did before, as an input: an embedding repeated at every
        time step, or one that is an extra channel. With an input there is no head and no
        projection.
    generator_dim, discriminator_dim : int, default=40, 40
        Token widths, multiples of `n_heads`. The reference code's are 10 and 50.
    depth, n_heads : int, default=3, 5
        Transformer blocks in each network, attention heads in each block.
    dropout : float, default=0.0
        In the generator while training. The reference code has 0.5 in both networks.
    lr_generator, lr_discriminator : float, default=5e-4, 1e-3
        Adam's step lengths. The reference code has 1e-4 and 3e-4.
    label_weight : float, default=0.1
        Weight of the label head's cross-entropy. The reference code's is 1.
    projection : bool, default=True
        Whether the score itself depends on the label. The reference code's does not.
    whitening : float in [0, 1] or None, default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that the networks see, see `Whitening`; None uses the signals as they are.

    Notes
    -----
    Two departures from the paper: a label head alone rewards the generator for the few shapes that
    are easiest to tell from the other classes (ventricular beats lost their negative form), so it
    weighs a tenth of the reference code's, and the score itself depends on the label (Miyato and
    Koyama 2018). And both networks work in partly whitened coordinates, where noise-like texture
    counts too: the beats were as smooth as real ones after a tenth of the steps.

    `paper_params` are the reference code's; it has dropout in the discriminator, too, and Adam's
    first momentum at 0.9, which this model has not.

    References
    ----------
    .. [1] Li X, Ngu AHH, Metsis V, "TTS-CGAN: a transformer time-series conditional GAN for
       biosignal data augmentation", arXiv:2206.13676, 2022.
    """

    name = "biosgan"
    generator: _Generator
    constraints = {
        "patch_size": COUNT_OR_AUTO,
        "latent_dim": COUNT,
        "label_dim": COUNT,
        "label_injection": Choice(("concatenate", "add", "tokens", "channel")),
        "discriminator_labels": Choice(("head", "concatenate", "channel")),
        "generator_dim": COUNT,
        "discriminator_dim": COUNT,
        "depth": COUNT,
        "n_heads": COUNT,
        "dropout": UNIT,
        "lr_generator": POSITIVE,
        "lr_discriminator": POSITIVE,
        "label_weight": NOT_NEGATIVE,
        "projection": BOOLEAN,
        "whitening": UNIT_OR_NONE,
    }
    paper_params = {
        "patch_size": 1,
        "latent_dim": 100,
        "label_dim": 10,
        "label_injection": "concatenate",
        "discriminator_labels": "head",
        "generator_dim": 10,
        "discriminator_dim": 50,
        "depth": 3,
        "n_heads": 5,
        "dropout": 0.5,
        "lr_generator": 1e-4,
        "lr_discriminator": 3e-4,
        "label_weight": 1.0,
        "projection": False,
        "whitening": None,
    }
    training_defaults = {"n_steps": 4000, "batch_size": 32, "grad_clip": 5.0, "ema_decay": 0.999}

    def __init__(
        self,
        spec: SignalSpec,
        *,
        patch_size: int | Literal["auto"] = "auto",
        latent_dim: int = 100,
        label_dim: int = 10,
        label_injection: str = "concatenate",
        discriminator_labels: str = "head",
        generator_dim: int = 40,
        discriminator_dim: int = 40,
        depth: int = 3,
        n_heads: int = 5,
        dropout: float = 0.0,
        lr_generator: float = 5e-4,
        lr_discriminator: float = 1e-3,
        label_weight: float = 0.1,
        projection: bool = True,
        whitening: float | None = 0.5,
    ) -> None:
        super().__init__(spec)
        _check_heads(n_heads, generator_dim=generator_dim, discriminator_dim=discriminator_dim)
        patch = choose_patch_size(
            patch_size, spec.n_timesteps, n_patches=N_TOKENS, largest=LARGEST_PATCH
        )
        self.latent_dim = latent_dim
        self.label_weight = label_weight
        self.whitening = make_whitening(spec.n_channels, spec.n_timesteps, whitening)
        self.objective = wasserstein_gp(weight=10.0)
        # The reference code leaves Adam's first momentum at 0.9; WGAN-GP wants none.
        self.optimizer_g = partial(Adam, lr=lr_generator, betas=(0.0, 0.9), fused=True)
        self.optimizer_d = partial(Adam, lr=lr_discriminator, betas=(0.0, 0.9), fused=True)
        self.generator = _Generator(
            spec,
            patch,
            (latent_dim, label_dim, generator_dim),
            _blocks(generator_dim, depth, n_heads, dropout),
            label_injection,
        )
        # No dropout here: real, fake and interpolated signals would meet different critics, and
        # the penalty would not bound the one that is scored.
        self.discriminator = _Discriminator(
            spec,
            patch,
            discriminator_dim,
            _blocks(discriminator_dim, depth, n_heads, 0.0),
            _label_input(discriminator_labels, spec, label_dim),
            projection=projection,
        )

    @torch.no_grad()
    def between(self, first: int, second: int, shares: Tensor) -> Signals:
        """Return what one noise vector becomes on the way from a label's vector to another's.

        Parameters
        ----------
        first, second : int
            Labels.
        shares : Tensor of shape (n,)
            How far each signal is on the way: 0 is `first`, 1 is `second`.
        """
        vectors = self.generator.label_embedding.weight
        mixed = torch.lerp(vectors[first], vectors[second], shares[:, None])
        z = torch.randn(1, self.latent_dim, device=shares.device).expand(len(shares), -1)
        signals = self.generator.from_label_vectors(z, mixed).float()
        return self.whitening.inverse(signals).clamp(-1, 1)


class _Generator(nn.Module):
    """Noise and label embedding -> tokens -> transformer -> signal.

    Neighbouring patches overlap by all but one of their time steps and are added up, so that no
    seam shows; with one step per patch this is the reference code's 1 x 1 convolution.
    """

    def __init__(
        self,
        spec: SignalSpec,
        patch: int,
        dims: tuple[int, int, int],
        blocks: nn.Sequential,
        injection: str,
    ) -> None:
        super().__init__()
        latent_dim, label_dim, dim = dims
        n_tokens = count_patches(spec.n_timesteps, patch)
        self.dim, self.n_tokens, self.injection = dim, n_tokens, injection
        self.start, self.n_timesteps = (patch - 1) // 2, spec.n_timesteps
        lengths = {"add": latent_dim, "channel": n_tokens}
        self.label_embedding = nn.Embedding(spec.n_classes, lengths.get(injection, label_dim))
        beside_noise = label_dim if injection == "concatenate" else 0
        self.to_tokens = nn.Linear(latent_dim + beside_noise, n_tokens * dim)
        self.blocks = blocks
        self.to_signal = nn.ConvTranspose1d(dim, spec.n_channels, 2 * patch - 1, stride=patch)
        if injection in ("tokens", "channel"):
            beside_token = label_dim if injection == "tokens" else 1
            self.merge = nn.Linear(dim + beside_token, dim)

    def forward(self, z: Tensor, labels: Labels) -> Signals:
        return self.from_label_vectors(z, self.label_embedding(labels))

    def from_label_vectors(self, z: Tensor, vectors: Tensor) -> Signals:
        """Return signals of label vectors, which may lie between those of the classes."""
        if self.injection == "concatenate":
            z = torch.cat([z, vectors], dim=1)
        elif self.injection == "add":
            z = z + vectors
        tokens = self.to_tokens(z).unflatten(1, (-1, self.dim))
        if self.injection == "tokens":
            repeated = vectors[:, None].expand(-1, self.n_tokens, -1)
            tokens = self.merge(torch.cat([tokens, repeated], dim=2))
        elif self.injection == "channel":
            tokens = self.merge(torch.cat([tokens, vectors[:, :, None]], dim=2))
        signals = self.to_signal(self.blocks(tokens).transpose(1, 2))
        return signals[..., self.start : self.start + self.n_timesteps]


class _Discriminator(nn.Module):
    """Patches with learned positions -> transformer -> a score and a logit per class.

    The reference code's class token is left out: both heads read the mean of all tokens, so it had
    no role of its own.
    """

    def __init__(
        self,
        spec: SignalSpec,
        patch: int,
        dim: int,
        blocks: nn.Sequential,
        label_input: _LabelInput | None,
        *,
        projection: bool,
    ) -> None:
        super().__init__()
        n_tokens = count_patches(spec.n_timesteps, patch)
        n_channels = spec.n_channels + (label_input.n_channels if label_input else 0)
        self.padding = (patch - 1, n_tokens * patch - spec.n_timesteps)
        self.to_tokens = nn.Conv1d(n_channels, dim, 2 * patch - 1, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn(n_tokens, dim))
        self.blocks = blocks
        self.norm, self.score = nn.LayerNorm(dim), nn.Linear(dim, 1)
        self.label_input = label_input
        if label_input is not None:
            self.projection = self.label = None
            return
        self.projection = LabelProjection(spec.n_classes, dim) if projection else None
        self.label = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, spec.n_classes))

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        if self.label_input is not None:
            signals = torch.cat([signals, self.label_input(labels)], dim=1)
        tokens = self.to_tokens(nn.functional.pad(signals, self.padding)).transpose(1, 2)
        pooled = self.blocks(tokens + self.positions).mean(dim=1)
        features = self.norm(pooled)
        score = self.score(features).squeeze(1)
        if self.projection is not None:
            score = score + self.projection(features, labels)
        return DiscriminatorOutput(score, None if self.label is None else self.label(pooled))


class _LabelInput(nn.Module):
    """Channels that tell the discriminator the label: constant ones, or one that varies in time."""

    def __init__(self, n_classes: int, n_channels: int, n_timesteps: int, length: int) -> None:
        super().__init__()
        self.n_channels, self.n_timesteps = n_channels, n_timesteps
        self.embedding = nn.Embedding(n_classes, n_channels * length)

    def forward(self, labels: Labels) -> Tensor:
        channels = self.embedding(labels).unflatten(1, (self.n_channels, -1))
        return channels.expand(-1, -1, self.n_timesteps)


def _label_input(kind: str, spec: SignalSpec, label_dim: int) -> _LabelInput | None:
    """Return what is put beside the discriminator's signals; nothing where it has a label head."""
    if kind == "concatenate":
        return _LabelInput(spec.n_classes, label_dim, spec.n_timesteps, length=1)
    if kind == "channel":
        return _LabelInput(spec.n_classes, 1, spec.n_timesteps, length=spec.n_timesteps)
    return None


def _check_heads(n_heads: int, **dims: int) -> None:
    for name, dim in dims.items():
        if dim % n_heads:
            raise DataError(
                f"The {name!r} parameter of BioSGAN must be a multiple of n_heads={n_heads}. "
                f"Got {dim!r} instead. Change one of the two."
            )


def _blocks(dim: int, depth: int, n_heads: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(*(TransformerBlock(dim, n_heads, dropout=dropout) for _ in range(depth)))
