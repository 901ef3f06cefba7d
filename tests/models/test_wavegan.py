from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import conv1d, conv_transpose1d, pad
from toys import make_batch, train

from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import SignalSpec
from bioaug.models.wavegan import WaveGAN, shuffle_phase
from bioaug.nn.fast_conv import StridedConv, StridedConvTranspose

SPEC = SignalSpec(2, 37, 2)
SMALL: dict[str, Any] = {
    "latent_dim": 6,
    "generator_width": 4,
    "discriminator_width": 4,
    "n_critic": 1,
}
EEG: dict[str, Any] = {
    "objective": "non_saturating",
    "batch_norm": True,
    "dropout": 0.3,
    "phase_shuffle": 0,
    "noise": False,
    "whitening": None,
}


def build(spec=SPEC, **params):
    with seeded(0):
        model = WaveGAN(spec, **(SMALL | params))
        model.fit_preprocessing(*make_batch(spec, per_class=8))
    return model


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"latent_dim": 0}, r"'latent_dim' parameter of WaveGAN.*\[1, inf\)\. Got 0"),
        ({"label_dim": 0}, "'label_dim'.*Got 0"),
        ({"depth": 0}, r"'depth'.*or 'auto'\. Got 0"),
        ({"depth": "Auto"}, r"'depth'.*or 'auto'\. Got 'Auto'"),
        ({"generator_width": 0}, "'generator_width'.*Got 0"),
        ({"discriminator_width": 2.5}, "'discriminator_width'.*Got 2.5"),
        ({"kernel_size": 25}, "'kernel_size'.*multiple of the stride 4.*Got 25"),
        ({"kernel_size": 0}, "'kernel_size'.*Got 0"),
        ({"kernel_size": 8.0}, "'kernel_size'.*Got 8.0"),
        ({"phase_shuffle": -1}, "'phase_shuffle'.*Got -1"),
        ({"noise": "yes"}, "'noise'.*Got 'yes'"),
        ({"objective": "wgan"}, "'objective'.*'wasserstein_gp'.*Got 'wgan'"),
        ({"gp_weight": -1.0}, "'gp_weight'.*Got -1.0"),
        ({"n_critic": 0}, "'n_critic'.*Got 0"),
        ({"batch_norm": None}, "'batch_norm'.*Got None"),
        ({"dropout": 1.0}, r"'dropout'.*\[0.0, 1.0\)\. Got 1.0"),
        ({"lr_generator": 0.0}, "'lr_generator'.*Got 0.0"),
        ({"lr_discriminator": -1.0}, "'lr_discriminator'.*Got -1.0"),
        ({"whitening": -0.1}, r"'whitening'.*or None\. Got -0.1"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(DataError, match=message):
        WaveGAN(SPEC, **params)


@pytest.mark.parametrize(
    ("params", "losses"),
    [
        ({"phase_shuffle": 2}, {"discriminator/gradient_penalty"}),
        ({"objective": "relativistic"}, {"discriminator/r1", "discriminator/r2"}),
        (
            {"noise": False, "phase_shuffle": 9, "whitening": None},
            {"discriminator/gradient_penalty"},
        ),
        (EEG, set()),
    ],
)
@pytest.mark.parametrize("depth", ["auto", 3])
def test_every_option_trains_and_generates(params, losses, depth):
    model = build(depth=depth, **params)
    (entry,) = train(model, 2, batch_size=6, ema_decay=None).history
    named = {name for name in entry if "/" in name}
    assert named == losses | {"discriminator/adversarial", "generator/adversarial"}
    signals = model.generate(torch.tensor([0, 1, 1]))
    assert signals.shape == (3, 2, 37)
    assert signals.abs().max() <= 1


@pytest.mark.parametrize("n_timesteps", [1, 3, 178, 1024])
@pytest.mark.parametrize("kernel_size", [4, 24])
def test_any_length_with_any_kernel(n_timesteps, kernel_size):
    spec = SignalSpec(1, n_timesteps, 1)
    model = build(spec, kernel_size=kernel_size)
    train(model, 1, batch_size=4)
    assert model.generate(torch.zeros(2, dtype=torch.int64)).shape == (2, 1, n_timesteps)


@pytest.mark.parametrize(
    ("n_timesteps", "depth"), [(1, 1), (178, 2), (200, 2), (1024, 3), (16384, 5)]
)
def test_the_depth_leaves_about_sixteen_steps(n_timesteps, depth):
    assert len(build(SignalSpec(1, n_timesteps, 1), whitening=None).generator.layers) == depth


@pytest.mark.parametrize("taps", [1, 2, 3, 6])
def test_the_layer_down_is_a_strided_convolution(taps):
    with seeded(0):
        layer, x = StridedConv(3, 5, taps, stride=4), torch.randn(2, 3, 32)
    kernel = layer.linear.weight.unflatten(1, (4 * taps, 3)).transpose(1, 2)
    ahead = (taps - 1) // 2
    padded = pad(x, (4 * ahead, 4 * (taps - 1 - ahead)))
    expected = conv1d(padded, kernel, layer.linear.bias, stride=4)
    torch.testing.assert_close(layer(x.transpose(1, 2)).transpose(1, 2), expected)


@pytest.mark.parametrize("taps", [1, 2, 3, 6])
def test_the_layer_up_is_a_strided_transposed_convolution(taps):
    with seeded(0):
        layer, x = StridedConvTranspose(3, 5, taps, stride=4), torch.randn(2, 3, 8)
        torch.nn.init.zeros_(layer.linear.bias)
    kernel = layer.linear.weight.view(4, 5, taps, 3).permute(3, 1, 2, 0).flip(2).flatten(2)
    behind = 4 * (taps - 1 - (taps - 1) // 2)
    expected = conv_transpose1d(x, kernel, stride=4)[..., behind : behind + 32]
    torch.testing.assert_close(layer(x.transpose(1, 2)).transpose(1, 2), expected)


def test_phase_shuffle_moves_a_whole_batch_and_reflects_its_ends():
    x = torch.arange(6.0).repeat(2, 1)[..., None]
    with seeded(0):
        seen = {tuple(shuffle_phase(x, 2)[1, :, 0].tolist()) for _ in range(60)}
    assert seen == {
        (0, 1, 2, 3, 4, 5),
        (1, 0, 1, 2, 3, 4),
        (2, 1, 0, 1, 2, 3),
        (1, 2, 3, 4, 5, 4),
        (2, 3, 4, 5, 4, 3),
    }
    assert torch.equal(shuffle_phase(x[:, :1], 2), x[:, :1])


def test_noise_begins_silent_and_learns_its_strength():
    model = build()
    named = model.generator.named_parameters()
    strengths = [p for name, p in named if name.endswith("strength")]
    assert len(strengths) == 1
    assert all(strength.abs().max() == 0 for strength in strengths)
    z, labels = torch.randn(3, 6), torch.zeros(3, dtype=torch.int64)
    assert torch.equal(model.generator(z, labels), model.generator(z, labels))
    train(model, 2, batch_size=6, ema_decay=None)
    assert all(strength.abs().max() > 0 for strength in strengths)
    assert not torch.equal(model.generator(z, labels), model.generator(z, labels))


def test_batch_norm_keeps_real_and_fake_apart_and_uses_its_averages_when_sampling():
    assert not build().batch_dependent
    model = build(**EEG)
    assert model.batch_dependent
    train(model, 2, batch_size=6)
    labels = torch.zeros(4, dtype=torch.int64)
    z = torch.randn(4, 6)
    together = model.generator(z, labels)
    torch.testing.assert_close(together[:1], model.generator(z[:1], labels[:1]))
