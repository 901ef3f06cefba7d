"""Reading and writing labelled signals: the table of file formats, and what all have in common."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from bioaug.core.atomic import check_writable, replacing
from bioaug.core.checks import check_option, check_path
from bioaug.exceptions import DataError
from bioaug.files import formats
from bioaug.files._cells import labels_from_array
from bioaug.files._format import FileFormat, Option

FORMATS: tuple[FileFormat, ...] = tuple(  # of each file in the folder
    import_module(f"{formats.__name__}.{module.name}").FORMAT
    for module in iter_modules(formats.__path__)
)
_READER, _WRITER = "read_arrays", "write_arrays"


def read_arrays(
    path: str | os.PathLike[str],
    *,
    labelled: bool = True,
    label_column: str | int | None = None,
    groups_column: str | int | None = None,
    header: bool | None = None,
    **options: Any,
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
    **options
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
    columns = {"label_column": label_column, "groups_column": groups_column, "header": header}
    for name in options:
        check_option(name, name="options", owner=_READER, options=all_options())
    given = {name: value for name, value in (columns | options).items() if value is not None}
    file_format = find_format(file)
    for name in given:
        if file_format is None or not file_format.has_option(name):
            raise DataError(
                f"The {name!r} parameter of {_READER} is for {kinds_with(name)} only. Got "
                f"{str(file)!r}. Leave it out."
            )
    if file_format is None:
        suffixes = [suffix for known in FORMATS for suffix in known.suffixes]
        raise DataError(
            f"The 'path' parameter of {_READER} must end in {', '.join(suffixes[:-1])} or "
            f"{suffixes[-1]}, or be a folder of WFDB records. Got {str(path)!r} instead. Save the "
            "arrays by np.savez(file, X=X, y=y)."
        )
    if file_format.needs_file and not file.is_file():
        raise FileNotFoundError(
            f"The 'path' parameter of {_READER} must be a file. There is none at {str(path)!r}."
        )
    return Bunch(**vars(file_format.read(file, labelled, **given)))


def find_format(path: str | os.PathLike[str]) -> FileFormat | None:
    """Return the format that a path is read in, None where there is none."""
    file = Path(path)
    return next((known for known in FORMATS if known.is_format_of(file)), None)


def all_options() -> dict[str, Option]:
    """Return the options of all formats by their names."""
    return {option.name: option for known in FORMATS for option in known.options}


def kinds_with(option: str) -> str:
    """Return what files are called that are read with an option."""
    return " and ".join(known.kind for known in FORMATS if known.has_option(option))


def written_suffixes() -> tuple[str, ...]:
    """Return the suffixes of files that `write_arrays` writes."""
    return tuple(suffix for known in FORMATS for suffix in known.written_suffixes)


def write_arrays(
    path: str | os.PathLike[str],
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    force: bool = False,
    **extra: ArrayLike | None,
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
    check_output(file, suffixes=written_suffixes(), force=force)
    per_row = {
        name: _storable(name, values) for name, values in extra.items() if values is not None
    }
    if y is not None:
        per_row["y"] = _storable("y", y)
    X = _storable("X", X)
    for name, values in per_row.items():
        if values.shape != (len(X),):
            raise DataError(
                f"The {name!r} parameter of {_WRITER} must hold one value for each of the {len(X)} "
                f"rows of 'X'. Got shape {values.shape} instead."
            )
        rule = f"The {name!r} parameter of {_WRITER} must hold a value for every row."
        per_row[name] = labels_from_array(values, name=name, rule=rule)
    suffix = file.suffix.lower()
    write = next(known.write for known in FORMATS if suffix in known.written_suffixes)
    with replacing(file) as draft:
        write(draft, X, per_row)


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

    Returns
    -------
    Path

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


def _storable(name: str, values: ArrayLike) -> NDArray:
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
