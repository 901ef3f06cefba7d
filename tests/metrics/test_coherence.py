"""The wavelet coherence: its map, its pairs, and who wins by it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import pywt
from numpy.typing import NDArray

from bioaug.datasets import fetch_mitbih, make_ecg
from bioaug.exceptions import DataError
from bioaug.metrics.fidelity.coherence import coherence_map, wavelet_coherence
from bioaug.metrics.fidelity.wavelet import (
    WAVELET,
    frequencies_of,
    pairwise_coherence,
    scales_of,
    transform,
)

QUICK = {"n_null": 0, "n_rows": 32, "random_state": 0}


@pytest.fixture(scope="module")
def beats() -> NDArray:
    """400 normal beats of shape (400, 1, 128)."""
    ecg = make_ecg(400, classes=("N",), sampling_rate=180, random_state=0)
    return ecg.data[:, :, :128].astype(np.float64)


def noise(*shape: int) -> NDArray:
    return np.random.default_rng(0).normal(size=shape)


def test_transform_is_that_of_pywavelets() -> None:
    signal, scales = noise(400), np.array([8.0, 16.0, 32.0])
    expected, _ = pywt.cwt(signal - signal.mean(), scales, WAVELET, method="fft")
    ours = transform(signal, scales)
    for mine, theirs in zip(ours, expected, strict=True):
        agreement = np.abs(np.vdot(mine, theirs)) / np.linalg.norm(mine) / np.linalg.norm(theirs)
        assert agreement > 0.999


def test_frequency_is_where_a_sine_has_most_power() -> None:
    scales = scales_of(1024, 0.02, owner="test")
    frequencies = frequencies_of(scales, 200.0)
    sine = np.sin(2 * np.pi * 20.0 * np.arange(1024) / 200)
    most = (np.abs(transform(sine, scales)[:, 512]) ** 2).argmax()
    assert frequencies[most] == pytest.approx(20.0, rel=0.01)


def test_coherence_of_a_signal_with_itself_is_one_whatever_gain_sign_and_offset() -> None:
    x = noise(3, 128)
    assert np.allclose(coherence_map(x, -3 * x + 7).mean(), 1)


def test_coherence_lies_between_0_and_1_and_is_symmetric() -> None:
    x, y = noise(2, 5, 128)
    forth, back = coherence_map(x, y).coherence, coherence_map(y, x).coherence
    assert forth.min() >= 0
    assert forth.max() <= 1
    assert np.allclose(forth, back)
    assert forth[0].mean() < 0.6


def test_coherence_is_high_only_at_the_common_frequency() -> None:
    t, (first, second) = np.arange(2000) / 200, 0.5 * noise(2, 2000)
    common = np.sin(2 * np.pi * 10 * t)
    found = coherence_map(
        common + first, np.sin(2 * np.pi * 10 * t + 1) + second, sampling_rate=200
    )
    by_frequency = np.array(
        [row[kept].mean() for row, kept in zip(found.coherence, found.inside, strict=True)]
    )
    here = np.abs(np.log2(found.frequencies / 10)) < 0.15
    far = np.abs(np.log2(found.frequencies / 10)) > 1.5
    assert by_frequency[here].min() > 0.9
    assert by_frequency[far & (found.frequencies > 2)].max() < 0.6


def test_agrees_with_pycwt_away_from_the_edges() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pycwt = pytest.importorskip("pycwt")
    t, (first, second) = np.arange(1024), noise(2, 1024)
    x, y = np.sin(0.2 * t) + first, np.sin(0.2 * t + 1) + second
    step, n_scales = 1.2 / 13, 40
    # Its boxcar takes 1.2 octaves, not 0.6: 13 values of which the two at the ends are halved.
    theirs, _, _, frequencies, _ = pycwt.wct(
        x, y, 1.0, dj=step, s0=3.0, J=n_scales - 1, sig=False, wavelet="morlet"
    )
    ours = coherence_map(x, y, octave_step=step, octaves=12 * step)
    assert np.allclose(ours.frequencies[:n_scales], frequencies)
    # Zeros are put around the signal by us alone, and our scales go on above the 40.
    middle = slice(300, 724)
    difference = np.abs(theirs[:33, middle] - ours.coherence[:33, middle])
    assert difference[9:].max() < 1e-6
    # Shorter wavelets are cut at half the sampling rate, and ring up to the edges.
    assert difference[:9].max() < 5e-3


def test_cone_of_influence_is_the_square_root_of_two_scales() -> None:
    found = coherence_map(noise(128), noise(128))
    scales = scales_of(128, 0.1, owner="test")
    edges = 64 - np.abs(np.arange(128) - 63.5)
    assert np.array_equal(found.inside, edges >= np.sqrt(2) * scales[:, None])
    assert found.inside.any(axis=1).all()


def test_all_pairs_at_once_agree_with_the_maps(beats: NDArray) -> None:
    rows = beats[:8]
    _, weights, tables = pairwise_coherence(rows, owner="test")
    found = np.einsum("f,fij->ij", weights / weights.sum(), tables)
    expected = coherence_map(rows[:, None, 0], rows[None, :, 0]).mean()
    assert np.abs(found - expected).max() < 0.01
    assert np.abs((found - expected).mean()) < 0.004
    assert np.allclose(np.diag(found), 1)


@pytest.mark.slow
@pytest.mark.parametrize("pairing", ["random", "optimal"])
def test_mode_collapse_loses(beats: NDArray, pairing: str) -> None:
    real, fresh = beats[:200], beats[200:]
    mean = real.mean(axis=0, keepdims=True).repeat(50, axis=0)
    few = real[:3].repeat(20, axis=0)
    good = wavelet_coherence(real, fresh, pairing=pairing, **QUICK)
    collapsed = wavelet_coherence(real, mean, pairing=pairing, **QUICK)
    dropped = wavelet_coherence(real, few, pairing=pairing, **QUICK)
    assert abs(good) < 0.03
    assert dropped > good + 0.1
    assert collapsed > dropped
    # The plain coherence would have called the collapsed generator the better one.
    if pairing == "random":
        assert collapsed.details["synthetic_real"] > good.details["synthetic_real"]
    assert collapsed.value == pytest.approx(collapsed.details["class_mean_score"], abs=1e-5)


def test_score_grows_with_noise_and_shift(beats: NDArray) -> None:
    real, fresh = beats[:200], beats[200:]
    more = noise(*fresh.shape)
    noisy = [wavelet_coherence(real, fresh + s * more, **QUICK) for s in (0, 0.02, 0.08, 0.3)]
    shifted = [wavelet_coherence(real, np.roll(fresh, s, axis=-1), **QUICK) for s in (0, 3, 6, 12)]
    assert noisy == sorted(noisy)
    assert shifted == sorted(shifted)


@pytest.mark.slow
def test_random_halves_of_real_data_lie_in_the_null_interval(beats: NDArray) -> None:
    rng, X, inside = np.random.default_rng(0), beats[:200, :, 30:94], 0
    for _ in range(30):
        order = rng.permutation(len(X))
        score = wavelet_coherence(
            X[order[:100]], X[order[100:]], n_rows=24, n_null=20, random_state=0, band=(0.02, 0.2)
        )
        inside += score in score.null
    assert inside >= 27


def test_optimal_pairing_gives_copies_away(beats: NDArray) -> None:
    real = beats[:60]
    copies = wavelet_coherence(real, real, pairing="optimal", n_rows=60, n_null=10, random_state=0)
    assert copies < copies.null.low


def test_details_can_be_written_as_json_and_name_the_frequencies(beats: NDArray) -> None:
    score = wavelet_coherence(beats[:50], beats[50:], sampling_rate=180, band=(2, 40), **QUICK)
    details = json.loads(json.dumps(score.to_dict()))["details"]
    assert 2 <= min(details["frequency"]) < max(details["frequency"]) <= 40
    for key in ("synthetic_real_by_frequency", "real_real_by_frequency"):
        assert len(details[key]) == len(details["frequency"])
        assert all(0 <= value <= 1 for value in details[key])


def test_units_channels_classes_and_seed() -> None:
    X, y = noise(60, 2, 64), np.repeat(["a", "b"], 30)
    first = wavelet_coherence(X, X[::-1], y_real=y, y_synthetic=y, **QUICK)
    again = wavelet_coherence(1e3 * X + 5, 1e3 * X[::-1] + 5, y_real=y, y_synthetic=y, **QUICK)
    assert first == pytest.approx(again.value, abs=1e-6)
    assert set(first.per_class) == {"a", "b"}
    assert first.value == np.mean([float(score) for score in first.per_class.values()])


def test_flat_rows_cohere_with_nothing() -> None:
    score = wavelet_coherence(noise(20, 64), np.full((10, 64), 0.1), **QUICK)
    assert score.details["synthetic_real"] == 0
    assert score.details["synthetic_synthetic"] == 0
    assert score > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_synthetic": np.zeros((9, 40))}, "as 'X_real' has"),
        ({"X_real": noise(3, 64)}, "at least 4 rows"),
        ({"X_real": noise(9, 12), "X_synthetic": noise(9, 12)}, "at least 16 time steps"),
        ({"band": (0.6, 0.7)}, "'band'.* must hold frequencies between"),
        ({"pairing": "best"}, "'pairing'.* must be one of"),
        ({"n_rows": 2}, "'n_rows'.* at least 4"),
        ({"X_real": np.full((9, 64), np.nan)}, "finite"),
    ],
)
def test_bad_input(arguments: dict, message: str) -> None:
    given = {"X_real": noise(9, 64), "X_synthetic": noise(9, 64), "n_null": 0} | arguments
    with pytest.raises(DataError, match=message):
        wavelet_coherence(given.pop("X_real"), given.pop("X_synthetic"), **given)


def test_map_refuses_unequal_lengths() -> None:
    with pytest.raises(DataError, match="as long as 'x'"):
        coherence_map(noise(64), noise(65))


@pytest.mark.slow
def test_real_beats(mitbih_home: Path) -> None:
    beats = fetch_mitbih(data_home=mitbih_home, subset="DS1")
    rng = np.random.default_rng(0)
    N, V = (
        rng.permutation(beats.data[beats.target == label], axis=0)[:2000] for label in ("N", "V")
    )
    real, fresh = N[:1000], N[1000:]
    good = wavelet_coherence(real, fresh, random_state=0)
    collapsed = np.repeat(real.mean(axis=0, keepdims=True), 100, axis=0)
    assert abs(good) < 0.02
    for X_synthetic in (collapsed, V, real[..., ::-1], fresh + rng.normal(0, 0.1, fresh.shape)):
        assert wavelet_coherence(real, X_synthetic, n_null=0, random_state=0) > good.null.high
