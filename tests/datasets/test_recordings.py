"""WFDB records as they occur: other clocks, gaps, symbols, segments and units; hostile headers."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
import wfdb_files
from wfdb_files import write_signals

from bioaug.datasets import read_wfdb
from bioaug.datasets.mitbih import AAMI_CLASS, AAMI_SYMBOLS
from bioaug.exceptions import BioaugError, DataError

PEAKS = np.arange(180, 20 * 360, 288)
WHOLE = PEAKS[PEAKS + 110 <= 20 * 360]


def ecg():
    """Return 20 s at 360 Hz with an R peak of height 1 every 0.8 s."""
    time = np.arange(20 * 360)
    nearest = np.abs(time[:, None] - PEAKS).min(axis=1)
    return np.exp(-0.5 * (nearest / 3.6) ** 2)


def write_beats(folder, name, samples=PEAKS, symbols=None, **options):
    wfdb_files.write_beats(folder, name, samples, symbols, **options)


def edit(folder, name, old, new):
    header = folder / f"{name}.hea"
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A folder with the record r1."""
    write_signals(tmp_path, "r1", ecg())
    write_beats(tmp_path, "r1")
    return tmp_path


# --- annotations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", [1000, 250, 360, 128.5])
def test_annotations_on_another_clock(folder, clock):
    write_beats(folder, "r1", np.rint(PEAKS / 360 * clock).astype(int), fs=clock)
    beats = read_wfdb(folder)
    error = 0.5 * 360 / clock + 0.5
    assert len(beats.data) == len(WHOLE)
    assert np.abs(beats.sample - WHOLE).max() <= error
    assert np.abs(beats.data[:, 0].argmax(axis=1) - 90).max() <= error


def test_the_counter_of_a_header_is_no_clock_of_annotations(folder):
    edit(folder, "r1", "r1 1 360", "r1 1 360/1000(50)")
    np.testing.assert_array_equal(read_wfdb(folder).sample, WHOLE)


def test_beats_past_the_end_are_counted(folder):
    samples = np.rint(PEAKS / 360 * 1000).astype(int)  # without saying so
    write_beats(folder, "r1", samples)
    n_past = int((samples >= 7200).sum())
    with pytest.warns(UserWarning, match=rf"past the end of the signals.* \({n_past}\)"):
        read_wfdb(folder)


def test_every_beat_symbol_has_a_class(folder):
    symbols = "".join(AAMI_SYMBOLS.values())
    assert sorted(symbols) == sorted("NLRBAaJSVrFejnE/fQ?")
    write_beats(folder, "r1", PEAKS[: len(symbols)], symbols)
    assert "".join(read_wfdb(folder, labels="symbols").target) == symbols
    assert read_wfdb(folder).target.tolist() == [AAMI_CLASS[symbol] for symbol in symbols]
    assert (AAMI_CLASS["B"], AAMI_CLASS["n"], AAMI_CLASS["r"], AAMI_CLASS["?"]) == tuple("NNVQ")


def test_what_is_no_beat_is_left_out_in_silence(folder):
    others = '~|sT*D"=p^t+u![]@x()'
    write_beats(folder, "r1", PEAKS[: len(others) + 1], [*others, "N"])
    assert read_wfdb(folder).target.tolist() == ["N"]


def test_unknown_symbols_are_counted(folder):
    symbols = ["N"] * 5 + ["X"] * 3
    write_beats(folder, "r1", PEAKS[:8], symbols, custom_labels=[(42, "X", "odd")])
    with pytest.warns(UserWarning, match=r"3 annotations are left out.* symbol 'X' \(3\)"):
        beats = read_wfdb(folder)
    assert beats.target.tolist() == ["N"] * 5
    pairs = [(5, 1), (300, 43), (200, 1)]  # 43 is no code of WFDB
    content = b"".join(bytes([step & 255, code << 2 | step >> 8]) for step, code in pairs)
    (folder / "r1.atr").write_bytes(content + b"\0\0")
    with pytest.warns(UserWarning, match=r"unknown symbol 'nan' \(1\)"):
        assert read_wfdb(folder).sample.tolist() == [505]


def test_a_beat_annotated_on_each_channel_is_one_row(folder):
    write_signals(folder, "r1", np.c_[ecg(), ecg()], leads=("MLII", "V1"))
    for late in (0, 9):  # samples
        samples = np.c_[PEAKS, PEAKS + late].ravel()
        write_beats(folder, "r1", samples, chan=np.tile([0, 1], len(PEAKS)))
        np.testing.assert_array_equal(read_wfdb(folder).sample, WHOLE)
    symbols = ["N"] * len(samples)
    symbols[5] = "V"
    write_beats(folder, "r1", samples, symbols, chan=np.tile([0, 1], len(PEAKS)))
    with pytest.warns(UserWarning, match=r"disagree on their symbol \(1\)"):
        np.testing.assert_array_equal(read_wfdb(folder).sample, np.delete(WHOLE, 2))


def test_beats_of_one_channel_that_are_near_are_two(folder):
    write_beats(folder, "r1", np.sort(np.r_[PEAKS, PEAKS[3] + 20]))
    assert len(read_wfdb(folder).data) == len(WHOLE) + 1


@pytest.mark.parametrize(
    "notes",
    [["## time resolution: 360", "## time resolution: 500"], ["## anything"], ["## time resol"],
     ["## annotation type definitions "]],
)  # fmt: skip
def test_definitions_that_wfdb_reads_without_an_end(folder, notes):
    content = b""
    for note in notes:
        content += b"\0\x58" + bytes([len(note), 252]) + note.encode() + b"\0" * (len(note) % 2)
    (folder / "r1.atr").write_bytes(content + b"\x05\x04\0\0")
    with pytest.raises(DataError, match="time resolution once"):
        read_wfdb(folder)


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [None, 90, 180, 500])
def test_a_gap_costs_the_windows_that_touch_it(tmp_path, rate):
    signal = ecg()
    write_signals(tmp_path, "whole", signal)
    write_beats(tmp_path, "whole")
    expected = read_wfdb(tmp_path / "whole", sampling_rate=rate)
    signal[2990:3000] = np.nan
    write_signals(tmp_path, "gap", signal)
    write_beats(tmp_path, "gap")
    with pytest.warns(UserWarning, match=r"1 annotations .*missing samples in their window \(1\)"):
        beats = read_wfdb(tmp_path / "gap", sampling_rate=rate)
    touched = (WHOLE - 90 < 3000) & (WHOLE + 110 > 2990)
    np.testing.assert_array_equal(beats.sample, WHOLE[~touched])
    np.testing.assert_allclose(beats.data, expected.data[~touched], atol=1e-3)


@pytest.mark.parametrize(("frequency", "gain"), [(5.0, 1.0), (100.0, 0.0)])
def test_resampling_leaves_no_alias(tmp_path, frequency, gain):
    peaks = np.array([5000, 9000])
    tone = np.sin(2 * np.pi * frequency * np.arange(20000) / 360)
    write_signals(tmp_path, "tone", tone, gain=20000)
    write_beats(tmp_path, "tone", peaks)
    beats = read_wfdb(tmp_path, window=(288, 288), sampling_rate=125)
    assert beats.window == (100, 100)
    exact = np.sin(2 * np.pi * frequency * (peaks[:, None] / 360 + np.arange(-100, 100) / 125))
    np.testing.assert_allclose(beats.data[:, 0], gain * exact, atol=0.02)


def test_a_lead_without_any_sample(folder):
    write_signals(folder, "r1", np.c_[ecg(), np.full(7200, np.nan)], leads=("MLII", "V1"))
    assert len(read_wfdb(folder).data) == len(WHOLE)
    with (
        pytest.warns(UserWarning, match=rf"missing samples in their window \({len(WHOLE)}\)"),
        pytest.raises(DataError, match="without missing samples"),
    ):
        read_wfdb(folder, leads=["MLII", "V1"])


@pytest.mark.parametrize("fmt", ["16", "32", "80", "24"])
def test_a_header_without_a_length(folder, fmt):
    write_signals(folder, "r1", ecg(), fmt=fmt, gain=100.0)
    expected = read_wfdb(folder)
    edit(folder, "r1", "r1 1 360 7200", "r1 1 360")
    np.testing.assert_array_equal(read_wfdb(folder).data, expected.data)
    assert expected.data.shape == (len(WHOLE), 1, 200)


def test_leads_without_names(folder):
    edit(folder, "r1", " MLII", "")
    beats = read_wfdb(folder)
    assert beats.lead[0].tolist() == ["signal 0"]
    np.testing.assert_array_equal(beats.sample, WHOLE)


def write_fixed(folder, names=("s1", "s2"), units=("mV", "mV")):
    for name, part, unit in zip(names, np.split(ecg(), 2), units, strict=True):
        scale = {"mV": 1, "uV": 1000}[unit]
        write_signals(folder, name, part * scale, units=unit, gain=200 / scale)
    (folder / "m.hea").write_text("m/2 1 360 7200\ns1 3600\ns2 3600\n")
    write_beats(folder, "m")


@pytest.mark.parametrize("units", [("mV", "mV"), ("mV", "uV")])
def test_segments_of_fixed_layout(folder, tmp_path, units):
    expected = read_wfdb(folder / "r1").data
    write_fixed(folder, units=units)
    for rate in (None, 250):
        beats = read_wfdb(folder / "m", sampling_rate=rate)
        np.testing.assert_array_equal(beats.sample, WHOLE)
    np.testing.assert_allclose(read_wfdb(folder / "m").data, expected, atol=1e-6)
    assert set(read_wfdb(folder).groups) == {"r1", "m"}


def test_segments_of_variable_layout(tmp_path):
    signal = ecg()
    write_signals(tmp_path, "s1", np.c_[signal, -signal][:3000], leads=("V1", "MLII"))
    write_signals(tmp_path, "s2", signal[4000:6000])
    write_signals(tmp_path, "s3", signal[6000:], leads=("V1",))
    (tmp_path / "lay.hea").write_text(
        "lay 2 360 0\n~ 0 200 16 0 0 0 0 V1\n~ 0 200 16 0 0 0 0 MLII\n"
    )
    (tmp_path / "v.hea").write_text("v/5 2 360 7200\nlay 0\ns1 3000\n~ 1000\ns2 2000\ns3 1200\n")
    write_beats(tmp_path, "v")
    with pytest.warns(UserWarning, match="missing samples"):
        beats = read_wfdb(tmp_path / "v")
    inside = ((WHOLE >= 90) & (WHOLE + 110 <= 3000)) | ((WHOLE >= 4090) & (WHOLE + 110 <= 6000))
    np.testing.assert_array_equal(beats.sample, WHOLE[inside])
    heights = beats.data[:, 0, 90]
    np.testing.assert_allclose(heights, np.where(beats.sample < 3000, -1, 1), atol=0.01)


def test_a_null_segment_of_any_length_takes_no_memory(folder):
    (folder / "m.hea").write_text(f"m/2 1 360 {7200 + 10**15}\nr1 7200\n~ {10**15}\n")
    write_beats(folder, "m")
    with pytest.warns(UserWarning, match=r"missing samples in their window \(1\)"):
        beats = read_wfdb(folder / "m")  # the last beat reaches into it
    np.testing.assert_array_equal(beats.sample, WHOLE)


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "scale"), [("uV", 1e3), ("V", 1e-3), ("µV", 1e3), ("nV", 1e6)])
def test_voltages_become_millivolts(folder, unit, scale):
    write_signals(folder, "r2", ecg() * scale, gain=200 / scale)
    edit(folder, "r2", "/mV", f"/{unit}")
    write_beats(folder, "r2")
    beats = read_wfdb(folder)
    assert beats.units == ["mV"]
    one, other = (beats.data[beats.groups == name] for name in ("r1", "r2"))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_units_that_cannot_be_joined(folder):
    write_signals(folder, "r2", ecg(), units="NU")
    write_beats(folder, "r2")
    assert read_wfdb(folder / "r2").units == ["NU"]
    with pytest.raises(DataError, match=r"mV in 1 records \(r1\); NU in 1 records \(r2\)"):
        read_wfdb(folder)


@pytest.mark.parametrize("gain", ["0", "0(0)/mV", "0/mV"])
def test_a_missing_gain_is_warned_of(folder, gain):
    write_signals(folder, "r2", ecg())
    write_beats(folder, "r2")
    edit(folder, "r2", "200.0(0)/mV", gain)
    message = "1 of 2 records have no gain.* Other records are calibrated.* r2"
    with pytest.warns(UserWarning, match=message):
        read_wfdb(folder)


def test_a_missing_rate_is_warned_of(folder):
    (folder / "r1.hea").write_text("r1 1\nr1.dat 16 200(0)/mV 16 0 0 0 0 MLII\n")
    with pytest.warns(UserWarning, match="1 of 1 records give no sampling rate.* 250 Hz: r1"):
        assert read_wfdb(folder).sampling_rate == 250


def test_first_leads_beside_others_are_warned_of(folder):
    for name, lead in (("r2", "V5"), ("r3", "MLII")):
        write_signals(folder, name, ecg(), leads=(lead,))
        write_beats(folder, name)
    with pytest.warns(UserWarning, match="1 of 3 records have no lead MLII.*: V5 in r2"):
        beats = read_wfdb(folder)
    assert Counter(beats.lead[:, 0].tolist()) == {"MLII": 2 * len(WHOLE), "V5": len(WHOLE)}
    # One lead throughout is no mixture, whatever its name.
    assert set(read_wfdb(folder, records=["r2"]).lead.ravel()) == {"V5"}


@pytest.mark.parametrize("parameter", ["leads", "records"])
@pytest.mark.parametrize("value", [[], "", 100, [100], ["r1", None]])
def test_names_of_leads_and_records_are_text(folder, parameter, value):
    with pytest.raises(DataError, match=f"'{parameter}' parameter of read_wfdb must be a name"):
        read_wfdb(folder, **{parameter: value})


def test_an_unknown_lead_is_answered_by_those_that_there_are(folder):
    with pytest.raises(DataError, match=r"'V9'.* there are MLII"):
        read_wfdb(folder, leads=["MLII", "V9"])


# --- hostile and wrong headers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("r1 1 360 7200\n../r1.dat 16 200 16 0 0 0 0 I\n", "in its own folder"),
        ("r1 1 360 7200\n/etc/passwd 16 200 16 0 0 0 0 I\n", "in its own folder"),
        ("r1/2 1 360 7200\n../s1 3600\ns2 3600\n", "in its own folder"),
        ("../r1 1 360 7200\nr1.dat 16 200 16 0 0 0 0 I\n", "in its own folder"),
        ("r1 1000000000 360 7200\nr1.dat 16 200 16 0 0 0 0 I\n", "as many signals"),
        ("r1 1 360 1000000000000\nr1.dat 16 200 16 0 0 0 0 I\n", "at most"),
        ("r1 1 360 7201\nr1.dat 16 200 16 0 0 0 0 I\n", "files with its 7201 samples"),
        ("r1 1 0 7200\nr1.dat 16 200 16 0 0 0 0 I\n", "positive sampling rate"),
        ("r1 1 3.6e2 7200\nr1.dat 16 200 16 0 0 0 0 I\n", "rate as a number .* '3.6e2'"),
        ("r1 1 360,5 7200\nr1.dat 16 200 16 0 0 0 0 I\n", "rate as a number .* '360,5'"),
        ("r1 1 fast 7200\nr1.dat 16 200 16 0 0 0 0 I\n", "rate as a number .* 'fast'"),
        ("r1 1 360 7e3\nr1.dat 16 200 16 0 0 0 0 I\n", "length as a number .* '7e3'"),
        ("r1 1 360 7200\nr1.dat 16 200(1e2)/mV 16 0 0 0 0 I\n", "gains in one word"),
        ("r1 1 360 7200\nr1.dat 16 200(+9)/mV 16 0 0 0 0 I\n", "gains in one word"),
        ("r1 1 360 7200\nr1.dat 16 200,5/mV 16 0 0 0 0 I\n", "gains in one word"),
        ("r1 1 360 7200\nr1.dat 16 200 (9)/mV 16 0 0 0 0 I\n", "gains in one word"),
        ("r1 1 360 0\nr1.dat 16 200 16 0 0 0 0 I\n", "leave out the count"),
        ("r1 0 360 7200\n", "from 1 to"),
        ("r1 1 360 7200\nr1.dat 16 1e-300 16 0 0 0 0 I\n", "gains from"),
        ("r1/2 1 360 7200\nr1 3600\nr1 3600\n", "segments of one part"),
        ("# only a comment\n", "a line for the record"),
    ],
)
def test_headers_that_cannot_be_followed(folder, header, error):
    (folder / "r1.hea").write_text(header)
    with pytest.raises(DataError, match=error):
        read_wfdb(folder)


def test_segments_of_other_lengths_and_rates(folder):
    write_fixed(folder)
    (folder / "m.hea").write_text("m/2 1 360 7300\ns1 3600\ns2 3700\n")
    with pytest.raises(DataError, match="3700 samples"):
        read_wfdb(folder / "m")
    (folder / "m.hea").write_text("m/2 1 360 7300\ns1 3600\ns2 3600\n")
    with pytest.raises(DataError, match="as long as its segments"):
        read_wfdb(folder / "m")
    (folder / "m.hea").write_text("m/2 1 250 7200\ns1 3600\ns2 3600\n")
    with pytest.raises(DataError, match="own rate"):
        read_wfdb(folder / "m")


def test_a_repeated_segment_is_bounded(folder):
    length = 2**28
    (folder / "long.hea").write_text(f"long 1 360 {length}\nlong.dat 80 200 8 0 0 0 0 MLII\n")
    with (folder / "long.dat").open("wb") as file:
        file.truncate(length)  # of a sparse file
    (folder / "m.hea").write_text(f"m/3 1 360 {3 * length}\n" + f"long {length}\n" * 3)
    write_beats(folder, "m")
    with pytest.raises(DataError, match="1 to 536870912 samples"):
        read_wfdb(folder / "m")


def test_a_clock_that_stands_and_a_lead_twice(folder):
    note = b"## time resolution: 0\0"
    (folder / "r1.atr").write_bytes(b"\0\x58\x15\xfc" + note + b"\x05\x04\0\0")
    with pytest.raises(DataError, match="positive time resolution"):
        read_wfdb(folder)
    with pytest.raises(DataError, match="different leads"):
        read_wfdb(folder, leads=["MLII", "MLII"])


def test_files_that_are_not_there(folder):
    (folder / "r1.dat").unlink()
    with pytest.raises(FileNotFoundError, match=r"r1\.dat"):
        read_wfdb(folder)
    with pytest.raises(DataError, match="must name records in"):
        read_wfdb(folder, records=["../r1"])


def test_records_below_a_folder_keep_their_names(folder):
    for place in ("a", "b"):
        (folder / place).mkdir()
        write_signals(folder / place, "r1", ecg())
        write_beats(folder / place, "r1")
    beats = read_wfdb(folder, records=["a/r1", "b/r1", "b/r1"])
    assert Counter(beats.groups) == {"a/r1": len(WHOLE), "b/r1": len(WHOLE)}


@pytest.mark.parametrize("seed", range(20))
def test_damaged_headers_give_one_error(folder, seed):
    rng = np.random.default_rng(seed)
    content = bytearray((folder / "r1.hea").read_bytes())
    for place in rng.integers(0, len(content), 3):
        content[place] = rng.integers(32, 127)
    (folder / "r1.hea").write_bytes(bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = read_wfdb(folder).data
        except (BioaugError, OSError):
            return
    assert np.isfinite(data).all()
