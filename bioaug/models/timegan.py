"""TimeGAN: a GAN of recurrent networks in the latent space of an autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, one_hot, softplus
from torch.optim import Adam

from bioaug.core.tensors import Labels, Signals
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
from bioaug.models.constraints import (
    COUNT,
    COUNT_OR_AUTO,
    NOT_NEGATIVE,
    NOT_NEGATIVE_INT,
    POSITIVE,
    UNIT_OR_NONE,
    Choice,
)
from bioaug.models.registry import register_model
from bioaug.nn.patches import choose_patch_size, count_patches
from bioaug.nn.whitening import make_whitening

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}
N_STEPS = 10  # recurrent steps that patch_size="auto" aims at
GAMMA = 1.0  # weight of the latent vectors that the supervisor has not seen
REST_BELOW = 0.15  # the discriminator rests while its loss is lower


@register_model
class TimeGAN(GenerativeModel):
    """Embedder, recovery, supervisor, generator and discriminator, trained in three phases [1]_.

    The first phase trains embedder and recovery as an autoencoder, the second the supervisor to
    predict the next latent vector of real signals, the third everything together. As in the
    reference code, the generator learns nothing before the third phase. Where there is one class
    (`per_class=True` in `Synthesizer`), no network has labels, which is the paper's model;
    otherwise generator and discriminator know them, and moments are compared class by class.

    Parameters
    ----------
    spec : SignalSpec
    patch_size : int or "auto", default="auto"
        Time steps that one recurrent step handles. The paper's is 1, whose training takes time
        linear in the length; "auto" makes about 10 recurrent steps.
    cell : {"lstm", "gru"}, default="lstm"
        The reference code's default is "gru", for which a CPU has no fused kernel.
    hidden_dim, n_layers : int, default=48, 1
        Size of the latent vectors and of every recurrent layer; layers in a network, one fewer in
        the supervisor, though at least one. The reference code has 24 and 3.
    noise_dim : int, default=16
        New random numbers at every recurrent step. The reference code has one per channel.
    static_dim : int, default=32
        Random numbers that stay the same along a signal, as the noise of the paper's static
        features does. The reference code has none.
    label_dim : int, default=8
        Length of the label embeddings beside noise and latent vectors.
    lr : float, default=3e-3
        Adam's step length, in all networks. The reference code has 1e-3.
    supervised_weight, moment_weight : float, default=100, 100
        Weights of the supervised and the moment loss against the adversarial ones.
    whitening : float in [0, 1] or None, default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that are embedded, see `Whitening`; None uses the signals as they are.

    Notes
    -----
    `paper_params` are the reference code's for one channel and one class.

    References
    ----------
    .. [1] Yoon J, Jarrett D, van der Schaar M, "Time-series generative adversarial networks",
       NeurIPS 32, 2019.
    """

    name = "timegan"
    constraints = {
        "patch_size": COUNT_OR_AUTO,
        "cell": Choice(("gru", "lstm")),
        "hidden_dim": COUNT,
        "n_layers": COUNT,
        "noise_dim": COUNT,
        "static_dim": NOT_NEGATIVE_INT,
        "label_dim": COUNT,
        "lr": POSITIVE,
        "supervised_weight": NOT_NEGATIVE,
        "moment_weight": NOT_NEGATIVE,
        "whitening": UNIT_OR_NONE,
    }
    paper_params = {
        "patch_size": 1,
        "cell": "gru",
        "hidden_dim": 24,
        "n_layers": 3,
        "noise_dim": 1,
        "static_dim": 0,
        "lr": 1e-3,
        "supervised_weight": 100.0,
        "moment_weight": 100.0,
        "whitening": None,
    }
    training_defaults = {
        "n_steps": 3000,
        "batch_size": 64,
        "grad_clip": 5.0,
        "ema_decay": 0.99,
        "schedule": "linear",
    }

    def __init__(
        self,
        spec: SignalSpec,
        *,
        patch_size: int | Literal["auto"] = "auto",
        cell: str = "lstm",
        hidden_dim: int = 48,
        n_layers: int = 1,
        noise_dim: int = 16,
        static_dim: int = 32,
        label_dim: int = 8,
        lr: float = 3e-3,
        supervised_weight: float = 100.0,
        moment_weight: float = 100.0,
        whitening: float | None = 0.5,
    ) -> None:
        super().__init__(spec)
        self.patch_size = choose_patch_size(patch_size, spec.n_timesteps, n_patches=N_STEPS)
        self.n_steps = count_patches(spec.n_timesteps, self.patch_size)
        self.noise_dim, self.static_dim = noise_dim, static_dim
        self.supervised_weight, self.moment_weight = supervised_weight, moment_weight
        self.optimizer = partial(Adam, lr=lr, fused=True)
        self.whitening = make_whitening(spec.n_channels, spec.n_timesteps, whitening)

        def network(n_inputs: int, n_outputs: int, depth: int, n_labels: int = 0) -> _Recurrent:
            labels = nn.Embedding(n_labels, label_dim) if n_labels > 1 else None
            n_inputs += label_dim if n_labels > 1 else 0
            layers = CELLS[cell](int(n_inputs), int(hidden_dim), depth, batch_first=True)
            return _Recurrent(layers, nn.Linear(hidden_dim, n_outputs), labels)

        patch = spec.n_channels * self.patch_size
        self.embedder = network(patch, hidden_dim, n_layers)
        self.recovery = network(hidden_dim, patch, n_layers)
        self.supervisor = network(hidden_dim, hidden_dim, max(n_layers - 1, 1))
        self.generator = network(noise_dim + static_dim, hidden_dim, n_layers, spec.n_classes)
        self.discriminator = network(hidden_dim, 1, n_layers, spec.n_classes)

    def fit_preprocessing(self, signals: Signals, labels: Labels) -> None:
        """Fit the whitening."""
        self.whitening.fit(signals, labels)

    def phases(self) -> Sequence[Phase]:
        """Return autoencoder, supervised and joint phase."""
        both = ("embedder", "recovery")
        autoencode = self._update("autoencoder", self.autoencoder_loss, both)
        supervise = self._update("supervisor", self.supervisor_loss, ("supervisor",))
        g = self._update("generator", self.generator_loss, ("generator", "supervisor"))
        e = self._update("embedder", self.embedder_loss, both)
        d = self._update(
            "discriminator", self.discriminator_loss, ("discriminator",), skip_below=REST_BELOW
        )
        return (
            Phase("autoencoder", (autoencode,), 0.2),
            Phase("supervised", (supervise,), 0.05),
            Phase("joint", (g, e, g, e, d), 0.75),
        )

    def _update(
        self,
        name: str,
        loss: Callable[[Batch, LossContext], Losses],
        trains: tuple[str, ...],
        skip_below: float | None = None,
    ) -> Update:
        return Update(name, loss, trains, self.optimizer, skip_below=skip_below)

    def autoencoder_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the reconstruction error of the signals."""
        patches = self.patches(batch.signals)
        return {"recovery": 10 * _rms(self.recovery(self.embed(patches)) - patches)}

    def supervisor_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the supervisor's error in predicting the next latent vectors."""
        latents = self.embed(self.patches(batch.signals))
        return {"supervised": _supervised_loss(self.supervise(latents), latents)}

    def embedder_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the autoencoder's loss and a little of the supervisor's."""
        patches = self.patches(batch.signals)
        latents = self.embed(patches)
        return {
            "recovery": 10 * _rms(self.recovery(latents) - patches),
            "supervised": 0.1 * _supervised_loss(self.supervise(latents), latents),
        }

    def generator_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the adversarial losses, the supervised one and that of the moments."""
        patches, labels = self.patches(batch.signals), batch.labels
        n, latents, raw = len(labels), self.embed(patches), self.generate_latents(labels)
        real_next, fake = self.supervise(torch.cat([latents, raw])).split(n)
        on_fake, on_raw = self.discriminator(torch.cat([fake, raw]), labels.repeat(2)).split(n)
        supervised = (_supervised_loss(real_next, latents) + 1e-12).sqrt()
        return {
            "adversarial": softplus(-on_fake).mean() + GAMMA * softplus(-on_raw).mean(),
            "supervised": self.supervised_weight * supervised,
            "moments": self.moment_weight * self.moment_gap(self.recovery(fake), patches, labels),
        }

    def discriminator_loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the cross-entropy of the scores of every step, real and fake in one pass."""
        labels = batch.labels
        with torch.no_grad():
            real, raw = self.embed(self.patches(batch.signals)), self.generate_latents(labels)
            latents = torch.cat([real, self.supervise(raw), raw])
        on_real, on_fake, on_raw = self.discriminator(latents, labels.repeat(3)).chunk(3)
        return {
            "real": softplus(-on_real).mean(),
            "fake": softplus(on_fake).mean() + GAMMA * softplus(on_raw).mean(),
        }

    def moment_gap(self, fake: Tensor, real: Tensor, labels: Labels) -> Tensor:
        """Return the mean absolute difference of means and standard deviations, class by class."""
        weights = one_hot(labels, self.spec.n_classes).float()
        weights = (weights / weights.sum(dim=0).clamp(min=1)).T  # of every row, for each class
        mean, std = _moments(fake.float().flatten(1), weights)
        real_mean, real_std = _moments(real.flatten(1), weights)
        return l1_loss(mean, real_mean) + l1_loss(std, real_std)

    def patches(self, signals: Signals) -> Tensor:
        """Return signals in the networks' coordinates, (batch, recurrent steps, patch)."""
        missing = self.n_steps * self.patch_size - self.spec.n_timesteps
        padded = nn.functional.pad(self.whitening(signals), (0, missing))
        return padded.unflatten(2, (self.n_steps, -1)).transpose(1, 2).flatten(2)

    def embed(self, patches: Tensor) -> Tensor:
        """Return latent vectors between 0 and 1."""
        return self.embedder(patches).sigmoid()

    def supervise(self, latents: Tensor) -> Tensor:
        """Return the supervisor's prediction of each next latent vector."""
        return self.supervisor(latents).sigmoid()

    def generate_latents(self, labels: Labels) -> Tensor:
        """Return new latent vectors, before the supervisor."""
        n, device = len(labels), labels.device
        moving = torch.randn(n, self.n_steps, self.noise_dim, device=device)
        static = torch.randn(n, 1, self.static_dim, device=device).expand(-1, self.n_steps, -1)
        return self.generator(torch.cat([moving, static], dim=2), labels).sigmoid()

    def signals(self, patches: Tensor) -> Signals:
        """Return patches put together, out of the networks' coordinates."""
        by_channel = patches.unflatten(2, (self.spec.n_channels, -1)).transpose(1, 2).flatten(2)
        signals = by_channel[..., : self.spec.n_timesteps].float()
        return self.whitening.inverse(signals).clamp(-1, 1)

    def generate(self, labels: Labels) -> Signals:
        """Return one signal in [-1, 1] per label."""
        return self.signals(self.recovery(self.supervise(self.generate_latents(labels))))


class _Recurrent(nn.Module):
    """Recurrent layers and a linear one, with a label embedding beside the inputs if any."""

    def __init__(
        self, layers: nn.GRU | nn.LSTM, out: nn.Linear, label_embedding: nn.Embedding | None
    ) -> None:
        super().__init__()
        self.layers, self.out, self.label_embedding = layers, out, label_embedding

    def forward(self, inputs: Tensor, labels: Labels | None = None) -> Tensor:
        if self.label_embedding is not None:
            vectors = self.label_embedding(labels)[:, None].expand(-1, inputs.shape[1], -1)
            inputs = torch.cat([inputs, vectors], dim=2)
        with torch.autocast(inputs.device.type, enabled=False):  # states add up in float32
            return self.out(self.layers(inputs.float())[0])


def _supervised_loss(predicted: Tensor, latents: Tensor) -> Tensor:
    """Mean squared one-step prediction error of the supervisor; 0 for one step."""
    errors = predicted[:, :-1] - latents[:, 1:]
    return errors.square().sum() / max(errors.numel(), 1)


def _moments(rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and standard deviations of `rows` under each row of `weights`."""
    mean = weights @ rows
    variance = (weights @ rows.square() - mean.square()).clamp(min=0)
    return mean, (variance + 1e-6).sqrt()


def _rms(differences: Tensor) -> Tensor:
    return (differences.square().mean() + 1e-12).sqrt()
