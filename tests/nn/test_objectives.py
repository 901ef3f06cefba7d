from __future__ import annotations

import math
import pickle

import pytest
import torch
from torch import nn

from bioaug.nn.attention import TransformerBlock
from bioaug.nn.objectives import (
    gradient_penalty,
    hinge,
    interpolates,
    least_squares,
    non_saturating,
    relativistic,
    squared_gradients,
    wasserstein_gp,
)

REAL, FAKE = torch.tensor([0.5, -2.0]), torch.tensor([-1.0, 3.0])


def softplus(x):
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("objective", "discriminator", "generator"),
    [
        (
            non_saturating(),
            [softplus(-0.5) + softplus(-1.0), softplus(2.0) + softplus(3.0)],
            [softplus(1.0), softplus(-3.0)],
        ),
        (least_squares(), [(0.25 + 1) / 2, (9 + 9) / 2], [2.0, 2.0]),
        (hinge(), [0.5 + 0.0, 3.0 + 4.0], [1.0, -3.0]),
        (wasserstein_gp(), [-1.5, 5.0], [1.0, -3.0]),
        (relativistic(), [softplus(-1.5), softplus(5.0)], [softplus(1.5), softplus(-5.0)]),
    ],
)
def test_losses_of_known_scores(objective, discriminator, generator):
    torch.testing.assert_close(objective.discriminator(REAL, FAKE), torch.tensor(discriminator))
    torch.testing.assert_close(objective.generator(REAL, FAKE), torch.tensor(generator))


@pytest.mark.parametrize(
    "objective", [non_saturating(), least_squares(), hinge(), wasserstein_gp(), relativistic()]
)
def test_objectives_can_be_pickled(objective):
    assert pickle.loads(pickle.dumps(objective)) == objective


@pytest.mark.parametrize(
    "objective", [non_saturating(), least_squares(), hinge(), wasserstein_gp(), relativistic()]
)
def test_each_side_is_rewarded_for_what_it_should_do(objective):
    low, high = torch.tensor([-1.0]), torch.tensor([0.5])
    assert objective.discriminator(high, low) < objective.discriminator(low, high)
    assert objective.generator(low, high) < objective.generator(low, low)


def test_weights_of_the_penalties():
    assert wasserstein_gp(weight=3.0).gp_weight == 3
    assert (relativistic(gamma=3.0).r1_weight, relativistic(gamma=3.0).r2_weight) == (1.5, 1.5)
    assert relativistic().paired
    assert not wasserstein_gp().paired


def test_penalty_of_a_linear_critic_is_known():
    weight = torch.tensor([[1.0, -2.0, 2.0], [4.0, 0.0, 0.0]], requires_grad=True)

    def critic(signals):
        return (signals * weight).sum(dim=(1, 2))

    signals = torch.randn(6, 2, 3)
    torch.testing.assert_close(squared_gradients(critic, signals), torch.full((6,), 25.0))
    penalty = gradient_penalty(critic, signals)
    torch.testing.assert_close(penalty, torch.tensor(16.0))
    penalty.backward()
    torch.testing.assert_close(weight.grad, 2 * (5 - 1) * weight.detach() / 5)


def test_squared_gradients_equal_finite_differences():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).double()

    def critic(signals):
        return layers(signals).squeeze(1)

    signals, step = torch.randn(4, 2, 3, dtype=torch.float64), 1e-5
    expected = torch.zeros(4, dtype=torch.float64)
    for position in torch.eye(6, dtype=torch.float64).view(6, 2, 3):
        rise = critic(signals + step * position) - critic(signals - step * position)
        expected += (rise / (2 * step)).square().detach()
    found = squared_gradients(critic, signals).double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_the_penalty_trains_a_critic_with_attention():
    torch.manual_seed(0)
    block = TransformerBlock(6, 2)

    def critic(signals):
        return block(signals).sum(dim=(1, 2))

    signals = torch.randn(3, 4, 6)
    penalty = gradient_penalty(critic, signals)
    gradients = torch.autograd.grad(penalty, list(block.parameters()), allow_unused=True)
    found = [gradient for gradient in gradients if gradient is not None]
    assert any(bool(gradient.abs().max() > 0) for gradient in found)
    weight, index = block.feed_forward[1].weight, (0, 0)
    slope = dict(zip(block.parameters(), gradients, strict=True))[weight][index]
    values = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            weight[index] += step
        values.append(float(gradient_penalty(critic, signals).detach()))
        with torch.no_grad():
            weight[index] -= step
    torch.testing.assert_close(float(slope), (values[0] - values[1]) / 2e-2, rtol=2e-2, atol=1e-3)


def test_a_flat_critic_has_a_finite_penalty_gradient():
    weight = torch.zeros(2, 3, requires_grad=True)

    def critic(signals):
        return (signals * weight).sum(dim=(1, 2))

    gradient_penalty(critic, torch.ones(4, 2, 3)).backward()
    assert torch.isfinite(weight.grad).all()


def test_squared_gradients_leave_the_signals_alone():
    signals = torch.randn(4, 1, 3, requires_grad=True)
    squared = squared_gradients(lambda x: x.square().sum(dim=(1, 2)), signals)
    torch.testing.assert_close(squared, 4 * signals.square().sum(dim=(1, 2)))
    assert signals.grad is None


def test_interpolates_lie_on_the_line_between_their_pair():
    torch.manual_seed(0)
    real, fake = torch.zeros(200, 2, 3), torch.ones(200, 2, 3)
    between = interpolates(real, fake)
    places = between[:, 0, 0]
    assert torch.equal(between, places[:, None, None].expand(200, 2, 3))
    assert places.min() >= 0
    assert places.max() <= 1
    assert places.std() > 0.2
