"""Containers, dtypes and labels that the oversampler is given, and the result in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from imblearn.utils import check_sampling_strategy, check_target_type
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import label_binarize
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from bioaug.core.checks import (
    COUNT,
    NOT_NEGATIVE_INT,
    as_plain_labels,
    check_finite,
    check_groups,
    check_keys,
    check_kind,
    check_labels,
    check_number,
    check_numbers,
)
from bioaug.core.containers import check_array_like, check_columns, from_polars, warn_of_time_first
from bioaug.oversampling._fallback import MIN_SAMPLES
from bioaug.oversampling._model import OWNER, Label, check_model_name


@dataclass(frozen=True, eq=False)
class Container:
    """What one array came in: a list, a DataFrame, a Series, or an array."""

    kind: type
    columns: pd.Index | None = None
    dtypes: Any = None  # of the columns, or of a Series
    name: Any = None

    @classmethod
    def of(cls, values: Any) -> Container:
        """Describe a container."""
        if isinstance(values, pd.DataFrame):
            return cls(pd.DataFrame, columns=values.columns, dtypes=values.dtypes)
        if isinstance(values, pd.Series):
            return cls(pd.Series, dtypes=values.dtype, name=values.name)
        return cls(list if isinstance(values, list) else np.ndarray)

    def restore(self, values: Any) -> Any:
        """Return an array, or a sparse matrix, in such a container."""
        if self.kind is list:
            return values.tolist()
        if self.kind is pd.Series:
            return pd.Series(values, dtype=self.dtypes, name=self.name)
        if self.kind is pd.DataFrame:
            if sparse.issparse(values):
                frame = pd.DataFrame.sparse.from_spmatrix(values, columns=self.columns)
            else:
                frame = pd.DataFrame(values, columns=self.columns)
            return frame.astype(self.dtypes)
        return values


@dataclass(frozen=True, eq=False)
class InputFormat:
    """The form of the rows, labels and groups that a user gave, which the result is to have.

    Attributes
    ----------
    shape, dtype : tuple, dtype
        Of one row, and of all rows as one array.
    label_dtype : dtype
        Of the labels as an array, one-hot ones decoded.
    rows, labels : Container
    sparse_kind : type or None
        The class of a sparse matrix.
    one_hot : ndarray or None
        The classes, where labels were given one-hot.
    groups : ndarray or None
        The group of every row.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    label_dtype: np.dtype
    rows: Container
    labels: Container
    sparse_kind: type | None = None
    one_hot: NDArray | None = None
    groups: NDArray | None = None

    def round(self, X: NDArray) -> NDArray:
        """Round and clip `X` in place where a cast to the given integers would cut off."""
        is_frame = self.rows.columns is not None
        for column, dtype in enumerate(self.rows.dtypes if is_frame else [self.dtype]):
            if dtype.kind in "iub" and X.dtype != dtype:
                part = X[:, column] if is_frame else X
                low, high = 0, 1
                if dtype.kind != "b":
                    kind = getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype))
                    low, high = np.iinfo(kind).min, np.iinfo(kind).max
                part[:] = np.clip(np.rint(part), low, high)
        return X

    def grown_groups(self, n_new: int) -> NDArray | None:
        """Return the groups of all rows, of which `n_new` synthetic ones form one of their own."""
        groups = self.groups
        if groups is None or not n_new:
            return None if groups is None else groups.copy()
        is_text = any(isinstance(group, str) for group in groups)
        own = "synthetic" if is_text else np.asarray(groups.max()).item() + 1
        kind = groups.dtype if groups.dtype == object else None
        return np.concatenate([groups, np.array([own] * n_new, dtype=kind)])

    def restore(self, X: NDArray, y: NDArray) -> tuple[Any, Any]:
        """Return rows and labels in the containers of the input."""
        rows: Any = X if self.sparse_kind is None else self.sparse_kind(X)
        labels: Any = y if self.one_hot is None else label_binarize(y, classes=self.one_hot)
        rows, labels = self.rows.restore(rows), self.labels.restore(labels)
        if isinstance(rows, pd.DataFrame) and isinstance(labels, pd.DataFrame | pd.Series):
            labels.index = rows.index
        return rows, labels


def read_input(
    sampler: Any, X: Any, y: Any, groups: Any = None
) -> tuple[NDArray, NDArray, InputFormat]:
    """Check the parameters of a sampler and its input; return dense rows, labels and their form.

    The sampler learns `sampling_strategy_`, `n_features_in_` and `feature_names_in_`.
    """
    sampler._validate_params()
    X, y = _checked_containers(X, y, sampler.n_features)
    if groups is not None:
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        groups = check_groups(from_polars(groups)[0], n_rows, owner="fit_resample")
    check_model_name(sampler.model)
    check_keys(sampler.min_samples, name="min_samples", owner=OWNER, allowed=MIN_SAMPLES)
    check_numbers(dict(sampler.min_samples or {}), COUNT, owner=OWNER)
    check_classification_targets(y)
    decoded, is_one_hot = check_target_type(y, indicate_one_vs_all=True)
    rows: Any
    labels: Any
    rows, labels = validate_data(
        sampler,
        X=X,
        y=decoded,
        accept_sparse=["csr", "csc"],
        allow_nd=True,
        ensure_all_finite=False,
    )
    input_format = InputFormat(
        shape=rows.shape[1:],
        dtype=rows.dtype,
        label_dtype=labels.dtype,
        rows=Container.of(X),
        labels=Container.of(y),
        sparse_kind=type(rows) if sparse.issparse(rows) else None,
        one_hot=np.unique(labels) if is_one_hot else None,
        groups=groups,
    )
    dense: NDArray = rows.toarray() if sparse.issparse(rows) else rows
    check_kind(dense, owner=OWNER)
    check_finite(dense, owner=OWNER)
    warn_of_time_first(dense.shape, owner=OWNER)
    sampler.sampling_strategy_ = _counts_to_add(sampler.sampling_strategy, labels)
    return dense, labels, input_format


def _checked_containers(X: Any, y: Any, n_features: Any) -> tuple[Any, Any]:
    """Check containers, columns and labels before scikit-learn's own, weaker checks.

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
            y = y.infer_objects()  # numbers in a column of objects
        elif isinstance(y, np.ndarray):
            y = as_plain_labels(y)
    return X, y


def _counts_to_add(strategy: Any, y: NDArray) -> dict[Label, int]:
    """Return how many rows each class lacks, as imbalanced-learn reads `sampling_strategy`.

    Mappings of every kind are read, not dicts alone; counts must be integers; and the counts of a
    ratio are exact up to its rounding.
    """
    if isinstance(strategy, Mapping):
        _check_counts(strategy)
        strategy = dict(strategy)
    elif isinstance(strategy, Real) and strategy:
        strategy = _counts_of_ratio(float(strategy), y) or strategy
    added: Any = check_sampling_strategy(strategy, y, "over-sampling")
    _check_counts(added)  # which a callable may have made
    return added


def _check_counts(counts: Mapping[Label, Any]) -> None:
    for count in counts.values():
        check_number(
            count,
            NOT_NEGATIVE_INT,
            name="sampling_strategy",
            owner=OWNER,
            otherwise=" for each class",
        )


def _counts_of_ratio(ratio: float, y: NDArray) -> dict[Label, int] | None:
    """Return the final count of the smaller of two classes, for a ratio that it can grow to.

    It is what imbalanced-learn computes, but for counts that are whole up to the rounding of the
    ratio: 0.29 of 100 rows are 29.
    """
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) != 2 or not 0 < ratio <= 1:
        return None
    smaller = int(counts.argmin())
    wanted = int(np.floor(ratio * counts.max() + 1e-9 * counts.max()))
    return {classes[smaller]: wanted} if wanted >= counts[smaller] else None
