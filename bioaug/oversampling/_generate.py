"""Generates the rows of one class, with rejection and fallback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.oversampling._sources import Grower
from bioaug.oversampling.quality_filter import ACCEPTED, COPY, OUTSIDE, QualityFilter

ROUNDS = 10  # a rejected row is made again so often
FEWEST = 20  # judged rows that tell whether a generator has failed
WORST = 0.9  # share of rejected rows from which on a generator has failed
FAILED, NOT_JUDGED = "of a failed model", "not judged"


def provenance_dtype(labels: np.dtype) -> np.dtype:
    """Return the columns of the table."""
    return np.dtype(
        [
            ("label", labels),
            ("generator", object),
            ("seed", np.int64),
            ("index", np.int64),
            ("nearest", np.int64),
            ("distance", np.float64),
            ("n_tries", np.int64),
            ("status", "<U32"),
        ]
    )


@dataclass(frozen=True)
class _Attempt:
    """How the first rows of one grower were judged; greater `badness` is worse."""

    grower: Grower
    stream: int
    badness: tuple[bool, float, float]


class Growth:
    """New rows of one class, where each came from, and what the quality filter said.

    Parameters
    ----------
    label : label
    n : int
        New rows.
    gate : QualityFilter or None
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
        How many rows the quality filter refused, by reason.
    failed : dict of str to str
        Generators that failed the quality filter altogether, and what was wrong with their rows.
    refused_least : str or None
        Where all of them failed: the one whose rows are kept.
    """

    X: NDArray

    def __init__(
        self,
        label: Any,
        n: int,
        gate: QualityFilter | None,
        real: NDArray,
        dtype: Any,
        finish: Callable[[NDArray], NDArray],
    ) -> None:
        self.label, self.quality_filter, self.real, self.finish = label, gate, real, finish
        self.provenance = np.zeros(n, provenance_dtype(dtype))
        self.provenance["label"] = label
        self.rejected: dict[str, int] = {COPY: 0, OUTSIDE: 0}
        self.failed: dict[str, str] = {}
        self.refused_least: str | None = None
        self._attempts: list[_Attempt] = []

    def grow(self, growers: Sequence[Callable[[], Grower]], streams: Sequence[int]) -> Growth:
        """Make the rows by the first grower, and what the quality filter refuses by the next.

        Each grower has a stream of seeds of its own. Where all fail, the one whose rows were
        refused least makes those that are left. What even that cannot get through is kept, and
        called so.
        """
        left = np.arange(len(self.provenance))
        for rung, (make_grower, stream) in enumerate(zip(growers, streams, strict=True)):
            left = self._climb(make_grower(), stream, left, is_last=rung == len(growers) - 1)
            if not len(left):
                return self
        best = min(self._attempts, key=lambda attempt: attempt.badness, default=None)
        if best is not None and len(self.failed) == len(self._attempts) > 1:
            self.refused_least = best.grower.name
            if best is not self._attempts[-1]:
                first = len(self.provenance)  # an index after all that it has made
                left = self._climb(best.grower, best.stream, left, is_last=True, first=first)
        for place in left:
            self.provenance["status"][place] = f"kept, {self.provenance['status'][place]}"
        return self

    @property
    def methods(self) -> list[str]:
        """Names of the growers whose rows are in, the first used first."""
        return list(dict.fromkeys(self.provenance["generator"].tolist()))

    def _climb(
        self, grower: Grower, stream: int, left: NDArray, *, is_last: bool, first: int = 0
    ) -> NDArray:
        """Fill these places by one grower, and return those that it could not fill."""
        n_made = first
        for attempt in range(ROUNDS):
            index = n_made + np.arange(len(left))
            n_made += len(left)
            made, bad = self._make(grower, stream, left, index)
            is_first = attempt == 0 and first == 0
            if is_first and self._has_failed(grower, stream, left, made, bad) and not is_last:
                status = self.provenance["status"]
                status[left] = np.where(status[left] == ACCEPTED, FAILED, status[left])
                return left
            left = left[bad]
            if not len(left):
                break
        return left

    def _has_failed(
        self, grower: Grower, stream: int, places: NDArray, made: NDArray, bad: NDArray
    ) -> bool:
        """Note how a grower's first rows were judged, and whether it has failed."""
        gate, rows = self.quality_filter, self.provenance[places]
        if gate is None:
            return False
        has_collapsed = gate.has_collapsed(made)
        is_refused = len(bad) >= FEWEST and bool(bad.mean() > WORST)
        excess = gate.excess(rows["distance"], rows["status"].astype(str))
        badness = (has_collapsed, float(bad.mean()), excess)
        self._attempts.append(_Attempt(grower, stream, badness))
        if has_collapsed or is_refused:
            self.failed[grower.name] = (
                "its rows are nearly all alike" if has_collapsed else gate.reason(rows["status"])
            )
        return has_collapsed or is_refused

    def _make(
        self, grower: Grower, stream: int, places: NDArray, index: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Write rows and where they came from; return the rows, and which were refused."""
        table = self.provenance
        seeds = grower.seeds(stream, index)
        labels = np.full(len(places), self.label, table["label"].dtype)
        made = self.finish(grower.make(labels, seeds, index))
        if not hasattr(self, "X"):
            self.X = np.empty((len(table), *made.shape[1:]), made.dtype)
        self.X[places] = made
        nearest, distance, verdict = np.full(len(made), -1), np.nan, np.full(len(made), NOT_JUDGED)
        if self.quality_filter is not None:
            nearest, distance, verdict = self.quality_filter.judge(made)
            nearest = self.real[nearest]
        before = table["status"][places]
        replaced = np.isin(before, (COPY, OUTSIDE, FAILED)) & (verdict == ACCEPTED)
        status = np.where(replaced, np.char.add("replaced, ", before), verdict)
        columns = {"generator": grower.name, "seed": seeds, "index": index, "nearest": nearest}
        columns |= {"distance": distance, "status": status}
        for name, values in columns.items():
            table[name][places] = values
        table["n_tries"][places] += 1
        for reason in self.rejected:
            self.rejected[reason] += int((verdict == reason).sum())
        return made, np.isin(verdict, (COPY, OUTSIDE))
