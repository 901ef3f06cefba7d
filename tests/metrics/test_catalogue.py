"""The catalogue of scores and what must follow from it."""

from __future__ import annotations

import inspect

import pytest

from bioaug import metrics
from bioaug.metrics.base.registry import register_score
from bioaug.metrics.catalogue import CATALOGUE, names_of_tier
from bioaug.metrics.evaluation import split_halves

PARAMETERS = ["X_real", "X_synthetic", "y_real", "y_synthetic", "n_null", "random_state"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_score_is_exported_and_takes_the_common_parameters(name):
    function = CATALOGUE[name].function
    assert function.__name__ in metrics.__all__
    assert getattr(metrics, function.__name__) is function
    parameters = inspect.signature(function).parameters
    assert set(PARAMETERS) <= set(parameters)
    assert CATALOGUE[name].needs | CATALOGUE[name].takes - {"test"} <= {
        *(key.removeprefix("X_") for key in parameters),
        "labels",
    }


def test_a_tier_without_privacy():
    assert set(names_of_tier("fast")) < set(names_of_tier("full"))
    without = names_of_tier("full", privacy=False)
    assert {CATALOGUE[name].kind for name in without} == {"fidelity", "utility"}


def test_halves_share_no_patient_and_no_row():
    groups = [0, 0, 1, 1, 2, 2, 3, 3]
    one, other = split_halves(8, None, groups, random_state=0)
    assert sorted([*one, *other]) == list(range(8))
    assert not {groups[row] for row in one} & {groups[row] for row in other}
    one, other = split_halves(8, ["a", "b"] * 4)
    assert sum(row % 2 for row in one) == sum(row % 2 for row in other) == 2


def test_a_name_that_is_taken_is_refused():
    def other(X_real, X_synthetic):
        raise AssertionError("never called")

    with pytest.raises(ValueError, match=r"'mmd' of .*other must be new\. It is that of mmd"):
        register_score("mmd", "fidelity")(other)
    assert CATALOGUE["mmd"].function is metrics.mmd
