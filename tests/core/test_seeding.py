"""Seeded blocks give back the generators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import (
    Killed,
    Spread,
    train,
)

from bioaug.core.seeding import seeded
from bioaug.models.base import SignalSpec
from bioaug.training import (
    Callback,
    TrainerState,
)

SPEC = SignalSpec(n_channels=1, n_timesteps=6, n_classes=2)


class Loud(Callback):
    """Draws random numbers while it watches, under `seeded`."""

    def on_step_end(self, state: TrainerState) -> None:
        with seeded(5):
            torch.rand(100)
            np.random.rand(100)


def test_seeded_gives_back_the_generators():
    plain, watched = train(Spread(SPEC), 5), train(Spread(SPEC), 5, [Loud()])
    assert plain.history[-1]["fit/distance"] == watched.history[-1]["fit/distance"]
    with seeded(9):
        first = (torch.rand(3), np.random.rand(3))
    with seeded(9):
        second = (torch.rand(3), np.random.rand(3))
    assert torch.equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_seeded_restores_after_an_error():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()

    def breaks():
        with seeded(9):
            torch.rand(3)
            np.random.rand(3)
            raise Killed

    with pytest.raises(Killed):
        breaks()
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_seeded_plants_no_seed_in_a_cuda_that_has_not_started(monkeypatch):
    if torch.cuda.is_initialized():
        pytest.skip("CUDA has started")
    planted = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", planted.append)
    with seeded(3):
        pass
    assert planted == []
