"""The Bonn EEG: made-up segments in every layout, downloads from this machine, the real ones."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest
from web import serving

from bioaug.datasets import bonn, fetch_bonn
from bioaug.exceptions import DataError

PER_SET = 2
SETS = "ZONFS"


def write_text(samples, line_end):
    return line_end.join([*map(str, samples), ""]).encode()


@pytest.fixture
def texts(monkeypatch):
    """Two made-up segments a set, the text of each by its name, in place of the Bonn EEG."""
    rng = np.random.default_rng(0)
    samples = {
        f"{letter}{number:03d}": rng.integers(-2048, 2048, 4097)
        for letter in SETS
        for number in range(1, PER_SET + 1)
    }
    texts = {
        name: write_text(values, "\n" if name[0] == "N" else "\r\n")
        for name, values in samples.items()
    }
    checksums = {
        name: hashlib.sha256("\n".join(map(str, values)).encode()).hexdigest()
        for name, values in samples.items()
    }
    monkeypatch.setattr(bonn, "CHECKSUMS", checksums)
    return texts


def write_segments(folder, texts, *, by_set=True, ending=".txt"):
    for name, text in texts.items():
        target = (folder / name[0] if by_set else folder) / (name + ending)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def write_zips(folder, texts, *, prefix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for letter in SETS:
        with zipfile.ZipFile(folder / f"{letter}.zip", "w") as archive:
            for name, text in texts.items():
                if name[0] == letter:
                    archive.writestr(f"{prefix}{name}.{'TXT' if letter == 'N' else 'txt'}", text)


def load(home, **parameters):
    return fetch_bonn(home, download_if_missing=False, **parameters)


def samples_of(texts, name):
    return np.array(texts[name].split(), dtype=float)


def test_chunks_are_the_segments_cut_from_the_beginning(texts, tmp_path):
    write_segments(tmp_path, texts)
    chunks = load(tmp_path)
    assert chunks.data.shape == (10 * 23, 1, 178)
    assert chunks.data.dtype == np.float32
    assert chunks.window == 178
    assert chunks.sampling_rate == 173.61
    assert "Andrzejak" in chunks.DESCR
    own = chunks.groups == "F002"
    assert own.sum() == 23
    np.testing.assert_array_equal(chunks.data[own].ravel(), samples_of(texts, "F002")[: 23 * 178])
    np.testing.assert_array_equal(chunks.sample[own], np.arange(23) * 178)


def test_labels_are_those_of_the_table(texts, tmp_path):
    write_segments(tmp_path, texts)
    chunks = load(tmp_path)
    by_set = {group[0]: label for group, label in zip(chunks.groups, chunks.target, strict=True)}
    assert by_set == {"Z": 5, "O": 4, "N": 3, "F": 2, "S": 1}
    assert chunks.target_names[0] == "seizure"
    assert chunks.target_names[-1] == "eyes open"
    binary = load(tmp_path, labels="binary")
    np.testing.assert_array_equal(binary.target == 1, chunks.target == 1)
    assert set(binary.target) == {0, 1}
    assert binary.target_names == ["rest", "seizure"]


@pytest.mark.parametrize(("window", "n_windows"), [(None, 1), (4097, 1), (1024, 4), (2049, 1)])
def test_other_windows(texts, tmp_path, window, n_windows):
    write_segments(tmp_path, texts)
    X, y = load(tmp_path, sets="SZ", window=window, return_X_y=True)
    assert X.shape == (4 * n_windows, 1, window or 4097)
    assert y.tolist() == [1] * 2 * n_windows + [5] * 2 * n_windows
    np.testing.assert_array_equal(X[0, 0], samples_of(texts, "S001")[: window or 4097])


def test_names_of_the_labels_there_are(texts, tmp_path):
    write_segments(tmp_path, texts)
    assert load(tmp_path, sets=["O", "F"]).target_names == ["epileptogenic zone", "eyes closed"]
    assert load(tmp_path, sets="ZO", labels="binary").target_names == ["rest"]


@pytest.mark.parametrize("place", ["", "bonn", "bonn_eeg"])
@pytest.mark.parametrize("layout", ["sets", "flat", "capitals", "paper", "zips", "zips of folders"])
def test_every_layout_on_disk(texts, tmp_path, monkeypatch, place, layout):
    folder = tmp_path / place
    if layout.startswith("zips"):
        write_zips(folder, texts, prefix="Z/" if "folders" in layout else "")
    else:
        ending = ".TXT" if layout == "capitals" else ".txt"
        write_segments(folder, texts, by_set=layout != "flat", ending=ending)
    if layout == "paper":
        for name, letter in zip("ABCDE", SETS, strict=True):
            (folder / letter).rename(folder / name.lower())
    monkeypatch.setenv("BIOAUG_DATA", str(tmp_path))
    segments = fetch_bonn(window=None, download_if_missing=False)
    assert segments.groups.tolist() == list(texts)
    for name, row in zip(texts, segments.data, strict=True):
        np.testing.assert_array_equal(row[0], samples_of(texts, name))


def test_missing_segments_are_counted_and_the_way_to_get_them_told(texts, tmp_path):
    write_segments(tmp_path / "bonn", {"Z001": texts["Z001"]})
    with pytest.raises(OSError, match=r"missing 3 of 4 segments \(Z002, O001, O002") as caught:
        load(tmp_path, sets="ZO")
    for part in (str(tmp_path / "bonn"), bonn.PAGE_URL, "Z.zip", "BIOAUG_DATA"):
        assert part in str(caught.value)


def test_a_damaged_segment_is_refused(texts, tmp_path):
    write_segments(tmp_path, {**texts, "O002": texts["O002"].replace(b"1", b"2")})
    with pytest.raises(OSError, match=r"1 of 10 segments .* damaged.*\(O002\)"):
        load(tmp_path)
    assert len(load(tmp_path, sets="ZNFS", window=None).data) == 8


def test_a_damaged_zip_is_refused(texts, tmp_path):
    (tmp_path / "Z.zip").write_bytes(b"<html>Are you a robot?</html>")
    with pytest.raises(OSError, match=r"Z\.zip is no zip file.*browser"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sets": "ZX"}, "'sets' parameter of fetch_bonn must be one of 'Z', 'O', 'N', 'F', 'S'"),
        ({"sets": ""}, "'sets' .* one or more different sets"),
        ({"sets": "ZZ"}, "'sets' .* one or more different sets"),
        ({"window": 0}, "'window' parameter of fetch_bonn"),
        ({"window": 4098}, "'window' parameter of fetch_bonn"),
        ({"window": 178.0}, "'window' parameter of fetch_bonn"),
        ({"labels": "binray"}, "Did you mean 'binary'"),
    ],
)
def test_wrong_parameters(tmp_path, parameters, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, **parameters)


@pytest.fixture
def server(texts, tmp_path, monkeypatch):
    """A server of the five zip files in place of the one that has the data."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    write_zips(tmp_path / "served", texts)
    with serving(tmp_path / "served") as server:
        urls = {letter: f"{server.url}{letter}.zip" for letter in SETS}
        monkeypatch.setattr(bonn, "ZIP_URLS", urls)
        yield server


def test_it_downloads_what_is_missing_once(server, texts, tmp_path):
    home = tmp_path / "home"
    segments = fetch_bonn(home, sets="ZS", window=None)
    assert segments.groups.tolist() == ["Z001", "Z002", "S001", "S002"]
    np.testing.assert_array_equal(segments.data[3, 0], samples_of(texts, "S002"))
    assert sorted(p.name for p in (home / "bonn").iterdir()) == ["S.zip", "Z.zip"]
    assert server.asked == ["Z.zip", "S.zip"]
    assert len(fetch_bonn(home, window=None).data) == 10
    load(home)
    assert server.asked[2:] == ["O.zip", "N.zip", "F.zip"]


def test_it_completes_a_folder_that_it_finds(server, texts, tmp_path):
    home = tmp_path / "home"
    write_segments(home, {name: text for name, text in texts.items() if name != "F001"})
    assert fetch_bonn(home, window=None).groups.tolist() == list(texts)
    assert server.asked == ["F.zip"]
    assert (home / "F.zip").is_file()


@pytest.mark.parametrize("fault", ["page", "half", "other"])
def test_what_is_not_the_zip_file_is_refused(server, texts, tmp_path, fault):
    file = server.folder / "Z.zip"
    if fault == "page":
        file.write_bytes(b"<html>Are you a robot?</html>")
    else:
        name = "Z002" if fault == "other" else "F001"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("Z001.txt", texts["Z001"])
            archive.writestr(f"{name}.txt", texts["S001"])
    reason = {"page": "is no zip file", "half": r"lacks 1 segments \(Z002", "other": "damaged"}
    with pytest.raises(OSError, match=reason[fault]) as caught:
        fetch_bonn(tmp_path / "home", n_retries=0)
    assert bonn.PAGE_URL in str(caught.value)
    assert list((tmp_path / "home" / "bonn").iterdir()) == []


def test_a_server_that_refuses(server, tmp_path):
    (server.folder / "Z.zip").unlink()
    with pytest.raises(
        OSError, match=r"in 2 tries.*404 Client Error.*By hand: open http"
    ) as caught:
        fetch_bonn(tmp_path / "home", n_retries=1, delay=0.0)
    assert str(tmp_path / "home" / "bonn") in str(caught.value)
    assert server.asked == ["Z.zip"] * 2


def test_the_shipped_checksums_name_every_segment():
    assert list(bonn.CHECKSUMS) == [f"{letter}{n:03d}" for letter in SETS for n in range(1, 101)]
    assert len(set(bonn.CHECKSUMS.values())) == 500


def test_the_real_segments(bonn_home):
    segments = load(bonn_home, window=None)
    assert segments.data.shape == (500, 1, 4097)
    assert [int((segments.target == label).sum()) for label in range(1, 6)] == [100] * 5
    assert segments.groups[[0, 100, 499]].tolist() == ["Z001", "O001", "S100"]
    for row in (0, 250, 499):
        name = segments.groups[row]
        own = np.loadtxt(bonn_home / name[0] / f"{name}.txt")
        np.testing.assert_array_equal(segments.data[row, 0], own)
    assert np.abs(segments.data).max() <= 2048  # 12 bits


def test_the_real_chunks(bonn_home):
    chunks = load(bonn_home.parent, labels="binary")
    assert chunks.data.shape == (11500, 1, 178)
    assert int(chunks.target.sum()) == 2300
    names, counts = np.unique(chunks.groups, return_counts=True)
    assert len(names) == 500
    assert (counts == 23).all()


def test_sets_of_another_type():
    with pytest.raises(DataError, match="'sets' parameter of fetch_bonn must be one of"):
        fetch_bonn(sets=5)
