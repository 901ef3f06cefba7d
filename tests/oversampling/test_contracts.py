"""Contracts of scikit-learn and imbalanced-learn, and every model on small classes."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
)
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sampling import SMALL_CLASSES
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks
from toys import make_rows

from bioaug import GANOversampler, available_models

SAMPLER = GANOversampler(n_steps=1, random_state=0)


def listed(mark: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Give pytest a list of checks, for it no longer takes a generator."""
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)


@SMALL_CLASSES
@pytest.mark.usefixtures("untyped")
@listed(imblearn_checks([SAMPLER]))
def test_imbalanced_learns_contract(estimator, check, request):
    check(estimator)


@pytest.mark.usefixtures("untyped")
@listed(sklearn_checks([SAMPLER]))
def test_scikit_learns_contract(estimator, check, request):
    check(estimator)


OTHERS = [
    GANOversampler(name, n_steps=1, quality_filter=False, min_samples={"own": 2}, random_state=0)
    for name in available_models()
    if name != SAMPLER.model
]


@pytest.mark.slow
@pytest.mark.usefixtures("untyped")
@listed(imblearn_checks(OTHERS))
def test_imbalanced_learns_contract_of_the_other_models(estimator, check, request):
    check(estimator)


@pytest.mark.slow
@pytest.mark.usefixtures("untyped")
@listed(sklearn_checks(OTHERS))
def test_scikit_learns_contract_of_the_other_models(estimator, check, request):
    check(estimator)


@pytest.mark.parametrize("name", available_models())
@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_model_grows_a_class_of_10_rows(name, n_classes):
    counts = [24] + [10] * (n_classes - 1)
    X, y = make_rows((sum(counts), 2, 31)), np.repeat(np.arange(n_classes), counts)
    sampler = GANOversampler(
        name, n_steps=2, quality_filter=False, min_samples={"own": 2}, random_state=0
    )
    grown, labels = sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {label: [name] for label in range(1, n_classes)}
    assert grown.shape == (24 * n_classes, 2, 31)
    assert np.isfinite(grown).all()
    assert np.bincount(labels).tolist() == [24] * n_classes


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_imbalanced_learns_other_checks(check):
    check("GANOversampler", clone(SAMPLER))
