"""Downloads of public recordings into a data home: retried, checked, never left half done."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import resources
from pathlib import Path
from time import monotonic
from typing import IO, Any

from bioaug.core.atomic import replacing
from bioaug.core.checks import check_path

TIMEOUT_SECONDS = 60.0  # without a sign of the server
DEADLINE_SECONDS = 900.0  # for one file, with all its tries
LEAST_RATE = 1024  # bytes a second, on average after the first seconds
FIRST_SECONDS = 30.0
MOST_BYTES = 2**26  # of one file


def get_data_home(data_home: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder for recordings, without creating it.

    Parameters
    ----------
    data_home : path-like, default=None
        The folder. ``None`` takes the environment variable ``BIOAUG_DATA``, or else
        ``~/bioaug_data``.

    Returns
    -------
    folder : pathlib.Path
        The absolute path, with ``~`` expanded.
    """
    chosen = (
        data_home if data_home is not None else os.environ.get("BIOAUG_DATA") or "~/bioaug_data"
    )
    return check_path(chosen, name="data_home", owner="the loaders").absolute()


def read_checksums(table: str) -> dict[str, str]:
    """Read a table in the format of ``sha256sum`` that ships with this package.

    Parameters
    ----------
    table : str
        File name inside ``bioaug/datasets``.

    Returns
    -------
    checksums : dict of str to str
        File name to SHA-256 in hexadecimal.
    """
    text = resources.files("bioaug.datasets").joinpath(table).read_text(encoding="ascii")
    return {name: digest for digest, name in (line.split() for line in text.splitlines())}


def fetch_files(
    checksums: Mapping[str, str],
    folder: Path,
    *,
    base_url: str,
    n_retries: int = 3,
    delay: float = 1.0,
) -> None:
    """Download files into a folder, each checked before it gets its name.

    Parameters
    ----------
    checksums : mapping of str to str
        The files to download, each with the SHA-256 that it must have.
    folder : pathlib.Path
        Where they go; created when missing.
    base_url : str
        Address that each file name is appended to.
    n_retries : int, default=3
        How often a failed download of one file is tried again.
    delay : float, default=1.0
        Seconds between two tries.

    Raises
    ------
    OSError
        If a file cannot be downloaded, does not match its checksum, or cannot be written.
    """
    for name, digest in checksums.items():
        fetch_file(
            base_url.rstrip("/") + "/" + name,
            folder / name,
            check=partial(_check_sha256, name=name, digest=digest),
            n_retries=n_retries,
            delay=delay,
        )


def fetch_file(
    url: str,
    target: Path,
    *,
    check: Callable[[Path], None],
    n_retries: int = 3,
    delay: float = 1.0,
) -> None:
    """Download one file, checked before it gets its name.

    Parameters
    ----------
    url : str
        Where it is.
    target : pathlib.Path
        Where it goes; the folder is created when missing.
    check : callable
        Is called with the path of the downloaded file, and raises an OSError if it is not right.
    n_retries : int, default=3
        How often a failed download is tried again.
    delay : float, default=1.0
        Seconds between two tries.

    Raises
    ------
    OSError
        If the file cannot be downloaded, does not pass its check, or cannot be written; if the
        server sends more than `MOST_BYTES`, slower than `LEAST_RATE`, or for longer than
        `DEADLINE_SECONDS`, or leads to another kind of address.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    until = monotonic() + DEADLINE_SECONDS
    for tries_left in range(n_retries, -1, -1):
        try:
            _download(url, target, check, until)
            break
        except (OSError, http.client.HTTPException) as error:
            if not tries_left or isinstance(error, _Refused):
                n_tries = n_retries + 1 - tries_left
                raise OSError(
                    f"Could not download {url} to {target.parent} in {n_tries} tries. The "
                    f"last one ended with: {error}. Check the connection and the folder, or "
                    "download the files by hand and pass their folder as 'data_home'."
                ) from error
            time.sleep(delay)


def missing_files(names: Iterable[str], folder: Path) -> list[str]:
    """Return those of `names` that are not in `folder`."""
    return [name for name in names if not (folder / name).is_file()]


def check_files(checksums: Mapping[str, str], folder: Path) -> None:
    """Raise an OSError that names the files of `folder` whose content is not the published one."""
    damaged = [name for name, digest in checksums.items() if _sha256(folder / name) != digest]
    if damaged:
        raise OSError(
            f"{len(damaged)} of {len(checksums)} files in {str(folder)!r} are damaged: their "
            f"SHA-256 is not the published one ({', '.join(damaged[:3])}). Delete them and load "
            "again to download them anew, or copy them again."
        )


def has_checksum(file: Path, digest: str) -> bool:
    """Whether a file's SHA-256 is `digest`."""
    return _sha256(file) == digest


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_sha256(file: Path, *, name: str, digest: str) -> None:
    found = _sha256(file)
    if found != digest:
        raise OSError(f"the SHA-256 of {name} must be {digest}, but it is {found}")


class _Refused(OSError):
    """What a server does that no further try makes better."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to addresses of the web alone, and never from https to http."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        allowed = ("https:",) if req.full_url.lower().startswith("https:") else ("http:", "https:")
        if not newurl.lower().startswith(allowed):
            fp.close()
            raise _Refused(f"the server leads to {newurl!r}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(url: str, target: Path, check: Callable[[Path], None], until: float) -> None:
    """Download one file; `target` appears complete and checked, or not at all."""
    if not url.lower().startswith(("http:", "https:")):
        raise _Refused(f"{url!r} is no address of the web")
    with replacing(target) as draft:
        with _ended_at(until) as opener:
            try:
                response = opener.open(url, timeout=TIMEOUT_SECONDS)
            except urllib.error.HTTPError as error:
                error.close()  # it is a response too, with an open socket
                raise
            with response, draft.open("wb") as file:
                _copy(response, file)
        check(draft)


def _copy(response: http.client.HTTPResponse, file: IO[bytes]) -> None:
    """Write what a server sends, as long as it is neither too much nor too slow."""
    promised = response.headers.get("Content-Length", "")
    n_bytes, begun = int(promised) if promised.isdecimal() else 0, monotonic()
    while n_bytes <= MOST_BYTES:
        chunk = response.read1(2**16)
        if not chunk:
            return
        file.write(chunk)
        n_bytes = max(n_bytes, file.tell())
        seconds = monotonic() - begun
        if seconds > FIRST_SECONDS and file.tell() < LEAST_RATE * seconds:
            raise _Refused(f"the server sent {file.tell()} bytes in {seconds:.0f} seconds")
    raise _Refused(f"the file has more than {MOST_BYTES} bytes")


@contextmanager
def _ended_at(until: float) -> Iterator[urllib.request.OpenerDirector]:
    """Give an opener of addresses whose connections are closed at a time, whatever they do.

    A timeout of sockets does not do: every byte that a server lets drip begins it anew.
    """
    sockets: list[socket.socket] = []
    is_late = threading.Event()

    def remember(address: Any, *arguments: Any, **options: Any) -> socket.socket:
        connection = socket.create_connection(address, *arguments, **options)
        sockets.append(connection.dup())  # of the same connection, also within TLS
        if is_late.is_set():
            connection.close()
            raise _late()
        return connection

    def end() -> None:
        is_late.set()
        for connection in sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def connect(kind: Any, *arguments: Any, **options: Any) -> Any:
        connection = kind(*arguments, **options)
        connection._create_connection = remember
        return connection

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(partial(connect, http.client.HTTPConnection), req)

    class Secure(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(partial(connect, http.client.HTTPSConnection), req)

    timer = threading.Timer(max(until - monotonic(), 0), end)
    timer.daemon = True
    timer.start()
    try:
        yield urllib.request.build_opener(Plain, Secure, _Redirects)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if is_late.is_set() and not isinstance(error, _Refused):
            raise _late() from error
        raise
    finally:
        timer.cancel()
        for connection in sockets:
            connection.close()
    if is_late.is_set():
        raise _late()


def _late() -> _Refused:
    return _Refused(f"the server did not end within {DEADLINE_SECONDS:g} seconds")
