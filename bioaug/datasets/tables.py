"""Readers of two public CSV tables: single heartbeats, and one-second chunks of EEG."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.core.bounded import open_bounded
from bioaug.core.checks import check_option, check_path
from bioaug.datasets.bonn import CHUNK, LABELS, SAMPLING_RATE, UCI_NAMES, name_labels
from bioaug.datasets.mitbih import AAMI_SYMBOLS
from bioaug.exceptions import DataError

HEARTBEAT_TIMESTEPS = 187
HEARTBEAT_RATE = 125
_MAX_LINE = 2**16  # bytes, of fewer than 200 numbers
HEARTBEAT_NAMES = {"aami": list(AAMI_SYMBOLS), "ptb": ["normal", "abnormal"]}

# Where to get the tables, for the error of a missing file.
_HEARTBEAT_SOURCE = (
    "'ECG Heartbeat Categorization Dataset', https://www.kaggle.com/datasets/shayanfazeli/heartbeat"
)
_SEIZURE_SOURCE = (
    "'Epileptic Seizure Recognition', https://archive.ics.uci.edu/dataset/388, or cut the same "
    "chunks from the original segments by bioaug.datasets.fetch_bonn"
)

HEARTBEAT_DESCR = """\
ECG heartbeat categorization
============================
Single heartbeats at 125 Hz, scaled to [0, 1] one by one and padded with zeros at the end to 187
samples. mitbih_train.csv and mitbih_test.csv hold lead II of the MIT-BIH Arrhythmia Database with
the labels 0 to 4 for the AAMI classes N, S, V, F and Q; ptbdb_normal.csv and ptbdb_abnormal.csv
hold lead II of the PTB Diagnostic ECG Database with the labels 0 (normal) and 1 (abnormal).

The rows do not say which patient they come from, and beats of one patient may be in the training
and in the test table: a classifier that learned from one and is tested on the other may look too
good. fetch_mitbih has patients and the inter-patient split.

Please cite:
Kachuee M, Fazeli S, Sarrafzadeh M. ECG heartbeat classification: a deep transferable
representation. IEEE International Conference on Healthcare Informatics, 443-444, 2018.
Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220, 2000.
"""

SEIZURE_DESCR = """\
Epileptic Seizure Recognition
=============================
The Bonn EEG: 500 segments of 4,097 samples at 173.61 Hz, each cut into 23 chunks of 178 samples.
1 seizure (set S), 2 between seizures, epileptogenic zone (F), 3 between seizures, opposite
hemisphere (N), 4 healthy, eyes closed (O), 5 healthy, eyes open (Z). The segments come from ten
people, not from 500: five volunteers and five patients.

The id of a row, such as X21.V1.791, is the number of the chunk in its segment, 1 to 23, and the
name of the segment, "V1.791". The 23 chunks of a segment belong together in a split.

Please cite:
Andrzejak RG, Lehnertz K, Mormann F, Rieke C, David P, Elger CE. Indications of nonlinear
deterministic and finite-dimensional structures in time series of brain electrical activity:
Dependence on recording region and brain state. Physical Review E 64, 061907, 2001.
"""


def read_heartbeat_csv(
    path: str | os.PathLike[str], *, labels: str = "auto", return_X_y: bool = False
) -> Any:
    r"""Read a table of heartbeats: 187 samples at 125 Hz and a label in each row, no header.

    These are mitbih_train.csv, mitbih_test.csv, ptbdb_normal.csv and ptbdb_abnormal.csv of the
    'ECG Heartbeat Categorization Dataset' [1]_.

    Parameters
    ----------
    path : path-like
        The file, which may be compressed (.gz, .zip, .bz2, .xz).
    labels : {"auto", "aami", "ptb"}, default="auto"
        What the labels mean: ``"aami"`` 0 to 4 the classes N, S, V, F, Q; ``"ptb"`` 0 normal and 1
        abnormal. ``"auto"`` is ``"ptb"`` where the name of the file begins with "ptb", and
        ``"aami"`` elsewhere.
    return_X_y : bool, default=False
        Whether to return only ``(data, target)``.

    Returns
    -------
    beats : sklearn.utils.Bunch
        With the fields

        - ``data``: float32 of shape (n_samples, 1, 187), without unit, each beat scaled to [0, 1]
          and padded with zeros.
        - ``target``: str of shape (n_samples,); ``target_names``: its values in the usual order.
        - ``lengths``: int of shape (n_samples,), the samples before the zeros at the end.
        - ``sampling_rate`` (125 Hz), ``DESCR``. There are no groups: the table names no patient.
    (data, target) : tuple of ndarray
        If `return_X_y` is true.

    Raises
    ------
    DataError
        If the table has another number of columns, a cell is no number, or a label is not one of
        those.
    OSError
        If the file is missing or cannot be read.

    References
    ----------
    .. [1] Kachuee M, Fazeli S, Sarrafzadeh M. "ECG heartbeat classification: a deep transferable
       representation". IEEE International Conference on Healthcare Informatics, 443-444, 2018.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from bioaug.datasets import read_heartbeat_csv
    >>> row = ["1.0"] * 150 + ["0.0"] * 37
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "mitbih_test.csv"
    ...     _ = file.write_text(",".join([*row, "0.0"]) + "\n" + ",".join([*row, "2.0"]))
    ...     beats = read_heartbeat_csv(file)
    >>> beats.data.shape, beats.target.tolist(), beats.lengths.tolist()
    ((2, 1, 187), ['N', 'V'], [150, 150])
    """
    owner = "read_heartbeat_csv"
    check_option(labels, name="labels", owner=owner, options=("auto", *HEARTBEAT_NAMES))
    file = _check_file(path, owner=owner, source=_HEARTBEAT_SOURCE)
    if labels == "auto":
        labels = "ptb" if file.name.lower().startswith("ptb") else "aami"
    names = np.array(HEARTBEAT_NAMES[labels])
    n_columns = HEARTBEAT_TIMESTEPS + 1
    first = _read_cells(file, owner, nrows=1)
    _check_width(first, n_columns, f"{HEARTBEAT_TIMESTEPS} samples and a label", file, owner)
    table = _read_below(file, owner, text_columns=0, header_rows=0)
    data, column = _split_columns(table, file, owner, text_columns=0, header_rows=0)
    codes = _check_labels(column, range(len(names)), file, owner)
    target = names[codes]
    if return_X_y:
        return data, target
    n_zeros = (data[:, 0, ::-1] != 0).argmax(axis=1)  # right but where all are 0
    return Bunch(
        data=data,
        target=target,
        target_names=names[np.unique(codes)].tolist(),
        lengths=np.where(data.any(axis=(1, 2)), HEARTBEAT_TIMESTEPS - n_zeros, 0),
        sampling_rate=HEARTBEAT_RATE,
        DESCR=HEARTBEAT_DESCR,
    )


def read_seizure_csv(
    path: str | os.PathLike[str], *, labels: str = "uci", return_X_y: bool = False
) -> Any:
    r"""Read the 'Epileptic Seizure Recognition' table: id, 178 samples and a label in each row.

    The rows are the Bonn EEG [1]_ cut into chunks, shuffled; `fetch_bonn` makes the same chunks of
    the original segments.

    Parameters
    ----------
    path : path-like
        The file, which has a header and may be compressed (.gz, .zip, .bz2, .xz).
    labels : {"uci", "binary"}, default="uci"
        Labels 1 to 5 as in the table, or 1 for a seizure and 0 for the rest.
    return_X_y : bool, default=False
        Whether to return only ``(data, target)``.

    Returns
    -------
    chunks : sklearn.utils.Bunch
        With the fields

        - ``data``: float32 of shape (n_samples, 1, 178), the integers of the table, which are
          taken to be microvolts.
        - ``target``: int of shape (n_samples,); ``target_names``: what its values mean, in their
          sorted order.
        - ``groups``: str of shape (n_samples,), the segment, such as "V1.791". Splits by group
          keep the chunks of a segment together.
        - ``chunk``: int of shape (n_samples,), which part of its segment the row is, from 1.
        - ``sampling_rate`` (173.61 Hz), ``DESCR``.
    (data, target) : tuple of ndarray
        If `return_X_y` is true.

    Raises
    ------
    DataError
        If the table has no header or another number of columns, an id is of another kind, a cell
        is no number, or a label is not 1 to 5.
    OSError
        If the file is missing or cannot be read.

    Notes
    -----
    An id such as ``X21.V1.791`` has two parts. ``X21`` is the 21st chunk, samples 3,560 to 3,737
    of the segment. The rest names the segment, as R does when it makes equal names unique: the
    k-th file of set Z is ``V1.{k-1}`` (the first ``V1``), and the later sets, in the order O, N,
    F, S, mostly append 1 to 4 (``V1.791`` is O080). ``V11`` and ``V1.1`` are two segments, so the
    rest must be compared as it stands. It was checked by finding 19 rows of the table, by their
    values, in the original segments.

    References
    ----------
    .. [1] Andrzejak RG, Lehnertz K, Mormann F, Rieke C, David P, Elger CE. "Indications of
       nonlinear deterministic and finite-dimensional structures in time series of brain
       electrical activity: Dependence on recording region and brain state". Physical Review E
       64, 061907, 2001.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from bioaug.datasets import read_seizure_csv
    >>> header = ["", *(f"X{i}" for i in range(1, 179)), "y"]
    >>> rows = [header, ["X21.V1.791", *["7"] * 178, "4"], ["X3.V1.924", *["9"] * 178, "1"]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "data.csv"
    ...     _ = file.write_text("\n".join(",".join(row) for row in rows))
    ...     chunks = read_seizure_csv(file)
    >>> chunks.data.shape, chunks.target.tolist(), chunks.groups.tolist(), chunks.chunk.tolist()
    ((2, 1, 178), [4, 1], ['V1.791', 'V1.924'], [21, 3])
    """
    owner = "read_seizure_csv"
    check_option(labels, name="labels", owner=owner, options=LABELS)
    file = _check_file(path, owner=owner, source=_SEIZURE_SOURCE)
    n_columns = CHUNK + 2
    header = _read_cells(file, owner, nrows=1)
    meaning = f"an id, {CHUNK} samples and a label"
    _check_width(header, n_columns, meaning, file, owner)
    expected = [f"X{i}" for i in range(1, CHUNK + 1)] + ["y"]
    if header.iloc[0, 1:].tolist() != expected:
        raise DataError(
            f"The 'path' parameter of {owner} must be a table with the header X1, ..., X{CHUNK}, y "
            f"after the id. Got {', '.join(header.iloc[0, 1:4])}, ... in {str(file)!r} instead. "
            "Read the original table."
        )
    table = _read_below(file, owner, text_columns=1, header_rows=1)
    _check_width(table, n_columns, meaning, file, owner)
    data, column = _split_columns(table, file, owner, text_columns=1, header_rows=1)
    target = _check_labels(column, UCI_NAMES, file, owner)
    target, target_names = name_labels(target, labels)
    chunk, groups = _split_ids(table.iloc[:, 0], file, owner)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=target_names,
        groups=groups,
        chunk=chunk,
        sampling_rate=SAMPLING_RATE,
        DESCR=SEIZURE_DESCR,
    )


def _check_file(path: str | os.PathLike[str], *, owner: str, source: str) -> Path:
    """Return the path, or raise an OSError that says where to get the file."""
    file = check_path(path, name="path", owner=owner)
    if file.is_file():
        return file
    problem = IsADirectoryError if file.is_dir() else FileNotFoundError
    raise problem(
        f"The 'path' parameter of {owner} must be a CSV file. There is none at {str(path)!r}. "
        f"Download it by hand: {source}."
    )


def _read_cells(file: Path, owner: str, nrows: int | None = None) -> pd.DataFrame:
    """Read the table as text, the header like any row."""
    _check_first_line(file, owner)
    try:
        with open_bounded(file) as stream:
            return pd.read_csv(stream, header=None, dtype=str, keep_default_na=False, nrows=nrows)
    except DataError:
        raise
    except ValueError as error:  # empty, of several widths, or no text at all
        raise _unreadable(file, owner, error) from error


def _check_first_line(file: Path, owner: str) -> None:
    """Raise a DataError for a line that no table of this kind has, before it is parsed."""
    with open_bounded(file) as stream:
        if len(stream.readline(_MAX_LINE)) == _MAX_LINE:
            raise _unreadable(file, owner, f"its first line has more than {_MAX_LINE} bytes")


def _read_below(file: Path, owner: str, *, text_columns: int, header_rows: int) -> pd.DataFrame:
    """Read the table below its header: columns of text, then columns of float32."""
    kinds: Any = defaultdict(lambda: np.float32, dict.fromkeys(range(text_columns), str))
    try:
        with open_bounded(file) as stream:
            return pd.read_csv(stream, header=None, dtype=kinds, skiprows=header_rows)
    except DataError:
        raise
    except pd.errors.EmptyDataError as error:
        raise _unreadable(file, owner, "there is no row below the header") from error
    except pd.errors.ParserError as error:
        raise _unreadable(file, owner, error) from error
    except ValueError as error:  # does not say where
        raise _bad_cell(file, owner, text_columns, header_rows) from error


def _split_columns(
    table: pd.DataFrame, file: Path, owner: str, *, text_columns: int, header_rows: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the signals, of shape (n_samples, 1, n_timesteps), and the labels."""
    data = np.ascontiguousarray(table.iloc[:, text_columns:-1].to_numpy(dtype=np.float32))
    labels = table.iloc[:, -1].to_numpy(dtype=np.float32)
    if not (np.isfinite(data).all() and np.isfinite(labels).all()):
        raise _bad_cell(file, owner, text_columns, header_rows)
    return data[:, np.newaxis], labels


def _bad_cell(file: Path, owner: str, text_columns: int, header_rows: int) -> DataError:
    """Return the error for the first cell that is no finite number, after reading all as text."""
    cells = _read_cells(file, owner).iloc[header_rows:, text_columns:]
    numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float32)
    wrong = np.argwhere(~np.isfinite(numbers))
    if not len(wrong):
        return _unreadable(file, owner, "a cell is no number")
    row, column = wrong[0]
    cell = cells.iloc[row, column]
    return DataError(
        f"The 'path' parameter of {owner} must be a table of finite numbers. Got "
        f"{cell if isinstance(cell, str) else ''!r} in row {row + 1}, column "
        f"{text_columns + column + 1} of {str(file)!r} instead. Correct or drop this row."
    )


def _unreadable(file: Path, owner: str, reason: object) -> DataError:
    return DataError(
        f"The 'path' parameter of {owner} must be a CSV file with rows of one width. Could not "
        f"read {str(file)!r}: {reason}. Download it again."
    )


def _check_width(cells: pd.DataFrame, n_columns: int, meaning: str, file: Path, owner: str) -> None:
    """Raise a DataError unless the table has `n_columns`."""
    if cells.shape[1] != n_columns:
        raise DataError(
            f"The 'path' parameter of {owner} must be a table of {n_columns} columns: {meaning}. "
            f"Got {cells.shape[1]} columns in {str(file)!r} instead. Read the original table, "
            "separated by commas."
        )


def _check_labels(
    labels: NDArray[np.float32], allowed: Collection[int], file: Path, owner: str
) -> NDArray[np.int64]:
    """Return the labels as integers, or raise a DataError for the first that is not allowed."""
    wrong = np.flatnonzero(~np.isin(labels, list(allowed)))
    if len(wrong):
        raise DataError(
            f"The labels in the last column must be one of {', '.join(map(str, allowed))}. Got "
            f"{labels[wrong[0]]:g} in row {wrong[0] + 1} of {str(file)!r} instead, and "
            f"{len(wrong)} such rows in all. Give {owner} the original table, or the 'labels' "
            "that fit."
        )
    return labels.astype(np.int64)


def _split_ids(
    ids: pd.Series, file: Path, owner: str
) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return the number of the chunk, and the name of the segment, of ids such as X21.V1.791."""
    parts = ids.str.extract(r"^X(\d+)\.(V.+)$")
    wrong = np.flatnonzero(parts.isna().any(axis=1))
    if len(wrong):
        raise DataError(
            f"The ids in the first column must be like 'X21.V1.791'. Got {ids.iloc[wrong[0]]!r} in "
            f"row {wrong[0] + 1} of {str(file)!r} instead, and {len(wrong)} such rows in all. Give "
            f"{owner} the original table: the ids tell which chunks belong to one segment."
        )
    return parts[0].to_numpy(dtype=np.int64), parts[1].to_numpy(dtype=str)
