"""Comparisons of classifiers: against scikit-learn and scipy, by hand, and how often they err."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

from bioaug.exceptions import DataError
from bioaug.statistics import (
    Interval,
    PairedScores,
    Repeats,
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

CLASSES = np.array(["F", "N", "V"])


def macro_f1(y, predicted) -> float:
    return metrics.f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0)


NAMED = {
    "f1_macro": macro_f1,
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": lambda y, p: metrics.recall_score(
        y, p, labels=np.unique(y), average="macro", zero_division=0
    ),
    "f1:V": lambda y, p: metrics.f1_score(y == "V", p == "V", zero_division=0),
    "recall:V": lambda y, p: metrics.recall_score(y == "V", p == "V", zero_division=0),
    "precision:V": lambda y, p: metrics.precision_score(y == "V", p == "V", zero_division=0),
}


def make_patients(n_patients=22, n_rows=60, *, spread=1.0, gain=0.0, seed=0, n_repeats=0):
    """Return labels, two sets of predictions that are right by patient and arm, and patients."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_patients), random.integers(n_rows // 2, 2 * n_rows, n_patients))
    shares = random.dirichlet([1, 8, 2], n_patients)
    y = (random.random(len(groups))[:, None] > shares.cumsum(axis=1)[groups]).sum(axis=1)
    y = np.minimum(y, 2)
    own = random.normal(1.5, 1, n_patients)
    arms = []
    for shift in (gain, 0.0):
        logit = (own + shift + random.normal(0, spread, n_patients))[groups]
        right = random.random((n_repeats or 1, len(y))) < 1 / (1 + np.exp(-logit))
        arms.append(np.where(right, y, (y + random.integers(1, 3, right.shape)) % 3))
    arms = [CLASSES[arm] if n_repeats else CLASSES[arm[0]] for arm in arms]
    return CLASSES[y], *arms, groups


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


# Several comparisons, and more patients.


def test_holm_by_hand() -> None:
    # 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_patients_needed_tell_it_as_often_as_asked() -> None:
    # A mean of n patients with deviation 1: the interval of 25 is 0.2 +- 1.96 / 5.
    width = stats.norm.ppf(0.975) / 5
    n = patients_needed(Interval(0.2, 0.2 - width, 0.2 + width, 0.3), 25, power=0.9)
    assert n is not None
    random = np.random.default_rng(0)
    z = (0.2 + random.normal(0, 1, 20000) / math.sqrt(n)) * math.sqrt(n)
    assert (z > stats.norm.ppf(0.975)).mean() == pytest.approx(0.9, abs=0.01)


def test_patients_needed_knows_when_it_cannot_say() -> None:
    assert patients_needed(Interval(0.0, -0.1, 0.1, 1.0), 22) is None
    assert patients_needed(Interval(0.1, -np.inf, np.inf, 1.0), 1) is None
    # With power 1/2, the interval has to end at 0: (0.022 / 0.012)^2 * 22.
    assert patients_needed(Interval(0.012, -0.010, 0.034, 0.28), 22, power=0.5) == 74
    wide = Interval(0.012, -0.010, 0.034, 0.28, confidence=0.68)
    assert patients_needed(wide, 22) > patients_needed(Interval(0.012, -0.010, 0.034, 0.28), 22)


def test_verdicts() -> None:
    shown = Interval(0.05, 0.02, 0.08, 0.004)
    assert verdict(shown, p=0.008, n_patients=22).text == (
        "helps: use it, on 22 patients macro F1 was 0.050 higher (95 % interval +0.020 to +0.080, "
        "p = 0.008 after Holm)"
    )
    worse = Interval(-0.05, -0.08, -0.02, 0.0001)
    harm = verdict(worse, p=0.0001, n_patients=1, metric="f1:V")
    assert harm.outcome == "harms"
    assert harm.text == (
        "harms: do not use it, on 1 patient F1 of class V was 0.050 lower (95 % interval -0.080 to "
        "-0.020, p < 0.001)"
    )
    open_ = verdict(Interval(0.012, -0.010, 0.034, 0.14), p=0.28, n_patients=22)
    assert open_.outcome == "inconclusive"
    assert open_.text == (
        "inconclusive: no reason to use or to avoid it, on 22 patients macro F1 was 0.012 higher "
        "(95 % interval -0.010 to +0.034, p = 0.28 after Holm); about 160 patients would be needed"
    )


@pytest.mark.parametrize(
    ("interval", "settings", "why"),
    [
        (
            Interval(0.05, 0.02, 0.08, 0.004),
            {"p": 0.004, "min_difference": 0.03},
            "less than the 0.03",
        ),
        (Interval(0.05, 0.01, 0.09, 0.03), {"p": 0.09}, "p is above 0.05"),
        (Interval(0.0, -0.01, 0.01, 1.0), {"p": 1.0}, "needed cannot be said"),
        (Interval(0.1, -np.inf, np.inf, 1.0), {"p": 1.0}, "too few patients for an interval"),
        (Interval(1e-4, -0.1, 0.1, 0.9), {"p": 0.9}, "more than 10000 patients"),
        (Interval(0.1, -0.01, 0.12, 0.06), {"p": 0.06}, "somewhat more patients"),
    ],
)
def test_why_it_is_inconclusive(interval, settings, why) -> None:
    told = verdict(interval, n_patients=22, **settings)
    assert told.outcome == "inconclusive"
    assert why in told.text


@pytest.mark.parametrize("limited_by", ["folds", "repeats"])
def test_patients_are_not_asked_for_where_they_do_not_make_the_interval_wide(limited_by) -> None:
    wide = Interval(0.012, -0.010, 0.034, 0.14, limited_by=limited_by)
    told = verdict(wide, p=0.14, n_patients=22)
    assert told.text.endswith(
        f"more {limited_by} first: they, not the patients, make the interval wide"
    )
    assert "would be needed" not in told.text


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


# Scores of one classifier.


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


# What synthetic rows are worth.

COUNTS = np.array([0, 10, 20, 40])


def test_worth_recovers_a_known_value() -> None:
    random = np.random.default_rng(0)

    def score(rows):  # folds differ much more than levels
        return 0.5 + 0.004 * rows + 0.1 * fold + random.normal(0, 0.004, fold.shape)

    fold = random.normal(size=25)
    real = np.array([score(n) for n in COUNTS])
    synthetic = score(0.25 * 100)
    found = worth_interval(COUNTS, real, synthetic, n_synthetic=100)
    assert found.value == worth(COUNTS, real, synthetic, n_synthetic=100)
    assert found.value == pytest.approx(0.25, abs=0.02)
    assert found.low < 0.25 < found.high
    assert found.high - found.low < 0.05  # folds are drawn jointly: their differences cancel
    assert not found.is_bound


@pytest.mark.parametrize(
    ("real", "synthetic", "expected", "is_bound"),
    [
        ([0.5, 0.6, 0.7, 0.8], 0.65, 15, False),
        ([0.5, 0.6, 0.7, 0.8], 0.4, 0, False),  # harms: no worth
        ([0.5, 0.6, 0.7, 0.8], 0.8, 40, False),
        ([0.5, 0.6, 0.7, 0.8], 0.9, 40, True),
        ([0.5, 0.7, 0.6, 0.8], 0.65, 10, False),  # pooled to 0.65 from 10 to 20: the smaller
        ([0.5, 0.4, 0.3, 0.2], 0.6, math.nan, False),  # real rows did not help either
    ],
)
def test_worth_by_hand(real, synthetic, expected, is_bound) -> None:
    real = np.array(real)[:, None]
    assert worth(COUNTS, real, [synthetic], 100) == pytest.approx(expected / 100, nan_ok=True)
    found = worth_interval(COUNTS, real, [synthetic], 100)
    assert (found.low, found.high, found.is_bound) == (0.0, np.inf, is_bound)
    several = worth_interval(COUNTS, np.repeat(real, 8, axis=1), [synthetic] * 8, 100)
    if math.isnan(expected):
        assert (several.low, several.high) == (0.0, np.inf)
    else:
        assert several.low == pytest.approx(expected / 100)
        assert several.high == pytest.approx(np.inf if is_bound else expected / 100)


@pytest.mark.slow
def test_worth_interval_holds_the_truth() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        noise = random.normal(0, 0.02, (5, 10))
        real = (0.5 + 0.004 * COUNTS)[:, None] + noise[:4]
        found = worth_interval(COUNTS, real, 0.56 + noise[4], 50, n_draws=500)
        held += found.low <= 0.3 <= found.high
    assert held >= 180


# What is refused.

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
