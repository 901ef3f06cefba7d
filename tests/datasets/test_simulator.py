"""The simulated beats: exact counts, recognisable classes, own randomness."""

from __future__ import annotations

import numpy as np
import pytest

from bioaug.datasets import make_ecg
from bioaug.exceptions import DataError

EQUAL = {"N": 1, "S": 1, "V": 1, "F": 1, "Q": 1}


@pytest.fixture(scope="module")
def clean():
    """Many beats of each class without noise, half a second to either side of the R peak."""
    return make_ecg(3000, class_weights=EQUAL, noise=0, window=(180, 180), random_state=0)


def rows(beats, name):
    return beats.data[beats.target == name, 0]


def test_shapes_types_and_fields():
    beats = make_ecg(123, leads=("MLII", "V1", "other"), window=(50, 70), random_state=0)
    assert beats.data.shape == (123, 3, 120)
    assert beats.data.dtype == np.float32
    assert np.isfinite(beats.data).all()
    assert beats.rr.shape == (123, len(beats.rr_names))
    assert beats.lead_names == ["MLII", "V1", "other"]
    assert beats.target.shape == beats.groups.shape == (123,)
    assert (beats.sampling_rate, beats.window) == (360, (50, 70))
    assert "McSharry" in beats.DESCR


def test_number_of_leads_gives_that_many_names():
    beats = make_ecg(10, leads=15, random_state=0)
    assert beats.data.shape[1] == 15
    assert len(set(beats.lead_names)) == 15
    assert beats.lead_names[0] == "MLII"


def test_the_default_is_imbalanced_as_among_real_beats():
    beats = make_ecg(1000, random_state=0)
    counts = {name: int((beats.target == name).sum()) for name in beats.target_names}
    assert counts == {"N": 827, "S": 26, "V": 66, "F": 7, "Q": 74}


@pytest.mark.parametrize(
    ("n_samples", "weights", "expected"),
    [
        (10, {"N": 0.55, "V": 0.45}, {"N": 6, "V": 4}),
        (10, {"N": 1, "V": 1, "S": 1}, {"N": 4, "S": 3, "V": 3}),
        (100, {"N": 1, "F": 1e-9, "Q": 1e-9}, {"N": 98, "F": 1, "Q": 1}),
        (50, [1, 0, 1, 0, 0], {"N": 25, "V": 25}),
        (5, None, {"N": 1, "S": 1, "V": 1, "F": 1, "Q": 1}),
    ],
)
def test_counts_follow_the_largest_remainder(n_samples, weights, expected):
    beats = make_ecg(n_samples, class_weights=weights, random_state=0)
    assert {name: int((beats.target == name).sum()) for name in beats.target_names} == expected


def test_every_class_is_spread_over_the_patients(clean):
    for name in EQUAL:
        per_patient = np.bincount(clean.groups[clean.target == name], minlength=20)
        assert np.ptp(per_patient) <= 1


def test_the_r_peak_is_at_the_centre(clean):
    normal = rows(clean, "N")
    assert np.percentile(np.abs(normal.argmax(axis=1) - 180), 99) <= 1
    wide = np.abs(rows(clean, "V"))
    near = wide[:, 180 - 36 : 180 + 36].argmax(axis=1) - 36
    assert np.percentile(np.abs(near), 95) <= 12


def test_the_r_peak_stays_at_the_centre_at_any_rate():
    beats = make_ecg(
        200, class_weights={"N": 1}, noise=0, sampling_rate=125, window=(31, 38), random_state=0
    )
    assert np.percentile(np.abs(beats.data[:, 0].argmax(axis=1) - 31), 99) <= 1


def half_height_width(beats):
    """Samples around the centre that stay above half of the R peak."""
    centre = beats.shape[1] // 2
    baseline = np.median(beats, axis=1, keepdims=True)
    above = np.abs(beats - baseline) > 0.5 * np.abs(beats - baseline)[:, [centre]]
    after = np.argmin(above[:, centre:], axis=1)
    before = np.argmin(above[:, centre::-1], axis=1)
    return after + before - 1


def test_ventricular_and_paced_beats_are_wide(clean):
    width = {name: half_height_width(rows(clean, name)) for name in "NVQ"}
    assert np.median(width["V"]) > 1.6 * np.median(width["N"])
    assert np.median(width["Q"]) > 1.6 * np.median(width["N"])
    for patient in range(20):
        of = {name: clean.groups[clean.target == name] == patient for name in "NV"}
        assert np.median(width["V"][of["V"]]) > np.median(width["N"][of["N"]])


def test_ventricular_beats_have_a_discordant_t_wave(clean):
    beats = rows(clean, "V") - np.median(rows(clean, "V"), axis=1, keepdims=True)
    t_wave = beats[:, 180 + 60 : 180 + 100].mean(axis=1)
    assert np.mean(np.sign(t_wave) != np.sign(beats[:, 180])) > 0.95


def test_rhythm_of_each_class(clean):
    relative = {name: clean.rr[clean.target == name] for name in EQUAL}
    resting = {name: rr[:, 0] / rr[:, 2] for name, rr in relative.items()}
    assert np.median(relative["N"][:, 2]) == pytest.approx(1, abs=0.01)
    assert relative["S"][:, 2].max() < 0.86
    assert relative["V"][:, 2].max() < 0.86
    both = (relative["V"][:, 0] + relative["V"][:, 1]) / resting["V"]
    np.testing.assert_allclose(both, 2, atol=0.06)  # the pause compensates
    assert relative["F"][:, 2].min() > 0.89
    assert relative["Q"][:, 2].min() > 0.97


def p_wave(beats):
    """Height above the PR segment of what comes just before the QRS complex, in millivolts."""
    return beats[:, 180 - 60 : 180 - 45].mean(axis=1) - beats[:, 180 - 29 : 180 - 24].mean(axis=1)


def test_the_p_wave_of_premature_beats_is_changed_or_missing():
    beats = make_ecg(
        2000, class_weights={"N": 1, "S": 1}, n_patients=50, noise=0, window=(180, 180),
        leads=("II",), random_state=1,
    )  # fmt: skip
    change = []
    for patient in range(50):
        own = beats.groups == patient
        # Late premature beats only: in early ones the last T wave lies over the P wave.
        late = own & (beats.target == "S") & (beats.rr[:, 2] > 0.8)
        if late.any():
            normal = p_wave(beats.data[own & (beats.target == "N"), 0]).mean()
            change.append(normal - p_wave(beats.data[late, 0]).mean())
    assert np.median(change) > 0.02


def test_fusion_beats_lie_between_the_normal_and_the_ventricular_beats_of_their_patient(clean):
    shares = []
    for patient in range(20):
        # The QRS complex only: P and T waves move with the rhythm.
        own = clean.groups == patient
        qrs = {n: clean.data[own & (clean.target == n), 0, 155:205] for n in "NVF"}
        normal, wide = qrs["N"].mean(axis=0), qrs["V"].mean(axis=0)
        step = wide - normal
        shares.append((qrs["F"] - normal) @ step / (step @ step))
    share = np.concatenate(shares)
    assert 0.4 < np.median(share) < 0.6
    assert np.mean((share > 0.15) & (share < 0.85)) > 0.95


def test_paced_beats_have_a_spike(clean):
    steepest = {name: np.abs(np.diff(rows(clean, name)[:, 140:175], axis=1)).max(axis=1)
                for name in "VQ"}  # fmt: skip
    assert np.median(steepest["Q"]) > 2 * np.median(steepest["V"])


def test_long_windows_show_the_beats_around():
    beats = make_ecg(20, class_weights={"N": 1}, noise=0, window=(900, 900), random_state=0)
    for signal, (before, after, _) in zip(beats.data[:, 0], beats.rr, strict=True):
        for peak in (900 - round(before * 360), 900 + round(after * 360)):
            near = signal[peak - 20 : peak + 20]
            assert abs(near.argmax() - 20) <= 1
            assert near.max() > 0.7 * signal[900]


def test_patients_differ_more_than_the_beats_of_one():
    beats = make_ecg(800, class_weights={"N": 1}, noise=0, random_state=0)
    means = np.stack([beats.data[beats.groups == p, 0].mean(axis=0) for p in range(20)])
    within = np.mean([beats.data[beats.groups == p, 0].std(axis=0).mean() for p in range(20)])
    assert means.std(axis=0).mean() > 2 * within


def test_noise_scales_and_is_band_limited():
    quiet, usual, loud = (
        make_ecg(300, class_weights={"N": 1}, noise=level, random_state=0) for level in (0, 1, 3)
    )
    noise = usual.data - quiet.data
    np.testing.assert_allclose(loud.data - quiet.data, 3 * noise, atol=1e-4)
    assert 0.005 < np.diff(noise, axis=2).std() < 0.1
    muscle = noise - noise.mean(axis=2, keepdims=True)
    power = np.mean(np.abs(np.fft.rfft(muscle * np.hanning(200))) ** 2, axis=(0, 1))
    frequency = np.fft.rfftfreq(200, 1 / 360)
    in_band = power[(frequency > 20) & (frequency < 55)].mean()
    assert power[frequency > 170].mean() < in_band / 3
    assert power[1] > 3 * in_band  # the wander is slow and larger


def test_same_seed_same_beats_and_the_global_generator_is_untouched():
    before = np.random.get_state()[1].copy()
    first, again = make_ecg(50, random_state=3), make_ecg(50, random_state=3)
    make_ecg(5, random_state=None)
    np.testing.assert_array_equal(first.data, again.data)
    np.testing.assert_array_equal(first.groups, again.groups)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not np.array_equal(first.data, make_ecg(50, random_state=4).data)


def test_other_sources_of_randomness():
    by_state = [make_ecg(9, random_state=np.random.RandomState(5)).data for _ in range(2)]
    np.testing.assert_array_equal(*by_state)
    by_generator = [make_ecg(9, random_state=np.random.default_rng(5)).data for _ in range(2)]
    np.testing.assert_array_equal(*by_generator)


@pytest.mark.parametrize("window", [(0, 1), (0, 16), (900, 900), (3, 1)])
@pytest.mark.parametrize("sampling_rate", [20, 173.61, 1000])
def test_any_window_at_any_rate(window, sampling_rate):
    beats = make_ecg(6, window=window, sampling_rate=sampling_rate, random_state=0)
    assert beats.data.shape == (6, 1, sum(window))
    assert np.isfinite(beats.data).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_samples": 0}, "'n_samples'"),
        ({"n_samples": 2.5}, "'n_samples'"),
        ({"n_samples": 3}, "at least the number of classes"),
        ({"n_patients": -1}, "'n_patients'"),
        ({"classes": ("N", "v")}, "must be one of .* Got .v. instead"),
        ({"class_weights": {"X": 1}}, "'class_weights key'"),
        ({"class_weights": {"N": -1, "V": 2}}, "0 or more"),
        ({"class_weights": {}}, "above 0"),
        ({"class_weights": [1, 2]}, "one number for each"),
        ({"leads": ("V1", "V1")}, "different names"),
        ({"leads": 0}, "'leads'"),
        ({"window": (90,)}, "'window'"),
        ({"window": (-1, 5)}, "'window'"),
        ({"sampling_rate": 0}, "'sampling_rate'"),
        ({"sampling_rate": float("nan")}, "'sampling_rate'"),
        ({"noise": -1}, "'noise'"),
    ],
)
def test_wrong_parameters_are_named(wrong, message):
    with pytest.raises(DataError, match=message):
        make_ecg(**wrong)
