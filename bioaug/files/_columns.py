"""Which columns of a table hold signals, labels, groups and the mask of synthetic rows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from numbers import Integral

from bioaug.core.checks import check_option
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError
from bioaug.files._format import Option
from bioaug.files._label_column import find_label, no_label
from bioaug.files._signal_columns import find_signals
from bioaug.files._table import TableHead

_READER = "read_arrays"
_OWN_NAMES = {"groups", "synthetic", "y"}  # next to time steps, of what bioaug writes


def _column(word: str) -> str | int:
    """Return an index where a word of the command line is a number, otherwise the name."""
    return int(word) if re.fullmatch(r"-?[0-9]{1,9}", word) else word


COLUMN_OPTIONS = (
    Option(
        "label_column",
        "--label-column",
        "of a table: a name in its header, or an index from 0; default: y, label, class or "
        "target, or else the last, or the first where the last holds fractions",
        {"type": _column, "metavar": "COLUMN"},
    ),
    Option(
        "groups_column",
        "--groups-column",
        "of a table: the patients",
        {"type": _column, "metavar": "COLUMN"},
    ),
)


@dataclass(frozen=True)
class Columns:
    """The indices of the columns of signals, in order, and of the others.

    There are no channels where `X` is 2-D. `is_guessed` says that the column of the labels has no
    name that says so.
    """

    signals: list[int]
    label: int | None = None
    groups: int | None = None
    synthetic: int | None = None
    n_channels: int = 0
    is_guessed: bool = False


@dataclass(frozen=True)
class ColumnChoice:
    """What the user says of the columns."""

    labelled: bool
    label: str | int | None = None
    groups: str | int | None = None

    @property
    def names_a_column(self) -> bool:
        """Whether there must be a header."""
        return isinstance(self.label, str) or isinstance(self.groups, str)


def find_columns(table: TableHead, choice: ColumnChoice) -> Columns:
    """Return the indices of all columns.

    Raises
    ------
    DataError
        Where columns are missing, chosen twice, or can be taken in more than one way.
    """
    _check_names_differ(table)
    if table.has_time_steps and {table.names[c] for c in table.others} <= _OWN_NAMES:
        choice = _for_own_table(table, choice)
    synthetic = table.column_named("synthetic")
    label, is_guessed = None, False
    groups = _chosen(table, choice.groups, "groups_column")
    if choice.labelled:
        label = _chosen(table, choice.label, "label_column")
    if groups is None and table.column_named("groups") != label:
        groups = table.column_named("groups")
    if choice.labelled:
        if table.has_time_steps and label in table.time_steps:
            raise no_label(table, table.names[-2:])
        if label is None:
            label, is_guessed = find_label(table, {groups, synthetic})
    signals, n_channels = find_signals(table, {label, groups, synthetic}, labelled=choice.labelled)
    if not signals or (groups is not None and groups == label):
        raise DataError(
            f"The table {str(table.file)!r} must have columns of signals next to those of labels "
            f"and groups, each its own. Got {table.width} columns in all, labels in {label}, "
            f"groups in {groups}. Choose other ones, and separate columns by commas."
        )
    return Columns(signals, label, groups, synthetic, n_channels, is_guessed)


def _check_names_differ(table: TableHead) -> None:
    twice = sorted(name for name, n in Counter(table.names).items() if n > 1 and name)
    if twice:
        raise DataError(
            f"The columns of {str(table.file)!r} must have different names. Got {len(twice)} names "
            f"more than once: {', '.join(map(repr, twice[:5]))}. Rename them."
        )


def _for_own_table(table: TableHead, choice: ColumnChoice) -> ColumnChoice:
    """Return the columns of a table of ours, whatever they were called in the one it came from.

    Commands that read both, such as `bioaug evaluate`, name the columns once.
    """
    label, groups = choice.label, choice.groups
    if isinstance(label, str) and label not in table.names and "y" in table.names:
        label = None
    if isinstance(groups, str) and groups not in table.names:
        if "groups" not in table.names:
            warn_user(f"The table {str(table.file)!r} has no column {groups!r}, and so no groups.")
        groups = None
    return replace(choice, label=label, groups=groups)


def _chosen(table: TableHead, column: str | int | None, parameter: str) -> int | None:
    """Return the index of a column that is given by its name or index."""
    if column is None:
        return None
    if isinstance(column, str):
        check_option(column, name=parameter, owner=_READER, options=table.names)
        return table.names.index(column)
    width = table.width
    is_index = isinstance(column, Integral) and not isinstance(column, bool)
    if not (is_index and -width <= column < width):
        raise DataError(
            f"The {parameter!r} parameter of {_READER} must be a name in the header or an index "
            f"from {-width} to {width - 1}. Got {column!r} instead, and {str(table.file)!r} has "
            f"{width} columns."
        )
    return int(column) % width
