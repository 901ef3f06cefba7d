"""What a generator has seen travels with it, so that nothing is scored on what it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from bioaug.exceptions import DataError, LeakError

N_PROJECTIONS, N_SEARCHED = 16, 4
NEAR = 1e-3  # of a row's own size: two recordings of a beat are never that near
FEWEST_VALUES = 8  # below which unrelated rows may well be that near
_made: set[int] = set()  # digests of the synthetic rows that this process has made
MOST_REMEMBERED = 5_000_000


@dataclass(frozen=True)
class Lineage:
    """The rows and groups that something was trained on, as signatures that do not hold the rows.

    Attributes
    ----------
    signatures : ndarray of shape (n_rows, 16)
        Projections of each row on fixed random directions.
    groups : frozenset of str
    n_values : int
        Of a row.
    """

    signatures: NDArray
    groups: frozenset[str]
    n_values: int

    @classmethod
    def of(cls, X: Any, groups: Any = None) -> Lineage:
        """Return the lineage of training rows and, where known, their groups."""
        rows = _flat(X)
        return cls(_signatures(rows), _names(groups), rows.shape[1])

    def joined(self, other: Lineage) -> Lineage:
        """Return the lineage of what was trained on both, of rows of one length."""
        signatures = np.concatenate([self.signatures, other.signatures])
        return Lineage(signatures, self.groups | other.groups, self.n_values)

    def check(self, X: Any, groups: Any = None) -> None:
        """Raise a LeakError where rows to be scored share a group, or a row, with these.

        A row counts as the same where it differs by less than a thousandth of what it differs from
        the mean row. So a training row is recognised with a little noise, but not in another unit,
        filtered or cut out anew. A missing value counts as 0. Rows of fewer than 8 values are not
        compared.

        Raises
        ------
        LeakError
            Where a group or a row is shared.
        DataError
            Where rows cannot be compared: they are of another length, or hold no value at all.
        """
        shared = self.groups & _names(groups)
        if shared:
            raise LeakError(
                f"The 'groups' of the rows to be scored must be others than those trained on. Got "
                f"{sorted(shared)[:5]} in both. Split by groups, as GroupKFold does."
            )
        same = self.seen(X)
        if same.any():
            raise LeakError(
                f"The 'X' to be scored must hold no row that was trained on. Got {int(same.sum())} "
                f"of {len(same)} (nearly) equal to a training row, the first in row "
                f"{int(same.argmax())}. Split first, by patients, and oversample the training rows "
                "only."
            )

    def seen(self, X: Any) -> NDArray[np.bool_]:
        """Return which rows are (nearly) equal to one of these."""
        rows = _flat(X)
        self._check_comparable(rows)
        if self.n_values < FEWEST_VALUES or not len(rows):
            return np.zeros(len(rows), bool)
        middle = self.signatures.mean(axis=0)
        found, known = _signatures(rows) - middle, self.signatures - middle
        size = NEAR * np.linalg.norm(found, axis=1)
        tree = KDTree(known[:, :N_SEARCHED])
        most = float(size.max()) + 1e-300
        nearest = np.asarray(tree.query(found[:, :N_SEARCHED], distance_upper_bound=most)[1])
        candidates = np.flatnonzero(nearest < len(known))
        apart = np.linalg.norm(known[nearest[candidates]] - found[candidates], axis=1)
        near = np.zeros(len(rows), bool)
        near[candidates] = apart <= size[candidates]
        return near

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
    """Note rows that were made, but for copies of real ones, for as long as this process lives."""
    if len(_made) + len(X) > MOST_REMEMBERED:
        _made.clear()
    for form in (_flat, _standardised):
        _made.update(set(_digests(form(X))) - set(_digests(form(real))))


def find_synthetic(X: Any) -> NDArray[np.bool_]:
    """Return which rows this process has made, as they were or with another gain and offset.

    One gain and one offset for a whole row, as another unit has them: not those of a channel or a
    time step, nor filters, noise or other lengths.
    """
    rows = _flat(X)
    either = zip(_digests(rows), _digests(_standardised(rows)), strict=True)
    return np.array([not _made.isdisjoint(digests) for digests in either], dtype=bool)


def _digests(X: NDArray) -> list[int]:
    rows = np.ascontiguousarray(_flat(X), dtype=np.float32)
    return [hash(row.tobytes()) for row in rows]


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


def _signatures(rows: NDArray) -> NDArray:
    directions = np.random.default_rng(0).normal(size=(rows.shape[1], N_PROJECTIONS))
    return np.nan_to_num(rows.astype(np.float64)) @ directions / N_PROJECTIONS**0.5


def _names(groups: Any) -> frozenset[str]:
    """Return groups as text, 1.0 as 1."""
    found = [] if groups is None else np.unique(np.asarray(groups)).tolist()
    return frozenset(
        str(int(group) if isinstance(group, float) and group.is_integer() else group)
        for group in found
    )
