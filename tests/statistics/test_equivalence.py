"""Real-row equivalence: by hand, and how often its interval holds the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioaug.statistics import (
    worth,
    worth_interval,
)

COUNTS = np.array([0, 10, 20, 40])


def test_worth_recovers_a_known_value() -> None:
    random = np.random.default_rng(0)

    def score(rows):  # folds differ much more than levels
        return 0.5 + 0.004 * rows + 0.1 * fold + random.normal(0, 0.004, fold.shape)

    fold = random.normal(size=25)
    real = np.array([score(n) for n in COUNTS])
    synthetic = score(0.25 * 100)
    found = worth_interval(COUNTS, real, synthetic, n_synthetic=100)
    assert found.value == worth(COUNTS, real, synthetic, n_synthetic=100)
    assert found.value == pytest.approx(0.25, abs=0.02)
    assert found.low < 0.25 < found.high
    assert found.high - found.low < 0.05  # folds are drawn jointly: their differences cancel
    assert not found.is_bound


@pytest.mark.parametrize(
    ("real", "synthetic", "expected", "is_bound"),
    [
        ([0.5, 0.6, 0.7, 0.8], 0.65, 15, False),
        ([0.5, 0.6, 0.7, 0.8], 0.4, 0, False),  # harms: no worth
        ([0.5, 0.6, 0.7, 0.8], 0.8, 40, False),
        ([0.5, 0.6, 0.7, 0.8], 0.9, 40, True),
        ([0.5, 0.7, 0.6, 0.8], 0.65, 10, False),  # pooled to 0.65 from 10 to 20: the smaller
        ([0.5, 0.4, 0.3, 0.2], 0.6, math.nan, False),  # real rows did not help either
    ],
)
def test_worth_by_hand(real, synthetic, expected, is_bound) -> None:
    real = np.array(real)[:, None]
    assert worth(COUNTS, real, [synthetic], 100) == pytest.approx(expected / 100, nan_ok=True)
    found = worth_interval(COUNTS, real, [synthetic], 100)
    assert (found.low, found.high, found.is_bound) == (0.0, np.inf, is_bound)
    several = worth_interval(COUNTS, np.repeat(real, 8, axis=1), [synthetic] * 8, 100)
    if math.isnan(expected):
        assert (several.low, several.high) == (0.0, np.inf)
    else:
        assert several.low == pytest.approx(expected / 100)
        assert several.high == pytest.approx(np.inf if is_bound else expected / 100)


@pytest.mark.slow
def test_worth_interval_holds_the_truth() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        noise = random.normal(0, 0.02, (5, 10))
        real = (0.5 + 0.004 * COUNTS)[:, None] + noise[:4]
        found = worth_interval(COUNTS, real, 0.56 + noise[4], 50, n_draws=500)
        held += found.low <= 0.3 <= found.high
    assert held >= 180
