from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import make_batch, train

from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import SignalSpec
from bioaug.models.transgan import CLIP, TransGAN

SPEC = SignalSpec(2, 45, 1)
SMALL = {"embed_dim": 16, "latent_dim": 8, "n_heads": 2, "critic_dim": 2}


def largest(network):
    return max(float(weight.detach().abs().max()) for weight in network.parameters())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"objective": "wgan_gp"}, r"'objective'.*Got 'wgan_gp'.*Did you mean 'wgan-gp'\?"),
        ({"latent_dim": 0}, "'latent_dim' parameter of TransGAN.*Got 0"),
        ({"embed_dim": 100}, r"'embed_dim'.*multiple of 16: n_heads=4 times upsampling=2.*Got 100"),
        ({"embed_dim": 16.0}, r"'embed_dim'.*Got 16\.0"),
        ({"depth": ()}, r"'depth'.*sequence.*Got \(\)"),
        ({"depth": 3}, "'depth'.*sequence.*Got 3"),
        ({"depth": (1, 0)}, "'depth'.*Got 0"),
        ({"upsampling": 0}, "'upsampling'.*Got 0"),
        ({"patch_size": 0}, r"'patch_size'.*or 'auto'\. Got 0"),
        ({"patch_size": "Auto"}, r"'patch_size'.*Got 'Auto'"),
        ({"n_heads": True}, "'n_heads'.*Got True"),
        ({"critic_dim": -1}, "'critic_dim'.*Got -1"),
        ({"n_critic": 0}, "'n_critic'.*Got 0"),
        ({"lr_generator": 0.0}, "'lr_generator'.*Got 0.0"),
        ({"lr_discriminator": -1.0}, "'lr_discriminator'.*Got -1.0"),
        ({"whitening": 2.0}, r"'whitening'.*or None\. Got 2.0"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(DataError, match=message):
        TransGAN(SPEC, **params)


@pytest.mark.parametrize("patch_size", ["auto", 1, 2, 44, 45, 1000])
@pytest.mark.parametrize(("depth", "upsampling"), [((1,), 3), ([2, 1], 4), ((1, 1, 1), 2)])
@pytest.mark.usefixtures("untyped")
def test_any_stages_and_patches_make_whole_signals(patch_size, depth, upsampling):
    with seeded(0):
        model = TransGAN(
            SPEC, patch_size=patch_size, depth=depth, upsampling=upsampling, **SMALL
        ).eval()
        signals = model.generate(torch.zeros(3, dtype=torch.int64))
    assert signals.shape == (3, 2, 45)
    assert (signals.abs().amax(dim=(0, 1)) > 0).all()


def test_the_papers_configuration_has_its_size():
    with torch.device("meta"):
        model = TransGAN(SignalSpec(1, 200, 1), **TransGAN.paper_params | {"depth": (1, 1, 1)})
    sizes = [sum(p.numel() for p in n.parameters()) for n in (model.generator, model.discriminator)]
    assert sizes == [16_897_409, 1_748_577]


@pytest.mark.parametrize("objective", ["wgan-gp", "wgan", "bce"])
def test_every_objective_trains_every_weight(objective):
    with seeded(0):
        model = TransGAN(SPEC, objective=objective, **SMALL)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
    (entry,) = train(model, 4, batch_size=8, ema_decay=None, log_every=4).history
    still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
    # A constant added to every score cancels in the Wasserstein loss.
    assert still <= {"discriminator.score.bias"}
    assert ("discriminator/gradient_penalty" in entry) == (objective == "wgan-gp")


def test_clipping_keeps_the_critics_weights_small():
    with seeded(0):
        model = TransGAN(SPEC, objective="wgan", n_critic=2, **SMALL)
    assert largest(model.discriminator) > CLIP
    train(model, 1, batch_size=4, ema_decay=None)
    assert largest(model.discriminator) <= np.float32(CLIP)
    assert largest(model.generator) > CLIP


def test_the_critic_is_a_strided_convolution():
    with seeded(0):
        layer = TransGAN(SPEC, **SMALL).discriminator.layers[1]
        signals = torch.randn(3, 23, 2)
    weight = layer.product.weight.unflatten(1, (4, 2)).transpose(1, 2)
    padded = torch.nn.functional.pad(signals.transpose(1, 2), (1, 2))
    expected = torch.nn.functional.conv1d(padded, weight, layer.product.bias, stride=2)
    torch.testing.assert_close(layer(signals), expected.transpose(1, 2))


def test_one_signal_moves_no_other_score():
    with seeded(0):
        critic = TransGAN(SPEC, **SMALL).discriminator
    signals, labels = make_batch(SPEC, per_class=4)
    alone = critic(signals[:1], labels[:1]).score
    torch.testing.assert_close(alone, critic(signals, labels).score[:1])


@pytest.mark.parametrize(("n_critic", "objective"), [(1, "wgan-gp"), (3, "wgan"), (5, "bce")])
@pytest.mark.usefixtures("untyped")
def test_the_critic_moves_n_critic_times_a_step(n_critic, objective):
    model = TransGAN(SPEC, n_critic=np.int64(n_critic), objective=objective, **SMALL)
    (phase,) = model.phases()
    names = [update.name for update in phase.updates]
    assert names == ["discriminator"] * n_critic + ["generator"]
