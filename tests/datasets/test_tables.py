"""The readers of the two CSV tables, on made-up files and on chunks of the real Bonn EEG."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from bioaug.datasets import fetch_bonn, read_heartbeat_csv, read_seizure_csv
from bioaug.exceptions import DataError


@pytest.fixture
def beats():
    """Ten rows as in mitbih_train.csv: 187 samples in [0, 1], zeros at the end, a label."""
    rows = np.random.default_rng(0).uniform(0.01, 1, (10, 188)).astype(np.float32)
    for row, length in enumerate(range(100, 187, 9)):
        rows[row, length:] = 0
    rows[:, 187] = [0, 0, 0, 0, 1, 2, 3, 4, 4, 0]
    return rows


def write_beats(file, rows):
    np.savetxt(file, rows, delimiter=",", fmt="%.18e")  # as the table has them
    return file


@pytest.fixture
def seizure_lines():
    """A header and six rows as in data.csv: two chunks of each of three segments."""
    rng = np.random.default_rng(1)
    header = ["Unnamed", *(f"X{i}" for i in range(1, 179)), "y"]
    ids = ["X21.V1.791", "X1.V11", "X23.V1.1", "X3.V1.791", "X2.V1.1", "X2.V11"]
    labels = [4, 4, 5, 4, 5, 4]
    rows = [
        [name, *map(str, rng.integers(-1800, 1800, 178)), str(label)]
        for name, label in zip(ids, labels, strict=True)
    ]
    return [header, *rows]


def write_lines(file, lines):
    file.write_text("\n".join(",".join(line) for line in lines) + "\n")
    return file


def test_heartbeats(beats, tmp_path):
    table = read_heartbeat_csv(write_beats(tmp_path / "mitbih_train.csv", beats))
    assert table.data.shape == (10, 1, 187)
    assert table.data.dtype == np.float32
    assert table.data.flags.c_contiguous
    np.testing.assert_array_equal(table.data[:, 0], beats[:, :187])  # nothing lost
    assert "".join(table.target) == "NNNNSVFQQN"
    assert table.target_names == ["N", "S", "V", "F", "Q"]
    assert table.lengths.tolist() == list(range(100, 187, 9))
    assert table.sampling_rate == 125
    assert "Kachuee" in table.DESCR


def test_heartbeats_alone(beats, tmp_path):
    file = write_beats(tmp_path / "a.csv", beats)
    X, y = read_heartbeat_csv(file, return_X_y=True)
    table = read_heartbeat_csv(str(file))
    np.testing.assert_array_equal(X, table.data)
    np.testing.assert_array_equal(y, table.target)


def test_lengths_of_whole_and_of_empty_rows(beats, tmp_path):
    beats[0, :187], beats[1, :187] = 0, 0.5
    table = read_heartbeat_csv(write_beats(tmp_path / "a.csv", beats))
    assert table.lengths[:2].tolist() == [0, 187]


def test_a_compressed_table(beats, tmp_path):
    file = write_beats(tmp_path / "mitbih_test.csv", beats)
    (tmp_path / "mitbih_test.csv.gz").write_bytes(gzip.compress(file.read_bytes()))
    table = read_heartbeat_csv(tmp_path / "mitbih_test.csv.gz")
    np.testing.assert_array_equal(table.data[:, 0], beats[:, :187])


def test_the_meaning_of_the_ptb_labels(beats, tmp_path):
    beats[:, 187] = 1
    file = write_beats(tmp_path / "ptbdb_abnormal.csv", beats)
    table = read_heartbeat_csv(file)
    assert set(table.target) == {"abnormal"}
    assert table.target_names == ["abnormal"]
    assert set(read_heartbeat_csv(file, labels="aami").target) == {"S"}
    renamed = write_beats(tmp_path / "a.csv", beats)
    assert set(read_heartbeat_csv(renamed).target) == {"S"}
    assert set(read_heartbeat_csv(renamed, labels="ptb").target) == {"abnormal"}
    beats[3, 187] = 2
    with pytest.raises(DataError, match=r"must be one of 0, 1. Got 2 in row 4"):
        read_heartbeat_csv(write_beats(file, beats))


@pytest.mark.parametrize("label", [5, -1, 0.5])
def test_wrong_labels_of_heartbeats(beats, tmp_path, label):
    beats[[2, 7], 187] = label
    with pytest.raises(DataError, match=f"0, 1, 2, 3, 4. Got {label} in row 3 .* 2 such rows"):
        read_heartbeat_csv(write_beats(tmp_path / "a.csv", beats))


@pytest.mark.parametrize("n_columns", [187, 189, 180])
def test_wrong_widths_of_heartbeats(beats, tmp_path, n_columns):
    rows = np.resize(beats, (10, n_columns))
    with pytest.raises(DataError, match=f"table of 188 columns: .* Got {n_columns} columns"):
        read_heartbeat_csv(write_beats(tmp_path / "a.csv", rows))


@pytest.mark.parametrize("cell", ["abc", "", "nan", "inf", "NA", "1,5"])
def test_cells_that_are_no_numbers(beats, tmp_path, cell):
    lines = [[f"{value:g}" for value in row] for row in beats]
    lines[4][9] = cell
    message = "row 5, column 10" if "," not in cell else "Expected 188 fields in line 5, saw 189"
    with pytest.raises(DataError, match=f"'path' parameter of read_heartbeat_csv .*{message}"):
        read_heartbeat_csv(write_lines(tmp_path / "a.csv", lines))


def test_a_row_that_is_cut_off(beats, tmp_path):
    lines = [[f"{value:g}" for value in row] for row in beats]
    lines[-1] = lines[-1][:50]
    with pytest.raises(DataError, match="Got '' in row 10, column 51"):
        read_heartbeat_csv(write_lines(tmp_path / "a.csv", lines))


@pytest.mark.parametrize("reader", [read_heartbeat_csv, read_seizure_csv])
def test_files_that_cannot_be_read(reader, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.csv.* Download it by hand: .*http"):
        reader(tmp_path / "gone.csv")
    with pytest.raises(IsADirectoryError, match="must be a CSV file"):
        reader(tmp_path)
    for content in (b"", bytes(range(128, 256)) * 9):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(DataError, match="Could not read"):
            reader(tmp_path / "a.csv")


def test_wrong_options(tmp_path):
    with pytest.raises(DataError, match=r"'labels' parameter of read_heartbeat_csv .*'ptb'"):
        read_heartbeat_csv(tmp_path / "a.csv", labels="ptbdb")
    with pytest.raises(DataError, match="'labels' parameter of read_seizure_csv"):
        read_seizure_csv(tmp_path / "a.csv", labels="five")


def test_seizures(seizure_lines, tmp_path):
    table = read_seizure_csv(write_lines(tmp_path / "data.csv", seizure_lines))
    assert table.data.shape == (6, 1, 178)
    assert table.data.dtype == np.float32
    expected = np.array([line[1:179] for line in seizure_lines[1:]], dtype=float)
    np.testing.assert_array_equal(table.data[:, 0], expected)
    assert table.target.tolist() == [4, 4, 5, 4, 5, 4]
    assert table.target_names == ["eyes closed", "eyes open"]
    # V11 and V1.1 are two segments.
    assert table.groups.tolist() == ["V1.791", "V11", "V1.1", "V1.791", "V1.1", "V11"]
    assert table.chunk.tolist() == [21, 1, 23, 3, 2, 2]
    assert table.sampling_rate == 173.61
    assert "Andrzejak" in table.DESCR


def test_seizures_against_the_rest(seizure_lines, tmp_path):
    seizure_lines[3][-1] = "1"
    file = write_lines(tmp_path / "data.csv", seizure_lines)
    X, y = read_seizure_csv(file, labels="binary", return_X_y=True)
    assert X.shape == (6, 1, 178)
    assert y.tolist() == [0, 0, 1, 0, 0, 0]
    assert read_seizure_csv(file, labels="binary").target_names == ["rest", "seizure"]


def test_seizure_tables_of_other_kinds(seizure_lines, tmp_path):
    file = tmp_path / "data.csv"
    with pytest.raises(DataError, match=r"180 columns: an id, .* Got 179 columns"):
        read_seizure_csv(write_lines(file, [line[1:] for line in seizure_lines]))
    with pytest.raises(DataError, match=r"header X1, ..., X178, y"):
        read_seizure_csv(write_lines(file, seizure_lines[1:]))
    with pytest.raises(DataError, match="no row below the header"):
        read_seizure_csv(write_lines(file, seizure_lines[:1]))
    wide = [seizure_lines[0], *([*line, "1"] for line in seizure_lines[1:])]
    with pytest.raises(DataError, match=r"180 columns.* Got 181"):
        read_seizure_csv(write_lines(file, wide))


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (0, "21", "must be like 'X21.V1.791'. Got '21' in row 2"),
        (0, "", "must be like 'X21.V1.791'"),
        (5, "abc", "Got 'abc' in row 2, column 6"),
        (178, "", "Got '' in row 2, column 179"),
        (179, "6", "1, 2, 3, 4, 5. Got 6 in row 2"),
        (179, "0", "1, 2, 3, 4, 5. Got 0 in row 2"),
        (179, "S", "Got 'S' in row 2, column 180"),
    ],
)
def test_faults_in_a_seizure_table(seizure_lines, tmp_path, column, cell, message):
    seizure_lines[2][column] = cell
    with pytest.raises(DataError, match=message):
        read_seizure_csv(write_lines(tmp_path / "data.csv", seizure_lines))


def name_as_r_does(n_sets, n_files):
    """Return the names of the table's segments: R's make.unique with an empty separator."""
    names = ["V1", *(f"V1.{number}" for number in range(1, n_files))]
    taken, unique = set(names), list(names)
    for name in names * (n_sets - 1):
        number = 1
        while f"{name}{number}" in taken:
            number += 1
        taken.add(f"{name}{number}")
        unique.append(f"{name}{number}")
    return unique


def test_the_names_of_the_segments_are_unique():
    names = name_as_r_does(5, 100)
    assert len(set(names)) == 500
    # Found by value in the original segments: 100 files a set, in the order Z, O, N, F, S.
    where = {"V1.1": 1, "V1.791": 179, "V1.162": 216, "V1.615": 361, "V1.924": 492}
    assert {name: names.index(name) for name in where} == where
    assert len({name.replace(".", "") for name in names}) < 500  # so the dot counts


def test_the_real_chunks_as_a_table(bonn_home, tmp_path):
    chunks = fetch_bonn(bonn_home, download_if_missing=False)
    names = np.repeat(name_as_r_does(5, 100), 23)
    order = np.random.default_rng(0).permutation(len(names))[:1000]
    lines = [["", *(f"X{i}" for i in range(1, 179)), "y"]]
    for row in order:
        samples = chunks.data[row, 0].astype(int).astype(str)
        name = f"X{chunks.sample[row] // 178 + 1}.{names[row]}"
        lines.append([name, *samples, str(chunks.target[row])])
    table = read_seizure_csv(write_lines(tmp_path / "data.csv", lines))
    np.testing.assert_array_equal(table.data, chunks.data[order])
    np.testing.assert_array_equal(table.target, chunks.target[order])
    np.testing.assert_array_equal((table.chunk - 1) * 178, chunks.sample[order])
    pairs = set(zip(table.groups, chunks.groups[order], strict=True))
    assert len(pairs) == len(set(table.groups)) == len(set(chunks.groups[order]))
