"""Small synthesizers for tests, and their comparison."""

from __future__ import annotations

import numpy as np
from toys import SMALL, same_weights

from bioaug import Synthesizer

DENSE = {
    "model": "dense",
    "model_params": {"latent_dim": 4, "generator_widths": (8,), "discriminator_widths": (8,)},
    "training_params": {"log_every": 1, "batch_size": 8},
    "n_steps": 2,
    "random_state": 0,
}


def make(**params):
    return Synthesizer(
        **{"model": "biosgan", "n_steps": 2, "model_params": SMALL, "random_state": 0} | params
    )


def models_of(synthesizer):
    return [fitted.model for fitted in synthesizer.models_]


def assert_same_weights(one, other):
    assert len(models_of(one)) == len(models_of(other))
    assert all(map(same_weights, models_of(one), models_of(other)))


def assert_same_samples(one, other, **how):
    (X_one, y_one), (X_other, y_other) = one.sample(7, **how), other.sample(7, **how)
    np.testing.assert_array_equal(X_one, X_other)
    np.testing.assert_array_equal(y_one, y_other)
