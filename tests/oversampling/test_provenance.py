"""Provenance of synthetic rows, generating them again, and more of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sampling import QUICK, Blurred, grown, quietly, three_classes, two_classes
from sklearn.neighbors import KernelDensity
from toys import make_rows

from bioaug import GANOversampler
from bioaug.exceptions import DataError


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
@pytest.mark.parametrize("model", ["flow", "local", "distort", KernelDensity(bandwidth=0.5)])
def test_rows_are_made_again_from_their_provenance_alone(model, dtype):
    X, y = two_classes(shape=(2, 24), dtype=np.float64)
    X = (X * 10).astype(dtype)
    sampler = GANOversampler(model, **QUICK)
    made = grown(sampler, X, y)
    near = 1 if dtype == np.int16 else 1e-3
    table = sampler.synthetic_provenance_
    assert len(table) == len(made) == 40
    assert sampler.synthetic_mask_.tolist() == [False] * 120 + [True] * 40
    chosen = [33, 2, 7]
    again = sampler.remake(table.iloc[chosen])
    assert again.dtype == X.dtype
    np.testing.assert_allclose(
        again, made[chosen], rtol=1e-4, atol=1e-3 if dtype != np.int16 else 1
    )
    np.testing.assert_allclose(sampler.remake(table), made, rtol=1e-4, atol=near)


def test_the_nearest_real_row_and_its_distance_are_in_the_table():
    X, y = two_classes()
    sampler = GANOversampler("local", **QUICK)
    made = grown(sampler, X, y)
    table = sampler.synthetic_provenance_
    assert table["label"].unique().tolist() == ["V"]
    apart = np.linalg.norm(made[:, None] - X[None, 80:], axis=2)
    np.testing.assert_array_equal(table["nearest"], 80 + apart.argmin(axis=1))
    np.testing.assert_allclose(table["distance"], apart.min(axis=1), rtol=1e-6)


def test_where_nothing_is_added_the_table_is_empty():
    X, y = two_classes(40, n_large=40)
    sampler = GANOversampler(**QUICK)
    sampler.fit_resample(X, y)
    assert len(sampler.synthetic_provenance_) == 0
    assert not sampler.synthetic_mask_.any()
    assert sampler.remake(sampler.synthetic_provenance_).shape == (0, 24)


def test_fitted_samplers_can_be_pickled():
    X, y = two_classes()
    for model in ("local", "distort", "flow"):
        sampler = GANOversampler(model, **QUICK)
        made = grown(sampler, X, y)
        again = pickle.loads(pickle.dumps(sampler)).remake(sampler.synthetic_provenance_)
        np.testing.assert_allclose(again, made, rtol=1e-4, atol=1e-3)


def test_a_generator_with_a_long_name_keeps_it_in_the_table():
    kind = type("A" * 40 + "Generator", (Blurred,), {})
    X, y = make_rows((160, 24)), np.repeat(["N", "V"], [100, 60])
    sampler = GANOversampler(kind(1.5), quality_filter=False, random_state=0)
    sampler.fit_resample(X, y)
    assert sampler.synthetic_provenance_["generator"].unique().tolist() == [kind.__name__]
    assert sampler.generator_names_ == {"V": [kind.__name__]}
    assert sampler.remake(sampler.synthetic_provenance_).shape == (40, 24)


def test_an_adapted_object_generates_too():
    X, y = three_classes()
    sampler = GANOversampler(KernelDensity(bandwidth=2.0), quality_filter=False, random_state=0)
    quietly(lambda: sampler.fit_resample(X, y))
    made = sampler.generate(["V"] * 4, [0, 1, 300, 0])
    np.testing.assert_array_equal(made[0], made[3])
    assert len(np.unique(made, axis=0)) == 3


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("table", [None, 3, "rows", {"generator": 1}, [1], np.ones((2, 4))])
def test_what_is_no_provenance_is_refused(fitted, table):
    with pytest.raises(DataError, match="'provenance' parameter of remake must be rows of"):
        fitted.remake(table)
    with pytest.raises(DataError, match="columns generator, label, seed, index"):
        fitted.remake(fitted.synthetic_provenance_[["generator", "label"]])


def test_a_fitted_sampler_generates_rows_from_labels_and_seeds(fitted):
    labels, seeds = ["V", "F", "V"], [5, 6, 7]
    made = fitted.generate(labels, seeds)
    assert made.shape == (3, 24)
    np.testing.assert_allclose(fitted.generate(["V"], [7])[0], made[2], rtol=1e-4, atol=1e-4)
    assert not np.allclose(fitted.generate(["V"], [8])[0], made[2])
    assert fitted.generate([], np.zeros(0, int)).shape == (0, 24)
    with pytest.raises(DataError, match="'labels' parameter of generate must be one of"):
        fitted.generate(["N"], [1])
    with pytest.raises(DataError, match="'seeds' parameter of generate must be 1 integers"):
        fitted.generate(["V"], [0.5])
