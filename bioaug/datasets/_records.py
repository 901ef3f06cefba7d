"""Annotated beats of WFDB records, and the windows around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.core.user_warnings import warn_user
from bioaug.datasets._annotations import AAMI_CLASS, read_annotations
from bioaug.datasets._headers import Header, Segment, Unit
from bioaug.datasets._wfdb import import_wfdb
from bioaug.datasets._windows import cut_windows, fill_gaps, subtract_baseline, whole_windows
from bioaug.exceptions import DataError


class Beats(NamedTuple):
    """The beats of one record that have a complete window, and the leads to read."""

    header: Header
    leads: list[str]
    window: tuple[int, int]  # at the rate of the record
    peaks: NDArray[np.int64]
    symbols: NDArray[np.str_]
    rr: NDArray[np.float32]
    left_out: Counter[str]  # how many annotations were, and why

    @property
    def path(self) -> Path:
        """The record's files without their suffixes."""
        return self.header.path

    def of(self, rows: NDArray[np.bool_]) -> Beats:
        """Return those of `rows`; the others lack samples."""
        left_out = self.left_out + Counter({_GAPS: int((~rows).sum())})
        kept = {name: getattr(self, name)[rows] for name in ("peaks", "symbols", "rr")}
        return self._replace(**kept, left_out=left_out)


_GAPS = "missing samples in their window"
_PAST = "a time past the end of the signals, as on another clock"
_CONFLICTS = "channels that disagree on their symbol"


def read_beats(
    header: Header,
    wanted: Sequence[str],
    window: tuple[int, int],
    *,
    first_lead_instead: bool,
) -> Beats | None:
    """Read the beats of one record, or return None where it lacks a wanted lead.

    Parameters
    ----------
    header : Header
    wanted : sequence of str
        Names of the leads.
    window : tuple of two int
        Samples that a beat must have before and from its R peak on.
    first_lead_instead : bool
        Whether the record's first lead replaces a wanted one that is missing.
    """
    leads = list(wanted)
    if not set(leads) <= set(header.leads):
        if not first_lead_instead:
            return None
        leads = header.leads[:1]
    annotations = read_annotations(header.path, header.rate)
    rr = rr_intervals(annotations.peaks / header.rate, annotations.n_flutters)
    complete = (annotations.peaks >= window[0]) & (
        annotations.peaks + window[1] <= header.n_timesteps
    )
    left_out = Counter(f"the unknown symbol {symbol!r}" for symbol in annotations.unknown)
    left_out[_PAST] = int((annotations.peaks >= header.n_timesteps).sum())
    left_out[_CONFLICTS] = annotations.n_conflicts
    return Beats(
        header=header,
        leads=leads,
        window=window,
        peaks=annotations.peaks[complete],
        symbols=annotations.symbols[complete],
        rr=rr[complete],
        left_out=+left_out,
    )


def warn_of_left_out(records: Sequence[Beats]) -> None:
    """Warn of annotations that were left out, with their numbers by reason."""
    total = sum((beats.left_out for beats in records), Counter[str]())
    if total:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in total.most_common())
        names = [beats.path.name for beats in records if beats.left_out]
        warn_user(
            f"{total.total()} annotations are left out, because of {reasons}. They are in "
            f"{len(names)} of {len(records)} records ({', '.join(names[:10])}"
            f"{', ...' if len(names) > 10 else ''}).",
        )


def rr_intervals(times: NDArray[np.floating], n_flutters: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the RR interval before, after, and before / median for every beat of a record.

    Parameters
    ----------
    times : ndarray of shape (n_beats,)
        When the R peaks are, in seconds.
    n_flutters : ndarray of shape (n_beats,)
        How many episodes of ventricular flutter, which has no beats, began before each.

    Returns
    -------
    rr : ndarray of shape (n_beats, 3)
        In seconds, the last one relative. An interval that is missing is replaced by the median.
        All are NaN where there are no two beats without flutter between them.
    """
    rr = np.diff(times)
    is_missing = np.diff(n_flutters) > 0
    if is_missing.all():
        return np.full((len(times), 3), np.nan, np.float32)
    median = np.median(rr[~is_missing])
    rr[is_missing] = median
    before, after = np.r_[median, rr], np.r_[rr, median]
    return np.stack([before, after, before / median], axis=1).astype(np.float32)


def read_signals(
    records: Sequence[Beats], window: tuple[int, int], new_rate: float, remove_baseline: bool
) -> tuple[NDArray[np.float32], list[Beats]]:
    """Read the windows of all records into one array, so that nothing is held twice.

    Parameters
    ----------
    records : sequence of Beats
    window : tuple of two int
        Samples before and from the R peak on, counted at `new_rate`.
    new_rate : float
        Sampling rate of the windows, in Hz.
    remove_baseline : bool

    Returns
    -------
    windows : ndarray of shape (n_samples, n_leads, sum(window))
        In millivolts where the records give a voltage.
    kept : list of Beats
        The beats whose windows have all their samples, in the order of the rows.
    """
    n_samples = sum(len(beats.peaks) for beats in records)
    windows = np.empty((n_samples, len(records[0].leads), sum(window)), dtype=np.float32)
    start, kept = 0, []
    for beats in records:
        is_whole = np.zeros(len(beats.peaks), dtype=bool)
        for begin, signals in _read_runs(beats.header, beats.leads):
            rates = {"rate": beats.header.rate, "new_rate": new_rate}
            peaks = beats.peaks - begin
            is_missing = np.asarray(np.isnan(signals).any(axis=1))
            inside = whole_windows(peaks, window, is_missing, own_window=beats.window, **rates)
            stop = start + int(inside.sum())
            for channel in range(len(beats.leads) if stop > start else 0):
                signal = fill_gaps(signals[:, channel])
                if remove_baseline:
                    signal = subtract_baseline(signal, beats.header.rate)
                windows[start:stop, channel] = cut_windows(signal, peaks[inside], window, **rates)
            is_whole |= inside
            start = stop
        kept.append(beats.of(is_whole))
    return windows[:start], kept


def _read_runs(header: Header, leads: Sequence[str]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield where each part without null segments begins, and its signals, NaN where missing."""
    runs: list[list[Segment]] = []
    for segment in header.segments:
        if runs and runs[-1][-1].start + runs[-1][-1].length == segment.start:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    for run in runs:
        parts = [_read_segment(segment, leads) for segment in run]
        yield run[0].start, parts[0] if len(parts) == 1 else np.concatenate(parts)


def _read_segment(segment: Segment, leads: Sequence[str]) -> NDArray[np.float32]:
    """Return the signals of one segment by their names, in millivolts where it gives a voltage."""
    signals = np.full((segment.length, len(leads)), np.nan, dtype=np.float32)
    # By name: record 114 of MIT-BIH has its two leads the other way round.
    present = {lead: segment.leads.index(lead) for lead in leads if lead in segment.leads}
    if present:
        positions = list(present.values())
        wide = {"24", "32", "524"} & {segment.formats[position] for position in positions}
        read = import_wfdb().rdrecord(
            str(segment.path), channels=positions, return_res=64 if wide else 32
        )
        for column, (lead, position) in enumerate(present.items()):
            factor = segment.units[position].factor
            signal = read.p_signal[:, column]
            signals[:, list(leads).index(lead)] = signal if factor == 1 else signal * factor
    return signals


def check_units(records: Sequence[Beats], *, owner: str) -> list[str]:
    """Return the unit of each lead, in which all records are read.

    Raises
    ------
    DataError
        If records give units that do not become one another, such as mV and NU.
    """
    units = []
    for lead in range(len(records[0].leads)):
        by_unit: dict[str, list[str]] = {}
        for beats in records:
            for name in {unit.name for unit in _units_of(beats, lead)}:
                by_unit.setdefault(name, []).append(beats.path.name)
        if len(by_unit) > 1:
            given = "; ".join(
                f"{name} in {len(of)} records ({', '.join(of[:5])}{', ...' if len(of) > 5 else ''})"
                for name, of in by_unit.items()
            )
            raise DataError(
                f"The records of {owner} must have units that can be converted. Got {given}. Read "
                "those of one unit at a time, by 'records'."
            )
        units.append(next(iter(by_unit), "mV"))
    _warn_without_gain(records)
    return units


def _warn_without_gain(records: Sequence[Beats]) -> None:
    """Warn of records whose amplitudes are a guess."""
    guessed = [
        beats.path.name
        for beats in records
        if not all(
            unit.is_calibrated for p in range(len(beats.leads)) for unit in _units_of(beats, p)
        )
    ]
    if guessed:
        mixed = " Other records are calibrated." if len(guessed) < len(records) else ""
        warn_user(
            f"{len(guessed)} of {len(records)} records have no gain (0) in their headers, and are "
            "read at the default of WFDB, 200 steps per unit, so that amplitudes may be wrong."
            f"{mixed} Scale them, or choose others: {', '.join(guessed[:10])}"
            f"{', ...' if len(guessed) > 10 else ''}.",
        )


def _units_of(beats: Beats, index: int) -> list[Unit]:
    """Return the units of one of the leads in all segments."""
    lead = beats.leads[index]
    return [
        segment.units[segment.leads.index(lead)]
        for segment in beats.header.segments
        if lead in segment.leads
    ]


def class_of_each_beat(records: Sequence[Beats], labels: str) -> NDArray[np.str_]:
    """Return the AAMI class of every beat, or its symbol where `labels` is "symbols"."""
    symbols = np.concatenate([beats.symbols for beats in records])
    if labels == "symbols":
        return symbols
    return np.array([AAMI_CLASS[symbol] for symbol in symbols])


def origin_of_each_beat(records: Sequence[Beats], names: Sequence[str]) -> dict[str, NDArray]:
    """Return the fields that tell where every row comes from; `names` are those of the records."""
    return {
        "record": for_each_row(names, records),
        "sample": np.concatenate([beats.peaks for beats in records]),
        "lead": for_each_row([beats.leads for beats in records], records),
    }


def for_each_row(values: Sequence[object], records: Sequence[Beats]) -> NDArray:
    """Repeat one value per record for each of its beats."""
    return np.repeat(np.array(values), [len(beats.peaks) for beats in records], axis=0)
