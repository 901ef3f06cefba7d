from __future__ import annotations

import pytest
import torch
from toys import make_batch, train

from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import Batch, SignalSpec
from bioaug.models.stagan import MinibatchDiscrimination, StaGAN

SPEC = SignalSpec(2, 25, 1)
SMALL = {"hidden_dim": 8, "n_filters": 16, "n_layers": 1}


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"patch_size": 0}, r"'patch_size' parameter of StaGAN.*or 'auto'\. Got 0"),
        ({"patch_size": "Auto"}, r"'patch_size'.*or 'auto'\. Got 'Auto'"),
        ({"hidden_dim": 0}, r"'hidden_dim'.*range \[1, inf\)\. Got 0"),
        ({"n_layers": 1.5}, "'n_layers'.*Got 1.5"),
        ({"n_stages": 3}, r"'n_stages'.*range \[1, 2\]. Got 3"),
        ({"n_filters": 0}, "'n_filters'.*Got 0"),
        ({"minibatch_out": -1}, r"'minibatch_out'.*range \[0, inf\)\. Got -1"),
        ({"minibatch_scaled": "yes"}, "'minibatch_scaled'.*True, False. Got 'yes'"),
        ({"bidirectional": None}, "'bidirectional'.*True, False. Got None"),
        ({"n_critic": 0}, "'n_critic'.*Got 0"),
        ({"lr_generator": 0.0}, "'lr_generator'.*Got 0.0"),
        ({"lr_discriminator": -1.0}, "'lr_discriminator'.*Got -1.0"),
        ({"whitening": 1.1}, r"'whitening'.*\[0.0, 1.0\] or None\. Got 1.1"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(DataError, match=message):
        StaGAN(SPEC, **params)


@pytest.mark.parametrize(
    ("params", "generator", "discriminator"),
    [
        ({}, 82_051, 238_331),
        ({"bidirectional": False, "minibatch_out": 0}, 31_051, 1_521),
        ({"minibatch_out": 3}, 82_051, 72_564),
    ],
)
def test_the_papers_sizes_have_its_numbers_of_weights(params, generator, discriminator):
    model = StaGAN(SignalSpec(1, 300, 1), **(StaGAN.paper_params | params))
    assert n_parameters(model.generator) == generator
    assert n_parameters(model.discriminator) == discriminator


@pytest.mark.parametrize("n_stages", [1, 2])
@pytest.mark.parametrize("patch_size", [1, 3, 25, 100])
@pytest.mark.parametrize("n_timesteps", [1, 4, 13, 25])
def test_any_patch_size_and_depth(n_timesteps, patch_size, n_stages):
    spec = SignalSpec(2, n_timesteps, 1)
    with seeded(0):
        model = StaGAN(spec, patch_size=patch_size, n_stages=n_stages, **SMALL)
        model.fit_preprocessing(*make_batch(spec))
        signals = model.generate_whitened(torch.zeros(3, dtype=torch.int64))
    assert signals.shape == (3, 2, n_timesteps)
    assert (signals.abs().amax(dim=(0, 1)) > 0).all()


def test_noise_reaches_earlier_time_steps_only_through_the_second_direction():
    z = torch.zeros(1, 25)
    other = z.clone()
    other[:, 12] = 1.0  # in the third of five patches
    label = torch.zeros(1, dtype=torch.int64)
    for bidirectional in (False, True):
        with seeded(0):
            model = StaGAN(SPEC, patch_size=5, bidirectional=bidirectional, **SMALL)
        changed = model.generator(z, label) != model.generator(other, label)
        assert changed[..., 10:].all()
        assert changed[..., :10].any() == bidirectional


def test_minibatch_discrimination_equals_its_formula_and_gradient():
    with seeded(0):
        layer = MinibatchDiscrimination(6, 3)
        features = (0.1 * torch.randn(7, 6)).requires_grad_()
    M = (features @ layer.weight).unflatten(1, (3, 16))
    wanted = torch.exp(-(M[:, None] - M[None]).abs().sum(dim=3)).sum(dim=1) - 1
    made = layer(features)
    assert made.shape == (7, 3)
    torch.testing.assert_close(made, wanted)
    weights = torch.arange(21.0).view(7, 3)
    gradients = [
        torch.autograd.grad((out * weights).sum(), (features, layer.weight), retain_graph=True)
        for out in (made, wanted)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_scaled_outputs_are_neither_0_nor_all_alike():
    with seeded(0):
        layer = MinibatchDiscrimination(6, 3)
        features = 50 * torch.randn(40, 6)
        layer.fit_scale(features)
    apart = ~torch.eye(40, dtype=torch.bool)
    assert layer.distances(features)[:, apart].median() == pytest.approx(1, rel=1e-4)
    assert 4 < layer(features).mean() < 28
    torch.testing.assert_close(layer(features[:1].repeat(9, 1)), torch.full((9, 3), 8.0))
    torch.testing.assert_close(layer(features[:1]), torch.zeros(1, 3), atol=1e-6, rtol=0)


@torch.no_grad()
def test_unscaled_outputs_of_signals_far_apart_vanish():
    with seeded(0):
        layer = MinibatchDiscrimination(1480, 5)
        features = torch.rand(20, 1480)
    assert layer(features).abs().max() < 1e-5
    assert layer(features[:1].repeat(20, 1)).min() == pytest.approx(19, rel=1e-3)


def test_calibration_leaves_equal_rows_and_single_rows_alone():
    for n_rows in (1, 4):
        with seeded(0):
            model = StaGAN(SPEC, whitening=None, **SMALL)
        before = model.discriminator.minibatch.weight.clone()
        model.fit_preprocessing(torch.ones(n_rows, 2, 25), torch.zeros(n_rows, dtype=torch.int64))
        assert torch.equal(model.discriminator.minibatch.weight, before)


def test_a_score_depends_on_its_batch_only_through_minibatch_discrimination():
    for minibatch_out, alike in ((0, True), (4, False)):
        with seeded(0):
            model = StaGAN(SPEC, minibatch_out=minibatch_out, **SMALL)
            signals, labels = make_batch(SPEC, per_class=8)
            model.fit_preprocessing(signals, labels)
        whole = model.discriminator(signals, labels).score[:4]
        half = model.discriminator(signals[:4], labels[:4]).score
        assert torch.allclose(whole, half, atol=1e-6) == alike


def test_a_repeating_generator_is_found_out():
    """The discriminator learns to tell copies of one real row from different real rows."""
    with seeded(0):
        model = StaGAN(SPEC, **SMALL)
        signals, labels = make_batch(SPEC, per_class=64)
        model.fit_preprocessing(signals, labels)
        optimizer = model.optimizer_d(model.discriminator.parameters())
        for _ in range(100):
            real = model.whitening(signals[torch.randperm(64)[:16]])
            on_real, on_fake = model.discriminate(real, real[:1].repeat(16, 1, 1), labels[:16])
            loss = model.objective.discriminator(on_real.score, on_fake.score).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert loss < 0.7  # 1.39 for a coin


def test_a_step_has_the_papers_rounds_and_every_weight_learns():
    with seeded(0):
        model = StaGAN(SPEC, n_critic=3, **SMALL)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
    (phase,) = model.phases()
    assert [update.name for update in phase.updates] == ["discriminator"] * 3 + ["generator"]
    train(model, 3, batch_size=8, ema_decay=None)
    assert not {n for n, p in model.named_parameters() if torch.equal(p, before[n])}


def test_batches_of_one_row():
    model = StaGAN(SPEC, **SMALL)
    batch = Batch(torch.rand(1, 2, 25), torch.zeros(1, dtype=torch.int64))
    for losses in (model.discriminator_loss(batch), model.generator_loss(batch)):
        assert torch.isfinite(losses["adversarial"])
