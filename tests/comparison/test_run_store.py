"""Stored runs: of which comparison they are, edited or damaged ones, and disks that fill up."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import shutil

import numpy as np
import pytest
from comparing import compare, make_beats
from imblearn.over_sampling import SMOTE
from sklearn.tree import DecisionTreeClassifier

from bioaug.exceptions import DataError

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


@pytest.fixture(scope="module")
def beats():
    return make_beats()


@pytest.fixture(scope="module")
def kept(beats, tmp_path_factory):
    """Return the folder and the result of a finished comparison."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, compare(beats, {"SMOTE": SMOTE()}, TREE, folder=folder)


def parts_of(file):
    with np.load(io.BytesIO(file.read_bytes())) as stored:
        return dict(stored)


def rewritten(file, **changed):
    stream = io.BytesIO()
    np.savez(stream, **(parts_of(file) | changed))
    file.write_bytes(stream.getvalue())


def other_entry(folder, file):
    shutil.copy(next(other for other in sorted(folder.iterdir()) if other != file), file)


def edited_text(folder, file):
    text = json.loads(str(parts_of(file)["text"]))
    text["run"]["seed"] = 7
    rewritten(file, text=np.array(json.dumps(text)))


def edited_predictions(folder, file):
    rewritten(file, predicted=1 - parts_of(file)["predicted"])


def no_header(folder, file):
    rewritten(file, header=np.array("[]"))


def an_object(folder, file):
    np.savez(file, header=np.array([{}], dtype=object))


def a_bomb(folder, file):
    np.savez_compressed(file, header=np.zeros(2**25))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (other_entry, "it is of another run"),
        (edited_text, "it was edited or damaged"),
        (edited_predictions, "it was edited or damaged"),
        (no_header, "it is of another version"),
        (an_object, "Object arrays cannot be loaded"),
        (a_bomb, "it would take .* bytes, more than"),
    ],
)
def test_an_entry_of_other_origin_is_done_again(beats, kept, tmp_path, change, why):
    shutil.copytree(kept[0], tmp_path / "runs")
    file = sorted((tmp_path / "runs").iterdir())[0]
    change(tmp_path / "runs", file)
    with pytest.warns(UserWarning, match=f"{why}.*done again"):
        again = compare(beats, {"SMOTE": SMOTE()}, TREE, folder=tmp_path / "runs")
    assert again.to_json().count("score") == kept[1].to_json().count("score")
    assert again.comparisons == kept[1].comparisons
    compare(beats, {"SMOTE": SMOTE()}, TREE, folder=tmp_path / "runs")  # is mended


def test_a_full_disk_costs_a_warning_and_no_run(beats, kept, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.warns(UserWarning, match="No space left on device") as warned:
        result = compare(beats, {"SMOTE": SMOTE()}, TREE, folder=tmp_path)
    assert len(warned) == 1
    assert result.comparisons == kept[1].comparisons
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_refused_before_the_first_run(beats, tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(DataError, match="'folder' parameter"):
            compare(beats, {"SMOTE": SMOTE()}, TREE, folder=folder)
    for wrong in (3, "", b"runs"):
        with pytest.raises(DataError, match="'folder' parameter"):
            compare(beats, {"SMOTE": SMOTE()}, TREE, folder=wrong)


def compare_in(folder):
    return compare(make_beats(), {"SMOTE": SMOTE()}, TREE, folder=folder).comparisons


@pytest.mark.slow
def test_several_processes_share_a_folder(kept, tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(compare_in, [tmp_path] * 3)
    assert all(one == kept[1].comparisons for one in found)
    assert len(list(tmp_path.iterdir())) == len(list(kept[0].iterdir()))


def test_the_time_is_that_of_a_clock_that_never_jumps(beats, monkeypatch):
    """Setting the wall clock back or forward, as at night, changes nothing."""
    import time

    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: 1e9 * (-1) ** next(jumps))
    result = compare(beats, {"SMOTE": SMOTE()}, TREE, max_time=600)
    assert result.is_complete


def test_no_run_begins_after_the_time(beats, monkeypatch):
    clock = iter(np.arange(0, 1000, 1.0))  # a second passes whenever it is read
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    result = compare(beats, {"SMOTE": SMOTE()}, TREE, max_time=4.5)
    assert result.protocol.n_finished == 4
