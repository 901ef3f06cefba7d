"""Checks of what users pass in: one clear error for each fault."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from bioaug.core.containers import check_array_like, check_columns
from bioaug.exceptions import DataError

COUNT = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
UNIT = Interval(Real, 0, 1, closed="both")
FRACTION = Interval(Real, 0, 1, closed="neither")
NOT_NEGATIVE_INT = Interval(Integral, 0, None, closed="left")
MAX_ABS = 1e100

__all__ = [
    "COUNT",
    "FRACTION",
    "MAX_ABS",
    "NOT_NEGATIVE",
    "NOT_NEGATIVE_INT",
    "POSITIVE",
    "UNIT",
    "HasMethods",
    "Interval",
    "StrOptions",
    "as_labels",
    "check_classes",
    "check_features",
    "check_finite",
    "check_groups",
    "check_keys",
    "check_kind",
    "check_labels",
    "check_number",
    "check_numbers",
    "check_option",
    "check_path",
    "check_signals",
]


def check_option(
    value: object, *, name: str, owner: str, options: Iterable[object], otherwise: str = ""
) -> None:
    """Raise a DataError unless `value` is one of `options`, with the nearest spelling as a hint.

    `otherwise` tells in the error what else would have been allowed.
    """
    allowed = list(options)
    try:
        if value in allowed:
            return
    except (TypeError, ValueError, RuntimeError):  # of arrays and tensors, which are no option
        pass
    close = difflib.get_close_matches(str(value), [str(o) for o in allowed], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(repr(o) for o in allowed)
    raise DataError(
        f"The {name!r} parameter of {owner} must be one of {listed}{otherwise}. "
        f"Got {value!r} instead.{hint}"
    )


def check_path(path: object, *, name: str, owner: str) -> Path:
    """Return a path that a user gave, with `~` expanded.

    Raises
    ------
    DataError
        Where it is no text and no path, is empty, holds a null character, or begins with the home
        of a user who has none.
    """
    rule = f"The {name!r} parameter of {owner} must be the path of a file or folder."
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"{rule} Got {path!r:.100} of type {type(path).__name__} instead.")
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise DataError(
            f"{rule} Got {text!r:.100} instead. Give text, not empty and without null characters."
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise DataError(f"{rule} Got {text!r:.100} instead: {error}") from error


def check_number(
    value: object,
    allowed: Interval,
    *,
    name: str,
    owner: str,
    optional: bool = False,
    otherwise: str = "",
) -> None:
    """Raise a DataError unless `value` is a number in the interval, or None where `optional`.

    `otherwise` tells in the error what else would have been allowed.
    """
    if optional and value is None:
        return
    is_huge = isinstance(value, Integral) and not -(2**63) <= int(value) < 2**63
    if is_huge or isinstance(value, bool) or not allowed.is_satisfied_by(value):
        rule = f"{allowed}{' or None' if optional else ''}{otherwise}"
        raise DataError(
            f"The {name!r} parameter of {owner} must be {rule}. Got {value!r:.100} instead."
        )


def check_numbers(values: Mapping[str, Any], allowed: Interval, *, owner: str) -> None:
    """Raise a DataError where a value, by parameter name, is not one of the allowed numbers."""
    for name, value in values.items():
        check_number(value, allowed, name=name, owner=owner)


def check_keys(
    given: Mapping[str, Any] | None, *, name: str, owner: str, allowed: Iterable[str]
) -> None:
    """Raise a DataError where `given` is no mapping, or for its first key that is not allowed."""
    if given is not None and not isinstance(given, Mapping):
        raise DataError(f"The {name!r} parameter of {owner} must be a dict or None. Got {given!r}.")
    for key in given or {}:
        check_option(key, name=f"{name} key", owner=owner, options=sorted(allowed))


def check_signals(
    X: Any,
    y: Any = None,
    *,
    owner: str,
    names: tuple[str, str] = ("X", "y"),
    n_features: int = 0,
) -> tuple[NDArray, NDArray | None]:
    """Return `X` as a finite 2-D or 3-D numeric array and `y` as 1-D class labels.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
    y : array-like of shape (n_samples,), optional
    owner : str
        Class or function whose parameters these are, for the error texts.
    names : tuple of two str
        What `owner` calls `X` and `y`.
    n_features : int
        Columns at the end of a DataFrame that are no time steps.

    Raises
    ------
    DataError
        Where `X` has another number of dimensions or holds NaN or infinity.
    ValueError
        Where scikit-learn refuses `X` or `y`: text, continuous targets.
    """
    check_array_like(X, owner=owner, name=names[0])
    check_columns(X, owner=owner, n_features=n_features)
    X = check_array(X, allow_nd=True, ensure_all_finite=False, estimator=owner)
    check_kind(X, owner=owner, name=names[0])
    check_finite(X, owner=owner, name=names[0])
    if y is None:
        return X, None
    y = as_labels(y, owner=owner, name=names[1])
    if len(y) != len(X):
        raise DataError(
            f"The {names[1]!r} parameter of {owner} must hold a class for each of the rows, "
            f"{len(X)} labels. Got {len(y)} instead."
        )
    check_classification_targets(y)
    return X, y


def check_features(n_features: Any, X: NDArray, *, owner: str) -> None:
    """Raise a DataError unless the last `n_features` values of each row can be features."""
    allowed = Interval(Integral, 0, max(X.shape[1], 1) if X.ndim == 2 else 1, closed="left")
    why = "" if X.ndim == 2 else ", since only 2-D rows can hold features"
    check_number(n_features, allowed, name="n_features", owner=owner, otherwise=why)


def check_kind(X: NDArray, *, owner: str, name: str = "X") -> None:
    """Raise a DataError where `X` is no array of numbers with 2 or 3 dimensions."""
    if X.ndim > 3:
        raise DataError(
            f"The {name!r} parameter of {owner} must have 2 dimensions (n_samples, n_timesteps) "
            f"or 3 (n_samples, n_channels, n_timesteps). Got shape {X.shape} instead. Reshape it."
        )
    if not X.size:
        raise DataError(
            f"The {name!r} parameter of {owner} must hold at least one value. "
            f"Got shape {X.shape} instead."
        )
    if X.dtype.kind == "b":
        raise DataError(
            f"The {name!r} parameter of {owner} must hold numbers. Got booleans instead. "
            f"Convert them by {name}.astype(np.uint8)."
        )
    if X.dtype.kind not in "fiu":
        raise DataError(
            f"The {name!r} parameter of {owner} must hold real numbers. Got {X.dtype} instead. "
            f"Convert them by {name}.astype(np.float64)."
        )


def check_labels(y: NDArray, *, owner: str, name: str = "y") -> None:
    """Raise a DataError where a label is missing, or labels cannot be sorted or saved."""
    if y.dtype.kind not in "iufbU":
        _check_kinds_of_labels(y, owner=owner, name=name)
    elif y.dtype.kind == "f":
        _check_none_missing(y, owner=owner, name=name)


def _check_none_missing(y: NDArray, *, owner: str, name: str) -> None:
    missing = np.flatnonzero(pd.isna(y)) if y.dtype.kind in "OfcMm" else []
    if len(missing):
        kind = "group" if name.startswith("groups") else "label"
        raise DataError(
            f"The {name!r} parameter of {owner} must hold a {kind} for every row. Got "
            f"{len(missing)} missing ones, the first in row {missing[0]}. Drop these rows."
        )


def _check_kinds_of_labels(y: NDArray, *, owner: str, name: str) -> None:
    """Raise a DataError unless all of these labels are text, or all are numbers."""
    _check_none_missing(y, owner=owner, name=name)
    labels = y.tolist() if y.dtype == object else y[:1].tolist()
    kinds = sorted({"str" if isinstance(label, str) else type(label).__name__ for label in labels})
    if kinds == ["bytes"]:
        raise DataError(
            f"The {name!r} parameter of {owner} must hold text or numbers. Got bytes, such as "
            f"{labels[0]!r}. Decode them by numpy.char.decode({name}, 'utf-8')."
        )
    is_plain = all(isinstance(label, str | Real | np.bool_) for label in labels)
    if y.dtype.kind in "mM":  # of which some become integers in a list
        is_plain, kinds = False, [str(y.dtype)]
    if not is_plain:
        raise DataError(
            f"The {name!r} parameter of {owner} must hold text or numbers. Got "
            f"{', '.join(kinds)} instead. Convert them to text."
        )
    if len(kinds) > 1 and "str" in kinds:
        raise DataError(
            f"The {name!r} parameter of {owner} must hold labels of one kind. "
            f"Got {', '.join(kinds)} instead. Convert them by numpy.array({name}, dtype=str)."
        )


def as_labels(y: Any, *, owner: str, name: str = "y") -> NDArray:
    """Return labels, or groups, as a checked array of one dimension, each of its own kind.

    Raises
    ------
    DataError
        For what holds no label for every row.
    """
    check_array_like(y, owner=owner, name=name)
    is_plain = isinstance(y, list | tuple)
    labels = np.asarray(y, dtype=object) if is_plain else np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = column_or_1d(labels, warn=True)
    if labels.ndim != 1:
        raise DataError(
            f"The {name!r} parameter of {owner} must be a 1d array, one value for every row. Got "
            f"shape {labels.shape} instead."
        )
    check_labels(labels, owner=owner, name=name)
    return as_plain_labels(np.asarray(y).ravel() if is_plain else labels)


def as_plain_labels(labels: NDArray) -> NDArray:
    """Return numbers that stand in an array of objects, and text of numpy's StringDType, as usual.

    Scikit-learn takes neither for labels.
    """
    if labels.dtype.kind not in "OT" or not len(labels):
        return labels
    if labels.dtype == object and isinstance(labels[0], str | bytes):
        return labels
    return np.array(labels.tolist())


def check_groups(groups: Any, n_rows: int, *, owner: str) -> NDArray:
    """Return groups as an array of one dimension, none missing, all of one kind.

    Raises
    ------
    DataError
        For another number of groups than rows, and for groups that are missing or of mixed kinds.
    """
    found = as_labels(groups, owner=owner, name="groups")
    if len(found) != n_rows:
        raise DataError(
            f"The 'groups' parameter of {owner} must hold the patient of every row, {n_rows} "
            f"values. Got {len(found)} instead."
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise DataError(f"The 'groups' parameter of {owner} must be finite. Got infinity.")
    return found


def check_finite(X: NDArray, *, owner: str, name: str = "X") -> None:
    """Raise a DataError that counts and places the NaN and infinite values of `X`.

    Numbers are refused, too, that are too large to be squared.
    """
    if X.dtype.kind not in "fc":
        return
    bad = ~np.isfinite(X)
    if not bad.any():
        largest = float(max(X.max(initial=0), -X.min(initial=0)))
        if largest > MAX_ABS:
            raise DataError(
                f"The {name!r} parameter of {owner} must hold values up to {MAX_ABS:g}, for their "
                f"squares must be finite. Got {largest:g}. Use another unit."
            )
        return
    rows = np.flatnonzero(bad.reshape(len(X), -1).any(axis=1))
    n_nan = int(np.isnan(X).sum())
    n_inf = int(bad.sum()) - n_nan
    raise DataError(
        f"The {name!r} parameter of {owner} must be finite. Got {n_nan} NaN and {n_inf} infinity "
        f"(inf) values in {len(rows)} of {len(X)} rows, first in row {rows[0]}. "
        "Interpolate the gaps or drop these rows."
    )


def check_classes(X: NDArray, y: NDArray, classes: Any, *, owner: str, least: int = 2) -> None:
    """Raise a DataError where a class has too few rows, flat ones, or a channel that is constant.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
    y : ndarray of shape (n_samples,)
    classes : array-like
        The classes that are to be learned; rows of others are not looked at.
    owner : str
        Class whose parameters these are, for the error texts.
    least : int
        Smallest number of rows.
    """
    signals = X[:, None] if X.ndim == 2 else X
    for label in classes:
        check_class_sizes(y, [label], owner=owner, least=least)
        _check_not_constant(signals, np.flatnonzero(y == label), owner=owner, label=label)


def check_class_sizes(y: NDArray, classes: Any, *, owner: str, least: int) -> None:
    """Raise a DataError where a class has fewer than `least` rows."""
    for label in classes:
        n_rows = int((y == label).sum())
        if n_rows < least:
            raise DataError(
                f"The 'y' parameter of {owner} must hold at least {least} rows of every class. Got "
                f"{n_rows} row{'s' * (n_rows > 1)} of class {label}. Leave this class out, "
                "or repeat rows by RandomOverSampler."
            )


def _check_not_constant(X: NDArray, rows: NDArray, *, owner: str, label: Any) -> None:
    of_class = X[rows]
    flat = rows[(np.ptp(of_class, axis=2) == 0).all(axis=1)] if X.shape[2] > 1 else rows[:0]
    if len(flat):
        raise DataError(
            f"The 'X' parameter of {owner} must hold no constant signal. Got {len(flat)} of "
            f"{len(rows)} in class {label}, the first in row {flat[0]}. Drop these rows."
        )
    if of_class[:, 0].size == 1:  # a single value can only be constant
        return
    dead = np.flatnonzero(of_class.min(axis=(0, 2)) == of_class.max(axis=(0, 2)))
    if len(dead):
        raise DataError(
            f"The 'X' parameter of {owner} must vary in every channel. Got channel {dead[0]} with "
            f"the one value {of_class[0, dead[0], 0]} in class {label}. Drop this channel or mend "
            "it."
        )


def as_3d(X: NDArray) -> NDArray:
    """Return a view of shape (n_samples, n_channels, n_timesteps); 2-D is one channel."""
    return X[:, None] if X.ndim == 2 else X
