"""Generators: adapted objects with `fit` and `sample`, methods without training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sampling import QUICK, Copying, grown, two_classes
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from toys import make_rows

from bioaug import GANOversampler
from bioaug.exceptions import DataError
from bioaug.nn.parzen import ManifoldParzen


def test_a_method_that_was_asked_for_is_the_one_used():
    X, y = two_classes()
    for model in ("jitter", "scale", "warp"):
        sampler = GANOversampler(model, **QUICK)
        sampler.fit_resample(X, y)
        assert sampler.generator_names_ == {"V": [model]}


@pytest.mark.parametrize(
    "model", [GaussianMixture(2, covariance_type="diag"), KernelDensity(bandwidth=0.5)]
)
@pytest.mark.parametrize("shape", [(24,), (2, 24)])
def test_any_object_with_fit_and_sample_is_a_model(model, shape):
    X, y = two_classes(shape=shape)
    made = grown(GANOversampler(model, **QUICK), X, y)
    assert made.shape == (40, *shape)
    np.testing.assert_array_equal(grown(GANOversampler(model, **QUICK), X, y), made)
    assert not np.array_equal(grown(GANOversampler(model, random_state=1), X, y), made)
    assert abs(made.mean(axis=0) - X[80:].mean(axis=0)).max() < 3
    assert not hasattr(model, "means_")


def test_an_adapted_object_in_a_frame_keeps_the_contract():
    X, y = two_classes()
    frame = pd.DataFrame(np.rint(X).astype("int16"), columns=[f"t{i}" for i in range(24)])
    out, _ = GANOversampler(KernelDensity(), **QUICK).fit_resample(frame, y)
    assert out.dtypes.tolist() == frame.dtypes.tolist()


def test_an_object_whose_rows_have_another_length_is_named():
    class Short(Copying):
        def sample(self, n, random_state):
            return np.zeros((n, 3))

    X, y = two_classes()
    with pytest.raises(DataError, match=r"must sample rows of 24 values. Got .*\(256, 3\).*Short"):
        GANOversampler(Short(), **QUICK).fit_resample(X, y)


def test_no_row_has_a_repeat_of_itself_or_of_another_among_its_neighbours():
    rows = torch.from_numpy(make_rows((12, 30))).float()
    repeated = rows.repeat(3, 1)
    local = ManifoldParzen(repeated, torch.zeros(36, dtype=torch.int64), 1.0, n_neighbours=5)
    once = ManifoldParzen(rows, torch.zeros(12, dtype=torch.int64), 1.0, n_neighbours=5)
    assert (local.neighbours[:12] % 12).tolist() == once.neighbours.tolist()
    assert (local.neighbours[12:24] % 12).tolist() == once.neighbours.tolist()


def test_a_class_given_twice_grows_as_if_given_once():
    rows, others = make_rows((40, 24)), make_rows((120, 24), seed=1)
    made = []
    for repeats in (1, 2):
        minority = np.repeat(rows, repeats, axis=0)
        X, y = np.concatenate([others, minority]), np.repeat([0, 1], [120, len(minority)])
        sampler = GANOversampler("local", sampling_strategy={1: 120}, random_state=0)
        made.append(sampler.fit_resample(X, y)[0][len(X) :])
        assert sampler.generator_names_ == {1: ["local"]}
        assert not sampler.synthetic_provenance_["status"].str.startswith("kept").any()
    apart = np.linalg.norm(made[1][:, None] - rows[None], axis=2).min(axis=1)
    usual = np.linalg.norm(made[0][:, None] - rows[None], axis=2).min(axis=1)
    assert 0.8 < np.median(apart) / np.median(usual) < 1.25


def test_all_classes_are_learned_before_the_first_row_is_generated():
    events = []

    class Watched(Copying):
        def fit(self, X):
            events.append("fit")
            return super().fit(X)

        def sample(self, n, random_state):
            events.append("sample")
            return super().sample(n, random_state)

    X, y = make_rows((200, 24)), np.repeat(["N", "S", "V"], [100, 50, 50])
    GANOversampler(Watched(), quality_filter=False, random_state=0).fit_resample(X, y)
    assert events == ["fit", "fit", "sample", "sample"]
