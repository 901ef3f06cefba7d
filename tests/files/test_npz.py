"""Archives of arrays: damaged, hostile and foreign ones."""

from __future__ import annotations

import io
import warnings
import zipfile

import numpy as np
import pytest

from bioaug.core import bounded
from bioaug.exceptions import DataError
from bioaug.files import read_arrays

X = np.arange(12.0).reshape(3, 4)


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False, **options)
    return stream.getvalue()


def pack(file, compression=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    "array",
    [X.astype(">f8"), np.asfortranarray(X), X.astype(">i2"), X.astype(np.float16), X[::1, ::-1]],
)
def test_arrays_of_other_layouts(file, array):
    np.savez(file, X=array, y=np.arange(3).astype(">i4"))
    found = read_arrays(file)
    np.testing.assert_array_equal(found.X, array)
    assert found.X.dtype.isnative
    assert found.X.flags.c_contiguous
    assert found.y.tolist() == [0, 1, 2]


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_archives(file, compression):
    pack(file, compression, X=npy(X), y=npy([0, 1, 1]))
    np.testing.assert_array_equal(read_arrays(file).X, X)


def test_bytes_become_text(file):
    np.savez(file, X=X, y=np.array([b"N", b"V", "é".encode()]), groups=np.array([b"1", b"2", b"2"]))
    found = read_arrays(file)
    assert found.y.tolist() == ["N", "V", "é"]
    assert found.groups.tolist() == ["1", "2", "2"]
    np.savez(file, X=X, y=np.array([b"N", b"\xff", b"V"]))
    with pytest.raises(DataError, match="no UTF-8"):
        read_arrays(file)


@pytest.mark.parametrize("y", [[[0], [1], [1]], [[0, 1, 1]]])
def test_labels_in_a_column_or_a_row(file, y):
    np.savez(file, X=X, y=y)
    assert read_arrays(file).y.tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["y", "groups", "synthetic"])
def test_arrays_of_other_lengths(file, name):
    arrays = {"y": [0, 1, 1], name: np.array([True, False])}
    np.savez(file, X=X, **arrays)
    with pytest.raises(DataError, match=rf"'{name}' .* Got shape \(2,\) for 3 rows"):
        read_arrays(file)


@pytest.mark.parametrize("values", [["N", "nan", ""], ["N", "None", "<NA>"], [0.0, np.nan, np.nan]])
@pytest.mark.parametrize("name", ["y", "groups"])
def test_missing_labels_and_groups(file, values, name):
    np.savez(file, X=X, **({"y": [0, 1, 1]} | {name: np.array(values)}))
    with pytest.raises(DataError, match=rf"Got 2 missing ones in '{name}', the first in row 1"):
        read_arrays(file)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array(["a", "b", "c"]), "not numbers"),
        (X.astype(complex), "neither numbers nor text"),
        (np.float64(3), "not numbers in rows"),
        (np.zeros(3, dtype=[("a", float), ("b", int)]), "neither numbers nor text"),
        (np.zeros(3, dtype="datetime64[s]"), "neither numbers nor text"),
        (np.zeros(3, dtype="V8"), "neither numbers nor text"),
    ],
)
def test_other_kinds_of_signals(file, array, reason):
    pack(file, X=npy(array), y=npy([0, 1, 1]))
    with pytest.raises(DataError, match=reason):
        read_arrays(file)


@pytest.mark.parametrize("content", [b"", b"no array", npy(X)[:-8], npy(X) + b"more", npy(X)[:20]])
def test_members_that_are_no_arrays(file, content):
    pack(file, X=content, y=npy([0, 1, 1]))
    with pytest.raises(DataError, match="plain arrays"):
        read_arrays(file)


def test_damaged_bytes_are_found_by_their_checksum(file):
    content = bytearray(pack(file, X=npy(X), y=npy([0, 1, 1])).read_bytes())
    place = bytes(content).index(np.float64(7).tobytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DataError, match="CRC"):
        read_arrays(file)


def test_encrypted_unsupported_and_doubled_members(file):
    content = pack(file, X=npy(X), y=npy([0, 1, 1])).read_bytes()
    for offset, value, reason in ((8, 1, "encrypted"), (10, 97, "compression")):
        changed = bytearray(content)
        changed[content.index(b"PK\x01\x02") + offset] = value
        changed[content.index(b"PK\x03\x04") + offset - 2] = value
        file.write_bytes(bytes(changed))
        with pytest.raises(DataError, match=reason):
            read_arrays(file)
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")
        for array in (X, -X):
            archive.writestr("X.npy", npy(array))
        archive.writestr("y.npy", npy([0, 1, 1]))
    with pytest.raises(DataError, match="'X' more than once"):
        read_arrays(file)


def test_a_bomb_is_refused_before_it_is_expanded(file, monkeypatch):
    pack(file, zipfile.ZIP_DEFLATED, X=npy(np.zeros((100, 1000))), y=npy(np.zeros(100)))
    assert read_arrays(file).X.shape == (100, 1000)
    monkeypatch.setattr(bounded, "ALWAYS_ALLOWED_BYTES", 10_000)
    with pytest.raises(DataError, match="expands to 800128 bytes"):
        read_arrays(file)


def test_a_header_that_promises_more_than_there_is(file):
    header = npy(X).replace(b"(3, 4), }      ", b"(3, 400000000)}")
    assert header != npy(X)
    pack(file, X=header, y=npy([0, 1, 1]))
    with pytest.raises(DataError, match="not as long as its header says"):
        read_arrays(file)


def test_random_damage_gives_one_error_or_the_same_arrays(file):
    content = pack(file, zipfile.ZIP_DEFLATED, X=npy(X), y=npy([0, 1, 1])).read_bytes()
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(300):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), 2):
            changed[place] = rng.integers(256)
        file.write_bytes(bytes(changed))
        try:
            found = read_arrays(file)
        except DataError:
            n_refused += 1
        else:
            np.testing.assert_array_equal(found.X, X)
            assert found.y.tolist() == [0, 1, 1]
    assert n_refused > 100


@pytest.mark.parametrize(
    "mask", [[True, False, True], [1, 0, 1], [1.0, 0.0, 1.0], ["True", "False", "TRUE"]]
)
@pytest.mark.parametrize("name", ["synthetic", "Synthetic", "SYNTHETIC"])
def test_a_mask_is_never_read_as_all_real(tmp_path, mask, name):
    np.savez(tmp_path / "a.npz", X=X, y=[0, 1, 0], **{name: mask})
    assert read_arrays(tmp_path / "a.npz").synthetic.tolist() == [True, False, True]


def test_names_in_other_letters(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, Y=[0, 1, 0], Groups=["p", "q", "p"])
    read = read_arrays(tmp_path / "a.npz")
    assert read.X.tolist() == X.tolist()
    assert (read.y.tolist(), read.groups.tolist()) == ([0, 1, 0], ["p", "q", "p"])
    # The exact name comes first.
    np.savez(tmp_path / "b.npz", x=[9], X=X, Y=["a"], y=[0, 1, 0])
    read = read_arrays(tmp_path / "b.npz")
    assert (read.X.tolist(), read.y.tolist()) == (X.tolist(), [0, 1, 0])
