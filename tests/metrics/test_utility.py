"""Utility scores: known answers, real data, patients, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from bioaug.exceptions import DataError
from bioaug.metrics.utility.classification import (
    train_on_real_test_on_synthetic,
    train_on_synthetic_test_on_real,
)
from bioaug.metrics.utility.forecasting import predictive_score
from bioaug.metrics.utility.tasks import make_task

TASKS = [train_on_synthetic_test_on_real, train_on_real_test_on_synthetic]
LINEAR = LogisticRegression()


def labelled(n_rows: int, seed: int, distance: float = 2.0) -> tuple[NDArray, NDArray]:
    """Return signals of three classes, an equal number of each."""
    y = np.array(["N", "S", "V"])[np.arange(n_rows) % 3]
    X = np.random.default_rng(seed).normal(size=(n_rows, 8))
    X[:, :4] += distance * (y == "S")[:, None]
    X[:, 4:] += distance * (y == "V")[:, None]
    return X, y


def sines(n_rows: int, seed: int, n_timesteps: int = 12) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    time = np.arange(n_timesteps) / 2
    return np.sin(time + rng.uniform(0, 2 * np.pi, size=(n_rows, 1)))


def test_forecast_of_sines_beats_that_learned_from_noise():
    real, noise = sines(60, 0), np.random.default_rng(1).normal(size=(60, 12))
    good = predictive_score(real, sines(60, 2), n_steps=80, n_null=0, random_state=0)
    bad = predictive_score(real, noise, n_steps=80, n_null=0, random_state=0)
    assert good.value < 0.3  # of a deviation; the mean alone would be wrong by 0.9
    assert bad.value > 2 * good.value
    assert good.details["ratio"] == pytest.approx(1, abs=0.3)
    assert bad.details["ratio"] > 2
    assert good.details["real_on_real"] == pytest.approx(good / good.details["ratio"])


def test_noise_is_forecast_by_its_median():
    """The error is then the mean size of a normal variable, 0.8."""
    noise = [np.random.default_rng(seed).normal(size=(200, 12)) for seed in (0, 1)]
    score = predictive_score(*noise, n_steps=40, n_null=0, random_state=0)
    assert score.value == pytest.approx(np.sqrt(2 / np.pi), abs=0.03)


def test_forecast_is_free_of_units():
    real, other = (np.stack([sines(40, s), sines(40, s + 9) ** 3], axis=1) for s in (0, 1))
    factor = np.array([1e3, 1e-3])[:, None]
    first, scaled = (
        predictive_score(by * real + 7, by * other + 7, n_steps=10, n_null=0, random_state=0)
        for by in (1, factor)
    )
    assert scaled.value == pytest.approx(first.value, rel=1e-3)


def test_forecast_is_of_the_last_channel():
    """Where it is noise there is nothing to learn; noise in another channel does no harm."""
    noise, smooth = np.random.default_rng(0).normal(size=(60, 12)), sines(60, 0)
    hard, easy = (
        predictive_score(rows, rows, n_steps=60, n_null=0, random_state=0)
        for rows in (np.stack([smooth, noise], axis=1), np.stack([noise, smooth], axis=1))
    )
    assert easy < 0.5 < 0.6 < hard


@pytest.mark.slow
def test_halves_of_real_rows_lie_inside_the_null_of_the_forecast():
    inside = 0
    for draw in range(30):
        rows = np.random.default_rng(draw).normal(size=(120, 20)).cumsum(axis=1)
        score = predictive_score(rows[:60], rows[60:], n_steps=60, n_null=6, random_state=draw)
        inside += score.value in score.null
    assert inside >= 27


@pytest.mark.parametrize("score", TASKS)
def test_fresh_rows_score_as_real_ones(score):
    (X, y), (X_synthetic, y_synthetic) = labelled(240, 0), labelled(240, 1)
    found = score(
        X, X_synthetic, y_real=y, y_synthetic=y_synthetic, classifier=LINEAR, random_state=0
    )
    assert found.value in found.null
    assert found.details["ratio"] == pytest.approx(1, abs=0.05)
    assert found.details["n_train"] == 120
    assert found.direction == "higher"
    assert list(found.per_class) == ["N", "S", "V"]
    assert found.value == pytest.approx(np.mean([float(v) for v in found.per_class.values()]))
    assert all(part.null is not None for part in found.per_class.values())


@pytest.mark.parametrize("score", TASKS)
def test_wrong_labels_score_far_below(score):
    (X, y), (X_synthetic, y_synthetic) = labelled(120, 0), labelled(120, 1)
    wrong = np.roll(y_synthetic, 1)
    found = score(X, X_synthetic, y_real=y, y_synthetic=wrong, n_null=4, random_state=0)
    assert found.value < 0.1
    assert found.value < found.null.low
    assert found.details["real_on_real"] > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("with_test", [False, True])
@pytest.mark.parametrize("score", TASKS)
def test_fresh_rows_lie_inside_the_null_in_90_of_100_draws(score, with_test: bool):
    inside = 0
    for draw in range(100):
        (X, y), (X_synthetic, y_synthetic) = (labelled(120, 3 * draw + k, 1.0) for k in (0, 1))
        X_test, y_test = labelled(120, 3 * draw + 2, 1.0) if with_test else (None, None)
        given = {"X_test": X_test, "y_test": y_test, "classifier": LINEAR, "random_state": draw}
        found = score(X, X_synthetic, y_real=y, y_synthetic=y_synthetic, **given)
        inside += found.value in found.null
    assert inside >= 90


def test_macro_f1_is_that_of_scikit_learn():
    (X, y), (X_test, y_test) = labelled(90, 0, 0.7), labelled(90, 1, 0.7)
    task = make_task(
        (X, y),
        (X, y),
        (X_test, y_test),
        groups_real=None,
        classifier=LINEAR,
        scoring="f1_macro",
        owner="test",
    )
    values = task.score(task.real, task.test, np.random.RandomState(0))
    expected = LogisticRegression().fit(task.real.X[:, 0], y).predict(task.test.X[:, 0])
    assert values == pytest.approx(f1_score(y_test, expected, average=None))
    assert values.mean() == pytest.approx(f1_score(y_test, expected, average="macro"))


def test_a_dropped_class_is_never_recognised():
    (X, y), (X_synthetic, y_synthetic) = labelled(120, 0), labelled(120, 1)
    kept = y_synthetic != "V"
    found = train_on_synthetic_test_on_real(
        X,
        X_synthetic[kept],
        y_real=y,
        y_synthetic=y_synthetic[kept],
        classifier=LINEAR,
        n_null=2,
        random_state=0,
    )
    assert found.per_class["V"] == 0
    assert found.per_class["V"].n_synthetic == 0
    assert found.value < found.null.low


def test_synthetic_training_has_no_more_rows_than_real_training():
    (X, y), (X_synthetic, y_synthetic) = labelled(60, 0), labelled(600, 1)
    given = {"y_real": y, "y_synthetic": y_synthetic, "classifier": LINEAR, "n_null": 0}
    assert train_on_synthetic_test_on_real(X, X_synthetic, **given).details["n_train"] == 30
    given |= {"y_real": y_synthetic, "y_synthetic": y}
    assert train_on_synthetic_test_on_real(X_synthetic, X, **given).details["n_train"] == 60


@pytest.mark.parametrize("score", TASKS)
def test_test_rows_that_are_given_are_tested_on(score):
    (X, y), (X_synthetic, y_synthetic) = labelled(120, 0), labelled(120, 1)
    X_test, y_test = labelled(60, 2)
    given = {"y_real": y, "y_synthetic": y_synthetic, "classifier": LINEAR, "random_state": 0}
    wrong = score(X, X_synthetic, X_test=X_test, y_test=np.roll(y_test, 1), n_null=2, **given)
    assert wrong.details["real_on_real"] < 0.1
    assert wrong.null.value < 0.1
    assert (wrong.value < 0.1) == (score is train_on_synthetic_test_on_real)


@pytest.mark.parametrize("score", TASKS)
def test_halves_share_no_patient(score):
    (X, y), (X_synthetic, y_synthetic) = labelled(120, 0), labelled(120, 1)
    groups = np.arange(120) // 12
    task = make_task(
        (X, y),
        (X_synthetic, y_synthetic),
        (None, None),
        groups_real=groups,
        classifier=LINEAR,
        scoring="f1_macro",
        owner="test",
    )
    rng, seen = np.random.RandomState(0), set()
    for _ in range(5):
        for train, test in task.halves(rng):
            patients = [
                set(groups[[np.flatnonzero((row == task.real.X).all((1, 2)))[0] for row in part.X]])
                for part in (train, test)
            ]
            assert not patients[0] & patients[1]
            assert patients[0] | patients[1] == set(range(10))
            assert set(train.y) == set(test.y) == {"N", "S", "V"}
            seen.add(frozenset(patients[0]))
    assert len(seen) > 4  # other halves each time
    found = score(
        X,
        X_synthetic,
        y_real=y,
        y_synthetic=y_synthetic,
        groups_real=groups,
        classifier=LINEAR,
        random_state=0,
    )
    assert found.value in found.null


def test_other_scorers_and_classifiers():
    (X, y), (X_synthetic, y_synthetic) = labelled(60, 0), labelled(60, 1)
    given = {"y_real": y, "y_synthetic": y_synthetic, "n_null": 2, "random_state": 0}
    accuracy = train_on_synthetic_test_on_real(
        X, X_synthetic, classifier=LINEAR, scoring="accuracy", **given
    )
    assert accuracy.per_class == {}
    assert 0.8 < accuracy <= 1
    assert accuracy.null is not None
    log_loss = train_on_real_test_on_synthetic(
        X, X_synthetic, classifier=LINEAR, scoring="neg_log_loss", **given
    )
    assert log_loss < 0


@pytest.mark.parametrize("score", TASKS)
def test_seeds_units_and_global_generators(score):
    (X, y), (X_synthetic, y_synthetic) = labelled(60, 0), labelled(60, 1)
    given = {"y_real": y, "y_synthetic": y_synthetic, "n_null": 2, "random_state": 4}
    np.random.seed(3)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    first, again = score(X, X_synthetic, **given), score(X[:, None], X_synthetic, **given)
    predictive_score(X, X_synthetic, n_steps=2, n_null=0, random_state=0)
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before
    assert first.value == again.value
    assert first.null == again.null
    assert first.seed == 4
    scaled = score(1e3 * X + 5, 1e3 * X_synthetic + 5, **given)
    assert scaled.value == pytest.approx(first.value, abs=0.05)


@pytest.mark.parametrize("score", TASKS)
def test_faults(score):
    (X, y), (_, y_synthetic) = labelled(60, 0), labelled(60, 1)
    both = {"y_real": y, "y_synthetic": y_synthetic}
    few = np.r_[np.flatnonzero(y != "V"), np.flatnonzero(y == "V")[:3]]
    with pytest.raises(DataError, match=r"'y_real' .* several classes. Got the one class 'N'"):
        score(X, X, y_real=["N"] * 60, y_synthetic=["N"] * 60)
    with pytest.raises(DataError, match=r"'y_synthetic' .* several classes. Got the one class"):
        score(X, X, y_real=y, y_synthetic=["N"] * 60)
    with pytest.raises(DataError, match=r"'y_real' .* Got None"):
        score(X, X, y_real=None, y_synthetic=None)
    with pytest.raises(DataError, match=r"'y_synthetic' .* Got None"):
        score(X, X, y_real=y, y_synthetic=None)
    with pytest.raises(DataError, match=r"at least 4 rows of every class. Got 3 of 'V'"):
        score(X[few], X, y_real=y[few], y_synthetic=y)
    with pytest.raises(DataError, match=r"must hold classes of 'y_real'.*'Q'"):
        score(X, X, y_real=y, y_synthetic=np.where(y == "V", "Q", y))
    with pytest.raises(DataError, match=r"'X_synthetic' .* Got \(1, 5\)"):
        score(X, X[:, :5], **both)
    with pytest.raises(DataError, match="NaN"):
        score(X, np.full_like(X, np.nan), **both)
    with pytest.raises(DataError, match="'y_test' parameter"):
        score(X, X, X_test=X, **both)
    with pytest.raises(DataError, match="'X_test' parameter"):
        score(X, X, y_test=y, **both)
    with pytest.raises(DataError, match=r"'groups_real' .* 2 patients"):
        score(X, X, groups_real=np.zeros(60), **both)
    with pytest.raises(DataError, match=r"'groups_real' .* one class 'N'|'groups_real' .* class"):
        score(X, X, groups_real=y, **both)
    with pytest.raises(DataError, match=r"'scoring' .* Did you mean 'accuracy'"):
        score(X, X, scoring="acuracy", **both)
    with pytest.raises(DataError, match="'classifier' parameter"):
        score(X, X, classifier="tree", **both)
    with pytest.raises(DataError, match="'n_null'"):
        score(X, X, n_null=1, **both)


def test_faults_of_the_forecast():
    X = sines(20, 0)
    with pytest.raises(DataError, match="at least 10 rows"):
        predictive_score(X[:9], X)
    with pytest.raises(DataError, match="at least 2 time steps"):
        predictive_score(X[:, :1], X[:, :1])
    with pytest.raises(DataError, match="'n_steps'"):
        predictive_score(X, X, n_steps=0)
    with pytest.raises(DataError, match="NaN"):
        predictive_score(np.full_like(X, np.nan), X)
