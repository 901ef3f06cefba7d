"""What users pass in: labels, groups, columns and containers of every kind."""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from toys import make_rows

from bioaug import GANOversampler, Synthesizer, cross_validate_augmentation
from bioaug.core.containers import unlike_most
from bioaug.exceptions import DataError, DataWarning

pytestmark = pytest.mark.usefixtures("untyped")


def local(**params):
    return GANOversampler("local", random_state=0, **params)


@pytest.fixture
def X():
    return make_rows((60, 16))


@pytest.fixture
def y():
    return np.where(np.arange(60) < 40, "N", "V")


# Labels


MISSING = {
    "NA of text": lambda y: pd.Series(y, dtype="string").mask(np.arange(60) == 3),
    "NA of objects": lambda y: pd.Series(y, dtype="string").mask(np.arange(60) == 3).astype(object),
    "NA of integers": lambda y: pd.Series(y == "V").astype("Int64").mask(np.arange(60) == 3),
    "NaN of text": lambda y: pd.Series(y).mask(np.arange(60) == 3),
    "category": lambda y: pd.Series(y, dtype="category").mask(np.arange(60) == 3),
    "None": lambda y: [None if row == 3 else label for row, label in enumerate(y)],
    "NaN of floats": lambda y: np.where(np.arange(60) == 3, np.nan, y == "V"),
}


@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
@pytest.mark.parametrize(
    "call",
    [
        lambda X, y: local().fit_resample(X, y),
        lambda X, y: local().fit(X, y),
        lambda X, y: Synthesizer("dense", n_steps=1).fit(X, y),
    ],
)
def test_missing_labels_are_counted_whatever_they_are(X, y, missing, call):
    message = r"'y' .* must hold a label for every row\. Got 1 missing ones, the first in row 3"
    with pytest.raises(DataError, match=message):
        call(X, missing(y))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda y: list(y[:40]) + ["V"] * 20,
        lambda y: np.array([*y[:40], *["V"] * 20], dtype=object),
        lambda y: pd.Series(list(y[:40]) + ["V"] * 20),
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y, dtype="category"),
    ],
)
def test_text_of_any_kind_is_text(X, y, mixed):
    _, labels = local().fit_resample(X, mixed(y))
    assert type(labels) is type(mixed(y))
    assert Counter(map(str, labels)) == {"N": 40, "V": 40}
    assert Synthesizer("dense", n_steps=1).fit(X, mixed(y)).classes_.tolist() == ["N", "V"]


def test_numbers_of_several_kinds_are_numbers(X):
    labels = [0] * 20 + [np.int64(0)] * 20 + [np.float64(1)] * 10 + [1.0] * 10
    assert Counter(local().fit_resample(X, labels)[1]) == {0: 40, 1: 40}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([b"N"] * 40 + [b"V"] * 20), r"Got bytes.*numpy\.char\.decode\(y, 'utf-8'\)"),
        ([b"N"] * 40 + ["V"] * 20, r"Got bytes, str instead"),
        ([0] * 40 + ["V"] * 20, r"of one kind\. Got int, str.*numpy\.array\(y, dtype=str\)"),
        (pd.to_datetime(["2020-01-01"] * 40 + ["2021-01-01"] * 20), r"text or numbers"),
        (np.array([1] * 40 + [2] * 20, "datetime64[ns]"), r"Got datetime64\[ns\] instead"),
        (np.array([1] * 40 + [2] * 20, "timedelta64[s]"), r"Got timedelta64\[s\] instead"),
        ({"N": 40}, r"Got a dict instead"),
        ({"N", "V"}, r"Got a set instead"),
        (iter("NV" * 30), r"instead\. Give an array"),
        ("NV" * 30, r"Got a str instead"),
        (None, r"got None"),
        (torch.ones(60, requires_grad=True), r"requires gradients\. Give y\.detach\(\)"),
    ],
)
def test_labels_of_other_kinds_are_refused_with_advice(X, labels, message):
    with pytest.raises(DataError, match=message):
        local().fit_resample(X, labels)


def test_labels_belong_to_rows_by_position_not_by_index(X, y):
    order = np.random.default_rng(0).permutation(60)
    shuffled = pd.Series(y, index=order)
    frame = pd.DataFrame(X, index=order[::-1])
    plain, labels = local().fit_resample(X, y)
    moved, moved_labels = local().fit_resample(frame, shuffled)
    np.testing.assert_array_equal(moved.to_numpy(), plain)
    assert moved_labels.tolist() == labels.tolist()
    fitted = Synthesizer("dense", n_steps=1, random_state=0).fit(X, y)
    wanted = pd.Series(["V", "N", "V"], index=[2, 0, 1])
    assert fitted.sample(y=wanted)[1].tolist() == ["V", "N", "V"]


@pytest.mark.parametrize("asked", [{"N", "V"}, {"N": 1}, "N", 3, [["N"], ["V", "N"]], [None]])
def test_sample_refuses_what_is_no_list_of_classes(X, y, asked):
    fitted = Synthesizer("dense", n_steps=1, random_state=0).fit(X, y)
    with pytest.raises(DataError, match="'y' parameter of sample"):
        fitted.sample(y=asked)
    with pytest.raises(DataError, match="'seeds' parameter of sample"):
        fitted.sample(2, seeds={1, 2})


# Groups


GROUPS = {
    "NaN": lambda g: np.where(g == 3, np.nan, g),
    "None": lambda g: np.where(g == 3, None, g.astype(str)),
    "NA": lambda g: pd.Series(g.astype(str), dtype="string").mask(g == 3),
    "NA of integers": lambda g: pd.Series(g).astype("Int64").mask(g == 3),
}


class Counting(LogisticRegression):
    fits = 0

    def fit(self, X, y):
        Counting.fits += 1
        return super().fit(X, y)


@pytest.mark.parametrize("missing", GROUPS.values(), ids=GROUPS)
def test_missing_groups_are_counted_before_any_training(X, y, missing, monkeypatch):
    monkeypatch.setattr(Counting, "fits", 0)
    groups = missing(np.arange(60) % 10)
    message = r"must hold a group for every row\. Got 6 missing ones, the first in row 3"
    with pytest.raises(DataError, match="cross_validate_augmentation " + message):
        cross_validate_augmentation(Counting(), X, y, groups=groups, samplers={"s": local()}, cv=3)
    with pytest.raises(DataError, match="fit_resample " + message):
        local().fit_resample(X, y, groups=groups)
    assert Counting.fits == 0


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, "a"] * 30, "of one kind"),
        (np.arange(59), "60 values. Got 59"),
        (np.array([[1, 2]] * 60), "1d array"),
        (set(range(60)), "Got a set"),
        (7, "1d array"),
        (np.where(np.arange(60) < 5, np.inf, 1.0), "must be finite"),
    ],
)
def test_other_wrong_groups_are_refused_before_any_training(X, y, groups, message, monkeypatch):
    monkeypatch.setattr(Counting, "fits", 0)
    for call in (
        lambda: local().fit_resample(X, y, groups=groups),
        lambda: cross_validate_augmentation(
            Counting(), X, y, groups=groups, samplers={"s": local()}, cv=3
        ),
    ):
        with pytest.raises(DataError, match=f"'groups' parameter of .*{message}"):
            call()
    assert Counting.fits == 0


# Counts


@pytest.mark.parametrize(
    ("n_majority", "n_minority", "ratio", "wanted"),
    [
        (100, 28, 0.29, 29),
        (100, 29, 0.29, 29),
        (90, 60, 0.7, 63),
        (100, 50, 0.57, 57),
        (100, 20, 0.755, 75),
        (1000, 20, 0.0333, 33),
        (7, 3, 1.0, 7),
        (100, 20, 1 / 3, 33),
    ],
)
def test_a_ratio_gives_the_count_that_people_expect(n_majority, n_minority, ratio, wanted):
    n = n_majority + n_minority
    X, y = make_rows((n, 12)), np.arange(n) >= n_majority
    sampler = GANOversampler("jitter", sampling_strategy=ratio, random_state=0)
    assert np.bincount(sampler.fit_resample(X, y)[1]).tolist() == [n_majority, wanted]
    assert sampler.sampling_strategy == ratio
    assert float(Fraction(wanted, n_majority)) <= ratio + 1e-9


def test_a_ratio_that_would_remove_rows_is_still_refused(X, y):
    with pytest.raises(ValueError, match="remove samples"):
        local(sampling_strategy=0.4).fit_resample(X, y)


# Rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [[1.0, 2.0, 3.0]] * 59 + [[1.0, 2.0]],
            r"one length\. Got 2 different lengths, from 2 to 3",
        ),
        ([[[1.0, 2.0], [1.0]]] * 60, r"one length\. Got 2 different lengths, from 1 to 2"),
        ([np.ones(n % 3 + 2) for n in range(60)], r"Got 3 different lengths, from 2 to 4"),
        (pd.Series([np.ones(n % 2 + 2) for n in range(60)]), r"Got 2 different lengths"),
        (np.array([np.ones(n % 2 + 2) for n in range(60)], dtype=object), r"2 different lengths"),
        (np.ma.masked_less(make_rows((60, 16)), -3), r"masked array with \d+ masked values"),
        (torch.ones(60, 16, requires_grad=True), r"requires gradients\. Give X\.detach\(\)"),
        (torch.ones(60, 16, dtype=torch.bfloat16), r"tensor that numpy cannot read"),
        ({"a": [1, 2]}, r"Got a dict"),
        ({1, 2}, r"Got a set"),
        ((row for row in np.ones((60, 3))), r"Got a generator"),
        ("signals", r"Got a str"),
        (None, r"got None"),
        (np.ones((60, 3)) * 1j, r"Complex data not supported"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda X, y: local().fit_resample(X, y),
        lambda X, y: Synthesizer("dense", n_steps=1).fit(X, y),
    ],
)
def test_rows_that_are_no_array_are_refused_with_advice(y, rows, message, call):
    with pytest.raises(DataError, match="'X' parameter of .*" + message):
        call(rows, y)


def test_a_masked_array_without_masked_values_is_an_array(X, y):
    made = local().fit_resample(np.ma.array(X), y)[0]
    np.testing.assert_array_equal(made, local().fit_resample(X, y)[0])


def test_a_list_of_arrays_or_tensors_of_one_length_is_fine(X, y):
    for rows in (list(X), list(torch.from_numpy(X))):
        assert np.shape(local().fit_resample(rows, y)[0]) == (80, 16)


@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical(np.arange(60) % 2),
        pd.Categorical(["m", "f"] * 30),
        np.array(["a"] * 60, dtype=object),
        pd.date_range("2020", periods=60),
        pd.to_timedelta(np.arange(60), unit="s"),
    ],
)
def test_columns_that_hold_no_numbers_are_named(X, y, column):
    frame = pd.DataFrame(X, columns=[f"t{i}" for i in range(16)])
    frame["sex"] = column
    for call in (
        lambda: local(n_features=1).fit_resample(frame, y),
        lambda: Synthesizer("dense", n_steps=1, n_features=1).fit(frame, y),
    ):
        with pytest.raises(DataError, match=r"numbers in every column\. Got 'sex' \("):
            call()


def test_columns_called_otherwise_than_the_time_steps_are_named_in_a_warning(X, y):
    frame = pd.DataFrame(X, columns=[*(f"t{i}" for i in range(14)), "age", "patient"])
    for call in (
        lambda **k: local(**k).fit_resample(frame, y),
        lambda **k: Synthesizer("dense", n_steps=1, random_state=0, **k).fit(frame, y),
    ):
        with pytest.warns(DataWarning, match=r"columns 'age', 'patient' of X .* unlike 't0'"):
            call()
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            call(n_features=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        local().fit_resample(frame.rename(columns=dict(zip(frame, range(16), strict=True))), y)


def test_names_are_unlike_most_only_where_there_is_a_most():
    assert unlike_most(["t0", "t1", "t2", "age"]) == (["age"], "t0")
    assert unlike_most(["I", "II", "V1", "V2"]) == ([], "")
    assert unlike_most([]) == ([], "")


def test_more_channels_than_time_steps_are_named_in_a_warning(y):
    X = make_rows((60, 40, 2))
    message = r"X of shape \(60, 40, 2\) has 40 channels of 2 time steps.*X\.transpose\(0, 2, 1\)"
    with pytest.warns(DataWarning, match=message):
        local(quality_filter=False).fit_resample(X, y)
    with pytest.warns(DataWarning, match=message):
        Synthesizer("dense", n_steps=1).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        local(quality_filter=False).fit_resample(X.transpose(0, 2, 1), y)


def test_polars_frames_and_series_come_back(X, y):
    polars = pytest.importorskip("polars")
    schema = {f"t{i}": polars.Float32 if i % 2 else polars.Int16 for i in range(16)}
    frame = polars.DataFrame(np.rint(10 * X), schema=dict.fromkeys(schema, polars.Float64))
    frame, labels = frame.cast(schema), polars.Series("beat", y.tolist())
    made, grown = local().fit_resample(frame, labels)
    assert isinstance(made, polars.DataFrame)
    assert made.schema == frame.schema
    assert made.head(60).equals(frame)
    assert isinstance(grown, polars.Series)
    assert (grown.name, grown.dtype, len(grown)) == ("beat", labels.dtype, 80)
    missing = polars.Series([None, *y[1:].tolist()])
    with pytest.raises(DataError, match="1 missing ones, the first in row 0"):
        local().fit_resample(frame, missing)
    with pytest.raises(DataError, match=r"polars LazyFrame.*collect\(\)"):
        local().fit_resample(frame.lazy(), labels)


@pytest.mark.parametrize(
    "as_given",
    [
        lambda y: y.astype(object),
        lambda y: pd.Series(y.astype(object)),
        lambda y: pd.Series(y, dtype="Int64"),
    ],
)
def test_numbers_among_objects_are_labels(as_given):
    X, y = make_rows((30, 12)), np.repeat([1, 2], [20, 10])
    sampler = GANOversampler("distort", random_state=0)
    labels = np.asarray(sampler.fit_resample(X, as_given(y))[1])
    assert np.unique(labels.astype(int), return_counts=True)[1].tolist() == [20, 20]
    fitted = Synthesizer("dense", n_steps=1, random_state=0).fit(X, as_given(y))
    assert fitted.classes_.tolist() == [1, 2]


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="numpy has no StringDType")
def test_text_of_numpys_own_type_is_labels():
    X, y = make_rows((30, 12)), np.repeat(["N", "V"], [20, 10]).astype(np.dtypes.StringDType())
    _, labels = GANOversampler("distort", random_state=0).fit_resample(X, y)
    assert np.unique(labels.astype(str), return_counts=True)[1].tolist() == [20, 20]
    assert Synthesizer("dense", n_steps=1).fit(X, y).classes_.tolist() == ["N", "V"]


def test_another_number_of_labels_than_rows_is_named():
    with pytest.raises(DataError, match=r"'y' parameter of Synthesizer.*30 labels\. Got 29"):
        Synthesizer("dense").fit(make_rows((30, 12)), np.zeros(29))
