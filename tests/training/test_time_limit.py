"""A limit of time decides how many steps a run has, and nothing else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from toys import DieAt, Killed, make_rows, same_weights

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import DataError, TrainingWarning
from bioaug.models.base import Phase
from bioaug.training import plan, trainer
from bioaug.training.plan import planned_steps

SMALL = {"width": 8, "depth": 1}


class Clock:
    """Seconds that pass at each look, the same on every machine."""

    def __init__(self, tick=0.01):
        self.tick, self.now = tick, 0.0

    def __call__(self):
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (plan, trainer):
        monkeypatch.setattr(module.time, "perf_counter", clock)
    return clock


def phase(name, fraction):
    return Phase(name, (), fraction)


def test_steps_are_planned_from_the_pace_of_every_phase(monkeypatch):
    cost = {"slow": 3.0, "fast": 1.0}
    now = [0.0]
    monkeypatch.setattr(plan.time, "perf_counter", lambda: now[0])

    def step(which):
        now[0] += cost[which.name]

    phases = (phase("slow", 0.5), phase("fast", 0.5))
    n_steps = planned_steps(step, phases, 10**9, 1000.0)
    # five trials of each, 20 s; two seconds a step; nine tenths of the 980 s that are left
    assert n_steps == int(0.9 * 980 / 2)
    assert planned_steps(step, phases, 100, 1000.0) == 100
    assert planned_steps(step, phases, 100, 0.5) == 1
    assert planned_steps(step, phases, 100, -1.0) == 1


def test_the_first_step_which_is_slow_does_not_count(monkeypatch):
    now, costs = [0.0], itertools.chain([50.0], itertools.repeat(1.0))
    monkeypatch.setattr(plan.time, "perf_counter", lambda: now[0])

    def step(which):
        now[0] += next(costs)

    assert planned_steps(step, (phase("only", 1.0),), 10**9, 10_000.0) == int(0.9 * (10_000 - 54))


@pytest.mark.parametrize(("model", "params"), [("flow", SMALL), ("dense", {})])
def test_the_steps_of_a_limited_run_repeat_it_exactly(clock, model, params):
    X, y = make_rows((48, 20)), np.repeat([0, 1], [36, 12])
    settings = {"random_state": 0, "training_params": {"log_every": 5}, "model_params": params}
    with pytest.warns(TrainingWarning, match="max_time was enough for"):
        limited = Synthesizer(model, max_time=0.8, **settings).fit(X, y)
    n_steps = limited.n_steps_
    assert 5 < np.max(list(n_steps.values()) if isinstance(n_steps, dict) else n_steps) < 500
    again = Synthesizer(model, n_steps=n_steps, **settings).fit(X, y)
    assert again.n_steps_ == n_steps
    for one, other in zip(limited.models_, again.models_, strict=True):
        assert same_weights(one.model, other.model)
        strip = [{k: v for k, v in entry.items() if k != "seconds"} for entry in one.history]
        assert strip == [
            {k: v for k, v in entry.items() if k != "seconds"} for entry in other.history
        ]


def test_steps_by_class_are_kept_and_refused_where_they_cannot_be_used(tmp_path):
    X, y = make_rows((40, 20)), np.repeat([0, 1], 20)
    made = Synthesizer("dense", n_steps={0: 2, 1: 3}, per_class=True, random_state=0).fit(X, y)
    assert made.n_steps_ == {0: 2, 1: 3}
    made.save(tmp_path / "m")
    loaded = Synthesizer.load(tmp_path / "m")
    assert (loaded.n_steps, loaded.n_steps_) == ({0: 2, 1: 3}, {0: 2, 1: 3})
    sampler = GANOversampler(
        "dense",
        n_steps={1: 2},
        sampling_strategy={1: 25},
        min_samples={"own": 4},
        quality_filter=False,
    )
    sampler.set_params(random_state=0).fit_resample(X, y)
    assert sampler.synthesizer_.n_steps_ == 2
    with pytest.raises(DataError, match=r"'n_steps' parameter.*must then hold all of 0, 1"):
        Synthesizer("dense", n_steps={0: 2}, per_class=True).fit(X, y)
    with pytest.raises(DataError, match=r"'n_steps' parameter.*every class has a model of its own"):
        Synthesizer("flow", n_steps={0: 2, 1: 2}, model_params=SMALL).fit(X, y)
    with pytest.raises(DataError, match=r"'n_steps' parameter.*Got -1"):
        Synthesizer("dense", n_steps={0: -1, 1: 2}, per_class=True).fit(X, y)


def test_a_machine_that_becomes_slower_ends_the_run_in_time(clock):
    class Slower(DieAt):
        def __init__(self):
            pass

        def on_step_end(self, state):
            clock.tick = 0.5

    X = make_rows((24, 20))
    settings = {"model_params": SMALL, "n_steps": 10**6, "max_time": 20, "random_state": 0}
    with pytest.warns(TrainingWarning, match=r"ended the training at step \d+ of the \d+ that"):
        fitted = Synthesizer("flow", callbacks=[Slower()], **settings).fit(X)
    assert fitted.history_[-1]["step"] < fitted.n_steps_
    assert fitted.history_[-1]["seconds"] < 22


def test_a_limited_run_that_was_killed_keeps_its_plan(clock, tmp_path):
    X = make_rows((24, 20))
    settings = {"model_params": SMALL, "max_time": 1.5, "random_state": 0}
    settings |= {"checkpoint_dir": tmp_path, "training_params": {"log_every": 2}}
    with pytest.raises(Killed):
        Synthesizer("flow", callbacks=[DieAt(10)], **settings).fit(X)
    with pytest.warns(TrainingWarning, match="max_time was enough for"):
        resumed = Synthesizer("flow", **settings).fit(X)
    plain = {"model_params": SMALL, "training_params": {"log_every": 2}, "random_state": 0}
    again = Synthesizer("flow", n_steps=resumed.n_steps_, **plain).fit(X)
    assert same_weights(resumed.models_[0].model, again.models_[0].model)


def test_the_bar_counts_what_ends_first(clock, capsys):
    settings = {"model_params": SMALL, "max_time": 1.5, "random_state": 0, "verbose": 1}
    with pytest.warns(TrainingWarning):
        fitted = Synthesizer("flow", **settings).fit(make_rows((24, 20)))
    assert f"/{fitted.n_steps_}" in capsys.readouterr().err


def test_measuring_the_pace_draws_nothing_from_the_callers_generators(clock):
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()
    with pytest.warns(TrainingWarning):
        Synthesizer("dense", max_time=0.5, random_state=0).fit(make_rows((24, 20)))
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()) == before
