"""Growing one class: rows are made, judged at the gate and made again, down the ladder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.gate import ACCEPTED, COPY, OUTSIDE, Gate
from bioaug.growers import Grower

ROUNDS = 10  # a rejected row is made again so often
FEWEST = 20  # judged rows that tell whether a generator has failed
WORST = 0.9  # share of rejected rows from which on a generator has failed
FAILED, NOT_JUDGED = "of a failed model", "not judged"


def provenance_dtype(labels: np.dtype) -> np.dtype:
    """Return the columns of the table."""
    return np.dtype(
        [
            ("label", labels),
            ("model", "<U32"),
            ("seed", np.int64),
            ("index", np.int64),
            ("nearest", np.int64),
            ("distance", np.float64),
            ("n_tries", np.int64),
            ("status", "<U32"),
        ]
    )


class Growth:
    """New rows of one class, where each came from, and what the gate said.

    Parameters
    ----------
    label : label
    n : int
        New rows.
    gate : Gate or None
        None lets every row through.
    real : ndarray
        Places of the class's real rows in the training set.
    dtype : dtype
        Of labels.
    finish : callable
        What is done to new rows before they are judged, such as rounding.

    Attributes
    ----------
    X : ndarray
        The rows, after `grow`.
    provenance : structured ndarray of shape (n,)
        See `GANOversampler.synthetic_provenance_`.
    rejected : dict
        How many rows the gate refused, by reason.
    failed : list of str
        Growers that failed the gate altogether.
    """

    X: NDArray

    def __init__(
        self,
        label: Any,
        n: int,
        gate: Gate | None,
        real: NDArray,
        dtype: Any,
        finish: Callable[[NDArray], NDArray],
    ) -> None:
        self.label, self.gate, self.real, self.finish = label, gate, real, finish
        self.provenance = np.zeros(n, provenance_dtype(dtype))
        self.provenance["label"] = label
        self.rejected: dict[str, int] = {COPY: 0, OUTSIDE: 0}
        self.failed: list[str] = []

    def grow(self, growers: Sequence[Callable[[], Grower]], streams: Sequence[int]) -> Growth:
        """Make the rows by the first grower, and what it cannot get through the gate by the next.

        Each grower has a stream of seeds of its own. What even the last cannot get through is
        kept, and called so.
        """
        left = np.arange(len(self.provenance))
        for rung, (make_grower, stream) in enumerate(zip(growers, streams, strict=True)):
            left = self._climb(make_grower(), stream, left, is_last=rung == len(growers) - 1)
            if not len(left):
                break
        for place in left:
            self.provenance["status"][place] = f"kept, {self.provenance['status'][place]}"
        return self

    @property
    def methods(self) -> list[str]:
        """Names of the growers whose rows are in, the first used first."""
        return list(dict.fromkeys(self.provenance["model"].tolist()))

    def _climb(self, grower: Grower, stream: int, left: NDArray, *, is_last: bool) -> NDArray:
        """Fill these places by one grower, and return those that it could not fill."""
        n_made = 0
        for attempt in range(ROUNDS):
            index = n_made + np.arange(len(left))
            n_made += len(left)
            made, bad = self._make(grower, stream, left, index)
            is_refused = len(bad) >= FEWEST and bad.mean() > WORST
            has_failed = is_refused or (self.gate and self.gate.has_collapsed(made))
            if attempt == 0 and has_failed and not is_last:
                self.failed.append(grower.name)
                status = self.provenance["status"]
                status[left] = np.where(status[left] == ACCEPTED, FAILED, status[left])
                return left
            left = left[bad]
            if not len(left):
                break
        return left

    def _make(
        self, grower: Grower, stream: int, places: NDArray, index: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Write rows and where they came from; return the rows, and which the gate refused."""
        table = self.provenance
        seeds = grower.seeds(stream, index)
        labels = np.full(len(places), self.label, table["label"].dtype)
        made = self.finish(grower.make(labels, seeds, index))
        if not hasattr(self, "X"):
            self.X = np.empty((len(table), *made.shape[1:]), made.dtype)
        self.X[places] = made
        nearest, distance, verdict = np.full(len(made), -1), np.nan, np.full(len(made), NOT_JUDGED)
        if self.gate is not None:
            nearest, distance, verdict = self.gate.judge(made)
            nearest = self.real[nearest]
        before = table["status"][places]
        replaced = np.isin(before, (COPY, OUTSIDE, FAILED)) & (verdict == ACCEPTED)
        status = np.where(replaced, np.char.add("replaced, ", before), verdict)
        columns = {"model": grower.name, "seed": seeds, "index": index, "nearest": nearest}
        columns |= {"distance": distance, "status": status}
        for name, values in columns.items():
            table[name][places] = values
        table["n_tries"][places] += 1
        for reason in self.rejected:
            self.rejected[reason] += int((verdict == reason).sum())
        return made, np.isin(verdict, (COPY, OUTSIDE))
