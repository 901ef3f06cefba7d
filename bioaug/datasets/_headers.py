"""Headers of WFDB records, checked before wfdb reads them: segments, lengths and units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from bioaug.datasets._wfdb import WfdbHeader, import_wfdb, quiet
from bioaug.exceptions import DataError

MAX_HEADER_BYTES = 2**24
MAX_SIGNALS = 4096
MAX_SAMPLES = 2**29  # of one record: 17 days at 360 Hz
UNITS = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "nV": 1e-6}  # in millivolts
_BYTES = {  # of a sample, by format; FLAC has no fixed number
    **dict.fromkeys(("8", "80"), Fraction(1)),
    **dict.fromkeys(("16", "61", "160"), Fraction(2)),
    "24": Fraction(3),
    "32": Fraction(4),
    "212": Fraction(3, 2),
    **dict.fromkeys(("310", "311"), Fraction(4, 3)),
}
_NULL = "~"  # the name of a segment in which nothing was recorded

_SIGNAL = re.compile(
    r"\S+\s+\S+(?:\s+(?P<gain>[-+]?[\d.]*(?:[eE][-+]?\d+)?)(?:\(-?\d*\))?(?:/(?P<unit>\S+))?)?"
)
_GAIN = re.compile(r"[-+]?[\d.]*(?:[eE][-+]?\d+)?(?:\(-?\d*\))?(?:/\S+)?")


class Unit(NamedTuple):
    """What the values of one signal are in, and how they become millivolts where they can."""

    name: str
    factor: float
    is_calibrated: bool  # else the gain is 0 or missing, and WFDB takes 200 per millivolt


class Segment(NamedTuple):
    """A part of a record with files of its own."""

    path: Path
    start: int
    length: int
    leads: list[str]
    units: list[Unit]
    formats: list[str]


class Header(NamedTuple):
    """One record: its rate in Hz, its length in samples, its leads, and where they are stored."""

    path: Path
    rate: float
    n_timesteps: int
    leads: list[str]
    segments: list[Segment]  # without null segments
    has_rate: bool = True  # else WFDB takes 250 Hz


def read_header(path: Path) -> Header:
    """Read and check the header of one record, of one segment or several.

    Parameters
    ----------
    path : pathlib.Path
        The record's files without their suffixes.

    Raises
    ------
    DataError
        If it names files elsewhere, or more signals or samples than there are.
    OSError
        If it, or a file that it names, is missing.
    """
    lines, header = _read_lines(path)
    rate = float(header.fs)
    if not (math.isfinite(rate) and rate > 0):
        raise _wrong(path, "must give a positive sampling rate", f"{header.fs} Hz")
    has_rate = len(lines[0].split()) > 2
    if not hasattr(header, "seg_name"):
        segment = _read_segment(path, lines, header, start=0)
        return Header(path, rate, segment.length, segment.leads, [segment], has_rate)
    lengths = [int(length) for length in header.seg_len]
    n_timesteps = sum(lengths)
    if header.sig_len not in (None, 0, n_timesteps):
        raise _wrong(path, "must be as long as its segments", f"{header.sig_len} samples")
    segments, leads, start = [], [], 0
    for name, length in zip(header.seg_name, lengths, strict=True):
        if name != _NULL:
            inner_lines, inner = _read_lines(path.with_name(name))
            if hasattr(inner, "seg_name"):
                raise _wrong(path, "must have segments of one part each", f"{name!r}")
            if inner.fs != header.fs:
                raise _wrong(path, "must have segments of its own rate", f"{inner.fs} Hz in {name}")
            if length:
                segment = _read_segment(path.with_name(name), inner_lines, inner, start, length)
                segments.append(segment)
                leads = leads or segment.leads
            else:  # the layout, which names the leads of all
                leads = _lead_names(inner)
        start += length
    if sum(segment.length for segment in segments) > MAX_SAMPLES or not segments:
        raise _wrong(path, f"must have 1 to {MAX_SAMPLES} samples in its segments", "others")
    return Header(path, rate, n_timesteps, leads, segments, has_rate)


def _read_lines(path: Path) -> tuple[list[str], WfdbHeader]:
    """Return the lines of a header without comments, and what wfdb makes of them."""
    file = path.with_name(f"{path.name}.hea")
    if not file.is_file():
        raise FileNotFoundError(f"The WFDB record {str(path)!r} needs the header {file.name!r}.")
    if file.stat().st_size > MAX_HEADER_BYTES:
        raise _wrong(path, f"must have at most {MAX_HEADER_BYTES} bytes", file.stat().st_size)
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise _wrong(path, "must have a line for the record", "none")
    _check_names(path, lines)
    with quiet():
        header: WfdbHeader = import_wfdb().rdheader(str(path))
    _check_numbers(path, lines[0], header)
    is_multiple = hasattr(header, "seg_name")
    n_lines = header.n_seg if is_multiple else header.n_sig
    if len(lines) - 1 != n_lines:
        raise _wrong(path, f"must describe as many signals or segments as it counts ({n_lines})",
                     f"{len(lines) - 1} lines")  # fmt: skip
    if header.n_sig < 1 or (not is_multiple and n_lines > MAX_SIGNALS):
        raise _wrong(path, f"must have from 1 to {MAX_SIGNALS} signals", header.n_sig)
    return lines, header


def _check_numbers(path: Path, line: str, header: WfdbHeader) -> None:
    """Raise a DataError where wfdb takes the rate or the length for another number, as of 1e3."""
    fields = line.split()
    for field, read, what in ((2, header.fs, "sampling rate"), (3, header.sig_len, "length")):
        if len(fields) > field and read is not None:
            written = fields[field].partition("/")[0].partition("(")[0]
            try:
                is_same = float(written) == read
            except ValueError:
                is_same = False
            if not is_same:
                raise _wrong(
                    path, f"must give its {what} as a number without exponent", repr(fields[field])
                )


def _check_names(path: Path, lines: Iterable[str]) -> None:
    """Raise a DataError where a header names a file outside its own folder."""
    first, *others = (line.split()[0] for line in lines)
    for name in (first.rpartition("/")[0] or first, *others):
        if name in ("", ".", "..", "-") or re.search(r"[/\\:\0]", name):
            raise _wrong(path, "must name files in its own folder", repr(name))


def _read_segment(
    path: Path, lines: list[str], header: WfdbHeader, start: int, length: int | None = None
) -> Segment:
    """Return the one segment that a header describes; `length` is what the whole record says."""
    own = header.sig_len
    if own == 0:
        raise _wrong(
            path, "must count its samples, or leave out the count and all after it", "0 samples"
        )
    if None not in (own, length) and own != length:
        raise _wrong(path, f"must have the {length} samples that its record counts", own)
    stored = _stored_samples(path, header)
    length = own or length or stored
    if length is None:
        raise _wrong(path, "must count its samples, as its format has no fixed size", "no count")
    if length > MAX_SAMPLES:
        raise _wrong(path, f"must have at most {MAX_SAMPLES} samples", length)
    if stored is not None and length > stored:
        raise _wrong(path, f"must have files with its {length} samples", f"files with {stored}")
    for line in lines[1:]:
        _check_gain(path, line)
    units = [_unit(line) for line in lines[1:]]
    for gain in header.adc_gain:
        if not 1e-12 < abs(gain) < 1e12:
            raise _wrong(path, "must have gains from 1e-12 to 1e12", f"{gain:g}")
    return Segment(path, start, int(length), _lead_names(header), units, list(header.fmt))


def _stored_samples(path: Path, header: WfdbHeader) -> int | None:
    """Return how many samples the shortest file of a record holds; None where nobody can tell."""
    n_samples = []
    for name in dict.fromkeys(header.file_name):
        file = path.with_name(name)
        if not file.is_file():
            raise FileNotFoundError(f"The WFDB record {str(path)!r} needs the file {name!r}.")
        of_file = [c for c, other in enumerate(header.file_name) if other == name]
        width = _BYTES.get(str(header.fmt[of_file[0]]))
        if width is not None:
            frame = width * sum(int(header.samps_per_frame[c] or 1) for c in of_file)
            offset = int(header.byte_offset[of_file[0]] or 0)
            n_samples.append(int(max(file.stat().st_size - offset, 0) // frame))
    if not n_samples or len(n_samples) < len(set(header.file_name)):
        return None
    return min(n_samples)


def _lead_names(header: WfdbHeader) -> list[str]:
    """Return the names of the signals; a signal without one is called by its number."""
    names = header.sig_name or []
    return [name or f"signal {number}" for number, name in enumerate(names)]


def _check_gain(path: Path, line: str) -> None:
    """Raise a DataError where wfdb reads a part of the gain and takes the rest for a name."""
    _, _, gain, after = [*line.split()[:4], "", "", "", ""][:4]
    if not _GAIN.fullmatch(gain) or after.startswith(("(", "/")):
        raise _wrong(
            path, "must give gains in one word, such as 200 or 200(0)/mV", repr(f"{gain} {after}")
        )


def _unit(line: str) -> Unit:
    """Return the unit of a signal from its line, which wfdb reads without letters such as µ."""
    match = _SIGNAL.match(line)
    gain, written = (match["gain"], match["unit"]) if match else (None, None)
    try:
        is_calibrated = float(gain or 0) != 0
    except ValueError:
        is_calibrated = False
    name = (
        (written or "mV").replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    )
    for known, factor in UNITS.items():
        if name.casefold() == known.casefold():
            return Unit("mV", factor, is_calibrated)
    return Unit(name, 1.0, is_calibrated)


def _wrong(path: Path, rule: str, given: object) -> DataError:
    return DataError(
        f"The WFDB record {str(path)!r} {rule}. Got {given} instead. Correct its header, or copy "
        "the record again."
    )
