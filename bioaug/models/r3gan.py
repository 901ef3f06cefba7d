"""R3GAN: a relativistic GAN with penalties on both sides and no tricks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import cos, pi
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.optim import Adam

from bioaug.core.tensors import Labels, Scores, Signals
from bioaug.models.adversarial import AdversarialModel, DiscriminatorOutput
from bioaug.models.base import LossContext, Losses, Phase, SignalSpec, Update
from bioaug.models.constraints import COUNT, POSITIVE, UNIT, Choice
from bioaug.models.registry import register_model
from bioaug.nn.conditioning import LabelProjection
from bioaug.nn.mixture import BASES, fit_noise, make_noise
from bioaug.nn.objectives import relativistic
from bioaug.nn.whitening import Whitening


@register_model
class R3GAN(AdversarialModel):
    """Relativistic pairing loss, R1 and R2, residual networks without normalisation [1]_.

    ``D: softplus(D(G(z)) - D(x)) + gamma / 2 (|grad D(x)|^2 + |grad D(G(z))|^2)``,
    ``G: softplus(D(x) - D(G(z)))``, on pairs of a real and a synthetic signal.

    The published networks are convolutional, for images. Here both are residual multilayer
    perceptrons, after the same rules: no normalisation layers, leaky ReLU, every residual branch
    zero at the start. The generator's branch stands on the noise itself: what it draws is a
    signal already, if a rough one, and the game only mends it.

    Parameters
    ----------
    spec : SignalSpec
    base : {"mixture", "normal"}, default="mixture"
        The noise: a mixture of Gaussians of the class, see `GaussianMixture`, or white noise of
        the signals' covariance.
    n_components : int, default=768
        Of the mixture, at most, for each class; a component has 8 training rows at least.
    width, depth : int, default=256, 2
        Of both networks: values of a hidden row, residual blocks.
    gamma : float, default=1.0
        Weight of the penalties at the end of the training.
    gamma_ratio : float, default=10.0
        How many times `gamma` it is at the start; it falls as a cosine, as in the reference code.
    lr : float, default=2e-4
        Adam's step length at the start; it falls to a quarter as a cosine, and Adam's second
        momentum rises from 0.9 to 0.99, both as in the reference code.
    whitening : float in [0, 1], default=0.5
        How much of the log deviations of the signals' principal axes is left in the coordinates
        that the discriminator sees, see `Whitening`; 1 changes only their scale.

    Notes
    -----
    `paper_params` are the reference code's noise, step length and course of gamma, whose own value
    depends on the data there; its convolutional networks are for images, so the sizes are open.

    References
    ----------
    .. [1] Huang, Gokaslan, Kuleshov and Tompkin (2024). "The GAN is dead; long live the GAN! A
       modern GAN baseline." NeurIPS 37.
    """

    name = "r3gan"
    whitening: Whitening
    constraints = {
        "base": Choice(BASES),
        "n_components": COUNT,
        "width": COUNT,
        "depth": COUNT,
        "gamma": POSITIVE,
        "gamma_ratio": POSITIVE,
        "lr": POSITIVE,
        "whitening": UNIT,
    }
    paper_params = {"base": "normal", "gamma_ratio": 10.0, "lr": 2e-4, "whitening": 1.0}
    training_defaults = {"n_steps": 2000, "batch_size": 128, "ema_decay": 0.999}

    def __init__(
        self,
        spec: SignalSpec,
        *,
        base: Literal["mixture", "normal"] = "mixture",
        n_components: int = 768,
        width: int = 256,
        depth: int = 2,
        gamma: float = 1.0,
        gamma_ratio: float = 10.0,
        lr: float = 2e-4,
        whitening: float = 0.5,
    ) -> None:
        super().__init__(spec)
        self.base, self.gamma_ratio = base, gamma_ratio
        self.objective = relativistic(gamma)
        self.optimizer_g = self.optimizer_d = partial(Adam, lr=lr, betas=(0.0, 0.9), fused=True)
        size = spec.n_channels, spec.n_timesteps, spec.n_classes
        self.axes, self.mixture = make_noise(*size, base=base, n_components=n_components)
        self.whitening = Whitening(spec.n_channels, spec.n_timesteps, left=whitening)
        self.generator = _Generator(self.axes.n_axes, spec.n_classes, width, depth)
        n_values = spec.n_channels * spec.n_timesteps
        self.discriminator = _Discriminator(n_values, spec.n_classes, width, depth)

    def fit_preprocessing(self, signals: Signals, labels: Labels) -> None:
        """Fit both coordinates and the noise."""
        super().fit_preprocessing(signals, labels)
        fit_noise(self.axes, self.mixture, self.base, signals, labels)

    def size_like(self, weights: Mapping[str, Tensor]) -> None:
        """Give the mixture the sizes of a saved one."""
        self.mixture.size_like(weights, "mixture.")

    def phases(self) -> Sequence[Phase]:
        """Return one phase: a discriminator step, then a generator step, on the schedules."""
        d = Update(
            "discriminator",
            self.discriminator_loss,
            ("discriminator",),
            self.optimizer_d,
            schedule=_schedule,
        )
        g = Update(
            "generator", self.generator_loss, ("generator",), self.optimizer_g, schedule=_schedule
        )
        return (Phase("adversarial", (d, g)),)

    def penalties(
        self, real: Signals, fake: Signals, labels: Labels, context: LossContext
    ) -> Losses:
        """Return R1 and R2, their weight on its way from `gamma_ratio` times gamma to gamma."""
        factor = _between(self.gamma_ratio, 1.0, context.progress)
        return {k: factor * v for k, v in super().penalties(real, fake, labels, context).items()}

    def generate_whitened(self, labels: Labels) -> Signals:
        """Return new signals of these labels in the coordinates that the discriminator sees."""
        rows = self.generator(self.mixture.draw(labels), labels).float()
        return self.whitening(self.axes.inverse(rows))


def _between(first: float, last: float, progress: float) -> float:
    """Return the value of a cosine schedule."""
    return last + (first - last) * (1 + cos(pi * progress)) / 2


def _schedule(progress: float) -> dict[str, Any]:
    """Return Adam's settings: the step as a factor, and the momenta."""
    return {"lr": _between(1.0, 0.25, progress), "betas": (0.0, _between(0.9, 0.99, progress))}


class _Generator(nn.Module):
    """(noise, labels) -> noise + what mends it, in principal coordinates."""

    def __init__(self, n_values: int, n_classes: int, width: int, depth: int) -> None:
        super().__init__()
        self.label = nn.Embedding(n_classes, width)
        self.to_hidden = nn.Linear(n_values, width)
        self.blocks = nn.Sequential(*(_Block(width, depth) for _ in range(depth)))
        self.out = nn.Linear(width, n_values)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, noise: Tensor, labels: Labels) -> Tensor:
        return noise + self.out(self.blocks(self.to_hidden(noise) + self.label(labels)))


class _Discriminator(nn.Module):
    """(signals, labels) -> a score that depends on the label by projection."""

    def __init__(self, n_values: int, n_classes: int, width: int, depth: int) -> None:
        super().__init__()
        self.to_hidden = nn.Linear(n_values, width)
        self.blocks = nn.Sequential(*(_Block(width, depth) for _ in range(depth)))
        self.score = nn.Linear(width, 1)
        self.projection = LabelProjection(n_classes, width)

    def forward(self, signals: Signals, labels: Labels) -> DiscriminatorOutput:
        features = self.blocks(self.to_hidden(signals.flatten(1)))
        score: Scores = self.score(features).squeeze(1) + self.projection(features, labels)
        return DiscriminatorOutput(score)


class _Block(nn.Module):
    """A residual branch of three layers, the widest in the middle, the last one 0 at first."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        first, widest, last = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(2 * width, width),
        )
        # Fixup: each of a branch's first layers is shrunk by the number of branches (Zhang 2019).
        for layer in (first, widest):
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            layer.weight.data *= depth**-0.25
        nn.init.zeros_(last.weight)
        self.layers = nn.ModuleList((first, widest, last))

    def forward(self, hidden: Tensor) -> Tensor:
        branch = hidden
        for layer in self.layers:
            branch = layer(leaky_relu(branch, 0.2))
        return hidden + branch
