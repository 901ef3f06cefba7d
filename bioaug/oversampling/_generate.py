"""Generates the rows of one class, with rejection and fallback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioaug.oversampling._generators import RowGenerator
from bioaug.oversampling._input import InputFormat
from bioaug.oversampling._model import Label
from bioaug.oversampling.quality_filter import ACCEPTED, COPY, OUTSIDE, QualityFilter

MAX_TRIES = 10  # of one row, by one generator
MIN_JUDGED = 20  # rows that tell whether a generator has failed
MAX_REFUSED = 0.9  # fraction of rows, above which a generator has failed
FAILED, NOT_JUDGED = "of a failed model", "not judged"


def provenance_dtype(labels: np.dtype) -> np.dtype:
    """Return the columns of the table of provenance."""
    return np.dtype(
        [
            ("label", labels),
            ("generator", object),
            ("seed", np.int64),
            ("index", np.int64),
            ("nearest", np.int64),
            ("distance", np.float64),
            ("n_reference", np.int64),
            ("n_tries", np.int64),
            ("status", "<U32"),
        ]
    )


@dataclass(frozen=True)
class _Attempt:
    """How the first rows of one generator were judged; greater `badness` is worse."""

    generator: RowGenerator
    seed: int
    badness: tuple[bool, float, float]


class ClassRows:
    """The new rows of one class, where each came from, and what the quality filter said.

    Parameters
    ----------
    label : label
    n : int
        New rows.
    quality_filter : QualityFilter or None
        None lets every row through.
    real : ndarray
        Indices of the class's real rows in the training set.
    input_format : InputFormat
        By which rows are rounded before they are judged.

    Attributes
    ----------
    X : ndarray
        The rows, after `fill`.
    provenance : structured ndarray of shape (n,)
        See `GANOversampler.synthetic_provenance_`.
    rejected : dict
        How many rows were refused, by reason.
    failed : dict of str to str
        Generators that failed altogether, and what was wrong with their rows.
    least_refused : str or None
        Where all of them failed: the one whose rows are kept.
    """

    X: NDArray

    def __init__(
        self,
        label: Label,
        n: int,
        quality_filter: QualityFilter | None,
        real: NDArray,
        input_format: InputFormat,
    ) -> None:
        self.label, self.quality_filter, self.real = label, quality_filter, real
        self._format = input_format
        self.provenance = np.zeros(n, provenance_dtype(input_format.label_dtype))
        self.provenance["label"] = label
        self.provenance["n_reference"] = quality_filter.n_reference if quality_filter else 0
        self.rejected: dict[str, int] = {COPY: 0, OUTSIDE: 0}
        self.failed: dict[str, str] = {}
        self.least_refused: str | None = None
        self._attempts: list[_Attempt] = []

    @property
    def generator_names(self) -> list[str]:
        """Names of the generators whose rows are in, the first used first."""
        return list(dict.fromkeys(self.provenance["generator"].tolist()))

    def fill(self, generators: Iterable[RowGenerator], seeds: Sequence[int]) -> ClassRows:
        """Generate the rows by the first generator, and what the filter refuses by the next.

        Each generator has a stream of seeds of its own. Where all fail, the one whose rows were
        refused least generates those that are left. What even that cannot get through is kept, and
        called so. Without a filter the first generator suffices.
        """
        seeds = seeds if self.quality_filter is not None else seeds[:1]
        left = np.arange(len(self.provenance))
        for step, (seed, generator) in enumerate(zip(seeds, generators, strict=False)):
            left = self._fill(generator, seed, left, is_last=step == len(seeds) - 1)
            if not len(left):
                return self
        best = min(self._attempts, key=lambda attempt: attempt.badness, default=None)
        if best is not None and len(self.failed) == len(self._attempts) > 1:
            self.least_refused = best.generator.name
            if best is not self._attempts[-1]:
                first = len(self.provenance)  # an index after all that it has generated
                left = self._fill(best.generator, best.seed, left, is_last=True, first=first)
        for row in left:
            self.provenance["status"][row] = f"kept, {self.provenance['status'][row]}"
        return self

    def _fill(
        self, generator: RowGenerator, seed: int, left: NDArray, *, is_last: bool, first: int = 0
    ) -> NDArray:
        """Generate these rows by one generator, and return those that it could not."""
        n_generated = first
        for attempt in range(MAX_TRIES):
            index = n_generated + np.arange(len(left))
            n_generated += len(left)
            generated, refused = self._write(generator, seed, left, index)
            is_first = attempt == 0 and first == 0
            has_failed = is_first and self._has_failed(generator, seed, left, generated, refused)
            if has_failed and not is_last:
                status = self.provenance["status"]
                status[left] = np.where(status[left] == ACCEPTED, FAILED, status[left])
                return left
            left = left[refused]
            if not len(left):
                break
        return left

    def _has_failed(
        self, generator: RowGenerator, seed: int, rows: NDArray, X: NDArray, refused: NDArray
    ) -> bool:
        """Note how a generator's first rows were judged, and whether it has failed."""
        if self.quality_filter is None:
            return False
        table = self.provenance[rows]
        has_collapsed = self.quality_filter.has_collapsed(X)
        is_refused = len(refused) >= MIN_JUDGED and bool(refused.mean() > MAX_REFUSED)
        excess = self.quality_filter.excess(table["distance"], table["status"].astype(str))
        badness = (has_collapsed, float(refused.mean()), excess)
        self._attempts.append(_Attempt(generator, seed, badness))
        if has_collapsed:
            self.failed[generator.name] = "its rows are nearly all alike"
        elif is_refused:
            self.failed[generator.name] = self.quality_filter.reason(table["status"])
        return has_collapsed or is_refused

    def _write(
        self, generator: RowGenerator, seed: int, rows: NDArray, index: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Generate rows, note where they came from; return them, and which were refused."""
        table, n = self.provenance, len(rows)
        seeds = generator.stream(seed, index)
        labels = np.full(n, self.label, table["label"].dtype)
        generated = self._format.round(generator.generate(labels, seeds, index))
        if not hasattr(self, "X"):
            self.X = np.empty((len(table), *generated.shape[1:]), generated.dtype)
        self.X[rows] = generated
        nearest, distance, status = np.full(n, -1), np.full(n, np.nan), np.full(n, NOT_JUDGED)
        if self.quality_filter is not None:
            nearest, distance, status = self.quality_filter.judge(generated)
            nearest = self.real[nearest]
        before = table["status"][rows]
        is_replaced = np.isin(before, (COPY, OUTSIDE, FAILED)) & (status == ACCEPTED)
        columns = {"generator": generator.name, "seed": seeds, "index": index}
        columns |= {"nearest": nearest, "distance": distance, "n_tries": table["n_tries"][rows] + 1}
        columns["status"] = np.where(is_replaced, np.char.add("replaced, ", before), status)
        for name, values in columns.items():
            table[name][rows] = values
        for reason in self.rejected:
            self.rejected[reason] += int((status == reason).sum())
        return generated, np.isin(status, (COPY, OUTSIDE))
