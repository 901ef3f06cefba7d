"""What the library knows of a file format: how its files are recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class SignalArrays:
    """What a file holds: signals and, where there are any, what belongs to each of them."""

    X: NDArray
    y: NDArray | None = None
    groups: NDArray | None = None
    sampling_rate: float | None = None  # in Hz
    synthetic: NDArray | None = None


@dataclass(frozen=True)
class Option:
    """A parameter of `read_arrays` that some formats have, and how the command line takes it."""

    name: str
    flag: str | None = None  # None: not on the command line
    help: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)  # further ones of `add_argument`


def _not_written(file: Path, X: NDArray, per_row: Mapping[str, NDArray]) -> None:
    raise NotImplementedError(f"{file.suffix} files are read only.")


@dataclass(frozen=True)
class FileFormat:
    """One format of files.

    Parameters
    ----------
    kind : str
        What such files are called, in the plural.
    description : str
        One such file, for the help of the command line.
    suffixes : tuple of str
        In lower case.
    read : callable
        Gives `SignalArrays` of a path, of whether there are labels, and of `options` by name.
    options : tuple of Option
        None of them needs a value.
    recognises : callable, optional
        Whether a path is of this format, where the suffix alone does not tell.
    needs_file : bool
        Whether the path must be that of one file.
    written_suffixes : tuple of str
        Those of `suffixes` that can be written.
    write : callable
        Writes signals, and a mapping of arrays with a value for each, to a path.
    """

    kind: str
    description: str
    suffixes: tuple[str, ...]
    read: Callable[..., SignalArrays]
    options: tuple[Option, ...] = ()
    recognises: Callable[[Path], bool] | None = None
    needs_file: bool = True
    written_suffixes: tuple[str, ...] = ()
    write: Callable[[Path, NDArray, Mapping[str, NDArray]], None] = _not_written

    def is_format_of(self, file: Path) -> bool:
        """Whether a path is of this format, by its name and by what is there."""
        if self.recognises is not None:
            return self.recognises(file)
        return file.suffix.lower() in self.suffixes and not file.is_dir()

    def has_option(self, name: str) -> bool:
        """Whether such files are read with an option of this name."""
        return any(option.name == name for option in self.options)
