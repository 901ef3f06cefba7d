"""Verdicts of a comparison: who is asked about, classes that are harmed, and what to do."""

from __future__ import annotations

import html
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from comparing import compare, make_beats
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GroupKFold

from bioaug.comparison import AugmentationResult, write_report
from bioaug.exceptions import DataError
from bioaug.statistics import holm


@pytest.fixture(scope="module")
def beats():
    return make_beats()


def by_arm(result):
    return {found.arm: found for found in result.comparisons}


# Holm


def test_controls_are_no_hypotheses(beats):
    arms = {"SMOTE": SMOTE(), "weights": "weights"}
    alone = by_arm(compare(beats, arms | {"oracle": "oracle"}))
    both = by_arm(
        compare(beats, arms | {"oracle": "oracle", "copies": "copies", "again": "copies"})
    )
    for arm in ("SMOTE", "weights"):
        assert both[arm].p_holm == alone[arm].p_holm
    expected = holm([alone["SMOTE"].difference.p, alone["weights"].difference.p])
    assert [alone["SMOTE"].p_holm, alone["weights"].p_holm] == expected.tolist()
    for arm in ("oracle 25%", "oracle 100%", "copies", "again"):
        assert both[arm].p_holm == both[arm].difference.p
        assert not both[arm].is_counted


def test_whoever_asks_about_a_control_has_it_counted(beats):
    arms = {"SMOTE": SMOTE(), "copies": "copies", "mine": RandomOverSampler()}
    assert [f.arm for f in compare(beats, arms).comparisons if f.is_counted] == ["SMOTE", "mine"]
    asked = by_arm(compare(beats, arms, hypotheses=["copies"]))
    assert [arm for arm, found in asked.items() if found.is_counted] == ["copies"]


def test_another_baseline_and_fewer_patients_ask_about_the_same_arms(beats):
    result = compare(beats, {"SMOTE": SMOTE(), "local": "local", "copies": "copies"})

    def counted(of):
        return {found.arm for found in of.comparisons if found.is_counted}

    assert counted(result.without("p00")) == {"SMOTE", "local"}
    assert counted(result.against("copies")) == {"SMOTE", "local"}  # not "none": nobody asks that
    assert counted(result.against("SMOTE")) == {"none", "local"}
    assert counted(result.against("SMOTE").without("p00")) == {"none", "local"}


# Classes


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts what its rows say: the label, or another one for a part of a class."""

    def __init__(self, wrong_n=0.0, wrong_v=0.0):
        self.wrong_n, self.wrong_v = wrong_n, wrong_v

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        wrong = np.where(X[:, 0] == 1, self.wrong_v, self.wrong_n)
        return self.classes_[np.abs((X[:, 0] == 1) - (X[:, 1] < wrong).astype(int))]


def labelled_rows(n_patients=30, n_rows=60):
    """Return rows that hold their label, and a number for each row of a patient's class."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_patients), n_rows)
    y = np.where(rng.random(len(groups)) < 0.3, "V", "N")
    X = np.column_stack([y == "V", rng.random(len(y)), rng.normal(size=(len(y), 8))])
    return X.astype(float), y, groups


def test_a_class_that_is_harmed_is_a_verdict_of_its_own():
    """Class V gains what class N loses: the mean says nothing, N does."""
    arms = {"trade": {"wrong_n": 0.15, "wrong_v": 0.0}}
    result = compare(labelled_rows(60), arms, Fixed(wrong_v=0.28), cv=GroupKFold(5))
    found = result.comparisons[0]
    assert found.difference.low < 0 < found.difference.high
    assert found.per_class["N"].interval.high < 0 < found.per_class["V"].interval.high
    assert found.verdict.outcome == "harms class N"
    assert found.verdict.text.startswith(
        "harms class N: do not use it where this class counts, on 60 patients F1 of class N was "
    )
    assert "over all classes, inconclusive" in found.verdict.text
    assert result.table.loc["trade", "verdict"] == found.verdict.outcome


def test_a_harm_to_all_is_called_one_and_a_gain_is_used():
    data = labelled_rows()
    worse = compare(data, {"worse": {"wrong_n": 0.3}}, Fixed(wrong_v=0.1), cv=GroupKFold(5))
    assert worse.comparisons[0].verdict.outcome == "harms"
    assert "it harms class N, V, on 30 patients F1 of class N" in worse.comparisons[0].verdict.text
    assert worse.summary == (
        "Stay with 'none': on 30 patients no other arm was shown to help. 'worse' harms."
    )
    better = compare(data, {"better": {"wrong_v": 0.0}}, Fixed(wrong_v=0.4), cv=GroupKFold(5))
    assert better.comparisons[0].verdict.outcome == "helps"
    assert better.summary.startswith(
        "Use 'better' rather than 'none': on 30 patients macro F1 was 0."
    )
    assert repr(better).startswith(better.summary)


def test_the_report_begins_with_what_to_do(beats, tmp_path):
    result = compare(beats, {"SMOTE": SMOTE()})
    write_report(result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "</h1>\n<p>Stay with 'none': on 12 patients" in html.unescape(page)


def test_a_worth_that_can_be_anything_is_said_in_words(beats, tmp_path):
    groups = beats[2]
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    result = compare(beats, {"SMOTE": SMOTE(), "oracle": "oracle"}, cv=split)
    assert (result.worth[0].low, result.worth[0].high) == (0.0, math.inf)
    write_report(result, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert "anything: too few folds to say" in text
    assert "inf" not in text.replace("information", "").split("What one synthetic row")[1][:400]
    for low, high, words in ((0.2, math.inf, "at least 0.200"), (0.0, 0.3, "at most 0.300")):
        changed = replace(result, worth=(replace(result.worth[0], low=low, high=high),))
        write_report(changed, tmp_path / "report.md")
        assert words in (tmp_path / "report.md").read_text()


def test_the_call_that_the_report_recommends_exists(beats, tmp_path, monkeypatch):
    import bioaug.metrics

    result = compare(beats, {"copies": "copies"})
    write_report(result, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    call = text.partition("Not evaluated here. In Python: ")[2].partition("<")[0]
    rows = np.random.default_rng(0).normal(size=(3, 20, 16)).cumsum(axis=2)
    names = dict(zip(("X_train", "X_test", "X_synthetic"), rows, strict=True))
    fast = {"scores": ["mmd"], "verbose": 0}
    whole = call.replace(")", ", **fast)")
    found = eval(whole, names | {"bioaug": bioaug, "fast": fast})
    assert "mmd" in found.table.index


def test_patients_are_asked_for_only_where_they_make_the_interval_wide(beats):
    few = compare(beats, {"stump": {"max_leaf_nodes": 2}}, cv=2).comparisons[0]
    assert few.difference.limited_by == "folds"
    assert "more folds first" in few.verdict.text or few.verdict.outcome != "inconclusive"
    each = compare(beats, {"leaves": {"max_leaf_nodes": 5}}, cv=GroupKFold(12)).comparisons[0]
    assert each.difference.limited_by == "patients"
    assert "patients would be needed" in each.verdict.text


# Files from elsewhere


@pytest.fixture(scope="module")
def stored(beats):
    return compare(beats, {"copies": "copies", "oracle": "oracle"}).to_json()


def edits():
    yield lambda whole: whole["protocol"].pop("arms")
    yield lambda whole: whole["protocol"].update(arms=["none"])
    yield lambda whole: whole["protocol"].update(baseline="other")
    yield lambda whole: whole["protocol"].update(n_runs=-1)
    yield lambda whole: whole["runs"][0].update(score="high")
    yield lambda whole: whole["runs"][0].update(arm="other")
    yield lambda whole: whole["runs"][0]["per_class"].update(V={})
    yield lambda whole: whole["runs"][0].update(added=[1])
    yield lambda whole: whole["runs"].append(3)
    yield lambda whole: whole["comparisons"][0].update(per_class={"V": [1]})
    yield lambda whole: whole["comparisons"][0]["verdict"].update(text="x" * 20_000)
    yield lambda whole: whole["comparisons"][0].pop("verdict")
    yield lambda whole: whole["worth"][0].update(value=True)
    yield lambda whole: whole["comparisons"][0].update(unit="rows")
    yield lambda whole: whole["comparisons"][0]["by_folds"].update(low=None)
    yield lambda whole: whole["worth"][0].update(value=10**400)
    yield lambda whole: whole.update(runs={})
    yield lambda whole: whole.pop("worth")


@pytest.mark.parametrize("edit", list(edits()))
def test_a_result_from_elsewhere_is_checked_field_by_field(stored, tmp_path, edit):
    whole = json.loads(stored)
    edit(whole)
    (tmp_path / "result.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=r"AugmentationResult\.save wrote as JSON. It cannot"):
        AugmentationResult.load(tmp_path / "result.json")


@pytest.mark.parametrize("content", [b"", b"[", b"[" * 10**6, b"3", b"\xff\xfe", b'{"runs": NaN}'])
def test_what_is_no_result_is_refused(tmp_path, content):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(DataError, match="It cannot be read"):
        AugmentationResult.load(tmp_path / "result.json")


def test_a_result_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "result.json").open("wb") as file:
        file.truncate(2**28 + 1)  # of zeros, which take no room on the disk
    with pytest.raises(DataError, match="it has 268435457 bytes, more than 268435456"):
        AugmentationResult.load(tmp_path / "result.json")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda whole: whole.update(format="bioaug-result-1"), "format 'bioaug-result-1', not"),
        (lambda whole: whole["runs"][1].update(n_test=-1), r"runs\[1\].n_test has a wrong value"),
        (lambda whole: whole["runs"][0].update(colour="red"), r"runs\[0\] has an unknown entry"),
        (lambda whole: whole["protocol"].pop("cv"), "protocol lacks 'cv'"),
        (
            lambda whole: whole["comparisons"][0]["difference"].update(p="0"),
            r"comparisons\[0\].difference.p has a wrong value: '0'",
        ),
    ],
)
def test_a_wrong_entry_is_named(stored, tmp_path, edit, named):
    whole = json.loads(stored)
    edit(whole)
    (tmp_path / "result.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=named):
        AugmentationResult.load(tmp_path / "result.json")
