"""Reads WFDB records: their annotated beats first, then the windows around them."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.datasets._windows import cut_windows, subtract_baseline

FLUTTER_BEGINS = "["


class Beats(NamedTuple):
    """The beats of one record that have a complete window, and the leads to read."""

    path: Path
    leads: list[str]
    rate: float
    peaks: NDArray[np.int64]
    symbols: NDArray[np.str_]
    rr: NDArray[np.float32]


def read_beats(
    path: Path,
    wanted: Sequence[str],
    window: tuple[int, int],
    *,
    beat_symbols: Collection[str],
    first_lead_instead: bool,
) -> Beats | None:
    """Read the beats of one record, or return None where it lacks a wanted lead.

    Parameters
    ----------
    path : pathlib.Path
        The record's files without their suffixes.
    wanted : sequence of str
        Names of the leads.
    window : tuple of two int
        Samples that a beat must have before and from its R peak on.
    beat_symbols : collection of str
        Annotations that are beats; the others mark rhythm and noise.
    first_lead_instead : bool
        Whether the record's first lead stands in where a wanted one is missing.
    """
    header, annotation = _read_annotation(path)
    leads = list(wanted)
    if not set(leads) <= set(header.sig_name):
        if not first_lead_instead:
            return None
        leads = header.sig_name[:1]
    symbols = np.array(annotation.symbol)
    is_beat = np.isin(symbols, list(beat_symbols))
    peaks = annotation.sample[is_beat].astype(np.int64)
    n_flutters = np.cumsum(symbols == FLUTTER_BEGINS)[is_beat]
    rr = rr_intervals(peaks / header.fs, n_flutters)
    complete = (peaks >= window[0]) & (peaks + window[1] <= header.sig_len)
    return Beats(path, leads, header.fs, peaks[complete], symbols[is_beat][complete], rr[complete])


def read_rate(path: Path) -> float:
    """Return the sampling rate of one record, in Hz."""
    wfdb = import_wfdb()
    with _quiet():
        return float(wfdb.rdheader(str(path)).fs)


def import_wfdb() -> Any:
    """Import wfdb, only where it is used: it takes a second that make_ecg need not wait for."""
    with _quiet():
        import wfdb
    return wfdb


def _read_annotation(path: Path) -> tuple[Any, Any]:
    """Read the header and the annotations of one record."""
    wfdb = import_wfdb()
    with _quiet():
        return wfdb.rdheader(str(path)), wfdb.rdann(str(path), "atr")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence wfdb 4.3, which calls pandas 3 in a way that pandas will drop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The inplace keyword")
        yield


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
        In seconds, the last one relative. The median stands in for an interval that is missing.
        All are NaN where there are no two beats.
    """
    if len(times) < 2:
        return np.full((len(times), 3), np.nan, np.float32)
    rr = np.diff(times)
    is_missing = np.diff(n_flutters) > 0
    median = np.median(rr[~is_missing])
    rr[is_missing] = median
    before, after = np.r_[median, rr], np.r_[rr, median]
    return np.stack([before, after, before / median], axis=1).astype(np.float32)


def read_signals(
    records: Sequence[Beats], window: tuple[int, int], new_rate: float, remove_baseline: bool
) -> NDArray[np.float32]:
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
        In millivolts.
    """
    wfdb = import_wfdb()
    n_samples = sum(len(beats.peaks) for beats in records)
    windows = np.empty((n_samples, len(records[0].leads), sum(window)), dtype=np.float32)
    start = 0
    for beats in records:
        signals = wfdb.rdrecord(str(beats.path), return_res=32)
        rows = slice(start, start + len(beats.peaks))
        start = rows.stop
        for channel, lead in enumerate(beats.leads):
            # By name: record 114 of MIT-BIH has its two leads the other way round.
            position = signals.sig_name.index(lead)
            signal = np.ascontiguousarray(signals.p_signal[:, position])
            if remove_baseline:
                signal = subtract_baseline(signal, beats.rate)
            windows[rows, channel] = cut_windows(
                signal, beats.peaks, window, rate=beats.rate, new_rate=new_rate
            )
    return windows


def for_each_row(values: Sequence[Any], records: Sequence[Beats]) -> NDArray:
    """Repeat one value per record for each of its beats."""
    return np.repeat(np.array(values), [len(beats.peaks) for beats in records], axis=0)
