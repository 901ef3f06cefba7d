"""Atomic checkpoint folders (safetensors + JSON): a kill at any moment leaves a whole one."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bioaug.core.atomic import folder_lock, replace_file
from bioaug.core.checkpoint_folder import (
    CONFIG,
    FORMAT,
    MAX_CONFIG_BYTES,
    check_ours,
    check_regular,
    named_weights,
    naming_folder,
    remove_stale_locked,
    weights_name,
)
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import CheckpointError

FORMAT_VERSION = 1
# What wrong content can raise where it is taken for right.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
MAX_HEADER_BYTES = 2**24  # bytes of the list of tensors in front of the weights
LARGE_BYTES = 2**30  # bytes of weights, above which the header is checked before the digest
MAX_READS = 20  # while others write


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
        Whether the name of the folder is bioaug's, so that its content is not checked.

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
    weights = _weights_file(tensors)
    digest = hashlib.sha256(weights).hexdigest()
    name = weights_name(digest)
    content = _config_file(config, name, digest)
    _check_readable(content, weights)
    with naming_folder(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder) as is_locked:
            if not owned:
                check_ours(folder)
            try:
                former = named_weights(folder)
                replace_file(folder / name, weights, like=former)
                replace_file(folder / CONFIG, content)
                if former is not None and former.name != name:
                    former.unlink(missing_ok=True)
            finally:
                remove_stale_locked(folder, is_locked)


def _weights_file(tensors: Mapping[str, Tensor]) -> bytes:
    # Copied, for safetensors refuses tensors that share memory, as tied weights do.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return save(copies)


def _config_file(config: Mapping[str, Any], weights: str, digest: str) -> bytes:
    header = {"format": FORMAT, "version": FORMAT_VERSION, "weights": weights, "sha256": digest}
    whole = header | as_json(config)
    return json.dumps(whole | {"config_sha256": json_digest(whole)}, indent=1).encode()


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
        size = check_regular(file)
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
        Where a value cannot be stored in JSON.
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
    raise TypeError(f"{value!r} cannot be stored in JSON")


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    remedy = "Give a folder that Synthesizer.save wrote, whole."
    try:
        check_regular(file, MAX_CONFIG_BYTES)
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
