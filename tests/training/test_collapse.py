"""A training whose generator collapses ends with a warning."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD
from toys import (
    CPU,
    DieAt,
    Killed,
    Recorder,
    Spread,
    make_batch,
    same_weights,
    train,
)

from bioaug.core.seeding import seeded
from bioaug.models.base import Phase, SignalSpec, Update
from bioaug.training import (
    Checkpoint,
    CollapseGuard,
    Trainer,
    TrainerConfig,
    TrainerState,
)
from bioaug.training.batches import balanced_batches
from bioaug.training.resume import read_state

SPEC = SignalSpec(n_channels=1, n_timesteps=6, n_classes=2)


def collapse_guard(model, **settings):
    signals, labels = make_batch(model.spec)
    return CollapseGuard(signals, labels, {0: "N", 1: "V"}, **settings)


def test_a_collapsing_generator_ends_the_run_with_the_last_healthy_weights():
    model = Spread(SPEC, pull=1.0)
    guard, recorder = collapse_guard(model, every=5 / 400), Recorder()
    state = train(model, 400, [guard, recorder], ema_decay=None, log_every=5)
    assert state.stop
    assert 5 < state.step < 400
    message = f"the generator collapsed at step {state.step} on class N, V; the weights of the last"
    assert message in state.warning
    healthy = recorder.weights[state.step - 5 - 1]
    assert all(torch.equal(value, healthy[k]) for k, value in model.state_dict().items())
    assert guard.collapsed(state) == []


def test_one_collapsed_class_is_named_alone():
    model = Spread(SPEC)
    with torch.no_grad():
        model.size.weight[1] = 0.0
    guard = collapse_guard(model, every=0.5)
    assert guard.collapsed(TrainerState.create(model)) == ["V"]


def test_a_generator_that_never_varied_is_warned_of_at_the_end():
    model = Spread(SPEC)
    nn.init.zeros_(model.size.weight)
    model.phases = lambda: (
        Phase("only", (Update("fit", model.loss, ("means",), partial(SGD, lr=0.1)),)),
    )
    state = train(model, 12, [collapse_guard(model, every=5 / 12)])
    assert state.step == 12
    message = "after 12 steps the generated signals of class N, V are nearly all alike"
    assert message in state.warning


def test_a_healthy_run_has_no_warning():
    model = Spread(SPEC)
    assert train(model, 20, [collapse_guard(model, every=5 / 20)]).warning is None


@pytest.mark.parametrize("die_at", [3, 5, 6])
def test_a_broken_run_goes_on_to_the_same_collapse(tmp_path, die_at):
    settings = {"ema_decay": 0.5, "log_every": 1}

    def run(callbacks, state=None):
        model = Spread(SPEC, pull=1.0, lr=0.05)
        signals, labels = make_batch(SPEC)
        with seeded(0):
            guard = collapse_guard(model, every=6 / 500)
            if state == "resume":
                state = read_state(tmp_path, model, {}, [guard])
            config = TrainerConfig(n_steps=500, batch_size=4, **settings)
            batches = balanced_batches(signals, labels, 4)
            return Trainer(config, CPU, [guard, *callbacks]).fit(model, batches, state)

    whole = run([])
    assert "collapsed" in whole.warning
    last_look_before_end = whole.step - 6
    with pytest.raises(Killed):
        run([Checkpoint(tmp_path, 1 / 500, {}), DieAt(last_look_before_end + die_at)])
    resumed = run([Checkpoint(tmp_path, 1 / 500, {})], "resume")
    assert (resumed.step, resumed.warning) == (whole.step, whole.warning)
    assert same_weights(resumed.model, whole.model)
