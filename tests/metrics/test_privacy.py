"""Privacy scores: hand-made examples, copies, fresh rows, patients, bad input."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score

from bioaug.core.distances import nearest
from bioaug.exceptions import DataError, LeakError
from bioaug.metrics.privacy.copying import copying_cells, data_copying
from bioaug.metrics.privacy.members import auc
from bioaug.metrics.privacy.membership import ATTACKS, membership_inference
from bioaug.metrics.privacy.records import (
    authenticity,
    distance_to_closest_record,
    identifiability,
    inverse_entropy,
)
from bioaug.metrics.privacy.sets import Sets

TWO_SETS = [identifiability, partial(identifiability, weighted=True), authenticity]
THREE_SETS = [
    distance_to_closest_record,
    data_copying,
    membership_inference,
    partial(membership_inference, attack="distance"),
    partial(membership_inference, attack="density"),
]


def gaussian(n_rows: int, seed: int, n_timesteps: int = 6) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(n_rows, n_timesteps))


def call(score, real, synthetic, holdout, **given):  # three sets where the score takes them
    if score in THREE_SETS:
        given["X_holdout"] = holdout
    return score(real, synthetic, random_state=0, **given)


def column(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=float)[:, None]


def test_identifiability_of_three_numbers():
    # Nearest other real row: 1, 1, 9. Nearest synthetic row: 0.5, 0.5, 10.
    score = identifiability(column(0, 1, 10), column(0.5, 20), n_null=0)
    assert score.value == pytest.approx(2 / 3)
    assert score.details["analytic_null"] == pytest.approx(2 / 4)
    assert score.details["ratio"] == pytest.approx((2 / 3) / (2 / 4))


def test_authenticity_of_three_numbers():
    # Synthetic 0.2 lies 0.2 from row 0, whose nearest other is 1 away: a copy. Synthetic 3 lies
    # 2 from row 1, whose nearest other is 1 away: authentic.
    score = authenticity(column(0, 1, 10), column(0.2, 3), n_null=0)
    assert score.value == pytest.approx(1 / 2)


def reference_authenticity(real: NDArray, synthetic: NDArray) -> float:
    found = np.abs(real - synthetic.T)
    return float(np.mean(nearest(real)[:, 0][found.argmin(axis=1)] < found.min(axis=1)))


def test_reference_code_of_authenticity_depends_on_the_order_of_rows():
    real, synthetic = column(0, 1, 10), column(3, 20, 21)
    # Rows 0, 1, 10 lie 3, 2, 7 from synthetic number 0, and get real row 0's distance, 1.
    assert reference_authenticity(real, synthetic) == pytest.approx(1)
    # The same synthetic rows, the nearest now number 2: they get real row 2's distance, 9.
    assert reference_authenticity(real, synthetic[::-1]) == pytest.approx(0)
    # 3 is 2 from row 1 (nearest other: 1), 20 and 21 are 10 and 11 from row 10 (nearest other: 9).
    assert authenticity(real, synthetic, n_null=0) == 1
    assert authenticity(real, synthetic[::-1], n_null=0) == 1


def test_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    members, others = rng.integers(0, 9, 40), rng.integers(0, 7, 30)  # with ties
    area, deviation = auc([(members, others)])
    truth = np.repeat([1, 0], [40, 30])
    assert area == pytest.approx(roc_auc_score(truth, np.concatenate([members, others])))
    assert 0 < deviation < 0.1


def test_interval_of_the_area_covers_the_truth():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        area, deviation = auc([(rng.normal(size=60), rng.normal(size=40))])
        inside += abs(area - 0.5) < 1.96 * deviation
    assert 0.92 <= inside / 300 <= 0.98


def test_deviate_of_a_cell_is_that_of_mann_whitney():
    train, synthetic, holdout = gaussian(80, 0), gaussian(30, 1) * 1.3, gaussian(25, 2)
    (deviate,), (weight,) = copying_cells(
        Sets(train, synthetic, holdout), 1, np.random.RandomState(0)
    )
    distances = nearest(synthetic, train)[:, 0], nearest(holdout, train)[:, 0]
    pairs = mannwhitneyu(*distances).statistic
    assert deviate == pytest.approx((pairs - 375) / np.sqrt(750 * 56 / 12))
    assert weight == 25


def test_cells_are_those_of_k_means():
    train = np.concatenate([gaussian(40, 0), gaussian(40, 1) + 20])
    holdout = np.concatenate([gaussian(12, 2), gaussian(28, 3) + 20])
    synthetic = np.concatenate([gaussian(20, 4), train[40:60]])  # copies in the second cell
    cells = KMeans(2, n_init="auto", random_state=np.random.RandomState(0)).fit(train)
    deviates, weights = copying_cells(Sets(train, synthetic, holdout), 2, np.random.RandomState(0))
    first = cells.labels_[0]
    assert weights[first] == 12
    assert weights[1 - first] == 28
    assert abs(deviates[first]) < 3
    assert deviates[1 - first] < -4


@pytest.mark.parametrize("noise", [0, 1e-6])
def test_copies_are_caught(noise: float):
    real, holdout = gaussian(200, 0), gaussian(200, 1)
    copies = real + noise * gaussian(200, 2)
    assert identifiability(real, copies, random_state=0) == 1
    assert authenticity(real, copies, random_state=0) == 0
    assert distance_to_closest_record(real, copies, X_holdout=holdout, random_state=0) == 1
    assert data_copying(real, copies, X_holdout=holdout, random_state=0) < -3
    assert membership_inference(real, copies, X_holdout=holdout, random_state=0) == 1
    dense = membership_inference(real, copies, X_holdout=holdout, attack="density", random_state=0)
    assert dense > 0.7
    assert dense > dense.null.high


@pytest.mark.parametrize("score", TWO_SETS + THREE_SETS)
def test_copies_score_outside_and_fresh_rows_inside_the_null(score):
    real, holdout = gaussian(300, 0), gaussian(300, 1)
    copies = call(score, real, real[:200], holdout)
    assert copies.value not in copies.null
    is_lower = copies.value < copies.null.low
    assert is_lower == (copies.direction == "higher")
    inside = [
        (fresh := call(score, *(gaussian(n, 10 * draw + n) for n in (300, 200, 301)))).value
        in fresh.null
        for draw in range(10)  # of all sets: the null swaps training and held-out rows
    ]
    assert sum(inside) >= 9


@pytest.mark.slow
@pytest.mark.parametrize("score", TWO_SETS + THREE_SETS)
def test_fresh_rows_lie_inside_the_null_in_90_of_100_draws(score):
    inside = 0
    for draw in range(100):
        rows = np.random.default_rng(draw).normal(size=(360, 12)).cumsum(axis=1)
        fresh = call(score, rows[:120], rows[120:240], rows[240:])
        inside += fresh.value in fresh.null
    assert inside >= 90


@pytest.mark.parametrize("n_synthetic", [50, 200, 800])
def test_null_of_identifiability_is_the_analytic_one(n_synthetic: int):
    real, fresh = gaussian(200, 0, 3), gaussian(n_synthetic, 1, 3)
    score = identifiability(real, fresh, n_null=40, random_state=0)
    expected = n_synthetic / (n_synthetic + 199)
    assert score.details["analytic_null"] == pytest.approx(expected)
    assert score.null.value == pytest.approx(expected, abs=0.05)
    assert score.value == pytest.approx(expected, abs=0.1)


def test_fresh_numbers_on_a_line_are_authentic_in_one_of_three():
    """Two neighbours on a line have each other as nearest with chance 2/3."""
    score = authenticity(gaussian(3000, 0, 1), gaussian(3000, 1, 1), random_state=0)
    assert score.value == pytest.approx(1 / 3, abs=0.03)
    assert score.null.value == pytest.approx(1 / 3, abs=0.03)
    assert score.details["ratio"] == pytest.approx(score / score.null.value)


def test_closest_record_by_hand():
    real, holdout = column(*range(0, 40, 4)), column(*range(2, 42, 4))
    synthetic = column(0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 2.5, 6.5, 1, 5)  # 6 near, 2 far, 2 midway
    score = distance_to_closest_record(real, synthetic, X_holdout=holdout, n_null=0)
    assert score.value == pytest.approx(0.7)
    assert score.details["n_each"] == 10
    deviation = real.std()
    assert score.details["median_within_training"] == pytest.approx(4 / deviation)
    assert score.details["median_to_training"] == pytest.approx(0.5 / deviation)


def test_weights_of_identifiability_are_inverse_entropies():
    halves, constant = np.tile([0.0, 1.0], 16), np.ones(32)
    weights = inverse_entropy(np.column_stack([halves, np.arange(32.0), constant]))
    assert weights == pytest.approx([1 / np.log(2), 1 / np.log(32), 0])
    # The third sample never varies in the real rows: it has no weight, and all are copies.
    real = np.column_stack([gaussian(40, 0, 2), np.ones(40)])
    odd = real + np.array([0, 0, 100])
    assert identifiability(real, odd, n_null=0) == 0
    assert identifiability(real, odd, weighted=True, n_null=0) == 1


def patients(n_patients: int, per_patient: int, seed: int, of: NDArray) -> NDArray:
    rng = np.random.default_rng(seed)
    return np.repeat(of[:n_patients], per_patient, axis=0) + rng.normal(
        scale=0.3, size=(n_patients * per_patient, of.shape[1])
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_patients_are_told_from_rows(attack: str):
    """A generator of new rows of its patients leaks the patients, not the rows."""
    centres = 5 * gaussian(12, 0, 8)
    known = np.repeat(np.arange(6), 40)
    real, fresh = patients(6, 40, 11, centres), patients(6, 40, 12, centres)
    same, other = patients(6, 40, 13, centres), patients(6, 40, 14, centres[6:])
    score = membership_inference(
        real,
        fresh,
        X_holdout=np.concatenate([same, other]),
        groups_real=known,
        groups_holdout=np.concatenate([known, known + 6]),
        attack=attack,
        random_state=0,
    )
    assert score.details["other_patients"]["value"] > 0.8
    within = score.details["within_patients"]
    assert within["interval"][0] < 0.5 < within["interval"][1]
    assert score.value == within["value"]  # the score is on rows, not on patients
    assert score.value in score.null


def test_rows_are_recognised_within_patients():
    centres = 5 * gaussian(6, 0, 8)
    known = np.repeat(np.arange(6), 40)
    real, same = patients(6, 40, 1, centres), patients(6, 40, 3, centres)
    score = membership_inference(
        real, real, X_holdout=same, groups_real=known, groups_holdout=known, random_state=0
    )
    assert score.details["within_patients"]["value"] == pytest.approx(1)
    assert score.details["other_patients"] is None


@pytest.mark.parametrize("score", TWO_SETS + THREE_SETS)
def test_units_orders_and_seeds(score):
    real, fresh, holdout = gaussian(80, 0), gaussian(60, 1), gaussian(70, 2)
    first = call(score, real, fresh, holdout, n_null=2)
    again = call(score, real, fresh, holdout, n_null=2)
    assert first.value == again.value
    assert first.null == again.null
    scaled = call(score, 1e3 * real + 5, 1e3 * fresh + 5, 1e3 * holdout + 5, n_null=0)
    assert scaled.value == pytest.approx(first.value)
    deep = call(score, real[:, None], fresh[:, None], holdout[:, None], n_null=0)
    assert deep.value == first.value
    assert first.n_real == 80
    assert first.n_synthetic == 60


@pytest.mark.parametrize("score", TWO_SETS + THREE_SETS)
def test_classes_are_scored_by_themselves(score):
    real, fresh, holdout = gaussian(80, 0), gaussian(60, 1), gaussian(70, 2)
    given = {"y_real": np.arange(80) % 2, "y_synthetic": np.arange(60) % 2, "n_null": 2}
    if score in THREE_SETS:
        given["y_holdout"] = np.arange(70) % 2
    found = call(score, real, fresh, holdout, **given)
    assert sorted(found.per_class) == [0, 1]
    assert found.value == pytest.approx(np.mean([float(one) for one in found.per_class.values()]))
    assert [one.n_real for one in found.per_class.values()] == [40, 40]
    assert all(one.null is not None for one in (found, *found.per_class.values()))


def test_global_generators_are_left_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    for score in TWO_SETS + THREE_SETS:
        call(score, gaussian(40, 0), gaussian(40, 1), gaussian(40, 2), n_null=2)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("score", THREE_SETS)
def test_faults_of_held_out_rows(score):
    real = gaussian(40, 0)
    with pytest.raises(DataError, match=r"'X_holdout' parameter of .* never"):
        score(real, real, X_holdout=None)
    with pytest.raises(DataError, match=r"'X_holdout' .* at least 10 rows. Got 9"):
        score(real, real, X_holdout=real[:9])
    with pytest.raises(DataError, match=r"'X_holdout' .* = \(1, 6\).* Got \(1, 5\)"):
        score(real, real, X_holdout=real[:, :5])
    with pytest.raises(DataError, match="NaN"):
        score(real, real, X_holdout=np.full_like(real, np.nan))
    labels = np.arange(40) % 2
    with pytest.raises(DataError, match="'y_holdout' parameter"):
        score(real, real, X_holdout=real, y_real=labels, y_synthetic=labels)
    with pytest.raises(DataError, match=r"at least 10 rows of class 1. Got 0"):
        score(real, real, X_holdout=real, y_real=labels, y_synthetic=labels, y_holdout=0 * labels)


@pytest.mark.parametrize("score", TWO_SETS + THREE_SETS)
def test_faults_of_both_sets(score):
    real = gaussian(40, 0)
    with pytest.raises(DataError, match=r"'X_synthetic' .* Got \(1, 5\)"):
        call(score, real, real[:, :5], real)
    with pytest.raises(DataError, match=r"'X_synthetic' .* at least .* Got 1"):
        call(score, real, real[:1], real)
    with pytest.raises(DataError, match="NaN"):
        call(score, np.full_like(real, np.nan), real, real)
    with pytest.raises(DataError, match="'n_null'"):
        call(score, real, real, real, n_null=1)
    assert call(score, real, real, real, n_null=0).null is None


def test_faults_of_settings():
    real = gaussian(40, 0)
    with pytest.raises(DataError, match=r"'attack' .* Did you mean 'distance'"):
        membership_inference(real, real, X_holdout=real, attack="distanc")
    with pytest.raises(DataError, match="'n_cells'"):
        data_copying(real, real, X_holdout=real, n_cells=0)
    with pytest.raises(DataError, match=r"'groups_holdout' .* Got 0"):
        membership_inference(real, real, X_holdout=real, groups_real=np.arange(40))
    with pytest.raises(DataError, match=r"'groups_real' .* 40 rows. Got 3"):
        membership_inference(
            real, real, X_holdout=real, groups_real=[1, 2, 3], groups_holdout=np.arange(40)
        )


def test_few_different_rows_make_no_warning():
    X = np.repeat(gaussian(2, 0), 20, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data_copying(X, X + 0.1, X_holdout=gaussian(40, 1), n_null=2, random_state=0)


@pytest.mark.parametrize("score", THREE_SETS)
def test_held_out_rows_that_were_trained_on(score):
    real, holdout = gaussian(40, 0, 20), gaussian(40, 1, 20)
    fresh = gaussian(40, 2, 20)
    with pytest.raises(LeakError, match=r"'X_holdout' .* Got 40 of 40 rows .* by patients"):
        score(real, fresh, X_holdout=real, n_null=0)
    holdout[:3] = real[5] = 0  # flat rows, in both
    with pytest.warns(UserWarning, match="Got 3 of 40 rows"):
        score(real, fresh, X_holdout=holdout, n_null=0)
