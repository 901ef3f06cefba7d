"""Which files of a checkpoint's folder are ours, and which of them are left behind."""

from __future__ import annotations

import hashlib
import math
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bioaug.core.atomic import check_writable, folder_lock, is_draft, remove_drafts
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import CheckpointError

FORMAT = "bioaug-checkpoint"
CONFIG = "config.json"
MAX_CONFIG_BYTES = 2**25  # 130,000 entries of a history, and some 500 MB once it is parsed
_WEIGHTS = re.compile(r"weights-[0-9a-f]{16}\.safetensors")
_HARMLESS = {".lock", ".DS_Store"}  # of `folder_lock`; of a Mac


def weights_name(digest: str) -> str:
    """Return the name of the file of weights with this SHA-256."""
    return f"weights-{digest[:16]}.safetensors"


def check_folder(folder: Path) -> None:
    """Raise what `write_checkpoint` would raise of `folder`, before anything is computed."""
    with naming_folder(folder):
        if folder.exists():
            check_ours(folder)
            check_writable(folder / CONFIG)
        else:
            check_writable(folder)


def has_checkpoint(folder: str | Path) -> bool:
    """Whether `folder` holds a config file, whole or not."""
    try:
        return (Path(folder).expanduser() / CONFIG).is_file()
    except (OSError, RuntimeError, ValueError):  # a name that no folder can have
        return False


def remove_stale(folder: Path) -> None:
    """Delete what a write that failed or was killed left: drafts, weights no config names."""
    with suppress(OSError), folder_lock(folder) as is_locked:
        remove_stale_locked(folder, is_locked)


def remove_stale_locked(folder: Path, is_locked: bool) -> None:
    """Delete what `remove_stale` does, where this process has the lock of the folder, or none."""
    remove_drafts(folder, locked=is_locked)
    with suppress(OSError):  # the next write tries again
        named = named_weights(folder)
        for file in folder.iterdir():
            if _WEIGHTS.fullmatch(file.name) and file != named and is_locked:
                with file.open("rb") as stream:  # the digest in the name shows that it is ours
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                if digest[:16] in file.name:
                    file.unlink(missing_ok=True)


@contextmanager
def naming_folder(folder: Path) -> Iterator[None]:
    """Say in an OSError which folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"The folder {str(folder)!r} cannot be written ({error.strerror or error}). What it "
            "held before is unchanged. Make room there, or give another folder",
        ) from error


def check_ours(folder: Path) -> None:
    """Raise a CheckpointError where a folder holds other things than what bioaug wrote."""
    names = {file.name for file in folder.iterdir() if not is_draft(file.name)}
    if CONFIG in names:
        if _is_ours(folder / CONFIG):
            return
        held = f"a {CONFIG} of another program"
    else:
        others = sorted(name for name in names - _HARMLESS if not _WEIGHTS.fullmatch(name))
        if not others:
            return
        held = f"{len(others)} other files, such as {others[0]!r},"
    raise CheckpointError(
        f"The folder {str(folder)!r} holds {held} and no saved model, so nothing is written into "
        "it. Give the name of a new folder, of an empty one, or of one that bioaug wrote."
    )


def _is_ours(config: Path) -> bool:
    """Whether a config was written by bioaug, whole or damaged since."""
    try:
        check_regular(config, MAX_CONFIG_BYTES)
        with config.open("rb") as stream:
            start = stream.read(200)
    except OSError:
        return False
    return re.match(rb'\{\s*"format":\s*"%b"' % FORMAT.encode(), start) is not None


def named_weights(folder: Path) -> Path | None:
    """Return the file of weights that the config of `folder` names, where it is one of ours."""
    try:
        check_regular(folder / CONFIG, MAX_CONFIG_BYTES)
        config = parse_json((folder / CONFIG).read_bytes())
        name = config["weights"] if config["format"] == FORMAT else ""
        return folder / name if _WEIGHTS.fullmatch(name) else None
    except (OSError, LookupError, TypeError, ValueError):
        return None


def check_regular(file: Path, max_size: float = math.inf) -> int:
    """Return the size; raise an OSError for a device, pipe or folder, or more than `max_size`."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{str(file)!r} is no regular file")
    if status.st_size > max_size:
        raise OSError(f"{str(file)!r} has {status.st_size} bytes, more than {max_size}")
    return status.st_size
