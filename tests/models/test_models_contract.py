"""What every registered model must do; a new model is tested by being there."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from toys import CPU, DieAt, Killed, make_batch, make_rows, same_weights, train

from bioaug import Synthesizer, available_models, get_model
from bioaug.core.row_noise import RowNoise, row_seeds
from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import GenerativeModel, SignalSpec
from bioaug.training import Checkpoint, Trainer, TrainerConfig, TrainerState
from bioaug.training.batches import balanced_batches
from bioaug.training.resume import read_state
from bioaug.training.runtime import Runtime

pytestmark = pytest.mark.parametrize("name", available_models())

SMALLER = {"transgan": {"embed_dim": 64, "depth": (1, 1, 1)}}  # of 70 million weights
USUAL = SignalSpec(n_channels=2, n_timesteps=33, n_classes=3)


def n_classes_of(name, n_classes):
    return n_classes if get_model(name).conditional else 1


def build(name, spec=USUAL, seed=0):
    spec = SignalSpec(spec.n_channels, spec.n_timesteps, n_classes_of(name, spec.n_classes))
    with seeded(seed):
        model = get_model(name)(spec)
        if spec.n_timesteps < 1000:
            model.fit_preprocessing(*make_batch(spec, per_class=8))
    return model


def parameters_of(model):
    return list(inspect.signature(model.__init__).parameters.values())[2:]  # not self and spec


def updates_of(model):
    found = {update.name: update for phase in model.phases() for update in phase.updates}
    return found.values()


def check_signals(signals, model, n_samples):
    assert signals.shape == (n_samples, model.spec.n_channels, model.spec.n_timesteps)
    assert signals.dtype == torch.float32
    assert torch.isfinite(signals).all()
    assert signals.abs().max() <= 1


def check_every_update(model):
    batch = make_batch(model.spec, per_class=2)
    trainer, state = Trainer(TrainerConfig(), CPU), TrainerState.create(model.train())
    with seeded(0):
        for update in updates_of(model):
            losses = trainer.apply(model, update, batch, state.optimizers[update.name])
            assert losses
            assert all(math.isfinite(value) for value in losses.values())


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("n_timesteps", [1, 2, 5, 16, 17, 187, 1800])
def test_any_length_and_number_of_channels(name, n_timesteps, n_channels):
    model = build(name, SignalSpec(n_channels, n_timesteps, 3))
    check_every_update(model)
    labels = torch.arange(4) % model.spec.n_classes
    with torch.no_grad():
        check_signals(model.eval().generate(labels), model, 4)


@pytest.mark.parametrize("n_classes", [1, 2, 3, 4, 5])
def test_any_number_of_classes(name, n_classes):
    model = build(name, SignalSpec(1, 17, n_classes_of(name, n_classes)))
    check_every_update(model)
    labels = torch.arange(model.spec.n_classes).repeat(2)
    with torch.no_grad():
        check_signals(model.eval().generate(labels), model, len(labels))


def test_one_signal_and_none(name):
    model = build(name).eval()
    with torch.no_grad():
        check_signals(model.generate(torch.zeros(1, dtype=torch.int64)), model, 1)
        assert len(model.generate(torch.zeros(0, dtype=torch.int64))) == 0


def build_as_published(name, **params):
    with seeded(0):
        model = get_model(name)(SignalSpec(1, 33, 1), **get_model(name).paper_params | params)
        model.fit_preprocessing(*make_batch(model.spec, per_class=8))
    return model


def test_the_published_configuration_trains_and_generates(name):
    model = build_as_published(name, **SMALLER.get(name, {}))
    check_every_update(model)
    with torch.no_grad():
        check_signals(model.eval().generate(torch.zeros(3, dtype=torch.int64)), model, 3)


@pytest.mark.slow
def test_the_published_configuration_trains_at_its_full_size(name):
    if name not in SMALLER:
        pytest.skip("tested in the test above")
    check_every_update(build_as_published(name))


def test_phases_are_well_formed(name):
    phases = build(name).phases()
    assert sum(phase.fraction for phase in phases) == pytest.approx(1)
    assert all(phase.updates for phase in phases)
    by_name = {}
    for phase in phases:
        for update in phase.updates:
            assert by_name.setdefault(update.name, update.trains) == update.trains


def test_every_update_moves_exactly_what_it_trains(name):
    model = build(name).train()
    trainer, state = Trainer(TrainerConfig(), CPU), TrainerState.create(model)
    batch = make_batch(model.spec)
    for update in updates_of(model):
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        with seeded(1):
            trainer.apply(model, update, batch, state.optimizers[update.name])
        moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
        assert {n.split(".")[0] for n in moved} == set(update.trains)


def test_training_settings_are_known_and_documented_parameters_exist(name):
    model = get_model(name)
    TrainerConfig(**model.training_defaults)
    assert [p.name for p in parameters_of(model) if p.name not in model.__doc__] == []
    assert issubclass(model, GenerativeModel)
    assert model.name == name


def test_the_same_seed_gives_the_same_weights(name):
    one, other = build(name), build(name)
    assert same_weights(one, other)
    for model in (one, other):
        train(model, 3, batch_size=6, ema_decay=0.9)
    assert same_weights(one, other)
    assert not same_weights(one, build(name, seed=1))


def test_signals_repeat_under_one_seed_and_differ_under_another(name):
    model = build(name).eval()
    labels = torch.arange(4) % model.spec.n_classes
    drawn = []
    with torch.no_grad():
        for seed in (1, 1, 2):
            with seeded(seed):
                drawn.append(model.generate(labels))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_row_is_the_same_whatever_is_made_beside_it(name):
    model = build(name).eval()
    labels, seeds = torch.arange(5) % model.spec.n_classes, torch.from_numpy(row_seeds(3, 5))

    def make(rows):
        with torch.no_grad(), RowNoise(seeds[rows]):
            return model.generate(labels[rows])

    whole = make([0, 1, 2, 3, 4])
    torch.testing.assert_close(make([3, 1]), whole[[3, 1]], rtol=0, atol=1e-4)
    torch.testing.assert_close(make([4]), whole[[4]], rtol=0, atol=1e-4)
    assert not torch.equal(whole[0], whole[3])


def test_generating_changes_no_weight(name):
    model, other = build(name).eval(), build(name)
    with torch.no_grad():
        model.generate(torch.zeros(3, dtype=torch.int64))
    assert same_weights(model, other)


def test_labels_steer_a_conditional_model(name):
    if not get_model(name).conditional:
        pytest.skip("a model of one class")
    model = build(name).eval()
    with torch.no_grad():
        made = []
        for label in (0, 1):
            with seeded(1):
                made.append(model.generate(torch.full((2,), label)))
    assert not torch.equal(made[0], made[1])


def test_bfloat16_steps_have_finite_losses(name):
    model = build(name)
    runtime = Runtime(torch.device("cpu"), "bfloat16")
    state = train(model, 2, runtime=runtime, batch_size=6, log_every=1)
    losses = [v for entry in state.history for k, v in entry.items() if "/" in k]
    assert losses
    assert np.isfinite(losses).all()
    assert all(value.dtype != torch.bfloat16 for value in model.state_dict().values())
    with torch.no_grad():
        check_signals(model.generate(torch.zeros(2, dtype=torch.int64)), model, 2)


def test_a_resumed_run_equals_an_unbroken_one(name, tmp_path):
    config = TrainerConfig(n_steps=7, batch_size=6, log_every=2, grad_clip=1.0, schedule="cosine")

    def run(callbacks, *, resume=False):
        model = build(name)
        with seeded(5):
            state = read_state(tmp_path, model, {}) if resume else None
            batches = balanced_batches(*make_batch(model.spec), config.batch_size)
            return Trainer(config, CPU, callbacks).fit(model, batches, state)

    whole = run([])
    with pytest.raises(Killed):
        run([Checkpoint(tmp_path, 2 / 7, {}), DieAt(5)])
    resumed = run([], resume=True)
    assert same_weights(resumed.model, whole.model)
    assert resumed.step == 7
    for one, other in zip(resumed.history, whole.history, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_save_and_load_keep_every_weight(name, tmp_path):
    X, y = make_rows((12, 33)), np.arange(12) % 2
    fitted = Synthesizer(name, n_steps=1, random_state=0).fit(X, y)
    fitted.save(tmp_path)
    loaded = Synthesizer.load(tmp_path)
    one, other = fitted.sample(6, random_state=3), loaded.sample(6, random_state=3)
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_a_misspelt_parameter_is_named_with_the_right_one(name):
    wanted = max((p.name for p in parameters_of(get_model(name))), key=len)
    synthesizer = Synthesizer(name, model_params={wanted[:-1]: 1})
    with pytest.raises(DataError, match=rf"'model_params key'.*Did you mean '{wanted}'\?"):
        synthesizer.fit(make_rows((12, 33)), np.arange(12) % 2)


def test_the_table_of_constraints_has_every_parameter_and_allows_its_default(name):
    model = get_model(name)
    defaults = {p.name: p.default for p in parameters_of(model)}
    assert set(model.constraints) == set(defaults)
    assert set(model.paper_params) <= set(defaults)
    model(SignalSpec(1, 33, 1), **defaults)


@pytest.mark.usefixtures("untyped")
def test_every_parameter_refuses_what_it_cannot_be(name):
    model, spec = get_model(name), SignalSpec(1, 33, 1)
    for parameter in parameters_of(model):
        for wrong in ("no such", -1, math.nan, [], ["a"]):
            with pytest.raises(DataError, match=repr(parameter.name)):
                model(spec, **{parameter.name: wrong})
        if type(parameter.default) is int:
            model(spec, **{parameter.name: np.int64(parameter.default)})
            with pytest.raises(DataError, match=repr(parameter.name)):
                model(spec, **{parameter.name: float(parameter.default)})
