"""Keyed hashes of rows and group names, by which they are recognised but not rebuilt."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_DIRECTIONS = 32  # random directions, all of which every hash covers
N_GRIDS = 12  # randomly shifted grids, one hash of a row in each
N_EQUAL = 3  # grids in which two rows must share their cell
WIDTH = 0.06  # of a cell, as a fraction of the row's distance from the centre
LEVELS = 4  # widths of cells per factor of 2
SLACK = 2e-3  # relative error of that distance which a near copy may have
MIN_ROWS = 8  # below which no centre is kept: the mean of few rows says much of each
KEY_BYTES = 32
MIN_VALUES = 8  # of a row, below which unrelated rows may well be nearly equal
_CHUNK = 4096  # rows projected at a time


@dataclass(frozen=True, eq=False, repr=False)
class RowHashes:
    """Hashes of quantised rows and of group names, under a random key.

    A row is projected on 32 random directions, the projections are quantised by 12 grids with
    random shifts, and each grid's cell is hashed (BLAKE2b) with the key. Directions and shifts come
    from the key as well. Two rows count as nearly equal where they share their cell in three grids.
    Of simulated heartbeats that differ from a known one by a two-thousandth of its distance from
    the centre, 99.9 % do; by a thousandth 99 %; by a hundredth about 10 %; by a fiftieth 0.1 %;
    different heartbeats do not. The hashes of each grid are sorted, so that they do not tell which
    of them belong to one row.

    Whoever has hashes and key can tell whether a row or a group name that they have was among
    them, and can search for rows by trying.

    Attributes
    ----------
    key : bytes
        Random, another for each set of rows; no random_state decides it.
    centre : ndarray of shape (32,)
        Mean projections, rounded to multiples of their standard deviation over the rows; 0 for
        fewer than 8 rows.
    hashes : ndarray of uint64 of shape (12, n_rows)
    groups : ndarray of uint64 of shape (n_groups,)
    n_values : int
        Of a row.
    """

    key: bytes
    centre: NDArray[np.float64]
    hashes: NDArray[np.uint64]
    groups: NDArray[np.uint64]
    n_values: int

    @classmethod
    def from_rows(cls, rows: NDArray, groups: Iterable[str]) -> RowHashes:
        """Hash the rows of a 2-D array and the names of their groups, under a new key."""
        key = secrets.token_bytes(KEY_BYTES)
        projections = _projected(rows, key)
        centre = _coarse_mean(projections)
        projections -= centre
        hashes = np.sort(_hashed(projections, _levels(projections), key), axis=1)
        return cls(key, centre, hashes, np.sort(_hashed_names(groups, key)), rows.shape[1])

    def contains(self, rows: NDArray) -> NDArray[np.bool_]:
        """Return which rows of a 2-D array are (nearly) equal to one of these."""
        projections = _projected(rows, self.key) - self.centre
        low, high = (_levels(projections, factor) for factor in (1 - SLACK, 1 + SLACK))
        known = self._contains(projections, low)
        between = np.flatnonzero(low != high)
        known[between] |= self._contains(projections[between], high[between])
        return known

    def _contains(self, projections: NDArray, levels: NDArray) -> NDArray[np.bool_]:
        hashes = _hashed(projections, levels, self.key)
        equal = [_isin(own, known) for own, known in zip(hashes, self.hashes, strict=True)]
        return np.sum(equal, axis=0) >= N_EQUAL

    def shared_groups(self, names: Iterable[str]) -> set[str]:
        """Return which of these names are groups of the rows."""
        names = list(names)
        known = _isin(_hashed_names(names, self.key), self.groups)
        return {name for name, is_known in zip(names, known, strict=True) if is_known}

    def to_saved(self) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Return arrays and what JSON can hold."""
        arrays: dict[str, NDArray] = {"centre": self.centre}
        arrays |= {"hashes": self.hashes.view(np.int64), "groups": self.groups.view(np.int64)}
        return arrays, {"key": self.key.hex(), "n_values": self.n_values}

    @classmethod
    def from_saved(cls, arrays: Mapping[str, NDArray], described: dict[str, Any]) -> RowHashes:
        """Return what `to_saved` described.

        Raises
        ------
        ValueError, TypeError, LookupError
            Where it did not.
        """
        key, n_values = bytes.fromhex(described["key"]), described["n_values"]
        hashes, groups, centre = (arrays[name] for name in ("hashes", "groups", "centre"))
        is_right = (
            len(key) == KEY_BYTES
            and type(n_values) is int
            and n_values > 0
            and hashes.dtype == groups.dtype == np.int64
            and hashes.ndim == 2
            and len(hashes) == N_GRIDS
            and groups.ndim == 1
            and centre.dtype == np.float64
            and centre.shape == (N_DIRECTIONS,)
            and bool(np.isfinite(centre).all())
        )
        if not is_right:
            raise ValueError("fingerprint: parts of other sizes or types")
        return cls(key, centre, hashes.view(np.uint64), groups.view(np.uint64), n_values)


def flat_rows(X: Any) -> NDArray:
    """Return rows of any shape, or of a sparse matrix, as a dense 2-D array."""
    rows = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    return rows.reshape(len(rows), int(np.prod(rows.shape[1:])))


def _projected(rows: NDArray, key: bytes) -> NDArray[np.float64]:
    """Return rows times random signs; missing and infinite values count as 0."""
    drawn = hashlib.shake_256(key + b"directions").digest(rows.shape[1] * N_DIRECTIONS // 8)
    bits = np.unpackbits(np.frombuffer(drawn, np.uint8)).reshape(rows.shape[1], N_DIRECTIONS)
    signs = 2.0 * bits - 1
    projections = np.empty((len(rows), N_DIRECTIONS))
    for start in range(0, len(rows), _CHUNK):
        part = np.nan_to_num(rows[start : start + _CHUNK].astype(np.float64), posinf=0, neginf=0)
        projections[start : start + _CHUNK] = part @ signs
    return projections


def _coarse_mean(projections: NDArray) -> NDArray[np.float64]:
    """Return the mean, too coarsely for a measurement of the rows."""
    if len(projections) < MIN_ROWS:
        return np.zeros(N_DIRECTIONS)
    std = float(np.sqrt(projections.var(axis=0).mean()))
    mean = projections.mean(axis=0)
    if std <= 1e-7 * float(np.abs(mean).max()):  # all rows equal, the mean is one of them
        return np.zeros(N_DIRECTIONS)
    unit = 2.0 ** np.ceil(np.log2(std))
    return np.round(mean / unit) * unit


def _levels(projections: NDArray, factor: float = 1.0) -> NDArray[np.int64]:
    """Return the width of each row's cells, as a power of 2 ** (1 / LEVELS)."""
    sizes = factor * np.sqrt(np.square(projections).mean(axis=1))
    return np.floor(LEVELS * np.log2(np.maximum(sizes, 1e-300))).astype(np.int64)


def _hashed(projections: NDArray, levels: NDArray, key: bytes) -> NDArray[np.uint64]:
    """Return hashes of shape (N_GRIDS, n_rows)."""
    drawn = hashlib.shake_256(key + b"shifts").digest(N_GRIDS * N_DIRECTIONS * 8)
    shifts = np.frombuffer(drawn, "<u8").reshape(N_GRIDS, N_DIRECTIONS) / 2.0**64
    widths = WIDTH * 2.0 ** (levels / LEVELS)
    scaled = projections / widths[:, None]
    cells = np.empty((len(projections), 1 + N_DIRECTIONS), "<i8")
    cells[:, 0] = levels
    hashes = np.empty((N_GRIDS, len(projections)), np.uint64)
    for grid, shift in enumerate(shifts):
        cells[:, 1:] = np.floor(scaled + shift)
        hashes[grid] = _digests((row.tobytes() for row in cells), key, b"row%d" % grid)
    return hashes


def _hashed_names(names: Iterable[str], key: bytes) -> NDArray[np.uint64]:
    return _digests((name.encode("utf-8", "surrogatepass") for name in names), key, b"group")


def _digests(messages: Iterable[bytes], key: bytes, person: bytes) -> NDArray[np.uint64]:
    digests = b"".join(
        hashlib.blake2b(message, digest_size=8, key=key, person=person).digest()
        for message in messages
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _isin(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    return np.isin(hashes, known, kind="sort")  # in numpy 2.0, the other kind overflows
