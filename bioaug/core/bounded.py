"""Compressed files as streams that end in an error where they grow without measure."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO

from bioaug.exceptions import DataError

MOST_EXPANSION = 200  # bytes that one compressed byte may become
ALWAYS_ALLOWED = 2**26  # bytes that any file may have
_OPENERS: dict[str, Callable[[Any], Any]] = {
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zip": lambda stream: _only_member(stream),
}
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)


def most_bytes(compressed: int) -> int:
    """Return how many bytes so many compressed ones may become."""
    return max(ALWAYS_ALLOWED, MOST_EXPANSION * compressed)


def open_bounded(file: Path) -> io.BufferedReader:
    """Open a file for reading, decompressed where its name ends in .gz, .bz2, .xz or .zip.

    Raises
    ------
    DataError
        While it is read, where the content is damaged, encrypted, or grows without measure.
    """
    opener = _OPENERS.get(file.suffix.lower())
    if opener is None:
        return file.open("rb")
    raw = file.open("rb")
    try:
        stream = opener(raw)
    except (*DAMAGED, RuntimeError, NotImplementedError) as error:
        raw.close()
        raise _damaged(file, error) from error
    return io.BufferedReader(_Bounded(stream, raw, most_bytes(file.stat().st_size), file), 2**16)


def _only_member(stream: BinaryIO) -> IO[bytes]:
    archive = zipfile.ZipFile(stream)
    names = archive.namelist()
    if len(names) != 1:
        raise zipfile.BadZipFile(f"it must hold one file, and holds {len(names)}")
    return archive.open(names[0])


def _damaged(file: Path, error: Exception) -> DataError:
    return DataError(
        f"The compressed file {str(file)!r} is damaged, encrypted or of an unknown kind: {error}. "
        "Copy or download it again."
    )


class _Bounded(io.RawIOBase):
    """A stream that raises a DataError after so many bytes, or where it is damaged."""

    def __init__(self, stream: Any, raw: BinaryIO, most: int, file: Path) -> None:
        self._stream, self._raw, self._left, self._file = stream, raw, most, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._stream.read(len(buffer))
        except (*DAMAGED, OSError) as error:
            raise _damaged(self._file, error) from error
        self._left -= len(content)
        if self._left < 0:
            raise DataError(
                f"The compressed file {str(self._file)!r} must not become larger than "
                f"{MOST_EXPANSION} times its size. Expand it by hand if it is to be trusted."
            )
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._raw.close()
        super().close()
