"""Flow: label-conditional flow matching, from a rough mixture of Gaussians to the signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, silu
from torch.optim import AdamW

from bioaug.core.checks import (
    COUNT,
    POSITIVE,
    Interval,
    check_number,
    check_numbers,
    check_option,
)
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
from bioaug.models.registry import register_model
from bioaug.nn.mixture import BASES, fit_noise, make_noise

OWNER = "Flow"
_UNIT = Interval(Real, 0, 1, closed="left")


@register_model
class Flow(GenerativeModel):
    """Rectified flow with a multilayer perceptron in principal coordinates [1]_ [2]_.

    A network learns the velocity ``x1 - x0`` at a point on the line from a start x0 to a training
    row x1, ``E |v((1 - t) x0 + t x1, t, label) - (x1 - x0)|^2`` with t uniform in [0, 1]; signals
    are made by following it from a fresh start in a few steps. Not a GAN: one network, one
    regression, nothing that may collapse.

    Parameters
    ----------
    spec : SignalSpec
    base : {"mixture", "normal"}, default="mixture"
        Where the flow starts. "normal" is the papers' white noise. "mixture" is a mixture of
        Gaussians of the class, see `GaussianMixture`; a row is paired with starts of its own
        component, so that the way is short: a few hundred training steps and 2 sampling steps
        then do what white noise needs thousands and dozens for.
    path : {"round", "straight"}, default="round"
        "straight" is the papers' line. "round" goes ``c + cos(a) (x0 - c) + sin(a) (x1 - c)`` with
        a from 0 to pi / 2 around the component's centre c, where the deviation stays as it is: a
        start that is already right stays where it is, and few steps suffice [3]_.
    n_components : int, default=768
        Of the mixture, at most, for each class; a component has 8 training rows at least.
    width, depth : int, default=256, 3
        Of the network: values of a hidden row, residual blocks.
    dropout : float, default=0.0
        In the residual blocks.
    lr : float, default=3e-3
        AdamW's step length.
    n_sampling_steps : int, default=2
        Midpoint steps from start to signal, two network calls each.

    References
    ----------
    .. [1] Liu, Gong and Liu (2023). "Flow straight and fast: learning to generate and transfer
       data with rectified flow." ICLR.
    .. [2] Lipman, Chen, Ben-Hamu, Nickel and Le (2023). "Flow matching for generative modeling."
       ICLR.
    .. [3] Albergo and Vanden-Eijnden (2023). "Building normalizing flows with stochastic
       interpolants." ICLR.
    """

    name = "flow"
    training_defaults = {
        "n_steps": 4000,
        "batch_size": 256,
        "grad_clip": 1.0,
        "ema_decay": 0.999,
        "schedule": "cosine",
        "neighbour_mixing": 0.9,  # without it, a long training learns the rows by heart
    }

    def __init__(
        self,
        spec: SignalSpec,
        *,
        base: Literal["mixture", "normal"] = "mixture",
        path: Literal["round", "straight"] = "round",
        n_components: int = 768,
        width: int = 256,
        depth: int = 3,
        dropout: float = 0.0,
        lr: float = 3e-3,
        n_sampling_steps: int = 2,
    ) -> None:
        super().__init__(spec)
        check_option(base, name="base", owner=OWNER, options=BASES)
        counts = {"n_components": n_components, "width": width, "depth": depth}
        check_numbers(counts | {"n_sampling_steps": n_sampling_steps}, COUNT, owner=OWNER)
        check_number(lr, POSITIVE, name="lr", owner=OWNER)
        check_number(dropout, _UNIT, name="dropout", owner=OWNER)
        check_option(path, name="path", owner=OWNER, options=("round", "straight"))
        self.base, self.path, self.n_sampling_steps = base, path, n_sampling_steps
        size = spec.n_channels, spec.n_timesteps, spec.n_classes
        self.axes, self.mixture = make_noise(*size, base=base, n_components=n_components)
        self.velocity = _Velocity(self.axes.n_axes, spec.n_classes, width, depth, dropout)
        self.optimizer = partial(AdamW, lr=lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)

    def fit_preprocessing(self, signals: Signals, labels: Labels) -> None:
        """Fit the coordinates and the starts."""
        fit_noise(self.axes, self.mixture, self.base, signals, labels)

    def size_like(self, weights: Mapping[str, Tensor]) -> None:
        """Give the mixture the sizes of a saved one."""
        self.mixture.size_like(weights, "mixture.")

    def phases(self) -> Sequence[Phase]:
        """Return one phase of one regression."""
        return (Phase("matching", (Update("flow", self.loss, ("velocity",), self.optimizer),)),)

    def loss(self, batch: Batch, context: LossContext = DEFAULT_CONTEXT) -> Losses:
        """Return the squared error of the velocity on the way from a start to a training row."""
        end, labels = self.axes(batch.signals), batch.labels
        components = self.mixture.nearest(end, labels)
        start, centre = self.mixture.draw(labels, components), self.mixture.centres[components]
        time = torch.rand(len(end), 1, device=end.device)
        if self.path == "straight":
            place, velocity = torch.lerp(start, end, time), end - start
        else:
            start, end, angle = start - centre, end - centre, torch.pi / 2 * time
            place = centre + angle.cos() * start + angle.sin() * end
            velocity = torch.pi / 2 * (angle.cos() * end - angle.sin() * start)
        return {"velocity": mse_loss(self.velocity(place, time, labels).float(), velocity)}

    def generate(self, labels: Labels) -> Signals:
        """Return one signal in [-1, 1] per label."""
        rows = self.mixture.draw(labels)
        step = 1 / self.n_sampling_steps
        for i in range(self.n_sampling_steps):
            time = torch.full((len(labels), 1), i * step, device=labels.device)
            middle = rows + step / 2 * self.velocity(rows, time, labels)
            rows = rows + step * self.velocity(middle, time + step / 2, labels)
        return self.axes.inverse(rows.float()).clamp(-1, 1)


class _Velocity(nn.Module):
    """(rows, time, labels) -> velocity; 0 before training."""

    frequencies: Tensor

    def __init__(
        self, n_values: int, n_classes: int, width: int, depth: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.pi * 2.0 ** torch.arange(-1, 4))
        n_times = 2 * len(self.frequencies)
        self.label = nn.Embedding(n_classes, 64)
        self.time = nn.Linear(n_times, 64)
        self.to_hidden = nn.Linear(n_values, width)
        self.blocks = nn.ModuleList(_Block(width, 64, dropout) for _ in range(depth))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, n_values)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, rows: Tensor, time: Tensor, labels: Labels) -> Tensor:
        angles = time * self.frequencies
        conditioning = silu(
            self.time(torch.cat([angles.sin(), angles.cos()], dim=1)) + self.label(labels)
        )
        hidden = self.to_hidden(rows)
        for block in self.blocks:
            hidden = block(hidden, conditioning)
        return self.out(self.norm(hidden))


class _Block(nn.Module):
    """A residual block whose normalised input is scaled and shifted by time and label."""

    def __init__(self, width: int, n_conditioning: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(n_conditioning, 2 * width)
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(self, hidden: Tensor, conditioning: Tensor) -> Tensor:
        scale, shift = self.modulate(conditioning).chunk(2, dim=1)
        return hidden + self.layers(self.norm(hidden) * (1 + scale) + shift)
