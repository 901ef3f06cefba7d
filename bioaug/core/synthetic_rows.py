"""Bounded registry of the synthetic rows that this process has generated."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.row_hashes import MIN_VALUES, flat_rows
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import LeakWarning

MAX_ROWS = 10_000_000  # of 16 bytes each
BLOCK_FRACTION = 0.1  # of them, that are forgotten at once

Hashes = NDArray[np.uint64]


class SyntheticRegistry:
    """Hashes of the latest synthetic rows, by which they are recognised among rows given as real.

    A row is known as it was, and with one gain and one offset for the whole row, as another unit or
    the standardisation of each row gives. It is not known after a change of single channels or time
    steps, a filter, noise or a cut. The registry sees neither rows of other processes (joblib's
    workers, those of a data loader), nor rows of before a restart or from a file, nor those that it
    has forgotten: that nothing is found is no proof that rows are real.

    All methods may be called from several threads.

    Parameters
    ----------
    max_rows : int
        How many rows are kept; a `LeakWarning` says when the oldest are forgotten.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self.max_rows = max_rows
        self._blocks: tuple[Hashes, ...] = ()  # sorted, the oldest rows first; replaced as a whole
        self._lock = threading.Lock()

    def add(self, X: NDArray, real: NDArray) -> None:
        """Register the rows of `X` but for copies of the rows `real`, which are not synthetic."""
        new = tuple(
            np.setdiff1d(_hashes(form(X)), _hashes(form(real)))
            for form in (flat_rows, _standardised)
        )
        with self._lock:
            blocks = _merged((*self._blocks, *new), max(1, int(2 * BLOCK_FRACTION * self.max_rows)))
            n_dropped = 0
            while len(blocks) > 1 and sum(map(len, blocks)) > 2 * self.max_rows:  # 2 hashes a row
                n_dropped += len(blocks.pop(0))
            self._blocks = tuple(blocks)
        if n_dropped:
            warn_user(
                f"This process has generated more than {self.max_rows:,} synthetic rows; the "
                f"oldest {n_dropped // 2:,} are not recognised any more when they are passed as "
                "real rows.",
                LeakWarning,
            )

    def find(self, X: Any) -> NDArray[np.bool_]:
        """Return which rows are known as synthetic."""
        rows = flat_rows(X)
        hashes = np.stack([_hashes(rows), _hashes(_standardised(rows))])
        known = np.zeros(hashes.shape, bool)
        for block in self._blocks:
            if len(block):
                index = np.searchsorted(block, hashes).clip(max=len(block) - 1)
                known |= block[index] == hashes
        return known[0] | known[1]

    def __len__(self) -> int:
        """Return how many hashes are kept, two for a row."""
        return sum(map(len, self._blocks))

    @property
    def n_blocks(self) -> int:
        """How many arrays hold them, which `find` goes through."""
        return len(self._blocks)

    def renew_lock(self) -> None:
        """Forget a lock that a thread held which a forked process does not have."""
        self._lock = threading.Lock()


REGISTRY = SyntheticRegistry()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=REGISTRY.renew_lock)


def _merged(blocks: tuple[Hashes, ...], max_size: int) -> list[Hashes]:
    """Join blocks as a binary counter does: one joins the one before it once it is as large.

    So a hash is copied a logarithmic number of times, however small the sets that come.
    """
    merged = list(blocks)
    for i in reversed(range(1, len(merged))):
        former, latter = merged[i - 1], merged[i]
        if len(former) <= len(latter) and len(former) + len(latter) <= max_size:
            merged[i - 1 : i + 1] = [np.union1d(former, latter)]
    return merged


def _hashes(X: NDArray) -> Hashes:
    """Return a 64-bit hash of each row."""
    rows = np.ascontiguousarray(flat_rows(X), dtype=np.float32)
    return np.array([hash(row.tobytes()) for row in rows], np.int64).view(np.uint64)


def _standardised(X: NDArray) -> NDArray:
    """Return rows without gain and offset, rounded so that rounding errors do not show."""
    rows = flat_rows(X).astype(np.float64)
    if rows.shape[1] < MIN_VALUES:  # so few values leave no shape
        return rows
    with np.errstate(all="ignore"):  # of infinite values
        rows -= rows.mean(axis=1, keepdims=True)
        std = rows.std(axis=1, keepdims=True)
        return np.round(rows / np.where(std > 0, std, 1), 2) + 0.0  # no -0
