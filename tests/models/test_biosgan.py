from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import make_batch, train

from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import SignalSpec
from bioaug.models.biosgan import BioSGAN

SPEC = SignalSpec(1, 24, 2)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"patch_size": 0}, r"'patch_size' parameter of BioSGAN.*or 'auto'\. Got 0"),
        ({"patch_size": "Auto"}, r"'patch_size'.*or 'auto'\. Got 'Auto'"),
        ({"patch_size": 2.0}, "'patch_size'.*Got 2.0"),
        ({"generator_dim": 41}, "'generator_dim'.*multiple of n_heads=5.*Got 41"),
        ({"discriminator_dim": 0}, "'discriminator_dim'.*range.*Got 0"),
        ({"n_heads": 0}, r"'n_heads'.*range \[1, inf\)\. Got 0"),
        ({"depth": -1}, "'depth'.*Got -1"),
        ({"latent_dim": 0}, "'latent_dim'.*Got 0"),
        ({"label_dim": 0}, "'label_dim'.*Got 0"),
        ({"dropout": 1.5}, r"'dropout'.*\[0.0, 1.0\]\. Got 1.5"),
        ({"whitening": -0.1}, r"'whitening'.*\[0.0, 1.0\] or None\. Got -0.1"),
        ({"label_injection": "Add"}, "'label_injection'.*Got 'Add'.*Did you mean 'add'"),
        ({"discriminator_labels": "add"}, "'discriminator_labels'.*'head'.*Got 'add'"),
        ({"lr_generator": 0.0}, "'lr_generator'.*Got 0.0"),
        ({"lr_discriminator": -1.0}, "'lr_discriminator'.*Got -1.0"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(DataError, match=message):
        BioSGAN(SPEC, **params)


@pytest.mark.parametrize("patch_size", [1, 2, 5, 23, 24, 25, 1000])
@pytest.mark.parametrize("whitening", [None, 0.0, 1.0])
def test_any_patch_size_makes_whole_signals(patch_size, whitening):
    with seeded(0):
        model = BioSGAN(SPEC, patch_size=patch_size, whitening=whitening)
        model.fit_preprocessing(*make_batch(SPEC, per_class=20))
        signals = model.eval().generate(torch.tensor([0, 1, 1]))
    assert signals.shape == (3, 1, 24)
    assert (signals.abs().amax(dim=(0, 1)) > 0).all()


@pytest.mark.usefixtures("untyped")
def test_patch_size_may_be_a_numpy_integer():
    assert BioSGAN(SPEC, patch_size=np.int64(4)).generator.to_signal.stride == (4,)


def test_dropout_is_off_while_sampling():
    with seeded(0):
        model = BioSGAN(SPEC, dropout=0.5)
    train(model, 1, batch_size=4)
    signals = []
    for _ in range(2):
        with seeded(1), torch.no_grad():
            signals.append(model.generate(torch.tensor([0, 1])))
    assert torch.equal(*signals)


def test_losses_have_the_names_of_the_paper():
    with seeded(0):
        model = BioSGAN(SPEC)
    (entry,) = train(model, 1, batch_size=4).history
    assert {name for name in entry if "/" in name} == {
        "discriminator/adversarial",
        "discriminator/gradient_penalty",
        "discriminator/label",
        "generator/adversarial",
        "generator/label",
    }


def test_every_weight_of_both_networks_learns():
    with seeded(0):
        model = BioSGAN(SPEC)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
    train(model, 4, batch_size=8, ema_decay=None)
    still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
    # A constant added to every score cancels in the Wasserstein loss.
    assert still <= {"discriminator.score.bias", "discriminator.score.1.bias"}


INJECTIONS = ("concatenate", "add", "tokens", "channel")


@pytest.mark.parametrize("patch_size", [1, 5, "auto"])
@pytest.mark.parametrize("injection", INJECTIONS)
def test_every_way_to_inject_labels_makes_signals_that_depend_on_them(injection, patch_size):
    spec = SignalSpec(2, 23, 3)
    with seeded(0):
        model = BioSGAN(spec, label_injection=injection, patch_size=patch_size)
        z = torch.randn(1, model.latent_dim).expand(3, -1)
    signals = model.generator(z, torch.arange(3))
    assert signals.shape == (3, 2, 23)
    assert (signals[0] != signals[1]).any()
    assert (signals[1] != signals[2]).any()


@pytest.mark.parametrize(
    ("injection", "length"), [("concatenate", 10), ("add", 100), ("tokens", 10), ("channel", 5)]
)
def test_label_vectors_have_the_length_of_their_place(injection, length):
    model = BioSGAN(SignalSpec(1, 23, 3), label_injection=injection, patch_size=5)
    assert model.generator.label_embedding.weight.shape == (3, length)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_the_way_between_two_labels_begins_and_ends_at_their_signals(injection):
    with seeded(0):
        model = BioSGAN(SPEC, label_injection=injection).eval()
    with seeded(1):
        way = model.between(0, 1, torch.linspace(0, 1, 5))
    with seeded(1), torch.no_grad():
        z = torch.randn(1, model.latent_dim).expand(2, -1)
        ends = model.whitening.inverse(model.generator(z, torch.tensor([0, 1]))).clamp(-1, 1)
    assert way.shape == (5, 1, 24)
    torch.testing.assert_close(way[[0, -1]], ends, atol=1e-6, rtol=1e-5)
    assert all((way[i] != way[i + 1]).any() for i in range(4))


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("discriminator_labels", ["concatenate", "channel"])
def test_a_discriminator_that_is_told_the_label_has_no_head(injection, discriminator_labels):
    with seeded(0):
        model = BioSGAN(SPEC, label_injection=injection, discriminator_labels=discriminator_labels)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
    signals, labels = make_batch(SPEC)
    verdict = model.discriminator(signals, labels)
    assert verdict.label_logits is None
    assert (verdict.score != model.discriminator(signals, 1 - labels).score).all()
    (entry,) = train(model, 1, batch_size=4, ema_decay=None).history
    assert not {name for name in entry if name.endswith("/label")}
    still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
    assert still <= {"discriminator.score.bias"}


def test_the_default_is_the_papers_proposal():
    one, other = (
        BioSGAN(SPEC, **params)
        for params in ({}, {"label_injection": "concatenate", "discriminator_labels": "head"})
    )
    assert one.state_dict().keys() == other.state_dict().keys()
    assert not any("merge" in name or "label_input" in name for name in one.state_dict())
