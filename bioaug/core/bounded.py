"""Decompression with a bound on the size of what comes out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol

from bioaug.exceptions import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_EXPANSION = 200  # bytes that one compressed byte may become
ALWAYS_ALLOWED_BYTES = 2**26  # bytes that any file may have
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)


class _Stream(Protocol):
    """What the modules for compressed files open."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


def max_bytes(compressed: int) -> int:
    """Return how many bytes so many compressed ones may become."""
    return max(ALWAYS_ALLOWED_BYTES, MAX_EXPANSION * compressed)


def open_bounded(file: Path) -> io.BufferedReader:
    """Open a file for reading, decompressed where its name ends in .gz, .bz2, .xz or .zip.

    Raises
    ------
    DataError
        While it is read, where the content is damaged, encrypted, or larger than `max_bytes`.
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
    return io.BufferedReader(_Bounded(stream, raw, max_bytes(file.stat().st_size), file), 2**16)


def _only_member(stream: BinaryIO) -> IO[bytes]:
    archive = zipfile.ZipFile(stream)
    names = archive.namelist()
    if len(names) != 1:
        raise zipfile.BadZipFile(f"it must hold one file, and holds {len(names)}")
    return archive.open(names[0])


_OPENERS: dict[str, Callable[[BinaryIO], _Stream]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _only_member,
}


def _damaged(file: Path, error: Exception) -> DataError:
    return DataError(
        f"The compressed file {str(file)!r} is damaged, encrypted or of an unknown kind: {error}. "
        "Copy or download it again."
    )


class _Bounded(io.RawIOBase):
    """A stream that raises a DataError after so many bytes, or where it is damaged."""

    def __init__(self, stream: _Stream, raw: BinaryIO, n_bytes: int, file: Path) -> None:
        self._stream, self._raw, self._left, self._file = stream, raw, n_bytes, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            content = self._stream.read(len(memoryview(buffer)))
        except (*DAMAGED, OSError) as error:
            raise _damaged(self._file, error) from error
        self._left -= len(content)
        if self._left < 0:
            raise DataError(
                f"The compressed file {str(self._file)!r} must not become larger than "
                f"{MAX_EXPANSION} times its size. Expand it by hand if it is to be trusted."
            )
        memoryview(buffer)[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._raw.close()
        super().close()
