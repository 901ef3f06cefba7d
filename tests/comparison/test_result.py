"""What a comparison says of its runs: tables, intervals, pages, files."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from comparing import compare, make_beats
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.tree import DecisionTreeClassifier

from bioaug import GANOversampler
from bioaug.comparison import AugmentationResult, write_report
from bioaug.exceptions import DataError


@pytest.fixture
def beats():
    return make_beats()


def split_at(groups, patient):
    return [(np.flatnonzero(groups < patient), np.flatnonzero(groups >= patient))]


# What counts as evidence


def test_repeats_of_the_same_folds_are_no_further_tests(beats):
    """The classifier knows no chance, so a repeat is a copy: nothing more is known."""
    arms, estimator = {"weak": {"C": 1e-4}}, LogisticRegression()
    once = compare(beats, arms, estimator, cv=GroupKFold(4)).comparisons[0]
    often = compare(beats, arms, estimator, cv=GroupKFold(4), n_repeats=5).comparisons[0]
    assert often.verdict == once.verdict
    for name in ("value", "low", "high", "p"):
        values = (getattr(one.difference, name) for one in (often, once))
        assert next(values) == pytest.approx(next(values))


def test_repeats_of_the_same_folds_do_not_sharpen_the_worth(beats):
    """Without chance in the classifier, what differs from repeat to repeat is the draw of rows."""
    split = split_at(beats[2], "p06")
    found = compare(beats, {"copies": "copies", "oracle": "oracle"}, cv=split, n_repeats=3).worth[0]
    assert (found.low, found.high) == (0.0, math.inf)


def test_a_set_random_state_does_not_freeze_the_repeats(beats):
    split = split_at(beats[2], "p06")
    fixed = DecisionTreeClassifier(max_depth=3, max_features=1, random_state=0)
    result = compare(beats, {"other": {"random_state": 1}}, fixed, cv=split, n_repeats=4)
    scores = [run.score for run in result.runs if run.arm == "none"]
    assert len(set(scores)) > 1
    first = compare(beats, {"other": {"random_state": 1}}, fixed, cv=split)
    assert first.runs[0].score == scores[0]


def test_an_iterator_of_splits_serves_every_repeat(beats):
    result = compare(beats, {"copies": "copies"}, cv=iter(split_at(beats[2], "p06")), n_repeats=2)
    assert result.protocol.cv == "1 given split"
    assert len(result.runs) == 4


@pytest.mark.parametrize(("n_splits", "n_repeats"), [(1, 2), (4, 1)])
def test_random_splits_are_compared_by_folds_only(beats, tmp_path, n_splits, n_repeats):
    cv = GroupShuffleSplit(n_splits, test_size=0.3)
    result = compare(beats, {"copies": "copies"}, cv=cv, n_repeats=n_repeats)
    found = result.comparisons[0]
    assert found.method.startswith("folds")
    assert found.by_patients is None
    assert found.leave_one_out is None
    scores = result.table["score"]
    assert found.difference.value == pytest.approx(scores["copies"] - scores["none"])
    assert "patient-level results are unavailable" in text_of(result, tmp_path)
    again = compare(beats, {"copies": "copies"}, cv=cv, n_repeats=n_repeats)
    assert again.comparisons == result.comparisons
    assert AugmentationResult.load(tmp_path / "report.json").comparisons == result.comparisons


def test_a_test_row_named_twice_is_refused(beats):
    [(train, test)] = split_at(beats[2], "p06")
    with pytest.raises(DataError, match=r"every row to be scored once\. Got 2"):
        compare(beats, {"copies": "copies"}, cv=[(train, np.r_[test, test[:2]])])


def test_a_single_patient_to_score_on_is_no_verdict(beats, tmp_path):
    result = compare(beats, {"copies": "copies"}, cv=split_at(beats[2], "p11"), n_repeats=2)
    assert result.comparisons[0].verdict.outcome == "inconclusive"
    write_report(result, tmp_path / "report.html")
    loaded = AugmentationResult.load(tmp_path / "report.json")
    assert loaded.comparisons[0].difference.low == -math.inf


def test_a_score_that_is_not_finite_is_refused_at_once(beats):
    with pytest.raises(DataError, match=r"'scoring' parameter .* must return a finite number"):
        compare(beats, {"copies": "copies"}, scoring=lambda y, predicted: math.nan)


def test_unfinished_folds_are_not_compared(beats, tmp_path):
    whole = compare(beats, {"copies": "copies", "SMOTE": SMOTE()}, n_repeats=2)
    runs = whole.runs[:-1]  # the last fold lacks an arm
    part = AugmentationResult.of(whole.protocol, runs, whole.truth)
    assert {found.n_pairs for found in part.comparisons} == {5}
    scores = part.table["score"]
    of_none = [r.score for r in runs if r.arm == "none"][:5]
    assert scores["none"] == pytest.approx(np.mean(of_none))
    nothing = compare(beats, {"copies": "copies"}, max_time=1e-9)
    write_report(nothing, tmp_path / "report.html")
    assert "of the 0 folds" in (tmp_path / "report.html").read_text()


def test_scores_of_a_class_are_over_the_folds_that_have_it(beats):
    X, y, groups = beats
    y = np.where(groups < "p04", y, "N")
    result = compare((X, y, groups), {"copies": "copies"}, cv=GroupKFold(6))
    found = [run.per_class["V"] for run in result.runs if run.arm == "none"]
    of_class = [scores.f1 for scores in found if scores.support]
    assert len(of_class) < 6
    assert result.per_class.loc[("none", "V"), "f1"] == pytest.approx(np.mean(of_class))


def test_arms_without_new_rows_and_levels_without_rows_have_no_worth(beats):
    arms = {"under": RandomUnderSampler(), "copies": "copies", "oracle": "oracle"}
    assert [found.arm for found in compare(beats, arms).worth] == ["copies"]
    X, _, groups = beats
    few = np.where(np.isin(np.arange(360), [5, 65, 125, 185, 245, 305]), "V", "N")
    compare((X, few, groups), arms)  # a quarter of 2 rows is 0 or 1


# What is asked again, and what is written


def test_the_report_says_that_rows_were_held_out(beats, tmp_path):
    text = text_of(compare(beats, {"oracle": "oracle"}), tmp_path)
    assert "trained without 50% of the rows" in text


def test_the_report_says_where_real_rows_did_not_help(beats, tmp_path):
    result = compare(beats, {"copies": "copies", "oracle": "oracle"})
    for value, is_said in ((0.5, False), (math.nan, True)):
        changed = replace(result, worth=(replace(result.worth[0], value=value),))
        said = "no value: real rows did not help either" in text_of(changed, tmp_path)
        assert said == is_said


def text_of(result, folder):
    write_report(result, folder / "report.md")
    return (folder / "report.md").read_text()


def test_json_has_no_infinite_numbers(beats, tmp_path):
    result = compare(beats, {"copies": "copies", "oracle": "oracle"}, cv=split_at(beats[2], "p06"))
    assert math.isinf(result.worth[0].high)
    result.save(tmp_path / "result.json")

    def refuse(name):
        raise AssertionError(name)

    json.loads((tmp_path / "result.json").read_text(), parse_constant=refuse)
    loaded = AugmentationResult.load(tmp_path / "result.json")
    assert loaded.comparisons == result.comparisons
    assert loaded.worth[0].high == math.inf
    assert repr(loaded.worth) == repr(result.worth)


def test_patients_left_out_add_up(beats):
    result = compare(beats, {"copies": "copies"})
    twice = result.without("p00").without(["p01"])
    assert twice.protocol.patients_left_out == ("p00", "p01")
    assert all(run.calibration is None for run in twice.runs)
    X, y, groups = beats
    numbered = compare((X, y, np.unique(groups, return_inverse=True)[1]), {"copies": "copies"})
    most = numbered.comparisons[0].leave_one_out.patient
    assert numbered.without(most).comparisons[0].n_patients == 11
    with pytest.raises(DataError, match=r"'patients' parameter of without .* Got \['x'\]"):
        result.without("x")
    one = result.without([f"p{i:02d}" for i in range(11)])
    assert one.comparisons[0].verdict.outcome == "inconclusive"


def test_patients_can_be_left_out_and_the_baseline_changed(beats):
    result = compare(beats, {"copies": "copies", "SMOTE": SMOTE()})
    without = result.without(["p03"])
    assert without.comparisons[0].n_patients == 11
    assert all("p03" not in run.patients_test for run in without.runs)
    other = result.against("SMOTE")
    assert {found.arm for found in other.comparisons} == {"none", "copies"}
    same = [f.difference.value for f in result.comparisons if f.arm == "SMOTE"]
    back = [f.difference.value for f in other.comparisons if f.arm == "none"]
    assert same[0] == pytest.approx(-back[0])


def test_saved_and_loaded(beats, tmp_path):
    result = compare(beats, {"copies": "copies"})
    result.save(tmp_path / "result.json")
    loaded = AugmentationResult.load(tmp_path / "result.json")
    assert repr(loaded) == repr(result)
    with pytest.raises(DataError, match="needs the predictions"):
        loaded.without(["p03"])
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(DataError, match=r"AugmentationResult\.save"):
        AugmentationResult.load(tmp_path / "bad.json")


@pytest.mark.parametrize("ending", [".html", ".md"])
def test_every_line_of_the_report_can_be_traced(beats, tmp_path, ending):
    arms = {"copies <b>": "copies", "local": GANOversampler("local"), "oracle": "oracle"}
    result = compare(beats, arms, LogisticRegression())
    page = tmp_path / f"report{ending}"
    write_report(result, page, citation="Cite me.")
    text, stored = page.read_text(), json.loads((tmp_path / "report.json").read_text())
    for place, found in enumerate(stored["comparisons"]):
        assert f"comparisons[{place}]" in text
        assert f"{found['difference']['value']:+.3f}" in text
    for wanted in ("Does augmentation help?", "Cite me.", "12 patients", "worth[0]", "sensitivity"):
        assert wanted in text
    assert "<b>" not in text.replace("copies <b>", "") or ending == ".md"
    assert ("data:image/png" in text) == (ending == ".html")
    assert (tmp_path / "report_1.png").exists() == (ending == ".md")


def test_other_endings_are_refused(beats, tmp_path):
    result = compare(beats, {"copies": "copies"})
    with pytest.raises(DataError, match=r"'path' parameter of write_report must end in '.html'"):
        write_report(result, tmp_path / "report.pdf")
