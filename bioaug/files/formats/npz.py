"""Archives of arrays (.npz): headers and sizes are checked before anything is read."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bioaug.core.bounded import DAMAGED, max_bytes
from bioaug.core.user_warnings import own_filters
from bioaug.exceptions import DataError
from bioaug.files._cells import labels_from_array, mask_from_cells
from bioaug.files._format import FileFormat, SignalArrays

_NAMES = ("X", "y", "groups", "synthetic")
_DAMAGED = (*DAMAGED, ValueError, KeyError, TypeError, RuntimeError, OSError, SyntaxError, Warning)
_BY_WORD = {name.casefold(): name for name in _NAMES}


def _read(file: Path, labelled: bool) -> SignalArrays:
    """Read the arrays X, y, groups and synthetic, those that there are.

    Raises
    ------
    DataError
        If one is missing, damaged, encrypted, larger than it can be, of objects, or too short.
    """
    with file.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = _find_members(archive, file, labelled)
                arrays = {name: _read_member(archive, info, file) for name, info in members.items()}
        except DataError:
            raise
        except _DAMAGED as error:
            raise _unreadable(file, error) from error
    X = arrays["X"]
    if X.ndim == 0 or X.dtype.kind not in "biuf":
        raise _unreadable(file, f"'X' holds {X.dtype} of shape {X.shape}, and not numbers in rows")
    per_row = {
        name: _of_rows(arrays[name], name, len(X), file)
        for name in ("y", "groups", "synthetic")
        if name in arrays and (labelled or name != "y")
    }
    synthetic = per_row.get("synthetic")
    if synthetic is not None and synthetic.dtype.kind != "b":
        cells = [str(value) for value in synthetic.tolist()]
        synthetic = mask_from_cells(cells, range(len(cells)), file, unit="row")
    return SignalArrays(X, per_row.get("y"), per_row.get("groups"), synthetic=synthetic)


def _write(file: Path, X: NDArray, per_row: Mapping[str, NDArray]) -> None:
    with file.open("wb") as stream:
        np.savez(stream, allow_pickle=False, X=X, **per_row)


def _find_members(
    archive: zipfile.ZipFile, file: Path, labelled: bool
) -> dict[str, zipfile.ZipInfo]:
    """Return the wanted members by their names."""
    infos = archive.infolist()
    members: dict[str, zipfile.ZipInfo] = {}
    written = {info.filename.removesuffix(".npy") for info in infos}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name not in _NAMES:  # such as Synthetic, which would be read as all real
            name = _BY_WORD.get(name.casefold(), name)
            if name in written:
                continue
        if name in _NAMES and members.setdefault(name, info) is not info:
            raise _unreadable(file, f"it holds {name!r} more than once")
    for name in ("X", "y") if labelled else ("X",):
        if name not in members:
            names = sorted(info.filename.removesuffix(".npy") for info in infos)
            raise DataError(
                f"The 'path' parameter of read_arrays must be a .npz file with the array {name!r}. "
                f"Got {', '.join(names[:20]) or 'none'} in {str(file)!r} instead. Save it by "
                "np.savez(file, X=X, y=y), or say that there are no labels."
            )
    return members


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path) -> NDArray:
    """Read one array after a look at its header, and its checksum at the end."""
    if info.flag_bits & 1:
        raise _unreadable(file, f"{info.filename!r} is encrypted")
    size = file.stat().st_size
    if info.compress_size > size or info.file_size > max_bytes(info.compress_size):
        raise _unreadable(file, f"{info.filename!r} expands to {info.file_size} bytes")
    with archive.open(info) as stream:
        shape, dtype, n_before = _read_header(stream)
    if dtype.hasobject:
        raise _unreadable(file, f"{info.filename!r} holds objects")
    if dtype.kind not in "biufSU" or dtype.fields is not None:
        raise _unreadable(file, f"{info.filename!r} holds {dtype}, and neither numbers nor text")
    if n_before + math.prod(shape) * dtype.itemsize != info.file_size:
        raise _unreadable(file, f"{info.filename!r} is not as long as its header says")
    with archive.open(info) as stream:
        array = npy.read_array(stream, allow_pickle=False)
        stream.read(1)  # at the end, the checksum is compared
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(shape)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return the shape and the type of an array, and the size of its header in bytes."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the .npy format is not for numbers and text")
    with own_filters():
        warnings.simplefilter("error")  # a header that needs repair
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    return shape, dtype, stream.tell()


def _of_rows(values: NDArray, name: str, n_samples: int, file: Path) -> NDArray:
    """Return an array with one value for each row, a column of them included."""
    if values.ndim == 2 and values.shape in ((n_samples, 1), (1, n_samples)):
        values = values.ravel()
    rule = f"The array {name!r} in {str(file)!r} must hold one value for each row of 'X'."
    if values.shape != (n_samples,):
        raise DataError(f"{rule} Got shape {values.shape} for {n_samples} rows. Save it again.")
    return labels_from_array(values, name=name, rule=rule)


def _unreadable(file: Path, reason: object) -> DataError:
    return DataError(
        f"The 'path' parameter of read_arrays must be a .npz file of plain arrays. Could not read "
        f"{str(file)!r}: {reason}. Save numbers and text, as in np.savez(file, X=X, "
        "y=y.astype(str)); objects would have to be unpickled, which is not safe."
    )


FORMAT = FileFormat(
    kind="archives",
    description="a .npz file with the arrays X, y and, where patients are known, groups",
    suffixes=(".npz",),
    read=_read,
    write=_write,
    written_suffixes=(".npz",),
)
