"""Folders of safetensors and JSON, written so that a kill at any moment leaves a whole one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bioaug.exceptions import CheckpointError

FORMAT = "bioaug-checkpoint"
FORMAT_VERSION = 1
CONFIG = "config.json"


def write_checkpoint(
    folder: str | Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
) -> None:
    """Write `tensors` and `config` into `folder` as one atomic change.

    The weights go to a file named after their SHA-256; then `config.json`, which names that file,
    is replaced in one step. A reader sees the old pair or the new one, never a mixture.

    Raises
    ------
    OSError
        Where the folder cannot be written. What was there before stays as it was.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = save({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()})
    digest = hashlib.sha256(weights).hexdigest()
    name = f"weights-{digest[:16]}.safetensors"
    header = {"format": FORMAT, "version": FORMAT_VERSION, "weights": name, "sha256": digest}
    _replace(folder / name, weights)
    _replace(folder / CONFIG, json.dumps(header | dict(config), indent=1).encode())
    for stale in folder.glob("weights-*.safetensors"):
        if stale.name != name:
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
        weights = file.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"The weights of the saved model {str(folder)!r} cannot be read ({error}). "
            "Copy the whole folder again, or train and save it anew."
        ) from error
    if hashlib.sha256(weights).hexdigest() != config["sha256"]:
        raise CheckpointError(
            f"The file {str(file)!r} is damaged: its SHA-256 is not the one in {CONFIG}. "
            "Copy the folder again, or train and save it anew."
        )
    try:
        return load(weights), config
    except SafetensorError as error:
        raise CheckpointError(
            f"The file {str(file)!r} is not a safetensors file ({error}). Save the model anew."
        ) from error


def has_checkpoint(folder: str | Path) -> bool:
    """Whether `folder` holds a config file, whole or not."""
    return (Path(folder) / CONFIG).is_file()


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    remedy = "Give the folder that Synthesizer.save wrote."
    try:
        config = json.loads(file.read_bytes())
    except OSError as error:
        raise CheckpointError(f"There is no saved model in {str(folder)!r} ({error}). {remedy}") from error
    except ValueError as error:
        raise CheckpointError(f"The file {str(file)!r} is damaged: no JSON ({error}). {remedy}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"The file {str(file)!r} was not written by bioaug. {remedy}")
    if config.get("version") != FORMAT_VERSION:
        raise CheckpointError(
            f"The file {str(file)!r} has format version {config.get('version')!r}; this bioaug reads "
            f"{FORMAT_VERSION}. Read it with the bioaug that wrote it, or train anew."
        )
    missing = {"weights", "sha256"} - config.keys()
    if missing:
        raise CheckpointError(f"The file {str(file)!r} is damaged: {sorted(missing)} missing. {remedy}")
    return config


def _replace(file: Path, content: bytes) -> None:
    """Put `content` in place of `file`, on the disk before the name changes."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
