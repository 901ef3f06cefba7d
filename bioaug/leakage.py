"""What a generator has seen travels with it, so that nothing is scored on what it learned from."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.row_hashes import RowHashes
from bioaug.exceptions import DataError, LeakError, LeakWarning

FEWEST_VALUES = 8  # below which unrelated rows may well be nearly equal
MOST_REMEMBERED = 10_000_000  # synthetic rows of this process, of 16 bytes each
_FORGETTING = 0.1  # fraction of them that is forgotten in one go
_made: list[NDArray[np.uint64]] = []  # sorted hashes of the synthetic rows, oldest first
_tidying = threading.Lock()


@dataclass(frozen=True, eq=False, repr=False)
class TrainingFingerprint:
    """The rows and groups that something was trained on, as keyed hashes that do not hold them.

    Attributes
    ----------
    parts : tuple of RowHashes
        One for each set of rows, each with a key of its own.
    is_complete : bool
        Whether these are all rows trained on; False where a generator came from a folder that was
        saved without its fingerprint.
    """

    parts: tuple[RowHashes, ...]
    is_complete: bool = True

    @classmethod
    def from_rows(cls, X: Any, groups: Any = None) -> TrainingFingerprint:
        """Return the fingerprint of training rows and, where known, their groups."""
        return cls((RowHashes.from_rows(_flat(X), _names(groups)),))

    def joined(self, other: TrainingFingerprint | None) -> TrainingFingerprint:
        """Return the fingerprint of what was trained on both, of rows of one length.

        Of None, that is of what nothing is known of, comes a fingerprint that is not complete.
        """
        if other is None:
            return TrainingFingerprint(self.parts, is_complete=False)
        return TrainingFingerprint(self.parts + other.parts, self.is_complete and other.is_complete)

    @property
    def n_values(self) -> int:
        """The number of values of a row."""
        return self.parts[0].n_values

    def check(self, X: Any, groups: Any = None) -> None:
        """Raise a LeakError where rows to be scored share a group, or a row, with these.

        A row counts as the same where it differs by less than a thousandth of what it differs from
        the mean row (of fewer than 8 rows: of its own size). So a training row is recognised with a
        little noise or rounding, but not in another unit, filtered or cut out anew. A missing value
        counts as 0. Rows of fewer than 8 values are not compared. See `RowHashes` for how surely
        near copies are found.

        Raises
        ------
        LeakError
            Where a group or a row is shared.
        DataError
            Where rows cannot be compared: they are of another length, or hold no value at all.

        Warns
        -----
        LeakWarning
            Where only a part of the rows trained on is known.
        """
        if shared := self.shared_groups(groups):
            raise LeakError(
                f"The 'groups' of the rows to be scored must be others than those trained on. Got "
                f"{shared[:5]} in both. Split by groups, as GroupKFold does."
            )
        same = self.contains(X)
        if same.any():
            raise LeakError(
                f"The 'X' to be scored must hold no row that was trained on. Got {int(same.sum())} "
                f"of {len(same)} (nearly) equal to a training row, the first in row "
                f"{int(same.argmax())}. Split first, by patients, and oversample the training rows "
                "only."
            )
        if not self.is_complete:
            warnings.warn(
                "The generator was loaded from a folder without a fingerprint of its training "
                "rows, so it cannot be checked whether it has seen rows or patients that are to be "
                "scored. Save it with include_fingerprint=True where the folder stays with you.",
                LeakWarning,
                stacklevel=2,
            )

    def contains(self, X: Any) -> NDArray[np.bool_]:
        """Return which rows are (nearly) equal to one of these."""
        rows = _flat(X)
        self._check_comparable(rows)
        if self.n_values < FEWEST_VALUES or not len(rows):
            return np.zeros(len(rows), bool)
        found = np.zeros(len(rows), bool)
        for part in self.parts:
            found |= part.contains(rows)
        return found

    def shared_groups(self, groups: Any) -> list[str]:
        """Return which of these groups were trained on, as sorted text."""
        names = _names(groups)
        return sorted(set().union(*(part.shared_groups(names) for part in self.parts)))

    def to_saved(self) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Return arrays and what JSON can hold, the keys included."""
        arrays, described = {}, []
        for index, part in enumerate(self.parts):
            own, about = part.to_saved()
            arrays |= {f"{index}/{name}": array for name, array in own.items()}
            described.append(about)
        return arrays, {"parts": described, "is_complete": self.is_complete}

    @classmethod
    def from_saved(
        cls, arrays: Mapping[str, NDArray], described: dict[str, Any]
    ) -> TrainingFingerprint:
        """Return what `to_saved` described.

        Raises
        ------
        ValueError, TypeError, LookupError
            Where it did not.
        """
        names = ("hashes", "groups", "centre")
        parts = tuple(
            RowHashes.from_saved({name: arrays[f"{index}/{name}"] for name in names}, about)
            for index, about in enumerate(described["parts"])
        )
        if len({part.n_values for part in parts}) != 1:
            raise ValueError("fingerprint: not one length of rows")
        return cls(parts, bool(described["is_complete"]))

    def __repr__(self) -> str:
        n_rows = sum(part.hashes.shape[1] for part in self.parts)
        return f"<TrainingFingerprint of {n_rows} rows{'' if self.is_complete else ' and others'}>"

    def _check_comparable(self, rows: NDArray) -> None:
        """Raise a DataError for rows that nothing can be said about."""
        if rows.shape[1] != self.n_values:
            raise DataError(
                f"The 'X' to be scored must have {self.n_values} values in each row, as the rows "
                f"trained on had. Got {rows.shape[1]}. Give whole rows, as they were trained on."
            )
        empty = ~np.isfinite(rows.astype(np.float64)).any(axis=1)
        if empty.any():
            raise DataError(
                f"The 'X' to be scored must hold values. Got {int(empty.sum())} of {len(rows)} "
                f"rows without any finite one, the first in row {int(empty.argmax())}. Drop these "
                "rows."
            )


def remember_synthetic(X: NDArray, real: NDArray) -> None:
    """Note rows that were made, but for copies of real ones.

    This process knows its last 10 million synthetic rows (160 MB); a LeakWarning says when the
    oldest are forgotten. Other processes, joblib's workers among them, know nothing of them.
    """
    for form in (_flat, _standardised):
        _made.append(np.setdiff1d(_digests(form(X)), _digests(form(real))))
    if not _tidying.acquire(blocking=False):  # held elsewhere, or by a thread lost in a fork
        return
    try:
        n_forgotten = _tidy(_made, most=2 * MOST_REMEMBERED)  # two hashes a row
    finally:
        _tidying.release()
    if n_forgotten:
        warnings.warn(
            f"This process has made more than {MOST_REMEMBERED:,} synthetic rows; the oldest "
            f"{n_forgotten // 2:,} are not recognised any more when they are passed as real rows.",
            LeakWarning,
            stacklevel=2,
        )


def find_synthetic(X: Any) -> NDArray[np.bool_]:
    """Return which rows this process has made, as they were or with another gain and offset.

    One gain and one offset for a whole row, as another unit has them: not those of a channel or a
    time step, nor filters, noise or other lengths.
    """
    rows = _flat(X)
    either = np.stack([_digests(rows), _digests(_standardised(rows))])
    found = np.zeros(either.shape, bool)
    for hashes in list(_made):
        if len(hashes):
            places = np.searchsorted(hashes, either).clip(max=len(hashes) - 1)
            found |= hashes[places] == either
    return found[0] | found[1]


def _tidy(chunks: list[NDArray[np.uint64]], most: int) -> int:
    """Merge chunks of hashes, drop the oldest beyond `most`, and return how many were dropped.

    Others may append meanwhile: only the chunks that are there now are replaced.
    """
    kept, n_chunks, n_dropped = chunks[:], len(chunks), 0
    largest = max(1, int(_FORGETTING * most))
    i = len(kept) - 1
    while i > 0:  # like a binary counter: a chunk joins the one before it once it is as large
        if len(kept[i - 1]) <= len(kept[i]) and len(kept[i - 1]) + len(kept[i]) <= largest:
            kept[i - 1 : i + 1] = [np.union1d(kept[i - 1], kept[i])]
        i -= 1
    while sum(map(len, kept)) > most and len(kept) > 1:
        n_dropped += len(kept.pop(0))
    chunks[:n_chunks] = kept
    return n_dropped


def _digests(X: NDArray) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row."""
    rows = np.ascontiguousarray(_flat(X), dtype=np.float32)
    return np.array([hash(row.tobytes()) for row in rows], np.int64).view(np.uint64)


def _standardised(X: NDArray) -> NDArray:
    """Return rows without gain and offset, rounded so that rounding errors do not show."""
    rows = _flat(X).astype(np.float64)
    if rows.shape[1] < FEWEST_VALUES:  # so few values leave no shape
        return rows
    with np.errstate(all="ignore"):  # of infinite values
        rows -= rows.mean(axis=1, keepdims=True)
        deviation = rows.std(axis=1, keepdims=True)
        return np.round(rows / np.where(deviation > 0, deviation, 1), 2) + 0.0  # no -0


def _flat(X: Any) -> NDArray:
    rows = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    return rows.reshape(len(rows), int(np.prod(rows.shape[1:])))


def _names(groups: Any) -> list[str]:
    """Return groups as text, 1.0 as 1."""
    found = [] if groups is None else np.asarray(groups).ravel().tolist()
    return sorted(
        {
            str(int(group) if isinstance(group, float) and group.is_integer() else group)
            for group in set(found)
        }
    )
