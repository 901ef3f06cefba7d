"""Folders that earlier versions saved can be loaded: see tests/data/make_model.py."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from bioaug import GANOversampler, Synthesizer, __version__

FOLDERS = sorted((Path(__file__).parents[1] / "data").glob("model_*"))
SHAPE = (2, 40)


def in_microvolts(rows):
    """Whether rows are finite and in the range of the training rows, about -130 to 130."""
    return bool(np.isfinite(rows).all() and np.abs(rows).max() < 300)


def test_this_version_has_a_stored_model():
    assert f"model_{__version__}" in [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_stored_synthesizer_generates_what_it_did(folder):
    synthesizer = Synthesizer.load(folder / "synthesizer", device="cpu")
    assert synthesizer.classes_.tolist() == ["fast", "slow"]
    assert synthesizer.signal_shape_ == SHAPE
    assert synthesizer.n_steps_ == 400
    assert set(synthesizer.quality_) == {"fast", "slow"}
    assert [entry["step"] for entry in synthesizer.history_] == [100, 200, 300, 400]
    expected = json.loads((folder / "expected.json").read_text())
    for label, of_class in expected.items():
        rows, labels = synthesizer.sample(y=[label] * 200, random_state=1)
        assert rows.shape == (200, *SHAPE)
        assert rows.dtype == np.float32
        assert set(labels) == {label}
        assert in_microvolts(rows)
        np.testing.assert_allclose(rows.mean(axis=(0, 2)), of_class["mean"], atol=10)
        np.testing.assert_allclose(rows.std(axis=(0, 2)), of_class["std"], rtol=0.25)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_stored_synthesizer_goes_on_training_and_knows_its_rows(folder):
    synthesizer = Synthesizer.load(folder / "synthesizer", device="cpu")
    rows, labels = synthesizer.sample(60, random_state=0)
    assert synthesizer.training_fingerprint_ is not None
    assert not synthesizer.training_fingerprint_.contains(rows).any()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of signals that look poor
        synthesizer.fine_tune(rows[labels == "fast"], labels[labels == "fast"], n_steps=1)
    assert synthesizer.training_fingerprint_.contains(rows[labels == "fast"]).all()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_stored_sampler_balances_rows(folder):
    sampler = GANOversampler.load(folder / "sampler", device="cpu")
    assert sampler.random_state == 0
    synthesizer = Synthesizer.load(folder / "synthesizer", device="cpu")
    X, y = synthesizer.sample(y=["slow"] * 50 + ["fast"] * 35, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these are no rows that its model was trained on
        X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert X_resampled.shape == (100, *SHAPE)
    assert (y_resampled == "fast").sum() == 50
    assert in_microvolts(X_resampled)
    np.testing.assert_array_equal(X_resampled[: len(X)], X)
