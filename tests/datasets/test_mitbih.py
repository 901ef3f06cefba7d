"""The MIT-BIH loader against the real recordings, and against facts found without it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from wfdb_files import wfdb

from bioaug.datasets import fetch_mitbih, mitbih
from bioaug.exceptions import DataError

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")  # wfdb 4.3 with pandas 3

COUNTS = {
    "DS1": {"N": 45854, "S": 944, "V": 3788, "F": 414, "Q": 8},
    "DS2": {"N": 44245, "S": 1837, "V": 3220, "F": 388, "Q": 7},
}


def load(home, **parameters):
    return fetch_mitbih(data_home=home, download_if_missing=False, **parameters)


def few(monkeypatch, *records):
    """Make subset "DS1" a few records, to save time."""
    monkeypatch.setitem(mitbih.SUBSETS, "DS1", records)


@pytest.fixture(scope="module")
def halves(mitbih_home):
    return {subset: load(mitbih_home, subset=subset) for subset in COUNTS}


@pytest.fixture(scope="module")
def record_100(mitbih_home):
    return wfdb.rdrecord(str(mitbih_home / "mitdb" / "100"))


def test_the_aami_table_is_what_the_standard_says():
    assert len(mitbih.AAMI_CLASS) == 19
    expected = {"L": "N", "j": "N", "A": "S", "S": "S", "E": "V", "F": "F", "/": "Q", "f": "Q"}
    assert {symbol: mitbih.AAMI_CLASS[symbol] for symbol in expected} == expected


def test_the_subsets_are_disjoint_and_complete():
    ds1, ds2 = set(mitbih.SUBSETS["DS1"]), set(mitbih.SUBSETS["DS2"])
    assert len(ds1) == len(ds2) == 22
    assert not ds1 & ds2
    assert ds1 | ds2 == set(mitbih.SUBSETS["all"])
    assert set(mitbih.SUBSETS["all48"]) - ds1 - ds2 == {"102", "104", "107", "217"}


@pytest.mark.parametrize("subset", ["DS1", "DS2"])
def test_counts_are_exact(halves, subset):
    beats = halves[subset]
    counts = {name: int((beats.target == name).sum()) for name in beats.target_names}
    assert counts == COUNTS[subset]
    assert beats.data.shape == (sum(counts.values()), 1, 200)
    assert beats.data.dtype == np.float32


@pytest.mark.parametrize("subset", ["DS1", "DS2"])
def test_all_fields_have_a_row_per_beat(halves, subset):
    beats = halves[subset]
    for name in ("target", "groups", "rr", "record", "sample", "lead"):
        assert len(beats[name]) == len(beats.data), name
    assert set(beats.record) == set(mitbih.SUBSETS[subset])
    assert np.isfinite(beats.data).all()
    assert np.isfinite(beats.rr).all()
    assert (beats.lead == "MLII").all()
    assert (beats.sampling_rate, beats.window) == (360, (90, 110))
    assert "Open Data Commons" in beats.DESCR


def test_records_201_and_202_are_one_patient(halves):
    ds1, ds2 = halves["DS1"], halves["DS2"]
    assert set(ds1.groups[ds1.record == "201"]) == {201}
    assert set(ds2.groups[ds2.record == "202"]) == {201}
    assert len(set(ds1.groups) | set(ds2.groups)) == 43


def test_windows_are_the_recording_in_millivolts(halves, record_100):
    beats = halves["DS2"]
    own = beats.record == "100"
    for window, peak in list(zip(beats.data[own, 0], beats.sample[own], strict=True))[::200]:
        expected = record_100.p_signal[peak - 90 : peak + 110, 0]
        np.testing.assert_allclose(window, expected, atol=1e-6)


def test_the_r_peak_is_at_the_centre(halves):
    beats = halves["DS2"]
    for record in ("100", "103", "234"):
        own = (beats.record == record) & (beats.target == "N")
        assert abs(np.median(beats.data[own, 0].argmax(axis=1)) - 90) <= 1


def test_rr_intervals_count_all_beats(halves, mitbih_home):
    beats = halves["DS2"]
    own = beats.record == "100"
    annotation = wfdb.rdann(str(mitbih_home / "mitdb" / "100"), "atr")
    peaks = annotation.sample[np.array(annotation.symbol) != "+"]
    rr = np.diff(peaks) / 360
    median = np.median(rr)
    assert peaks[0] < 90  # so the first row is the second beat, and has an interval before it
    assert beats.sample[own][0] == peaks[1]
    assert beats.rr[own][0] == pytest.approx([rr[0], rr[1], rr[0] / median])
    assert peaks[-1] > 650000 - 110
    assert beats.rr[own][-1] == pytest.approx([rr[-2], rr[-1], rr[-2] / median])


def test_missing_rr_intervals_are_the_median(halves):
    # The first beat of record 119 has a whole window, and no beat before it.
    own = halves["DS1"].record == "119"
    rr = halves["DS1"].rr[own]
    assert rr[0, 2] == 1
    assert rr[0, 0] == pytest.approx(np.median(rr[:, 0]), abs=0.01)
    # Record 207 has ventricular flutter, for up to 100 s without an annotated beat.
    assert halves["DS1"].rr[halves["DS1"].record == "207", :2].max() < 4


def test_premature_beats_come_early(halves):
    for beats in halves.values():
        usual = beats.record != "232"  # nearly all of its beats are S, so these set the median
        relative = {n: np.median(beats.rr[usual & (beats.target == n), 2]) for n in "NSV"}
        assert relative["S"] < 0.85 < relative["N"]
        assert relative["V"] < 0.85


def test_leads_go_by_name_in_record_114(mitbih_home, monkeypatch):
    few(monkeypatch, "114")
    signals = wfdb.rdrecord(str(mitbih_home / "mitdb" / "114"))
    assert signals.sig_name == ["V5", "MLII"]
    both = load(mitbih_home, subset="DS1", leads=("MLII", "V5"))
    assert both.lead_names == ["MLII", "V5"]
    assert both.lead[0].tolist() == ["MLII", "V5"]
    peak = both.sample[10]
    expected = signals.p_signal[peak - 90 : peak + 110, [1, 0]].T
    np.testing.assert_allclose(both.data[10], expected, atol=1e-6)
    alone = load(mitbih_home, subset="DS1", leads="V5")
    np.testing.assert_array_equal(alone.data[:, 0], both.data[:, 1])


def test_the_first_lead_stands_in_for_mlii(mitbih_home, monkeypatch):
    few(monkeypatch, "102", "107")
    beats = load(mitbih_home, subset="DS1")
    assert set(beats.lead[beats.record == "102", 0]) == {"V5"}
    assert set(beats.lead[beats.record == "107", 0]) == {"MLII"}
    assert beats.lead_names == ["MLII"]
    assert beats.records_left_out == []


def test_records_without_a_lead_are_left_out_with_a_warning(mitbih_home, monkeypatch):
    few(monkeypatch, "101", "114", "124")
    with pytest.warns(UserWarning, match="2 of 3 records .* left out: 114, 124"):
        beats = load(mitbih_home, subset="DS1", leads=("MLII", "V1"))
    assert set(beats.record) == {"101"}
    assert beats.records_left_out == ["114", "124"]
    with pytest.raises(DataError, match="none of 101, 114, 124 has"):
        load(mitbih_home, subset="DS1", leads=("V1", "V2"))


def test_symbols_instead_of_classes(mitbih_home, monkeypatch):
    few(monkeypatch, "109", "118")
    symbols = load(mitbih_home, subset="DS1", labels="symbols")
    classes = load(mitbih_home, subset="DS1")
    assert set(symbols.target) == {"L", "R", "F", "V", "A"}
    assert symbols.target_names == ["L", "R", "A", "V", "F"]
    assert [mitbih.AAMI_CLASS[s] for s in symbols.target] == classes.target.tolist()


def test_long_windows_lose_only_the_beats_at_the_ends(mitbih_home, monkeypatch):
    few(monkeypatch, "101")
    short = load(mitbih_home, subset="DS1")
    long = load(mitbih_home, subset="DS1", window=(900, 900))
    assert long.data.shape[2] == 1800
    inside = (short.sample >= 900) & (short.sample + 900 <= 650000)
    assert 0 < (~inside).sum() < 20
    np.testing.assert_array_equal(long.data[:, 0, 810:1010], short.data[inside, 0])
    np.testing.assert_array_equal(long.rr, short.rr[inside])


@pytest.mark.parametrize("rate", [125, 173.61, 250, 500])
def test_resampling_keeps_the_r_peak_and_the_shape(mitbih_home, monkeypatch, rate):
    few(monkeypatch, "101")
    native = load(mitbih_home, subset="DS1")
    beats = load(mitbih_home, subset="DS1", sampling_rate=rate)
    before, after = round(90 * rate / 360), round(110 * rate / 360)
    assert beats.window == (before, after)
    assert beats.sampling_rate == rate
    assert beats.data.shape == (len(native.data), 1, before + after)
    assert abs(np.median(beats.data[:, 0].argmax(axis=1)) - before) <= 1
    # At the times that both have, the P and T waves, which are slow, are the same.
    at = 90 + (np.arange(before + after) - before) * 360 / rate
    slow = (np.abs(at - 90) > 30) & (at <= 199)
    expected = np.stack([np.interp(at[slow], np.arange(200), row) for row in native.data[:99, 0]])
    assert np.abs(beats.data[:99, 0][:, slow] - expected).mean() < 0.02


def test_the_baseline_is_removed(mitbih_home, monkeypatch):
    few(monkeypatch, "203", "108")
    raw = load(mitbih_home, subset="DS1")
    flat = load(mitbih_home, subset="DS1", remove_baseline=True)
    raw_level, level = (np.median(b.data, axis=2) for b in (raw, flat))
    assert abs(np.median(level)) < 0.02
    assert level.std() < raw_level.std() / 3
    height = [np.median(np.ptp(b.data[b.target == "N"], axis=2)) for b in (raw, flat)]
    assert height[1] == pytest.approx(height[0], rel=0.1)  # the QRS complex stays


def test_return_x_y(mitbih_home, monkeypatch):
    few(monkeypatch, "101")
    X, y = load(mitbih_home, subset="DS1", return_X_y=True)
    beats = load(mitbih_home, subset="DS1")
    np.testing.assert_array_equal(X, beats.data)
    np.testing.assert_array_equal(y, beats.target)


@pytest.mark.parametrize("inside", ["", "mitdb", "mitdb/1.0.0"])
def test_existing_folders_are_taken_as_they_are(mitbih_home, monkeypatch, tmp_path, inside):
    few(monkeypatch, "101")
    place = tmp_path / inside
    place.mkdir(parents=True, exist_ok=True)
    for kind in ("hea", "dat", "atr"):
        (place / f"101.{kind}").symlink_to(mitbih_home / "mitdb" / f"101.{kind}")
    assert len(load(tmp_path, subset="DS1").data) == 1864
    monkeypatch.setenv("BIOAUG_DATA", str(tmp_path))
    assert len(load(None, subset="DS1").data) == 1864


def test_nothing_is_warned_of_and_no_randomness_is_used(mitbih_home, monkeypatch):
    few(monkeypatch, "101")
    state = np.random.get_state()[1].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(mitbih_home, subset="DS1")
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"subset": "DS3"}, "'subset' .* Did you mean 'DS[12]'"),
        ({"labels": "AAMI"}, "'labels'"),
        ({"leads": "MLI"}, "Did you mean 'MLII'"),
        ({"leads": ("V1", "V1")}, "two different ones"),
        ({"leads": ()}, "two different ones"),
        ({"leads": ("MLII", "V1", "V2")}, "two different ones"),
        ({"window": (90, 0)}, "'window'"),
        ({"window": 200}, "'window'"),
        ({"sampling_rate": 0}, "'sampling_rate'"),
        ({"sampling_rate": "360"}, "'sampling_rate'"),
    ],
)
def test_wrong_parameters_are_named_before_any_file_is_read(tmp_path, wrong, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, **wrong)


def test_a_window_longer_than_a_record(mitbih_home, monkeypatch):
    few(monkeypatch, "101")
    with pytest.raises(DataError, match="fit around at least one beat"):
        load(mitbih_home, subset="DS1", window=(400000, 400000))


def test_missing_files_are_one_clear_error(tmp_path):
    with pytest.raises(OSError, match="MIT-BIH") as caught:
        load(tmp_path, subset="DS1")
    text = str(caught.value)
    assert "66 of 66 files" in text
    assert "101.hea" in text
    assert str(tmp_path / "mitdb") in text
    assert "BIOAUG_DATA" in text
    assert "download_if_missing=True" in text
    assert list(tmp_path.iterdir()) == []


def test_leads_of_another_type():
    with pytest.raises(DataError, match="'leads' parameter of fetch_mitbih must be one of"):
        fetch_mitbih(leads=5)
