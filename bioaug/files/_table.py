"""The beginning of a table: the names of its columns, and its first rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# t0, t1, ... or c0_t0, ..., c1_t0, ...
_TIME_STEP = re.compile(r"(?:c([0-9]{1,9})_)?t([0-9]{1,9})")
_INDEX_NAMES = ("", "Unnamed: 0")  # of a DataFrame


@dataclass(frozen=True)
class TableHead:
    """What tells which column is which."""

    file: Path  # for messages
    names: list[str]  # empty where the table has no header
    rows: Sequence[Sequence[str]]  # the first ones below it
    width: int

    @cached_property
    def time_steps(self) -> dict[int, re.Match[str]]:
        """The columns that are named as time steps, with the numbers of channel and time."""
        matches = {c: _TIME_STEP.fullmatch(name) for c, name in enumerate(self.names)}
        return {c: match for c, match in matches.items() if match}

    @cached_property
    def has_time_steps(self) -> bool:
        """Whether the signals are in these columns alone, as bioaug writes them."""
        return len(self.time_steps) > 1 or not {"t0", "c0_t0"}.isdisjoint(self.names)

    @cached_property
    def others(self) -> list[int]:
        """The columns that are no time steps."""
        return [c for c in range(self.width) if c not in self.time_steps]

    @property
    def has_index(self) -> bool:
        """Whether the first column is the index of a DataFrame."""
        return bool(self.names) and self.names[0] in _INDEX_NAMES

    def column_named(self, word: str) -> int | None:
        """Return the last column of this name, in any case."""
        columns = [c for c, name in enumerate(self.names) if name.casefold() == word]
        return columns[-1] if columns else None

    def cells(self, column: int) -> list[str]:
        """Return the first cells of a column."""
        return [row[column] for row in self.rows if column < len(row)]
