"""Comparisons find effects that are there, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from truths import compare_nothing, compare_truth, compare_worth, tell

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("by", ["draw", "row"])
def test_no_effect_is_claimed_by_folds_where_there_is_none(by) -> None:
    told = tell(compare_nothing, 200 if by == "draw" else 100, by=by)
    assert told["interval"] == "folds (Nadeau and Bengio)"
    assert told["helps"] + told["harms"] <= 0.05
    assert told["harms a class"] <= 0.05


def claims(told) -> float:
    """Return how often anything at all was claimed."""
    return told["helps"] + told["harms"] + told["harms a class"]


@pytest.mark.parametrize(
    "settings",
    [
        {"by": "draw"},
        {"by": "row"},  # equal trainings, which are one
        {"by": "patient"},
        {"by": "row", "left_out": 0.02},  # nearly equal ones
        {"by": "row", "sampler": True},  # all chance is in the sampler
    ],
)
def test_no_effect_is_claimed_by_patients_where_there_is_none(settings) -> None:
    told = tell(compare_nothing, 100, fixed=True, n_patients=40, n_repeats=5, **settings)
    assert told["interval"] == "patients (bootstrap)"
    assert claims(told) <= 0.05


def test_one_training_on_a_fixed_split_claims_nothing() -> None:
    """Nor does p: what other training patients would change is in it."""
    told = tell(compare_nothing, 40, by="draw", fixed=True, n_patients=40)
    assert told["p <= 0.05"] <= 0.1
    assert claims(told) == 0
    text = compare_nothing(0, "draw", fixed=True, n_patients=40).comparisons[0].verdict.text
    assert "give n_repeats=5" in text


@pytest.mark.parametrize("settings", [{}, {"fixed": True, "n_repeats": 5}])
def test_a_large_effect_is_found(settings) -> None:
    told = tell(compare_truth, 20, **settings)
    assert told["helps"] >= 0.9
    assert told["harms"] == 0


def test_a_true_row_is_worth_one_real_row_and_a_useless_one_none() -> None:
    runs = [compare_worth(seed) for seed in range(20)]
    for arm, expected in (("all true", 1.0), ("half useless", 0.5)):
        found = [run[arm] for run in runs]
        within = [one.low <= expected <= one.high for one in found]
        assert np.mean(within) >= 0.85
        assert np.median([one.value for one in found]) == pytest.approx(expected, abs=0.15)
    assert np.mean([run["half useless"].value < run["all true"].value for run in runs]) > 0.9
