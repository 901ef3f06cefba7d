"""Random parts of the real rows that stand in for real and synthetic ones, for the null value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.exceptions import DataError

LEAST_PATIENTS = 8  # halves of fewer patients hardly differ from draw to draw
_TRIES = 20  # halvings, until both parts have enough rows

Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Splits:
    """Pairs of disjoint parts of the real rows.

    Attributes
    ----------
    pairs : list of (ndarray, ndarray)
        Rows that stand in for the real ones, and rows that stand in for the synthetic ones.
    reason : str
        Why there are none.
    """

    pairs: list[Split]
    reason: str = ""


def row_splits(
    real: NDArray, sizes: tuple[int, int], n_draws: int, *, least: int, rng: np.random.RandomState
) -> Splits:
    """Return random parts of the rows, of these sizes; equal rows stay together."""
    first, second = sizes
    if len(real) < 2 * least:
        return Splits([], f"{len(real)} real rows, a null needs {2 * least}")
    copies = _copies(real)
    if copies is None:
        orders = [rng.permutation(len(real)) for _ in range(n_draws)]
        return Splits([(order[:first], order[first : first + second]) for order in orders])
    reason = "too few real rows that differ from each other"
    pairs = []
    for _ in range(n_draws):
        for _ in range(_TRIES):
            order = rng.permutation(copies.max() + 1)[copies].argsort(kind="stable")
            ends = np.flatnonzero(np.diff(copies[order])) + 1  # where one row's copies end
            end = ends[np.abs(ends - first).argmin()] if len(ends) else 0
            one, other = order[:end], order[end : end + second]
            if min(len(one), len(other)) >= least:
                pairs.append((one, other))
                break
        else:
            return Splits([], reason)
    return Splits(pairs)


def patient_splits(
    groups: NDArray,
    ratio: float,
    n_draws: int,
    *,
    least: int,
    rng: np.random.RandomState,
) -> Splits:
    """Return the rows of random halves of the patients, `ratio` times as many on the second side.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        The patient of every row.
    ratio : float
        Of synthetic to real rows; a part of the rows of one half is left out to keep it.
    n_draws, least : int
        Number of pairs, and rows that each side needs.
    rng : RandomState
    """
    patients = np.unique(groups)
    if len(patients) < LEAST_PATIENTS:
        return Splits([], f"{len(patients)} patients, {LEAST_PATIENTS} are needed")
    pairs = []
    for _ in range(n_draws):
        for _ in range(_TRIES):
            chosen = np.isin(groups, rng.permutation(patients)[: len(patients) // 2])
            one, other = (rng.permutation(np.flatnonzero(side)) for side in (chosen, ~chosen))
            one, other = _in_ratio(one, other, ratio, least)
            if min(len(one), len(other)) >= least:
                pairs.append((one, other))
                break
        else:
            return Splits([], "nearly all rows are of a few patients")
    return Splits(pairs)


def _in_ratio(one: NDArray, other: NDArray, ratio: float, least: int) -> Split:
    """Return the largest parts of both with `ratio` times as many rows in the second."""
    n_one = min(len(one), max(round(len(other) / ratio), least))
    n_other = min(len(other), max(round(n_one * ratio), least))
    return one[:n_one], other[:n_other]


def _copies(real: NDArray) -> NDArray[np.int64] | None:
    """Return a number for each row that equal rows share; None where all rows differ."""
    rows = np.ascontiguousarray(real.reshape(len(real), -1)) + 0.0  # no -0
    codes, distinct = pd.factorize(np.array([hash(row.tobytes()) for row in rows]))
    return codes if len(distinct) < len(rows) else None


def check_groups(groups: Any, n_rows: int, *, owner: str, name: str) -> NDArray[np.int64] | None:
    """Return a number for the patient of every row, or raise a DataError."""
    if groups is None:
        return None
    rule = f"The {name!r} parameter of {owner} must hold the patient of each of the {n_rows} rows."
    advice = "Give as many as there are rows, or none."
    try:
        array = np.asarray(groups)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{rule} Got {type(groups).__name__}. {advice}") from error
    if array.shape != (n_rows,):
        got = f"shape {array.shape}" if array.ndim != 1 else f"{len(array)}"
        raise DataError(f"{rule} Got {got}. {advice}")
    try:
        codes = pd.factorize(array)[0]
    except TypeError as error:
        raise DataError(f"{rule} Got values such as {array[0]!r}. Give numbers or text.") from error
    if (codes < 0).any():
        raise DataError(
            f"{rule} Got {int((codes < 0).sum())} missing ones, the first in row "
            f"{int((codes < 0).argmax())}. Drop these rows."
        )
    return codes
