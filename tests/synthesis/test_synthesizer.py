from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from toys import SMALL, DieAt, Killed, Recorder, Spread, Unconditional, make_rows, same_weights

import bioaug
from bioaug import Synthesizer
from bioaug.core.checkpoint import read_checkpoint, write_checkpoint
from bioaug.exceptions import (
    CheckpointError,
    DataError,
    QualityWarning,
    TrainingDivergedError,
    TrainingWarning,
)
from bioaug.training import Callback, TensorBoard


def make(**params):
    return Synthesizer(
        **{"model": "biosgan", "n_steps": 2, "model_params": SMALL, "random_state": 0} | params
    )


def models_of(synthesizer):
    return [fitted.model for fitted in synthesizer.models_]


def assert_same_weights(one, other):
    assert len(models_of(one)) == len(models_of(other))
    assert all(map(same_weights, models_of(one), models_of(other)))


def assert_same_samples(one, other, **how):
    (X_one, y_one), (X_other, y_other) = one.sample(7, **how), other.sample(7, **how)
    np.testing.assert_array_equal(X_one, X_other)
    np.testing.assert_array_equal(y_one, y_other)


# What comes out


@pytest.mark.parametrize("shape", [(48, 20), (48, 1, 20), (48, 2, 20)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "uint8"])
def test_samples_have_shape_and_dtype_of_the_rows(shape, dtype, y):
    X = (make_rows(shape) * 4 + 100).astype(dtype)
    made, labels = make().fit(X, y).sample(y=["V", "N", "V"])
    assert made.shape == (3, *shape[1:])
    assert made.dtype == dtype
    assert labels.tolist() == ["V", "N", "V"]
    assert labels.dtype == y.dtype


def test_integer_samples_are_rounded(monkeypatch, y):
    X = (make_rows((48, 20)) * 20).astype(np.int16)
    whole, exact = make().fit(X, y), make().fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(whole.sample(9)[0], np.rint(exact.sample(9)[0]))


def test_samples_are_spread_evenly_over_the_classes(X, y):
    _, labels = make().fit(X, y).sample(7)
    assert labels.tolist() == ["N"] * 4 + ["V"] * 3


@pytest.mark.parametrize("n_samples", [0, 1, 1025, 2500])
def test_many_samples_come_in_one_array(X, y, n_samples):
    made, labels = make().fit(X, y).sample(n_samples)
    assert made.shape == (n_samples, 20)
    assert labels.shape == (n_samples,)
    assert len(np.unique(made, axis=0)) == n_samples


def test_long_signals_are_generated_in_small_chunks(monkeypatch, X, y):
    fitted = make().fit(X, y)
    sizes = []
    model = models_of(fitted)[0]
    generate = model.generate

    def noted(labels):
        sizes.append(len(labels))
        return generate(labels)

    monkeypatch.setattr(model, "generate", noted)
    generated = np.full((25, 20), np.nan)
    rows, labels = np.arange(25), np.repeat(fitted.classes_[0], 25)
    fitted.models_[0].generate_into(
        generated, rows, labels, rows, device=torch.device("cpu"), max_chunk_values=200
    )
    assert sizes == [10, 10, 5]
    assert np.isfinite(generated).all()


def test_rows_in_any_order_of_labels_match_their_labels():
    X = np.concatenate([np.full((20, 8), -5.0), np.full((20, 8), 5.0)]) + make_rows((40, 8)) / 100
    fitted = make(model=Spread, model_params={"lr": 1.0}, n_steps=90, per_class=False)
    fitted.fit(X, np.repeat(["low", "high"], 20))
    wanted = np.array(["high", "low", "low", "high", "low"] * 4)
    made, labels = fitted.sample(y=wanted)
    assert (labels == wanted).all()
    np.testing.assert_array_equal(made.mean(axis=1) > 0, wanted == "high")


def test_without_labels_there_is_one_class(X):
    fitted = make().fit(X)
    made, labels = fitted.sample(3)
    assert fitted.classes_.tolist() == [0]
    assert labels.tolist() == [0, 0, 0]
    assert made.shape == (3, 20)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, -1]),
        np.array(["normal", "V"]),
        np.array(["normal", "V"], dtype=object),
        np.array([True, False]),
        np.array([1.0, 2.0]),
    ],
)
def test_labels_of_every_kind_come_back(X, labels, tmp_path):
    y = np.repeat(labels, 24)
    fitted = make().fit(X, y)
    fitted.save(tmp_path)
    for synthesizer in (fitted, Synthesizer.load(tmp_path)):
        _, found = synthesizer.sample(y=[labels[1], labels[0]])
        assert found.tolist() == [labels[1], labels[0]]
        assert found.dtype == y.dtype


@pytest.mark.parametrize("ddof", [0, 1])
def test_standardised_rows_come_out_standardised(y, ddof):
    X = make_rows((48, 20))
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, ddof=ddof, keepdims=True)
    made, _ = make().fit(X, y).sample(30)
    np.testing.assert_allclose(made.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(made.std(axis=1, ddof=ddof), 1, rtol=1e-12)


def test_lists_and_short_signals_are_taken(y):
    for n_timesteps in (1, 2, 3):
        made, _ = make().fit(make_rows((48, n_timesteps)).tolist(), y.tolist()).sample(2)
        assert made.shape == (2, n_timesteps)


# Randomness


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


def test_every_call_of_sample_makes_new_signals(X, y):
    fitted = make().fit(X, y)
    first, second = fitted.sample(5)[0], fitted.sample(5)[0]
    assert not np.isclose(first, second).all(axis=1).any()


def test_a_seed_for_sample_repeats_and_leaves_the_stream_alone(X, y):
    one, other = make().fit(X, y), make().fit(X, y)
    drawn = [one.sample(4, random_state=3)[0] for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert_same_samples(one, other)


def test_fitting_again_starts_the_stream_again(X, y):
    fitted = make().fit(X, y)
    first = fitted.sample(4)[0]
    np.testing.assert_array_equal(fitted.fit(X, y).sample(4)[0], first)


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


# One model, or one for each class


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


# Progress, history, warnings


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


# Clear errors


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "biosgam"}, "'model'.*must be one of 'biosgan'.*'biosgam'.*mean 'biosgan'"),
        ({"model": 3}, "'model'.*must be one of 'biosgan'.*Got 3"),
        ({"model_params": {"dept": 1}}, "'model_params key'.*Got 'dept'.*mean 'depth'"),
        ({"model_params": {"spec": 1}}, "'model_params key'.*Got 'spec'"),
        ({"model_params": [1]}, r"'model_params'.*dict or None\. Got \[1\]"),
        ({"training_params": {"batchsize": 1}}, "'training_params key'.*mean 'batch_size'"),
        ({"training_params": {"batch_size": 0}}, r"'batch_size'.*\[1, inf\)\. Got 0"),
        ({"n_steps": -1}, r"'n_steps' parameter of Synthesizer.*\[0, inf\) or None\. Got -1"),
        ({"n_steps": 1.5}, "'n_steps'.*Got 1.5"),
        ({"n_steps": "9"}, "'n_steps'.*Got '9'"),
        ({"max_time": 0}, r"'max_time' parameter of Synthesizer.*\(0.0, inf\) or None\. Got 0"),
        ({"max_time": "5"}, "'max_time'.*Got '5'"),
        ({"per_class": "yes"}, "'per_class'.*one of True, False, 'auto'. Got 'yes'"),
        ({"callbacks": [print]}, r"'callbacks'.*list of bioaug\.training\.Callback\. Got"),
        ({"callbacks": 3}, r"'callbacks'.*list of bioaug\.training\.Callback\. Got 3"),
        ({"device": "cuda:99"}, "'device'.*'cpu'.*Got 'cuda:99'.*Use device='auto'"),
        ({"device": "gpu"}, "'device'.*'cpu'.*Got 'gpu'.*Use device='auto'"),
        ({"random_state": "x"}, r"'random_state'.*from 0 to 2\*\*32 - 1.*Got 'x'"),
        ({"random_state": -1}, r"'random_state'.*from 0 to 2\*\*32 - 1.*Got -1"),
        ({"n_jobs": "a"}, "'n_jobs' parameter of Synthesizer.*int.*None. Got 'a'"),
        ({"random_state": None, "checkpoint_dir": "x"}, "'random_state'.*'checkpoint_dir'.*Set"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(X, y, params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused(X, y, value):
    X[5, 3] = value
    with pytest.raises(DataError, match=r"'X' parameter of Synthesizer must be finite.*in row 5"):
        make().fit(X, y)


def test_flat_rows_are_refused(X, y):
    X[40] = 2.0
    with pytest.raises(DataError, match=r"'X'.*no constant signal\. Got 1 of 12 in class V.*Drop"):
        make().fit(X, y)


def test_a_constant_channel_is_refused(y):
    X = make_rows((48, 3, 20))
    X[:, 2] = 1.0
    with pytest.raises(DataError, match=r"'X'.*vary in every channel\. Got channel 2.*Drop"):
        make().fit(X, y)


def test_a_class_of_one_row_is_refused(X):
    y = np.array(["N"] * 47 + ["V"])
    with pytest.raises(DataError, match=r"'y'.*at least 2 rows.*Got 1 row of class V.*Leave"):
        make().fit(X, y)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["V", "Q"], r"'y' parameter of sample.*\['N', 'V'\].*Got \['Q'\]"),
        ([1, 2], r"Got \[1, 2\]"),
        (np.array(["Q", 1], dtype=object), r"Got \[1, 'Q'\]"),
        ("V", r"Got a str instead"),
        ([["V"]], r"Got an array of shape \(1, 1\)"),
    ],
)
def test_unknown_classes_are_refused(X, y, wanted, message):
    with pytest.raises(DataError, match=message):
        make().fit(X, y).sample(y=wanted)


@pytest.mark.parametrize("n_samples", [-1, 2.5, "3", None])
@pytest.mark.usefixtures("untyped")
def test_impossible_numbers_of_samples_are_refused(X, y, n_samples):
    with pytest.raises(DataError, match=rf"'n_samples'.*\[0, inf\)\. Got {n_samples!r}"):
        make().fit(X, y).sample(n_samples)


def test_before_fit_there_is_nothing_to_sample_or_save(tmp_path):
    for call in (make().sample, lambda: make().save(tmp_path), lambda: make().history_):
        with pytest.raises(NotFittedError):
            call()


def test_a_failed_fit_leaves_the_fitted_model(X, y):
    fitted = make().fit(X, y)
    before = copy.deepcopy(models_of(fitted)[0])
    with pytest.raises(DataError):
        fitted.fit(np.full_like(X, np.nan), y)
    assert same_weights(models_of(fitted)[0], before)
    assert fitted.sample(2)[0].shape == (2, 20)


# Saved, copied and resumed


@pytest.mark.parametrize("per_class", [False, True])
def test_a_loaded_synthesizer_makes_the_same_samples(X, y, tmp_path, per_class):
    fitted = make(per_class=per_class).fit(X, y)
    fitted.sample(2)
    fitted.save(tmp_path / "saved")
    loaded = Synthesizer.load(tmp_path / "saved")
    assert_same_weights(fitted, loaded)
    assert_same_samples(fitted, loaded, random_state=5)
    assert_same_samples(fitted, loaded)  # both go on with the stream
    assert loaded.history_ == fitted.history_
    assert loaded.signal_shape_ == fitted.signal_shape_
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    assert loaded.get_params()["model_params"] == SMALL
    assert_same_weights(clone(loaded).fit(X, y), fitted)


@pytest.mark.usefixtures("untyped")
def test_numpy_parameters_can_be_saved(X, y, tmp_path):
    fitted = make(random_state=np.int64(0), max_time=np.float64(1e9)).fit(X, y)
    fitted.save(tmp_path)
    assert Synthesizer.load(tmp_path).max_time == 1e9


def test_saving_over_a_saved_one_replaces_it(X, y, tmp_path):
    make(random_state=1).fit(X, y).save(tmp_path)
    fitted = make().fit(X, y)
    fitted.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert_same_weights(Synthesizer.load(tmp_path), fitted)


def test_saved_files_are_safetensors_and_json_only(X, y, tmp_path):
    make(per_class=True).fit(X, y).save(tmp_path)
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".safetensors"]


def test_loading_a_missing_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere"):
        Synthesizer.load(tmp_path / "nowhere")


def test_loading_a_training_state(X, y, tmp_path):
    make(checkpoint_dir=tmp_path).fit(X, y)
    (folder,) = tmp_path.iterdir()
    with pytest.raises(CheckpointError, match=r"no saved Synthesizer but a 'training'.*save wrote"):
        Synthesizer.load(folder)


def no_models(config):
    config["models"] = []


def other_parameter(config):
    config["parameters"]["model_params"] = {"width": 3}


def other_size(config):
    config["models"][0]["spec"]["n_timesteps"] = 21


def no_codec(config):
    del config["models"][0]["codec"]


def bad_dtype(config):
    config["models"][0]["codec"]["dtype"] = "<z9"


def text_for_model(config):
    config["models"] = ["x"]


def no_seed(config):
    del config["sampling_seed"]


@pytest.mark.parametrize(
    "damage",
    [
        no_models,
        other_parameter,
        other_size,
        no_codec,
        bad_dtype,
        text_for_model,
        no_seed,
    ],
)
@pytest.mark.usefixtures("untyped")
def test_loading_a_config_that_fits_no_model(X, y, tmp_path, damage):
    make().fit(X, y).save(tmp_path)
    tensors, config = read_checkpoint(tmp_path)
    damage(config)
    write_checkpoint(tmp_path / "damaged", tensors, {k: config[k] for k in list(config)[4:]})
    with pytest.raises(CheckpointError, match=r"(?s)damaged' cannot be rebuilt.*train and save"):
        Synthesizer.load(tmp_path / "damaged")


def test_loading_a_model_that_is_not_registered(X, y, tmp_path):
    make().fit(X, y).save(tmp_path)
    tensors, config = read_checkpoint(tmp_path)
    config["parameters"]["model"] = "biosgen"
    write_checkpoint(tmp_path, tensors, {k: config[k] for k in list(config)[4:]})
    with pytest.raises(
        CheckpointError, match=r"'biosgen', which is not registered.*register_model"
    ):
        Synthesizer.load(tmp_path)


def test_loading_weights_of_which_one_is_missing(X, y, tmp_path):
    make().fit(X, y).save(tmp_path)
    tensors, config = read_checkpoint(tmp_path)
    tensors.pop(next(iter(tensors)))
    write_checkpoint(tmp_path, tensors, {k: config[k] for k in list(config)[4:]})
    with pytest.raises(CheckpointError, match=r"(?s)cannot be rebuilt.*is missing"):
        Synthesizer.load(tmp_path)


@pytest.mark.parametrize("per_class", [False, True])
def test_copies_make_the_same_samples(X, y, tmp_path, per_class):
    fitted = make(per_class=per_class).fit(X, y)
    fitted.sample(2)
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    copies = [
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        joblib.load(tmp_path / "fitted.joblib"),
    ]
    wanted = fitted.sample(7)[0]
    for other in copies:
        np.testing.assert_array_equal(other.sample(7)[0], wanted)


def test_a_clone_is_not_fitted(X, y):
    cloned = clone(make().fit(X, y))
    assert cloned.get_params() == make().get_params()
    with pytest.raises(NotFittedError):
        cloned.sample()


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


def test_fit_takes_read_only_rows_and_leaves_them(X, y):
    X.flags.writeable = y.flags.writeable = False
    before = X.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", QualityWarning)
        make().fit(X, y).sample(3)
    np.testing.assert_array_equal(X, before)


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


def test_synthesizers_of_other_signals_are_not_joined():
    synthesizer = Synthesizer("flow", n_steps=1, random_state=0).fit(make_rows((20, 24)))
    other = Synthesizer("flow", n_steps=1, random_state=0).fit(make_rows((20, 12)))
    with pytest.raises(DataError, match=r"same signal_shape_\. Got \(12,\) instead of \(24,\)"):
        synthesizer.joined(other)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_steps", 10**400),
        ("max_time", 10**400),
        ("verbose", np.ones(3)),
        ("verbose", "yes"),
        ("device", np.ones(3)),
        ("device", 10**400),
    ],
)
def test_parameters_that_no_number_or_device_can_be_are_named(name, value):
    X = make_rows((108, 24))
    with pytest.raises(DataError, match=f"'{name}' parameter"):
        Synthesizer("dense", **({"n_steps": 1} | {name: value})).fit(X)
