"""Penalties now and then or without second derivatives, augmentation, schedules, fine-tuning."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from toys import CPU, make_batch, make_rows, same_weights, train

from bioaug import Synthesizer, get_model
from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import LossContext, SignalSpec
from bioaug.nn.augmentation import Augmentation
from bioaug.nn.objectives import squared_gradients, stepped_squared_gradients
from bioaug.training import Trainer, TrainerConfig, TrainerState, plan, trainer
from bioaug.training.batches import balanced_batches

SPEC = SignalSpec(1, 20, 2)


def critic(n_timesteps=20):
    with seeded(0):
        layers = nn.Sequential(nn.Linear(n_timesteps, 32), nn.Tanh(), nn.Linear(32, 1))
    return lambda signals: layers(signals[:, 0]).squeeze(1)


def test_stepped_gradients_are_those_of_autograd_in_the_mean():
    signals = torch.linspace(-1, 1, 20).repeat(1, 1, 1) * torch.ones(4, 1, 1)
    exact = squared_gradients(critic(), signals).detach()
    with seeded(0):
        drawn = [stepped_squared_gradients(critic(), signals).detach() for _ in range(4000)]
    torch.testing.assert_close(torch.stack(drawn).mean(dim=0), exact, rtol=0.08, atol=0)


def test_stepped_gradients_of_a_plane_are_exact_in_each_direction():
    slope = torch.zeros(20)
    slope[3] = 2.0
    with seeded(1):
        signals = torch.randn(5000, 1, 20)
        found = stepped_squared_gradients(lambda s: (s[:, 0] * slope).sum(dim=1), signals)
    assert float(found.mean()) == pytest.approx(4.0, rel=0.1)  # 4 times a chi-square of one


def test_stepped_gradients_move_weights_as_autograd_does():
    signals = torch.rand(8, 1, 20, generator=torch.Generator().manual_seed(0))
    layers = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 1))

    def gradients(method, n_draws):
        layers.zero_grad()
        for _ in range(n_draws):
            method(lambda s: layers(s[:, 0]).squeeze(1), signals).mean().div(n_draws).backward()
        return torch.cat([layer.weight.grad.flatten() for layer in (layers[0], layers[2])])

    with seeded(0):
        exact, stepped = gradients(squared_gradients, 1), gradients(stepped_squared_gradients, 2000)
    assert float(torch.corrcoef(torch.stack([exact, stepped]))[0, 1]) > 0.99


def penalised():
    with seeded(0):
        return get_model("r3gan")(SPEC, width=8, depth=1)


def test_lazy_penalties_come_as_often_as_asked_and_weigh_as_much_more():
    batch = make_batch(SPEC)
    model, lazy = penalised(), LossContext(penalty_every=4)
    with seeded(0):
        always = [model.discriminator_loss(batch) for _ in range(200)]
        seldom = [model.discriminator_loss(batch, lazy) for _ in range(400)]
    assert all("r1" in losses for losses in always)
    there = [losses for losses in seldom if "r1" in losses]
    assert 70 < len(there) < 130
    means = [
        float(torch.stack([losses["r1"].detach() for losses in of]).mean())
        for of in (always, there)
    ]
    assert means[1] == pytest.approx(4 * means[0], rel=0.05)


def test_penalties_without_second_derivatives_can_be_trained_with():
    for penalty in ("autograd", "finite_difference"):
        state = train(penalised(), 3, batch_size=4, penalty=penalty, penalty_every=2)
        assert all(
            np.isfinite(v) for entry in state.history for v in entry.values() if v != "adversarial"
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"penalty": "exact"}, "'penalty' parameter of TrainerConfig"),
        ({"penalty_every": 0}, "'penalty_every'"),
        ({"augment": 1.5}, "'augment'.*or 'adaptive'"),
        ({"augment": "always"}, "'augment'"),
        ({"max_time": 0.0}, "'max_time'"),
        ({"neighbour_mixing": -0.1}, "'neighbour_mixing'"),
    ],
)
def test_wrong_options_are_named(settings, message):
    with pytest.raises(DataError, match=message):
        TrainerConfig(**settings)


def test_augmentation_keeps_shapes_and_lets_gradients_through():
    signals = torch.randn(64, 2, 33, requires_grad=True)
    with seeded(0):
        changed = Augmentation()(signals, 1.0)
    assert changed.shape == signals.shape
    assert not torch.equal(changed, signals)
    changed.square().sum().backward()
    assert float(signals.grad.abs().sum()) > 0


def test_augmentation_of_chance_0_changes_nothing_and_of_one_half_every_second():
    signals = torch.randn(4000, 1, 16)
    with seeded(0):
        assert torch.equal(Augmentation()(signals, 0.0), signals)
        untouched = (Augmentation()(signals, 0.5) == signals).all(dim=(1, 2)).float().mean()
    assert 0.04 < float(untouched) < 0.2  # four changes, each with chance one half


@pytest.mark.parametrize("n_timesteps", [1, 2, 7])
def test_augmentation_of_short_signals(n_timesteps):
    with seeded(0):
        changed = Augmentation()(torch.randn(16, 1, n_timesteps), 1.0)
    assert torch.isfinite(changed).all()


def test_adaptive_chance_follows_how_sure_the_discriminator_is():
    augmentation = Augmentation()
    for _ in range(100):
        augmentation.adapt(torch.ones(50))
    risen = float(augmentation.chance)
    assert risen == pytest.approx(0.1, rel=1e-4)
    for _ in range(50):
        augmentation.adapt(torch.tensor([1.0, -1.0]).repeat(25))
    assert float(augmentation.chance) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("augment", [0.5, "adaptive"])
def test_adversarial_models_train_with_augmentation(augment):
    plain = train(penalised(), 4, batch_size=4)
    changed = train(penalised(), 4, batch_size=4, augment=augment)
    assert not same_weights(plain.model, changed.model)


def test_schedules_move_the_optimiser():
    model = penalised()
    state = TrainerState.create(model)
    trainer = Trainer(TrainerConfig(n_steps=10, batch_size=4), CPU)
    phase, batch = model.phases()[0], make_batch(SPEC)
    group = state.optimizers["generator"].param_groups[0]
    for progress, factor, momentum in ((0.0, 1.0, 0.9), (0.5, 0.625, 0.945), (1.0, 0.25, 0.99)):
        state.progress = progress
        contexts: list[LossContext] = []

        def watched(batch, context, contexts=contexts):
            contexts.append(context)
            return model.generator_loss(batch, context)

        *others, last = phase.updates
        seen = replace(phase, updates=(*others, replace(last, loss=watched)))
        trainer.step(state, seen, iter([batch, batch]))
        assert [context.progress for context in contexts] == [progress]
        assert group["lr"] == pytest.approx(factor * group["initial_lr"])
        assert group["betas"] == (0.0, pytest.approx(momentum))


def test_mixed_batches_are_no_training_rows_but_keep_their_classes():
    signals, labels = make_batch(SPEC, per_class=30)
    signals[labels == 1] += 10
    for neighbour_mixing, is_copy in ((0.0, True), (0.9, False)):
        with seeded(0):
            batch = next(balanced_batches(signals, labels, 40, neighbour_mixing))
        same = (batch.signals[:, None] == signals[None]).all(dim=(2, 3)).any(dim=1)
        assert bool(same.all()) == bool(same.any()) == is_copy
        assert ((batch.signals.mean(dim=(1, 2)) > 5) == (batch.labels == 1)).all()


def test_phases_and_schedules_follow_the_steps_that_there_is_time_for(monkeypatch):
    seen, clock = [], itertools.count(0.0, 0.01)  # ten milliseconds pass at each look
    for module in (plan, trainer):
        monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))

    class Watch(Trainer):
        def step(self, state, phase, batches):
            seen.append(state.progress)
            return super().step(state, phase, batches)

    model = penalised()
    with seeded(0):
        signals, labels = make_batch(SPEC)
        state = Watch(TrainerConfig(n_steps=10**9, max_time=0.5), CPU).fit(
            model, balanced_batches(signals, labels, 4)
        )
    assert seen == sorted(seen)
    assert seen[-1] > 0.5
    assert state.progress == 1.0
    assert 10 < state.step == state.n_steps < 100


def rows_of_two():
    X = np.concatenate([make_rows((20, 20)), 5 + make_rows((20, 20), seed=1)])
    return X, np.repeat(["N", "V"], 20)


def fitted(**settings):
    params = {"width": 8, "depth": 1}
    return Synthesizer("flow", model_params=params, n_steps=3, random_state=0, **settings).fit(
        *rows_of_two()
    )


def test_fine_tuning_changes_the_class_that_it_is_given_and_no_other():
    X, y = rows_of_two()
    before, tuned = fitted(), fitted()
    assert tuned.fine_tune(X[y == "V"], y[y == "V"], n_steps=5) is tuned
    for label, changed in (("N", False), ("V", True)):
        one = before.sample(y=[label] * 6, random_state=1)[0]
        other = tuned.sample(y=[label] * 6, random_state=1)[0]
        if not changed:
            np.testing.assert_array_equal(one, other)
        else:
            assert not np.array_equal(one, other)
    assert {entry["classes"] for entry in tuned.history_} == {"N", "V"}


def test_a_fine_tuned_synthesizer_is_saved_and_loaded(tmp_path):
    X, y = rows_of_two()
    tuned = fitted().fine_tune(X[y == "V"], y[y == "V"], n_steps=2)
    tuned.save(tmp_path)
    loaded = Synthesizer.load(tmp_path)
    for one, other in zip(
        tuned.sample(7, random_state=3), loaded.sample(7, random_state=3), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_fine_tuning_refuses_what_fit_never_saw():
    X, y = rows_of_two()
    synthesizer = fitted()
    with pytest.raises(DataError, match=r"classes \['N', 'V'\]. Got \['F'\]"):
        synthesizer.fine_tune(X[:4], ["F"] * 4)
    with pytest.raises(DataError, match=r"rows of shape \(20,\).*Got \(12,\)"):
        synthesizer.fine_tune(X[:4, :12], y[:4])
    with pytest.raises(DataError, match="'n_steps' parameter of fine_tune"):
        synthesizer.fine_tune(X, y, n_steps=-1)
