"""Downloads of recordings, from a server on this machine only."""

from __future__ import annotations

import hashlib
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from web import break_off, drip, redirect, serving
from wfdb_files import write_beats, write_signals

from bioaug.core.atomic import folder_lock
from bioaug.datasets import downloads, fetch_mitbih, mitbih
from bioaug.exceptions import DataError

FILES = ["101.atr", "101.dat", "101.hea"]


def write_record(folder, name, leads):
    """Write a made-up record: 20 s of two leads, a beat a second, every fifth one a V."""
    seconds = np.arange(20 * 360) / 360
    signal = np.exp(-0.5 * ((seconds % 1 - 0.5) / 0.01) ** 2)
    write_signals(folder, name, np.stack([signal, -signal], axis=1), leads=leads, fmt="212")
    symbols = ["V" if beat % 5 == 4 else "N" for beat in range(20)]
    write_beats(folder, name, np.arange(20) * 360 + 180, symbols)


def checksums(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Two made-up records on a server, in place of the MIT-BIH Arrhythmia Database."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()
    write_record(folder, "101", ["MLII", "V1"])
    write_record(folder, "202", ["V1", "MLII"])
    monkeypatch.setattr(mitbih, "CHECKSUMS", checksums(folder))
    monkeypatch.setitem(mitbih.SUBSETS, "DS1", ("101",))
    monkeypatch.setitem(mitbih.SUBSETS, "DS2", ("101", "202"))
    with serving(folder) as server:
        monkeypatch.setattr(mitbih, "BASE_URL", server.url)
        yield server


def fetch(tmp_path, **parameters):
    parameters = {"subset": "DS1", "n_retries": 2, "delay": 0.0, **parameters}
    return fetch_mitbih(data_home=tmp_path / "home", **parameters)


def downloaded(tmp_path):
    return sorted(file.name for file in (tmp_path / "home" / "mitdb").iterdir())


# --- What arrives ---------------------------------------------------------------------------------


def test_what_is_missing_is_downloaded(server, tmp_path):
    beats = fetch(tmp_path)
    assert beats.data.shape == (20, 1, 200)
    assert (beats.data[:, 0].argmax(axis=1) == 90).all()
    assert beats.target_names == ["N", "V"]
    assert sorted(server.asked) == downloaded(tmp_path) == FILES
    for name in FILES:
        own = tmp_path / "home" / "mitdb" / name
        assert own.read_bytes() == (server.folder / name).read_bytes()

    more = fetch(tmp_path, subset="DS2")
    assert sorted(server.asked[3:]) == ["202.atr", "202.dat", "202.hea"]
    assert set(more.groups) == {101, 201}
    # MLII is upright in 101 and, in second place, upside down in 202.
    assert (more.data[more.record == "101", 0, 90] > 0.9).all()
    assert (more.data[more.record == "202", 0, 90] < -0.9).all()


def test_nothing_is_asked_for_that_is_there(server, tmp_path):
    fetch(tmp_path)
    n_asked = len(server.asked)
    fetch(tmp_path)
    fetch_mitbih(data_home=tmp_path / "home" / "mitdb", subset="DS1", download_if_missing=False)
    assert len(server.asked) == n_asked


def test_a_folder_is_completed(server, tmp_path):
    folder = tmp_path / "home" / "mitdb" / "1.0.0"
    folder.mkdir(parents=True)
    for kind in ("hea", "dat"):
        source = server.folder / f"101.{kind}"
        (folder / source.name).write_bytes(source.read_bytes())
    with pytest.raises(OSError, match=r"missing 1 of 3 files \(101\.atr"):
        fetch(tmp_path, download_if_missing=False)
    assert len(fetch(tmp_path).data) == 20
    assert server.asked == ["101.atr"]


def test_a_folder_with_a_damaged_file_is_refused(server, tmp_path):
    fetch(tmp_path)
    (tmp_path / "home" / "mitdb" / "101.atr").write_bytes(b"\0\0")
    with pytest.raises(OSError, match=r"1 of 3 files .* damaged.*\(101\.atr\)"):
        fetch(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_files_have_the_usual_permissions_and_the_console_stays_empty(server, tmp_path, capfd):
    fetch(tmp_path)
    (tmp_path / "usual").touch()
    for name in FILES:
        file = tmp_path / "home" / "mitdb" / name
        assert file.stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert capfd.readouterr() == ("", "")


def test_several_download_at_once_and_each_file_once(server, tmp_path):
    results = []
    threads = [threading.Thread(target=lambda: results.append(fetch(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(beats.data) for beats in results] == [20] * 8
    assert sorted(server.asked) == downloaded(tmp_path) == FILES


def test_another_process_that_downloads_is_waited_for(server, tmp_path):
    folder = tmp_path / "home" / "mitdb"
    folder.mkdir(parents=True)
    thread = threading.Thread(target=fetch, args=(tmp_path,))
    with folder_lock(folder):
        thread.start()
        thread.join(0.1)
        assert server.asked == []
        for name in FILES[:2]:
            (folder / name).write_bytes((server.folder / name).read_bytes())
    thread.join()
    assert server.asked == FILES[2:]


# --- What does not arrive -------------------------------------------------------------------------


def test_a_broken_download_is_tried_again(server, tmp_path):
    server.tricks["101.dat"] = break_off(2)
    assert len(fetch(tmp_path).data) == 20
    assert server.asked.count("101.dat") == 3


def test_a_download_that_stays_broken_leaves_nothing(server, tmp_path):
    server.tricks["101.hea"] = break_off(99)
    with pytest.raises(OSError, match=r"101\.hea .* in 3 tries"):
        fetch(tmp_path)
    assert downloaded(tmp_path) == []
    assert server.asked == ["101.hea"] * 3


def test_retries_wait(server, tmp_path, monkeypatch):
    waited = []
    server.tricks["101.dat"] = break_off(2)
    monkeypatch.setattr(time, "sleep", waited.append)
    fetch(tmp_path, delay=7.0)
    assert waited == [7.0, 7.0]


def test_a_corrupted_file_is_refused(server, tmp_path):
    (server.folder / "101.dat").write_bytes(b"not a heart")
    expected = mitbih.CHECKSUMS["101.dat"]
    with pytest.raises(OSError, match=rf"SHA-256 of 101\.dat must be {expected}"):
        fetch(tmp_path)
    assert downloaded(tmp_path) == ["101.hea"]
    assert server.asked.count("101.dat") == 3


def test_a_file_that_the_server_lacks(server, tmp_path):
    (server.folder / "101.hea").unlink()
    with pytest.raises(OSError, match=r"101\.hea .* in 1 tries.* 404 Client Error"):
        fetch(tmp_path, n_retries=0)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "file:///etc/"])
def test_no_server_at_all(server, tmp_path, monkeypatch, address):
    monkeypatch.setattr(mitbih, "BASE_URL", address)
    with pytest.raises(OSError, match="by hand and pass their folder as 'data_home'"):
        fetch(tmp_path)
    assert downloaded(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_download_leaves_no_half_file(server, tmp_path):
    def interrupt(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(bytes(10**5))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.2)  # the download is not over

    server.tricks["101.hea"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path)
    assert downloaded(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_retries": -1}, "'n_retries' parameter of fetch_mitbih"),
        ({"n_retries": 1.5}, "'n_retries' parameter of fetch_mitbih"),
        ({"delay": -1.0}, "'delay' parameter of fetch_mitbih"),
        ({"delay": "1"}, "'delay' parameter of fetch_mitbih"),
    ],
)
def test_wrong_retries(server, tmp_path, wrong, message):
    with pytest.raises(DataError, match=message):
        fetch(tmp_path, **wrong)
    assert server.asked == []


# --- Servers that never end, or lead elsewhere ----------------------------------------------------


def refused(server, tmp_path, trick, message):
    """Check that one try is the last one, and leaves nothing."""
    server.tricks["101.hea"] = trick
    with pytest.raises(OSError, match=rf"(?s)in 1 tries.*{message}"):
        fetch(tmp_path)
    assert downloaded(tmp_path) == []
    assert server.asked == ["101.hea"]


@pytest.mark.parametrize("head", [True, False])
def test_a_dripping_server_is_left_at_the_deadline(server, tmp_path, monkeypatch, head):
    monkeypatch.setattr(downloads, "MAX_SECONDS", 0.3)
    chunk = b"x" if head else b"H"  # with or without a line of status before it
    refused(
        server, tmp_path, drip(chunk, seconds=0.02, head=head), r"did not end within 0\.3 seconds"
    )


def test_a_slow_server_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(downloads, "MIN_BYTES_PER_SECOND", 10**9)
    refused(server, tmp_path, drip(bytes(10**4), seconds=0.02), r"the server sent \d+ bytes in")


def test_an_endless_file_is_left_at_the_largest_size(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "MAX_BYTES", 10**6)
    refused(server, tmp_path, drip(bytes(10**5)), "more than 1000000 bytes")


def test_a_size_that_is_too_large_is_not_begun(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "MAX_BYTES", 10**6)

    def announce(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**6 + 1))
        handler.end_headers()

    refused(server, tmp_path, announce, "more than 1000000 bytes")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_other_addresses_are_not_followed(server, tmp_path, address):
    refused(server, tmp_path, redirect(address), f"{address}', which is not followed")


def test_an_address_of_the_web_is_followed(server, tmp_path):
    (server.folder / "101.hea").rename(server.folder / "moved.hea")
    server.tricks["101.hea"] = redirect(f"{server.url}moved.hea")
    assert len(fetch(tmp_path).data) == 20
    assert server.asked[:2] == ["101.hea", "moved.hea"]


# --- Where recordings are, and what is known of them ----------------------------------------------


def test_the_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOAUG_DATA", str(tmp_path / "env"))
    assert downloads.get_data_home(tmp_path) == tmp_path
    assert downloads.get_data_home() == tmp_path / "env"
    monkeypatch.delenv("BIOAUG_DATA")
    assert downloads.get_data_home() == Path.home() / "bioaug_data"
    assert downloads.get_data_home("~/x") == Path.home() / "x"
    assert not (tmp_path / "env").exists()


def test_the_shipped_checksums_name_every_file():
    kinds = ("hea", "dat", "atr")
    assert set(mitbih.CHECKSUMS) == {f"{r}.{k}" for r in mitbih.SUBSETS["all48"] for k in kinds}
    assert all(len(digest) == 64 for digest in mitbih.CHECKSUMS.values())


def test_the_shipped_checksums_are_those_of_the_database(mitbih_home):
    lines = (mitbih_home / "mitdb" / "SHA256SUMS.txt").read_text().splitlines()
    published = {name: digest for digest, name in (line.split() for line in lines)}
    assert {name: published[name] for name in mitbih.CHECKSUMS} == mitbih.CHECKSUMS
    actual = hashlib.sha256((mitbih_home / "mitdb" / "100.dat").read_bytes()).hexdigest()
    assert actual == mitbih.CHECKSUMS["100.dat"]
