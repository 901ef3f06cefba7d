"""Folders of safetensors and JSON, written so that a kill at any moment leaves a whole one."""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bioaug._atomic import replace_file
from bioaug.exceptions import CheckpointError

FORMAT = "bioaug-checkpoint"
FORMAT_VERSION = 1
CONFIG = "config.json"
# What wrong content can raise where it is taken for right.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
LARGEST_CONFIG = 2**28  # bytes; a long training's is a few MiB
LONGEST_NAME = 60  # characters kept of a text that becomes a file name


def write_checkpoint(
    folder: str | Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
) -> None:
    """Write `tensors` and `config` into `folder` as one atomic change.

    The weights go to a file named after their SHA-256; then `config.json`, which names that file,
    is replaced in one step. A reader sees the old pair or the new one, never a mixture.

    Raises
    ------
    OSError
        Where the folder cannot be written, such as on a full disk. What was there before stays as
        it was.
    CheckpointError
        Where `config` holds what JSON cannot.
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
    described = json.dumps(whole | {"config_sha256": json_digest(whole)}, indent=1).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / name, weights)
        replace_file(folder / CONFIG, described)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The folder {str(folder)!r} cannot be written ({error.strerror or error}). What it "
            "held before is unchanged. Make room there, or give another folder",
        ) from error
    finally:
        remove_stale(folder)


def remove_stale(folder: Path) -> None:
    """Delete what a write that failed or was killed left: drafts, weights no config names."""
    with suppress(OSError, LookupError, TypeError, ValueError):  # the next write tries again
        named = (
            json.loads((folder / CONFIG).read_bytes())["weights"]
            if has_checkpoint(folder)
            else None
        )
        for stale in [*folder.glob("weights-*.safetensors"), *folder.glob(".*.tmp")]:
            if stale.name != named:
                stale.unlink(missing_ok=True)


def read_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the config of a folder that `write_checkpoint` wrote.

    Raises
    ------
    CheckpointError
        Where the folder, or one of its files, is missing, damaged or not ours.
    """
    folder = Path(folder)
    config = _read_config(folder)
    file = folder / Path(str(config["weights"])).name
    try:
        _check_regular(file)
        with file.open("rb") as stream:  # not read as a whole before it is known to be ours
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        weights = file.read_bytes() if digest == config["sha256"] else b""
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
        return load(weights), config
    except (SafetensorError, *MALFORMED) as error:
        raise CheckpointError(
            f"The file {str(file)!r} is not a safetensors file ({error}). Save the model anew."
        ) from error


def check_tensors(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], what: str = "weights"
) -> None:
    """Raise a ValueError unless `found` has the names, shapes and dtypes of `wanted`."""
    for name in sorted(found.keys() ^ wanted.keys()):
        raise ValueError(f"{what}: {name!r} is {'missing' if name in wanted else 'unknown'}")
    for name, tensor in wanted.items():
        is_, should = ((tuple(t.shape), str(t.dtype)) for t in (found[name], tensor))
        if is_ != should:
            raise ValueError(f"{what}: {name!r} has shape and dtype {is_}, not {should}")


def check_history(history: Any) -> None:
    """Raise a ValueError unless `history` is a list of entries, each with a step."""
    if not isinstance(history, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("step"), int) for entry in history
    ):
        raise ValueError("history: no list of entries with a step")


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as JSON gives them back: tuples as lists, numpy's numbers as Python's.

    Raises
    ------
    CheckpointError
        Where a value has no place in JSON.
    """
    try:
        return json.loads(json.dumps(dict(values), default=_plain))
    except TypeError as error:
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
    readable = re.sub(r"[^\w+-]+", "_", text.replace(", ", "+"))[:LONGEST_NAME]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


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
        _check_regular(file, LARGEST_CONFIG)
        config = json.loads(file.read_bytes())
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
    except RecursionError:  # nested more deeply than we write
        is_whole = False
    if not is_whole:
        raise CheckpointError(
            f"The file {str(file)!r} is damaged or was edited: its own SHA-256 is not the one in "
            f"it. {remedy}"
        )
    return config


def _check_regular(file: Path, most: float = math.inf) -> None:
    """Raise an OSError for a device, a pipe or a folder, and for more than `most` bytes."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{str(file)!r} is no regular file")
    if found.st_size > most:
        raise OSError(f"{str(file)!r} has {found.st_size} bytes, more than {most}")
