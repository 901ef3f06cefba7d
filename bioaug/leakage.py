"""Fingerprints of training rows and a registry of synthetic rows, against train/test leakage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.row_hashes import MIN_VALUES, RowHashes, flat_rows
from bioaug.core.synthetic_rows import REGISTRY
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError, LeakError, LeakWarning


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
        return cls((RowHashes.from_rows(flat_rows(X), _names(groups)),))

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

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        groups : array-like of shape (n_samples,), optional
            The patient, or other group, of every row.

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
            warn_user(
                "The generator was loaded from a folder without a fingerprint of its training "
                "rows, so it cannot be checked whether it has seen rows or patients that are to be "
                "scored. Save it with include_fingerprint=True where the folder stays with you.",
                LeakWarning,
            )

    def contains(self, X: Any) -> NDArray[np.bool_]:
        """Return which rows are (nearly) equal to one of these."""
        rows = flat_rows(X)
        self._check_comparable(rows)
        if self.n_values < MIN_VALUES or not len(rows):
            return np.zeros(len(rows), bool)
        known = np.zeros(len(rows), bool)
        for part in self.parts:
            known |= part.contains(rows)
        return known

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

        Parameters
        ----------
        arrays : mapping of str to ndarray
        described : dict

        Returns
        -------
        fingerprint : TrainingFingerprint

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
    """Register synthetic rows of this process, but for copies of the rows `real`.

    `GANOversampler.fit_resample` does so. `Synthesizer.sample` and the torch data sets do not: they
    hold no real rows, so a copy of one would be taken for synthetic ever after. See
    `bioaug.core.synthetic_rows.SyntheticRegistry` for what is recognised, and what is not.

    Parameters
    ----------
    X : ndarray of shape (n_synthetic, ...)
    real : ndarray of shape (n_real, ...)
    """
    REGISTRY.add(X, real)


def find_synthetic(X: Any) -> NDArray[np.bool_]:
    """Return which rows this process has registered as synthetic.

    The last 10 million rows are known, as they were or with one gain and one offset for a whole
    row. Rows of other processes, of before a restart or from a file are not: False says nothing.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)

    Returns
    -------
    is_synthetic : ndarray of bool of shape (n_samples,)
    """
    return REGISTRY.find(X)


def _names(groups: Any) -> list[str]:
    """Return groups as text, 1.0 as 1."""
    distinct = set() if groups is None else set(np.asarray(groups).ravel().tolist())
    return sorted(
        {
            str(int(group) if isinstance(group, float) and group.is_integer() else group)
            for group in distinct
        }
    )
