"""Folders of safetensors and JSON, written so that a kill at any moment leaves a whole one."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bioaug.core.atomic import (
    check_writable,
    folder_lock,
    is_draft,
    remove_drafts,
    replace_file,
)
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import CheckpointError

FORMAT = "bioaug-checkpoint"
FORMAT_VERSION = 1
CONFIG = "config.json"
# What wrong content can raise where it is taken for right.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
MAX_CONFIG_BYTES = 2**25  # bytes; 130,000 entries of a history, and some 500 MB once it is parsed
MAX_HEADER_BYTES = 2**24  # bytes of the list of tensors in front of the weights
LARGE_BYTES = 2**30  # bytes of weights, above which the header is checked before the digest
MAX_READS = 20  # while others write
_WEIGHTS = re.compile(r"weights-[0-9a-f]{16}\.safetensors")
_HARMLESS = {".lock", ".DS_Store"}  # of `folder_lock`; of a Mac
MAX_NAME_LENGTH = 60  # characters kept of a text that becomes a file name


def write_checkpoint(
    folder: str | Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    *,
    owned: bool = False,
) -> None:
    """Write `tensors` and `config` into `folder` as one atomic change.

    The weights go to a file named after their SHA-256; then `config.json`, which names that file,
    is replaced in one step. A reader sees the old pair or the new one, never a mixture. One process
    at a time writes; the others wait. Files that are not ours stay.

    Parameters
    ----------
    folder : path
    tensors : mapping of str to Tensor
    config : mapping
    owned : bool, default=False
        Whether the name of the folder is bioaug's, so that what it holds is not looked at.

    Raises
    ------
    OSError
        Where the folder cannot be written, such as on a full disk. What was there before stays as
        it was.
    CheckpointError
        Where `config` holds what JSON cannot, or the folder holds something else than a saved
        model.
    """
    folder = Path(folder)
    # Copied, for safetensors refuses tensors that share memory, as tied weights do.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    weights = save(copies)
    digest = hashlib.sha256(weights).hexdigest()
    name = f"weights-{digest[:16]}.safetensors"
    header = {"format": FORMAT, "version": FORMAT_VERSION, "weights": name, "sha256": digest}
    whole = header | as_json(config)
    content = json.dumps(whole | {"config_sha256": json_digest(whole)}, indent=1).encode()
    _check_readable(content, weights)
    with _errors_naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder) as is_locked:
            if not owned:
                _check_ours(folder)
            try:
                former = _named_weights(folder)
                replace_file(folder / name, weights, like=former)
                replace_file(folder / CONFIG, content)
                if former is not None and former.name != name:
                    former.unlink(missing_ok=True)
            finally:
                _remove_stale(folder, is_locked)


def check_folder(folder: Path) -> None:
    """Raise what `write_checkpoint` would raise of `folder`, before anything is computed."""
    with _errors_naming(folder):
        if folder.exists():
            _check_ours(folder)
            check_writable(folder / CONFIG)
        else:
            check_writable(folder)


def remove_stale(folder: Path) -> None:
    """Delete what a write that failed or was killed left: drafts, weights no config names."""
    with suppress(OSError), folder_lock(folder) as is_locked:
        _remove_stale(folder, is_locked)


def _remove_stale(folder: Path, is_locked: bool) -> None:
    remove_drafts(folder, locked=is_locked)
    with suppress(OSError):  # the next write tries again
        named = _named_weights(folder)
        for file in folder.iterdir():
            if _WEIGHTS.fullmatch(file.name) and file != named and is_locked:
                with file.open("rb") as stream:  # the digest in the name shows that it is ours
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                if digest[:16] in file.name:
                    file.unlink(missing_ok=True)


@contextmanager
def _errors_naming(folder: Path) -> Iterator[None]:
    """Say in an OSError which folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"The folder {str(folder)!r} cannot be written ({error.strerror or error}). What it "
            "held before is unchanged. Make room there, or give another folder",
        ) from error


def _check_ours(folder: Path) -> None:
    """Raise a CheckpointError where a folder holds other things than what bioaug wrote."""
    names = {file.name for file in folder.iterdir() if not is_draft(file.name)}
    if CONFIG in names:
        if _is_ours(folder / CONFIG):
            return
        found = f"a {CONFIG} of another program"
    else:
        others = sorted(name for name in names - _HARMLESS if not _WEIGHTS.fullmatch(name))
        if not others:
            return
        found = f"{len(others)} other files, such as {others[0]!r},"
    raise CheckpointError(
        f"The folder {str(folder)!r} holds {found} and no saved model, so nothing is written into "
        "it. Give the name of a new folder, of an empty one, or of one that bioaug wrote."
    )


def _is_ours(config: Path) -> bool:
    """Whether a config was written by bioaug, whole or damaged since."""
    try:
        _check_regular(config, MAX_CONFIG_BYTES)
        with config.open("rb") as stream:
            start = stream.read(200)
    except OSError:
        return False
    return re.match(rb'\{\s*"format":\s*"%b"' % FORMAT.encode(), start) is not None


def _named_weights(folder: Path) -> Path | None:
    """Return the file of weights that the config of `folder` names, where it is one of ours."""
    try:
        _check_regular(folder / CONFIG, MAX_CONFIG_BYTES)
        config = parse_json((folder / CONFIG).read_bytes())
        name = config["weights"] if config["format"] == FORMAT else ""
        return folder / name if _WEIGHTS.fullmatch(name) else None
    except (OSError, LookupError, TypeError, ValueError):
        return None


def _check_readable(content: bytes, weights: bytes) -> None:
    """Raise a CheckpointError for what `read_checkpoint` would refuse for its size."""
    try:
        if len(content) > MAX_CONFIG_BYTES:
            raise ValueError(f"{len(content)} bytes, more than {MAX_CONFIG_BYTES}")
        if len(content) > MAX_CONFIG_BYTES // 32:
            parse_json(content)
        _check_header(io.BytesIO(weights), len(weights))
    except ValueError as error:
        raise CheckpointError(
            f"A model or training is too large to be saved: {error}. Write fewer entries of the "
            "history ('log_every' of training_params), or train fewer classes at once."
        ) from error


def read_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the config of a folder that `write_checkpoint` wrote.

    It takes no lock, and so reads from folders that cannot be written. Where another process
    replaces the folder meanwhile, it reads again.

    Raises
    ------
    CheckpointError
        Where the folder, or one of its files, is missing, damaged or not ours.
    """
    folder = Path(folder)
    for _ in range(MAX_READS):
        before = _version_of(folder)
        try:
            return _read(folder)
        except CheckpointError:
            if _version_of(folder) == before:
                raise
    return _read(folder)


def _version_of(folder: Path) -> tuple[int, ...] | None:
    """Return what differs once a config is replaced."""
    try:
        found = (folder / CONFIG).stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    config = _read_config(folder)
    file = folder / Path(str(config["weights"])).name
    try:
        size = _check_regular(file)
        with file.open("rb") as stream:
            # Not read as a whole before it is known to be ours.
            is_ours = size < LARGE_BYTES or _has_header(stream, size)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest() if is_ours else ""
            stream.seek(0)
            weights = stream.read() if digest == config["sha256"] else b""
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The weights of the saved model {str(folder)!r} cannot be read ({error}). "
            "Copy the whole folder again, or train and save it anew."
        ) from error
    if digest != config["sha256"]:
        raise CheckpointError(
            f"The file {str(file)!r} is damaged: its SHA-256 is not the one in {CONFIG}. "
            "Copy the folder again, or train and save it anew."
        )
    try:
        _check_header(io.BytesIO(weights), len(weights))
        return load(weights), config
    except (SafetensorError, *MALFORMED) as error:
        raise CheckpointError(
            f"The file {str(file)!r} is not a safetensors file ({error}). Save the model anew."
        ) from error


def _has_header(stream: BinaryIO, size: int) -> bool:
    try:
        _check_header(stream, size)
    except ValueError:
        return False
    return True


def _check_header(stream: BinaryIO, size: int) -> None:
    """Raise a ValueError where no file of `size` bytes begins like this, or its header is long."""
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
        raise ValueError(f"a header of {length} bytes")
    header = parse_json(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    try:
        entries = [entry for name, entry in header.items() if name != "__metadata__"]
        end = max((int(entry["data_offsets"][1]) for entry in entries), default=0)
    except (LookupError, TypeError, OverflowError) as error:
        raise ValueError(f"the header lacks {error}") from error
    if end != size - 8 - length:
        raise ValueError(f"tensors of {end} bytes in a file of {size}")


def check_tensors(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], what: str = "weights"
) -> None:
    """Raise a ValueError unless `found` is finite and has `wanted`'s names, shapes and dtypes."""
    for name in sorted(found.keys() ^ wanted.keys()):
        raise ValueError(f"{what}: {name!r} is {'missing' if name in wanted else 'unknown'}")
    for name, tensor in wanted.items():
        is_, should = ((tuple(t.shape), str(t.dtype)) for t in (found[name], tensor))
        if is_ != should:
            raise ValueError(f"{what}: {name!r} has shape and dtype {is_}, not {should}")
        if not found[name].isfinite().all():
            raise ValueError(f"{what}: {name!r} holds NaN or infinite values")


def check_history(history: Any) -> None:
    """Raise a ValueError unless `history` is a list of entries, each with a step and values."""
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise ValueError("history: no list of entries")
    last = 0
    for entry in history:
        step = entry.get("step")
        if type(step) is not int or step < last:
            raise ValueError(f"history: step {step!r:.50} after step {last}")
        if any(isinstance(value, list | dict) for value in entry.values()):
            raise ValueError(f"history: the entry of step {step} holds more than values")
        last = step


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as JSON gives them back: tuples as lists, numpy's numbers as Python's.

    Raises
    ------
    CheckpointError
        Where a value has no place in JSON.
    """
    try:
        return json.loads(json.dumps(dict(values), default=_plain))
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"A setting cannot be saved: {error}. Use numbers, text, lists and dicts."
        ) from error


def json_digest(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what JSON gives back, in whatever order and layout."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} has no place in JSON")


def file_name(text: str) -> str:
    """Return `text` as the name of a file or folder, a different one for every text.

    Class names may hold a slash, differ in case only, or be many; the digest tells them apart.
    """
    readable = re.sub(r"[^\w+-]+", "_", text.replace(", ", "+"))[:MAX_NAME_LENGTH]
    return f"{readable}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def has_checkpoint(folder: str | Path) -> bool:
    """Whether `folder` holds a config file, whole or not."""
    try:
        return (Path(folder).expanduser() / CONFIG).is_file()
    except (OSError, RuntimeError, ValueError):  # a name that no folder can have
        return False


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    remedy = "Give a folder that Synthesizer.save wrote, whole."
    try:
        _check_regular(file, MAX_CONFIG_BYTES)
        config = parse_json(file.read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"There is no saved model in {str(folder)!r} ({error}). {remedy}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"The file {str(file)!r} is damaged: no JSON ({error}). {remedy}"
        ) from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"The file {str(file)!r} was not written by bioaug. {remedy}")
    if config.get("version") != FORMAT_VERSION:
        raise CheckpointError(
            f"The file {str(file)!r} has format version {config.get('version')!r}; this bioaug "
            f"reads {FORMAT_VERSION}. Read it with the bioaug that wrote it, or train anew."
        )
    missing = {"weights", "sha256", "config_sha256"} - config.keys()
    if missing:
        raise CheckpointError(
            f"The file {str(file)!r} is damaged: {sorted(missing)} missing. {remedy}"
        )
    claimed = config.pop("config_sha256")
    try:
        is_whole = claimed == json_digest(config)
    except (RecursionError, ValueError):  # nested more deeply, or numbers longer, than we write
        is_whole = False
    if not is_whole:
        raise CheckpointError(
            f"The file {str(file)!r} is damaged or was edited: its own SHA-256 is not the one in "
            f"it. {remedy}"
        )
    return config


def _check_regular(file: Path, most: float = math.inf) -> int:
    """Return the size; raise an OSError for a device, pipe or folder, and for more than `most`."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{str(file)!r} is no regular file")
    if found.st_size > most:
        raise OSError(f"{str(file)!r} has {found.st_size} bytes, more than {most}")
    return found.st_size
