"""The fallback chain: which generator suits the size of a class."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sampling import QUICK, grown, two_classes
from toys import make_rows

from bioaug import GANOversampler
from bioaug.exceptions import DataError, TrainingWarning


@pytest.mark.parametrize("n_timesteps", [1, 2, 3, 7, 60])
@pytest.mark.parametrize("n_small", [1, 2, 3, 8, 16, 33])
def test_classes_of_every_size_and_length_grow(n_small, n_timesteps):
    X, y = two_classes(n_small, (n_timesteps,), n_large=50)
    made = grown(GANOversampler(**QUICK), X, y)
    assert made.shape == (50 - n_small, n_timesteps)
    assert np.isfinite(made).all()


@pytest.mark.slow
@pytest.mark.parametrize("n_timesteps", [1, 2, 5, 50, 187, 1000])
@pytest.mark.parametrize("n_small", [1, 2, 3, 4, 6, 10, 20, 31, 64, 128])
@pytest.mark.parametrize("model", ["flow", "dense"])
def test_the_whole_grid_of_sizes_and_lengths(n_small, n_timesteps, model):
    X, y = two_classes(n_small, (n_timesteps,), n_large=140)
    assert np.isfinite(grown(GANOversampler(model, **QUICK), X, y)).all()


@pytest.mark.parametrize(
    ("n_small", "min_samples", "name"),
    [
        (40, None, "flow"),
        (40, {"own": 50}, "flow, shared"),
        (40, {"own": 50, "shared": 50}, "local"),
        (40, {"own": 50, "shared": 50, "local": 50}, "distort"),
        (1, None, "distort"),
    ],
)
def test_smaller_classes_take_the_next_generator_and_one_warning_says_so(
    n_small, min_samples, name
):
    X, y = two_classes(n_small)
    sampler = GANOversampler(**QUICK, min_samples=min_samples, quality_filter=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {"V": [name]}
    told = [str(w.message) for w in told if issubclass(w.category, TrainingWarning)]
    assert len(told) == (name != "flow")
    if told:
        assert f"V ({n_small} row" in told[0]
        assert "'min_samples' parameter" in told[0]


def test_a_model_without_labels_is_not_shared():
    X, y = two_classes()
    sampler = GANOversampler("transgan", **QUICK, min_samples={"own": 50, "shared": 2, "local": 2})
    grown(sampler, X, y)
    assert sampler.generator_names_ == {"V": ["local"]}


@pytest.mark.parametrize("min_samples", [{"owm": 3}, {"own": 0}, {"own": 2.5}])
def test_a_wrong_key_of_min_samples_is_named(min_samples):
    X, y = two_classes()
    with pytest.raises(DataError, match=r"'(min_samples key|own)' parameter of GANOversampler"):
        GANOversampler(min_samples=min_samples).fit_resample(X, y)


def test_repeated_rows_do_not_lift_a_small_class_up_the_fallback_chain():
    others, rows = make_rows((60, 20)), np.tile(make_rows((10, 20), seed=1), (5, 1))
    X, y = np.concatenate([others, rows]), np.repeat(["N", "V"], [60, 50])
    sampler = GANOversampler("flow", n_steps=1, random_state=0)
    with pytest.warns(TrainingWarning, match=r"V \(10 different rows, by 'distort'\)"):
        sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {"V": ["distort"]}
