"""Attacks on what a saved folder holds, for tests: every number in it may be a training row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

MOST_VECTORS = 4000  # of one array, evenly spaced


class Stored(NamedTuple):
    """What an attacker finds in a folder, in the models' units."""

    points: NDArray  # vectors that may be rows, and samples of the model
    directions: NDArray  # unit vectors along which rows may lie, from the centre
    centre: NDArray


def arrays_of(folder: Path) -> dict[str, NDArray]:
    """Return every array in a folder and those below, by file and name."""
    return {
        f"{file.relative_to(folder)}:{name}": array
        for file in sorted(folder.rglob("*.safetensors"))
        for name, array in load_file(file).items()
    }


def numbers_in_json(folder: Path) -> list[list[float]]:
    """Return every list of numbers in the JSON files of a folder."""
    found: list[list[float]] = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            if value and all(isinstance(part, int | float) for part in value):
                found.append(value)
            for part in value:
                look(part)

    for file in sorted(folder.rglob("*.json")):
        look(json.loads(file.read_text()))
    return found


def find_stored(folder: Path, samples: NDArray, public: NDArray) -> Stored:
    """Return all vectors of a row's length, also along principal axes, and the model's samples."""
    arrays, n_values = arrays_of(folder), samples.shape[1]
    vectors = [_vectors(array, n_values) for array in arrays.values()]
    for name, axes in arrays.items():
        if not name.endswith("axes.axes"):
            continue
        stem = name.removesuffix("axes")
        mean, deviations = arrays[stem + "mean"].ravel(), arrays[stem + "deviations"]
        for array in arrays.values():
            coordinates = _vectors(array, axes.shape[-1])
            vectors += [
                (coordinates * deviations) @ axes.T,
                mean + (coordinates * deviations) @ axes.T,
            ]
            vectors += [coordinates @ axes.T]
    stored, centre = np.concatenate(vectors), public.mean(axis=0)
    stored = stored[np.isfinite(stored).all(axis=1)]
    around = np.concatenate([stored, stored - centre])
    sizes = np.linalg.norm(around, axis=1, keepdims=True)
    directions = (around / np.maximum(sizes, 1e-12))[sizes[:, 0] > 1e-6]
    return Stored(np.concatenate([stored, stored + centre, samples]), directions, centre)


def _vectors(array: NDArray, length: int) -> NDArray:
    """Return every slice of `array` with as many values, along whichever axis."""
    found = [np.zeros((0, length))]
    if array.dtype.kind == "f":
        for axis, size in enumerate(array.shape):
            if size == length:
                slices = np.moveaxis(array, axis, -1).reshape(-1, length).astype(np.float64)
                found.append(slices[:: -(-len(slices) // MOST_VECTORS)])
    return np.concatenate(found)


def distances(A: NDArray, B: NDArray) -> NDArray:
    """Return the distance of each row of `A` to the nearest of `B`, to a millionth."""
    squared = np.square(A).sum(axis=1)[:, None] - 2 * A @ B.T + np.square(B).sum(axis=1)
    return np.sqrt(np.maximum(squared.min(axis=1), 0))


def rebuilt_by_points(rows: NDArray, stored: Stored, public: NDArray) -> NDArray:
    """Return the error of the best stored vector for each row, by that of the best public row."""
    return distances(rows, stored.points) / distances(rows, public)


def rebuilt_by_directions(rows: NDArray, stored: Stored, public: NDArray) -> NDArray:
    """Return the same for the best multiple of a direction, stored or of a public row."""
    rows, known = rows - stored.centre, public - stored.centre
    known = known / np.linalg.norm(known, axis=1, keepdims=True)
    return _missed(rows, stored.directions) / _missed(rows, known)


def _missed(rows: NDArray, directions: NDArray) -> NDArray:
    along = np.abs(rows @ directions.T).max(axis=1)
    return np.sqrt(np.maximum(np.square(rows).sum(axis=1) - np.square(along), 0))
