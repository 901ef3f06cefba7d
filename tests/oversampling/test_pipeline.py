from __future__ import annotations

import numpy as np
import pytest
from imblearn.pipeline import Pipeline, make_pipeline
from sampling import make
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from toys import SMALL, make_rows

from bioaug.datasets import make_ecg

FOLDS = StratifiedKFold(3)


@pytest.fixture
def beats(untyped):
    return make_ecg(150, classes=("N", "V"), class_weights=(0.8, 0.2), random_state=0)


def test_cross_validation_with_a_real_classifier(beats):
    X = beats.data.reshape(len(beats.data), -1)
    classifier = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    pipeline = make_pipeline(make(), classifier)
    found = cross_validate(
        pipeline, X, beats.target, cv=FOLDS, scoring="balanced_accuracy", return_estimator=True
    )
    assert found["test_score"].mean() > 0.6  # by chance 0.5; trees differ between versions
    for trained in found["estimator"]:
        sampler = trained[0]
        assert sampler.n_original_ == 100
        assert sum(sampler.sampling_strategy_.values()) > 50
        assert sampler.synthesizer_.classes_.tolist() == ["V"]


def test_folds_repeat(X, y):
    pipeline = make_pipeline(make(), LogisticRegression())
    scores = [cross_validate(pipeline, X, y, cv=FOLDS)["test_score"] for _ in range(2)]
    np.testing.assert_array_equal(*scores)


def test_predicting_never_generates(X, y):
    pipeline = make_pipeline(make(), LogisticRegression()).fit(X, y)
    assert pipeline.predict(X).shape == (48,)
    assert cross_val_predict(pipeline, X, y, cv=FOLDS).shape == (48,)


@pytest.mark.slow
def test_grid_over_synthesizer_and_classifier(X, y):
    pipeline = Pipeline([("sampler", make()), ("classifier", LogisticRegression())])
    grid = {
        "sampler__model__n_steps": [1, 2],
        "sampler__sampling_strategy": [0.5, 1.0],
        "classifier__C": [0.1, 1.0],
    }
    search = GridSearchCV(pipeline, grid, cv=FOLDS, scoring="f1_macro", error_score="raise")
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    best = search.best_estimator_.named_steps["sampler"]
    assert best.synthesizer_.n_steps == search.best_params_["sampler__model__n_steps"]
    assert best.model.n_steps == best.synthesizer_.n_steps
    assert pipeline.named_steps["sampler"].model.n_steps == 2


@pytest.mark.usefixtures("untyped")
def test_grid_over_numpy_values(X, y):
    grid = {"ganoversampler__n_steps": np.arange(1, 3)}
    pipeline = make_pipeline(make(), LogisticRegression())
    search = GridSearchCV(pipeline, grid, cv=FOLDS, error_score="raise").fit(X, y)
    assert search.best_params_["ganoversampler__n_steps"] in (1, 2)


def test_grid_over_the_parameters_of_the_model(X, y):
    grid = {"ganoversampler__model__model_params": [SMALL, SMALL | {"depth": 2}]}
    pipeline = make_pipeline(make(), LogisticRegression())
    search = GridSearchCV(pipeline, grid, cv=FOLDS, error_score="raise").fit(X, y)
    assert search.best_params_["ganoversampler__model__model_params"] in grid.popitem()[1]


def flatten(X):
    return X.reshape(len(X), -1)


def test_3d_signals_in_a_pipeline(beats):
    X = np.stack([beats.data.reshape(150, -1), make_rows((150, beats.data.shape[-1]))], axis=1)
    pipeline = make_pipeline(
        make(), FunctionTransformer(flatten), StandardScaler(), LogisticRegression()
    )
    scores = cross_validate(pipeline, X, beats.target, cv=FOLDS, error_score="raise")["test_score"]
    assert scores.mean() > 0.8
    trained = clone(pipeline).fit(X, beats.target)
    assert trained[0].synthesizer_.signal_shape_ == X.shape[1:]


def test_the_trained_sampler_is_cached(X, y, tmp_path):
    pipeline = make_pipeline(make(), LogisticRegression(), memory=str(tmp_path))
    first = pipeline.fit(X, y).predict(X)
    np.testing.assert_array_equal(pipeline.fit(X, y).predict(X), first)


def test_groups_reach_splitter_and_sampler(X, y):
    groups = np.tile(np.arange(6), 8)
    with config_context(enable_metadata_routing=True):
        sampler = make().set_fit_resample_request(groups=True)
        pipeline = make_pipeline(sampler, LogisticRegression())
        found = cross_validate(
            pipeline, X, y, cv=GroupKFold(3), params={"groups": groups}, return_estimator=True
        )
    for trained in found["estimator"]:
        patients = trained[0].groups_
        assert len(np.unique(patients[: trained[0].n_original_])) == 4
        assert set(patients[trained[0].n_original_ :]) == {patients[:32].max() + 1}
