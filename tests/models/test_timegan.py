from __future__ import annotations

from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
import torch
from toys import CPU, make_batch, make_rows, train

from bioaug import GANOversampler, Synthesizer
from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import Batch, SignalSpec
from bioaug.models.timegan import TimeGAN
from bioaug.training import Trainer, TrainerConfig, TrainerState

SPEC = SignalSpec(1, 24, 2)
SMALL = {"hidden_dim": 6, "noise_dim": 2, "static_dim": 1, "label_dim": 2}


def build(spec=SPEC, **params):
    with seeded(0):
        model = TimeGAN(spec, **{**SMALL, **params})
        model.fit_preprocessing(*make_batch(spec, per_class=8))
    return model


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"patch_size": 0}, r"'patch_size' parameter of TimeGAN.*or 'auto'\. Got 0"),
        ({"patch_size": "Auto"}, r"'patch_size'.*or 'auto'\. Got 'Auto'"),
        ({"cell": "gruu"}, r"'cell' parameter of TimeGAN.*Did you mean 'gru'\?"),
        ({"hidden_dim": 0}, r"'hidden_dim'.*\[1, inf\)\. Got 0"),
        ({"n_layers": 0}, "'n_layers'.*Got 0"),
        ({"noise_dim": 0}, "'noise_dim'.*Got 0"),
        ({"static_dim": -1}, "'static_dim'.*Got -1"),
        ({"label_dim": 0}, "'label_dim'.*Got 0"),
        ({"lr": 0.0}, "'lr'.*Got 0.0"),
        ({"supervised_weight": -1.0}, "'supervised_weight'.*Got -1.0"),
        ({"moment_weight": -1.0}, "'moment_weight'.*Got -1.0"),
        ({"whitening": 1.5}, r"'whitening'.*\[0.0, 1.0\] or None\. Got 1.5"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(DataError, match=message):
        TimeGAN(SPEC, **params)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("patch_size", [1, 5, 24, 1000])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_any_patch_size_makes_whole_signals(cell, patch_size, n_channels):
    model = build(SignalSpec(n_channels, 23, 2), cell=cell, patch_size=patch_size, n_layers=1)
    signals = model.eval().generate(torch.tensor([0, 1, 1]))
    assert signals.shape == (3, n_channels, 23)
    assert (signals.abs().amax(dim=0) > 0).all()


@pytest.mark.parametrize("whitening", [None, 0.5])
def test_patches_hold_every_value_once_and_in_order(whitening):
    model = build(SignalSpec(2, 7, 1), patch_size=3, whitening=whitening)
    signals = make_batch(model.spec).signals
    patches = model.patches(signals)
    assert patches.shape == (4, 3, 6)
    torch.testing.assert_close(model.signals(patches), signals, atol=1e-4, rtol=0)


def test_a_model_of_the_paper_has_its_numbers_of_weights():
    model = TimeGAN(SignalSpec(1, 163, 1), **TimeGAN.paper_params)
    assert sum(parameter.numel() for parameter in model.parameters()) == 48_938


def test_one_class_needs_no_labels():
    assert build(SignalSpec(1, 24, 1)).generator.label_embedding is None
    assert build().generator.label_embedding is not None


def test_phases_run_in_order_with_the_losses_of_the_paper():
    state = train(build(), 10, batch_size=8, log_every=1)
    phases = [entry["phase"] for entry in state.history]
    assert list(dict.fromkeys(phases)) == ["autoencoder", "supervised", "joint"]
    assert {name for name in state.history[-1] if "/" in name} == {
        "generator/adversarial",
        "generator/supervised",
        "generator/moments",
        "embedder/recovery",
        "embedder/supervised",
        "discriminator/real",
        "discriminator/fake",
    }


@pytest.mark.parametrize(("scale", "moves"), [(1.0, True), (1e-3, False)])
def test_the_discriminator_rests_while_its_loss_is_low(scale, moves):
    model = build().train()
    *_, update = model.phases()[-1].updates

    def loss(batch, context):
        return {name: scale * value for name, value in update.loss(batch, context).items()}

    trainer, state = Trainer(TrainerConfig(), CPU), TrainerState.create(model)
    before = model.discriminator.out.bias.detach().clone()
    with seeded(0):
        trainer.apply(
            model, replace(update, loss=loss), make_batch(SPEC), state.optimizers[update.name]
        )
    assert torch.equal(before, model.discriminator.out.bias) != moves


def test_moments_are_compared_class_by_class():
    model = build(patch_size=4)
    signals, labels = make_batch(SPEC, per_class=8)
    patches = model.patches(signals)
    assert float(model.moment_gap(patches, patches, labels)) == 0
    # Rows of one class for those of the other: the batch's moments stay, the classes' do not.
    assert float(model.moment_gap(patches[labels.argsort()], patches, labels)) > 0.01
    within = torch.arange(len(labels)).roll(2)
    assert float(model.moment_gap(patches[within], patches, labels)) < 1e-5


def test_the_autoencoder_learns_to_recover():
    model = build(SignalSpec(1, 8, 1), lr=0.03, whitening=None)
    levels = torch.linspace(-1, 1, 16)[:, None, None].expand(-1, 1, 8)
    batch = Batch(levels, torch.zeros(16, dtype=torch.int64))
    trainer, state = Trainer(TrainerConfig(), CPU), TrainerState.create(model.train())
    lost = [
        float(trainer.step(state, model.phases()[0], repeat(batch))["autoencoder/recovery"])
        for _ in range(60)
    ]
    assert lost[-1] < 0.7 * lost[0]


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_in_synthesizer_and_sampler_on_odd_lengths(n_classes):
    X = make_rows((10 * n_classes + 6, 2, 19))
    y = np.r_[np.arange(10 * n_classes) % n_classes, np.zeros(6, int)]
    made, _ = Synthesizer("timegan", model_params=SMALL, n_steps=4).fit(X, y).sample(5)
    assert made.shape == (5, 2, 19)
    assert np.isfinite(made).all()
    if n_classes > 1:
        model = Synthesizer("timegan", model_params=SMALL, n_steps=2)
        sampler = GANOversampler(model, quality_filter=False, min_samples={"own": 2})
        balanced, targets = sampler.fit_resample(X, y)
        assert balanced.shape[1:] == (2, 19)
        assert len(set(np.bincount(targets))) == 1
