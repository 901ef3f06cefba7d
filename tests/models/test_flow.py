from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toys import make_batch, make_rows, train

from bioaug import Synthesizer
from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.models.base import Batch, SignalSpec
from bioaug.models.flow import Flow

SPEC = SignalSpec(1, 24, 2)
SMALL: dict[str, Any] = {"width": 16, "depth": 1, "n_components": 4}


def build(spec=SPEC, batch=None, **params):
    with seeded(0):
        model = Flow(spec, **(SMALL | params))
        model.fit_preprocessing(*(batch or make_batch(spec, per_class=30)))
    return model


def walks(n=60):
    rows = torch.from_numpy(make_rows((n, 24))).float()
    return Batch((rows / rows.abs().max())[:, None], torch.arange(n) % 2)


def test_before_training_signals_are_draws_of_the_mixture():
    model = build(batch=walks()).eval()
    labels = torch.arange(40) % 2
    with torch.no_grad(), seeded(3):
        made = model.generate(labels)
    with seeded(3):
        drawn = model.axes.inverse(model.mixture.draw(labels)).clamp(-1, 1)
    torch.testing.assert_close(made, drawn)


@pytest.mark.parametrize("path", ["round", "straight"])
def test_the_velocity_is_the_derivative_of_the_way(path, monkeypatch):
    """Two losses at neighbouring times show places whose difference the wanted velocity is."""
    model = build(batch=walks(), path=path)
    seen = []
    for time in (0.4, 0.4 + 1e-3):
        monkeypatch.setattr(torch, "rand", lambda n, *_, t=time, **__: torch.full((n, 1), t))
        monkeypatch.setattr(
            model.velocity,
            "forward",
            lambda place, *_: seen.append(place) or torch.zeros_like(place),
        )
        with seeded(5):
            loss = model.loss(walks())["velocity"]
    speed = (seen[1] - seen[0]) / 1e-3
    assert float(speed.square().mean()) == pytest.approx(float(loss), rel=0.02)


def test_training_turns_white_noise_into_the_two_classes():
    labels = torch.arange(64) % 2
    time = torch.linspace(0, 3, 24)
    signals = 0.8 * torch.where(labels[:, None] == 0, time.sin(), -time.sin())[:, None]
    signals = signals + 0.02 * torch.randn(64, 1, 24, generator=torch.Generator().manual_seed(0))
    batch = Batch(signals, labels)
    model = build(batch=batch, base="normal", width=64, lr=1e-2, n_sampling_steps=4)
    train(model, 400, batch=batch, batch_size=64, schedule="cosine", ema_decay=0.9)
    with torch.no_grad(), seeded(0):
        made = model.generate(torch.arange(40) % 2)[:, 0]
    middle = made[:, 10:14].mean(dim=1)
    assert (middle[::2] > 0.1).all()
    assert (middle[1::2] < -0.1).all()


@pytest.mark.parametrize("n_rows", [2, 3, 10])
def test_few_rows_are_enough(n_rows):
    X = make_rows((n_rows, 15))
    made, _ = Synthesizer("flow", model_params=SMALL, n_steps=3, random_state=0).fit(X).sample(20)
    assert np.isfinite(made).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"base": "noise"}, "'base' parameter of Flow"),
        ({"path": "curved"}, "'path'"),
        ({"width": 0}, "'width'"),
        ({"n_components": 1.5}, "'n_components'"),
        ({"lr": 0.0}, "'lr'"),
        ({"dropout": 1.0}, "'dropout'"),
        ({"n_sampling_steps": 0}, "'n_sampling_steps'"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(DataError, match=message):
        Flow(SPEC, **params)
