"""What the statistics refuse, and how their errors say so."""

from __future__ import annotations

import numpy as np
import pytest
from predictions import make_patients

from bioaug.exceptions import DataError
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

FINE = dict(zip(("y", "predicted", "other", "groups"), make_patients(4, 6), strict=True))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"metric": "f1:Q"}, "'metric' parameter of patient_bootstrap must be one of 'f1_macro'"),
        ({"groups": [1, 2]}, "'groups' parameter of patient_bootstrap must hold the patient"),
        ({"predicted": ["N"]}, "'predicted' parameter of patient_bootstrap must have shape"),
        ({"other": np.zeros(len(FINE["y"]))}, "'other' .* labels of the same kind as y"),
        ({"y": [["N"]]}, "'y' parameter of patient_bootstrap must hold one label"),
        ({"groups": [None] * len(FINE["y"])}, "'groups' .* must hold a group for every row"),
        ({"n_draws": 0}, "'n_draws' parameter"),
        ({"confidence": 1.0}, "'confidence' parameter"),
    ],
)
def test_bootstrap_errors(wrong, text) -> None:
    with pytest.raises(DataError, match=text):
        patient_bootstrap(**({"metric": "f1_macro"} | FINE | wrong))


REFUSED = [
    (lambda: corrected_interval([], test_fraction=0.2), "'differences' parameter"),
    (lambda: corrected_interval([np.nan, 1], test_fraction=0.2), "'differences' parameter"),
    (lambda: corrected_interval([0.1, 0.2], test_fraction=1), "'test_fraction' parameter"),
    (lambda: leave_one_patient_out([1], [1], [1], [1], metric="accuracy"), "at least 2 patients"),
    (lambda: holm([0.1, 1.2]), "'p_values' parameter of holm"),
    (lambda: holm([np.nan]), "'p_values' parameter of holm"),
    (lambda: patients_needed(Interval(0.1, 0, 0.2, 0.1), 0), "'n_patients' parameter"),
    (lambda: verdict(Interval(0.1, 0, 0.2, 0.1), p=2, n_patients=3), "'p' parameter of verdict"),
    (
        lambda: verdict(Interval(0, 0, 0, 1), p=1, min_difference=-1, n_patients=3),
        "'min_difference' parameter",
    ),
    (lambda: per_class_scores(["a"], ["a"], ["a", "a"]), "every class once"),
    (lambda: per_class_scores(["a"], ["a"], [1]), "'labels' .* same kind"),
    (lambda: per_class_scores(["a"], [["a"], ["a"]], ["a"]), "must have one dimension"),
    (lambda: calibration_error([0, 1], [[1, 0]], [0, 1]), "'probabilities' .* must have shape"),
    (lambda: calibration_error([0], [[0.9, 0.3]], [0, 1]), "sum to 1"),
    (lambda: calibration_error([0], [[np.nan, 1]], [0, 1]), "sum to 1"),
    (lambda: calibration_error([2], [[0.5, 0.5]], [0, 1]), "must hold every label of y"),
    (lambda: worth([1, 2], [[0.1], [0.2]], [0.1], 10), "'real_counts' parameter of worth"),
    (lambda: worth([0, 2], [[0.1], [np.inf]], [0.1], 10), "'real_scores' .* must be finite"),
    (lambda: worth([0, 2], [[0.1, 0.2]], [0.1], 10), r"must have shape \(2, 1\)"),
    (lambda: worth([0, 2], [[0.1], [0.2]], [0.1], 0), "'n_synthetic' parameter"),
    (lambda: worth_interval([0, 2], [[0.1], [0.2]], [], 1), "'synthetic_score' parameter"),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_errors(call, text) -> None:
    with pytest.raises(DataError, match=text):
        call()
