"""Which column of a table holds the labels."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError
from bioaug.files._cells import is_number
from bioaug.files._header import LABEL_NAMES
from bioaug.files._table import TableHead

_MIN_ROWS = 8  # to tell a column of labels from one of a signal


def find_label(table: TableHead, taken: set[int | None]) -> tuple[int, bool]:
    """Return the column of labels, and whether it is guessed from its position and values.

    Parameters
    ----------
    table : TableHead
    taken : set of int or None
        Columns that hold something else.

    Raises
    ------
    DataError
        Where no column, or more than one, may hold them.
    """
    names = table.names
    is_space = {"x", "y", "z"} <= set(names)  # of an accelerometer: y is no label
    known = set(LABEL_NAMES) - ({"y"} if is_space else set())
    named = [c for c, name in enumerate(names) if name.casefold() in known and c not in taken]
    exact = [c for c in named if names[c] == "y"] if table.has_time_steps else []
    if len(exact or named) == 1:
        return (exact or named)[0], False
    if named or table.has_time_steps:
        raise no_label(table, [names[c] for c in named] or names[-2:])
    return _label_by_values(table, taken), True


def no_label(table: TableHead, candidates: Sequence[str]) -> DataError:
    """Return the error of a table without one column of labels."""
    return DataError(
        f"The table {str(table.file)!r} must have the labels in a column 'y'. Got "
        f"{', '.join(candidates)}. Add it, choose another (label_column, --label-column), or say "
        "that there are no labels."
    )


def _label_by_values(table: TableHead, taken: set[int | None]) -> int:
    """Return the last or the first column, whichever can hold labels; text comes before numbers."""
    last, first = table.width - 1, int(table.has_index)
    is_of_ucr = not table.names and re.search(r"_(TRAIN|TEST)\b", table.file.name) is not None
    order = (first, last) if is_of_ucr else (last, first)
    cells = {c: table.cells(c) for c in order if c not in taken}
    texts = [c for c in cells if cells[c] and not any(map(is_number, cells[c]))]
    for column in (*texts, *cells):
        if all(map(_can_be_label, cells[column])):
            if column == last and first in cells and not table.names:
                _warn_of_many_labels(table, cells[last], cells[first])
            return column
    raise DataError(
        f"The table {str(table.file)!r} must have labels in its last column, or in its first. Got "
        "fractions in both. Choose a column (label_column, --label-column), or say that there "
        "are no labels (labelled=False, --unlabelled)."
    )


def _warn_of_many_labels(table: TableHead, last: Sequence[str], first: Sequence[str]) -> None:
    """Warn where the last column looks like a signal, and the first one like labels."""
    n_last, n_first = len(set(last)), len(set(first))
    is_signal = len(last) >= _MIN_ROWS and 2 * n_last > len(last)
    if is_signal and all(map(_can_be_label, first)) and 1 < n_first <= len(first) / 4:
        warn_user(
            f"The labels of {str(table.file)!r} are taken from the last column, which has {n_last} "
            f"values in the first {len(last)} rows; the first column has {n_first}. Choose one "
            "(label_column, --label-column).",
        )


def _can_be_label(cell: str) -> bool:
    """Whether a cell is text or a whole number."""
    if not is_number(cell):
        return True
    value = float(cell.replace(",", ".", 1))
    return not np.isfinite(value) or value == round(value)
