from __future__ import annotations

import multiprocessing
import os
import stat
import time
from pathlib import Path

import pytest

from bioaug.core.atomic import (
    check_writable,
    folder_lock,
    is_draft,
    remove_drafts,
    replace_file,
    replacing,
)

SPAWN = multiprocessing.get_context("spawn")


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def draft_of_the_past(folder, seconds):
    draft = folder / f".bioaug-{'0' * 32}.tmp.csv"
    draft.write_text("half")
    os.utime(draft, (time.time() - seconds,) * 2)
    return draft


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path, mode):
    file = tmp_path / "a.csv"
    file.write_text("old")
    file.chmod(mode)
    replace_file(file, b"new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert names_in(tmp_path) == ["a.csv"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    replace_file(tmp_path / "a", b"new")
    (tmp_path / "b").write_text("other")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_draft_of_a_protected_file_is_not_open_to_others(tmp_path):
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(0o600)
    with replacing(file) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(Path("there") / "file")
    for content in (b"first", b"second"):
        replace_file(tmp_path / "link", content)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "file").read_bytes() == content
    assert names_in(tmp_path / "there") == ["file"]


def test_what_is_no_file_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        for write in (check_writable, lambda file: replace_file(file, b"")):
            with pytest.raises(OSError, match=f"folder.*{name}|regular file.*{name}"):
                write(tmp_path / name)
    assert names_in(tmp_path) == ["folder", "pipe"]


def test_the_error_names_the_file_and_not_its_draft(tmp_path):
    for write in (check_writable, lambda file: replace_file(file, b"")):
        with pytest.raises(FileNotFoundError, match=r"none/a\.csv'$"):
            write(tmp_path / "none" / "a.csv")
        with pytest.raises(OSError, match="name too long"):
            write(tmp_path / ("x" * 300))


def test_the_longest_names_can_be_written(tmp_path):
    name = "x" * 251 + ".csv"
    check_writable(tmp_path / name)
    replace_file(tmp_path / name, b"1")
    assert names_in(tmp_path) == [name]


def test_a_probe_leaves_nothing_behind(tmp_path):
    (tmp_path / "a").write_text("old")
    check_writable(tmp_path / "a")
    check_writable(tmp_path / "b")
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_left_draft_is_removed_by_the_next_write_and_a_foreign_one_stays(tmp_path):
    draft_of_the_past(tmp_path, 60)
    (tmp_path / ".notes.tmp").write_text("mine")
    replace_file(tmp_path / "a", b"new")
    assert names_in(tmp_path) == [".notes.tmp", "a"]


def test_drafts_of_living_writers_stay(tmp_path):
    with replacing(tmp_path / "a.csv") as draft:
        draft.write_text("half")
        os.utime(draft, (time.time() - 10**6,) * 2)
        remove_drafts(tmp_path)
        assert draft.exists()
    draft_of_the_past(tmp_path, 0)  # which may just have been made
    remove_drafts(tmp_path)
    assert len(names_in(tmp_path)) == 2
    remove_drafts(tmp_path, locked=True)
    assert names_in(tmp_path) == ["a.csv"]


def test_drafts_have_names_of_their_own(tmp_path):
    with replacing(tmp_path / "a.csv") as one, replacing(tmp_path / "a.csv") as other:
        assert one != other
        assert one.suffix == other.suffix == ".csv"
        assert is_draft(one.name)
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "a.csv").read_text() == "one"
    assert not is_draft(".a.csv.tmp")


def count_up(folder, n):
    """Add n to the number in a file, one by one, which only a lock makes right."""
    for _ in range(n):
        with folder_lock(folder):
            file = folder / "n"
            file.write_text(str(int(file.read_text()) + 1))


def hold(folder, held):
    with folder_lock(folder):
        held.set()
        time.sleep(600)


@pytest.mark.parametrize("on_the_folder", [True, False])
def test_one_process_at_a_time_writes_a_folder(tmp_path, monkeypatch, on_the_folder):
    if not on_the_folder:  # where the system cannot lock folders
        monkeypatch.setattr("bioaug.core.atomic.fcntl", None)
    (tmp_path / "n").write_text("0")
    with folder_lock(tmp_path) as is_locked:
        assert is_locked
        with pytest.raises(OSError, match="Another process"), folder_lock(tmp_path, wait=0.02):
            pass
    if on_the_folder:
        processes = [SPAWN.Process(target=count_up, args=(tmp_path, 50)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert (tmp_path / "n").read_text() == "100"
        assert names_in(tmp_path) == ["n"]


def test_a_killed_process_holds_no_lock(tmp_path):
    held = SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(tmp_path, held))
    process.start()
    held.wait()
    with pytest.raises(OSError, match="Another process"), folder_lock(tmp_path, wait=0.0):
        pass
    process.kill()
    process.join()
    with folder_lock(tmp_path, wait=10):
        pass
