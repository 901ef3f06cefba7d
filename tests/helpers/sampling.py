"""Sets of two or three classes, samplers, and generators that copy or collapse."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from toys import SMALL, make_rows

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import TrainingWarning

QUICK = {"n_steps": 2, "random_state": 0}
SMALL_CLASSES = pytest.mark.filterwarnings("ignore:GANOversampler. too few rows")


def two_classes(n_small=40, shape=(24,), n_large=80, dtype=np.float64):
    """Return random walks; those of the small class "V" go up."""
    X = make_rows((n_large + n_small, *shape))
    X[n_large:] += np.linspace(0, 20, shape[-1])
    return X.astype(dtype), np.repeat(["N", "V"], [n_large, n_small])


def grown(sampler, X, y):
    """Return the new rows, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert set(Counter(y_resampled.tolist()).values()) == {max(Counter(y.tolist()).values())}
    return X_resampled[len(X) :]


def make(**params):
    model = Synthesizer("biosgan", model_params=SMALL, n_steps=2)
    plain = {"model": model, "quality_filter": False, "min_samples": {"own": 2}, "random_state": 0}
    return GANOversampler(**plain | params)


def three_classes(n_timesteps=12, dtype=np.float64, labels=("N", "S", "V")):
    X = make_rows((50, n_timesteps)) * 10
    return X.astype(dtype), np.repeat(np.array(labels), [30, 12, 8])[::-1]


class Copying:
    """Gives training rows back, every second one with enough noise to be new."""

    def __init__(self, share=0.5, noise=1.4):
        self.share, self.noise = share, noise

    def fit(self, X):
        self.X_ = X
        return self

    def sample(self, n, random_state):
        rng = np.random.default_rng(random_state)
        noise = self.noise * rng.normal(size=(n, self.X_.shape[1]))
        noise[rng.random(n) < self.share] = 0
        return self.X_[rng.integers(len(self.X_), size=n)] + noise


class OneRow(Copying):
    def sample(self, n, random_state):
        rng = np.random.default_rng(random_state)
        middle = self.X_.mean(axis=0)
        first = self.X_[np.linalg.norm(self.X_ - middle, axis=1).argmin()]
        return first + 0.5 * (middle - first) + 1e-3 * rng.normal(size=(n, len(middle)))


class Blurred:
    """Gives training rows back with a little noise."""

    def __init__(self, noise=0.5):
        self.noise = noise

    def fit(self, X):
        self.X_ = X
        return self

    def sample(self, n, random_state):
        rng = np.random.default_rng(random_state)
        rows = self.X_[rng.integers(len(self.X_), size=n)]
        return rows + self.noise * rng.normal(size=rows.shape)


def smooth_rows(n, seed):
    """Return slow waves of random phases, of which a little warping makes near copies."""
    waves = 2 * np.pi * np.arange(1, 4)[:, None] * np.arange(100) / 100
    basis = np.concatenate([np.sin(waves), np.cos(waves)])
    return np.random.default_rng(seed).normal(size=(n, 12, 6)) @ basis


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def classes_of_three_sizes():
    """Return a large class, one with a model of its own, and one that is too small for any."""
    return make_rows((108, 24)), np.repeat(["N", "V", "F"], [60, 40, 8])
