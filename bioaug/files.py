"""Labelled signals in files: .npz and .csv are read and written, WFDB records are read."""

from __future__ import annotations

import math
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug._atomic import check_writable, replacing
from bioaug._containers import unlike_most
from bioaug._validation import check_option, check_path
from bioaug.datasets.recordings import read_wfdb
from bioaug.exceptions import DataError

_READER, _WRITER = "read_arrays", "write_arrays"
_RECORD_SUFFIXES = ("", ".hea", ".dat", ".atr")  # of WFDB
_SIGNAL_COLUMN = re.compile(r"(?:c(\d+)_)?t(\d+)")  # t0, t1, ... or c0_t0, c0_t1, ..., c1_t0, ...
_CODE = re.compile(r"[+-]?0\d")  # 007 is a name, no number
_MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]  # in a column of signals


def read_arrays(
    path: str | os.PathLike[str],
    *,
    labelled: bool = True,
    label_column: str | int | None = None,
    groups_column: str | int | None = None,
    **record_options: Any,
) -> Bunch:
    """Read labelled signals from a .npz file, a .csv table or WFDB records.

    Parameters
    ----------
    path : path-like
        By its suffix: ``.npz`` with the arrays ``X`` and ``y`` and, where there are any,
        ``groups``; ``.csv`` with one row per signal; a folder of WFDB records, or one record.
    labelled : bool, default=True
        Whether there are labels. An unlabelled table has columns of signals only.
    label_column : str or int, optional
        Column of the labels in a table: its name in the header, or its index, which counts from 0
        and may be negative. None takes the last one.
    groups_column : str or int, optional
        Column of the patients.
    **record_options
        The parameters of `bioaug.datasets.read_wfdb`, for WFDB records only.

    Returns
    -------
    arrays : sklearn.utils.Bunch
        With ``X``, ``y`` (or None), ``groups`` (or None), ``sampling_rate`` in Hz (or None), and
        ``synthetic``, the mask of synthetic rows of a file that `bioaug grow` wrote (or None).

    Raises
    ------
    DataError
        If the file has another suffix, lacks an array or a column, or holds what is no number.
    OSError
        If the file is missing or cannot be read.

    Notes
    -----
    Nothing is ever unpickled. A table has a header if its first row holds text where the next
    ones hold numbers, or the numbers 0, 1, 2, ... of a DataFrame; a first column without a name is
    the index of a DataFrame and left out. All other columns are signals; a warning tells which of
    them have names unlike the others', such as an age beside x1, x2, ... A table that
    `write_arrays` wrote is known by its header and read by it, and by `label_column` and
    `groups_column` where they are names in it.
    """
    file = check_path(path, name="path", owner=_READER)
    suffix = file.suffix.lower()
    readers: dict[str, Callable[[], Bunch]] = {
        ".npz": lambda: _read_npz(file, labelled),
        ".csv": lambda: _read_csv(file, labelled, label_column, groups_column),
    }
    if suffix in readers and not file.is_dir():
        if not file.is_file():
            raise FileNotFoundError(
                f"The 'path' parameter of {_READER} must be a file. There is none at {str(path)!r}."
            )
        return readers[suffix]()
    if file.is_dir() or suffix in _RECORD_SUFFIXES or file.with_name(f"{file.name}.hea").is_file():
        beats = read_wfdb(file, **record_options)
        y = beats.target if labelled else None
        return _bunch(beats.data, y, beats.groups, sampling_rate=beats.sampling_rate)
    raise DataError(
        f"The 'path' parameter of {_READER} must end in .npz or .csv, or be a WFDB record or a "
        f"folder of them. Got {str(path)!r} instead. Save the arrays by np.savez(file, X=X, y=y)."
    )


def write_arrays(
    path: str | os.PathLike[str],
    X: Any,
    y: Any = None,
    *,
    force: bool = False,
    **extra: Any,
) -> None:
    """Write labelled signals to a .npz or a .csv file, whole or not at all.

    Parameters
    ----------
    path : path-like
        A table has the columns ``t0``, ``t1``, ... (``c0_t0``, ``c0_t1``, ..., ``c1_t0``, ... of
        3-D signals), then those of `extra`, and last ``y``.
    X : array-like of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
    y : array-like of shape (n_samples,), optional
    force : bool, default=False
        Whether a file that is there already is replaced.
    **extra : array-like of shape (n_samples,)
        Further arrays by name, such as ``groups``; those that are None are left out.

    Raises
    ------
    DataError
        If the file has another suffix, lengths differ, or labels are neither numbers nor text.
    OSError
        If the file is there already, or cannot be written.
    """
    file = check_path(path, name="path", owner=_WRITER)
    check_output(file, suffixes=(".npz", ".csv"), force=force)
    beside = {name: _storable(name, values) for name, values in extra.items() if values is not None}
    if y is not None:
        beside["y"] = _storable("y", y)
    X = _storable("X", X)
    for name, values in beside.items():
        if values.shape != (len(X),):
            raise DataError(
                f"The {name!r} parameter of {_WRITER} must hold one value for each of the {len(X)} "
                f"rows of 'X'. Got shape {values.shape} instead."
            )
    with replacing(file) as draft:
        if file.suffix.lower() == ".npz":
            with draft.open("wb") as stream:
                np.savez(stream, allow_pickle=False, X=X, **beside)
        else:
            _table(X, beside).to_csv(draft, index=False)


def check_output(
    path: str | os.PathLike[str], *, suffixes: Sequence[str] | None = None, force: bool = False
) -> Path:
    """Return where something is to be written, or raise while nothing is computed yet.

    Parameters
    ----------
    path : path-like
    suffixes : sequence of str, optional
        The allowed ones of a file; None where a folder is to be written.
    force : bool, default=False
        Whether what is there already may be replaced.

    Raises
    ------
    DataError
        If the file has another suffix.
    OSError
        If there is such a file already, no folder to put it in, or it cannot be written there.
    """
    file = check_path(path, name="out", owner="bioaug")
    if suffixes is not None and file.suffix.lower() not in suffixes:
        raise DataError(
            f"The name of the file must end in {' or '.join(suffixes)}. Got {str(path)!r} instead."
        )
    if not file.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(file.parent)!r} to write {file.name!r} into. Make it first."
        )
    if file.exists() and file.is_dir() != (suffixes is None):
        wanted = "folder" if suffixes is None else "file"
        raise FileExistsError(f"{str(file)!r} exists and is no {wanted}. Give another name.")
    if file.exists() and not force:
        raise FileExistsError(f"{str(file)!r} exists. Give another name, or force (--force).")
    if suffixes is not None:
        check_writable(file)
    return file


def _bunch(
    X: NDArray,
    y: NDArray | None,
    groups: NDArray | None = None,
    *,
    sampling_rate: float | None = None,
    synthetic: NDArray | None = None,
) -> Bunch:
    return Bunch(X=X, y=y, groups=groups, sampling_rate=sampling_rate, synthetic=synthetic)


def _read_npz(file: Path, labelled: bool) -> Bunch:
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
        wanted = {"X", "y", "groups", "synthetic"} & names
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in sorted(wanted)}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"The 'path' parameter of {_READER} must be a .npz file of plain arrays. Could not "
            f"read {str(file)!r}: {error}. Save numbers and text, as in np.savez(file, X=X, "
            "y=y.astype(str)); objects would have to be unpickled, which is not safe."
        ) from error
    for name in ("X", "y") if labelled else ("X",):
        if name not in arrays:
            raise DataError(
                f"The 'path' parameter of {_READER} must be a .npz file with the array {name!r}. "
                f"Got {', '.join(sorted(names)) or 'none'} in {str(file)!r} instead. Save it by "
                "np.savez(file, X=X, y=y), or say that there are no labels."
            )
    return _bunch(
        arrays["X"],
        arrays["y"] if labelled else None,
        arrays.get("groups"),
        synthetic=_mask(arrays.get("synthetic"), file),
    )


def _read_csv(
    file: Path, labelled: bool, label_column: str | int | None, groups_column: str | int | None
) -> Bunch:
    first = _read_table(file, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    first = [cell.strip() for cell in first]
    header = first if _is_header(first, file, (label_column, groups_column)) else None
    columns = _written_columns(header, labelled, label_column, groups_column, file)
    if columns is None:
        columns = _find_columns(header, len(first), labelled, label_column, groups_column, file)
        _warn_of_other_names([header[c] for c in columns.signals] if header else [], file)
    table = _read_table(
        file,
        skiprows=0 if header is None else 1,
        dtype=dict.fromkeys(columns.texts, str),
        keep_default_na=False,
        na_values=dict.fromkeys(columns.signals, _MISSING),
    )
    if table.shape[1] != len(first):
        raise _ragged(file, f"the header has {len(first)} columns, the rows {table.shape[1]}")
    X = _numbers(table.iloc[:, columns.signals], header, file)
    y = groups = synthetic = None
    if columns.label is not None:
        y = _codes(table[columns.label].to_numpy(dtype=str), file, "label")
    if columns.groups is not None:
        groups = _codes(table[columns.groups].to_numpy(dtype=str), file, "group")
    if columns.synthetic is not None:
        synthetic = table[columns.synthetic].to_numpy(dtype=str) == "True"
    if columns.n_channels:
        X = X.reshape(len(X), columns.n_channels, -1)
    return _bunch(X, y, groups, synthetic=synthetic)


@dataclass(frozen=True)
class _Columns:
    """The places of signals, labels and groups in a table; no channels where `X` is 2-D."""

    signals: list[int]
    label: int | None = None
    groups: int | None = None
    synthetic: int | None = None
    n_channels: int = 0

    @property
    def texts(self) -> list[int]:
        """The columns that hold no signals."""
        return [c for c in (self.label, self.groups, self.synthetic) if c is not None]


def _written_columns(
    header: list[str] | None,
    labelled: bool,
    label_column: str | int | None,
    groups_column: str | int | None,
    file: Path,
) -> _Columns | None:
    """Return the places in a table of `write_arrays`, or None where it is another's."""
    matches = [_SIGNAL_COLUMN.fullmatch(name) for name in header or ()]
    if header is None or matches[0] is None or matches[0][2] != "0":
        return None
    places: dict[str | int | None, int] = {
        name: place for place, name in enumerate(header) if matches[place] is None
    }
    label = label_column if label_column in places else "y"
    groups = groups_column if groups_column in places else "groups"
    if labelled and label not in places:
        raise DataError(
            f"The table {str(file)!r} must have the labels in a column 'y'. Got "
            f"{', '.join(header[-2:])} as its last ones. Add it, or say that there are no labels."
        )
    return _Columns(
        signals=[place for place, match in enumerate(matches) if match],
        label=places[label] if labelled else None,
        groups=places.get(groups),
        synthetic=places.get("synthetic"),
        n_channels=len({match[1] for match in matches if match} - {None}),
    )


def _find_columns(
    header: list[str] | None,
    width: int,
    labelled: bool,
    label_column: str | int | None,
    groups_column: str | int | None,
    file: Path,
) -> _Columns:
    """Return the places in a table of any other kind."""
    label = groups = None
    if labelled:
        chosen = -1 if label_column is None else label_column
        label = _place(chosen, header, width, file, "label_column")
    if groups_column is not None:
        groups = _place(groups_column, header, width, file, "groups_column")
    index = {0} if header is not None and header[0] == "" else set()
    signals = [column for column in range(width) if column not in {label, groups, *index}]
    if not signals or (groups is not None and groups == label):
        raise DataError(
            f"The table {str(file)!r} must have columns of signals beside those of labels and "
            f"groups, each its own. Got {width} columns in all, labels in {label}, groups in "
            f"{groups}. Choose other ones, and separate columns by commas."
        )
    return _Columns(signals, label, groups)


def _warn_of_other_names(names: list[str], file: Path) -> None:
    """Warn of columns of signals whose names are made in another way than most."""
    others, usual = unlike_most(names)
    if others:
        warnings.warn(
            f"The columns {', '.join(map(repr, others))} of {str(file)!r} are read as signals, as "
            f"all but those of labels and groups. Their names are unlike {usual!r}: "
            "drop them, or say which one holds the patients (groups_column, --groups-column).",
            stacklevel=5,
        )


def _read_table(file: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(file, header=None, low_memory=False, **options)
    except ValueError as error:  # empty, of several widths, or no text at all
        raise _ragged(file, error) from error


def _ragged(file: Path, reason: object) -> DataError:
    return DataError(
        f"The 'path' parameter of {_READER} must be a CSV file with rows of one width. Could not "
        f"read {str(file)!r}: {reason}. Separate columns by commas."
    )


def _is_header(first: list[str], file: Path, chosen: tuple[str | int | None, ...]) -> bool:
    """Whether the first row names the columns."""
    if any(isinstance(column, str) for column in chosen):
        return True
    numbers = [_is_number(cell) for cell in first]
    counted = [cell for cell, is_number in zip(first, numbers, strict=True) if is_number]
    if len(counted) > 2 and counted == [str(n) for n in range(len(counted))]:
        return True  # of a DataFrame whose columns have no names
    texts = [c for c, cell in enumerate(first) if cell and not numbers[c]]
    try:
        second = _read_table(file, nrows=1, skiprows=1, dtype=str, keep_default_na=False)
    except DataError:  # there is no second row
        return False
    below = second.iloc[0].tolist()
    return any(c < len(below) and _is_number(below[c]) for c in texts)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _place(
    column: str | int, header: list[str] | None, width: int, file: Path, parameter: str
) -> int:
    """Return the index of a column that is given by its name or index."""
    if isinstance(column, str):
        check_option(column, name=parameter, owner=_READER, options=header or ())
        return (header or []).index(column)
    if not -width <= column < width:
        raise DataError(
            f"The {parameter!r} parameter of {_READER} must be a name in the header or an index "
            f"from {-width} to {width - 1}. Got {column!r} instead, and {str(file)!r} has {width} "
            "columns."
        )
    return column % width


def _numbers(table: pd.DataFrame, header: list[str] | None, file: Path) -> NDArray:
    """Return the columns of signals as one array, or raise a DataError for the first text."""
    for column, dtype in table.dtypes.items():
        if dtype.kind in "iuf":
            continue
        cells = table[column].astype(str)
        row = int(np.argmin([_is_number(cell) for cell in cells]))
        line = row + 1 + (header is not None)
        raise DataError(
            f"The table {str(file)!r} must hold numbers in its columns of signals. Got "
            f"{cells.iloc[row]!r} in line {line}, column {int(str(column))} (from 0). Correct it, "
            "or say which columns hold the labels (label_column) and the patients (groups_column)."
        )
    return table.to_numpy()


def _codes(cells: NDArray, file: Path, what: str) -> NDArray:
    """Return a column of labels or groups: integers or numbers where all are, or else text."""
    missing = np.flatnonzero(cells == "")
    if len(missing):
        raise DataError(
            f"The table {str(file)!r} must hold a {what} in every row. Got {len(missing)} empty "
            f"ones, the first in row {missing[0]} (from 0). Drop these rows."
        )
    if any(not _is_number(cell) or _CODE.match(cell) for cell in np.unique(cells)):
        return cells
    numbers = cells.astype(float)
    if not np.isfinite(numbers).all():
        return cells
    whole = np.rint(numbers) == numbers
    return numbers.astype(np.int64) if whole.all() else numbers


def _mask(synthetic: NDArray | None, file: Path) -> NDArray | None:
    if synthetic is not None and synthetic.dtype.kind != "b":
        raise DataError(f"The array 'synthetic' in {str(file)!r} must be a mask of booleans.")
    return synthetic


def _storable(name: str, values: Any) -> NDArray:
    """Return an array that needs no pickling."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = np.array(array.tolist())
    if array.dtype.kind not in "biufU":
        raise DataError(
            f"The {name!r} parameter of {_WRITER} must hold numbers or text. Got "
            f"{array.dtype} instead. Convert it by {name}.astype(str)."
        )
    return array


def _table(X: NDArray, beside: dict[str, NDArray]) -> pd.DataFrame:
    """Return signals and what stands beside them as a table, one row per signal."""
    if X.ndim not in (2, 3):
        raise DataError(
            f"The 'X' parameter of {_WRITER} must have 2 or 3 dimensions. Got {X.ndim} instead."
        )
    times = [f"t{time}" for time in range(X.shape[-1])]
    if X.ndim == 3:
        times = [f"c{channel}_{time}" for channel in range(X.shape[1]) for time in times]
    table = pd.DataFrame(X.reshape(len(X), math.prod(X.shape[1:])), columns=times)
    return pd.concat([table, pd.DataFrame(beside)], axis=1)
