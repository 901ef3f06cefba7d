"""Labels, groups and masks of synthetic rows: from cells of text, and from stored arrays."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioaug.core.user_warnings import own_filters, warn_user
from bioaug.exceptions import DataError

# How a missing value is written, in lower case: by pandas, numpy, R, spreadsheets and Weka.
MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "#na", "nan", "-nan", "nat", "null", "none", "<na>", "?")
)
_OF_PYTHON = frozenset(("", "nan", "None", "NaN", "NaT", "<NA>"))  # what astype(str) makes of it
_TRUE = frozenset(("true", "1", "1.0", "yes", "y", "wahr", "vrai"))
_FALSE = frozenset(("false", "0", "0.0", "no", "n", "falsch", "faux"))
_WHOLE = re.compile(r"-?[1-9][0-9]*|0")
_DECIMAL = re.compile(r"[+-]?(0|[1-9][0-9]*)\.[0-9]*([eE][+-]?[0-9]+)?")


def is_number(cell: str) -> bool:
    """Whether a cell is a number as tables have them, with a point or a comma."""
    if "_" in cell or not cell.isascii():
        return False
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def labels_from_cells(
    cells: Sequence[str], quoted: Sequence[bool], lines: Sequence[int], file: Path, what: str
) -> NDArray:
    """Return a column of labels or groups: whole numbers, numbers or booleans, or else text.

    A column is of numbers where all cells are, and all differ as numbers: 007, 1_12, 1e5 and what
    is larger than 64 bits is text, as are all cells in quotes. Cells in quotes are never missing
    unless they are empty.

    Raises
    ------
    DataError
        Where a cell is missing.
    """
    missing = [
        row
        for row, (cell, is_quoted) in enumerate(zip(cells, quoted, strict=True))
        if not cell or (not is_quoted and cell.casefold() in MISSING)
    ]
    if missing:
        row = missing[0]
        raise DataError(
            f"The table {str(file)!r} must hold a {what} in every row. Got {len(missing)} missing "
            f"ones, the first in line {lines[row]} ({cells[row]!r}). Drop these rows, or write "
            "text that is meant in quotes."
        )
    texts = np.array(cells, dtype=str)
    if any(quoted):
        return texts
    different = set(cells)
    if different <= {"True", "False"}:
        return texts == "True"
    if all(_WHOLE.fullmatch(cell) for cell in different):
        numbers = [int(cell) for cell in cells]
        if min(numbers) >= -(2**63) and max(numbers) < 2**63:
            return np.array(numbers, dtype=np.int64)
    elif all(_WHOLE.fullmatch(cell) or _DECIMAL.fullmatch(cell) for cell in different):
        values = texts.astype(float)
        if len(np.unique(values)) == len(different):
            return _whole_if_all(values)
        _warn_of_equal(different, file, what)
    return texts


def _whole_if_all(values: NDArray) -> NDArray:
    is_whole = (np.rint(values) == values).all() and np.abs(values).max() <= 2**53
    return values.astype(np.int64) if is_whole else values


def _warn_of_equal(cells: set[str], file: Path, what: str) -> None:
    by_value: dict[float, list[str]] = {}
    for cell in sorted(cells):
        by_value.setdefault(float(cell), []).append(cell)
    equal = [same for same in by_value.values() if len(same) > 1]
    warn_user(
        f"The {what}s of {str(file)!r} are read as text, for {len(equal)} of them are written in "
        f"several ways that are equal as numbers, such as {' and '.join(map(repr, equal[0]))}. "
        "Write them in one way if they are one.",
    )


def mask_from_cells(
    cells: Sequence[str], lines: Sequence[int], file: Path, *, unit: str = "line"
) -> NDArray[np.bool_]:
    """Return the mask of synthetic rows, as Python, pandas, R or a spreadsheet writes it."""
    lowered = [cell.casefold() for cell in cells]
    wrong = [row for row, cell in enumerate(lowered) if cell not in _TRUE | _FALSE]
    if wrong:
        raise DataError(
            f"The mask 'synthetic' of {str(file)!r} must hold True or False in every row. Got "
            f"{len(wrong)} others, the first in {unit} {lines[wrong[0]]}: {cells[wrong[0]]!r}. "
            "Write True for synthetic rows and False for real ones."
        )
    return np.array([cell in _TRUE for cell in lowered], dtype=bool)


def needs_quotes(values: NDArray) -> bool:
    """Whether text would not come back from a table in the same way without quotes."""
    cells = [str(value) for value in values]
    if any(
        cell != cell.strip() or cell.casefold() in MISSING or set(cell) & set('"\r\n')
        for cell in cells
    ):
        return True
    with own_filters(record=True) as caught:
        warnings.simplefilter("always")
        parsed = labels_from_cells(cells, [False] * len(cells), [0] * len(cells), Path(), "label")
    return bool(caught) or parsed.dtype.kind != "U"


def survives_as_text(values: NDArray) -> bool:
    """Whether numbers are read from a table as the same numbers."""
    cells = [str(value) for value in values.tolist()]
    parsed = labels_from_cells(cells, [False] * len(cells), [0] * len(cells), Path(), "label")
    return parsed.dtype.kind in "iuf" and bool((parsed == values).all())


def labels_from_array(values: NDArray, *, name: str, rule: str) -> NDArray:
    """Return labels or groups of an array: bytes as text; raise a DataError for missing ones."""
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{rule} Got bytes in {name!r} that are no UTF-8 text: {error}."
            ) from error
    if values.dtype.kind == "f":
        is_missing = np.isnan(values)
    elif values.dtype.kind == "U":
        is_missing = np.isin(np.char.strip(values), list(_OF_PYTHON))
    else:
        return values
    if is_missing.any():
        rows = np.flatnonzero(is_missing)
        raise DataError(
            f"{rule} Got {len(rows)} missing ones in {name!r}, the first in row {rows[0]} (from "
            f"0): {str(values[rows[0]])!r}. Drop these rows."
        )
    return values
