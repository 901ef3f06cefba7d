"""Which columns of a table are signals, labels, groups and the mask of synthetic rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from numbers import Integral
from pathlib import Path

import numpy as np

from bioaug.core.checks import check_option
from bioaug.core.containers import unlike_most
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError
from bioaug.files._cells import MISSING

_READER = "read_arrays"
_TIME_STEP = re.compile(
    r"(?:c([0-9]{1,9})_)?t([0-9]{1,9})"
)  # t0, t1, ... or c0_t0, ..., c1_t0, ...
_NUMBERED = re.compile(r"(\D*?)([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_OF_CHANNEL = re.compile(r"(.*\D)([0-9]+)")  # I_0, I_1, ..., II_0, or ch1_0, ch2_0, ch1_1, ...
_LABEL_NAMES = ("y", "label", "labels", "class", "target")
_MANY = 8  # numbers that go up by equal steps are no signal
_OWN_NAMES = {"groups", "synthetic", "y"}  # beside time steps, of what bioaug writes
_INDEX_NAMES = ("", "Unnamed: 0")  # of a DataFrame


@dataclass(frozen=True)
class Columns:
    """The places of signals, in order, and of what stands beside them in a table.

    There are no channels where `X` is 2-D. `is_guessed` says that the labels are so by their place.
    """

    signals: list[int]
    label: int | None = None
    groups: int | None = None
    synthetic: int | None = None
    n_channels: int = 0
    is_guessed: bool = False


@dataclass(frozen=True)
class Wish:
    """What the user says of the columns."""

    labelled: bool
    label: str | int | None
    groups: str | int | None


def is_number(cell: str) -> bool:
    """Whether a cell is a number as tables have them, with a point or a comma."""
    if "_" in cell or not cell.isascii():
        return False
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def is_header(first: Sequence[str], below: Sequence[Sequence[str]], wish: Wish, file: Path) -> bool:
    """Whether the first row names the columns.

    It does where a name is asked for, or has text above numbers and no number itself, or numbers
    that go up by equal steps while those below do not: 0, 1, 2, ... of a DataFrame, or times.

    Raises
    ------
    DataError
        Where a few numbers that go up may be either.
    """
    if any(isinstance(column, str) for column in (wish.label, wish.groups)):
        return True
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
        if cell.casefold() in _LABEL_NAMES:
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


def find_columns(
    header: Sequence[str] | None, rows: Sequence[Sequence[str]], width: int, wish: Wish, file: Path
) -> Columns:
    """Return the places of all columns.

    Parameters
    ----------
    header : sequence of str or None
    rows : sequence of sequence of str
        The first rows below it.
    width : int
    wish : Wish
    file : pathlib.Path
        Named in errors.
    """
    names = list(header or ())
    twice = sorted(name for name, n in Counter(names).items() if n > 1 and name)
    if twice:
        raise DataError(
            f"The columns of {str(file)!r} must have different names. Got {len(twice)} names more "
            f"than once: {', '.join(map(repr, twice[:5]))}. Rename them."
        )
    steps = {c: match for c, name in enumerate(names) if (match := _TIME_STEP.fullmatch(name))}
    is_written = len(steps) > 1 or any(name in ("t0", "c0_t0") for name in names)
    named = {name.casefold(): c for c, name in enumerate(names)}
    synthetic = named.get("synthetic")
    if is_written and {name for c, name in enumerate(names) if c not in steps} <= _OWN_NAMES:
        wish = _of_own(wish, names, file)
    groups = _chosen(wish.groups, names, width, file, "groups_column")
    label, is_guessed = None, False
    if wish.labelled:
        label = _chosen(wish.label, names, width, file, "label_column")
    if groups is None and named.get("groups") != label:
        groups = named.get("groups")
    if wish.labelled:
        if is_written and label in steps:
            raise _no_label(file, names[-2:])
        if label is None:
            label, is_guessed = _find_label(
                names, rows, width, is_written, {groups, synthetic}, file
            )
    beside = {label, groups, synthetic} | ({0} if names and names[0] in _INDEX_NAMES else set())
    if is_written:
        signals = _time_steps({c: m for c, m in steps.items() if c not in beside}, file)
        others = [names[c] for c in range(width) if c not in beside and c not in steps]
        if not wish.labelled:
            others = [name for name in others if name.casefold() not in _LABEL_NAMES]
        _warn_of_unread(others, file)
    else:
        signals = [column for column in range(width) if column not in beside]
        if names:
            signals = _by_number(signals, names, file)
            _warn_of_other_names([names[c] for c in signals], file)
            _warn_of_channels([names[c] for c in signals], file)
    if not signals or (groups is not None and groups == label):
        raise DataError(
            f"The table {str(file)!r} must have columns of signals beside those of labels and "
            f"groups, each its own. Got {width} columns in all, labels in {label}, groups in "
            f"{groups}. Choose other ones, and separate columns by commas."
        )
    channels = (
        {match[1] for c, match in steps.items() if c in set(signals)} if is_written else set()
    )
    return Columns(signals, label, groups, synthetic, len(channels - {None}), is_guessed)


def _of_own(wish: Wish, names: list[str], file: Path) -> Wish:
    """Return the columns of a table of ours, whatever they were called in the one it came from.

    Commands that read both, such as `bioaug evaluate`, name the columns once.
    """
    label, groups = wish.label, wish.groups
    if isinstance(label, str) and label not in names and "y" in names:
        label = None
    if isinstance(groups, str) and groups not in names:
        if "groups" not in names:
            warn_user(f"The table {str(file)!r} has no column {groups!r}, and so no groups.")
        groups = None
    return replace(wish, label=label, groups=groups)


def _chosen(
    column: str | int | None, names: list[str], width: int, file: Path, parameter: str
) -> int | None:
    """Return the index of a column that is given by its name or index."""
    if column is None:
        return None
    if isinstance(column, str):
        check_option(column, name=parameter, owner=_READER, options=names)
        return names.index(column)
    is_index = isinstance(column, Integral) and not isinstance(column, bool)
    if not (is_index and -width <= column < width):
        raise DataError(
            f"The {parameter!r} parameter of {_READER} must be a name in the header or an index "
            f"from {-width} to {width - 1}. Got {column!r} instead, and {str(file)!r} has {width} "
            "columns."
        )
    return int(column) % width


def _find_label(
    names: list[str],
    rows: Sequence[Sequence[str]],
    width: int,
    is_written: bool,
    taken: set[int | None],
    file: Path,
) -> tuple[int, bool]:
    """Return the column of labels, and whether it was found by its values rather than its name."""
    is_space = {"x", "y", "z"} <= set(names)  # of an accelerometer: y is no label
    known = set(_LABEL_NAMES) - ({"y"} if is_space else set())
    named = [c for c, name in enumerate(names) if name.casefold() in known and c not in taken]
    exact = [c for c in named if names[c] == "y"] if is_written else []
    if len(exact or named) == 1:
        return (exact or named)[0], False
    if named or is_written:
        raise _no_label(file, [names[c] for c in named] or names[-2:])
    last, first = width - 1, 1 if names and names[0] in _INDEX_NAMES else 0
    is_of_ucr = not names and re.search(r"_(TRAIN|TEST)\b", file.name) is not None
    order = (first, last) if is_of_ucr else (last, first)
    cells = {c: [row[c] for row in rows if c < len(row)] for c in order if c not in taken}
    texts = [c for c in cells if cells[c] and not any(map(is_number, cells[c]))]
    for column in (*texts, *cells):
        if all(map(_is_code, cells[column])):
            if column == last and first in cells and not names:
                _warn_of_many_labels(cells[last], cells[first], file)
            return column, True
    raise DataError(
        f"The table {str(file)!r} must have labels in its last column, or in its first. Got "
        f"fractions in both. Choose a column (label_column, --label-column), or say that there "
        "are no labels (labelled=False, --unlabelled)."
    )


def _warn_of_many_labels(last: Sequence[str], first: Sequence[str], file: Path) -> None:
    """Warn where the last column looks like a signal, and the first one like labels."""
    n_last, n_first = len(set(last)), len(set(first))
    is_code = all(map(_is_code, first))
    if len(last) >= _MANY and is_code and 2 * n_last > len(last) and 1 < n_first <= len(first) / 4:
        warn_user(
            f"The labels of {str(file)!r} are taken from the last column, which has {n_last} "
            f"values in the first {len(last)} rows; the first column has {n_first}. Choose one "
            "(label_column, --label-column).",
        )


def _no_label(file: Path, found: Sequence[str]) -> DataError:
    return DataError(
        f"The table {str(file)!r} must have the labels in a column 'y'. Got {', '.join(found)}. "
        "Add it, choose another (label_column, --label-column), or say that there are no labels."
    )


def _is_code(cell: str) -> bool:
    """Whether a cell can be a label: text or a whole number."""
    if not is_number(cell):
        return True
    value = float(cell.replace(",", ".", 1))
    return not np.isfinite(value) or value == round(value)


def _time_steps(steps: dict[int, re.Match[str]], file: Path) -> list[int]:
    """Return the columns t0, t1, ... or c0_t0, ... by their numbers, which must be complete."""
    places: dict[tuple[int, int], int] = {}
    plain = {match[1] is None for match in steps.values()}
    for column, match in steps.items():
        places.setdefault((int(match[1] or 0), int(match[2])), column)
    channels = sorted({channel for channel, _ in places})
    times = sorted({time for _, time in places})
    if (
        len(plain) == 1
        and len(places) == len(steps) == len(channels) * len(times)
        and channels[-1] - channels[0] < len(channels)
        and times[-1] - times[0] < len(times)
    ):
        return [places[channel, time] for channel in channels for time in times]
    known = set(times)
    gap = next(time for time in count(min(known, default=0)) if time not in known)
    found = f"no time step {gap}" if times and gap <= times[-1] else "some twice or missing"
    raise DataError(
        f"The columns of signals of {str(file)!r} must be t0, t1, t2, ... or c0_t0, c0_t1, ..., "
        f"c1_t0, ..., each once and without a gap. Got {len(steps)} such columns, {found}. Add "
        "what is missing, or rename all of them."
    )


def _by_number(columns: list[int], names: list[str], file: Path) -> list[int]:
    """Return columns in the order of their numbers, where their names are one word and a number."""
    matches = [_NUMBERED.fullmatch(names[c]) for c in columns]
    found = [match for match in matches if match is not None]
    if len(found) < len(columns) or len({match[1] for match in found}) != 1:
        return columns
    numbers = [float(match[2]) for match in found]
    if len(set(numbers)) < len(numbers):
        raise DataError(
            f"The columns of {str(file)!r} must have different numbers. Got {names[columns[0]]!r} "
            "and others, of which some are equal as numbers. Rename them."
        )
    return [columns[place] for place in np.argsort(numbers, kind="stable").tolist()]


def _warn_of_unread(names: list[str], file: Path) -> None:
    if names:
        warn_user(
            f"The columns {', '.join(map(repr, names[:10]))} of {str(file)!r} are not read: the "
            "signals are in t0, t1, ... Choose the patients by groups_column (--groups-column).",
        )


def _warn_of_channels(names: list[str], file: Path) -> None:
    """Warn where names look like those of several channels, which become one."""
    matches = [_OF_CHANNEL.fullmatch(name) for name in names]
    times: dict[str, list[str]] = {}
    for match in matches:
        if match is None:
            return
        times.setdefault(match[1], []).append(match[2])
    first = next(iter(times.values()))
    if len(times) > 1 and len(first) > 1 and all(set(of) == set(first) for of in times.values()):
        warn_user(
            f"The columns of {str(file)!r} look like {len(times)} channels of {len(first)} time "
            f"steps ({names[0]!r} to {names[-1]!r}), and are read as one signal in their order. "
            "Name them c0_t0, c0_t1, ..., c1_t0, ... to have channels.",
        )


def _warn_of_other_names(names: list[str], file: Path) -> None:
    """Warn of columns of signals whose names are made in another way than most."""
    others, usual = unlike_most(names)
    if others:
        warn_user(
            f"The columns {', '.join(map(repr, others[:10]))} of {str(file)!r} are read as "
            f"signals, as all but those of labels and groups. Their names are unlike {usual!r}: "
            "drop them, or say which one holds the patients (groups_column, --groups-column).",
        )
