"""Conversion of any container with one entry per row to an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.containers import check_array_like
from bioaug.exceptions import DataError


def to_array(values: Any, *, name: str, owner: str) -> NDArray:
    """Return an array of a list, tuple, array, tensor, Series or DataFrame.

    Bytes become text.

    Raises
    ------
    DataError
        For what `check_array_like` refuses, single values, and lists of text and numbers.
    """
    check_array_like(values, owner=owner, name=name)
    if hasattr(values, "toarray"):
        raise _refusal(name, owner, "a sparse matrix", "Convert it by .toarray()")
    if isinstance(values, list | tuple):
        _check_one_kind(values, name, owner)
    convert: Any = getattr(values, "to_numpy", None)
    array = np.asarray(values) if convert is None else convert()
    if array.ndim == 0:
        raise _refusal(name, owner, repr(values), "Give a list or an array")
    return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array


def to_floats(values: Any, *, name: str, owner: str) -> NDArray[np.float64]:
    """Return an array of floats; raise a DataError for what are no real numbers."""
    is_one = isinstance(values, int | float | np.number)
    array = np.asarray(values) if is_one else to_array(values, name=name, owner=owner)
    try:
        if array.dtype.kind in "cmMUV":
            raise TypeError(f"{array.dtype}")
        return array.astype(float)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"The {name!r} parameter of {owner} must hold real numbers. Got {array.dtype}, such as "
            f"{array.ravel()[:1].tolist()}. Convert them."
        ) from error


def check_same_order(first: Any, second: Any, *, names: tuple[str, str], owner: str) -> None:
    """Raise a DataError where two pandas objects have the same index in another order."""
    one, other = getattr(first, "index", None), getattr(second, "index", None)
    if callable(one) or callable(other) or one is None or other is None or one.equals(other):
        return
    if len(one) == len(other) and one.is_unique and set(one) == set(other):
        raise DataError(
            f"The {names[1]!r} parameter of {owner} must be in the order of {names[0]!r}. Got the "
            f"same index in another order. Write {names[1]}.loc[{names[0]}.index]."
        )


def _check_one_kind(values: list | tuple, name: str, owner: str) -> None:
    kinds = {type(value) for value in values}
    if len(kinds) > 1 and any(issubclass(kind, str | bytes) for kind in kinds):
        named = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise _refusal(name, owner, f"a list of {named}", "Convert all to text")


def _refusal(name: str, owner: str, got: str, remedy: str) -> DataError:
    return DataError(
        f"The {name!r} parameter of {owner} must be an array or a list with one entry for each row."
        f" Got {got} instead. {remedy}."
    )
