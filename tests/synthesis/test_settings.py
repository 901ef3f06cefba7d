"""Parameters and rows that a Synthesizer refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthesizers import DENSE, make
from toys import make_rows

from bioaug import Synthesizer
from bioaug.exceptions import (
    CheckpointError,
    DataError,
)

X, Y = make_rows((24, 8)), np.arange(24) % 2

pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the generated signals")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "biosgam"}, "'model'.*must be one of 'biosgan'.*'biosgam'.*mean 'biosgan'"),
        ({"model": 3}, "'model'.*must be one of 'biosgan'.*Got 3"),
        ({"model_params": {"dept": 1}}, "'model_params key'.*Got 'dept'.*mean 'depth'"),
        ({"model_params": {"spec": 1}}, "'model_params key'.*Got 'spec'"),
        ({"model_params": [1]}, r"'model_params'.*dict or None\. Got \[1\]"),
        ({"training_params": {"batchsize": 1}}, "'training_params key'.*mean 'batch_size'"),
        ({"training_params": {"n_steps": 1}}, r"must not hold n_steps.*Synthesizer\(n_steps=...\)"),
        ({"training_params": {"batch_size": 0}}, r"'batch_size'.*\[1, inf\)\. Got 0"),
        ({"n_steps": -1}, r"'n_steps' parameter of Synthesizer.*\[0, inf\) or None\. Got -1"),
        ({"n_steps": 1.5}, "'n_steps'.*Got 1.5"),
        ({"n_steps": "9"}, "'n_steps'.*Got '9'"),
        ({"max_time": 0}, r"'max_time' parameter of Synthesizer.*\(0.0, inf\) or None\. Got 0"),
        ({"max_time": "5"}, "'max_time'.*Got '5'"),
        ({"per_class": "yes"}, "'per_class'.*one of True, False, 'auto'. Got 'yes'"),
        ({"callbacks": [print]}, r"'callbacks'.*list of bioaug\.training\.Callback\. Got"),
        ({"callbacks": 3}, r"'callbacks'.*list of bioaug\.training\.Callback\. Got 3"),
        ({"device": "cuda:99"}, "'device'.*'cpu'.*Got 'cuda:99'.*Use device='auto'"),
        ({"device": "gpu"}, "'device'.*'cpu'.*Got 'gpu'.*Use device='auto'"),
        ({"random_state": "x"}, r"'random_state'.*from 0 to 2\*\*32 - 1.*Got 'x'"),
        ({"random_state": -1}, r"'random_state'.*from 0 to 2\*\*32 - 1.*Got -1"),
        ({"n_jobs": "a"}, "'n_jobs' parameter of Synthesizer.*int.*None. Got 'a'"),
        ({"random_state": None, "checkpoint_dir": "x"}, "'random_state'.*'checkpoint_dir'.*Set"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(X, y, params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused(X, y, value):
    X[5, 3] = value
    with pytest.raises(DataError, match=r"'X' parameter of Synthesizer must be finite.*in row 5"):
        make().fit(X, y)


def test_flat_rows_are_refused(X, y):
    X[40] = 2.0
    with pytest.raises(DataError, match=r"'X'.*no constant signal\. Got 1 of 12 in class V.*Drop"):
        make().fit(X, y)


def test_a_constant_channel_is_refused(y):
    X = make_rows((48, 3, 20))
    X[:, 2] = 1.0
    with pytest.raises(DataError, match=r"'X'.*vary in every channel\. Got channel 2.*Drop"):
        make().fit(X, y)


def test_a_class_of_one_row_is_refused(X):
    y = np.array(["N"] * 47 + ["V"])
    with pytest.raises(DataError, match=r"'y'.*at least 2 rows.*Got 1 row of class V.*Leave"):
        make().fit(X, y)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_steps", 10**400),
        ("max_time", 10**400),
        ("verbose", np.ones(3)),
        ("verbose", "yes"),
        ("device", np.ones(3)),
        ("device", 10**400),
    ],
)
def test_parameters_that_no_number_or_device_can_be_are_named(name, value):
    X = make_rows((108, 24))
    with pytest.raises(DataError, match=f"'{name}' parameter"):
        Synthesizer("dense", **({"n_steps": 1} | {name: value})).fit(X)


def test_parameters_that_cannot_be_saved_are_refused_before_the_training():
    with pytest.raises(CheckpointError, match="A setting cannot be saved"):
        Synthesizer(**DENSE | {"model_params": {"latent_dim": torch.tensor(4)}}).fit(X, Y)
