"""Downloads of public recordings into a data folder: bounded, checked, complete or absent.

Pooch speaks with the server. Ours are the limits that it has none of (bytes, rate, time), the two
parameters of scikit-learn's loaders (`n_retries` and `delay`; pooch's waits are fixed), and files
that are written like all others of this package: with the usual permissions, under a lock, without
leftovers of a killed process, and without a line on the console.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

from bioaug.core.atomic import folder_lock, replacing
from bioaug.core.checks import NOT_NEGATIVE, NOT_NEGATIVE_INT, check_number, check_path

if TYPE_CHECKING:
    from requests import Response

TIMEOUT_SECONDS = 60.0  # without a sign of the server
MAX_SECONDS = 900.0  # for one file, with all its tries
MIN_BYTES_PER_SECOND = 1024  # on average, after the grace period
GRACE_SECONDS = 30.0
MAX_BYTES = 2**26  # of one file


class RemoteFile(NamedTuple):
    """A file to download."""

    url: str
    name: str  # in the folder
    check: Callable[[Path], None]  # raises an OSError where the content is not right


class RefusedError(OSError):
    """Raised for what a server does that no further try makes better."""


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
    if data_home is None:
        data_home = os.environ.get("BIOAUG_DATA") or "~/bioaug_data"
    return check_path(data_home, name="data_home", owner="the loaders").absolute()


def read_checksums(table: str) -> dict[str, str]:
    """Return SHA-256 by file name, of a table of `sha256sum` that ships with this package."""
    text = resources.files("bioaug.datasets").joinpath(table).read_text(encoding="ascii")
    return {name: digest for digest, name in (line.split() for line in text.splitlines())}


def missing_files(names: Iterable[str], folder: Path) -> list[str]:
    """Return those of `names` that are not in `folder`."""
    return [name for name in names if not (folder / name).is_file()]


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_files(checksums: Mapping[str, str], folder: Path) -> None:
    """Raise an OSError that names the files of `folder` whose content is not the published one."""
    damaged = [name for name, digest in checksums.items() if sha256_of(folder / name) != digest]
    if damaged:
        raise OSError(
            f"{len(damaged)} of {len(checksums)} files in {str(folder)!r} are damaged: their "
            f"SHA-256 is not the published one ({', '.join(damaged[:3])}). Delete them and load "
            "again to download them anew, or copy them again."
        )


def with_checksum(base_url: str, name: str, digest: str) -> RemoteFile:
    """Return a file that must have a SHA-256, at an address that ends in its name."""
    return RemoteFile(base_url + name, name, partial(_check_sha256, name=name, digest=digest))


def check_retries(n_retries: int, delay: float, *, owner: str) -> None:
    """Raise a DataError unless these are a number of retries, and seconds between them."""
    check_number(n_retries, NOT_NEGATIVE_INT, name="n_retries", owner=owner)
    check_number(delay, NOT_NEGATIVE, name="delay", owner=owner)


def fetch_files(
    files: Sequence[RemoteFile], folder: Path, *, n_retries: int = 3, delay: float = 1.0
) -> None:
    """Download files into a folder, each checked before it gets its name.

    Another process that downloads into the same folder is waited for; what it has downloaded is
    not downloaded again.

    Parameters
    ----------
    files : sequence of RemoteFile
    folder : pathlib.Path
        Created when missing.
    n_retries : int, default=3
        How often a failed download of one file is tried again.
    delay : float, default=1.0
        Seconds between two tries.

    Raises
    ------
    OSError
        If a file cannot be downloaded, does not pass its check, or cannot be written; if the
        server sends more than `MAX_BYTES`, slower than `MIN_BYTES_PER_SECOND`, or for longer than
        `MAX_SECONDS`, or redirects to another kind of address.
    """
    if not files:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder, wait=MAX_SECONDS * len(files)):
        for file in files:
            if not _is_complete(file, folder):
                _fetch_file(file, folder, n_retries, delay)


def _is_complete(file: RemoteFile, folder: Path) -> bool:
    """Whether another process has downloaded a file meanwhile."""
    try:
        file.check(folder / file.name)
    except OSError:
        return False
    return True


def _fetch_file(file: RemoteFile, folder: Path, n_retries: int, delay: float) -> None:
    """Download one file in several tries; it appears complete and checked, or not at all."""
    until = monotonic() + MAX_SECONDS
    for n_tries in range(1, n_retries + 2):
        try:
            with replacing(folder / file.name) as draft:
                with draft.open("wb") as stream:
                    _download(file.url, stream, until - monotonic())
                file.check(draft)
            return
        except OSError as error:
            if n_tries > n_retries or isinstance(error, RefusedError):
                raise OSError(
                    f"Could not download {file.url} to {folder} in {n_tries} tries. The last one "
                    f"ended with: {error}. Check the connection and the folder, or download the "
                    "files by hand and pass their folder as 'data_home'."
                ) from error
            time.sleep(delay)


def _download(url: str, stream: IO[bytes], seconds: float) -> None:
    """Write what a server sends, in a thread that is left to itself when the time is over.

    A timeout of sockets alone does not do: every byte that a server lets drip begins it anew. The
    thread ends with the next byte, as `stream` is closed by then.
    """
    outcomes: list[Exception | None] = []

    def download() -> None:
        try:
            _request(url, stream)
            outcomes.append(None)
        except Exception as error:
            outcomes.append(error)

    thread = threading.Thread(target=download, daemon=True)
    thread.start()
    thread.join(max(seconds, 0))
    if not outcomes:
        raise RefusedError(f"the server did not end within {MAX_SECONDS:g} seconds")
    if outcomes[0] is not None:
        raise outcomes[0]


def _request(url: str, stream: IO[bytes]) -> None:
    """Let pooch download, and look at every answer of the server before its content is read."""
    import pooch  # only where something is downloaded

    responses: list[Response] = []

    def look(response: Response, *args: Any, **kwargs: Any) -> None:
        responses.append(response)
        _check_response(response)

    download = pooch.HTTPDownloader(
        timeout=TIMEOUT_SECONDS, headers={"Accept-Encoding": "identity"}, hooks={"response": look}
    )
    try:
        download(url, _LimitedStream(stream), None)
    finally:
        for response in responses:
            response.close()


def _check_response(response: Response) -> None:
    """Refuse what is announced to be too large, and to be led from https to anything else."""
    size = response.headers.get("Content-Length", "")
    if size.isdecimal() and int(size) > MAX_BYTES:
        raise RefusedError(f"the file has more than {MAX_BYTES} bytes")
    if response.is_redirect:
        target = urljoin(response.url, response.headers["Location"])
        is_secure = response.url.lower().startswith("https:")
        if not target.lower().startswith("https:" if is_secure else ("http:", "https:")):
            raise RefusedError(f"the server leads to {target!r}, which is not followed")


class _LimitedStream:
    """A stream that refuses to be written too much, or too slowly."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._n_bytes, self._begun = stream, 0, monotonic()

    def write(self, chunk: bytes) -> None:
        self._n_bytes += len(chunk)
        if self._n_bytes > MAX_BYTES:
            raise RefusedError(f"the file has more than {MAX_BYTES} bytes")
        seconds = monotonic() - self._begun
        if seconds > GRACE_SECONDS and self._n_bytes < MIN_BYTES_PER_SECOND * seconds:
            raise RefusedError(f"the server sent {self._n_bytes} bytes in {seconds:.0f} seconds")
        self._stream.write(chunk)

    def flush(self) -> None:
        """Leave the buffer as it is: pooch asks for this after every chunk."""


def _check_sha256(file: Path, *, name: str, digest: str) -> None:
    actual = sha256_of(file)
    if actual != digest:
        raise OSError(f"the SHA-256 of {name} must be {digest}, but it is {actual}")
