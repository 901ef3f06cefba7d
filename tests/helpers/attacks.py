"""Attacks on what a saved folder holds, for tests: every number in it may be a training row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from safetensors.numpy import load_file

MOST_VECTORS, MOST_FLAT = 1000, 200  # of one array, evenly spaced; end to end
LARGEST = 1e6  # of a number that may be a signal's


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


def values_in_json(folder: Path) -> tuple[list[float], list[str]]:
    """Return every number and every text, keys included, in the JSON files of a folder."""
    numbers: list[float] = []
    texts: list[str] = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            texts.extend(value)
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)
        elif isinstance(value, str):
            texts.append(value)
        elif isinstance(value, int | float):
            numbers.append(value)

    for file in sorted(folder.rglob("*.json")):
        look(json.loads(file.read_text()))
    return numbers, texts


def find_stored(
    folder: Path, samples: NDArray, public: NDArray, limits: tuple[float, float]
) -> Stored:
    """Return all vectors of a row's length, also along principal axes, and the model's samples.

    `limits` are those of the user's units, which a vector may be in.
    """
    found, n_values = arrays_of(folder), samples.shape[1]
    arrays = {(array.shape, array.tobytes()): name for name, array in reversed(found.items())}
    arrays = {name: found[name] for name in arrays.values()}  # the first of equal ones
    vectors = [_vectors(array, n_values) for array in arrays.values()]
    low, high = limits
    vectors += [2 * (part - low) / (high - low) - 1 for part in vectors]
    for name, axes in arrays.items():
        if not name.endswith("axes.axes"):
            continue
        stem = name.removesuffix("axes")
        mean, deviations = found[stem + "mean"].ravel(), found[stem + "deviations"]
        for array in arrays.values():
            coordinates = _vectors(array, axes.shape[-1])
            vectors += [
                (coordinates * deviations) @ axes.T,
                mean + (coordinates * deviations) @ axes.T,
            ]
            vectors += [coordinates @ axes.T, mean + coordinates @ axes.T]
    stored, centre = np.concatenate(vectors), public.mean(axis=0)
    stored = stored[(np.abs(stored) < LARGEST).all(axis=1)]
    around = np.concatenate([stored, stored - centre])
    sizes = np.linalg.norm(around, axis=1, keepdims=True)
    directions = (around / np.maximum(sizes, 1e-12))[sizes[:, 0] > 1e-6]
    return Stored(np.concatenate([stored, stored + centre, samples]), directions, centre)


def _vectors(array: NDArray, length: int) -> NDArray:
    """Return every slice of `array` with as many values, along whichever axis, and end to end."""
    found = [np.zeros((0, length))]
    if array.dtype == np.uint8:  # bytes of numbers
        whole = array.tobytes()[: array.size // 8 * 8]
        found += [_vectors(np.frombuffer(whole, kind), length) for kind in (np.float32, np.float64)]
    with np.errstate(all="ignore"):  # of bytes that are no numbers
        array = array.astype(np.float64)
        array = np.where(np.abs(array) < LARGEST, array, 0)
    for axis, size in enumerate(array.shape):
        if size == length:
            found.append(_thinned(np.moveaxis(array, axis, -1).reshape(-1, length), MOST_VECTORS))
    if array.ndim == 1 and array.size > length:  # beginning anywhere
        found.append(sliding_window_view(array, length)[:MOST_FLAT])
    elif array.size and array.size % length == 0 and length not in array.shape:
        found.append(_thinned(array.reshape(-1, length), MOST_FLAT))
    return np.concatenate(found)


def _thinned(vectors: NDArray, most: int) -> NDArray:
    return vectors[:: -(-len(vectors) // most)]


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


def rebuilt_by_shape(rows: NDArray, stored: Stored, public: NDArray) -> NDArray:
    """Return the same for the best stored vector with another gain, sign and offset."""
    rows, known, found = (_standardised(X) for X in (rows, public, stored.points))
    return _missed(rows, found) / _missed(rows, known)


def _standardised(X: NDArray) -> NDArray:
    centred = X - X.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(centred, axis=1, keepdims=True)
    return (centred / np.maximum(sizes, 1e-12))[sizes[:, 0] > 1e-6]


def _missed(rows: NDArray, directions: NDArray) -> NDArray:
    along = np.abs(rows @ directions.T).max(axis=1)
    return np.sqrt(np.maximum(np.square(rows).sum(axis=1) - np.square(along), 0))
