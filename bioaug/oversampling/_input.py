"""What the oversampler reads from the user's containers: labels, groups and column types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.core.checks import check_labels, of_usual_type
from bioaug.core.containers import check_array_like, check_columns

OWNER = "GANOversampler"


def checked_input(X: Any, y: Any, n_features: Any) -> tuple[Any, Any]:
    """Check containers, columns and labels before imbalanced-learn does, which knows less of them.

    Each label of a list keeps its kind for this, where an array would make text of all.
    """
    check_array_like(X, owner=OWNER)
    check_columns(X, owner=OWNER, n_features=n_features)
    check_array_like(y, owner=OWNER, name="y")
    X, y = (np.asarray(one) if isinstance(one, np.ma.MaskedArray) else one for one in (X, y))
    if isinstance(y, list | tuple) and len(y) and isinstance(y[0], list | tuple):
        return X, np.asarray(y)  # one-hot
    labels = np.asarray(y, dtype=object) if isinstance(y, list | tuple) else np.asarray(y)
    if labels.ndim == 1:
        check_labels(labels, owner=OWNER)
        if isinstance(y, pd.Series):
            y = y.infer_objects()  # numbers that stand in a column of objects
        elif isinstance(y, np.ndarray):
            y = of_usual_type(y)
    return X, y


def counts_of_ratio(ratio: float, y: NDArray) -> dict[Any, int] | None:
    """Return the final count of the smaller of two classes, for a ratio that it can grow to.

    It is what imbalanced-learn finds, but for counts that are whole up to the rounding of the
    ratio: 0.29 of 100 rows are 29.
    """
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) != 2 or not 0 < ratio <= 1:
        return None
    smaller = int(counts.argmin())
    wanted = int(np.floor(ratio * counts.max() + 1e-9 * counts.max()))
    return {classes[smaller]: wanted} if wanted >= counts[smaller] else None


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
