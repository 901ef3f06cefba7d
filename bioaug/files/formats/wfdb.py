"""WFDB records, or folders of them: their annotated beats."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bioaug.datasets.recordings import read_wfdb
from bioaug.files._format import FileFormat, Option, SignalArrays

_SUFFIXES = (".hea", ".dat", ".atr")
_OPTIONS = (
    Option(
        "records",
        "--records",
        "of a WFDB folder: names, or DS1 or DS2, the halves of MIT-BIH; default: all",
        {"nargs": "+", "metavar": "RECORD"},
    ),
    Option(
        "leads",
        "--leads",
        "of WFDB; default: MLII, or else the first",
        {"nargs": "+", "metavar": "LEAD"},
    ),
    Option(
        "window",
        "--window",
        "samples before the R peak and from it on; default: 90 110 at 360 Hz",
        {"nargs": 2, "type": int, "metavar": ("BEFORE", "AFTER")},
    ),
    Option(
        "sampling_rate",
        "--resample",
        "WFDB beats to this rate",
        {"type": float, "metavar": "HZ"},
    ),
    Option("labels"),
)


def _read(file: Path, labelled: bool, **options: Any) -> SignalArrays:
    beats = read_wfdb(file, **options)
    y = beats.target if labelled else None
    return SignalArrays(beats.data, y, beats.groups, sampling_rate=beats.sampling_rate)


def _recognises(file: Path) -> bool:
    # Not Path.is_file, which raises where a name is too long.
    if file.is_dir() or os.path.isfile(file.with_name(f"{file.name}.hea")):
        return True
    suffix = file.suffix.lower()
    return suffix in _SUFFIXES or (not suffix and not file.is_file())


FORMAT = FileFormat(
    kind="WFDB records",
    description="a WFDB record, or a folder of them, whose annotated beats are cut out",
    suffixes=_SUFFIXES,
    read=_read,
    options=_OPTIONS,
    recognises=_recognises,
    needs_file=False,
)
