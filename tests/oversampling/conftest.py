"""Fitted models that several test files share."""

from __future__ import annotations

import pytest
from sampling import classes_of_three_sizes, quietly

from bioaug import GANOversampler, Synthesizer


@pytest.fixture(scope="module")
def fitted():
    sampler = GANOversampler("flow", n_steps=1, quality_filter=False, random_state=0)
    quietly(lambda: sampler.fit_resample(*classes_of_three_sizes()))
    return sampler


@pytest.fixture(scope="module")
def synthesizer():
    X, y = classes_of_three_sizes()
    return Synthesizer("flow", n_steps=1, random_state=0).fit(X[:100], y[:100])
