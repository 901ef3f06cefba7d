"""Checks of what a comparison is given: rows, patients, folds, and the arms asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, check_cv

from bioaug.comparison.arms import OWNER, Arm
from bioaug.core.arrays import check_same_order, to_array
from bioaug.core.checks import as_labels, check_groups, check_kind, check_option
from bioaug.exceptions import DataError, LeakError
from bioaug.leakage import find_synthetic


def checked_rows(X: Any, y: Any, groups: Any) -> tuple[NDArray, NDArray, NDArray]:
    if groups is None:
        raise DataError(
            f"The 'groups' parameter of {OWNER} must have the patient of every row, for rows of "
            "one patient are near copies of each other. Got None instead."
        )
    for name, values in (("y", y), ("groups", groups)):
        check_same_order(X, values, names=("X", name), owner=OWNER)
    check_same_order(y, groups, names=("y", "groups"), owner=OWNER)
    X = to_array(X, name="X", owner=OWNER)
    y = as_labels(y, owner=OWNER)
    if len(y) != len(X):
        raise DataError(
            f"The 'y' parameter of {OWNER} must hold one label for each of the {len(X)} rows of "
            f"'X'. Got {len(y)} instead."
        )
    groups = check_groups(groups, len(X), owner=OWNER)
    check_kind(X, owner=OWNER)
    if len(np.unique(y)) < 2:
        raise DataError(f"The 'y' parameter of {OWNER} must have at least 2 classes. Got 1.")
    is_synthetic = find_synthetic(X)
    if is_synthetic.any() or "synthetic" in set(map(str, np.unique(groups))):
        raise LeakError(
            f"The 'X' parameter of {OWNER} must hold real rows only. Got "
            f"{int(is_synthetic.sum()) or 'some'} synthetic ones. Rows generated before the split "
            "come from all patients: give the real rows, and the sampler in 'samplers'."
        )
    return X, y, groups


def asked_arms(hypotheses: Iterable[str] | None, arms: list[Arm]) -> list[str]:
    """Return the names of the arms that somebody asks about."""
    if hypotheses is None:
        return [arm.name for arm in arms[1:] if not arm.is_control]
    names = [arm.name for arm in arms]
    asked = [hypotheses] if isinstance(hypotheses, str) else hypotheses
    if not isinstance(asked, Iterable) or getattr(asked, "ndim", 1) == 0:
        raise DataError(
            f"The 'hypotheses' parameter of {OWNER} must be names of arms. Got {asked!r} instead."
        )
    asked = list(asked)
    for name in asked:
        check_option(name, name="hypotheses", owner=OWNER, options=names)
    return [name for name in names if name in asked]


def checked_cv(cv: Any) -> Any:
    """Return splits as a list, for an iterator would be empty in the second repeat."""
    if isinstance(cv, bool) or (isinstance(cv, Integral) and cv < 2):
        raise DataError(f"The 'cv' parameter of {OWNER} must be at least 2 folds. Got {cv!r}.")
    if isinstance(cv, Integral) or _is_splitter(cv):
        return cv
    rule = (
        f"The 'cv' parameter of {OWNER} must be a number of folds, a splitter, or pairs of indices "
        "(train, test)."
    )
    if not isinstance(cv, Iterable) or isinstance(cv, str | bytes | Mapping):
        raise DataError(f"{rule} Got {cv!r:.100} instead.")
    try:
        splits = [tuple(np.asarray(part) for part in split) for split in cv]
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{rule} Got entries that are none ({error}).") from error
    if not splits or any(len(split) != 2 for split in splits):
        raise DataError(f"{rule} Got {len(splits)} entries, not all of them pairs.")
    return splits


def _is_splitter(cv: Any) -> bool:
    """Whether this is a splitter; text and tensors have a `split` of their own."""
    return hasattr(cv, "split") and not hasattr(cv, "dtype") and not isinstance(cv, str | bytes)


def folds_of(
    cv: Any, X: NDArray, y: NDArray, groups: NDArray, random_state: int, repeat: int
) -> list[tuple[NDArray, NDArray]]:
    """Return the folds of a repeat as indices, each once."""
    if isinstance(cv, Integral):
        cv = StratifiedGroupKFold(int(cv), shuffle=True)
    splitter: Any = copy(check_cv(cv, y, classifier=True))
    if getattr(splitter, "random_state", 0) is None:
        splitter.random_state = random_state + repeat
    try:
        splits = list(splitter.split(X, y, groups))
    except ValueError as error:
        raise DataError(
            f"The 'cv' parameter of {OWNER} cannot split these rows: {error}"
        ) from error
    unique = {}
    for train, test in splits:
        train, test = (_indices(part, len(y)) for part in (train, test))
        unique.setdefault((np.sort(train).tobytes(), np.sort(test).tobytes()), (train, test))
    return list(unique.values())


def _indices(part: Any, n_rows: int) -> NDArray:
    """Return the rows of one side of a split; a mask names them, too."""
    rows = np.asarray(part)
    if rows.dtype.kind == "b" and rows.shape == (n_rows,):
        rows = np.flatnonzero(rows)
    is_wrong = rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu"
    if is_wrong or rows.min() < 0 or rows.max() >= n_rows:
        raise DataError(
            f"The 'cv' parameter of {OWNER} must name rows by indices from 0 to {n_rows - 1}, at "
            f"least one on either side. Got {part!r:.100} instead."
        )
    return rows.astype(np.int64)


def check_folds(folds: list, groups: NDArray) -> None:
    for _, number, train, test in folds:
        if len(np.unique(test)) < len(test):
            raise DataError(
                f"The 'cv' parameter of {OWNER} must name every row to be scored once. Got "
                f"{len(test) - len(np.unique(test))} of them again in fold {number}."
            )
        both = np.intersect1d(groups[train], groups[test])
        if len(both):
            raise LeakError(
                f"The 'cv' parameter of {OWNER} must keep every patient on one side. Got "
                f"{both[:5].tolist()} on both sides of fold {number}. Use GroupKFold or "
                "StratifiedGroupKFold, or a number of folds."
            )
