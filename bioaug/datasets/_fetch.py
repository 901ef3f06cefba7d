"""Downloads of public recordings into a data home: retried, checked, never left half done."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import resources
from pathlib import Path

from bioaug._atomic import replacing
from bioaug._validation import check_path

TIMEOUT_SECONDS = 60.0


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
        If the file cannot be downloaded, does not pass its check, or cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for tries_left in range(n_retries, -1, -1):
        try:
            _download(url, target, check)
            break
        except (OSError, http.client.HTTPException) as error:
            if not tries_left:
                raise OSError(
                    f"Could not download {url} to {target.parent} in {n_retries + 1} tries. The "
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


def _download(url: str, target: Path, check: Callable[[Path], None]) -> None:
    """Download one file; `target` appears complete and checked, or not at all."""
    try:
        response = urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()  # it is a response too, with an open socket
        raise
    with response, replacing(target) as part:
        with part.open("wb") as file:
            shutil.copyfileobj(response, file)
        check(part)
