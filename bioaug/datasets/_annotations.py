"""Beat annotations of WFDB records, and the AAMI classes of their symbols."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.datasets._wfdb import import_wfdb, quiet
from bioaug.exceptions import DataError

# ANSI/AAMI EC57: the classes and, for each, all beat symbols of WFDB. Escape beats (e, j, n) are N
# as in the literature on MIT-BIH; R-on-T beats (r) are ventricular premature; beats not classified
# while an annotator learned (?) are Q.
AAMI_SYMBOLS = {"N": "NLRBejn", "S": "AaJS", "V": "VEr", "F": "F", "Q": "/fQ?"}
AAMI_CLASS = {symbol: name for name, symbols in AAMI_SYMBOLS.items() for symbol in symbols}
FLUTTER_BEGINS = "["
_NOT_BEATS = frozenset(' ~|sT*D"=p^t+u![]@x()')  # rhythm, noise, waves, artefacts and comments

SAME_BEAT_SECONDS = 0.1  # annotations of two channels at a shorter distance are one beat

_NOTE = re.compile(rb"(.)\xfc(?=## )", re.DOTALL)  # its length, AUX, and what defines something
_RESOLUTION = re.compile(rb"## time resolution: \d[\d.]*\s*\0*")
_KNOWN_NOTES = (b"## annotation type definitions", b"## end of definitions")


class Annotations(NamedTuple):
    """The beats of one record, on the clock of its signals, each once and in the order of time."""

    peaks: NDArray[np.int64]
    symbols: NDArray[np.str_]
    n_flutters: NDArray[np.int64]  # how many episodes of ventricular flutter began before each
    unknown: list[str]  # symbols that are left out, one for each annotation
    n_conflicts: int  # beats left out as channels disagree on their symbol


def read_annotations(path: Path, rate: float) -> Annotations:
    """Read the reference annotations (.atr) of one record.

    Parameters
    ----------
    path : pathlib.Path
        The record's files without their suffixes.
    rate : float
        Sampling rate of the signals, in Hz. Annotations may have a time resolution of their own.
    """
    _check_notes(path.with_name(f"{path.name}.atr"))
    with quiet():
        read = import_wfdb().rdann(str(path), "atr")
    clock = float(rate if read.fs is None else read.fs)
    if not clock > 0:
        raise DataError(
            f"The annotations of {str(path)!r} must have a positive time resolution. Got "
            f"{clock:g} Hz. Correct or download them again."
        )
    order = np.argsort(read.sample, kind="stable")
    times = read.sample[order] / clock
    symbols = np.array([str(symbol) for symbol in read.symbol], dtype=str)[order]
    is_beat = np.isin(symbols, list(AAMI_CLASS))
    n_flutters = np.cumsum(symbols == FLUTTER_BEGINS)
    unknown = symbols[~is_beat & ~np.isin(symbols, list(_NOT_BEATS))].tolist()
    beats = np.flatnonzero(is_beat)
    kept, n_conflicts = _once_each(beats, times, symbols, read.chan[order])
    peaks = np.rint(times[kept] * rate).astype(np.int64)
    return Annotations(peaks, symbols[kept], n_flutters[kept], unknown, n_conflicts)


def _once_each(
    beats: NDArray[np.int64],
    times: NDArray[np.floating],
    symbols: NDArray[np.str_],
    channels: NDArray[np.int64],
) -> tuple[NDArray[np.int64], int]:
    """Return the first annotation of each beat, and how many beats have two different symbols."""
    kept: list[int] = []
    seen: set[int] = set()  # the channels that annotate the last beat
    conflicts: set[int] = set()
    for beat in beats.tolist():
        if kept:
            gap = times[beat] - times[kept[-1]]
            if gap == 0 or (gap < SAME_BEAT_SECONDS and int(channels[beat]) not in seen):
                seen.add(int(channels[beat]))
                if symbols[beat] != symbols[kept[-1]]:
                    conflicts.add(kept[-1])
                continue
        kept.append(beat)
        seen = {int(channels[beat])}
    agreed = [beat for beat in kept if beat not in conflicts]
    return np.array(agreed, dtype=np.int64), len(conflicts)


def _check_notes(file: Path) -> None:
    """Raise a DataError for definitions that wfdb would read again and again, without an end."""
    content = file.read_bytes()
    n_resolutions = 0
    for match in _NOTE.finditer(content):
        note = content[match.end() : match.end() + match[1][0]]
        n_resolutions += _RESOLUTION.fullmatch(note) is not None
        known = note.rstrip(b"\0") in _KNOWN_NOTES or _RESOLUTION.fullmatch(note)
        if not known or n_resolutions > 1:
            raise DataError(
                f"The annotations in {str(file)!r} must define a time resolution once, and types "
                f"of annotations, in notes that begin with '## '. Got {note!r}. Correct or "
                "download them again."
            )
