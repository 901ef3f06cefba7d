"""Wrong types in statistics and comparisons raise a DataError, whatever they are."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from comparing import compare, make_beats
from scipy import sparse
from sklearn.tree import DecisionTreeClassifier

from bioaug import cross_validate_augmentation, write_report
from bioaug.exceptions import BioaugError, DataError
from bioaug.statistics import (
    Interval,
    calibration_error,
    corrected_interval,
    holm,
    leave_one_patient_out,
    patient_bootstrap,
    patients_needed,
    per_class_scores,
    verdict,
    worth,
    worth_interval,
)

Y, GROUPS = np.array(["N", "V"] * 6), np.repeat(np.arange(4), 3)
ROWS = {"y": Y, "predicted": Y, "other": np.roll(Y, 1), "groups": GROUPS, "metric": "f1_macro"}
INTERVAL = Interval(0.1, -0.1, 0.3, 0.2)
WORTH = {
    "real_counts": [0, 1], "real_scores": [[0.1], [0.2]], "synthetic_score": [0.1],
    "n_synthetic": 3,
}  # fmt: skip
CALLS = {
    corrected_interval: {"differences": [0.1, 0.2], "test_fraction": 0.2, "confidence": 0.9},
    patient_bootstrap: ROWS | {"n_draws": 9, "test_fraction": 0.5, "random_state": 0},
    leave_one_patient_out: ROWS,
    holm: {"p_values": [0.1, 0.2]},
    patients_needed: {"interval": INTERVAL, "n_patients": 5, "power": 0.8},
    verdict: {"interval": INTERVAL, "p": 0.2, "n_patients": 4, "metric": "f1_macro"},
    per_class_scores: {"y": Y, "predicted": Y, "labels": ["N", "V"]},
    calibration_error: {"y": Y, "probabilities": np.full((12, 2), 0.5), "labels": ["N", "V"]},
    worth: WORTH,
    worth_interval: WORTH | {"n_draws": 9, "random_state": 0},
}


def wrong_values():
    return [
        None, 3, -1.5, "x", b"x", {"a": 1}, {1, 2}, (i for i in range(12)), object(), int, [],
        [[1], [1, 2]], np.array(3), np.zeros((2, 2, 2)), np.full(12, 1j), [None] * 12, ["a", 1] * 6,
        torch.ones(12, requires_grad=True), pd.Series([pd.NA, "a"] * 6), pd.Series([1.0, None] * 6),
        sparse.eye(12).tocsr(), np.ma.masked_array([1.0] * 12, [True] + [False] * 11), [{}] * 12,
        float("nan"), 10**400, [10**400] * 12, pd.DataFrame({"a": [1] * 12}), range(12), True,
        np.array(["2020-01-01"] * 12, dtype="M8[D]"), np.array([object()] * 12),
    ]  # fmt: skip


def attempt(call, **given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(BioaugError):
            call(**given)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_statistics_raise_no_other_error(call):
    usual = CALLS[call]
    for name in usual:
        for value in wrong_values():
            attempt(call, **(usual | {name: value}))


@pytest.fixture(scope="module")
def beats():
    return make_beats()


@pytest.mark.parametrize(
    "name", ["X", "y", "groups", "samplers", "cv", "scoring", "estimator", "hypotheses", "folder"]
)
def test_comparisons_raise_no_other_error(beats, name):
    usual = dict(zip(("X", "y", "groups"), beats, strict=True))
    usual |= {
        "estimator": DecisionTreeClassifier(),
        "samplers": ["weights"],
        "cv": 2,
        "max_time": 1e-9,
    }
    for value in wrong_values():
        attempt(cross_validate_augmentation, **(usual | {name: value}))


def test_results_and_reports_raise_no_other_error(beats, tmp_path):
    result = compare(beats, ["copies"], cv=2)
    for value in wrong_values():
        attempt(result.against, baseline=value)
        attempt(result.save, path=value if isinstance(value, int) else tmp_path / "a.json")
        for name in ("result", "evaluation", "figures", "citation", "path"):
            given = {"result": result, "path": tmp_path / "page.html"} | {name: value}
            if name in ("result", "path") or value is not None:
                attempt(write_report, **given)


@pytest.mark.parametrize("name", ["predicted", "other", "groups"])
def test_series_in_another_order_are_refused(name):
    shuffled = pd.Series(ROWS[name], index=np.arange(12)[::-1])
    given = ROWS | {"y": pd.Series(Y), name: shuffled}
    with pytest.raises(DataError, match=f"'{name}' parameter .* must be in the order of 'y'"):
        patient_bootstrap(**given)
    same = ROWS | {"y": pd.Series(Y), name: pd.Series(ROWS[name])}
    assert patient_bootstrap(**same) == patient_bootstrap(**ROWS)


def test_labels_in_another_order_than_the_rows_are_refused(beats):
    X, y, groups = beats
    table, backwards = pd.DataFrame(X), np.arange(len(X))[::-1]
    with pytest.raises(DataError, match=r"'y' parameter .* Write y.loc\[X.index\]"):
        compare((table, pd.Series(y, index=backwards), groups), ["copies"])
    with pytest.raises(DataError, match=r"'groups' parameter .* order of 'X'"):
        compare((table, y, pd.Series(groups, index=backwards)), ["copies"])


def test_tensors_are_taken():
    tensors = {"y": torch.tensor([0, 1] * 6), "predicted": torch.tensor([0, 1] * 6)}
    found = patient_bootstrap(**(ROWS | tensors | {"other": torch.zeros(12, dtype=torch.int64)}))
    assert found.value > 0
