"""Intervals: against scipy and scikit-learn, by hand, and how often they err."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from predictions import NAMED, macro_f1, make_patients
from scipy import stats

from bioaug.statistics import (
    Interval,
    PairedScores,
    Repeats,
    corrected_interval,
    leave_one_patient_out,
    patient_bootstrap,
)

# Folds that share training rows.


def test_corrected_interval_by_hand() -> None:
    # mean 0.02, variance 0.00025, ratio 0.2 / 0.8: the error is sqrt((0.2 + 0.25) 0.00025).
    interval = corrected_interval([0.01, 0.03, 0.02, 0.04, 0.0], test_fraction=0.2)
    error = 0.010606601717798213
    assert interval.value == pytest.approx(0.02)
    assert interval.high == pytest.approx(0.02 + 2.7764451051977987 * error)
    assert interval.low == pytest.approx(0.02 - 2.7764451051977987 * error)
    # t = 1.8856 with 4 degrees of freedom, whose distribution has a closed form.
    t2 = (0.02 / error) ** 2
    x = t2 / (4 + t2)
    assert interval.p == pytest.approx(1 - math.sqrt(x) * (1 + (1 - x) / 2))


def test_without_shared_rows_it_is_the_t_test() -> None:
    d = np.random.default_rng(0).normal(0.1, 1, 12)
    interval = corrected_interval(d, test_fraction=1e-12)
    plain = stats.ttest_1samp(d, 0)
    assert interval.p == pytest.approx(plain.pvalue)
    assert (interval.low, interval.high) == pytest.approx(plain.confidence_interval(0.95))


def test_repeats_make_it_no_narrower_than_shared_rows_allow() -> None:
    d = np.random.default_rng(0).normal(0.1, 1, 5)
    many = corrected_interval(np.tile(d, 1000), test_fraction=0.2)
    assert many.half_width == pytest.approx(1.96 * math.sqrt(0.25) * d.std(), rel=2e-3)


@pytest.mark.parametrize(("d", "p"), [([0.1], 1.0), ([0.25, 0.25], 0.0), ([0.0, 0.0, 0.0], 1.0)])
def test_corrected_interval_of_few(d, p) -> None:
    interval = corrected_interval(d, test_fraction=0.2)
    assert interval.value == d[0]
    assert interval.p == p
    assert math.isinf(interval.high) == (len(d) == 1)


# Patients that are drawn.


@pytest.mark.parametrize("metric", NAMED)
@pytest.mark.parametrize("n_repeats", [0, 2])
def test_fast_metrics_are_those_of_scikit_learn(metric, n_repeats) -> None:
    data = make_patients(7, n_repeats=n_repeats)  # all have rows of V
    settings = {"n_draws": 20, "random_state": 3}
    fast = patient_bootstrap(*data, metric=metric, **settings)
    slow = patient_bootstrap(*data, metric=NAMED[metric], **settings)
    y, predicted, other, _ = data
    means = [np.mean([NAMED[metric](y, p) for p in np.atleast_2d(a)]) for a in (predicted, other)]
    assert fast.value == pytest.approx(means[0] - means[1])
    assert vars(fast) == pytest.approx(vars(slow))
    one_out = leave_one_patient_out(*data, metric=metric)
    assert one_out == pytest.approx(leave_one_patient_out(*data, metric=NAMED[metric]))


@pytest.mark.parametrize("values", [np.array([4, 1, 7]), np.array(["b", "a", "c"], dtype=object)])
def test_any_kind_of_label_and_unknown_predictions(values) -> None:
    random = np.random.default_rng(0)
    y, predicted = random.choice(values[:2], 80), random.choice(values, 80)  # the last is not in y
    interval = patient_bootstrap(y, predicted, y, np.arange(80) % 8, metric="f1_macro", n_draws=50)
    assert interval.value == pytest.approx(macro_f1(y.tolist(), predicted.tolist()) - 1)


def test_it_is_paired_and_turns_around() -> None:
    y, a, b, groups = make_patients()
    assert patient_bootstrap(y, a, a, groups, metric="f1_macro") == Interval(0.0, 0.0, 0.0, 1.0)
    there = patient_bootstrap(y, a, b, groups, metric="f1_macro")
    back = patient_bootstrap(y, b, a, groups, metric="f1_macro")
    assert (there.value, there.p) == pytest.approx((-back.value, back.p))
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_repeats_that_differ_widen_the_interval() -> None:
    y, a, b, groups = make_patients(n_repeats=1)
    arms = np.tile(a[0], (4, 1)), np.tile(b[0], (4, 1))
    calm = patient_bootstrap(y, *arms, groups, metric="accuracy")
    shaken = np.where(np.arange(4)[:, None] % 2 & (np.arange(len(y)) % 3 == 0), "?", arms[0])
    whole = patient_bootstrap(y, shaken, arms[1], groups, metric="accuracy")
    scores = [(one == y).mean(axis=1) for one in (shaken, arms[1])]
    error = stats.sem(scores[0] - scores[1])
    assert whole.half_width > max(calm.half_width, 1.96 * error)
    assert (whole.low <= 0 <= whole.high) == (whole.p > 0.05)


def test_equal_repeats_change_nothing() -> None:
    y, a, b, groups = make_patients()
    once = patient_bootstrap(y, a, b, groups, metric="f1_macro")
    often = patient_bootstrap(y, np.tile(a, (3, 1)), b, groups, metric="f1_macro")
    assert vars(often) == pytest.approx(vars(once))


def test_width_is_that_of_the_mean_over_equal_patients() -> None:
    # Accuracy over patients of equal size is a mean: the interval is nearly Student's.
    random = np.random.default_rng(0)
    n_patients, n_rows = 30, 100
    right = random.random((2, n_patients, 1)) > random.random((2, n_patients, n_rows))
    arms = right.reshape(2, -1).astype(int)
    groups = np.repeat(np.arange(n_patients), n_rows)
    y = np.ones(n_patients * n_rows, dtype=int)
    got = patient_bootstrap(y, *arms, groups, metric="accuracy", n_draws=20000)
    means = right.mean(axis=2)
    expected = stats.ttest_1samp(means[0] - means[1], 0)
    low, high = expected.confidence_interval()
    assert got.half_width == pytest.approx((high - low) / 2, rel=0.05)
    assert got.p == pytest.approx(expected.pvalue, abs=0.03)


def test_a_class_that_a_draw_misses_is_left_out() -> None:
    # Patient b alone has V; where only a is drawn, the mean is over N alone.
    y, groups = ["N", "N", "N", "V"], ["a", "a", "b", "b"]
    predicted, other = ["N", "N", "N", "V"], ["N", "N", "N", "N"]
    without = leave_one_patient_out(y, predicted, other, groups, metric="f1_macro")
    assert without == pytest.approx({"b": 0.0, "a": 1 - (2 / 3 + 0) / 2})
    without = leave_one_patient_out(y, predicted, other, groups, metric="f1:V")
    assert without["a"] == 1.0
    assert math.isnan(without["b"])


def test_one_patient_tells_nothing() -> None:
    y, predicted, other = ["N", "V", "N", "V"], ["N", "V", "N", "V"], ["V", "V", "N", "N"]
    alone = patient_bootstrap(y, predicted, other, [1, 1, 1, 1], metric="accuracy")
    assert alone == Interval(0.5, -np.inf, np.inf, 1.0)
    # Nor does one patient with the class, though ten others have rows.
    y, groups = np.array(["N", "F"] + ["N"] * 20), np.r_[0, 0, np.arange(20) // 2 + 1]
    nothing = np.full(22, "N")
    rare = patient_bootstrap(y, y, nothing, groups, metric="recall:F")
    assert (rare.value, rare.low, rare.p) == (1.0, -np.inf, 1.0)


def test_three_patients_that_agree_are_no_proof() -> None:
    y, groups = np.tile([0, 1], 30), np.repeat([0, 1, 2], 20)
    other = np.where(np.arange(60) % 20 < 1 + groups, 1 - y, y)
    assert patient_bootstrap(y, y, other, groups, metric="accuracy").p > 0.05


def test_it_is_seeded() -> None:
    y, a, b, groups = make_patients(50, 800)
    assert len(y) > 45_000
    first = patient_bootstrap(y, a, b, groups, metric="f1_macro")
    assert first == patient_bootstrap(y, a, b, groups, metric="f1_macro")
    other = patient_bootstrap(y, a, b, groups, metric="f1_macro", random_state=1)
    assert other != first
    assert other.low == pytest.approx(first.low, abs=0.02)


def rejected(n_sets: int, *, by_row: bool = False, gain: float = 0.0, **settings) -> float:
    told = []
    for seed in range(n_sets):
        y, a, b, groups = make_patients(**settings, gain=gain, seed=seed)
        groups = np.arange(len(y)) if by_row else groups
        interval = patient_bootstrap(y, a, b, groups, metric="f1_macro", n_draws=600)
        told.append([interval.p <= 0.05, not interval.low <= 0 <= interval.high])
    return float(np.mean(told, axis=0).max())


def test_no_difference_of_repeats_has_a_p_value_of_one():
    """Five units: Student's quantile of a confidence near 0 once was 0, and was divided by."""
    gains = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    scores = PairedScores(np.arange(5), 5, lambda weights: weights @ gains / 5, Repeats(0.01, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scores.interval().p > 0.999


def test_limits_of_a_difference_of_scores_lie_in_their_range():
    y, groups = np.tile(["N", "V"], 6), np.repeat([0, 1, 2], 4)
    wrong = np.where(groups == 0, y, "N")
    interval = patient_bootstrap(y, y, wrong, groups, metric="f1:V")
    assert -1 <= interval.low < interval.value < interval.high == 1


@pytest.mark.slow
@pytest.mark.parametrize("n_patients", [10, 22, 40])
def test_it_rarely_tells_what_is_not_there(n_patients) -> None:
    # 6 % to 7 % of 2000 sets with other seeds; the rest is what 1000 sets may be off.
    assert rejected(1000, n_patients=n_patients, n_rows=40) <= 0.08


@pytest.mark.slow
def test_drawn_rows_would_tell_what_is_not_there() -> None:
    assert rejected(40, n_patients=22, n_rows=40, by_row=True) > 0.3


def test_it_tells_what_is_there() -> None:
    assert rejected(20, n_patients=22, n_rows=40, gain=1.5) > 0.8


def test_intervals_know_what_makes_them_wide() -> None:
    assert corrected_interval([0.1, 0.2], test_fraction=0.2).limited_by == "folds"
    y, a, b, groups = make_patients()
    assert patient_bootstrap(y, a, b, groups, metric="accuracy").limited_by == "patients"
    shaken = np.array([a, np.where(np.arange(len(y)) % 2, a, "?")])
    drawn = patient_bootstrap(y, shaken, b, groups, metric="accuracy")
    assert drawn.limited_by == "repeats"


def test_identical_predictions_are_one_repeat() -> None:
    """Two trainings, one of them three times: two of four repeats, with 1 degree of freedom."""
    first, second = np.array([0.5, 0.5, 0.5, 0.7]), np.zeros(1)
    repeats = Repeats.of(first, second, 2, 1)
    assert repeats.error == pytest.approx(math.sqrt(first.var(ddof=1) / 2))
    assert repeats.freedom == 1
    assert Repeats.of(first[:3], second, 1, 1) == Repeats()


def test_other_training_patients_widen_the_interval() -> None:
    """As many patients trained on as tested double the variance (Nadeau and Bengio's ratio)."""
    y, a, b, groups = make_patients()
    known = patient_bootstrap(y, a, b, groups, metric="f1_macro")
    any_ = patient_bootstrap(y, a, b, groups, metric="f1_macro", test_fraction=0.5)
    assert any_.value == known.value
    assert any_.half_width == pytest.approx(math.sqrt(2) * known.half_width)
    assert any_.p > known.p
