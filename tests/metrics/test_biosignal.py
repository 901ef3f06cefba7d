"""Features of heart beats and of brain waves, on signals whose features are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from bioaug.datasets import fetch_mitbih, make_ecg
from bioaug.exceptions import DataError
from bioaug.metrics.biosignal.distances import (
    ecg_distance,
    ecg_features,
    eeg_distance,
    eeg_features,
)

RATE = 360.0
BEAT = {"sampling_rate": RATE, "r_peak": 90}
EEG_NAMES = {"delta", "theta", "alpha", "beta", "gamma", "slope"}


def triangle(*, height: float = 2.0, width_ms: float = 100.0, st: float = 0.0) -> NDArray:
    """A beat of 200 samples: a triangle about sample 90 on a baseline of 0.5, then an ST level."""
    ms = (np.arange(200) - 90) * 1000 / RATE
    beat = 0.5 + height * np.clip(1 - np.abs(ms) / (width_ms / 2), 0, None)
    return beat + st * np.clip((ms - width_ms / 2) / 50, 0, 1)


def brain(n: int, exponent: float, *, n_timesteps: int = 500) -> NDArray:
    """Noise at 250 Hz whose power falls as 1 / f ** exponent."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=(n, 8 * n_timesteps)))
    frequencies = np.fft.rfftfreq(8 * n_timesteps, 1 / 250)
    shaped = spectrum[:, 1:] * frequencies[1:] ** (-exponent / 2)
    return np.fft.irfft(np.pad(shaped, [(0, 0), (1, 0)]))[:, :n_timesteps]


@pytest.fixture(scope="module")
def ecg() -> Any:
    return make_ecg(600, classes=("N", "V"), random_state=0)


def test_features_of_a_triangle() -> None:
    found = ecg_features(triangle(st=0.2)[None], **BEAT)
    assert found["r_amplitude"].item() == pytest.approx(2.0)
    assert found["qrs_height"].item() == pytest.approx(2.0, rel=0.05)
    assert found["qrs_width"].item() == pytest.approx(100, abs=5)
    assert found["st_level"].item() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("rate", [250, 360, 500, 1000])
@pytest.mark.parametrize("width", [60.0, 90.0, 140.0])
def test_the_width_of_a_complex_of_straight_lines_is_its_own(rate: int, width: float) -> None:
    """A window for the slope that reaches beyond the complex does not make it wider."""
    peak = round(0.25 * rate)
    ms = (np.arange(round(0.6 * rate)) - peak) * 1000 / rate
    corners = np.array([-0.5, -0.35, 0, 0.35, 0.5]) * width
    beat = np.interp(ms, corners, [0, -0.3, 1, -0.4, 0])
    found = ecg_features(beat[None], sampling_rate=rate, r_peak=peak)["qrs_width"].item()
    assert found == pytest.approx(width, abs=2000 / rate + 2)


def test_width_grows_by_as_much_as_the_beat() -> None:
    X = np.stack([triangle(width_ms=width) for width in (60, 80, 100, 120)])
    width = ecg_features(X, **BEAT)["qrs_width"][:, 0]
    assert np.allclose(np.diff(width), 20, atol=6)


def test_a_beat_that_points_down_has_a_negative_amplitude() -> None:
    assert ecg_features(triangle(height=-1.5)[None], **BEAT)["r_amplitude"].item() == -1.5


@pytest.mark.parametrize(("gain", "offset"), [(1000.0, 0.0), (1.0, 5.0), (-2.0, 1.0)])
def test_features_follow_gain_but_not_offset(ecg: Any, gain: float, offset: float) -> None:
    plain = ecg_features(ecg.data[:50].astype(float), **BEAT)
    changed = ecg_features(gain * ecg.data[:50].astype(float) + offset, **BEAT)
    for name in ("r_amplitude", "st_level"):
        assert np.allclose(changed[name], gain * plain[name], atol=1e-9 * abs(gain))
    assert np.allclose(changed["qrs_height"], abs(gain) * plain["qrs_height"])
    assert np.array_equal(changed["qrs_width"], plain["qrs_width"])


def test_width_hardly_depends_on_the_sampling_rate() -> None:
    fast = make_ecg(50, classes=("V",), sampling_rate=720, window=(180, 220), random_state=0)
    fine = ecg_features(fast.data, sampling_rate=720, r_peak=180)["qrs_width"]
    coarse = ecg_features(fast.data[..., ::2], sampling_rate=360, r_peak=90)["qrs_width"]
    assert abs(np.median(fine - coarse)) < 5


def test_r_peak_is_found(ecg: Any) -> None:
    found, given = ecg_features(ecg.data, sampling_rate=RATE), ecg_features(ecg.data, **BEAT)
    assert np.median(np.abs(found["r_amplitude"] - given["r_amplitude"])) < 0.05


def test_flat_beats_have_no_width() -> None:
    found = ecg_features(np.ones((2, 200)), **BEAT)
    assert all((values == 0).all() for values in found.values())


def test_ventricular_beats_are_wider_than_normal_ones(ecg: Any) -> None:
    width = ecg_features(ecg.data, **BEAT)["qrs_width"][:, 0]
    assert np.median(width[ecg.target == "V"]) > np.median(width[ecg.target == "N"]) + 20


def test_real_ventricular_beats_are_wider_than_normal_ones(mitbih_home: Path) -> None:
    beats = fetch_mitbih(data_home=mitbih_home, subset="DS1")
    width = ecg_features(beats.data, **BEAT)["qrs_width"][:, 0]
    median = {label: np.median(width[beats.target == label]) for label in ("N", "V", "F")}
    assert 60 < median["N"] < median["F"] < median["V"] < 180
    # 109 has left bundle branch block, 119 normal conduction; both are class N.
    block, healthy = (
        np.median(width[(beats.groups == patient) & (beats.target == "N")])
        for patient in (109, 119)
    )
    assert block > 120 > 80 > healthy
    rng = np.random.default_rng(0)
    N = rng.permutation(beats.data[beats.target == "N"], axis=0)[:2000]
    score = ecg_distance(N[:1000], N[1000:], **BEAT, random_state=0)
    ventricular = ecg_distance(N[:1000], beats.data[beats.target == "V"][:1000], **BEAT, n_null=0)
    assert score < score.null.high < 0.3 < ventricular


def test_distance_is_that_of_scipy_in_units_of_the_real_deviation(ecg: Any) -> None:
    X = ecg.data[ecg.target == "N"]
    score = ecg_distance(X[:100], X[100:250], **BEAT, n_null=0)
    first, second = (ecg_features(part, **BEAT) for part in (X[:100], X[100:250]))
    for name, values in first.items():
        found = score.details[name]
        distance = wasserstein_distance(values[:, 0], second[name][:, 0])
        beyond = np.sqrt(max(distance**2 - found["real_real"] ** 2, 0))
        assert found["distance"] == pytest.approx(distance, abs=1e-9)
        assert found["scaled"] == pytest.approx(beyond / values.std(), abs=1e-9)
    assert score == pytest.approx(np.mean([part["scaled"] for part in score.details.values()]))
    assert score.direction == "lower"
    assert json.loads(json.dumps(score.to_dict()))["details"]["qrs_width"]["unit"] == "ms"


def test_what_comes_off_is_the_distance_of_real_rows() -> None:
    X = brain(600, 1.0, n_timesteps=250)
    found = eeg_distance(X[:200], X[200:300], sampling_rate=250, n_null=0, random_state=0)
    one = eeg_features(X, sampling_rate=250)["alpha"][:, 0]
    rng, seen = np.random.default_rng(0), []
    for _ in range(200):
        order = rng.permutation(600)
        seen.append(wasserstein_distance(one[order[:200]], one[order[200:300]]) ** 2)
    assert found.details["alpha"]["real_real"] == pytest.approx(np.mean(seen) ** 0.5, rel=0.4)


def test_identical_sets_are_at_distance_0_whatever_the_unit(ecg: Any) -> None:
    X = ecg.data[:60]
    assert ecg_distance(X, X, **BEAT, n_null=0) == 0
    settings: dict[str, Any] = {**BEAT, "n_null": 0, "random_state": 0}
    near = ecg_distance(X[:30], X[30:], **settings)
    large = ecg_distance(1e3 * X[:30], 1e3 * X[30:], **settings)
    assert large == pytest.approx(near.value, rel=1e-3)  # X is float32


def test_what_is_changed_shows_in_its_feature(ecg: Any) -> None:
    X = ecg.data[ecg.target == "N"]
    real, fresh = X[:150], X[150:300]
    small = ecg_distance(real, 0.5 * fresh, **BEAT, n_null=0, random_state=0)
    raised = fresh + 0.5 * (np.arange(200) > 110)
    lifted = ecg_distance(real, raised, **BEAT, n_null=0, random_state=0)
    assert small.details["r_amplitude"]["scaled"] > 3 * small.details["qrs_width"]["scaled"]
    assert lifted.details["st_level"]["distance"] == pytest.approx(0.5, abs=0.1)
    distances = [
        ecg_distance(real, gain * fresh, **BEAT, n_null=0, random_state=0).value
        for gain in (1, 0.8, 0.6, 0.4)
    ]
    assert distances == sorted(distances)


def test_rr_intervals_count_where_given(ecg: Any) -> None:
    X, y = ecg.data[:200], ecg.target[:200]
    rr = np.random.default_rng(0).normal(0.8, 0.1, 200)
    settings: dict[str, Any] = {**BEAT, "n_null": 0, "y_real": y, "y_synthetic": y}
    score = ecg_distance(X, X, rr_real=rr, rr_synthetic=rr + 0.1, **settings)
    for part in score.per_class.values():
        assert part.details["rr"]["distance"] == pytest.approx(0.1)
        assert part.details["rr"]["unit"] == "s"
    assert "rr" not in ecg_distance(X, X, **settings).per_class["N"].details


def test_every_channel_counts(ecg: Any) -> None:
    two = np.repeat(ecg.data[:60], 2, axis=1)
    two[30:, 1] *= 0.2
    score = ecg_distance(two[:30], two[30:], **BEAT, n_null=0)
    first, second = (score.details[f"r_amplitude[{channel}]"]["scaled"] for channel in (0, 1))
    assert second > first
    assert len(score.details) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecg", "eeg"])
def test_random_halves_of_real_data_lie_in_the_null_interval(name: str, ecg: Any) -> None:
    rng, inside = np.random.default_rng(0), 0
    X = ecg.data[ecg.target == "N"][:200] if name == "ecg" else brain(200, 1.0, n_timesteps=250)
    for seed in range(100):
        order = rng.permutation(len(X))
        real, synthetic = X[order[:100]], X[order[100:]]
        settings: dict[str, Any] = {"n_null": 20, "random_state": seed}
        if name == "ecg":
            score = ecg_distance(real, synthetic, **BEAT, **settings)
        else:
            score = eeg_distance(real, synthetic, sampling_rate=250, **settings)
        inside += score in score.null
    assert inside >= 90


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_slope_is_minus_the_exponent_of_the_noise(exponent: float) -> None:
    slope = eeg_features(brain(100, exponent), sampling_rate=250)["slope"]
    assert slope.mean() == pytest.approx(-exponent, abs=0.15)


@pytest.mark.parametrize(
    ("name", "frequency"),
    [("delta", 2), ("theta", 6), ("alpha", 10), ("beta", 20), ("gamma", 40)],
)
def test_power_is_in_the_band_of_the_sine(name: str, frequency: float) -> None:
    sine = 4 * np.sin(2 * np.pi * frequency * np.arange(1000) / 250)
    found = eeg_features(sine[None], sampling_rate=250)
    assert 10 ** found[name].item() == pytest.approx(8.0, rel=0.02)
    others = EEG_NAMES - {name, "slope"}
    assert all(found[other].item() < found[name].item() - 1 for other in others)


def test_bands_above_half_the_sampling_rate_are_left_out() -> None:
    found = eeg_features(brain(3, 1.0), sampling_rate=50)
    assert set(found) == {"delta", "theta", "alpha", "slope"}


def test_flat_eeg_is_finite() -> None:
    X = np.stack([np.zeros(500), *brain(3, 1.0)])
    assert all(np.isfinite(values).all() for values in eeg_features(X, sampling_rate=250).values())
    flat = eeg_features(np.zeros((2, 500)), sampling_rate=250)
    assert all(np.isfinite(values).all() for values in flat.values())


def test_seizures_are_far_from_healthy_eeg(bonn_home: Path) -> None:
    Z, S = (
        np.stack([np.loadtxt(file) for file in sorted((bonn_home / name).glob("*.txt"))[:60]])
        for name in ("Z", "S")
    )
    rate = 173.61
    healthy, seizure = (eeg_features(X, sampling_rate=rate) for X in (Z, S))
    for name in ("delta", "theta", "alpha", "beta"):  # amplitudes grow about tenfold
        assert np.median(seizure[name]) > np.median(healthy[name]) + 0.5
    assert np.median(seizure["slope"]) < np.median(healthy["slope"]) - 0.3
    score = eeg_distance(Z[:30], Z[30:], sampling_rate=rate, random_state=0)
    assert set(score.details) == EEG_NAMES
    far = eeg_distance(Z[:30], S[:30], sampling_rate=rate, n_null=0)
    assert far > 3 * score.null.high > 3 * score
    # One second a row, as in the well-known table of 11,500 rows of 178 samples.
    seconds = [X[:, : 23 * 178].reshape(-1, 178) for X in (Z, S)]
    short = eeg_distance(*seconds, sampling_rate=rate, n_null=0)
    assert short > 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"r_peak": 30}, "160 ms before the R peak"),
        ({"sampling_rate": 1000}, "200 ms after it|160 ms before"),
        ({"r_peak": 300}, "'r_peak'"),
        ({"sampling_rate": 0}, "'sampling_rate'"),
        ({"rr_real": np.ones(20)}, "'rr_synthetic'.* must be given"),
        ({"rr_real": np.ones(20), "rr_synthetic": np.ones(9)}, r"'rr_synthetic'.*\(20,\)"),
        ({"rr_real": np.ones(20), "rr_synthetic": np.full(20, np.nan)}, "finite"),
        ({"X_synthetic": np.zeros((20, 180))}, "as 'X_real' has"),
        ({"X_synthetic": np.zeros((1, 200))}, "at least 4 rows"),
    ],
)
def test_bad_beats(ecg: Any, settings: dict[str, Any], message: str) -> None:
    X = ecg.data[:20, 0]
    given = {"X_real": X, "X_synthetic": X, **BEAT, "n_null": 0} | settings
    with pytest.raises(DataError, match=message):
        ecg_distance(given.pop("X_real"), given.pop("X_synthetic"), **given)


def test_bad_eeg() -> None:
    with pytest.raises(DataError, match=r"at least 0.5 s. Got 100 samples"):
        eeg_distance(np.zeros((9, 100)), np.zeros((9, 100)), sampling_rate=250)
    with pytest.raises(DataError, match="'sampling_rate'"):
        eeg_features(np.zeros((9, 100)), sampling_rate=-1)


def test_real_rows_that_are_all_equal_give_a_distance_of_an_earthly_size():
    row = np.sin(np.arange(200) / 3)
    equal, other = np.repeat(row[None], 20, axis=0), np.random.default_rng(0).normal(size=(20, 200))
    assert eeg_distance(equal, other, sampling_rate=200, n_null=2, random_state=0) < 100


def test_a_sampling_rate_below_every_band_is_named() -> None:
    with pytest.raises(DataError, match="'sampling_rate' parameter of eeg_features must reach"):
        eeg_features(np.random.default_rng(0).normal(size=(4, 24)), sampling_rate=3)
