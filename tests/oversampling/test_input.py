"""What the sampler is given: containers, labels, groups, and clear errors."""

from __future__ import annotations

import copy
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from sampling import make
from scipy import sparse
from sklearn import config_context
from sklearn.tree import DecisionTreeClassifier
from toys import SMALL, Recorder

from bioaug import Synthesizer
from bioaug.exceptions import DataError


@pytest.mark.parametrize("form", ["array", "read-only", "frame", "list", "csr"])
def test_the_input_is_never_modified(X, y, form):
    y.flags.writeable = X.flags.writeable = form != "read-only"
    given = {"frame": pd.DataFrame, "list": np.ndarray.tolist, "csr": sparse.csr_matrix}
    given = given.get(form, lambda values: values)(X)
    before = copy.deepcopy(given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit_resample(given, y)
    if form == "csr":
        assert (given != before).nnz == 0
    else:
        np.testing.assert_array_equal(np.asarray(given), np.asarray(before))


def test_a_list_comes_back_as_a_list(X, y):
    X_resampled, y_resampled = make().fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_resampled, list)
    assert isinstance(y_resampled, list)
    assert X_resampled[:48] == X.tolist()
    deep, _ = make().fit_resample(X[:, None].tolist(), y.tolist())
    assert deep[:48] == X[:, None].tolist()


def test_a_frame_keeps_names_and_dtypes(X, y):
    frame = pd.DataFrame(X, columns=[f"t{i}" for i in range(20)], index=np.arange(48) * 2)
    frame = frame.astype({"t3": "float32"})
    X_resampled, y_resampled = make().fit_resample(frame, pd.Series(y, name="beat"))
    assert X_resampled.columns.tolist() == frame.columns.tolist()
    assert X_resampled.dtypes.tolist() == frame.dtypes.tolist()
    assert y_resampled.name == "beat"
    assert y_resampled.index.equals(X_resampled.index)
    np.testing.assert_array_equal(X_resampled.to_numpy()[:48], frame.to_numpy())


def test_integer_columns_of_a_mixed_frame_are_rounded_and_clipped(X, y):
    frame = pd.DataFrame(X * 3, columns=[f"t{i}" for i in range(20)])
    frame["t1"] = np.rint(frame["t1"]).astype("int16")
    frame["t2"] = np.rint(frame["t2"].clip(lower=0)).astype("uint8")
    made = make().fit_resample(frame, y)[0][48:]
    exact = make().fit_resample(frame.astype("float64"), y)[0][48:]
    assert made.dtypes.tolist() == frame.dtypes.tolist()
    np.testing.assert_array_equal(made["t1"], np.rint(exact["t1"]))
    np.testing.assert_array_equal(made["t2"], np.rint(exact["t2"]).clip(0, 255))
    assert (exact["t2"] < 0).any()
    np.testing.assert_array_equal(made["t0"], exact["t0"])


@pytest.mark.parametrize(
    "container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array]
)
def test_a_sparse_matrix_stays_one(X, y, container):
    given = container(np.where(np.abs(X) > 1, X, 0))
    X_resampled, _ = make().fit_resample(given, y)
    assert type(X_resampled) is container
    assert (X_resampled[:48] != given).nnz == 0
    dense, _ = make().fit_resample(given.toarray(), y)
    np.testing.assert_array_equal(X_resampled.toarray(), dense)


def test_categorical_labels_stay_categorical(X, y):
    _, y_resampled = make().fit_resample(X, pd.Series(y, dtype="category"))
    assert y_resampled.dtype == "category"
    assert Counter(y_resampled) == {"N": 36, "V": 36}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ((0, 1), "int64"),
        ((-1, 7), "int8"),
        ((2.0, 1.0), "float64"),
        ((True, False), "bool"),
        (("N", "long name"), None),
        (("N", "long name"), object),
    ],
)
def test_labels_of_every_kind(X, labels, kind):
    y = np.array([labels[0]] * 36 + [labels[1]] * 12, dtype=kind)
    _, y_resampled = make().fit_resample(X, y)
    assert y_resampled.dtype == y.dtype
    assert y_resampled.tolist() == [*y.tolist(), *[labels[1]] * 24]


@pytest.mark.parametrize(
    ("groups", "own"),
    [
        (np.repeat([101, 203, 105], 16), 204),
        (np.repeat(np.array([1, 127, 3], dtype=np.int8), 16), 128),
        (np.repeat([1.0, 2.0, 0.5], 16), 3.0),
        (np.repeat(["p1", "p2", "p3"], 16), "synthetic"),
        (np.repeat(np.array(["p1", "p2", "p3"], dtype=object), 16), "synthetic"),
        (np.repeat(np.array([7, 2, 3], dtype=object), 16), 8),
    ],
)
def test_synthetic_rows_form_a_group_of_their_own(X, y, groups, own):
    sampler = make()
    sampler.fit_resample(X, y, groups=groups)
    assert sampler.groups_.tolist() == [*groups.tolist(), *[own] * 24]
    assert len(np.unique(sampler.groups_)) == 4


@pytest.mark.parametrize("groups", [np.arange(24), np.arange(24).astype(str)])
def test_groups_where_nothing_is_added(X, y, groups):
    sampler = make()
    sampler.fit_resample(X[24:], y[24:], groups=groups)
    np.testing.assert_array_equal(sampler.groups_, groups)
    assert sampler.groups_.dtype == groups.dtype


def test_groups_given_as_series_or_list(X, y):
    for groups in (pd.Series([1, 2] * 24), [1, 2] * 24, pd.Series(["a", "b"] * 24)):
        sampler = make()
        sampler.fit_resample(X, y, groups=groups)
        assert len(sampler.groups_) == 72


def test_without_groups_there_is_no_attribute(X, y):
    sampler = make()
    sampler.fit_resample(X, y, groups=np.arange(48))
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "groups_")


def test_groups_of_another_length_are_refused_before_training(X, y):
    recorder = Recorder()
    model = Synthesizer("biosgan", model_params=SMALL, n_steps=2, callbacks=[recorder])
    with pytest.raises(DataError, match=r"'groups' parameter of fit_resample.* 48 values. Got 47"):
        make(model=model).fit_resample(X, y, groups=np.arange(47))
    assert recorder.events == []


def test_groups_are_routed_through_a_pipeline(X, y):
    with config_context(enable_metadata_routing=True):
        sampler = make().set_fit_resample_request(groups=True)
        pipeline = make_pipeline(sampler, DecisionTreeClassifier(random_state=0))
        pipeline.fit(X, y, groups=np.repeat([1, 2, 3], 16))
        assert pipeline[0].groups_.tolist() == [1] * 16 + [2] * 16 + [3] * 16 + [4] * 24


def test_one_class_only(X):
    with pytest.raises(ValueError, match=r"more than 1 class\. Got 1 class"):
        make().fit_resample(X, np.zeros(48))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0.0] * 40 + [np.nan] * 8), "label for every row"),
        (np.array(["N"] * 30 + [None] * 18, dtype=object), "label for every row"),
        ([1] * 30 + ["N"] * 18, "labels of one kind"),
    ],
)
def test_labels_that_are_missing_or_mixed(X, labels, message):
    with pytest.raises(
        DataError, match="'y' parameter of GANOversampler must hold .*" + message[-8:]
    ):
        make().fit_resample(X, labels)


@pytest.mark.parametrize("missing", [np.nan, np.datetime64("2020")])
def test_groups_that_cannot_be_named_are_refused_before_the_training(X, y, missing):
    with pytest.raises(DataError, match="'groups' parameter of fit_resample"):
        make(model="no training").fit_resample(X, y, groups=np.array([missing] * 48))


def test_one_hot_lists(X):
    _, y_resampled = make().fit_resample(X, [(1, 0, 0)] * 30 + [(0, 1, 0)] * 10 + [(0, 0, 1)] * 8)
    assert np.sum(y_resampled, axis=0).tolist() == [30, 30, 30]


def test_a_class_of_one_row_that_is_left_alone(X):
    y = np.array(["N"] * 35 + ["S"] * 12 + ["V"])
    _, y_resampled = make(sampling_strategy={"S": 20}).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 35, "S": 20, "V": 1}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, sparse.csr_matrix])
def test_values_that_are_not_finite(X, y, value, form):
    X[5, 3] = value
    with pytest.raises(DataError, match=r"'X' parameter of GANOversampler must be finite.*Interp"):
        make().fit_resample(form(X), y)


def test_constant_signals(X, y):
    X[40] = 2.0
    with pytest.raises(DataError, match=r"no constant signal\. Got 1 of 12 in class V"):
        make().fit_resample(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_steps": -1}, "'n_steps' parameter of GANOversampler must be an int in the range"),
        ({"per_class": "yes"}, "'per_class' parameter of GANOversampler must be"),
        ({"device": 3}, "'device' parameter of GANOversampler must be"),
        ({"model": 3}, "'model' parameter of GANOversampler must be"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter of GANOversampler must be"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(X, y, params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit_resample(X, y)


def test_four_dimensions(X, y):
    with pytest.raises(ValueError, match=r"must have 2 dimensions.*or 3"):
        make().fit_resample(X.reshape(48, 2, 5, 2), y)
