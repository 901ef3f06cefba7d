"""Header detection: whether the first row of a table names its columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bioaug.exceptions import DataError
from bioaug.files._cells import MISSING, is_number

LABEL_NAMES = ("y", "label", "labels", "class", "target")
_MANY = 8  # numbers that go up by equal steps are no signal


def is_header(first: Sequence[str], below: Sequence[Sequence[str]], file: Path) -> bool:
    """Whether the first row names the columns.

    It does where it has text above numbers and no number itself, or numbers that go up by equal
    steps while those below do not: 0, 1, 2, ... of a DataFrame, or times.

    Raises
    ------
    DataError
        Where a few numbers that go up may be either.
    """
    if not below:
        return False
    counted = _numbers(first)
    if not counted:
        return _has_text_above_numbers(first, below)
    if _names_labels(first, below):
        return True
    is_count = len(counted) > 2 and counted == list(range(len(counted)))
    if not is_count and (len(counted) < 3 or not _goes_up(counted) or _goes_up(_numbers(below[0]))):
        return False
    # The texts of a row of data would be labels, which occur again.
    names = [(c, cell) for c, cell in enumerate(first) if cell and not is_number(cell)]
    if any(row[c] == cell for c, cell in names for row in below if c < len(row)):
        return False
    if is_count or not first[0] or len(counted) >= _MANY:
        return True
    raise DataError(
        f"The first line of {str(file)!r} may hold the names of the columns or the first signal. "
        f"Got {', '.join(first[:8])}. Say which: header=True or False, --header or --no-header."
    )


def _names_labels(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a cell is what the column of the labels is called, and no label itself."""
    for column, cell in enumerate(first):
        if cell.casefold() in LABEL_NAMES:
            under = {row[column].casefold() for row in below if column < len(row)}
            if cell.casefold() not in under and under != {"n"}:  # yes and no
                return True
    return False


def _has_text_above_numbers(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    for column, cell in enumerate(first):
        if cell.casefold() in MISSING or is_number(cell):
            continue
        under = [row[column] for row in below if column < len(row)]
        under = [cell for cell in under if cell.casefold() not in MISSING]
        if under and all(map(is_number, under)):
            return True
    return False


def _numbers(cells: Sequence[str]) -> list[float]:
    return [float(cell.replace(",", ".", 1)) for cell in cells if is_number(cell)]


def _goes_up(numbers: Sequence[float]) -> bool:
    """Whether numbers go up by equal steps, but for how they are rounded."""
    steps = np.diff(np.array(numbers))
    if not len(steps) or not np.isfinite(steps).all() or steps.min() <= 0:
        return False
    step = (numbers[-1] - numbers[0]) / len(steps)
    return bool(np.abs(steps - step).max() <= 0.2 * step)
