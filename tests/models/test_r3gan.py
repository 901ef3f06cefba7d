from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import softplus
from toys import make_batch, train

from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import LossContext, SignalSpec
from bioaug.models.r3gan import R3GAN

SPEC = SignalSpec(2, 15, 2)
SMALL: dict[str, Any] = {"width": 8, "depth": 2, "n_components": 4}


def build(**params):
    with seeded(0):
        model = R3GAN(SPEC, **(SMALL | params))
        model.fit_preprocessing(*make_batch(SPEC, per_class=20))
    return model


def test_the_generator_begins_with_its_noise():
    model = build()
    labels = torch.arange(6) % 2
    with seeded(1):
        noise = model.mixture.draw(labels)
    assert torch.equal(model.generator(noise, labels), noise)
    with seeded(1):
        made = model.generate_whitened(labels)
    torch.testing.assert_close(made, model.whitening(model.axes.inverse(noise)))


def test_residual_branches_begin_at_0_and_nothing_normalises():
    model = build()
    for network in (model.generator, model.discriminator):
        for block in network.blocks:
            one, other = (block(hidden) - hidden for hidden in torch.randn(2, 5, 8))
            torch.testing.assert_close(one, other)  # the last bias alone
    names = {type(module).__name__ for module in model.modules()}
    assert not [name for name in names if "Norm" in name]


def test_losses_are_the_papers():
    model, batch = build(), make_batch(SPEC)
    with seeded(2):
        losses = model.discriminator_loss(batch)
    with seeded(2):
        fake = model.generate_whitened(batch.labels)
    real_score = model.discriminator(model.whitening(batch.signals), batch.labels).score
    fake_score = model.discriminator(fake, batch.labels).score
    torch.testing.assert_close(losses["adversarial"], softplus(fake_score - real_score).mean())
    signals = model.whitening(batch.signals).detach().requires_grad_()
    score = model.discriminator(signals, batch.labels).score.sum()
    (slope,) = torch.autograd.grad(score, signals)
    wanted = 10 * 0.5 * slope.square().sum(dim=(1, 2)).mean()  # 10 times gamma / 2 at first
    torch.testing.assert_close(losses["r1"], wanted)


def test_gamma_falls_along_the_training():
    model, batch = build(gamma=0.5, gamma_ratio=4.0), make_batch(SPEC)
    found = []
    for progress in (0.0, 1.0):
        with seeded(2):
            losses = model.discriminator_loss(batch, LossContext(progress))
        found.append(float(losses["r1"].detach()))
    assert found[0] == pytest.approx(4 * found[1], rel=1e-4)


@pytest.mark.parametrize("augment", [0.0, 0.3, "adaptive"])
@pytest.mark.parametrize("base", ["mixture", "normal"])
def test_it_trains_with_and_without_augmentation(base, augment):
    state = train(build(base=base), 4, batch_size=8, log_every=2, augment=augment)
    assert len(state.history) == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"base": "noise"}, "'base' parameter of R3GAN"),
        ({"width": 0}, "'width'"),
        ({"depth": 0.5}, "'depth'"),
        ({"gamma": 0.0}, "'gamma'"),
        ({"gamma_ratio": -1.0}, "'gamma_ratio'"),
        ({"whitening": 2.0}, "'whitening'"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(DataError, match=message):
        R3GAN(SPEC, **params)
