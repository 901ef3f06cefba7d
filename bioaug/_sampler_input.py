"""What the oversampler reads from the user's containers: labels, groups and column types."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug._validation import check_labels
from bioaug.exceptions import DataError


def checked_labels(y: Any) -> Any:
    """Check labels before imbalanced-learn does, which knows less of them, and return them.

    Each of a list keeps its kind for this, where an array would make text of all.
    """
    if isinstance(y, list | tuple) and len(y) and isinstance(y[0], list | tuple):
        return np.asarray(y)  # one-hot
    labels = np.asarray(y, dtype=object) if isinstance(y, list | tuple) else np.asarray(y)
    if labels.ndim == 1:
        check_labels(labels, owner="GANOversampler")
    return y


def check_groups(groups: NDArray) -> None:
    """Raise a DataError for groups from which no name of a new one can be made."""
    is_plain = groups.dtype.kind in "iufUb" or all(isinstance(g, str | int) for g in groups)
    if not is_plain or (groups.dtype.kind == "f" and not np.isfinite(groups).all()):
        raise DataError(
            "The 'groups' parameter of fit_resample must be numbers or text, none missing. Got "
            f"{groups.dtype}, such as {groups[0]!r}. Convert them by groups.astype(str)."
        )


def column_dtypes(X: Any) -> list[Any] | None:
    """Return what each column of a DataFrame holds, which one array of all cannot tell."""
    return list(X.dtypes) if hasattr(X, "columns") else None


def rounded(X: NDArray, dtypes: list[Any]) -> NDArray:
    """Round and clip, where a cast to integers would cut off: all of `X`, or column by column."""
    for column, dtype in enumerate(dtypes):
        if dtype.kind in "iub" and X.dtype != dtype:
            part = X if len(dtypes) == 1 else X[:, column]
            low, high = 0, 1
            if dtype.kind != "b":
                limits = np.iinfo(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype)))
                low, high = limits.min, limits.max
            part[:] = np.clip(np.rint(part), low, high)
    return X
