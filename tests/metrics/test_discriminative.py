"""The discriminative score and the classifiers that it trains."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from toys import make_waves

from bioaug.exceptions import DataError
from bioaug.metrics.base.classifiers import NetworkProbe, make_probe, signal_features
from bioaug.metrics.fidelity.discriminative import discriminative_score, fold_p


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers which rows it is given; says 1 for all."""

    calls: list = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Spy.calls.append(({row.tobytes() for row in X}, y))
        return self

    def predict_proba(self, X):
        Spy.calls.append({row.tobytes() for row in X})
        return np.tile([0.2, 0.8], (len(X), 1))


def test_never_tests_on_rows_that_it_trained_on_and_every_row_once() -> None:
    Spy.calls = []
    A, B = make_waves(30), make_waves(50, 1)
    found = discriminative_score(A, B, classifier=Spy(), n_null=0, random_state=0)
    trained, tested = Spy.calls[::2], Spy.calls[1::2]
    assert len(trained) == len(tested) == 5
    for (rows, y), held in zip(trained, tested, strict=True):
        assert not rows & held
        assert np.mean(y) == 0.5
    assert sum(map(len, tested)) == len(set.union(*tested)) == 60
    assert found == 0
    assert found.details["accuracy"] == 0.5
    assert found.details["auc"] == 0.5
    assert found.details["n_each"] == 30


@pytest.mark.parametrize("classifier", ["trees", "cnn", "gru", LogisticRegression()])
def test_a_large_fault_is_seen_by_every_classifier(classifier) -> None:
    A, B = make_waves(60, n_channels=1), make_waves(60, 1, n_channels=1) + 3
    found = discriminative_score(A, B, classifier=classifier, n_null=0, random_state=0)
    assert found > 0.4
    assert found.details["auc"] > 0.9
    assert found.details["p_value"] < 1e-3


def test_null_of_trees_holds_new_rows_and_not_noisy_ones() -> None:
    A, B = make_waves(80, n_channels=1), make_waves(80, 1, n_channels=1)
    equal = discriminative_score(A, B, n_null=4, random_state=0)
    assert equal in equal.null
    assert equal.details["p_value"] > 0.01
    noisy = B + 0.3 * np.random.default_rng(0).normal(size=B.shape)
    worse = discriminative_score(A, noisy, n_null=0, random_state=0)
    assert worse > equal.null.high


def test_fold_p_is_that_of_all_relabellings() -> None:
    answers, y = np.array([1, 1, 1, 0, 0, 1], bool), np.array([1, 1, 0, 0, 0, 1])
    n_right = (answers == y).sum()
    labels = [np.isin(np.arange(6), ones) for ones in combinations(range(6), 3)]
    expected = np.mean([(answers == relabelled).sum() >= n_right for relabelled in labels])
    assert fold_p(answers, y) == pytest.approx(expected)


@pytest.mark.slow
def test_p_value_rejects_equal_distributions_no_more_often_than_it_says() -> None:
    """A binomial test of all folds together rejects 12 % of these at the level of 5 %."""
    p_values = np.array(
        [
            discriminative_score(
                make_waves(80, 2 * i, n_channels=1),
                make_waves(80, 2 * i + 1, n_channels=1),
                classifier=LogisticRegression(),
                n_null=0,
                random_state=i,
            ).details["p_value"]
            for i in range(200)
        ]
    )
    assert (p_values <= 0.05).mean() <= 0.08


def test_guessing_by_halves_scores_zero() -> None:
    dummy = DummyClassifier(strategy="prior")
    assert discriminative_score(
        make_waves(25), make_waves(25, 1), classifier=dummy, n_null=2, random_state=0
    ) == pytest.approx(0)


def test_steps_of_the_converter_are_no_fault() -> None:
    A, B = make_waves(150, n_channels=1), make_waves(150, 1, n_channels=1)
    step = 0.01 * A.std()
    A = np.round(A / step) * step
    found = discriminative_score(A, B, n_null=0, random_state=0)
    assert found < 0.12


@pytest.mark.parametrize("network", ["cnn", "gru"])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_networks_take_any_channels_and_three_classes(network: str, n_channels: int) -> None:
    X = make_waves(90, n_channels=n_channels)
    y = np.repeat(["a", "b", "c"], 30)
    X += 4 * (np.arange(90) // 30)[:, None, None]
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    probe = NetworkProbe(network, random_state=3).fit(X, y)
    assert torch.equal(torch.rand(1), expected)
    assert probe.predict_proba(X).shape == (90, 3)
    assert (probe.predict(X) == y).mean() > 0.8
    again = NetworkProbe(network, random_state=3).fit(X, y)
    np.testing.assert_array_equal(probe.predict_proba(X), again.predict_proba(X))


def test_gru_of_one_channel_has_a_state() -> None:
    probe = NetworkProbe("gru", max_epochs=1).fit(make_waves(20, n_channels=1), np.arange(20) % 2)
    assert probe.network_.gru.hidden_size == 8


@pytest.mark.parametrize("n_timesteps", [2, 3, 25])
def test_short_and_odd_lengths(n_timesteps: int) -> None:
    X, y = make_waves(30, n_timesteps=n_timesteps), np.arange(30) % 2
    for name in ("cnn", "gru", "trees"):
        assert make_probe(name, seed=0, owner="test").fit(X, y).predict_proba(X).shape == (30, 2)


def test_features_stand_side_by_side() -> None:
    X = make_waves(5, n_channels=2, n_timesteps=10)
    features = signal_features(X)
    assert features.shape == (5, 2 * (10 + 9 + 6))
    np.testing.assert_allclose(features[:, :20], X.reshape(5, 20), atol=0.1 * X.std())


@pytest.mark.parametrize("classifier", ["tree", LinearSVC(), 3])
def test_unknown_classifiers_are_named(classifier) -> None:
    with pytest.raises(
        DataError, match=r"classifier.*discriminative_score.*'trees'.*predict_proba"
    ):
        discriminative_score(make_waves(30), make_waves(30), classifier=classifier)


def test_bad_folds_are_named() -> None:
    with pytest.raises(DataError, match="n_folds"):
        discriminative_score(make_waves(30), make_waves(30), n_folds=1)
