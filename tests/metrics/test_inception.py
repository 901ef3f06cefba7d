"""The inception score on classes that are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression
from toys import make_waves

from bioaug.exceptions import DataError
from bioaug.metrics.fidelity.inception import clearness, inception_score

LINEAR = LogisticRegression()


def classes(n_each: int = 30, n_classes: int = 3, seed: int = 0, apart: float = 30):
    X = make_waves(n_each * n_classes, seed)
    y = np.repeat(np.array(list("NVSFQ"))[:n_classes], n_each)
    X[:, 0] += apart * np.repeat(np.arange(n_classes), n_each)[:, None]
    X[:, 1] += apart * (np.repeat(np.arange(n_classes), n_each) == 1)[:, None]
    return X, y


def test_formula_agrees_with_scipy() -> None:
    chance = np.random.default_rng(0).dirichlet([1, 2, 3], size=50)
    mean = chance.mean(axis=0)
    expected = np.exp(np.mean([entropy(row, mean) for row in chance]))
    assert clearness(chance) == pytest.approx(expected, abs=1e-12)


def test_certain_answers_have_known_scores() -> None:
    assert clearness(np.eye(4)) == pytest.approx(4)
    assert clearness(np.eye(4)[[0, 0, 0]]) == pytest.approx(1)
    assert clearness(np.full((5, 3), 1 / 3)) == pytest.approx(1)


def test_clear_classes_score_their_number_and_a_lost_one_shows() -> None:
    (X, y), (Z, z) = classes(), classes(seed=1)
    full = inception_score(X, Z, y_real=y, y_synthetic=z, classifier=LINEAR, random_state=0)
    assert full == pytest.approx(3, abs=0.1)
    assert full in full.null
    assert full.details["agreement"] == 1
    assert full.per_class == {}
    lost = inception_score(X, Z[z != "S"], y_real=y, classifier=LINEAR, n_null=0, random_state=0)
    assert lost == pytest.approx(2, abs=0.1)
    assert lost.details["real"] == pytest.approx(3, abs=0.1)
    assert lost.details["share_synthetic"]["S"] < 0.02
    assert sum(lost.details["share_real"].values()) == pytest.approx(1)
    assert "agreement" not in lost.details
    assert json.loads(json.dumps(lost.to_dict()))["null"] is None


def test_is_free_of_units_and_has_a_seed() -> None:
    (X, y), (Z, _) = classes(apart=2), classes(seed=1, apart=2)
    settings = {"y_real": y, "classifier": LINEAR, "n_null": 2}
    here = inception_score(X, Z, random_state=0, **settings)
    there = inception_score(X * 1000 + 5, Z * 1000 + 5, random_state=0, **settings)
    assert there == pytest.approx(here, abs=1e-6)
    drawn = inception_score(X, Z, random_state=np.random.RandomState(3), **settings)
    assert inception_score(X, Z, random_state=drawn.seed, **settings) == drawn


@pytest.mark.parametrize("classifier", ["trees", "cnn"])
def test_named_classifiers(classifier: str) -> None:
    (X, y), (Z, _) = classes(n_classes=2), classes(n_classes=2, seed=1)
    found = inception_score(X, Z, y_real=y, classifier=classifier, n_null=0, random_state=0)
    assert 1.7 < found <= 2


@pytest.mark.slow
def test_two_halves_of_real_data_lie_inside_the_null() -> None:
    X, y = classes(n_each=60, apart=1.5)
    rng, inside = np.random.default_rng(0), 0
    for draw in range(50):
        order = rng.permutation(len(X))
        first, second = order[:90], order[90:]
        found = inception_score(
            X[first], X[second], y_real=y[first], classifier=LINEAR, random_state=draw
        )
        inside += found in found.null
    assert inside >= 45


def test_bad_input_is_named() -> None:
    X, y = classes()
    with pytest.raises(DataError, match=r"y_real.*Got None"):
        inception_score(X, X)
    with pytest.raises(DataError, match=r"at least two classes. Got the one class 'N'"):
        inception_score(X, X, y_real=np.repeat("N", len(X)))
    rare = y.copy()
    rare[3:] = "V"
    with pytest.raises(DataError, match=r"at least 4 rows of each class. Got 3 of class 'N'"):
        inception_score(X, X, y_real=rare)
    with pytest.raises(DataError, match=r"at least 20 rows. Got 5"):
        inception_score(X, X[:5], y_real=y)
    with pytest.raises(DataError, match="as 'X_real' has"):
        inception_score(X, X[..., 1:], y_real=y)
    with pytest.raises(DataError, match="NaN"):
        inception_score(X, np.full(X.shape, np.nan), y_real=y)
    with pytest.raises(DataError, match="n_null"):
        inception_score(X, X, y_real=y, n_null=1)
