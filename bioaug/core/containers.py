"""Validation and conversion of containers: lists, tensors, pandas and polars."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError, DataWarning

_NO_ARRAY = (Mapping, Set, Iterator, str, bytes, type)


def check_array_like(values: Any, *, owner: str, name: str = "X") -> None:
    """Raise a DataError for what is no array, or would be read as something else.

    Raises
    ------
    DataError
        For dicts, sets, iterators, text and single values; for rows of unequal lengths; for masked
        values; for tensors that require gradients or are not on the CPU.
    """
    rule = f"The {name!r} parameter of {owner} must be array-like."
    if sparse.issparse(values):
        return
    if values is None:  # in scikit-learn's words
        raise DataError(f"{rule} Expected array-like (array or non-string sequence), got None.")
    if getattr(getattr(values, "dtype", None), "kind", "") == "c":
        raise DataError(f"{rule} Got complex numbers. Complex data not supported: give its parts.")
    if isinstance(values, _NO_ARRAY):
        raise DataError(
            f"{rule} Got a {type(values).__name__} instead. Give an array, a list or a DataFrame."
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(
            f"{rule} Got a masked array with {int(np.ma.count_masked(values))} masked values, "
            "which would be used as if they were measured. Interpolate them, or drop these rows."
        )
    if hasattr(values, "detach") and hasattr(values, "requires_grad"):
        _check_tensor(values, rule, name)
    lengths = _lengths(values)
    if len(lengths) > 1:
        raise DataError(
            f"The {name!r} parameter of {owner} must have rows of one length. Got {len(lengths)} "
            f"different lengths, from {min(lengths)} to {max(lengths)}. Cut all rows to the same "
            "window, resample them or pad them."
        )


def _check_tensor(values: Any, rule: str, name: str) -> None:
    if values.requires_grad:
        raise DataError(f"{rule} Got a tensor that requires gradients. Give {name}.detach().")
    try:
        np.asarray(values)
    except (TypeError, RuntimeError) as error:  # on another device, bfloat16, sparse
        raise DataError(
            f"{rule} Got a tensor that numpy cannot read ({error}). Give {name}.cpu().float()."
        ) from error


def _lengths(values: object) -> set[int]:
    """Return the different lengths of rows, of what holds rows; channels of rows as well."""
    if isinstance(values, pd.Series) and values.dtype == object:
        values = values.tolist()
    if isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, list | tuple):
        return set()
    rows = [row for row in values if _is_row(row)]
    lengths = {len(row) for row in rows}
    if len(lengths) == 1 and all(isinstance(row, list | tuple) for row in rows):
        within_rows = {len(part) for row in rows for part in row if _is_row(part)}
        return within_rows if len(within_rows) > 1 else lengths
    return lengths


def _is_row(value: Any) -> bool:
    if isinstance(value, np.ndarray | pd.Series) or hasattr(value, "detach"):
        return np.ndim(value) > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def check_columns(X: Any, *, owner: str, n_features: Any = 0) -> None:
    """Raise a DataError for columns of a DataFrame that hold no numbers; warn of odd names.

    The last `n_features` columns are no time steps, and may be called as they like.
    """
    if not isinstance(X, pd.DataFrame):
        return
    wrong = [
        f"{name!r} ({dtype})"
        for name, dtype in zip(X.columns, X.dtypes, strict=True)
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))
        or isinstance(dtype, pd.CategoricalDtype)
    ]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise DataError(
            f"The 'X' parameter of {owner} must hold numbers in every column. Got {shown}. Drop "
            "these columns, or give numbers in their place: the last columns can be features, see "
            "'n_features'."
        )
    end = X.shape[1] - (int(n_features) if isinstance(n_features, Integral) else 0)
    names = [str(name) for name in X.columns[:end]]
    others, usual = unlike_most(names)
    if others:
        warn_user(
            f"{owner}: the columns {', '.join(map(repr, others[:5]))} of X are taken for time "
            f"steps, as all columns are. Their names are unlike {usual!r}: drop them, give "
            "patients as 'groups', or move features to the end and say how many by 'n_features'.",
            DataWarning,
        )


def unlike_most(names: Sequence[str]) -> tuple[list[str], str]:
    """Return the names that are formed in another way than most, and one of these.

    Names are formed in one way where they differ in numbers alone, as "t0" and "t1" do, or
    "-0.1" and "1e-05".
    """
    kinds = [re.sub(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", "0", name) for name in names]
    ((usual, count),) = Counter(kinds).most_common(1) or [("", 0)]
    others = [name for name, kind in zip(names, kinds, strict=True) if kind != usual]
    if not others or 2 * count <= len(names):
        return [], ""
    return others, names[kinds.index(usual)]


def warn_of_time_first(shape: tuple[int, ...], *, owner: str) -> None:
    """Warn of 3-D signals that have more channels than time steps."""
    if len(shape) == 3 and shape[1] > shape[2]:
        warn_user(
            f"{owner}: X of shape {shape} has {shape[1]} channels of {shape[2]} time steps, for "
            "the axes are (n_samples, n_channels, n_timesteps), time last. Where axis 1 is time, "
            "give X.transpose(0, 2, 1).",
            DataWarning,
        )


def from_polars(values: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a polars DataFrame or Series as pandas has it, and what takes such ones back.

    Anything else comes back as it is.
    """
    kind: Any = type(values)
    if kind.__module__.partition(".")[0] != "polars":
        return values, lambda resampled: resampled
    if kind.__name__ == "DataFrame":
        columns = {name: values[name].to_numpy() for name in values.columns}
        schema = values.schema

        def frame_of(resampled: Any) -> Any:
            whole = {name: resampled[name].to_numpy() for name in schema}
            return kind(whole, schema=schema)

        return pd.DataFrame(columns), frame_of
    if kind.__name__ == "Series":
        series = pd.Series(np.array(values.to_list()), name=values.name or None)
        if values.null_count():
            series = pd.Series(values.to_list(), dtype=object)
        name, dtype = values.name, values.dtype
        return series, lambda resampled: kind(name, np.asarray(resampled).tolist(), dtype=dtype)
    raise DataError(f"Got a polars {kind.__name__}. Give a DataFrame or Series: call collect().")
