"""Tables as other programs write them: read right, or refused with the reason."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pytest

from bioaug.core import bounded
from bioaug.exceptions import DataError
from bioaug.files import read_arrays, write_arrays

X = [[1, 2.5, 3], [4, 5, 6]]


def read(tmp_path, text, name="a.csv", **options):
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(content)
    return read_arrays(tmp_path / name, **options)


# --- separators, encodings and lines --------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "1,2.5,3,N\n4,5,6,V\n",
        "1;2.5;3;N\n4;5;6;V\n",
        "1;2,5;3;N\n4;5;6;V\n",
        "1\t2.5\t3\tN\n4\t5\t6\tV\n",
        "1\t2,5\t3\tN\n4\t5\t6\tV\n",
        "  1  2.5 3 N\n4 5   6 V",
        '"1","2.5","3","N"\n"4","5","6","V"\n',
        '1,"2,5",3,N\n4,5,6,V\n',
        "1, 2.5, 3, N\n4, 5, 6, V\n",
        "1,2.5,3,N,\n4,5,6,V,\n",
        "1,2.5,3,N\r\n4,5,6,V\r\n",
        "1,2.5,3,N\r4,5,6,V\r",
        "\n1,2.5,3,N\n\n4,5,6,V\n,,,\n\n",
        "# made by hand\n# on Monday\n1,2.5,3,N\n4,5,6,V\n",
        "sep=;\n1;2.5;3;N\n4;5;6;V\n",
        "x0,x1,x2,y\n1,2.5,3,N\n4,5,6,V\n",
        'x0,x1,x2,y,\n1,2.5,3,"N",\n4,5,6,"V",\n',
        "x0,x1,x2,y\n1,2.5,3,N,\n4,5,6,V,\n",
        ",x0,x1,x2,y\n0,1,2.5,3,N\n1,4,5,6,V\n",
        "Unnamed: 0,x0,x1,x2,y\n0,1,2.5,3,N\n1,4,5,6,V\n",
        "class,x0,x1,x2\nN,1,2.5,3\nV,4,5,6\n",
        "N,1,2.5,3\nV,4,5,6\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_same_table_in_other_ways(tmp_path, text, encoding):
    found = read(tmp_path, text.encode(encoding))
    assert found.X.tolist() == X
    assert found.y.tolist() == ["N", "V"]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz", "a.txt.bz2", "a.csv.xz"])
def test_compressed_tables(tmp_path, name):
    import bz2
    import lzma

    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[name.split(".")[-1]]
    content = pack(b"1\t2.5\t3\tN\n4\t5\t6\tV\n")
    assert read(tmp_path, content, name).X.tolist() == X
    for damaged in (content[:-9], content[:10] + b"x" + content[11:], b"text"):
        with pytest.raises(DataError, match=r"damaged|no row|empty|columns"):
            read(tmp_path, damaged, name)


@pytest.mark.parametrize("dataset", ["ECG200", "ECGFiveDays", "TwoLeadECG", "CinCECGTorso"])
def test_the_ucr_archive_as_it_is(mitbih_home, dataset):
    file = mitbih_home / "ucr" / dataset / f"{dataset}_TRAIN.tsv"
    if not file.is_file():
        pytest.skip(f"no {file}")
    expected = np.loadtxt(file)
    found = read_arrays(file)
    np.testing.assert_array_equal(found.X, expected[:, 1:])
    np.testing.assert_array_equal(found.y, expected[:, 0])


def test_labels_first_without_a_header(tmp_path):
    text = "1  0.5  0.25\n2  1.5  3.0\n"
    assert read(tmp_path, text, "a.txt").y.tolist() == [1, 2]
    whole = "1\t5\t6\n2\t7\t8\n"
    assert read(tmp_path, whole, "Toy_TRAIN.tsv").y.tolist() == [1, 2]
    assert read(tmp_path, whole, "toy.tsv").y.tolist() == [6, 8]  # the last is the default
    assert read(tmp_path, text, "Toy_TRAIN").y.tolist() == [1, 2]  # a file without a suffix
    with pytest.raises(DataError, match=r"fractions in both.*label_column"):
        read(tmp_path, "0.5,1,0.25\n1.5,2,3.5\n")
    late = "".join(f"{k % 2},0.5,{k}\n" for k in range(150)) + "1,0.5,0.5\n"
    with (
        pytest.raises(DataError, match=r"labels in column 2 .* Got fractions"),
        pytest.warns(UserWarning, match="the first column has 2"),
    ):
        read(tmp_path, late)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1;2,500;3;N\n4;5;6;V\n", "may separate thousands"),
        ("1;2,5;3.5;N\n4;5;6;V\n", "all a decimal comma"),
        ("1;1.000,5;3;N\n4;5;6;V\n", "Got '1.000,5' in line 1, column 1"),
        ("1,2,N,\n3,4,\n5,\n", "line 3 has 2 columns, the first 3"),
        ("1,2,N\n3,4,V\n5,6\n", "line 3 has 2 columns, the first 3"),
        ("1,2,N\n3,4,V\n5,6,7,N\n", "line 3 has 4 columns, the first 3"),
        ('1,2,N\n3,4,"V\n5,6,N\n', "a quote that begins in line 2 is not closed"),
        (b"1,2,N\n3,4,\xe4\n", "line . is no UTF-8 text"),
        (b"1,2,N\n3,\x00,V\n", "line 2 holds null characters"),
        ("1_000,2,N\n3,4,V\n", "Got '1_000' in line 1, column 0"),
        ("0x10,2,N\n3,4,V\n", "Got '0x10' in line 1"),
        ("\u0661,2,N\n3,4,V\n", "in line 1, column 0"),
        ("u,u,y\n1,2,N\n3,4,V\n", "more than once: 'u'"),
        ("1,2,\n3,4,\n", "Got an empty one after numbers"),
        ("u,v,y\n1,2,\n3,4,\n", "2 missing ones"),
        ("t0,t2,y\n1,2,N\n", "no time step 1"),
        ("t0,t0,y\n1,2,N\n", "more than once: 't0'"),
        ("t0,t00,y\n1,2,N\n", "some twice"),
        ("t0,c0_t1,y\n1,2,N\n", "some twice or missing"),
        ("c0_t0,c0_t1,c1_t0,y\n1,2,3,N\n", "some twice or missing"),
        ("c0_t0,c2_t0,y\n1,2,N\n", "some twice or missing"),
        ("t0,t999999999,y\n1,2,N\n", "no time step 1"),
        ("x1,x1.0,y\n1,2,N\n3,4,V\n", "equal as numbers"),
        ("1,2,3,0x1\n3,4,9,1\n", "names of the columns or the first signal"),
        ("y,label,u,v\n1,2,3,4\n", "Got y, label"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, error):
    with pytest.raises(DataError, match=error):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "options", [{"label_column": 1.5}, {"groups_column": True}, {"header": "yes"}, {"header": 1}]
)
def test_wrong_options(tmp_path, options):
    with pytest.raises(DataError, match=f"'{next(iter(options))}' parameter of read_arrays"):
        read(tmp_path, "1,2,N\n3,4,V\n", **options)


def test_a_wrong_number_is_found_where_it_is(tmp_path):
    lines = [f"{k},0.5,N" for k in range(300)]
    lines[250] = "250,O.5,N"
    with pytest.raises(DataError, match=r"Got 'O\.5' in line 251, column 1"):
        read(tmp_path, "\n".join(lines))


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["0.0,0.004,0.008,0.012,label", "1,2,3,4,y", ",1,2,3,4,class", "0,1,2,3,4",
     "0.0,0.006,0.012,0.017,y"],
)  # fmt: skip
def test_headers_of_numbers(tmp_path, header):
    rows = ["0.1,0.5,0.9,0.3,N", "0.2,0.4,0.8,0.1,V", "0.3,0.6,0.7,0.2,N"]
    if header[0] == ",":
        rows = [f"{number},{row}" for number, row in enumerate(rows)]
    found = read(tmp_path, "\n".join([header, *rows]))
    assert found.X.shape == (3, 4)
    assert found.y.tolist() == ["N", "V", "N"]


def test_a_first_signal_that_goes_up_is_no_header(tmp_path):
    text = "1,2,3,4,5,6,7,8,9,N\n1,0,3,0,5,0,7,0,9,V\n2,1,3,1,5,1,7,0,9,N\n"
    assert len(read(tmp_path, text).X) == 3
    assert len(read(tmp_path, "0x1,2,a\n3,4,b\n", header=True).X) == 1
    assert len(read(tmp_path, "1,2,3,a\n5,4,9,b\n", header=False).X) == 2
    assert len(read(tmp_path, "1,2,0x1\n3,4,1\n").X) == 2  # a label, no name


def test_columns_are_read_by_their_numbers(tmp_path):
    found = read(tmp_path, "t1,t2,t4,t3,y\n1,2,4,3,N\n1,2,4,3,V\n")
    assert found.X.tolist() == [[1, 2, 3, 4]] * 2
    shuffled = [f"t{k}" for k in sorted(range(12), key=str)]
    row = ",".join(name[1:] for name in shuffled)
    found = read(tmp_path, f"{','.join(shuffled)},y\n{row},N\n")
    assert found.X.tolist() == [list(range(12))]
    names = ("c1_t1", "c0_t0", "c1_t0", "c0_t1")
    found = read(tmp_path, f"{','.join(names)},y\n4,1,3,2,N\n")
    assert found.X.tolist() == [[[1, 2], [3, 4]]]
    for names in ("x1,x10,x2", "0.1,1,0.2", "V1,V10,V2"):
        found = read(tmp_path, f"{names},label\n1,3,2,N\n7,9,8,V\n", header=True)
        assert found.X.tolist() == [[1, 2, 3], [7, 8, 9]]


def test_columns_beside_time_steps_are_named_where_they_are_not_read(tmp_path):
    with pytest.warns(UserWarning, match="'age', 'patient' of .* are not read") as caught:
        found = read(tmp_path, "t0,t1,age,patient,y\n1,2,50,7,N\n3,4,60,8,V\n")
    assert caught[0].filename == __file__
    assert found.X.tolist() == [[1, 2], [3, 4]]


def test_the_axis_y_is_no_label(tmp_path):
    found = read(tmp_path, "x,y,z,activity\n0.5,1,2,walk\n3.5,4,5,sit\n")
    assert found.X.tolist() == [[0.5, 1, 2], [3.5, 4, 5]]
    assert found.y.tolist() == ["walk", "sit"]


def test_labels_of_a_written_table_can_be_left_unread(tmp_path):
    write_arrays(tmp_path / "a.csv", X, ["N", "V"], groups=[1, 2])
    found = read_arrays(tmp_path / "a.csv", labelled=False)
    assert found.X.tolist() == X
    assert found.y is None


# --- labels, groups and the mask ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1_12", "11_2"], ["1_12", "11_2"]),
        (["007", "7"], ["007", "7"]),
        (["1e5", "2e4"], ["1e5", "2e4"]),
        (["1e2", "100"], ["1e2", "100"]),
        (["1.1", "1.10"], ["1.1", "1.10"]),
        ([f"{9**30}", f"{9**30 + 1}"], [f"{9**30}", f"{9**30 + 1}"]),
        (["9007199254740993", "9007199254740992"], [9007199254740993, 9007199254740992]),
        ([f"{2**53 + 1}.0", f"{2**53}.0"], [f"{2**53 + 1}.0", f"{2**53}.0"]),
        (["TRUE", "FALSE"], ["TRUE", "FALSE"]),
        (["True", "False"], [True, False]),
        (["+1", "1"], ["+1", "1"]),
        (["-1", "1"], [-1, 1]),
        (["-0", "0"], ["-0", "0"]),
        (["0x1", "1"], ["0x1", "1"]),
        (["0.000e+00", "1.000e+00"], [0, 1]),
        (["0.5", "1.5"], [0.5, 1.5]),
        (["1", "N"], ["1", "N"]),
        (['"1"', '"2"'], ["1", "2"]),
        (['"NA"', '"nan"'], ["NA", "nan"]),
        (["infarct", "inf"], ["infarct", "inf"]),
        (["2020-01-01", "2020-01-02"], ["2020-01-01", "2020-01-02"]),
    ],
)  # fmt: skip
def test_labels_and_groups_stay_apart(tmp_path, cells, expected):
    text = "id,x0,x1,x2,y\n" + "".join(f"{c},0.{k},0.5,0.7,{c}\n" for k, c in enumerate(cells))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read(tmp_path, text, groups_column="id")
    assert found.y.tolist() == found.groups.tolist() == expected


def test_numbers_written_in_two_ways_are_warned_of(tmp_path):
    with pytest.warns(UserWarning, match=r"1 of them are written in several ways.*'1' and '1\.0'"):
        read(tmp_path, "0.5,2,1.0\n3,4,1\n")


@pytest.mark.parametrize(
    "cell",
    ["", " ", "NA", "na", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "NaT", "?", '""'],
)  # fmt: skip
@pytest.mark.parametrize("others", [("0", "1"), ("N", "V"), ("1.0", "2.0")])
def test_missing_labels_and_groups(tmp_path, cell, others):
    cells = [*others, cell, cell]
    labels = "".join(f"p,0.{k},0.5,{c}\n" for k, c in enumerate(cells))
    with pytest.raises(
        DataError, match=r"label in every row\. Got 2 missing ones, the first in line 4"
    ):
        read(tmp_path, "p,x0,x1,y\n" + labels, groups_column="p")
    groups = "".join(f"{c},0.{k},0.5,N\n" for k, c in enumerate(cells))
    with pytest.raises(
        DataError, match=r"group in every row\. Got 2 missing ones, the first in line 4"
    ):
        read(tmp_path, "p,x0,x1,y\n" + groups, groups_column="p")


@pytest.mark.parametrize(
    ("true", "false"),
    [("True", "False"), ("TRUE", "FALSE"), ("true", "false"), ("1", "0"), ("1.0", "0.0"),
     ("yes", "no"), ("WAHR", "FALSCH"), ('"True"', '"False"')],
)  # fmt: skip
def test_a_mask_that_a_spreadsheet_changed(tmp_path, true, false):
    for names in ("t0,t1", "x0,x1"):
        found = read(tmp_path, f"{names},synthetic,y\n1,2,{true},N\n3,4,{false},V\n")
        assert found.synthetic.tolist() == [True, False]
        assert found.X.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("cell", ["", "2", "maybe", "nan", "0.5"])
def test_a_mask_of_other_words_is_refused(tmp_path, cell):
    with pytest.raises(DataError, match=r"'synthetic' .* Got 1 others, the first in line 3"):
        read(tmp_path, f"t0,t1,synthetic,y\n1,2,True,N\n3,4,{cell},V\n")


@pytest.mark.parametrize(
    "labels",
    [["N", None], ["N", float("nan")], [1.0, float("nan")], ["N", ""], ["N", "nan"], [b"N", "V"],
     [np.datetime64("2020-01-01")] * 2],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_labels_that_are_not_written(tmp_path, labels, suffix):
    labels = np.array(labels, dtype=object)
    with pytest.raises(DataError, match="'y'"):
        write_arrays(tmp_path / f"a{suffix}", X, labels)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_a_table_cannot_give_back(tmp_path):
    for labels in (np.array([2**63, 1], dtype=np.uint64), [1e-7, 1.5], [1e300, 2.0]):
        with pytest.raises(DataError, match=r"give back.*\.npz"):
            write_arrays(tmp_path / "a.csv", X, np.array(labels))
        write_arrays(tmp_path / "a.npz", X, np.array(labels), force=True)
        np.testing.assert_array_equal(read_arrays(tmp_path / "a.npz").y, labels)


# --- sizes ----------------------------------------------------------------------------------------


def test_very_wide_tables_are_refused(tmp_path):
    with pytest.raises(DataError, match="line 1 has more than 262144 columns"):
        read(tmp_path, ",".join(["1"] * (2**18 + 1)) + "\n")
    with pytest.raises(DataError, match="line 2 has more than 8388608 characters"):
        read(tmp_path, "1,2,N\n" + "1" * (2**23 + 1) + ",2,N\n")


def test_a_bomb_ends_while_it_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "ALWAYS_ALLOWED_BYTES", 10_000)
    content = gzip.compress(b"1,1,N\n" * 100_000)
    with pytest.raises(DataError, match="200 times its size"):
        read(tmp_path, content, "a.csv.gz")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (gzip.compress(b"1,2,A\n", mtime=0), r"compressed by gzip\. Let its name end in \.gz"),
        (b"PK\3\4rest", "a zip archive or a spreadsheet. Save the table as .csv"),
        (b"\x89HDF\r\n", "HDF5. Save the arrays by np.savez"),
        ("1.5,2,\u00e4\n".encode("latin-1"), "no UTF-8 text .* Save it as UTF-8"),
        (b"x1,x2,y\n", "no row below the names of its columns"),
        (b"x1,x2,y\n1 mV,2 mV,A\n", "'x1' in line 1.* say so .header=True"),
    ],
)
def test_each_error_says_what_to_do(tmp_path, content, error):
    with pytest.raises(DataError, match=error):
        read(tmp_path, content)


@pytest.mark.parametrize("names", ["I_0,I_1,II_0,II_1", "ch1_1,ch2_1,ch1_2,ch2_2"])
def test_channels_that_become_one_signal_are_warned_of(tmp_path, names):
    with pytest.warns(UserWarning, match="look like 2 channels of 2 time steps"):
        assert read(tmp_path, f"{names},y\n1.5,2,3,4,A\n5,6,7,8,B\n").X.shape == (2, 4)


def test_columns_are_named_once_for_a_table_and_what_was_made_of_it(tmp_path):
    options = {"label_column": "kind", "groups_column": "patient"}
    first = read(tmp_path, "x1,x2,patient,kind\n1,2,p,A\n3,4,q,B\n", **options)
    own = tmp_path / "own.csv"
    write_arrays(own, first.X, first.y, groups=first.groups, synthetic=[False, True])
    again = read_arrays(own, **options)
    assert again.X.tolist() == first.X.tolist()
    assert again.y.tolist() == ["A", "B"]
    assert again.groups.tolist() == ["p", "q"]
    write_arrays(own, first.X, first.y, force=True)
    with pytest.warns(UserWarning, match="no column 'patient', and so no groups"):
        assert read_arrays(own, **options).groups is None
    # A table of somebody else's is held to the names that are given.
    with pytest.raises(DataError, match="'groups_column' parameter"):
        read(tmp_path, "t0,t1,other,y\n1,2,p,A\n3,4,q,B\n", groups_column="patient")


def test_whole_numbers_with_the_label_first_are_warned_of(tmp_path):
    rows = [f"{1 + i % 2},{i * i % 97},{i * 7 % 41}" for i in range(12)]
    with pytest.warns(UserWarning, match="last column, which has 12 values .* first column has 2"):
        assert read(tmp_path, "\n".join(rows)).y.tolist()[:3] == [0, 7, 14]
    assert read(tmp_path, "\n".join(rows), label_column=0).y.tolist()[:3] == [1, 2, 1]
    # With the label last there is nothing to warn of.
    back = "\n".join(",".join(reversed(row.split(","))) for row in rows)
    assert read(tmp_path, back).y.tolist()[:3] == [1, 2, 1]


@pytest.mark.parametrize("header", ["-0.1,0.0,0.1,label", "0,2,7,y", "0.5,2.5,2.7,Class"])
def test_numbers_beside_the_name_of_the_labels_are_names(tmp_path, header):
    found = read(tmp_path, f"{header}\n1,2,3,A\n4,5,7,B\n")
    assert found.X.tolist() == [[1, 2, 3], [4, 5, 7]]
    assert found.y.tolist() == ["A", "B"]


@pytest.mark.parametrize("labels", ["yny", "ynn", "YNN"])
def test_a_label_y_is_no_name(tmp_path, labels):
    rows = [f"{i},{i * i},0.5,{label}" for i, label in enumerate(labels, 3)]
    assert read(tmp_path, "\n".join(rows)).y.tolist() == list(labels)
