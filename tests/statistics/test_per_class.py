"""Scores of every class and calibration, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from predictions import CLASSES, make_patients
from sklearn import metrics
from sklearn.calibration import calibration_curve

from bioaug.statistics import (
    calibration_error,
    per_class_scores,
)


def test_per_class_scores_are_those_of_scikit_learn() -> None:
    y, predicted, *_ = make_patients()
    labels = ["V", "F", "never"]  # not in order, one without rows, N not wanted
    expected = metrics.precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    found = per_class_scores(y, predicted, labels)
    assert list(found) == labels
    for i, label in enumerate(labels):
        assert list(found[label].values()) == pytest.approx([column[i] for column in expected])


def test_calibration_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    p = random.dirichlet([1, 2, 1], 500)
    y = CLASSES[random.integers(0, 3, 500)]
    found = calibration_error(y, p, CLASSES, n_bins=10)
    top, hit = p.max(axis=1), CLASSES[p.argmax(axis=1)] == y
    happened, promised = calibration_curve(hit, top, n_bins=10)
    filled = np.histogram(top, np.linspace(0, 1, 11))[0]
    gaps = np.abs(happened - promised) * filled[filled > 0]
    assert found["ece"] == pytest.approx(gaps.sum() / 500)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, p, labels=CLASSES))
    swapped = calibration_error(y, p[:, [2, 0, 1]], CLASSES[[2, 0, 1]], n_bins=10)
    assert swapped == pytest.approx(found)


def test_calibration_of_the_sure() -> None:
    sure = np.eye(2)[[0, 1, 1]]
    assert calibration_error([0, 1, 1], sure, [0, 1]) == {"ece": 0.0, "brier": 0.0}
    assert calibration_error([1, 0, 0], sure, [0, 1]) == {"ece": 1.0, "brier": 2.0}
