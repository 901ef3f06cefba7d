"""Downloads, from a server on this machine only."""

from __future__ import annotations

import hashlib
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bioaug.datasets import _fetch, fetch_mitbih, mitbih
from bioaug.datasets._wfdb import import_wfdb

wfdb = import_wfdb()
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")  # wfdb 4.3 with pandas 3

CONTENT = bytes(range(256)) * 4096


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; breaks off or refuses as many answers as the server's lists say."""

    def do_GET(self):
        name = Path(self.path).name
        self.server.asked.append(name)
        if name in self.server.tricks:
            self.server.tricks[name](self)
            self.close_connection = True
        elif self.server.break_off.get(name, 0):
            self.server.break_off[name] -= 1
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of ``tmp_path / "served"``: its address, and what it was asked for."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file.bin").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        server.asked, server.break_off, server.tricks = [], {}, {}
        server.folder, server.url = folder, f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def fetch(server, target, checksums=None, **parameters):
    parameters = {"n_retries": 2, "delay": 0.0, **parameters}
    checksums = checksums or digests(server.folder)
    _fetch.fetch_files(checksums, target, base_url=server.url, **parameters)


def test_a_file_arrives_complete(server, tmp_path):
    fetch(server, tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "file.bin").read_bytes() == CONTENT
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1
    assert server.asked == ["file.bin"]


def test_a_broken_download_is_tried_again(server, tmp_path):
    server.break_off["file.bin"] = 2
    fetch(server, tmp_path / "home")
    assert (tmp_path / "home" / "file.bin").read_bytes() == CONTENT
    assert server.asked == ["file.bin"] * 3


def test_a_download_that_stays_broken_leaves_nothing(server, tmp_path):
    server.break_off["file.bin"] = 99
    with pytest.raises(OSError, match=r"file\.bin .* in 3 tries"):
        fetch(server, tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []
    assert len(server.asked) == 3


def test_a_corrupted_file_is_refused(server, tmp_path):
    right = digests(server.folder)
    (server.folder / "file.bin").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(OSError, match=f"SHA-256 of file.bin must be {right['file.bin']}"):
        fetch(server, tmp_path / "home", right)
    assert list((tmp_path / "home").iterdir()) == []


def test_a_file_that_the_server_lacks(server, tmp_path):
    with pytest.raises(OSError, match=r"gone\.bin .* HTTP Error 404"):
        fetch(server, tmp_path / "home", {"gone.bin": "0" * 64}, n_retries=0)


def test_no_server_at_all(tmp_path):
    with pytest.raises(OSError, match="pass their folder as 'data_home'"):
        _fetch.fetch_files(
            {"file.bin": "0" * 64}, tmp_path, base_url="http://127.0.0.1:9", n_retries=0
        )


def test_an_interrupted_download_leaves_no_half_file(server, tmp_path, monkeypatch):
    def interrupted(source, target):
        target.write(source.read(1000))
        raise KeyboardInterrupt

    monkeypatch.setattr(_fetch, "_copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_retries_wait(server, tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(_fetch, "time", SimpleNamespace(sleep=waited.append, time=time.time))
    server.break_off["file.bin"] = 2
    fetch(server, tmp_path / "home", delay=7.0)
    assert waited == [7.0, 7.0]


# --- servers that never end, or lead elsewhere ----------------------------------------------------


def drip(handler, chunk, *, seconds=0.0, head=True, most=10**6):
    """Send chunks until the other side has gone."""
    if head:
        handler.send_response(200)
        handler.end_headers()
    for _ in range(most):
        try:
            handler.wfile.write(chunk)
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(seconds)


@pytest.mark.parametrize("head", [True, False])
def test_a_dripping_server_is_left_at_the_deadline(server, tmp_path, monkeypatch, head):
    monkeypatch.setattr(_fetch, "DEADLINE_SECONDS", 0.3)
    chunk = b"x" if head else b"H"  # with or without a line of status before it
    server.tricks["file.bin"] = partial(drip, chunk=chunk, seconds=0.02, head=head)
    with pytest.raises(OSError, match=r"in 1 tries.* did not end within 0\.3 seconds"):
        fetch(server, tmp_path / "home", {"file.bin": "0" * 64})
    assert list((tmp_path / "home").iterdir()) == []


def test_a_slow_server_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(_fetch, "LEAST_RATE", 10**9)
    server.tricks["file.bin"] = partial(drip, chunk=b"x", seconds=0.02)
    with pytest.raises(OSError, match=r"the server sent \d+ bytes in"):
        fetch(server, tmp_path / "home", {"file.bin": "0" * 64})


def test_an_endless_file_is_left_at_the_largest_size(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "MOST_BYTES", 10**6)
    server.tricks["file.bin"] = partial(drip, chunk=b"x" * 10**5)
    with pytest.raises(OSError, match="more than 1000000 bytes"):
        fetch(server, tmp_path / "home", {"file.bin": "0" * 64})
    assert list((tmp_path / "home").iterdir()) == []
    assert server.asked == ["file.bin"]


def test_a_size_that_is_too_large_is_not_begun(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "MOST_BYTES", len(CONTENT) - 1)
    with pytest.raises(OSError, match=f"more than {len(CONTENT) - 1} bytes"):
        fetch(server, tmp_path / "home")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_other_addresses_are_not_followed(server, tmp_path, address):
    def lead(handler):
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.end_headers()

    server.tricks["file.bin"] = lead
    with pytest.raises(OSError, match=r"file\.bin .* not"):
        fetch(server, tmp_path / "home", {"file.bin": "0" * 64}, n_retries=0)
    with pytest.raises(OSError, match="no address of the web"):
        _fetch.fetch_files({"x": "0" * 64}, tmp_path, base_url="file:///etc")


def test_an_address_of_the_web_is_followed(server, tmp_path):
    def lead(handler):
        handler.send_response(302)
        handler.send_header("Location", f"{server.url}file.bin")
        handler.end_headers()

    server.tricks["moved.bin"] = lead
    digest = hashlib.sha256(CONTENT).hexdigest()
    fetch(server, tmp_path / "home", {"moved.bin": digest})
    assert (tmp_path / "home" / "moved.bin").read_bytes() == CONTENT


def test_several_fetch_the_same_file_at_once(server, tmp_path):
    threads = [threading.Thread(target=fetch, args=(server, tmp_path / "home")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [file.name for file in (tmp_path / "home").iterdir()] == ["file.bin"]
    assert (tmp_path / "home" / "file.bin").read_bytes() == CONTENT


def test_the_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOAUG_DATA", str(tmp_path / "env"))
    assert _fetch.get_data_home(tmp_path) == tmp_path
    assert _fetch.get_data_home() == tmp_path / "env"
    monkeypatch.delenv("BIOAUG_DATA")
    assert _fetch.get_data_home() == Path.home() / "bioaug_data"
    assert _fetch.get_data_home("~/x") == Path.home() / "x"
    assert not (tmp_path / "env").exists()


def test_the_shipped_checksums_name_every_file():
    checksums = _fetch.read_checksums("mitdb.sha256")
    kinds = ("hea", "dat", "atr")
    assert set(checksums) == {f"{r}.{k}" for r in mitbih.SUBSETS["all48"] for k in kinds}
    assert all(len(digest) == 64 for digest in checksums.values())


def test_the_shipped_checksums_are_those_of_the_database(mitbih_home):
    checksums = _fetch.read_checksums("mitdb.sha256")
    lines = (mitbih_home / "mitdb" / "SHA256SUMS.txt").read_text().splitlines()
    published = {name: digest for digest, name in (line.split() for line in lines)}
    assert {name: published[name] for name in checksums} == checksums
    found = hashlib.sha256((mitbih_home / "mitdb" / "100.dat").read_bytes()).hexdigest()
    assert found == checksums["100.dat"]


def write_record(folder, name, leads):
    """Write a made-up WFDB record: 20 s of two leads, a beat a second, every fifth one a V."""
    time = np.arange(20 * 360) / 360
    signal = np.exp(-0.5 * ((time % 1 - 0.5) / 0.01) ** 2)
    wfdb.wrsamp(name, fs=360, units=["mV", "mV"], sig_name=leads, fmt=["212", "212"],
                p_signal=np.stack([signal, -signal], axis=1), adc_gain=[200, 200],
                baseline=[1024, 1024], write_dir=str(folder))  # fmt: skip
    symbols = np.array(["V" if beat % 5 == 4 else "N" for beat in range(20)])
    wfdb.wrann(name, "atr", np.arange(20) * 360 + 180, symbols, write_dir=str(folder))


@pytest.fixture
def made_up_database(server, monkeypatch):
    """Two made-up records on the server, in place of the MIT-BIH Arrhythmia Database."""
    (server.folder / "file.bin").unlink()
    write_record(server.folder, "101", ["MLII", "V1"])
    write_record(server.folder, "202", ["V1", "MLII"])
    checksums = digests(server.folder)
    monkeypatch.setattr(mitbih, "BASE_URL", server.url)
    monkeypatch.setattr(mitbih, "read_checksums", lambda table: checksums)
    monkeypatch.setitem(mitbih.SUBSETS, "DS1", ("101",))
    monkeypatch.setitem(mitbih.SUBSETS, "DS2", ("101", "202"))
    return server


def test_fetch_mitbih_downloads_what_is_missing(made_up_database, tmp_path):
    home = tmp_path / "home"
    beats = fetch_mitbih(data_home=home, subset="DS1", delay=0.0)
    assert beats.data.shape == (20, 1, 200)
    assert (beats.data[:, 0].argmax(axis=1) == 90).all()
    assert beats.target_names == ["N", "V"]
    assert sorted(made_up_database.asked) == ["101.atr", "101.dat", "101.hea"]
    assert sorted(p.name for p in (home / "mitdb").iterdir()) == ["101.atr", "101.dat", "101.hea"]

    more = fetch_mitbih(data_home=home, subset="DS2", delay=0.0)
    assert sorted(made_up_database.asked[3:]) == ["202.atr", "202.dat", "202.hea"]
    assert set(more.groups) == {101, 201}
    # MLII is upright in 101 and, in second place, upside down in 202.
    assert (more.data[more.record == "101", 0, 90] > 0.9).all()
    assert (more.data[more.record == "202", 0, 90] < -0.9).all()


def test_fetch_mitbih_asks_for_nothing_that_is_there(made_up_database, tmp_path):
    fetch_mitbih(data_home=tmp_path / "home", subset="DS1", delay=0.0)
    n_asked = len(made_up_database.asked)
    fetch_mitbih(data_home=tmp_path / "home", subset="DS1")
    fetch_mitbih(data_home=tmp_path / "home" / "mitdb", subset="DS1", download_if_missing=False)
    assert len(made_up_database.asked) == n_asked


def test_fetch_mitbih_refuses_a_corrupted_file(made_up_database, tmp_path):
    (made_up_database.folder / "101.dat").write_bytes(b"not a heart")
    with pytest.raises(OSError, match=r"SHA-256 of 101\.dat"):
        fetch_mitbih(data_home=tmp_path / "home", subset="DS1", n_retries=1, delay=0.0)
    assert not (tmp_path / "home" / "mitdb" / "101.dat").exists()


def test_fetch_mitbih_refuses_a_folder_with_a_damaged_file(made_up_database, tmp_path):
    home = tmp_path / "home"
    fetch_mitbih(data_home=home, subset="DS1", delay=0.0)
    (home / "mitdb" / "101.atr").write_bytes(b"\0\0")
    with pytest.raises(OSError, match=r"1 of 3 files .* damaged.*\(101\.atr\)"):
        fetch_mitbih(data_home=home, subset="DS1")


def test_fetch_mitbih_completes_a_folder_that_it_finds(made_up_database, tmp_path):
    home = tmp_path / "home"
    (home / "mitdb" / "1.0.0").mkdir(parents=True)
    for kind in ("hea", "dat"):
        source = made_up_database.folder / f"101.{kind}"
        (home / "mitdb" / "1.0.0" / source.name).write_bytes(source.read_bytes())
    with pytest.raises(OSError, match=r"missing 1 of 3 files \(101\.atr"):
        fetch_mitbih(data_home=home, subset="DS1", download_if_missing=False)
    assert len(fetch_mitbih(data_home=home, subset="DS1", delay=0.0).data) == 20
    assert made_up_database.asked == ["101.atr"]
