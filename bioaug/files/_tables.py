"""Tables with one signal per row: delimited text, and Parquet where pandas can read it."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Sequence
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.core.bounded import most_bytes
from bioaug.exceptions import DataError
from bioaug.files._cells import MISSING, check_codes, read_codes, read_mask
from bioaug.files._columns import Columns, Wish, find_columns, is_header, is_number
from bioaug.files._text import MOST_COLUMNS, Row, open_rows, unreadable

_ROWS_LOOKED_AT = 100  # for a header and for labels
_CELLS_LOOKED_AT = 2**20
_WHOLE_NUMBERS = re.compile(r"[0-9+\- ]*")
Arrays = dict[str, Any]  # X, y, groups and synthetic, None where there is none


def read_text_table(file: Path, wish: Wish, header: bool | None) -> Arrays:
    """Read delimited text.

    Parameters
    ----------
    file : pathlib.Path
    wish : Wish
        Which columns the user named.
    header : bool or None
        Whether the first row has names; None looks.

    Returns
    -------
    arrays : dict
        With ``X``, ``y``, ``groups`` and ``synthetic``.
    """
    is_tabbed = ".tsv" in (suffix.lower() for suffix in file.suffixes)
    with open_rows(file, "\t" if is_tabbed else None) as rows:
        first = list(islice(rows, 1))
        if not first:
            raise unreadable(file, "it is empty", advice="Give a table with one signal per row")
        n_more = max(1, min(_ROWS_LOOKED_AT, _CELLS_LOOKED_AT // len(first[0].cells)))
        first += islice(rows, n_more)
        cells = [row.cells for row in first]
        ends_empty = _ends_empty(cells)
        if ends_empty:
            cells[0].pop()
        if header is None:
            # One line without any number cannot be a signal.
            is_alone = len(cells) == 1 and not any(map(is_number, cells[0]))
            header = is_alone or is_header(cells[0], cells[1:], wish, file)
        names = cells[0] if header else None
        width = len(cells[0])
        columns = find_columns(names, cells[header:], width, wish, file)
        if ends_empty and names is None and columns.is_guessed:
            label = columns.label or 0
            _check_not_missing([row[label] for row in cells if label < len(row)], file)
        body = _Body(columns, width, file, has_header=header)
        for row in chain(first[header:], rows):
            body.add(row)
        return body.arrays()


def _ends_empty(cells: Sequence[Sequence[str]]) -> bool:
    """Whether there is a last column without any cell, as every line ends with a separator."""
    width = len(cells[0])
    return width > 1 and not any(row[-1] for row in cells if len(row) == width)


def _check_not_missing(cells: Sequence[str], file: Path) -> None:
    """Raise a DataError where the last column may have held the labels."""
    if all(map(is_number, cells)):
        raise DataError(
            f"The table {str(file)!r} must have labels in its last column. Got an empty one after "
            f"numbers such as {cells[0]!r}. Name the column of the labels (label_column, "
            "--label-column), or say that there are none (labelled=False, --unlabelled)."
        )


class _Body:
    """The values of a table, row by row."""

    def __init__(self, columns: Columns, width: int, file: Path, *, has_header: bool) -> None:
        self._columns, self._width, self._file = columns, width, file
        self._has_header = has_header
        self._values, self._lines = array("d"), array("q")
        self._texts: dict[int, list[str]] = {}
        self._quoted: dict[int, list[bool]] = {}
        for column in (columns.label, columns.groups, columns.synthetic):
            if column is not None:
                self._texts[column], self._quoted[column] = [], []
        self._is_whole = True
        self._commas = self._points = self._clear_commas = 0
        signals = columns.signals
        is_run = signals == list(range(signals[0], signals[0] + len(signals)))
        self._signals = slice(signals[0], signals[-1] + 1) if is_run else None

    def add(self, row: Row) -> None:
        """Take one row."""
        cells = row.cells
        if len(cells) != self._width and not (len(cells) == self._width + 1 and not cells[-1]):
            raise unreadable(
                self._file, f"line {row.line} has {len(cells)} columns, the first {self._width}"
            )
        places = self._columns.signals
        signals = cells[self._signals] if self._signals else [cells[place] for place in places]
        joined = " ".join(signals)
        if self._is_whole and not _WHOLE_NUMBERS.fullmatch(joined):
            self._is_whole = False
        try:
            if "_" in joined or not joined.isascii():
                raise ValueError  # which Python takes for numbers
            values = list(map(float, signals))
            self._points += "." in joined
        except ValueError:
            values = [self._number(row, place, cells[place]) for place in places]
        self._values.extend(values)
        self._lines.append(row.line)
        # Where numbers stand in quotes, too, quotes say nothing.
        are_all_quoted = bool(row.quoted) and places[0] in row.quoted
        for column, texts in self._texts.items():
            texts.append(cells[column])
            self._quoted[column].append(column in row.quoted and not are_all_quoted)

    def _number(self, row: Row, place: int, cell: str) -> float:
        """Return the number in a cell: missing, with a decimal comma, or else an error."""
        if cell.casefold() in MISSING - {"?"}:
            return math.nan
        self._points += "." in cell
        if re.fullmatch(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?", cell):
            self._commas += 1
            digits = re.split("[eE]", cell)[0].lstrip("+-").split(",")
            self._clear_commas += (
                len(digits[1]) != 3 or digits[0] in ("", "0") or len(digits[0]) > 3
            )
            return float(cell.replace(",", "."))
        if is_number(cell) and "," not in cell:
            return float(cell)
        is_first = not len(self._lines) and not self._has_header
        names = " If it has the names of the columns, say so (header=True, --header)."
        raise DataError(
            f"The table {str(self._file)!r} must hold numbers in its columns of signals. Got "
            f"{cell[:100]!r} in line {row.line}, column {place} (from 0). Correct it, or say which "
            "columns hold the labels (label_column) and the patients (groups_column)."
            f"{names if is_first else ''}"
        )

    def arrays(self) -> Arrays:
        """Return what was read."""
        columns, file, lines = self._columns, self._file, self._lines
        if not len(lines):
            raise unreadable(
                file, "there is no row below the names of its columns", advice="Add the signals"
            )
        if self._commas and (self._points or not self._clear_commas):
            raise DataError(
                f"The numbers of {str(file)!r} must have a decimal point, or all a decimal comma. "
                f"Got {self._commas} with a comma, which may separate thousands. Write them with "
                "a point."
            )
        X = np.frombuffer(self._values, dtype=float).reshape(len(lines), len(columns.signals))
        if self._is_whole and not np.isnan(X).any() and np.abs(X).max() < 2**53:
            X = X.astype(np.int64)
        if columns.n_channels:
            X = X.reshape(len(X), columns.n_channels, -1)
        found: Arrays = {"X": X, "y": None, "groups": None, "synthetic": None}
        for name, column, what in (
            ("y", columns.label, "label"),
            ("groups", columns.groups, "group"),
        ):
            if column is not None:
                texts, quoted = self._texts[column], self._quoted[column]
                found[name] = read_codes(texts, quoted, lines, file, what)
        if columns.synthetic is not None:
            found["synthetic"] = read_mask(self._texts[columns.synthetic], lines, file)
        y = found["y"]
        if columns.is_guessed and y is not None and y.dtype.kind == "f":
            raise DataError(
                f"The table {str(file)!r} must have labels in column {columns.label} (from 0). Got "
                "fractions. Choose another one (label_column, --label-column), or say that there "
                "are no labels (labelled=False, --unlabelled)."
            )
        return found


def read_parquet(file: Path, wish: Wish) -> Arrays:
    """Read a Parquet file whose columns are named as those of a text table.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    """
    try:
        parquet = import_module("pyarrow.parquet")
        arrow_error = import_module("pyarrow").ArrowException
    except ImportError as error:
        raise ImportError(
            f"Reading {file.name!r} needs pyarrow. Install it by 'pip install bioaug[parquet]', or "
            "save the table as .csv or .npz."
        ) from error
    try:
        found = parquet.read_metadata(file)
        groups = [found.row_group(group) for group in range(found.num_row_groups)]
        size = max(sum(group.total_byte_size for group in groups), 8 * found.num_rows)
        if found.num_columns > MOST_COLUMNS or size > most_bytes(file.stat().st_size):
            raise unreadable(file, "it has too many columns, or expands without measure")
        table = pd.read_parquet(file, engine="pyarrow")
    except (arrow_error, OSError) as error:
        raise unreadable(file, error) from error
    of_index = [name for name in table.index.names if name is not None]
    chosen = [name for name in of_index if name in (wish.label, wish.groups, "groups")]
    table = table.reset_index(level=chosen).reset_index(drop=True)
    names = [str(name) for name in table.columns]
    looked_at = table.head(_ROWS_LOOKED_AT).map(str).to_numpy().tolist()
    columns = find_columns(names, looked_at, len(names), wish, file)
    X = _numbers_of(table, columns.signals, file)
    if columns.n_channels:
        X = X.reshape(len(X), columns.n_channels, -1)
    read: Arrays = {"X": X, "y": None, "groups": None, "synthetic": None}
    for name, column in (("y", columns.label), ("groups", columns.groups)):
        if column is not None:
            read[name] = _codes_of(table.iloc[:, column], names[column], file)
    if columns.synthetic is not None:
        cells = table.iloc[:, columns.synthetic].map(str).tolist()
        read["synthetic"] = read_mask(cells, range(len(cells)), file, unit="row")
    return read


def _numbers_of(table: pd.DataFrame, signals: Sequence[int], file: Path) -> NDArray:
    for column in signals:
        dtype = table.dtypes.iloc[column]
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
            raise DataError(
                f"The table {str(file)!r} must hold numbers in its columns of signals. Got {dtype} "
                f"in column {table.columns[column]!r}. Drop it, or say which columns hold the "
                "labels (label_column) and the patients (groups_column)."
            )
    X = table.iloc[:, list(signals)]
    return X.to_numpy(dtype=float, na_value=np.nan) if X.isna().any(axis=None) else X.to_numpy()


def _codes_of(column: pd.Series, name: str, file: Path) -> NDArray:
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
    return check_codes(values, name=name, rule=rule)
