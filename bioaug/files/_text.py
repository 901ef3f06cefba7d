"""Lines and cells of delimited text: one pass, exact line numbers, bounded memory."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bioaug.core.bounded import open_bounded
from bioaug.exceptions import DataError

MAX_COLUMNS = 2**18
MAX_CHARACTERS = 2**23  # of a line
_MAX_QUOTED_LINES = 1000  # lines of one row, whose cells in quotes hold line ends
_DELIMITERS = ("\t", ";", ",", None)  # None: any white space
_OTHER_KINDS = (  # how a file begins, what it is then, and what to do
    (b"\x1f\x8b", "compressed by gzip", "Let its name end in .gz"),
    (b"BZh", "compressed by bzip2", "Let its name end in .bz2"),
    (b"\xfd7zXZ", "compressed by xz", "Let its name end in .xz"),
    (b"PK\3\4", "a zip archive or a spreadsheet", "Save the table as .csv, or let a .zip end so"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "Save it as .csv"),
    (b"PAR1", "Parquet", "Let its name end in .parquet"),
    (b"\x93NUMPY", "one array of numpy", "Save the arrays by np.savez(file, X=X, y=y)"),
    (b"\x89HDF", "HDF5", "Save the arrays by np.savez(file, X=X, y=y)"),
)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


class Row(NamedTuple):
    """The cells of one row without white space around them, and where it begins."""

    line: int  # from 1
    cells: list[str]
    quoted: frozenset[int]  # the cells in quotes


@contextmanager
def open_rows(file: Path, delimiter: str | None = None) -> Iterator[Iterator[Row]]:
    """Give the rows of a table; comments in front and rows without any cell are left out.

    Parameters
    ----------
    file : pathlib.Path
        UTF-8, or UTF-16 with a byte order mark; decompressed where its name ends in .gz.
    delimiter : str, optional
        None finds it: a tab, a semicolon, a comma, or else white space.

    Raises
    ------
    DataError
        Where it is no text, a line is too long, or a quote is not closed.
    """
    with open_bounded(file) as binary:
        _check_is_text(binary.peek(8)[:8], file)
        is_wide = binary.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        encoding = "utf-16" if is_wide else "utf-8-sig"
        with io.TextIOWrapper(binary, encoding=encoding, newline="") as text:
            yield _rows(_logical_lines(text, file), file, delimiter)


def unreadable(
    file: Path, reason: object, *, advice: str = "Separate columns by commas, semicolons or tabs"
) -> DataError:
    """Return the error of a file that is no table."""
    return DataError(
        f"The 'path' parameter of read_arrays must be a table with rows of one width. Could not "
        f"read {str(file)!r}: {reason}. {advice}."
    )


def _check_is_text(start: bytes, file: Path) -> None:
    """Raise a DataError where a file begins as one of another kind does, whatever its name."""
    for mark, kind, advice in _OTHER_KINDS:
        if start.startswith(mark):
            raise unreadable(file, f"it is no text but {kind}", advice=advice)


def _logical_lines(text: io.TextIOWrapper, file: Path) -> Iterator[tuple[int, str]]:
    """Yield lines and their numbers, those that end within quotes together with the next ones."""
    number = begun = 0
    parts: list[str] = []
    in_quotes, is_front = False, True
    while True:
        try:
            line = text.readline(MAX_CHARACTERS + 1)
        except UnicodeError as error:
            raise unreadable(
                file, f"line {number + 1} is no UTF-8 text ({error})", advice="Save it as UTF-8"
            ) from error
        if not line:
            break
        number += 1
        if len(line) > MAX_CHARACTERS:
            raise unreadable(file, f"line {number} has more than {MAX_CHARACTERS} characters")
        if "\0" in line:
            raise unreadable(
                file,
                f"line {number} holds null characters, so that it is no text",
                advice="Save it as UTF-8",
            )
        if is_front and (line.lstrip().startswith("#") or not line.strip()):
            continue
        is_front = False
        begun = begun if parts else number
        parts.append(line)
        in_quotes ^= line.count('"') % 2 == 1
        if in_quotes and len(parts) > _MAX_QUOTED_LINES:
            break
        if not in_quotes:
            row = "".join(parts)
            if row.strip():
                yield begun, row.rstrip("\r\n")
            parts = []
    if parts:
        raise unreadable(
            file,
            f"a quote that begins in line {begun} is not closed",
            advice="Close it, or double it where it is meant",
        )


def _rows(lines: Iterator[tuple[int, str]], file: Path, delimiter: str | None) -> Iterator[Row]:
    first: list[tuple[int, str]] = []
    for line in lines:
        named = re.fullmatch(r"sep=(.)", line[1]) if not first else None
        if named:  # a word of spreadsheets on the delimiter
            delimiter = named[1]
            continue
        first.append(line)
        if len(first) == 20 or len(first[0][1]) > 2**16:
            break
    if not first:
        raise unreadable(file, "it is empty", advice="Give a table with one signal per row")
    split = splitter(delimiter or _find_delimiter([line for _, line in first]))
    for source in (first, lines):
        for number, line in source:
            cells, quoted = split(line)
            if len(cells) > MAX_COLUMNS:
                raise unreadable(file, f"line {number} has more than {MAX_COLUMNS} columns")
            if any(cells):
                yield Row(number, cells, quoted)


def _find_delimiter(lines: list[str]) -> str | None:
    """Return what separates the cells of all lines in the same way, and into most of them."""
    best, most = None, 1
    widest: dict[str | None, int] = {}
    for delimiter in _DELIMITERS:
        split = splitter(delimiter)
        widths = [len(split(line)[0]) for line in lines]
        widest[delimiter] = widths[0]
        # White space is in names, too: it separates only where nothing else does.
        if len(set(widths)) == 1 and widths[0] > most and not (delimiter is None and most > 1):
            best, most = delimiter, widths[0]
    if most > 1:
        return best
    return max(_DELIMITERS, key=lambda delimiter: (widest[delimiter], delimiter is not None))


def splitter(delimiter: str | None) -> Callable[[str], tuple[list[str], frozenset[int]]]:
    """Return the function that splits a line into cells, and the indices of those in quotes."""
    if delimiter is None:
        blank = re.compile(r'"(?:[^"]|"")*"(?=\s|$)|\S+')
        return lambda line: _unquote(blank.findall(line) if '"' in line else line.split())
    mark = re.escape(delimiter)
    cell = re.compile(rf' *("(?:[^"]|"")*"|[^{mark}]*?) *({mark}|$)', re.DOTALL)

    def split(line: str) -> tuple[list[str], frozenset[int]]:
        if '"' not in line:
            cells = line.split(delimiter)
            if " " in line or "\xa0" in line:
                cells = [cell.strip() for cell in cells]
            return cells, frozenset()
        raw, position = [], 0
        while match := cell.match(line, position):
            raw.append(match[1])
            if not match[2]:
                break
            position = match.end()
        return _unquote(raw)

    return split


def _unquote(raw: list[str]) -> tuple[list[str], frozenset[int]]:
    quoted = frozenset(c for c, cell in enumerate(raw) if _QUOTED.fullmatch(cell))
    cells = [
        cell[1:-1].replace('""', '"') if c in quoted else cell.strip() for c, cell in enumerate(raw)
    ]
    return cells, quoted
