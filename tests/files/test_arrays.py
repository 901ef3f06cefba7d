"""Reading and writing labelled signals: round trips, and one clear error for each odd file."""

from __future__ import annotations

import pickle
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from toys import make_rows

from bioaug.core.atomic import replacing
from bioaug.exceptions import BioaugError, DataError
from bioaug.files.arrays import (
    FORMATS,
    all_options,
    check_output,
    find_format,
    read_arrays,
    write_arrays,
    written_suffixes,
)

SUFFIXES = written_suffixes()
LABELS = {
    "text": np.array(["N", "V", "inf", "NA"]),
    "missing in tables": np.array(["NA", "null", "?", "n/a"]),
    "digits": np.array(["1", "2", "2", "10"]),
    "ids": np.array(["1_12", "11_2", "1e5", "100000"]),
    "large": np.array([2**53, 2**53 + 1, -(2**63), 2**63 - 1]),
    "long": np.array(["99999999999999999999", "99999999999999999998", "1", "1.0"]),
    "booleans": np.array([True, False, False, True]),
    "names of booleans": np.array(["True", "False", "True", "TRUE"]),
    "formulas": np.array(["=1+1", "+1", "-1", "@x"]),
    "spaces": np.array([" N", "N ", "N", "a\nb"]),
    "decimals": np.array([0.5, 1.5, 2.25, 0.1]),
    "integers": np.array([0, 1, 1, 2]),
    "zeros in front": np.array(["007", "7", "08", "8"]),
    "unicode": np.array(["é,", '"q"', "a b", "N"]),
    "objects": np.array(["N", "V", "N", "N"], dtype=object),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("labels", "shape", "dtype"),
    [(labels, (4, 3, 5), "float32") for labels in LABELS]
    + [("text", shape, dtype) for shape in [(4, 12), (4, 1, 12)] for dtype in ["float64", "int16"]],
)
def test_a_round_trip_gives_the_same_arrays(tmp_path, suffix, labels, shape, dtype):
    X, y = make_rows(shape).astype(dtype), LABELS[labels]
    groups, synthetic = y[::-1], np.array([False, False, False, True])
    write_arrays(tmp_path / f"a{suffix}", X, y, groups=groups, synthetic=synthetic, nothing=None)
    found = read_arrays(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(found.X.astype(dtype), X)
    np.testing.assert_array_equal(found.y, y.astype(str) if y.dtype == object else y)
    assert found.y.dtype.kind == (y.dtype.kind if y.dtype != object else "U")
    np.testing.assert_array_equal(found.groups, groups.astype(found.y.dtype))
    np.testing.assert_array_equal(found.synthetic, synthetic)
    assert found.X.shape == shape
    assert found.sampling_rate is None
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unlabelled_files(tmp_path, suffix):
    file, X = tmp_path / f"a{suffix}", make_rows((3, 5))
    write_arrays(file, X)
    found = read_arrays(file, labelled=False)
    np.testing.assert_array_equal(found.X, X)
    assert found.y is None
    with pytest.raises(DataError, match="'y'"):
        read_arrays(file)


def test_a_table_without_header(tmp_path):
    (tmp_path / "a.csv").write_text("1,2.5,3,N\n4,5,6,V\n")
    found = read_arrays(tmp_path / "a.csv")
    assert found.X.tolist() == [[1, 2.5, 3], [4, 5, 6]]
    assert found.y.tolist() == ["N", "V"]
    (tmp_path / "a.csv").write_text("p1,1,2.5,3,0.000e+00\np2,4,5,6,1.000e+00\n")
    found = read_arrays(tmp_path / "a.csv", groups_column=0)
    assert found.X.tolist() == [[1, 2.5, 3], [4, 5, 6]]
    assert found.groups.tolist() == ["p1", "p2"]
    assert found.y.tolist() == [0, 1]
    (tmp_path / "a.csv").write_text("1,2.5,3\n")
    assert read_arrays(tmp_path / "a.csv", labelled=False).X.tolist() == [[1, 2.5, 3]]


def test_a_header_is_found_and_columns_have_names(tmp_path):
    (tmp_path / "a.csv").write_text("class,u,v,patient\nN,1,2,01\nV,3,4,02\n")
    found = read_arrays(tmp_path / "a.csv", label_column="class", groups_column="patient")
    assert found.X.tolist() == [[1, 2], [3, 4]]
    assert found.y.tolist() == ["N", "V"]
    assert found.groups.tolist() == ["01", "02"]
    by_index = read_arrays(tmp_path / "a.csv", label_column=0, groups_column=-1)
    assert by_index.y.tolist() == ["N", "V"]
    with pytest.raises(DataError, match="Did you mean 'patient'"):
        read_arrays(tmp_path / "a.csv", label_column="patent")
    with pytest.raises(DataError, match="index from -4 to 3"):
        read_arrays(tmp_path / "a.csv", label_column=4)
    with pytest.raises(DataError, match="each its own"):
        read_arrays(tmp_path / "a.csv", label_column=0, groups_column=0)


def test_columns_of_other_names_are_warned_of(tmp_path):
    (tmp_path / "a.csv").write_text("x1,x2,patient,x10,class\n1,2,7,3,N\n4,5,8,6,V\n")
    with pytest.warns(UserWarning, match=r"columns 'patient' of .*a.csv' are read as signals"):
        assert read_arrays(tmp_path / "a.csv").X.shape == (2, 4)
    assert read_arrays(tmp_path / "a.csv", groups_column="patient").X.shape == (2, 3)


def test_chosen_columns_are_read_beside_numbered_time_steps(tmp_path):
    (tmp_path / "a.csv").write_text("t0,t1,patient,class\n1,2,7,N\n4,5,8,V\n")
    found = read_arrays(tmp_path / "a.csv", label_column="class", groups_column="patient")
    assert found.X.tolist() == [[1, 2], [4, 5]]
    assert found.y.tolist() == ["N", "V"]
    assert found.groups.tolist() == [7, 8]
    with pytest.raises(DataError, match="labels in a column 'y'"):
        read_arrays(tmp_path / "a.csv", label_column="t1")


def test_tables_of_pandas(tmp_path):
    X = make_rows((3, 4))
    table = pd.DataFrame(X).assign(label=["N", "V", "N"])
    for index in (False, True):
        table.to_csv(tmp_path / "a.csv", index=index)
        found = read_arrays(tmp_path / "a.csv")
        np.testing.assert_array_equal(found.X, X)
        assert found.y.tolist() == ["N", "V", "N"]


def test_nan_is_left_to_the_estimators(tmp_path):
    (tmp_path / "a.csv").write_text("1,,3,N\nNA,5,6,V\n")
    found = read_arrays(tmp_path / "a.csv")
    assert np.isnan(found.X).sum() == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "rows of one width"),
        ("1,2,N\n1,2,3,4,N\n", "rows of one width"),
        ("a,b,y\n1,2,3,N\n", "line 2 has 4 columns, the first 3"),
        ("1,x,3,N\n4,y,6,V\n", "Got 'x' in line 1, column 1"),
        ("u,v,y\n1,2,N\n1,?,N\n", r"Got '\?' in line 3, column 1"),
        ("u,v,y\n", "no row below the names"),
        ("1:2:N\n1:2:V\n", "by commas"),
        ("1,2,N\n1,2,\n", "Got 1 missing ones, the first in line 2"),
    ],
)
def test_odd_tables(tmp_path, text, error):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=error):
        read_arrays(tmp_path / "a.csv")


def test_a_table_that_is_no_text(tmp_path):
    (tmp_path / "a.csv").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(DataError, match="must"):
        read_arrays(tmp_path / "a.csv")


class Unpickled:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_nothing_is_unpickled(tmp_path):
    file, X = tmp_path / "a.npz", make_rows((2, 5))
    np.savez(file, X=X, y=np.array([Unpickled(), Unpickled()]))
    with pytest.raises(DataError, match="astype"):
        read_arrays(file)
    file.write_bytes(pickle.dumps(Unpickled()))
    with pytest.raises(DataError, match="plain arrays"):
        read_arrays(file)
    with pytest.raises(DataError, match="numbers or text"):
        write_arrays(tmp_path / "b.npz", X, np.array([None, {}]))


def test_odd_archives(tmp_path):
    file, X = tmp_path / "a.npz", make_rows((2, 5))
    np.savez(file, data=X, target=[0, 1])
    with pytest.raises(DataError, match="Got data, target"):
        read_arrays(file)
    whole = file.read_bytes()
    for content in (b"", b"text", whole[:-30], whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(DataError, match="plain arrays"):
            read_arrays(file)
    with file.open("wb") as stream:
        np.save(stream, X)
    with pytest.raises(DataError, match="plain arrays"):
        read_arrays(file)
    np.savez(file, X=X, y=[0, 1], synthetic=[0, 2])
    with pytest.raises(DataError, match=r"mask .* 1 others, the first in row 1: '2'"):
        read_arrays(file)


def test_wrong_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="none at"):
        read_arrays(tmp_path / "a.npz")
    (tmp_path / "a.mat").write_text("")
    with pytest.raises(DataError, match=r"must end in \.csv, \.tsv"):
        read_arrays(tmp_path / "a.mat")
    with pytest.raises(FileNotFoundError, match="record"):
        read_arrays(tmp_path / "100")
    with pytest.raises(FileNotFoundError, match="There is none in"):
        read_arrays(tmp_path)
    X = make_rows((2, 5))
    for name in ("a", "a.npy"):
        with pytest.raises(DataError, match=r"must end in \.csv.* or \.npz"):
            write_arrays(tmp_path / name, X)
    with pytest.raises(FileNotFoundError, match="no folder"):
        write_arrays(tmp_path / "none" / "a.npz", X)
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(FileExistsError, match="no file"):
        write_arrays(tmp_path / "b.npz", X, force=True)
    with pytest.raises(FileExistsError, match="no folder"):
        check_output(tmp_path / "a.mat", force=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_are_replaced_on_demand_and_as_a_whole(tmp_path, suffix):
    file, X = tmp_path / f"a{suffix}", make_rows((2, 5))
    write_arrays(file, X, [0, 1])
    before = file.read_bytes()
    with pytest.raises(FileExistsError, match="--force"):
        write_arrays(file, X + 1, [0, 1])
    with pytest.raises(DataError, match="'groups'"):
        write_arrays(file, X + 1, [0, 1], groups=[1], force=True)
    assert file.read_bytes() == before
    write_arrays(file, X + 1, [0, 1], force=True)
    np.testing.assert_array_equal(read_arrays(file).X, X + 1)


def test_an_interrupted_write_leaves_what_was_there(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")

    def interrupt():
        with replacing(file) as draft:
            draft.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        (
            "a.npz",
            {"label_column": "y"},
            "'label_column' parameter .* for text tables and Parquet tables only",
        ),
        ("a.npz", {"header": True}, "'header' parameter .* for text tables only"),
        ("a.npz", {"window": (9, 9)}, "'window' parameter .* for WFDB records only"),
        ("a.csv", {"sampling_rate": 64}, "'sampling_rate' parameter .* for WFDB records only"),
        ("a.csv", {"group_column": "x1"}, "Did you mean 'groups_column'"),
        ("a.csv", {"return_X_y": True}, "'options' parameter"),
    ],
)
def test_options_that_would_be_left_aside(tmp_path, name, options, error):
    write_arrays(tmp_path / name, [[1.0, 2.0], [3.0, 4.0]], ["A", "B"])
    with pytest.raises(DataError, match=error):
        read_arrays(tmp_path / name, **options)


def test_a_column_named_groups_holds_the_patients(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x1,x2,groups,y\n1,2,p7,A\n3,4,p8,B\n")
    read = read_arrays(file)
    assert read.groups.tolist() == ["p7", "p8"]
    assert read.X.tolist() == [[1, 2], [3, 4]]
    assert read_arrays(file, label_column="groups", groups_column="y").y.tolist() == ["p7", "p8"]


def test_a_table_in_a_zip_file(tmp_path):
    file = tmp_path / "a.csv.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("anything.csv", "1.5,2,A\n3,4,B\n")
    assert read_arrays(file).X.tolist() == [[1.5, 2], [3, 4]]
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("other.csv", "")
    with pytest.raises(DataError, match="one file, and holds 2"):
        read_arrays(file)


@pytest.mark.parametrize("suffix", ["npz", "csv"])
def test_arrays_that_cannot_be_written(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    with pytest.raises(DataError, match="rows of one length"):
        write_arrays(file, [[1.0, 2.0], [3.0]], ["A", "B"])
    with pytest.raises(DataError, match=r"real numbers.* X\.astype\(float\)"):
        write_arrays(file, [["1", "2"]], ["A"])
    with pytest.raises(DataError, match=r"named as time steps are. Got 't0'"):
        write_arrays(tmp_path / "a.csv", [[1.0, 2.0]], ["A"], t0=[1])
    assert not list(tmp_path.iterdir())


# --- Every format ---------------------------------------------------------------------------------

ALL_SUFFIXES = [(known, suffix) for known in FORMATS for suffix in known.suffixes]


@pytest.mark.parametrize(("known", "suffix"), ALL_SUFFIXES, ids=[s for _, s in ALL_SUFFIXES])
def test_a_suffix_tells_the_format(tmp_path, known, suffix):
    assert find_format(tmp_path / f"a{suffix}") is known
    assert find_format(tmp_path / f"A{suffix.upper()}") is known
    assert set(known.written_suffixes) <= set(known.suffixes)


def test_options_of_one_name_are_one():
    options = {option for known in FORMATS for option in map(str, known.options)}
    flags = [option.flag for option in all_options().values() if option.flag]
    assert len(options) == len(all_options())
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(range(256)) * 8, b"PK\3\4", b"\n" * 9])
@pytest.mark.parametrize("suffix", [s for known, s in ALL_SUFFIXES if known.needs_file])
def test_damaged_files_of_every_format(tmp_path, suffix, content):
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises((BioaugError, OSError, ImportError)):
        read_arrays(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_flipped_bytes_of_every_format_that_is_written(tmp_path, suffix, seed):
    rng = np.random.default_rng(seed)
    file = tmp_path / f"a{suffix}"
    write_arrays(file, make_rows((4, 5)), ["N", "V", "N", "V"], groups=["p", "q", "p", "q"])
    content = bytearray(file.read_bytes())
    for index in rng.integers(0, len(content), 3):
        content[index] = rng.integers(256)
    file.write_bytes(bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            arrays = read_arrays(file)
        except (BioaugError, OSError):
            return
    assert len(arrays.X) == len(arrays.y)
