"""Which columns of a table hold the signals, and in which order they are read."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import count

import numpy as np

from bioaug.core.containers import unlike_most
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError
from bioaug.files._header import LABEL_NAMES
from bioaug.files._table import TableHead

_NUMBERED = re.compile(r"(\D*?)([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_OF_CHANNEL = re.compile(r"(.*\D)([0-9]+)")  # I_0, I_1, ..., II_0, or ch1_0, ch2_0, ch1_1, ...
_MAX_NAMED = 10  # in a message


def find_signals(
    table: TableHead, taken: Collection[int | None], *, labelled: bool
) -> tuple[list[int], int]:
    """Return the columns of signals in their order, and the number of channels.

    Parameters
    ----------
    table : TableHead
    taken : collection of int or None
        Columns that hold something else.
    labelled : bool
        Whether labels are read; else those that are there are left out in silence.

    Returns
    -------
    columns : list of int
        Channel by channel.
    n_channels : int
        0 where `X` is 2-D.
    """
    taken = {*taken, 0} if table.has_index else taken
    if table.has_time_steps:
        others = [table.names[c] for c in table.others if c not in taken]
        if not labelled:
            others = [name for name in others if name.casefold() not in LABEL_NAMES]
        steps = {c: match for c, match in table.time_steps.items() if c not in taken}
        columns = _time_steps(table, steps)
        _warn_of_unread(table, others)
        return columns, len({match[1] for match in steps.values()} - {None})
    columns = [c for c in range(table.width) if c not in taken]
    if table.names:
        columns = _by_number(table, columns)
        names = [table.names[c] for c in columns]
        _warn_of_other_names(table, names)
        _warn_of_channels(table, names)
    return columns, 0


def _time_steps(table: TableHead, steps: dict[int, re.Match[str]]) -> list[int]:
    """Return the columns t0, t1, ... or c0_t0, ... by their numbers, which must be complete."""
    columns: dict[tuple[int, int], int] = {}
    has_channel = {match[1] is not None for match in steps.values()}
    for column, match in steps.items():
        columns.setdefault((int(match[1] or 0), int(match[2])), column)
    channels = sorted({channel for channel, _ in columns})
    times = sorted({time for _, time in columns})
    if (
        len(has_channel) == 1
        and len(columns) == len(steps) == len(channels) * len(times)
        and channels[-1] - channels[0] < len(channels)
        and times[-1] - times[0] < len(times)
    ):
        return [columns[channel, time] for channel in channels for time in times]
    known = set(times)
    gap = next(time for time in count(min(known, default=0)) if time not in known)
    fault = f"no time step {gap}" if times and gap <= times[-1] else "some twice or missing"
    raise DataError(
        f"The columns of signals of {str(table.file)!r} must be t0, t1, t2, ... or c0_t0, c0_t1, "
        f"..., c1_t0, ..., each once and without a gap. Got {len(steps)} such columns, {fault}. "
        "Add what is missing, or rename all of them."
    )


def _by_number(table: TableHead, columns: list[int]) -> list[int]:
    """Return columns in the order of their numbers, where their names are one word and a number."""
    matches = [_NUMBERED.fullmatch(table.names[c]) for c in columns]
    numbered = [match for match in matches if match is not None]
    if len(numbered) < len(columns) or len({match[1] for match in numbered}) != 1:
        return columns
    numbers = [float(match[2]) for match in numbered]
    if len(set(numbers)) < len(numbers):
        raise DataError(
            f"The columns of {str(table.file)!r} must have different numbers. Got "
            f"{table.names[columns[0]]!r} and others, of which some are equal as numbers. Rename "
            "them."
        )
    return [columns[index] for index in np.argsort(numbers, kind="stable").tolist()]


def _warn_of_unread(table: TableHead, names: list[str]) -> None:
    if names:
        warn_user(
            f"The columns {_listed(names)} of {str(table.file)!r} are not read: the signals are in "
            "t0, t1, ... Choose the patients by groups_column (--groups-column).",
        )


def _warn_of_channels(table: TableHead, names: list[str]) -> None:
    """Warn where names look like those of several channels, which become one."""
    times: dict[str, list[str]] = {}
    for name in names:
        match = _OF_CHANNEL.fullmatch(name)
        if match is None:
            return
        times.setdefault(match[1], []).append(match[2])
    first = next(iter(times.values()), [])
    if len(times) > 1 and len(first) > 1 and all(set(of) == set(first) for of in times.values()):
        warn_user(
            f"The columns of {str(table.file)!r} look like {len(times)} channels of {len(first)} "
            f"time steps ({names[0]!r} to {names[-1]!r}), and are read as one signal in their "
            "order. Name them c0_t0, c0_t1, ..., c1_t0, ... to have channels.",
        )


def _warn_of_other_names(table: TableHead, names: list[str]) -> None:
    """Warn of columns of signals whose names are formed in another way than most."""
    others, usual = unlike_most(names)
    if others:
        warn_user(
            f"The columns {_listed(others)} of {str(table.file)!r} are read as signals, as all but "
            f"those of labels and groups. Their names are unlike {usual!r}: drop them, or say "
            "which one holds the patients (groups_column, --groups-column).",
        )


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_MAX_NAMED]))
