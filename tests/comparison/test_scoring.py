"""Scores of a comparison: scikit-learn's scorers, by fold and by patient."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from comparing import compare, make_beats
from imblearn.over_sampling import SMOTE
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    get_scorer,
    make_scorer,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from bioaug.comparison import AugmentationResult, write_report
from bioaug.comparison.scoring import Scoring
from bioaug.exceptions import DataError

LOGISTIC = LogisticRegression(max_iter=1000)


def fast(scoring, y):
    """Return a score whose intervals come from few draws."""
    return replace(Scoring.of(scoring, y), n_draws=60)


@pytest.fixture(scope="module")
def beats():
    return make_beats()


@pytest.fixture(scope="module")
def three_classes():
    X, y, groups = make_beats()
    y = y.astype("<U2")
    y[::11] = "F"
    X[y == "F"] -= np.linspace(0, 4, 16)
    return X, y, groups


def test_scorers_of_labels_are_those_of_scikit_learn(three_classes):
    X, y, _ = three_classes
    model = LOGISTIC.fit(X, y)
    predicted = model.predict(X)
    for name in ("f1_macro", "recall_macro", "balanced_accuracy", "matthews_corrcoef", "accuracy"):
        found = Scoring.of(name, y).value(y, predicted)
        assert found == pytest.approx(get_scorer(name)(model, X, y))
    sensitivity = make_scorer(recall_score, labels=["F"], average="macro")
    assert Scoring.of(sensitivity, y).name == "recall of F"
    expected = np.mean(predicted[y == "F"] == "F")
    assert Scoring.of(sensitivity, y).value(y, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["roc_auc_ovr", "neg_log_loss"])
def test_scorers_of_probabilities_are_those_of_scikit_learn(three_classes, name):
    X, y, _ = three_classes
    model = LOGISTIC.fit(X, y)
    scoring = Scoring.of(name, y)
    found = scoring.value(y, model.predict(X), scoring.responses_of(model, X))
    assert found == pytest.approx(get_scorer(name)(model, X, y))


@pytest.mark.parametrize("model", [LOGISTIC, LinearSVC()])
def test_of_two_text_labels_the_rarer_one_is_positive(beats, model):
    X, y, _ = beats
    fitted = model.fit(X, y == "V")
    response = fitted.decision_function(X)
    for name, score in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
        for labels in (y, np.where(y == "V", "A", "N")):  # the rarer one first or last
            of_labels = model.fit(X, labels)
            scoring = Scoring.of(name, labels)
            found = scoring.value(labels, of_labels.predict(X), scoring.responses_of(of_labels, X))
            assert found == pytest.approx(score(y == "V", response), abs=1e-6)
    predicted = model.fit(X, y).predict(X)
    found = Scoring.of("recall", y).value(y, predicted)
    assert found == pytest.approx(np.mean(predicted[y == "V"] == "V"))


def test_rows_that_lack_a_class_are_scored_by_the_others(three_classes):
    X, y, _ = three_classes
    model = LOGISTIC.fit(X, y)
    scoring = Scoring.of("roc_auc_ovr", y)
    kept = y != "F"
    method, responses = scoring.responses_of(model, X)
    found = scoring.value(y[kept], model.predict(X)[kept], (method, responses[kept]))
    of_v = responses[kept][:, 2] / responses[kept][:, 1:].sum(axis=1)
    assert found == pytest.approx(roc_auc_score(y[kept] == "V", of_v))
    alone = y == "N"
    assert math.isnan(scoring.value(y[alone], y[alone], (method, responses[alone])))


@pytest.mark.parametrize(
    "scoring",
    [
        "roc_auc_ovr",
        "average_precision",
        make_scorer(recall_score, labels=["V"], average="macro"),
        make_scorer(average_precision_score, response_method="predict_proba", pos_label="V"),
    ],
)
def test_scorers_have_statistics_by_folds_and_by_patients(beats, tmp_path, scoring):
    scoring = fast(scoring, beats[1])
    result = compare(beats, {"SMOTE": SMOTE()}, LOGISTIC, scoring=scoring, folder=tmp_path / "runs")
    found = result.comparisons[0]
    assert found.difference.low < found.difference.high
    assert found.by_patients.low < found.by_patients.high
    assert found.leave_one_out.patient in set(beats[2].tolist())
    scores = result.table["score"]
    assert found.difference.value == pytest.approx(scores["SMOTE"] - scores["none"])
    again = compare(beats, {"SMOTE": SMOTE()}, LOGISTIC, scoring=scoring, folder=tmp_path / "runs")
    assert again.comparisons == result.comparisons
    fewer = result.without("p00").comparisons[0]
    assert fewer.n_patients == 11
    write_report(result, tmp_path / "report.html")
    assert AugmentationResult.load(tmp_path / "report.json").comparisons == result.comparisons


@pytest.mark.slow
def test_runs_stored_for_a_score_of_labels_are_done_again_for_one_of_probabilities(beats, tmp_path):
    compare(beats, {"SMOTE": SMOTE()}, LOGISTIC, folder=tmp_path)
    settings = {"estimator": LOGISTIC, "scoring": fast("roc_auc", beats[1])}
    stored = compare(beats, {"SMOTE": SMOTE()}, folder=tmp_path, **settings)
    assert stored.table.equals(compare(beats, {"SMOTE": SMOTE()}, **settings).table)


def test_a_score_needs_a_classifier_that_gives_what_it_is_computed_from(beats):
    with pytest.raises(DataError, match=r"must have predict_proba for the score 'neg_log_loss'"):
        compare(beats, ["smote"], LinearSVC(), scoring="neg_log_loss")


@pytest.mark.parametrize(
    ("scoring", "text"),
    [
        ("r2", "must be a score of these labels"),
        ("roc_auc_orv", "Did you mean 'roc_auc_ovr'"),
        (lambda estimator, X, y: 0.0, "takes estimator, X, y. Use sklearn.metrics.make_scorer"),
        (lambda y, predicted: math.inf, "must return a finite number"),
        (3, "Got 3"),
        (None, "Got None"),
    ],
)
def test_scores_that_cannot_be_used_are_refused(beats, scoring, text):
    with pytest.raises(DataError, match=text):
        compare(beats, ["smote"], scoring=scoring)


def test_folds_without_the_class_of_a_score_are_left_out(beats, tmp_path):
    X, y, groups = beats
    y = np.where(groups < "p04", y, "N")
    sensitivity = fast(make_scorer(recall_score, labels=["V"], average="macro"), y)
    result = compare((X, y, groups), ["weights"], cv=GroupKFold(6), scoring=sensitivity)
    n_valued = sum(math.isfinite(r.score) for r in result.runs if r.arm == "none")
    assert 0 < n_valued < 6
    assert math.isfinite(result.comparisons[0].difference.value)
    assert result.comparisons[0].by_patients.low < result.comparisons[0].by_patients.high
    write_report(result, tmp_path / "report.md")
    loaded = AugmentationResult.load(tmp_path / "report.json")
    assert [math.isnan(run.score) for run in loaded.runs].count(True) == 2 * (6 - n_valued)


def test_a_score_without_a_value_for_some_patients_falls_back_to_folds(beats):
    """A function that needs all 12 patients' rows has no value for a draw of them."""

    def whole(y, predicted):
        if len(y) < 120:
            raise ValueError("too few rows")
        return float(np.mean(y == predicted))

    found = compare(
        beats, ["weights"], DecisionTreeClassifier(max_depth=3), scoring=fast(whole, beats[1])
    )
    assert found.comparisons[0].difference.low <= found.comparisons[0].difference.high
