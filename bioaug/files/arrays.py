"""Reading and writing labelled signals: what each kind of file is read by."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.core.atomic import check_writable, replacing
from bioaug.core.checks import check_option, check_path
from bioaug.datasets.recordings import read_wfdb
from bioaug.exceptions import DataError
from bioaug.files._cells import check_codes, comes_back, needs_quotes
from bioaug.files._columns import Wish
from bioaug.files._npz import read_archive
from bioaug.files._tables import read_parquet, read_text_table

_READER, _WRITER = "read_arrays", "write_arrays"
_RECORD_SUFFIXES = ("", ".hea", ".dat", ".atr")  # of WFDB
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
_OF_RECORDS = ("records", "leads", "window", "sampling_rate", "labels")


def read_arrays(
    path: str | os.PathLike[str],
    *,
    labelled: bool = True,
    label_column: str | int | None = None,
    groups_column: str | int | None = None,
    header: bool | None = None,
    **record_options: Any,
) -> Bunch:
    """Read labelled signals from an archive, a table or WFDB records.

    Parameters
    ----------
    path : path-like
        By its suffix: ``.npz`` with the arrays ``X`` and ``y`` and, where there are any,
        ``groups``; a table with one row per signal, ``.csv``, ``.tsv`` or ``.txt``, which may be
        compressed (``.gz``, ``.bz2``, ``.xz``, or the one file of a ``.zip``), or ``.parquet``; a
        folder of WFDB records, or one record.
    labelled : bool, default=True
        Whether there are labels. An unlabelled table has columns of signals only.
    label_column : str or int, optional
        Column of the labels in a table: its name in the header, or its index, which counts from 0
        and may be negative. None takes the one named ``y``, ``label``, ``labels``, ``class`` or
        ``target``, or else the last one, or the first where the last holds fractions.
    groups_column : str or int, optional
        Column of the patients. None takes the one named ``groups``, where there is one.
    header : bool, optional
        Whether the first row of a table has the names of the columns. None looks at it.
    **record_options
        ``records``, ``leads``, ``window``, ``sampling_rate`` and ``labels`` as in
        `bioaug.datasets.read_wfdb`, for WFDB records only.

    Returns
    -------
    arrays : sklearn.utils.Bunch
        With ``X``, ``y`` (or None), ``groups`` (or None), ``sampling_rate`` in Hz (or None), and
        ``synthetic``, the mask of synthetic rows of a file that `bioaug grow` wrote (or None).

    Raises
    ------
    DataError
        If the file has another suffix, is damaged, lacks an array or a column, holds what is no
        number, or a label or group is missing; or if an option is given that such files have not.
    ImportError
        If a Parquet file is read without pyarrow.
    OSError
        If the file is missing or cannot be read.

    Notes
    -----
    Nothing is ever unpickled, and sizes are checked before anything is expanded. Columns of text
    tables are separated by tabs, semicolons, commas or white space, whichever fits all lines; a
    decimal comma is read where it cannot separate thousands. Comments (#) in front are left out.

    A table has a header if its first row holds text where the next ones hold numbers, or numbers
    that go up by equal steps where those below do not, such as times or 0, 1, 2, ... of a
    DataFrame; a first column without a name is the index of a DataFrame and left out. All other
    columns are signals; a warning tells which of them have names unlike the others', such as an
    age beside x1, x2, ... Columns that are named by one word and a number are read in the order of
    their numbers. A table with columns t0, t1, ..., as `write_arrays` writes it, has its labels in
    ``y``, patients in ``groups`` and the mask in ``synthetic``.

    Labels and groups become numbers where all of a column are, in one way of writing, so that
    none is changed and no two become one; text in quotes stays text. Missing ones (empty, NA, N/A,
    NaN, null, None, ?) are an error.
    """
    file = check_path(path, name="path", owner=_READER)
    if not isinstance(header, bool | None):
        raise DataError(
            f"The 'header' parameter of {_READER} must be True, False or None. Got {header!r} "
            "instead."
        )
    of_tables = {"label_column": label_column, "groups_column": groups_column, "header": header}
    _check_options(file, of_tables, record_options)
    if is_record(file):
        beats = read_wfdb(file, **record_options)
        y = beats.target if labelled else None
        return _bunch(beats.data, y, beats.groups, sampling_rate=beats.sampling_rate)
    is_archive = file.suffix.lower() == ".npz"
    if not (is_archive or is_table(file)):
        raise DataError(
            f"The 'path' parameter of {_READER} must end in .npz or .csv (.tsv, .txt, .parquet), "
            f"or be a WFDB record or a folder of them. Got {str(path)!r} instead. Save the arrays "
            "by np.savez(file, X=X, y=y)."
        )
    if not file.is_file():
        raise FileNotFoundError(
            f"The 'path' parameter of {_READER} must be a file. There is none at {str(path)!r}."
        )
    if is_archive:
        return _bunch(**read_archive(file, labelled))
    wish = Wish(labelled, label_column, groups_column)
    if file.suffix.lower() == ".parquet":
        return _bunch(**read_parquet(file, wish))
    return _bunch(**read_text_table(file, wish, header))


def _check_options(file: Path, of_tables: dict[str, Any], of_records: dict[str, Any]) -> None:
    """Raise a DataError for options that are unknown, or would be left aside."""
    for name in of_records:
        check_option(name, name="options", owner=_READER, options=(*of_tables, *_OF_RECORDS))
    for options, is_used, kind in (
        (of_tables, is_table(file), "tables"),
        (of_records, is_record(file), "WFDB records"),
    ):
        given = [name for name, value in options.items() if value is not None]
        if given and not is_used:
            raise DataError(
                f"The {given[0]!r} parameter of {_READER} is for {kind} only. Got {str(file)!r}. "
                "Leave it out."
            )


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a path is read as a table, by its name or as a text file without a suffix."""
    file = Path(path)
    if file.is_dir():
        return False
    name = file.with_suffix("") if file.suffix.lower() in _COMPRESSED else file
    is_plain = (
        not file.suffix and file.is_file() and not file.with_name(f"{file.name}.hea").exists()
    )
    return name.suffix.lower() in (*_TEXT_SUFFIXES, ".parquet") or is_plain


def is_record(path: str | os.PathLike[str]) -> bool:
    """Whether a path is read as a WFDB record or a folder of them."""
    file = Path(path)
    # Not Path.is_file, which raises where a name is too long.
    if file.is_dir() or os.path.isfile(file.with_name(f"{file.name}.hea")):
        return True
    return file.suffix.lower() in _RECORD_SUFFIXES and not is_table(file)


def write_arrays(
    path: str | os.PathLike[str],
    X: Any,
    y: Any = None,
    *,
    force: bool = False,
    **extra: Any,
) -> None:
    """Write labelled signals to a .npz or a .csv file, whole or not at all.

    `read_arrays` gives the same labels and groups back; those that would not come back are refused.

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
        If the file has another suffix, lengths differ, or labels are missing or neither numbers
        nor text.
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
        rule = f"The {name!r} parameter of {_WRITER} must hold a value for every row."
        beside[name] = check_codes(values, name=name, rule=rule)
    is_archive = file.suffix.lower() == ".npz"
    quotes = False if is_archive else _check_table(beside)
    with replacing(file) as draft:
        if is_archive:
            with draft.open("wb") as stream:
                np.savez(stream, allow_pickle=False, X=X, **beside)
        else:
            quoting = csv.QUOTE_NONNUMERIC if quotes else csv.QUOTE_MINIMAL
            _table(X, beside).to_csv(draft, index=False, quoting=quoting)


def _check_table(beside: dict[str, NDArray]) -> bool:
    """Return whether texts need quotes, or raise a DataError for what a table cannot give back."""
    for name, values in beside.items():
        if values.dtype.kind == "U" and any("\0" in text for text in values.tolist()):
            raise DataError(
                f"The {name!r} parameter of {_WRITER} holds null characters. Drop them."
            )
        if values.dtype.kind in "iuf" and not comes_back(values):
            raise DataError(
                f"The {name!r} parameter of {_WRITER} must hold numbers that a table can give "
                f"back. Got {values.dtype} such as {values[np.abs(values).argmax()]}. Write a .npz "
                f"file, or {name}.astype(str)."
            )
    return any(needs_quotes(values) for values in beside.values() if values.dtype.kind == "U")


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


def _storable(name: str, values: Any) -> NDArray:
    """Return an array that needs no pickling."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"The {name!r} parameter of {_WRITER} must have rows of one length. Got others. Cut or "
            "pad them, or write a file for each length."
        ) from error
    if array.dtype.kind == "O":
        kinds = {type(value) for value in array.ravel().tolist()}
        if len(kinds) > 1 and not kinds.isdisjoint((str, bytes)):
            listed = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise DataError(
                f"The {name!r} parameter of {_WRITER} must hold numbers or text of one kind. Got "
                f"{listed} instead. Drop missing ones, and convert the others by "
                f"{name}.astype(str)."
            )
        array = np.array(array.tolist())
    is_signal = name == "X"
    if array.dtype.kind not in ("biuf" if is_signal else "biufUS"):
        kinds, target = ("real numbers", "float") if is_signal else ("numbers or text", "str")
        raise DataError(
            f"The {name!r} parameter of {_WRITER} must hold {kinds}. Got {array.dtype} instead. "
            f"Convert it by {name}.astype({target})."
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
    for name in sorted(beside.keys() & set(times)):
        raise DataError(
            f"The further arrays of {_WRITER} must not be named as time steps are. Got {name!r}. "
            "Rename it."
        )
    table = pd.DataFrame(X.reshape(len(X), math.prod(X.shape[1:])), columns=times)
    return pd.concat([table, pd.DataFrame(beside)], axis=1)
