"""Fitting: seeds, callbacks, clones, joined synthesizers."""

from __future__ import annotations

import copy
import json
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from synthesizers import assert_same_samples, assert_same_weights, make, models_of
from toys import Recorder, make_rows, same_weights

from bioaug import Synthesizer
from bioaug.exceptions import (
    DataError,
    QualityWarning,
)
from bioaug.training import TensorBoard


@pytest.mark.parametrize("per_class", [False, True])
def test_the_same_seed_gives_the_same_weights_and_samples(X, y, per_class):
    one, other = (make(per_class=per_class).fit(X, y) for _ in range(2))
    assert_same_weights(one, other)
    assert_same_samples(one, other)
    assert_same_samples(one, other)
    different = make(per_class=per_class, random_state=1).fit(X, y)
    assert not same_weights(models_of(one)[0], models_of(different)[0])


def test_a_generator_as_random_state_goes_on(X, y):
    state = np.random.RandomState(0)
    first, second = make(random_state=state).fit(X, y), make(random_state=state).fit(X, y)
    assert not same_weights(models_of(first)[0], models_of(second)[0])
    again = make(random_state=np.random.RandomState(0)).fit(X, y)
    assert_same_weights(first, again)


def test_global_generators_are_left_alone(X, y):
    before = np.random.get_state(), torch.get_rng_state()
    make(per_class=True).fit(X, y).sample(5)
    after = np.random.get_state(), torch.get_rng_state()
    assert all(np.array_equal(one, other) for one, other in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])


def test_global_seeds_have_no_say(X, y):
    samples = []
    for seed in (1, 2):
        np.random.seed(seed)
        torch.manual_seed(seed)
        samples.append(make().fit(X, y).sample(5)[0])
    np.testing.assert_array_equal(*samples)


def test_history_tells_class_step_and_losses(X, y):
    fitted = make(n_steps=4, training_params={"log_every": 2}).fit(X, y)
    assert [entry["step"] for entry in fitted.history_] == [2, 4]
    assert fitted.history_[0]["classes"] == "N, V"
    assert np.isfinite(fitted.history_[0]["generator/adversarial"])
    json.dumps(fitted.history_)


def test_silent_by_default_and_a_bar_when_asked(X, y, capfd):
    make().fit(X, y)
    assert capfd.readouterr() == ("", "")
    make(verbose=1).fit(X, y)
    assert "biosgan N, V" in capfd.readouterr().err


def test_callbacks_watch_the_training(X, y):
    recorder = Recorder()
    make(n_steps=3, callbacks=[recorder]).fit(X, y)
    assert recorder.events[-2:] == ["step 3", "fit ends"]


def test_tensorboard_writes_one_run_for_each_model(y, tmp_path):
    pytest.importorskip("tensorboard")
    y = np.where(y == "V", "/", "a/b")
    make(per_class=True, callbacks=[TensorBoard(tmp_path)]).fit(make_rows((48, 20)), y)
    assert len(list(tmp_path.iterdir())) == 2
    assert all(list(run.glob("events*")) for run in tmp_path.iterdir())


def test_a_failed_fit_leaves_the_fitted_model(X, y):
    fitted = make().fit(X, y)
    before = copy.deepcopy(models_of(fitted)[0])
    with pytest.raises(DataError):
        fitted.fit(np.full_like(X, np.nan), y)
    assert same_weights(models_of(fitted)[0], before)
    assert fitted.sample(2)[0].shape == (2, 20)


def test_a_clone_is_not_fitted(X, y):
    cloned = clone(make().fit(X, y))
    assert cloned.get_params() == make().get_params()
    with pytest.raises(NotFittedError):
        cloned.sample()


def test_fit_takes_read_only_rows_and_leaves_them(X, y):
    X.flags.writeable = y.flags.writeable = False
    before = X.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", QualityWarning)
        make().fit(X, y).sample(3)
    np.testing.assert_array_equal(X, before)


def test_synthesizers_of_other_signals_are_not_joined():
    synthesizer = Synthesizer("flow", n_steps=1, random_state=0).fit(make_rows((20, 24)))
    other = Synthesizer("flow", n_steps=1, random_state=0).fit(make_rows((20, 12)))
    with pytest.raises(DataError, match=r"same signal_shape_\. Got \(12,\) instead of \(24,\)"):
        synthesizer.joined(other)


def test_what_is_done_to_a_joined_synthesizer_leaves_its_parts(X, y):
    of_all = make(per_class=True).fit(X, y)
    of_one = make(per_class=True).fit(X[y == "V"], y[y == "V"])
    joined = of_one.joined(of_all)
    assert joined.classes_.tolist() == ["N", "V"]
    assert joined.quality_ == {"N": of_all.quality_["N"], "V": of_one.quality_["V"]}
    before = of_one.sample(4, random_state=0)[0]
    joined.fine_tune(X[y == "V"], y[y == "V"], n_steps=1)
    np.testing.assert_array_equal(of_one.sample(4, random_state=0)[0], before)
    assert of_one.classes_.tolist() == ["V"]
