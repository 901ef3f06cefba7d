"""Models of each class, in parallel and in threads; warnings; states to go on from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from synthesizers import assert_same_samples, assert_same_weights, make, models_of
from toys import SMALL, DieAt, Killed, Recorder, Spread, Unconditional, make_rows, same_weights

import bioaug
from bioaug import Synthesizer
from bioaug.exceptions import (
    CheckpointError,
    TrainingDivergedError,
    TrainingWarning,
)
from bioaug.training import Callback


def test_per_class_trains_a_model_for_each(X, y):
    fitted = make(per_class=True).fit(X, y)
    assert len(models_of(fitted)) == 2
    assert all(model.spec.n_classes == 1 for model in models_of(fitted))
    assert sorted({entry["classes"] for entry in fitted.history_}) == ["N", "V"]
    assert len(models_of(make(per_class=False).fit(X, y))) == 1


def test_an_unconditional_model_is_trained_per_class(X, y):
    assert len(models_of(make(model=Unconditional, model_params=None).fit(X, y))) == 2


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_parallel_training_equals_serial_training(X, y, capfd):
    serial = make(per_class=True).fit(X, y)
    parallel = make(per_class=True, n_jobs=2, verbose=1).fit(X, y)
    assert_same_weights(serial, parallel)
    assert_same_samples(serial, parallel)
    assert "step" not in capfd.readouterr().err  # no bar inside parallel workers


class CountThreads(Callback):
    def __init__(self):
        self.counts = []

    def on_step_end(self, state):
        self.counts.append(torch.get_num_threads())


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("per_class", "n_jobs", "expected"), [(True, None, 1), (False, 2, 2)])
def test_models_share_the_threads_of_torch(X, y, per_class, n_jobs, expected):
    count = CountThreads()
    make(per_class=per_class, n_jobs=n_jobs, callbacks=[count]).fit(X, y)
    assert set(count.counts) == {expected}
    assert torch.get_num_threads() == 2


def test_training_in_threads_equals_serial_training(X, y):
    with joblib.parallel_config("threading"):
        parallel = make(per_class=True, n_jobs=2).fit(X, y)
    assert_same_weights(parallel, make(per_class=True).fit(X, y))


def test_a_class_is_trained_alike_whatever_the_others_are(X, y):
    scaled = np.concatenate([X[y == "N"], 3 * X[y == "V"]])
    one, other = make(per_class=True).fit(X, y), make(per_class=True).fit(scaled, y)
    assert same_weights(models_of(one)[0], models_of(other)[0])


def test_max_time_ends_the_training_with_what_it_has(X, y):
    with pytest.warns(TrainingWarning, match=r"max_time was enough for 1 of .* steps \(0%\)"):
        fitted = make(n_steps=10**9, max_time=1e-9).fit(X, y)
    assert [entry["step"] for entry in fitted.history_] == [1]
    assert fitted.n_steps_ == 1
    assert np.isfinite(fitted.sample(3)[0]).all()


def test_a_nan_at_once_is_an_error(X, y):
    with pytest.raises(TrainingDivergedError, match="nan at step 2"):
        make(model=Spread, model_params={"nan_from": 2}, n_steps=9).fit(X, y)


def test_a_later_nan_is_a_warning_that_names_step_and_class(X, y):
    fitted = make(
        model=Spread, model_params={"nan_from": 8}, n_steps=20, training_params={"log_every": 5}
    )
    with pytest.warns(TrainingWarning, match="class N, V: .*nan at step 8; the last good"):
        fitted.fit(X, y)
    assert np.isfinite(fitted.sample(20)[0]).all()


def test_a_collapse_is_a_warning_that_names_step_and_class(X, y):
    fitted = make(model=Spread, model_params={"pull": 1.0, "lr": 0.005}, n_steps=1000)
    fitted.set_params(training_params={"ema_decay": 0.9})
    with pytest.warns(TrainingWarning, match=r"collapsed at step \d+ on class N, V; the weights"):
        fitted.fit(X, y)
    made = fitted.sample(y=["V"] * 30)[0]
    assert made.std(axis=0).mean() > 0.05 * X[y == "V"].std(axis=0).mean()


@pytest.mark.parametrize("per_class", [False, True])
def test_a_broken_fit_goes_on_to_the_same_weights(X, y, tmp_path, per_class):
    params = {"per_class": per_class, "n_steps": 7, "training_params": {"log_every": 2}}
    params["training_params"] |= {"schedule": "linear"}
    whole = make(**params).fit(X, y)
    params["checkpoint_dir"] = tmp_path
    with pytest.raises(Killed):
        make(**params, callbacks=[DieAt(5)]).fit(X, y)
    recorder = Recorder()
    resumed = make(**params, callbacks=[recorder]).fit(X, y)
    assert recorder.events[2] == "step 5"
    assert_same_weights(resumed, whole)
    assert_same_samples(resumed, whole)
    assert [e["step"] for e in resumed.history_] == [e["step"] for e in whole.history_]


def test_a_finished_fit_is_not_trained_again(X, y, tmp_path):
    whole = make(checkpoint_dir=tmp_path).fit(X, y)
    recorder = Recorder()
    again = make(checkpoint_dir=tmp_path, callbacks=[recorder]).fit(X, y)
    assert recorder.events == ["fit begins", "fit ends"]
    assert_same_weights(again, whole)


def test_a_warning_is_given_again_by_a_finished_fit(X, y, tmp_path):
    params = {"model": Spread, "model_params": {"nan_from": 4}, "checkpoint_dir": tmp_path}
    params |= {"n_steps": 9, "training_params": {"log_every": 2}}
    with pytest.warns(TrainingWarning, match="nan at step 4"):
        whole = make(**params).fit(X, y)
    with pytest.warns(TrainingWarning, match="nan at step 4"):
        again = make(**params).fit(X, y)
    assert_same_weights(again, whole)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"random_state": 1}, "seed"),
        ({"n_steps": 3}, "config"),
        ({"model_params": {**SMALL, "depth": 2}}, "model_params"),
        ({"max_time": 100.0}, "config"),
    ],
)
def test_another_fit_does_not_go_on_from_there(X, y, tmp_path, changed, named):
    make(checkpoint_dir=tmp_path).fit(X, y)
    with pytest.raises(CheckpointError, match=rf"differs in {named}\..*'checkpoint_dir'"):
        make(checkpoint_dir=tmp_path, **changed).fit(X, y)


def test_other_rows_do_not_go_on_from_there(X, y, tmp_path):
    make(checkpoint_dir=tmp_path).fit(X, y)
    with pytest.raises(CheckpointError, match=r"differs in training rows\."):
        make(checkpoint_dir=tmp_path).fit(X[::-1], y)


def test_classes_with_odd_names_have_folders_of_their_own(tmp_path):
    X, y = make_rows((60, 20)), np.repeat(["/", "a", "A", "..", "a/b"], 12)
    params = {"per_class": True, "checkpoint_dir": tmp_path / "states"}
    one, other = make(**params).fit(X, y), make(**params).fit(X, y)
    assert_same_weights(one, other)
    folders = {folder.name.lower() for folder in (tmp_path / "states").iterdir()}
    assert len(folders) == 5
    assert list(tmp_path.iterdir()) == [tmp_path / "states"]


def test_a_checkpoint_dir_that_cannot_be_made_fails_before_training(X, y, tmp_path):
    (tmp_path / "file").write_text("x")
    recorder = Recorder()
    with pytest.raises(OSError, match="file"):
        make(checkpoint_dir=tmp_path / "file", callbacks=[recorder]).fit(X, y)
    assert recorder.weights == []


LONG_FIT = """
import sys, time
import numpy as np, torch
from bioaug import Synthesizer
from bioaug.training import Callback

class Slow(Callback):
    def on_step_end(self, state):
        time.sleep(0.005)

torch.set_num_threads(1)
X = np.random.default_rng(0).normal(size=(40, 24)).cumsum(axis=1)
synthesizer = Synthesizer(
    n_steps=300, training_params={"log_every": 5}, random_state=0,
    checkpoint_dir=sys.argv[1] or None, callbacks=[Slow()] if sys.argv[1] else None,
)
synthesizer.fit(X, np.repeat([0, 1], 20)).save(sys.argv[2])
"""


@pytest.mark.slow
def test_a_fit_killed_by_sigkill_goes_on_to_the_same_weights(tmp_path):
    root = str(Path(bioaug.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}

    def start(checkpoint_dir, path):
        return subprocess.Popen(
            [sys.executable, "-c", LONG_FIT, checkpoint_dir, str(path)], env=environment
        )

    def step():
        found = list((tmp_path / "states").glob("*/config.json"))
        return json.loads(found[0].read_text())["state"]["step"] if found else 0

    assert start("", tmp_path / "whole").wait() == 0
    for beyond in (15, 90, 200):  # killed three times, each time further on
        process = start(str(tmp_path / "states"), tmp_path / "resumed")
        while step() < beyond:
            assert process.poll() is None
            time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert beyond <= step() < 300
    assert not (tmp_path / "resumed").exists()
    assert start(str(tmp_path / "states"), tmp_path / "resumed").wait() == 0
    whole, resumed = (Synthesizer.load(tmp_path / name) for name in ("whole", "resumed"))
    assert_same_weights(whole, resumed)
    assert_same_samples(whole, resumed)
