from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from toys import make_batch, train

from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import SignalSpec
from bioaug.models.dense import DenseGAN

SPEC = SignalSpec(2, 17, 2)
SMALL: dict[str, Any] = {"latent_dim": 6, "generator_widths": (8,), "discriminator_widths": [8, 4]}


def build(spec=SPEC, **params):
    with seeded(0):
        model = DenseGAN(spec, **(SMALL | params))
        model.fit_preprocessing(*make_batch(spec, per_class=8))
    return model


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"latent_dim": 0}, r"'latent_dim' parameter of DenseGAN.*\[1, inf\)\. Got 0"),
        ({"label_dim": 1.5}, "'label_dim'.*Got 1.5"),
        ({"n_critic": 0}, "'n_critic'.*Got 0"),
        ({"generator_widths": ()}, r"'generator_widths'.*at least one.*Got \(\)"),
        ({"generator_widths": 128}, "'generator_widths'.*sequence.*Got 128"),
        ({"generator_widths": "128"}, "'generator_widths'.*sequence.*Got '128'"),
        ({"discriminator_widths": (8, 0)}, "'discriminator_widths'.*Got 0"),
        ({"objective": "bce"}, "'objective'.*'non_saturating'.*Got 'bce'"),
        ({"gamma": -1.0}, "'gamma'.*Got -1.0"),
        ({"skip": "no"}, "'skip'.*Got 'no'"),
        ({"beta": 1.0}, r"'beta'.*\[0.0, 1.0\)\. Got 1.0"),
        ({"lr_generator": 0.0}, "'lr_generator'.*Got 0.0"),
        ({"lr_discriminator": -1.0}, "'lr_discriminator'.*Got -1.0"),
        ({"whitening": 2.0}, r"'whitening'.*or None\. Got 2.0"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(DataError, match=message):
        DenseGAN(SPEC, **params)


@pytest.mark.parametrize(
    ("params", "losses"),
    [
        ({}, {"discriminator/r1", "discriminator/r2"}),
        ({"objective": "non_saturating", "beta": 0.9}, set()),
        ({"objective": "wasserstein_gp", "n_critic": 3}, {"discriminator/gradient_penalty"}),
        ({"skip": False, "whitening": None}, {"discriminator/r1", "discriminator/r2"}),
    ],
)
def test_every_option_trains_and_generates(params, losses):
    model = build(**params)
    (entry,) = train(model, 3, batch_size=6, ema_decay=None).history
    named = {name for name in entry if "/" in name}
    assert named == losses | {"discriminator/adversarial", "generator/adversarial"}
    signals = model.generate(torch.tensor([0, 1, 1]))
    assert signals.shape == (3, 2, 17)
    assert signals.abs().max() <= 1


def test_the_skip_is_a_linear_map_of_the_noise():
    with_skip, without = build().generator, build(skip=False).generator
    without.load_state_dict(with_skip.state_dict(), strict=False)
    z, labels = torch.randn(5, 6), torch.tensor([0, 0, 1, 1, 1])
    added = (with_skip(z, labels) - without(z, labels)).flatten(1)
    assert with_skip.skip is not None
    torch.testing.assert_close(added, with_skip.skip(z), atol=1e-6, rtol=1e-5)
    assert with_skip.skip.bias is None


def test_widths_are_those_of_the_hidden_layers():
    model = build()
    for network, widths in ((model.generator, [8]), (model.discriminator, [8, 4])):
        layers = [part for part in network.hidden.modules() if isinstance(part, nn.Linear)]
        assert [layer.out_features for layer in layers] == widths


def test_the_score_depends_on_the_label_once_trained():
    model = build()
    signals = make_batch(SPEC, per_class=1).signals[:1]
    first, second = torch.tensor([0]), torch.tensor([1])
    judge = model.discriminator
    assert torch.equal(judge(signals, first).score, judge(signals, second).score)
    train(model, 3, batch_size=6, ema_decay=None)
    assert not torch.equal(judge(signals, first).score, judge(signals, second).score)


def test_five_critic_steps_come_before_one_of_the_generator():
    (phase,) = build(n_critic=5).phases()
    assert [update.name for update in phase.updates] == ["discriminator"] * 5 + ["generator"]
