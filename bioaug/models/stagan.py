"""StaGAN: a recurrent generator against a small convolutional discriminator of whole batches."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from bioaug.core.checks import Interval
from bioaug.core.tensors import Labels, Signals
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import SignalSpec
from bioaug.models.constraints import (
    BOOLEAN,
    COUNT,
    COUNT_OR_AUTO,
    NOT_NEGATIVE_INT,
    POSITIVE,
    UNIT_OR_NONE,
    Number,
)
from bioaug.models.registry import register_model
from bioaug.nn.objectives import non_saturating
from bioaug.nn.patches import choose_patch_size, count_patches
from bioaug.nn.whitening import make_whitening

N_STEPS = 16  # recurrent steps that patch_size="auto" aims at
KERNEL, POOL, STRIDE = 3, 3, 2  # of a discriminator's stage
ROW_SIZE = 16  # numbers by which one output of the minibatch discrimination compares two signals
CALIBRATION_ROWS = 256
CPU_ROWS = 50  # beyond, a processor's LSTM falls out of its cache


@register_model
class StaGAN(AdversarialModel):
    """LSTM generator and convolutional discriminator with minibatch discrimination [1]_ [2]_.

    Noise enters the generator at every time step, one number each; the discriminator sees how
    close the signals of its batch lie to each other, so that a generator that repeats itself is
    found out. One model holds one class.

    Parameters
    ----------
    spec : SignalSpec
    bidirectional : bool, default=True
        Whether the LSTM runs both ways; the two directions are summed.
    hidden_dim, n_layers : int, default=64, 2
        Size and depth of the LSTM. The reference code's size is 50.
    patch_size : int or "auto", default="auto"
        Time steps made by one recurrent step. 1 is the paper's; "auto" takes about 16 recurrent
        steps, which trains several times as fast.
    n_stages : {1, 2}, default=1
        Convolution, ReLU and max pooling in the discriminator.
    n_filters : int, default=16
        Of the first convolution; the second has half as many. The reference code has 10.
    minibatch_out : int, default=5
        Outputs of the minibatch discrimination; 0 leaves it out. The reference code tries 0, 3, 5,
        8 and 10.
    minibatch_scaled : bool, default=True
        Whether the discrimination's weights start scaled to the training rows, see
        `MinibatchDiscrimination`. The reference code's do not: its training on ECG then does not
        converge.
    n_critic : int, default=1
        Discriminator steps per generator step. The reference code has 3.
    lr_generator, lr_discriminator : float, default=1e-3, 3e-4
        Adam's step lengths. The reference code has 2e-4.
    whitening : float in [0, 1] or None, default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that the networks see, see `Whitening`; None uses the signals as they are, as the paper.

    Notes
    -----
    `paper_params` are the reference code's, with its largest minibatch discrimination.

    The reference code drops a fifth of the discriminator's logits while training, where it has one
    stage; that only blurs the loss and is left out.

    References
    ----------
    .. [1] Delaney AM, Brophy E, Ward TE, "Synthesis of realistic ECG using generative adversarial
       networks", arXiv:1909.09150, 2019.
    .. [2] Salimans T, Goodfellow I, Zaremba W, Cheung V, Radford A, Chen X, "Improved techniques
       for training GANs", NeurIPS 29, 2016.
    """

    name = "stagan"
    conditional = False
    batch_dependent = True
    generator: _Generator
    discriminator: _Discriminator
    constraints = {
        "bidirectional": BOOLEAN,
        "hidden_dim": COUNT,
        "n_layers": COUNT,
        "patch_size": COUNT_OR_AUTO,
        "n_stages": Number(Interval(Integral, 1, 2, closed="both")),
        "n_filters": COUNT,
        "minibatch_out": NOT_NEGATIVE_INT,
        "minibatch_scaled": BOOLEAN,
        "n_critic": COUNT,
        "lr_generator": POSITIVE,
        "lr_discriminator": POSITIVE,
        "whitening": UNIT_OR_NONE,
    }
    paper_params = {
        "bidirectional": True,
        "hidden_dim": 50,
        "n_layers": 2,
        "patch_size": 1,
        "n_stages": 1,
        "n_filters": 10,
        "minibatch_out": 10,
        "minibatch_scaled": False,
        "n_critic": 3,
        "lr_generator": 2e-4,
        "lr_discriminator": 2e-4,
        "whitening": None,
    }
    training_defaults = {"n_steps": 6000, "batch_size": 32, "ema_decay": 0.995}

    def __init__(
        self,
        spec: SignalSpec,
        *,
        bidirectional: bool = True,
        hidden_dim: int = 64,
        n_layers: int = 2,
        patch_size: int | Literal["auto"] = "auto",
        n_stages: int = 1,
        n_filters: int = 16,
        minibatch_out: int = 5,
        minibatch_scaled: bool = True,
        n_critic: int = 1,
        lr_generator: float = 1e-3,
        lr_discriminator: float = 3e-4,
        whitening: float | None = 0.5,
    ) -> None:
        super().__init__(spec)
        self.whitening = make_whitening(spec.n_channels, spec.n_timesteps, whitening)
        self.n_critic = n_critic
        self.objective = non_saturating()
        # The reference code leaves Adam's momenta at (0.9, 0.999).
        self.optimizer_g = partial(Adam, lr=lr_generator, betas=(0.5, 0.9), fused=True)
        self.optimizer_d = partial(Adam, lr=lr_discriminator, betas=(0.5, 0.9), fused=True)
        patch = choose_patch_size(patch_size, spec.n_timesteps, n_patches=N_STEPS)
        self.latent_dim = count_patches(spec.n_timesteps, patch) * patch
        lstm = nn.LSTM(patch, int(hidden_dim), n_layers, bidirectional=bidirectional)
        self.generator = _Generator(spec, patch, lstm)
        self.minibatch_scaled = minibatch_scaled
        self.discriminator = _Discriminator(spec, n_stages, n_filters, minibatch_out)

    def fit_preprocessing(self, signals: Signals, labels: Labels) -> None:
        """Fit the whitening and the scale of the minibatch discrimination, where there are any."""
        super().fit_preprocessing(signals, labels)
        minibatch = self.discriminator.minibatch
        if minibatch is not None and self.minibatch_scaled:
            places = torch.linspace(0, len(signals) - 1, min(len(signals), CALIBRATION_ROWS))
            with torch.no_grad():
                rows = self.whitening(signals[places.round().long()])
                minibatch.fit_scale(self.discriminator.stages(rows))

    def generate_whitened(self, labels: Labels) -> Signals:
        """Return fresh signals; with a graph only where the generator is being trained."""
        z = torch.randn(len(labels), self.latent_dim, device=labels.device)
        trained = torch.is_grad_enabled() and self.generator.out.weight.requires_grad
        if trained or z.device.type != "cpu":
            return self.generator(z, labels).float()
        with torch.no_grad():  # oneDNN keeps much for a backward pass even of frozen weights
            parts = zip(z.split(CPU_ROWS), labels.split(CPU_ROWS), strict=True)
            return torch.cat([self.generator(*part) for part in parts]).float()


class _Generator(nn.Module):
    """One number of noise per time step -> LSTM -> directions summed -> signal."""

    def __init__(self, spec: SignalSpec, patch: int, lstm: nn.LSTM) -> None:
        super().__init__()
        self.n_channels, self.n_timesteps, self.patch = spec.n_channels, spec.n_timesteps, patch
        self.lstm = lstm
        self.out = nn.Linear(lstm.hidden_size, spec.n_channels * patch)

    def forward(self, z: Tensor, labels: Labels) -> Signals:
        noise = z.unflatten(1, (-1, self.patch)).transpose(0, 1)
        with torch.autocast(z.device.type, enabled=False):  # oneDNN trains no LSTM in bfloat16
            states, _ = self.lstm(noise)
        summed = states.unflatten(2, (-1, self.lstm.hidden_size)).sum(dim=2)
        patches = self.out(summed).unflatten(2, (self.n_channels, self.patch))
        signals = patches.permute(1, 2, 0, 3).flatten(2)
        return signals[..., : self.n_timesteps]


class _Discriminator(nn.Module):
    """Convolutions -> how a signal looks, and how close it is to the others -> one logit."""

    def __init__(self, spec: SignalSpec, n_stages: int, n_filters: int, minibatch_out: int) -> None:
        super().__init__()
        widths = (n_filters, max(n_filters // 2, 1))[:n_stages]
        length, least = spec.n_timesteps, 1
        for _ in widths:
            least = STRIDE * (least - 1) + POOL + KERNEL - 1
        length = max(length, least)
        layers: list[nn.Module] = [nn.ConstantPad1d((0, length - spec.n_timesteps), 0.0)]
        n_channels = spec.n_channels
        for width in widths:
            layers += [nn.Conv1d(n_channels, width, KERNEL), nn.ReLU(), nn.MaxPool1d(POOL, STRIDE)]
            n_channels, length = width, (length - KERNEL + 1 - POOL) // STRIDE + 1
        self.stages = nn.Sequential(*layers, nn.Flatten())
        n_features = n_channels * length
        self.minibatch = None
        if minibatch_out:
            self.minibatch = MinibatchDiscrimination(n_features, minibatch_out)
        self.score = nn.Linear(n_features + minibatch_out, 1)

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        features = self.stages(signals)
        if self.minibatch is not None:
            features = torch.cat([features, self.minibatch(features)], dim=1)
        return DiscriminatorOutput(self.score(features).squeeze(1))


class MinibatchDiscrimination(nn.Module):
    """How close each signal of a batch is to the others, in several learned ways.

    A tensor T turns the features of signal i into matrices M_i, one row of 16 per output. The
    output is ``sum_j exp(-|M_i - M_j|_1) - 1``, the sum over all signals without i itself.

    Drawn from N(0, 1) as in the reference code, T sees real heartbeats 12 to 16 apart, so their
    outputs are next to 0, and so is the gradient there; the first signals of a generator lie 0.7
    apart, and their outputs are half of B. That alone tells them, and it teaches a generator only
    to scatter. So `fit_scale` brings the median distance of training rows to 1, where the model
    asks for it. On class V of MIT-BIH that took the MMD from 0.50 to 0.01 (one seed, 100 s,
    both step lengths 1e-3, nothing else changed).
    """

    def __init__(self, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.weight = nn.Parameter(torch.randn(n_features, n_outputs * ROW_SIZE))

    def distances(self, features: Tensor) -> Tensor:
        """Return |M_i - M_j|_1 of shape (n_outputs, batch, batch)."""
        rows = (features @ self.weight).float().unflatten(1, (self.n_outputs, ROW_SIZE))
        rows = rows.transpose(0, 1).contiguous()
        return torch.cdist(rows, rows, p=1.0)  # never holds (batch, batch, outputs, 16) numbers

    @torch.no_grad()
    def fit_scale(self, features: Tensor) -> None:
        """Scale the weights so that the median distance of these features is 1."""
        apart = ~torch.eye(len(features), dtype=torch.bool)
        median = self.distances(features)[:, apart].median() if len(features) > 1 else 0.0
        if median > 0:
            self.weight /= median

    def forward(self, features: Tensor) -> Tensor:
        """Return the outputs, of shape (batch, n_outputs)."""
        return torch.exp(-self.distances(features)).sum(dim=2).T - 1
