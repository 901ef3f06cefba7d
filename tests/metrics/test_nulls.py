"""What a score is read against: null values by rows and by patients, and what they can tell."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bioaug import metrics
from bioaug.exceptions import DataError
from bioaug.metrics import (
    Null,
    Score,
    coverage,
    density,
    diversity,
    frechet_distance,
    inception_score,
    mmd,
    precision,
    recall,
    sample_distance,
    spectrum_distance,
    train_on_synthetic_test_on_real,
)

QUICK = (mmd, precision, density, coverage, spectrum_distance, sample_distance, diversity)


def fresh(n: int, seed: int) -> NDArray:
    """Return independent rows, which differ in offset and shape."""
    rng = np.random.default_rng(seed)
    return 2 * rng.normal(size=(n, 1)) + rng.normal(size=(n, 24)).cumsum(axis=1)


def of_patients(n_patients: int, n_each: int, seed: int) -> tuple[NDArray, NDArray]:
    """Return rows that resemble each other within a patient, and the patients."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_patients), n_each)
    return rng.normal(size=(n_patients, 24)).cumsum(1)[groups] + fresh(
        len(groups), seed
    ) / 4, groups


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(300, 30), (100, 100), (100, 1000)])
@pytest.mark.parametrize("score", [*QUICK, recall, frechet_distance])
def test_fresh_rows_are_outside_about_as_often_as_claimed(score, sizes) -> None:
    if score is recall and sizes[1] > 2 * sizes[0]:
        assert score(fresh(100, 0), fresh(1000, 1), random_state=0).reading == "inconclusive"
        return
    outside = 0
    for seed in range(60):
        rows = fresh(sum(sizes), seed)
        outside += score(rows[: sizes[0]], rows[sizes[0] :], random_state=seed).reading != "as real"
    assert outside <= (14 if score is frechet_distance else 10)


def test_the_null_of_few_synthetic_rows_is_that_of_few() -> None:
    rows = fresh(330, 0)
    found = coverage(rows[:300], rows[300:], random_state=0)
    assert found.null.value == pytest.approx(1 - (300 / 330) ** 5, abs=0.03)
    assert coverage(rows[:150], rows[150:300], random_state=0).null.value > 0.93
    assert coverage(rows[:30], rows[30:], random_state=0).null.value > 0.99


@pytest.mark.parametrize("score", QUICK)
def test_rows_of_unseen_patients_are_as_real_by_patients_only(score) -> None:
    X, groups = of_patients(24, 12, seed=3)
    test, train = groups < 12, groups >= 12
    found = score(X[test], X[train], groups_real=groups[test], random_state=0)
    assert found.reading == "as real"


def test_most_scores_find_unseen_patients_worse_by_rows() -> None:
    X, groups = of_patients(24, 12, seed=3)
    test, train = groups < 12, groups >= 12
    for score in (mmd, precision, coverage, spectrum_distance):
        assert score(X[test], X[train], random_state=0).reading == "worse than real"


def test_too_few_patients_are_inconclusive_in_their_class_and_in_the_mean() -> None:
    X, groups = of_patients(12, 10, seed=0)
    y = np.where((groups < 4) & (np.arange(len(X)) % 2 == 0), "V", "N")
    found = mmd(X, X[::-1], y_real=y, y_synthetic=y, groups_real=groups, random_state=0)
    assert found.per_class["N"].reading == "beyond real"
    assert found.per_class["V"].reading == found.reading == "inconclusive"
    assert found.null is None
    assert found.reason == "class V: 4 patients, 8 are needed"
    assert found.to_dict()["inconclusive"] == found.reason


def test_few_null_draws_cannot_say_as_real() -> None:
    rows = fresh(80, 0)
    few = mmd(rows[:40], rows[40:], n_null=4, random_state=0)
    assert few.reading == "inconclusive"
    assert "4 null draws" in few.reason
    assert mmd(rows[:40], rows[40:] + 9, n_null=4, random_state=0).reading == "worse than real"


def test_a_null_that_holds_guessing_tells_nothing() -> None:
    X, y = fresh(60, 0), np.tile([0, 1], 30)
    noise = np.random.default_rng(1).normal(size=X.shape)
    found = train_on_synthetic_test_on_real(X, noise, y_real=y, y_synthetic=y, random_state=0)
    assert found.reading in ("inconclusive", "worse than real")
    clear = X + 30 * y[:, None]
    found = train_on_synthetic_test_on_real(clear, clear, y_real=y, y_synthetic=y, random_state=0)
    assert found.reading in ("as real", "beyond real")
    assert found.details["guessing"] < found.null.low


def test_inception_by_patients() -> None:
    X, groups = of_patients(8, 8, seed=0)
    y = np.tile([0, 1], len(X) // 2)
    given = {"y_real": y, "n_null": 8, "random_state": 0}
    assert inception_score(X, X, groups_real=groups, **given).null is not None
    few = inception_score(X, X, groups_real=groups % 4, **given)
    assert few.reading == "inconclusive"
    assert "4 patients" in few.reason


@pytest.mark.parametrize("score", [precision, coverage, recall])
def test_copies_of_rows_that_occur_several_times_are_covered(score) -> None:
    rows = fresh(30, 0).repeat(6, axis=0)
    assert score(rows, rows.copy(), random_state=0) == 1
    noise = 50 * np.random.default_rng(0).normal(size=rows.shape)
    if score is not recall:  # far rows have wide neighbourhoods
        assert score(rows, noise, random_state=0).reading == "worse than real"
        assert score(rows, fresh(60, 1), random_state=0).reading == "as real"


@pytest.mark.parametrize("score", [mmd, frechet_distance, precision, coverage, spectrum_distance])
def test_real_rows_that_are_all_equal_are_inconclusive(score) -> None:
    rows = fresh(1, 0).repeat(40, axis=0)
    found = score(rows, fresh(40, 1), random_state=0)
    assert abs(found) < 1e6
    assert found.reading == "inconclusive"
    assert "1 real rows that differ" in found.reason


@pytest.mark.parametrize("unit", [1e-6, 1, 1e6])
@pytest.mark.parametrize("score", [*QUICK, frechet_distance])
def test_a_dead_channel_has_the_unit_of_the_others(score, unit) -> None:
    real = np.stack([fresh(60, 0), np.full((60, 24), 3.0)], axis=1)
    made = np.stack([fresh(60, 1), 3 + 5 * fresh(60, 2)], axis=1)
    found = score(real * unit, made * unit, random_state=0)
    assert found == pytest.approx(score(real, made, random_state=0), rel=1e-6, abs=1e-6)
    assert found.reading in ("worse than real", "beyond real")


def test_frechet_sees_what_is_outside_of_its_components() -> None:
    real, made = (np.stack([fresh(60, seed), np.zeros((60, 24))], 1) for seed in (0, 1))
    made[:, 1] = np.random.default_rng(0).normal(size=(60, 24))
    assert frechet_distance(real, made, random_state=0).reading == "worse than real"


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(5), r"patient of each of the 40 rows. Got 5"),
        ({1, 2}, r"patient of each of the 40 rows"),
        (np.zeros((40, 2)), r"Got shape \(40, 2\)"),
        ([None, *range(39)], "Got 1 missing ones, the first in row 0"),
    ],
)
def test_wrong_groups_are_named(groups, message) -> None:
    with pytest.raises(DataError, match=message):
        mmd(fresh(40, 0), fresh(40, 1), groups_real=groups)


def test_misspelt_fields_of_a_score_are_refused() -> None:
    with pytest.raises(DataError, match="Did you mean 'n_real'"):
        Score(1.0, n_reel=3)
    with pytest.raises(DataError, match="'lower', 'higher'"):
        Score(1.0, direction="up")
    with pytest.raises(DataError, match="must be a number"):
        Score("much")
    with pytest.raises(DataError, match="must be a Null or None"):
        Score(1.0, null=(0, 1))


def test_quantiles_of_many_draws_and_students_interval_of_few() -> None:
    draws = np.arange(39.0)
    assert (Null.of(draws).low, Null.of(draws).high) == (0.0, 38.0)
    few = Null.of([0.0, 1.0, 2.0])
    assert few.high == pytest.approx(1 + 4.303 * (4 / 3) ** 0.5, abs=0.01)


def unlike_patients(n_patients=10, n_each=12, seed=0):
    """Return rows of patients who hardly overlap, and who each row is of."""
    rng = np.random.default_rng(seed)
    places = 30 * rng.normal(size=(n_patients, 1, 6))
    rows = places + rng.normal(size=(n_patients, n_each, 6))
    return rows.reshape(-1, 6), np.repeat(np.arange(n_patients), n_each)


@pytest.mark.parametrize("score", [metrics.coverage, metrics.precision, metrics.density])
def test_the_worst_value_is_never_as_real_where_patients_differ_so_much(score):
    X, groups = unlike_patients()
    far = X + 1e4
    found = score(X, far, groups_real=groups, random_state=0)
    assert found == 0
    assert found.reading == "inconclusive"
    assert "0, the worst value, lies inside the null" in found.reason


def test_coverage_by_patients_takes_no_more_synthetic_than_real_rows():
    X, groups = unlike_patients()
    more = np.concatenate([X, X + 0.1])
    found = metrics.coverage(X, more, groups_real=groups, random_state=0)
    assert found.reading == "inconclusive"
    assert "at most as many as the 120 real ones" in found.reason
