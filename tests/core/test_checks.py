from __future__ import annotations

from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pytest

from bioaug.core.checks import (
    Interval,
    check_classes,
    check_keys,
    check_number,
    check_option,
    check_path,
    check_signals,
)
from bioaug.exceptions import BioaugError, DataError

AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="left")


def test_an_unknown_option_is_named_with_the_nearest_one():
    message = (
        r"The 'model' parameter of Owner must be one of 'biosgan', 'dense'\. "
        r"Got 'biosgam' instead\. Did you mean 'biosgan'\?"
    )
    with pytest.raises(DataError, match=message):
        check_option("biosgam", name="model", owner="Owner", options=["biosgan", "dense"])


def test_a_strange_option_gets_no_hint():
    with pytest.raises(DataError, match=r"Got 3 instead\.$"):
        check_option(3, name="model", owner="Owner", options=["biosgan"])


def test_known_options_and_keys_pass():
    check_option("dense", name="model", owner="Owner", options=["biosgan", "dense"])
    check_keys({"a": 1}, name="params", owner="Owner", allowed=["a", "b"])
    check_keys(None, name="params", owner="Owner", allowed=["a"])


def test_an_unknown_key_is_named_with_the_nearest_one():
    with pytest.raises(DataError, match=r"'params key'.*'patch_size'.*Did you mean 'patch_size'"):
        check_keys({"patchsize": 1}, name="params", owner="Owner", allowed=["patch_size", "depth"])


@pytest.mark.usefixtures("untyped")
def test_keys_must_come_in_a_mapping():
    with pytest.raises(DataError, match=r"'params' parameter of Owner must be a dict.*Got \['a'\]"):
        check_keys(["a"], name="params", owner="Owner", allowed=["a"])


@pytest.mark.parametrize("value", [1, np.int64(5), np.uint8(1)])
def test_numbers_inside_pass(value):
    check_number(value, AT_LEAST_1, name="n_steps", owner="Owner")


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None, float("nan")])
def test_numbers_outside_are_refused(value):
    with pytest.raises(DataError, match=r"'n_steps' parameter of Owner must be an int in the "):
        check_number(value, AT_LEAST_1, name="n_steps", owner="Owner")


@pytest.mark.parametrize("value", [1.0, float("nan"), float("inf"), "0.5", True])
def test_shares_outside_are_refused(value):
    with pytest.raises(DataError, match=r"'decay' parameter of Owner .* or None\. Got"):
        check_number(value, FRACTION, name="decay", owner="Owner", optional=True)
    check_number(None, FRACTION, name="decay", owner="Owner", optional=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 6)])
def test_values_that_are_not_finite_are_counted_and_placed(value, shape):
    X = np.random.default_rng(0).normal(size=shape)
    X[2].flat[1] = value
    X[3].flat[2] = np.nan
    message = r"'X' parameter of Owner must be finite.*in 2 of 4 rows, first in row 2.*Interpolate"
    with pytest.raises(DataError, match=message):
        check_signals(X, owner="Owner")


@pytest.mark.parametrize("shape", [(2, 2, 2, 2), (1, 1, 1, 1, 1)])
def test_too_many_dimensions_are_refused(shape):
    with pytest.raises(DataError, match=r"must have 2 dimensions.*or 3.*Got shape.*Reshape"):
        check_signals(np.ones(shape), owner="Owner")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.0, 2.0, 3.0], "Expected 2D array, got 1D array"),
        (np.ones((0, 3)), "0 sample"),
        (np.ones((3, 0)), "0 feature"),
        (np.full((2, 2), "x"), "numeric"),
        (np.ones((2, 2)) * 1j, "Complex data not supported"),
        (np.ones((3, 2, 0)), r"at least one value\. Got shape \(3, 2, 0\)"),
        (np.ones((2, 2), "M8[s]"), r"must hold real numbers\. Got datetime64\[s\].*astype"),
        (np.full((2, 2), 1e101), r"values up to 1e\+100.*Got 1e\+101\. Use another unit"),
        (np.ones((2, 2), bool), r"must hold numbers\. Got booleans.*astype\(np\.uint8\)"),
    ],
)
def test_arrays_of_another_kind_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        check_signals(X, owner="Owner")


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "uint8", "int64"])
def test_signals_keep_their_dtype(dtype):
    X = np.arange(12).reshape(3, 4).astype(dtype)
    assert check_signals(X, owner="Owner")[0].dtype == dtype


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 0], r"'y' parameter of Owner.*4 labels\. Got 3"),
        ([0.5, 1.5, 2.5, 0.1], "continuous"),
        ([[0, 1]] * 4, "1d array"),
        ([0.0, np.nan, 1.0, np.nan], r"a label for every row\. Got 2 missing.*first in row 1"),
        (np.array(["a", None, "b", "a"], dtype=object), r"Got 1 missing.*row 1\. Drop these"),
        (np.array(["a", 1, "b", "a"], dtype=object), r"one kind\. Got int, str.*dtype=str"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_signals(np.ones((4, 3)), y, owner="Owner")


def test_constant_rows_are_counted_and_placed():
    X = np.random.default_rng(0).normal(size=(5, 2, 6))
    X[3] = np.array([[1.0], [2.0]])
    message = r"'X' parameter of Owner must hold no constant signal\. Got 1 of 5 in class V, the "
    with pytest.raises(DataError, match=message + r"first in row 3\. Drop"):
        check_classes(X, np.full(len(X), "V"), ["V"], owner="Owner")


def test_a_constant_channel_is_placed():
    X = np.random.default_rng(0).normal(size=(5, 2, 6))
    X[:, 1] = 7
    message = r"must vary in every channel\. Got channel 1.* value 7\.0 in class V.*Drop"
    with pytest.raises(DataError, match=message):
        check_classes(X, np.full(len(X), "V"), ["V"], owner="Owner")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_full_range_integers_are_not_called_constant(dtype):
    limits = np.iinfo(dtype)
    X = np.array([[[limits.min, limits.max]], [[limits.max, limits.min]]], dtype=dtype)
    check_classes(X, np.full(len(X), "V"), ["V"], owner="Owner")


def test_a_row_with_one_flat_channel_passes():
    X = np.random.default_rng(0).normal(size=(5, 2, 6))
    X[0, 0] = 1.0
    check_classes(X, np.full(len(X), "V"), ["V"], owner="Owner")


def test_every_error_is_of_one_family():
    assert issubclass(DataError, BioaugError)
    assert issubclass(DataError, ValueError)


def test_paths_of_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    where = {"name": "path", "owner": "save"}
    assert check_path("~/a", **where) == check_path(Path("~/a"), **where) == tmp_path / "a"
    assert check_path("a", **where) == Path("a")
    for wrong in ("", "a\0b", None, 5, True, b"a", ["a"], 1.5):
        with pytest.raises(DataError, match="'path' parameter of save must be the path"):
            check_path(wrong, **where)
    with pytest.raises(DataError, match="no_such_user"):
        check_path("~no_such_user/a", **where)
