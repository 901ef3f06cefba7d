"""The Bonn EEG: 500 segments, whole or cut into windows, with and without seizures."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.core.bounded import DAMAGED
from bioaug.core.checks import Interval, check_number, check_option
from bioaug.datasets.downloads import (
    RemoteFile,
    check_retries,
    fetch_files,
    get_data_home,
    read_checksums,
)
from bioaug.exceptions import DataError

PAGE_URL = "https://www.upf.edu/web/ntsa/downloads"
_FILES_URL = "https://www.upf.edu/documents/229517819/234490509"
ZIP_URLS = {
    "Z": f"{_FILES_URL}/Z.zip/9c4a0084-c0d6-3cf6-fe48-8a8767713e67",
    "O": f"{_FILES_URL}/O.zip/f324f98f-1ade-e912-b89d-e313ac362b6a",
    "N": f"{_FILES_URL}/N.zip/d4f08e2d-3b27-1a6a-20fe-96dcf644902b",
    "F": f"{_FILES_URL}/F.zip/8219dcdd-d184-0474-e0e9-1ccbba43aaee",
    "S": f"{_FILES_URL}/S.zip/7647d3f7-c6bb-6d72-57f7-8f12972896a6",
}
SAMPLING_RATE = 173.61
N_TIMESTEPS = 4097
CHUNK = 178  # samples; a segment has 23 chunks, and 3 samples are left over

# The label of each set in the "Epileptic Seizure Recognition" table, and what it means.
SET_LABELS = {"Z": 5, "O": 4, "N": 3, "F": 2, "S": 1}
UCI_NAMES = {
    1: "seizure",
    2: "epileptogenic zone",
    3: "opposite hemisphere",
    4: "eyes closed",
    5: "eyes open",
}
BINARY_NAMES = {0: "rest", 1: "seizure"}
LABELS = ("uci", "binary")

_FOLDERS = frozenset("ZONFSABCDE")  # A to E is what the paper calls the sets
CHECKSUMS = read_checksums("bonn.sha256")  # of the numbers of every segment
_OWNER = "fetch_bonn"
_MAX_BYTES = 2**20  # of a segment

DESCR = """\
Bonn EEG
========
500 single-channel EEG segments of 23.6 s, 4,097 samples at 173.61 Hz, in five sets of 100, chosen
by eye to be free of artefacts:

Z (A)  5  scalp, healthy volunteers, eyes open
O (B)  4  scalp, healthy volunteers, eyes closed
N (C)  3  inside the skull, between seizures: hippocampal formation of the opposite hemisphere
F (D)  2  inside the skull, between seizures: epileptogenic zone
S (E)  1  inside the skull, during seizures

The number is the label in the "Epileptic Seizure Recognition" table of the UCI repository. Z and O
come from five volunteers, N, F and S from five patients. Which segments share a person was never
published, so that no split of these data is known to be one between people.

Terms: no licence comes with the files. The authors' page, https://www.upf.edu/web/ntsa/downloads,
says how they may be used, and asks to cite:
Andrzejak RG, Lehnertz K, Mormann F, Rieke C, David P, Elger CE. Indications of nonlinear
deterministic and finite-dimensional structures in time series of brain electrical activity:
Dependence on recording region and brain state. Physical Review E 64, 061907, 2001.
"""


def fetch_bonn(
    data_home: str | os.PathLike[str] | None = None,
    *,
    sets: str | Sequence[str] = ("Z", "O", "N", "F", "S"),
    window: int | None = CHUNK,
    labels: str = "uci",
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> Any:
    """Load the Bonn EEG, whole segments or windows of them, downloading it when missing.

    Rows are in the order of `sets`, then of segments, then of time.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder for recordings; ``None`` takes the environment variable ``BIOAUG_DATA``, or else
        ``~/bioaug_data``. A folder that already holds the segments is used as it is, whether it
        is `data_home` itself, ``data_home/bonn`` or ``data_home/bonn_eeg``. It may hold the five
        zip files as they were downloaded, the files Z001.txt to S100.txt (the ending may be .TXT)
        or folders of these, named by the letter of the set. Downloads go to the folder that was
        found, or to ``data_home/bonn``.
    sets : str or sequence of str, default=("Z", "O", "N", "F", "S")
        Which sets: "Z" eyes open, "O" eyes closed, "N" and "F" between seizures, "S" seizures.
    window : int or None, default=178
        Samples of a row. Every segment is cut from its beginning into as many adjacent windows as
        fit; what is left over is dropped. 178 gives the 23 chunks of the "Epileptic Seizure
        Recognition" table, ``None`` the whole segments of 4,097 samples.
    labels : {"uci", "binary"}, default="uci"
        Labels 1 to 5 as in the same table (1 = S, 2 = F, 3 = N, 4 = O, 5 = Z), or 1 for a seizure
        and 0 for the rest.
    download_if_missing : bool, default=True
        Whether to download what is not there, about 3 MB. The server may insist on a browser; the
        error then says what to download by hand.
    n_retries, delay : int and float, default=3 and 1.0
        How often a failed download is tried again, and after how many seconds.
    return_X_y : bool, default=False
        Whether to return only ``(data, target)``.

    Returns
    -------
    segments : sklearn.utils.Bunch
        With the fields

        - ``data``: float32 of shape (n_samples, 1, n_timesteps), the integers of the files, which
          are taken to be microvolts.
        - ``target``: int of shape (n_samples,); ``target_names``: what its values mean, in their
          sorted order.
        - ``groups``: str of shape (n_samples,), the segment, such as "S001". Splits by group keep
          the windows of a segment together.
        - ``sample``: int of shape (n_samples,), where in its segment the row begins.
        - ``sampling_rate`` (173.61 Hz), ``window``, ``DESCR``.
    (data, target) : tuple of ndarray
        If `return_X_y` is true.

    Raises
    ------
    DataError
        If a parameter is not one of its options.
    OSError
        If segments are missing and cannot, or may not, be downloaded, or are not as published.

    Notes
    -----
    The SHA-256 of each segment is taken of its numbers, one a line, so that line ends do not
    matter. The table of them was made from a copy of the data, since none was published.

    References
    ----------
    .. [1] Andrzejak RG, Lehnertz K, Mormann F, Rieke C, David P, Elger CE. "Indications of
       nonlinear deterministic and finite-dimensional structures in time series of brain
       electrical activity: Dependence on recording region and brain state". Physical Review E
       64, 061907, 2001.

    Examples
    --------
    >>> from bioaug.datasets import fetch_bonn
    >>> chunks = fetch_bonn()  # doctest: +SKIP
    >>> chunks.data.shape  # doctest: +SKIP
    (11500, 1, 178)
    >>> fetch_bonn(sets="ZS", window=None, labels="binary").data.shape  # doctest: +SKIP
    (200, 1, 4097)
    """
    letters = _check_sets(sets)
    check_number(
        window,
        Interval(Integral, 1, N_TIMESTEPS, closed="both"),
        name="window",
        owner=_OWNER,
        optional=True,
    )
    check_option(labels, name="labels", owner=_OWNER, options=LABELS)
    check_retries(n_retries, delay, owner=_OWNER)

    home = get_data_home(data_home)
    texts = _find_or_fetch(letters, home, download_if_missing, n_retries, delay)
    whole = np.array([text.split() for text in texts.values()]).astype(np.float32)
    n_timesteps = N_TIMESTEPS if window is None else int(window)
    n_windows = N_TIMESTEPS // n_timesteps
    data = whole[:, : n_windows * n_timesteps].reshape(-1, 1, n_timesteps)
    groups = np.repeat(list(texts), n_windows)
    target = np.array([SET_LABELS[segment[0]] for segment in groups])
    target, target_names = name_labels(target, labels)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=target_names,
        groups=groups,
        sample=np.tile(np.arange(n_windows) * n_timesteps, len(texts)),
        sampling_rate=SAMPLING_RATE,
        window=n_timesteps,
        DESCR=DESCR,
    )


def name_labels(target: NDArray[np.int64], labels: str) -> tuple[NDArray[np.int64], list[str]]:
    """Return labels 1 to 5 as the option `labels` wants them, and the names of those there are."""
    names = UCI_NAMES
    if labels == "binary":
        target, names = (target == SET_LABELS["S"]).astype(np.int64), BINARY_NAMES
    return target, [names[label] for label in np.unique(target).tolist()]


def _check_sets(sets: str | Sequence[str]) -> tuple[str, ...]:
    """Return the letters of the wanted sets."""
    letters = tuple(sets) if isinstance(sets, Iterable) else (sets,)
    for letter in letters:
        check_option(letter, name="sets", owner=_OWNER, options=SET_LABELS)
    if not letters or len(set(letters)) < len(letters):
        raise DataError(
            f"The 'sets' parameter of {_OWNER} must name one or more different sets. Got {sets!r} "
            "instead. Give for example 'ZS'."
        )
    return letters


def _find_or_fetch(
    letters: Sequence[str], home: Path, download_if_missing: bool, n_retries: int, delay: float
) -> dict[str, bytes]:
    """Return the text of every segment by its name, after downloading what is missing."""
    names = [name for letter in letters for name in CHECKSUMS if name[0] == letter]
    candidates = (home / "bonn", home / "bonn_eeg", home)
    texts_in = {folder: _read_segments(folder, names) for folder in candidates}
    folder = max(candidates, key=lambda folder: len(texts_in[folder]))
    texts = texts_in[folder]
    missing = [name for name in names if name not in texts]
    by_hand = (
        f"By hand: open {PAGE_URL} in a browser, download the zip files of the Bonn EEG (Z.zip, "
        f"O.zip, N.zip, F.zip, S.zip), and put them as they are into {home / 'bonn'}, or pass the "
        "folder that has them as 'data_home'."
    )
    if missing and not download_if_missing:
        raise OSError(
            f"The Bonn EEG is missing {len(missing)} of {len(names)} segments "
            f"({', '.join(missing[:3])}, ...). Looked in {', '.join(map(str, candidates))}. Pass "
            f"'data_home' or set BIOAUG_DATA to the folder that has them, or call {_OWNER} with "
            f"download_if_missing=True. {by_hand}"
        )
    _check_texts(texts, CHECKSUMS, folder)
    for letter in dict.fromkeys(name[0] for name in missing):
        wanted = {name: digest for name, digest in CHECKSUMS.items() if name[0] == letter}
        check = partial(_check_zip, checksums=wanted)
        file = RemoteFile(ZIP_URLS[letter], f"{letter}.zip", check)
        try:
            fetch_files([file], folder, n_retries=n_retries, delay=delay)
        except OSError as error:
            raise OSError(f"{error} {by_hand}") from error
        texts = dict(_read_zip(folder / file.name, wanted)) | texts
    return {name: texts[name] for name in names}


def _read_segments(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the normalised text of the segments in a folder, its folders by letter and its zips.

    A segment that is there twice is read from the file rather than the zip.
    """
    if not folder.is_dir():
        return {}
    wanted = set(names)
    entries = sorted(folder.iterdir())
    below = [entry for entry in entries if entry.name.upper() in _FOLDERS and entry.is_dir()]
    files = entries + [file for subfolder in below for file in sorted(subfolder.iterdir())]
    texts: dict[str, bytes] = {}
    for file in entries:
        if file.name.upper() in {f"{letter}.ZIP" for letter in SET_LABELS}:
            texts |= _read_zip(file, wanted)
    for file in files:
        name = _segment_name(file.name)
        if name in wanted and file.is_file():
            _check_size(file.stat().st_size, name)
            texts[name] = _normalise(file.read_bytes())
    return texts


def _check_size(size: int, name: str) -> None:
    """Raise an OSError for what is too large for a segment, before it is read."""
    if size > _MAX_BYTES:
        raise OSError(f"The segment {name} has {size} bytes, and none has more than {_MAX_BYTES}.")


def _read_zip(file: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the segments of a zip file that are among `names`."""
    wanted = set(names)
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                name = _segment_name(member.rpartition("/")[2])
                if name in wanted:
                    _check_size(archive.getinfo(member).file_size, name)
                    yield name, _normalise(archive.read(member))
    except (*DAMAGED, RuntimeError, NotImplementedError) as error:
        raise OSError(
            f"{file.name} is no zip file, or a damaged one: {error}. Perhaps the server answered "
            "with a page meant for a browser."
        ) from error


def _segment_name(file_name: str) -> str:
    """Return "Z001" for "Z001.txt" or "Z001.TXT", and an empty string for other endings."""
    stem, _, ending = file_name.upper().rpartition(".")
    return stem if ending == "TXT" else ""


def _normalise(text: bytes) -> bytes:
    """Return the numbers of a text, one a line, whatever the line ends were."""
    return b"\n".join(text.split())


def _check_zip(file: Path, *, checksums: Mapping[str, str]) -> None:
    """Raise an OSError unless a zip file has every segment of `checksums`, undamaged."""
    texts = dict(_read_zip(file, checksums))
    missing = [name for name in checksums if name not in texts]
    if missing:
        raise OSError(f"it lacks {len(missing)} segments ({', '.join(missing[:3])})")
    _check_texts(texts, checksums, file)


def _check_texts(texts: Mapping[str, bytes], checksums: Mapping[str, str], folder: Path) -> None:
    """Raise an OSError that names the segments whose numbers are not those of the table."""
    damaged = [
        name for name, text in texts.items() if hashlib.sha256(text).hexdigest() != checksums[name]
    ]
    if damaged:
        raise OSError(
            f"{len(damaged)} of {len(texts)} segments in {str(folder)!r} are damaged: their "
            f"numbers do not have the SHA-256 of the Bonn EEG ({', '.join(damaged[:3])}). Delete "
            "them and load again to download them anew, or copy them again."
        )
