"""The adversarial losses and the gradient penalties, each stated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import relu, softplus

from bioaug.core.tensors import Scores, Signals

STEP = 0.03  # of a finite difference, in deviations of the signals


@dataclass(frozen=True)
class Objective:
    """What discriminator and generator minimise, per sample, given real and fake scores.

    Attributes
    ----------
    discriminator, generator : callable (real, fake) -> Scores
    gp_weight, r1_weight, r2_weight : float
        Weights of the penalty on interpolates (WGAN-GP), on real and on fake signals.
    paired : bool
        Whether the generator's loss sees real scores too.
    """

    discriminator: Callable[[Scores, Scores], Scores]
    generator: Callable[[Scores, Scores], Scores]
    gp_weight: float = 0.0
    r1_weight: float = 0.0
    r2_weight: float = 0.0
    paired: bool = False


def non_saturating() -> Objective:
    """Binary cross-entropy on logits, with the generator's loss turned round (Goodfellow 2014)."""
    return Objective(_logistic_discriminator, _logistic_generator)


def least_squares() -> Objective:
    """Squared distance from 1 for real and 0 for fake (Mao et al. 2017)."""
    return Objective(_squared_discriminator, _squared_generator)


def hinge() -> Objective:
    """Hinge loss (Lim and Ye 2017)."""
    return Objective(_hinge_discriminator, _negative_score)


def wasserstein() -> Objective:
    """Wasserstein distance of a critic whose weights are clipped (Arjovsky et al. 2017)."""
    return Objective(_score_difference, _negative_score)


def wasserstein_gp(weight: float = 10.0) -> Objective:
    """Wasserstein distance with a two-sided gradient penalty (Gulrajani et al. 2017)."""
    return Objective(_score_difference, _negative_score, gp_weight=weight)


def relativistic(gamma: float = 1.0) -> Objective:
    """Relativistic pairing with zero-centred penalties on both sides (R3GAN, Huang et al. 2024)."""
    return Objective(
        _relativistic_discriminator,
        _relativistic_generator,
        r1_weight=gamma / 2,
        r2_weight=gamma / 2,
        paired=True,
    )


# Functions of the module, so that a trained model can be pickled.
def _logistic_discriminator(real: Scores, fake: Scores) -> Scores:
    return softplus(-real) + softplus(fake)


def _logistic_generator(real: Scores, fake: Scores) -> Scores:
    return softplus(-fake)


def _squared_discriminator(real: Scores, fake: Scores) -> Scores:
    return ((real - 1).square() + fake.square()) / 2


def _squared_generator(real: Scores, fake: Scores) -> Scores:
    return (fake - 1).square() / 2


def _hinge_discriminator(real: Scores, fake: Scores) -> Scores:
    return relu(1 - real) + relu(1 + fake)


def _score_difference(real: Scores, fake: Scores) -> Scores:
    return fake - real


def _negative_score(real: Scores, fake: Scores) -> Scores:
    return -fake


def _relativistic_discriminator(real: Scores, fake: Scores) -> Scores:
    return softplus(fake - real)


def _relativistic_generator(real: Scores, fake: Scores) -> Scores:
    return softplus(real - fake)


def interpolates(real: Signals, fake: Signals) -> Signals:
    """Return one point on the line between each real and fake signal, uniformly placed."""
    return torch.lerp(real, fake, torch.rand(len(real), 1, 1, device=real.device))


def squared_gradients(critic: Callable[[Signals], Scores], signals: Signals) -> Scores:
    """Return the squared gradient norm of the critic at each signal, itself differentiable.

    Attention runs in its written-out form here: the fused kernels have no second derivative.
    """
    with sdpa_kernel(SDPBackend.MATH):
        signals = signals.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(critic(signals).sum(), signals, create_graph=True)
    return gradients.float().square().sum(dim=(1, 2))


def stepped_squared_gradients(critic: Callable[[Signals], Scores], signals: Signals) -> Scores:
    """Estimate the squared gradient norms from the critic's scores a small random step apart.

    ``(D(x + s e) - D(x - s e))^2 / (4 s^2)`` with e standard normal has the squared norm as its
    mean up to order s^2, and needs no second derivative.
    """
    step = STEP * signals.detach().std() * torch.randn_like(signals)
    signals = signals.detach()
    ahead, behind = critic(torch.cat([signals + step, signals - step])).chunk(2)
    width = 2 * STEP * signals.std()
    return ((ahead - behind) / width).square()


def gradient_penalty(critic: Callable[[Signals], Scores], signals: Signals) -> Tensor:
    """Return the mean of (|gradient| - 1)^2 at `signals`: the penalty of WGAN-GP."""
    norms = (squared_gradients(critic, signals) + 1e-12).sqrt()
    return (norms - 1).square().mean()
