"""What a fitted Synthesizer generates: shapes, labels, streams of random numbers, copies."""

from __future__ import annotations

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from synthesizers import assert_same_samples, make, models_of
from toys import Spread, make_rows

from bioaug import Synthesizer
from bioaug.exceptions import (
    DataError,
)


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
