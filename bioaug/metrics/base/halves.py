"""Random splits of the real rows, by rows or by patients, for null values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
    n_real : int
        Real rows that differ from each other.
    sizes : list of (int, int)
        The same of the parts.
    """

    pairs: list[Split]
    reason: str = ""
    n_real: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)


def row_splits(
    real: NDArray,
    sizes: Callable[[int], tuple[int, int]],
    n_draws: int,
    *,
    least: int,
    rng: np.random.RandomState,
) -> Splits:
    """Return random parts of the rows, for the null.

    Equal rows stay together, and stand in for a synthetic row once: a generator makes no copies.

    Parameters
    ----------
    real : ndarray of shape (n, n_channels, n_timesteps)
    sizes : callable (n_real) -> (int, int)
        The sizes of both parts of so many rows.
    n_draws, least : int
        Number of pairs, and rows that each part needs.
    rng : RandomState
    """
    codes, firsts = _distinct(real)
    n_real = len(firsts)
    if n_real < 2 * least:
        differ = "" if n_real == len(real) else " that differ"
        return Splits([], f"{n_real} real rows{differ}, {2 * least} are needed")
    first, second = sizes(n_real)
    pairs = []
    for _ in range(n_draws):
        order = rng.permutation(n_real)
        one = order[:first]
        if n_real < len(real):
            one = np.flatnonzero(np.isin(codes, one))
        pairs.append((one, firsts[order[first : first + second]]))
    return Splits(pairs, "", n_real, [(first, second)] * n_draws)


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
    sizes = [(len(one), len(other)) for one, other in pairs]
    return Splits(pairs, "", len(groups), sizes)


def _in_ratio(one: NDArray, other: NDArray, ratio: float, least: int) -> Split:
    """Return the largest parts of both with `ratio` times as many rows in the second."""
    n_one = min(len(one), max(round(len(other) / ratio), least))
    n_other = min(len(other), max(round(n_one * ratio), least))
    return one[:n_one], other[:n_other]


def distinct_rows(real: NDArray) -> NDArray:
    """Return rows without copies: between copies, a neighbourhood has no size."""
    _, firsts = _distinct(real)
    return real if len(firsts) == len(real) else real[firsts]


def _distinct(real: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each row that equal rows share, and the first row of each number."""
    rows = np.ascontiguousarray(real.reshape(len(real), -1)) + 0.0  # no -0
    hashes = np.array([hash(row.tobytes()) for row in rows])
    codes, distinct = pd.factorize(hashes)
    if len(distinct) == len(rows):
        return codes, np.arange(len(rows))
    return codes, np.unique(codes, return_index=True)[1]


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
