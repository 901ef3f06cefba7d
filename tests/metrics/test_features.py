"""Features of a beat that stand behind its time steps."""

from __future__ import annotations

import numpy as np
import pytest
from toys import make_rows

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import DataError
from bioaug.synthesis.codec import SignalCodec


def beats_with_rr(n=120):
    """Return standardised rows of 20 steps whose two features follow the sign of their slope."""
    X = make_rows((n, 20))
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    rises = X[:, -1] > X[:, 0]
    rr = np.where(rises, 0.5, 0.9) + 0.01 * np.random.default_rng(0).normal(size=n)
    return np.column_stack([X, rr, 1000 * rr]), rises


def test_the_codec_brings_features_back_and_keeps_rows_standardised():
    X, y = beats_with_rr()
    codec = SignalCodec.fit(X, y, n_features=2)
    signals, _ = codec.encode(X, y)
    assert float(signals.abs().max()) <= 1 + 1e-6
    assert float(signals[:, 0, -2:].min(dim=0).values.max()) == pytest.approx(-1, abs=1e-5)
    np.testing.assert_allclose(codec.decode(signals), X, rtol=1e-5, atol=1e-5)
    far = codec.decode(5 * signals)
    np.testing.assert_allclose(far[:, :20].std(axis=1), 1, rtol=1e-3)
    assert far[:, 20].max() == X[:, 20].max()
    again = SignalCodec.from_json(codec.to_json())
    np.testing.assert_array_equal(again.decode(signals), codec.decode(signals))


@pytest.mark.parametrize(
    "model", [pytest.param("flow", marks=pytest.mark.slow), "local", "distort"]
)
def test_synthetic_beats_have_the_features_that_fit_them(model):
    X, _ = beats_with_rr(300)
    X = np.concatenate([X, X[:200] + 7])
    y = np.repeat(["N", "V"], [300, 200])
    sampler = GANOversampler(model, n_steps=300, n_features=2, random_state=0)
    made = sampler.fit_resample(X, y)[0][500:] - 7
    rises = made[:, 19] > made[:, 0]
    clear = abs(made[:, 19] - made[:, 0]) > 1
    short = made[:, 20] < 0.7
    assert (rises == short)[clear].mean() > 0.9
    np.testing.assert_allclose(made[:, 21] + 7, 1000 * (made[:, 20]) + 7, rtol=0.1)


def test_saved_and_loaded_with_features(tmp_path):
    X, y = beats_with_rr()
    synthesizer = Synthesizer("dense", n_steps=2, n_features=2, random_state=0).fit(X, y)
    synthesizer.save(tmp_path)
    np.testing.assert_array_equal(
        Synthesizer.load(tmp_path).sample(5, random_state=0)[0],
        synthesizer.sample(5, random_state=0)[0],
    )


@pytest.mark.parametrize("n_features", [-1, 22, 1.5])
def test_wrong_numbers_of_features(n_features):
    X, y = beats_with_rr()
    with pytest.raises(DataError, match=r"'n_features' parameter of Synthesizer"):
        Synthesizer(n_features=n_features).fit(X, y)
    with pytest.raises(DataError, match="only 2-D rows can hold features"):
        Synthesizer(n_features=1).fit(X[:, None], y)
