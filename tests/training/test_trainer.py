from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD
from toys import (
    CPU,
    Duel,
    Recorder,
    Spread,
    StopAt,
    make_batch,
    same_weights,
    train,
)

from bioaug.core.seeding import seeded
from bioaug.core.tensors import Labels, Signals
from bioaug.exceptions import DataError, TrainingDivergedError
from bioaug.models.base import Batch, GenerativeModel, Losses, Phase, SignalSpec, Update
from bioaug.nn.objectives import hinge, least_squares, non_saturating, relativistic, wasserstein_gp
from bioaug.training import (
    Checkpoint,
    Trainer,
    TrainerConfig,
)
from bioaug.training.batches import balanced_batches
from bioaug.training.resume import read_state
from bioaug.training.runtime import Runtime

SPEC = SignalSpec(n_channels=1, n_timesteps=6, n_classes=2)


class Slope(GenerativeModel):
    """Two numbers of which one is trained down a given slope."""

    def __init__(self, slope: float = 1.0, skip_below: float | None = None) -> None:
        super().__init__(SPEC)
        self.moved, self.still = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.moved.weight)
        self.slope, self.skip_below = slope, skip_below

    def phases(self) -> Sequence[Phase]:
        update = Update("down", self.loss, ("moved",), partial(SGD, lr=0.5), self.skip_below)
        return (Phase("all", (update,)),)

    def loss(self, batch: Batch, context=None) -> Losses:
        return {"a": self.slope * self.moved.weight.sum(), "b": 0 * self.still.weight.sum()}

    def generate(self, labels: Labels) -> Signals:
        return self.moved.weight.expand(len(labels), 1, SPEC.n_timesteps)


class Schooling(Spread):
    """Three phases, the last of which runs its update twice."""

    def phases(self) -> Sequence[Phase]:
        (update,) = super().phases()[0].updates
        return (
            Phase("first", (update,), 0.25),
            Phase("second", (update,), 0.25),
            Phase("third", (update, update), 0.5),
        )


def test_one_step_follows_the_gradient_and_nothing_else():
    state = train(Slope(slope=0.2), 1, ema_decay=None)
    assert state.model.moved.weight.item() == pytest.approx(1 - 0.5 * 0.2)
    assert state.step == 1


def test_averaged_weights_follow_the_formula():
    recorder, model = Recorder(), Slope()
    first = model.moved.weight.item()
    state = train(model, 30, [recorder], ema_decay=0.8)
    average = first
    for t, weights in enumerate(recorder.weights):
        decay = min(0.8, (1 + t) / (10 + t))
        average = decay * average + (1 - decay) * weights["moved.weight"].item()
    assert state.averaged["moved.weight"].item() == pytest.approx(average, rel=1e-5)
    assert model.moved.weight.item() == state.averaged["moved.weight"].item()
    assert average != pytest.approx(recorder.weights[-1]["moved.weight"].item())


def test_without_averaging_the_last_weights_are_kept():
    recorder = Recorder()
    state = train(Spread(SPEC), 5, [recorder], ema_decay=None)
    for name, value in recorder.weights[-1].items():
        assert torch.equal(state.averaged[name], value)


def test_counting_buffers_are_kept_not_averaged():
    model = Slope()
    model.register_buffer("n_calls", torch.tensor(0))
    count = model.loss

    def loss(batch, context):
        model.n_calls += 1
        return count(batch, context)

    model.loss = loss
    state = train(model, 7, ema_decay=0.9)
    assert state.averaged["n_calls"] == 7


def test_phases_take_their_share_of_the_steps():
    recorder, model = Recorder(), Schooling(SPEC)
    state = train(model, 8, [recorder], log_every=1)
    assert [e["phase"] for e in state.history] == ["first"] * 2 + ["second"] * 2 + ["third"] * 4
    begins = [event for event in recorder.events if event.startswith("phase")]
    assert begins == ["phase begins at 0", "phase begins at 2", "phase begins at 4"]
    assert model.n_updates == 2 + 2 + 4 * 2


def test_callbacks_hear_every_event_in_order():
    recorder = Recorder()
    train(Spread(SPEC), 2, [recorder])
    expected = ["fit begins", "phase begins at 0", "step 1", "step 2", "fit ends"]
    assert recorder.events == expected


def test_no_steps_leave_the_weights_as_they_are():
    model = Spread(SPEC)
    before = copy.deepcopy(model)
    state = train(model, 0)
    assert same_weights(model, before)
    assert state.history == []


def test_an_update_rests_while_its_loss_is_low():
    state = train(Slope(slope=1.0, skip_below=0.3), 10, ema_decay=None, log_every=1)
    assert state.model.moved.weight.item() == 0.0  # 1, 0.5, then it rests
    assert [entry["down/a"] for entry in state.history] == [1.0, 0.5] + [0.0] * 8


def test_gradients_are_clipped_to_their_norm():
    steep = train(Slope(slope=100.0), 1, ema_decay=None, grad_clip=0.1).model
    assert steep.moved.weight.item() == pytest.approx(1 - 0.5 * 0.1, rel=1e-4)
    flat = train(Slope(slope=0.01), 1, ema_decay=None, grad_clip=0.1).model
    assert flat.moved.weight.item() == pytest.approx(1 - 0.5 * 0.01)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
    ],
)
def test_learning_rates_follow_the_schedule(schedule, factors):
    recorder = Recorder()
    train(Slope(), 4, [recorder], schedule=schedule)
    assert recorder.rates == pytest.approx([0.5 * factor for factor in factors])


def test_history_holds_the_mean_loss_of_every_window():
    state = train(Slope(), 5, ema_decay=None, log_every=2)
    assert [entry["step"] for entry in state.history] == [2, 4, 5]
    values = [1 - 0.5 * step for step in range(5)]
    expected = [np.mean(values[:2]), np.mean(values[2:4]), values[4]]
    assert [entry["down/a"] for entry in state.history] == pytest.approx(expected)
    seconds = [entry["seconds"] for entry in state.history]
    assert seconds == sorted(seconds)
    assert set(state.history[0]) == {"step", "seconds", "phase", "down/a", "down/b"}


def test_a_run_stopped_between_entries_still_has_an_entry():
    state = train(Spread(SPEC), 100, [StopAt(7)], log_every=5)
    assert [entry["step"] for entry in state.history] == [5, 7]


def test_a_nan_before_the_first_entry_is_an_error_that_names_its_step():
    message = r"Training of the model diverged: the loss 'fit/distance' is nan at step 3\..*rates"
    with pytest.raises(TrainingDivergedError, match=message):
        train(Spread(SPEC, nan_from=3), 20, log_every=5)


def test_a_nan_in_a_run_that_ends_between_entries_is_found():
    with pytest.raises(TrainingDivergedError, match="nan at step 3"):
        train(Spread(SPEC, nan_from=3), 100, [StopAt(4)], log_every=50)


def test_a_later_nan_ends_the_run_with_the_last_good_weights():
    good = train(Spread(SPEC), 10, log_every=5)
    state = train(Spread(SPEC, nan_from=13), 30, log_every=5)
    assert "the loss 'fit/distance' is nan at step 13; the last good weights" in state.warning
    assert state.stop
    assert same_weights(state.model, good.model)
    assert all(torch.isfinite(value).all() for value in state.model.state_dict().values())
    assert [entry["step"] for entry in state.history] == [5, 10]


def test_an_infinite_weight_behind_a_finite_loss_is_found():
    class Blown(Slope):
        def loss(self, batch, context=None):
            return {"a": 1e38 * self.moved.weight.sum().clamp(max=1, min=-1)}

        def phases(self):
            return (Phase("all", (Update("down", self.loss, ("moved",), partial(SGD, lr=1e3)),)),)

    with pytest.raises(TrainingDivergedError, match="weight is no longer finite at step 2"):
        train(Blown(), 4, log_every=2)


def test_the_time_budget_ends_the_run():
    state = train(Spread(SPEC), 10_000, max_time=1e-9)
    assert state.step == 1
    assert state.warning is None
    assert train(Spread(SPEC), 3, max_time=1e9).step == 3


def test_a_finished_run_returns_at_once(tmp_path):
    model = Spread(SPEC)
    whole = train(model, 6, [Checkpoint(tmp_path, 2 / 6, {})], log_every=2)
    again = Spread(SPEC)
    recorder = Recorder()
    batches = balanced_batches(*make_batch(SPEC), batch_size=4)
    with seeded(0):
        state = read_state(tmp_path, again, {})
        Trainer(TrainerConfig(n_steps=6), CPU, [recorder]).fit(again, batches, state)
    assert recorder.events == ["fit begins", "fit ends"]
    assert same_weights(again, whole.model)
    assert state.history == whole.history


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_steps": -1}, r"'n_steps' parameter .* range \[0, inf\)\. Got -1"),
        ({"n_steps": 2.5}, "'n_steps'.*Got 2.5"),
        ({"n_steps": True}, "'n_steps'.*Got True"),
        ({"batch_size": 0}, r"'batch_size'.*\[1, inf\)\. Got 0"),
        ({"log_every": "5"}, "'log_every'.*Got '5'"),
        ({"ema_decay": 1.0}, r"'ema_decay'.*\[0.0, 1.0\) or None\. Got 1.0"),
        ({"ema_decay": "0.9"}, "'ema_decay'.*Got '0.9'"),
        ({"grad_clip": 0}, r"'grad_clip'.*\(0.0, inf\) or None\. Got 0"),
        ({"precision": "bfloat"}, "'precision'.*'float32', 'bfloat16'.*Did you mean 'bfloat16'"),
        ({"schedule": "cosin"}, "'schedule'.*Did you mean 'cosine'"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(DataError, match=message):
        TrainerConfig(**settings)


@pytest.mark.usefixtures("untyped")
def test_settings_may_be_numpy_numbers():
    config = TrainerConfig(n_steps=np.int64(3), batch_size=np.uint8(4), grad_clip=np.float32(1))
    signals, labels = make_batch(SPEC)
    batches = balanced_batches(signals, labels, config.batch_size)
    assert Trainer(config, CPU).fit(Spread(SPEC), batches).step == 3


@pytest.mark.parametrize("device", ["cuda:99", "meta", "gpu", "cud", 3.5])
@pytest.mark.usefixtures("untyped")
def test_a_device_that_is_not_there_is_an_error(device):
    message = r"'device' parameter must name a device.*Got .* instead.*Use device='auto'"
    with pytest.raises(DataError, match=message):
        Runtime.create(device)


def test_parameters_learn_again_after_fit():
    state = train(Duel(SPEC), 2)
    assert all(parameter.requires_grad for parameter in state.model.parameters())
    assert not state.model.training


@pytest.mark.parametrize(
    "objective", [non_saturating(), least_squares(), hinge(), wasserstein_gp(), relativistic()]
)
def test_a_bare_adversarial_model_trains_with_every_objective(objective):
    with seeded(0):
        model = Duel(SPEC, objective)
        before = copy.deepcopy(model)
    state = train(model, 3, log_every=1)
    wanted = {"discriminator/adversarial", "generator/adversarial"}
    wanted |= {"discriminator/gradient_penalty"} if objective.gp_weight else set()
    wanted |= {"discriminator/r1", "discriminator/r2"} if objective.r1_weight else set()
    assert set(state.history[0]) - {"step", "seconds", "phase"} == wanted
    assert not same_weights(model.generator, before.generator)
    assert not same_weights(model.discriminator, before.discriminator)


def test_critic_steps_come_before_the_generator_step():
    model = Duel(SPEC)
    model.n_critic = 3
    (phase,) = model.phases()
    assert [update.name for update in phase.updates] == ["discriminator"] * 3 + ["generator"]
