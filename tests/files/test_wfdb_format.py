"""WFDB records as one of the file formats: the same options, and one clear error for odd ones."""

from __future__ import annotations

import numpy as np
import pytest
from wfdb_files import write_beats, write_signals

from bioaug.datasets import read_wfdb
from bioaug.exceptions import BioaugError, DataError
from bioaug.files import read_arrays

SYMBOLS = ["+", "N", "V", "A", "N", "~", "L", "N"]  # + and ~ are no beats
PEAKS = np.array([5, 40, 160, 280, 400, 450, 520, 650])


def write_record(folder, name, *, rate=128, leads=("MLII", "V5"), symbols=SYMBOLS):
    signals = np.zeros((656, len(leads)))
    for lead in range(len(leads)):
        signals[PEAKS, lead] = lead + 1.0
    write_signals(folder, name, signals, leads=leads, fs=rate, gain=10_000)
    if symbols:
        write_beats(folder, name, PEAKS[: len(symbols)], symbols)


def test_beats_of_a_record(tmp_path):
    write_record(tmp_path, "r1")
    for name in ("r1", "r1.hea", "r1.dat", "r1.atr"):
        found = read_arrays(tmp_path / name)
        assert found.y.tolist() == ["N", "V", "S", "N", "N"]  # the last has no whole window
        assert found.X.shape == (5, 1, 32 + 39)
        assert found.X[:, 0].argmax(axis=1).tolist() == [32] * 5
        assert found.groups.tolist() == ["r1"] * 5
        assert found.sampling_rate == 128
    assert read_arrays(tmp_path / "r1", labelled=False).y is None


def test_options_of_records(tmp_path):
    write_record(tmp_path, "r1")
    write_record(tmp_path, "r2", leads=("V5", "II"))
    with pytest.warns(UserWarning, match="no lead MLII.* V5 in r2"):
        both = read_arrays(tmp_path, window=(3, 5))
    assert both.X.shape == (12, 1, 8)  # of r2 its first lead
    assert both.groups.tolist() == ["r1"] * 6 + ["r2"] * 6
    assert read_arrays(tmp_path, records="r2").X.shape == (5, 1, 71)
    assert read_arrays(tmp_path, records="r1", sampling_rate=64).X.shape == (5, 1, 36)
    with pytest.warns(UserWarning, match="left out: r2"):
        two = read_wfdb(tmp_path, leads=["V5", "MLII"], labels="symbols")
    assert two.data.shape == (5, 2, 71)
    assert two.data[:, :, 32].tolist() == [[2, 1]] * 5
    assert two.target.tolist() == ["N", "V", "A", "N", "L"]
    assert two.records_left_out == ["r2"]
    X, y = read_wfdb(tmp_path / "r1", return_X_y=True)
    assert X.shape == (5, 1, 71)
    assert y.shape == (5,)


def test_odd_records(tmp_path):
    write_record(tmp_path, "r1")
    with pytest.raises(DataError, match="'records'"):
        read_wfdb(tmp_path / "r1", records=["r1"])
    with pytest.raises(FileNotFoundError, match=r"r7\.hea"):
        read_wfdb(tmp_path, records=["r1", "r7"])
    with pytest.raises(DataError, match="there are"):
        read_wfdb(tmp_path, leads="V1")
    with pytest.raises(DataError, match="None of r1"):
        read_wfdb(tmp_path, window=(400, 400))
    write_record(tmp_path, "r2", rate=250)
    with pytest.raises(DataError, match="one sampling rate"):
        read_wfdb(tmp_path)
    write_record(tmp_path, "r3", symbols=None)  # without annotations: not taken
    write_record(tmp_path, "r4", symbols=["+"])
    with pytest.warns(UserWarning, match="left out: r4"):
        assert len(read_wfdb(tmp_path, records=["r1", "r4"]).data) == 5


@pytest.mark.parametrize("suffix", [".hea", ".atr", ".dat"])
@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(range(256)) * 8])
def test_damaged_records(tmp_path, suffix, content):
    write_record(tmp_path, "r1")
    (tmp_path / f"r1{suffix}").write_bytes(content)
    with pytest.raises((BioaugError, OSError)):
        read_wfdb(tmp_path / "r1")


def test_mitbih_is_read_as_fetch_mitbih_does(mitbih_home):
    found = read_wfdb(mitbih_home / "mitdb", records=["100", "202"])
    assert len(found.data) == 2271 + 2136
    assert set(found.groups) == {"100", "201"}
