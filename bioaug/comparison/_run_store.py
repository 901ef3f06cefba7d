"""Finished runs of a comparison, each in a file that names what it depends on."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioaug.comparison._json import from_plain, to_plain
from bioaug.comparison.records import Predictions, Run
from bioaug.core.atomic import replace_file
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError

OWNER = "cross_validate_augmentation"
FORMAT = "bioaug-run-3"
ARRAYS = ("rows", "predicted", "responses")
LARGEST = 2**26  # bytes of an entry besides what its rows need
PER_ROW = 2**10
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    RecursionError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class RunStore:
    """A folder of finished runs.

    Several processes may use it at once: entries are replaced whole, and one that another process
    has written meanwhile is read. Each entry holds its key, the digest of everything that its
    result depends on, and a digest of itself: one that was copied from elsewhere, edited or damaged
    is not used.
    """

    folder: Path

    @classmethod
    def of(cls, folder: Path | None) -> RunStore | None:
        """Return the store of a folder, which is made where there is none."""
        if folder is None:
            return None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"The 'folder' parameter of {OWNER} must be a folder that exists or can be made. "
                f"Got {str(folder)!r} ({error.strerror or error})."
            ) from error
        return cls(folder)

    def file(self, key: str) -> Path:
        """Return the file of an entry."""
        return self.folder / f"{key[:24]}.npz"

    def read(self, key: str, rows: NDArray, n_classes: int) -> Run | None:
        """Return a stored result; None, and a warning, where there is none that can be used."""
        file = self.file(key)
        if not file.exists():
            return None
        try:
            return _entry(file, key, rows, n_classes)
        except UNREADABLE as error:
            warn_user(
                f"{OWNER}: the stored result {str(file)!r} cannot be read ({error}); its run is "
                "done again."
            )
            return None

    def write(self, key: str, run: Run) -> OSError | None:
        """Keep a result; return the error where it cannot be written."""
        kept = {} if run.predictions is None else vars(run.predictions)
        arrays = {name: np.asarray(kept[name]) for name in ARRAYS if kept.get(name) is not None}
        method = kept.get("method")
        text = json.dumps({"run": to_plain(run), "method": method})
        header = {"format": FORMAT, "key": key, "sha256": _digest(text, arrays)}
        stream = io.BytesIO()
        np.savez(stream, header=np.array(json.dumps(header)), text=np.array(text), **arrays)  # pyright: ignore
        try:
            replace_file(self.file(key), stream.getvalue())
        except OSError as error:
            return error
        return None


def _entry(file: Path, key: str, rows: NDArray, n_classes: int) -> Run:
    """Return the result in a file, or raise a ValueError for any that is not of this key."""
    most = LARGEST + PER_ROW * len(rows) * n_classes
    with zipfile.ZipFile(file) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > most:
            raise ValueError(f"it would take {size} bytes, more than {most}")
    with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
        header, text = json.loads(str(stored["header"])), str(stored["text"])
        arrays = {name: stored[name] for name in ARRAYS if name in stored}
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("it is of another version")
    if header.get("key") != key:
        raise ValueError("it is of another run")
    if header.get("sha256") != _digest(text, arrays):
        raise ValueError("it was edited or damaged")
    predicted = arrays["predicted"]
    if not np.array_equal(arrays["rows"], rows) or predicted.shape != rows.shape:
        raise ValueError("it is of other rows")
    if predicted.dtype.kind != "i" or predicted.min() < 0 or predicted.max() >= n_classes:
        raise ValueError("it is of other classes")
    whole = json.loads(text)
    predictions = Predictions(**arrays, method=whole["method"])
    return replace(from_plain(Run, whole["run"], "the run"), predictions=predictions)


def _digest(text: str, arrays: dict[str, NDArray]) -> str:
    whole = hashlib.sha256(text.encode())
    for name, array in arrays.items():
        whole.update(f"{name} {array.dtype} {array.shape}".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
