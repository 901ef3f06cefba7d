"""Delimited text with one signal per row (.csv, .tsv, .txt), plain or compressed."""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.exceptions import DataError
from bioaug.files._cells import (
    MISSING,
    is_number,
    labels_from_cells,
    mask_from_cells,
    needs_quotes,
    survives_as_text,
)
from bioaug.files._columns import COLUMN_OPTIONS, ColumnChoice, Columns, find_columns
from bioaug.files._format import FileFormat, Option, SignalArrays
from bioaug.files._header import is_header
from bioaug.files._table import TableHead
from bioaug.files._text import Row, open_rows, unreadable

_READER, _WRITER = "read_arrays", "write_arrays"
_SUFFIXES = (".csv", ".tsv", ".txt")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
_MAX_HEAD_ROWS = 100  # in which a header and labels are looked for
_MAX_HEAD_CELLS = 2**20
_WHOLE_NUMBERS = re.compile(r"[0-9+\- ]*")
_HEADER = Option(
    "header",
    "--header",
    "the first line of a table has the names of its columns; default: look",
    {"action": argparse.BooleanOptionalAction},
)


def _recognises(file: Path) -> bool:
    """Whether a path ends in a suffix of tables, or is a file without suffix and no record."""
    if file.is_dir():
        return False
    name = file.with_suffix("") if file.suffix.lower() in _COMPRESSED else file
    is_plain = not file.suffix and file.is_file()
    is_record = os.path.isfile(file.with_name(f"{file.name}.hea"))
    return name.suffix.lower() in _SUFFIXES or (is_plain and not is_record)


def _read(
    file: Path,
    labelled: bool,
    label_column: str | int | None = None,
    groups_column: str | int | None = None,
    header: bool | None = None,
) -> SignalArrays:
    """Read a table, of which `header` says whether the first row has names; None looks."""
    if not isinstance(header, bool | None):
        raise DataError(
            f"The 'header' parameter of {_READER} must be True, False or None. Got {header!r} "
            "instead."
        )
    choice = ColumnChoice(labelled, label_column, groups_column)
    is_tabbed = ".tsv" in (suffix.lower() for suffix in file.suffixes)
    with open_rows(file, "\t" if is_tabbed else None) as rows:
        first = _first_rows(rows, file)
        cells = [row.cells for row in first]
        ends_empty = _ends_empty(cells)
        if ends_empty:
            cells[0].pop()
        if header is None:
            header = choice.names_a_column or _has_header(cells, file)
        table = TableHead(file, cells[0] if header else [], cells[header:], len(cells[0]))
        columns = find_columns(table, choice)
        if ends_empty and not header and columns.is_guessed:
            _check_not_missing(table.cells(columns.label or 0), file)
        body = _Body(columns, table.width, file, has_header=header)
        for row in chain(first[header:], rows):
            body.add(row)
        return body.arrays()


def _first_rows(rows: Iterator[Row], file: Path) -> list[Row]:
    """Return the rows that tell what the columns are."""
    first = list(islice(rows, 1))
    if not first:
        raise unreadable(file, "it is empty", advice="Give a table with one signal per row")
    n_more = max(1, min(_MAX_HEAD_ROWS, _MAX_HEAD_CELLS // len(first[0].cells)))
    return first + list(islice(rows, n_more))


def _has_header(cells: Sequence[Sequence[str]], file: Path) -> bool:
    # One line without any number cannot be a signal.
    is_alone = len(cells) == 1 and not any(map(is_number, cells[0]))
    return is_alone or is_header(cells[0], cells[1:], file)


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
    """Collects the values of a table, row by row."""

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
        columns = self._columns.signals
        signals = cells[self._signals] if self._signals else [cells[c] for c in columns]
        joined = " ".join(signals)
        if self._is_whole and not _WHOLE_NUMBERS.fullmatch(joined):
            self._is_whole = False
        try:
            if "_" in joined or not joined.isascii():
                raise ValueError  # which Python takes for numbers
            values = list(map(float, signals))
            self._points += "." in joined
        except ValueError:
            values = [self._number(row, c, cells[c]) for c in columns]
        self._values.extend(values)
        self._lines.append(row.line)
        # Where numbers are in quotes, too, quotes say nothing.
        are_all_quoted = bool(row.quoted) and columns[0] in row.quoted
        for column, texts in self._texts.items():
            texts.append(cells[column])
            self._quoted[column].append(column in row.quoted and not are_all_quoted)

    def _number(self, row: Row, column: int, cell: str) -> float:
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
        raise self._no_number(row, column, cell)

    def _no_number(self, row: Row, column: int, cell: str) -> DataError:
        is_first = not len(self._lines) and not self._has_header
        names = " If it has the names of the columns, say so (header=True, --header)."
        return DataError(
            f"The table {str(self._file)!r} must hold numbers in its columns of signals. Got "
            f"{cell[:100]!r} in line {row.line}, column {column} (from 0). Correct it, or say "
            "which columns hold the labels (label_column) and the patients (groups_column)."
            f"{names if is_first else ''}"
        )

    def arrays(self) -> SignalArrays:
        """Return all rows."""
        columns, file, lines = self._columns, self._file, self._lines
        if not len(lines):
            raise unreadable(
                file, "there is no row below the names of its columns", advice="Add the signals"
            )
        X = self._signals_of_rows()
        y, groups = self._labels(columns.label, "label"), self._labels(columns.groups, "group")
        synthetic = None
        if columns.synthetic is not None:
            synthetic = mask_from_cells(self._texts[columns.synthetic], lines, file)
        if columns.is_guessed and y is not None and y.dtype.kind == "f":
            raise DataError(
                f"The table {str(file)!r} must have labels in column {columns.label} (from 0). Got "
                "fractions. Choose another one (label_column, --label-column), or say that there "
                "are no labels (labelled=False, --unlabelled)."
            )
        return SignalArrays(X, y, groups, synthetic=synthetic)

    def _signals_of_rows(self) -> NDArray:
        """Return the signals: whole numbers where all are, in channels where columns say so."""
        if self._commas and (self._points or not self._clear_commas):
            raise DataError(
                f"The numbers of {str(self._file)!r} must have a decimal point, or all a decimal "
                f"comma. Got {self._commas} with a comma, which may separate thousands. Write them "
                "with a point."
            )
        columns, n_rows = self._columns, len(self._lines)
        X = np.frombuffer(self._values, dtype=float).reshape(n_rows, len(columns.signals))
        if self._is_whole and not np.isnan(X).any() and np.abs(X).max() < 2**53:
            X = X.astype(np.int64)
        return X.reshape(n_rows, columns.n_channels, -1) if columns.n_channels else X

    def _labels(self, column: int | None, what: str) -> NDArray | None:
        """Return a column of labels or groups, where there is one."""
        if column is None:
            return None
        texts, quoted = self._texts[column], self._quoted[column]
        return labels_from_cells(texts, quoted, self._lines, self._file, what)


def _write(file: Path, X: NDArray, per_row: Mapping[str, NDArray]) -> None:
    quoting = csv.QUOTE_NONNUMERIC if _check_per_row(per_row) else csv.QUOTE_MINIMAL
    _to_frame(X, per_row).to_csv(file, index=False, quoting=quoting)


def _check_per_row(per_row: Mapping[str, NDArray]) -> bool:
    """Return whether texts need quotes, or raise a DataError for what a table cannot give back."""
    for name, values in per_row.items():
        if values.dtype.kind == "U" and any("\0" in text for text in values.tolist()):
            raise DataError(
                f"The {name!r} parameter of {_WRITER} holds null characters. Drop them."
            )
        if values.dtype.kind in "iuf" and not survives_as_text(values):
            raise DataError(
                f"The {name!r} parameter of {_WRITER} must hold numbers that a table can give "
                f"back. Got {values.dtype} such as {values[np.abs(values).argmax()]}. Write a .npz "
                f"file, or {name}.astype(str)."
            )
    return any(needs_quotes(values) for values in per_row.values() if values.dtype.kind == "U")


def _to_frame(X: NDArray, per_row: Mapping[str, NDArray]) -> pd.DataFrame:
    """Return signals, and what belongs to each of them, as a table with one row per signal."""
    if X.ndim not in (2, 3):
        raise DataError(
            f"The 'X' parameter of {_WRITER} must have 2 or 3 dimensions. Got {X.ndim} instead."
        )
    times = [f"t{time}" for time in range(X.shape[-1])]
    if X.ndim == 3:
        times = [f"c{channel}_{time}" for channel in range(X.shape[1]) for time in times]
    for name in sorted(per_row.keys() & set(times)):
        raise DataError(
            f"The further arrays of {_WRITER} must not be named as time steps are. Got {name!r}. "
            "Rename it."
        )
    table = pd.DataFrame(X.reshape(len(X), math.prod(X.shape[1:])), columns=times)
    return pd.concat([table, pd.DataFrame(per_row)], axis=1)


FORMAT = FileFormat(
    kind="text tables",
    description="a table with one signal per row (.csv, .tsv, .txt, also compressed)",
    suffixes=_SUFFIXES,
    read=_read,
    options=(*COLUMN_OPTIONS, _HEADER),
    recognises=_recognises,
    write=_write,
    written_suffixes=(".csv",),
)
