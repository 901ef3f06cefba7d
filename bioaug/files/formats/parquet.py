"""Parquet tables with one signal per row, read by pandas and pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.core.bounded import max_bytes
from bioaug.exceptions import DataError
from bioaug.files._cells import labels_from_array, mask_from_cells
from bioaug.files._columns import COLUMN_OPTIONS, ColumnChoice, find_columns
from bioaug.files._format import FileFormat, SignalArrays
from bioaug.files._table import TableHead
from bioaug.files._text import MAX_COLUMNS, unreadable

_MAX_HEAD_ROWS = 100  # in which labels are looked for


def _read(
    file: Path,
    labelled: bool,
    label_column: str | int | None = None,
    groups_column: str | int | None = None,
) -> SignalArrays:
    """Read a file whose columns are named as those of a text table.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    """
    choice = ColumnChoice(labelled, label_column, groups_column)
    frame = _with_chosen_index(_read_frame(file), choice)
    names = [str(name) for name in frame.columns]
    head = frame.head(_MAX_HEAD_ROWS).map(str).to_numpy().tolist()
    columns = find_columns(TableHead(file, names, head, len(names)), choice)
    X = _numbers_of(frame, columns.signals, file)
    if columns.n_channels:
        X = X.reshape(len(X), columns.n_channels, -1)
    y, groups = (
        None if column is None else _labels_of(frame.iloc[:, column], names[column], file)
        for column in (columns.label, columns.groups)
    )
    synthetic = None
    if columns.synthetic is not None:
        cells = frame.iloc[:, columns.synthetic].map(str).tolist()
        synthetic = mask_from_cells(cells, range(len(cells)), file, unit="row")
    return SignalArrays(X, y, groups, synthetic=synthetic)


def _read_frame(file: Path) -> pd.DataFrame:
    """Return the table of a file that is not larger than it may be."""
    try:
        parquet = import_module("pyarrow.parquet")
        arrow_error = import_module("pyarrow").ArrowException
    except ImportError as error:
        raise ImportError(
            f"Reading {file.name!r} needs pyarrow. Install it by 'pip install bioaug[parquet]', or "
            "save the table as .csv or .npz."
        ) from error
    try:
        metadata = parquet.read_metadata(file)
        row_groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        size = max(sum(group.total_byte_size for group in row_groups), 8 * metadata.num_rows)
        if metadata.num_columns > MAX_COLUMNS or size > max_bytes(file.stat().st_size):
            raise unreadable(file, "it has too many columns, or expands without measure")
        return pd.read_parquet(file, engine="pyarrow")
    except (arrow_error, OSError) as error:
        raise unreadable(file, error) from error


def _with_chosen_index(frame: pd.DataFrame, choice: ColumnChoice) -> pd.DataFrame:
    """Return a table whose index is a column where it is chosen, or named as the groups are."""
    named = [name for name in frame.index.names if name is not None]
    chosen = [name for name in named if name in (choice.label, choice.groups, "groups")]
    return frame.reset_index(level=chosen).reset_index(drop=True)


def _numbers_of(frame: pd.DataFrame, signals: Sequence[int], file: Path) -> NDArray:
    for column in signals:
        dtype = frame.dtypes.iloc[column]
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
            raise DataError(
                f"The table {str(file)!r} must hold numbers in its columns of signals. Got {dtype} "
                f"in column {frame.columns[column]!r}. Drop it, or say which columns hold the "
                "labels (label_column) and the patients (groups_column)."
            )
    X = frame.iloc[:, list(signals)]
    return X.to_numpy(dtype=float, na_value=np.nan) if X.isna().any(axis=None) else X.to_numpy()


def _labels_of(column: pd.Series, name: str, file: Path) -> NDArray:
    rule = f"The table {str(file)!r} must hold a value in every row of {name!r}."
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise DataError(
            f"{rule} Got {len(missing)} missing ones, the first in row {missing[0]} (from 0). Drop "
            "these rows."
        )
    values: Any = column.to_numpy()
    if values.dtype.kind not in "biuf":
        kinds = {type(value) for value in values.tolist()}
        if not kinds <= {str, bytes}:
            raise DataError(f"{rule} Got {column.dtype} instead of numbers or text.")
        values = np.array(values.tolist())
    return labels_from_array(values, name=name, rule=rule)


FORMAT = FileFormat(
    kind="Parquet tables",
    description="a Parquet table of such columns (.parquet)",
    suffixes=(".parquet",),
    read=_read,
    options=COLUMN_OPTIONS,
)
