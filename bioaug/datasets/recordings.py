"""Heartbeats of any annotated WFDB records, as windows around each R peak."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.core.checks import check_option, check_path
from bioaug.core.user_warnings import warn_user
from bioaug.datasets import mitbih
from bioaug.datasets._headers import Header, read_header
from bioaug.datasets._records import (
    Beats,
    check_units,
    class_of_each_beat,
    for_each_row,
    origin_of_each_beat,
    read_beats,
    read_signals,
    warn_of_left_out,
)
from bioaug.datasets._windows import check_sampling_rate, check_window, scale_window
from bioaug.datasets.downloads import sha256_of
from bioaug.exceptions import BioaugError, DataError

_OWNER = "read_wfdb"
_WINDOW = (90, 110)  # at 360 Hz, as in fetch_mitbih
_SUFFIXES = (".hea", ".dat", ".atr")


def read_wfdb(
    path: str | os.PathLike[str],
    *,
    records: str | Sequence[str] | None = None,
    leads: str | Sequence[str] | None = None,
    window: tuple[int, int] | None = None,
    sampling_rate: float | None = None,
    labels: str = "aami",
    return_X_y: bool = False,
) -> Any:
    """Cut the annotated beats out of WFDB records.

    Every annotated beat whose window lies inside its record becomes one row, also where each
    channel has an annotation of it. `fetch_mitbih` does the same for MIT-BIH itself, checks its
    files, and downloads them.

    Parameters
    ----------
    path : path-like
        A folder of records, or one record: the path of its files, with or without a suffix. Each
        needs a header (.hea), signals and reference annotations (.atr).
    records : str or sequence of str, optional
        Which records of a folder: names, or "DS1" or "DS2", the halves of the inter-patient split
        of MIT-BIH. None takes all that have annotations.
    leads : str or sequence of str, optional
        Different leads by their names in the header, the first signal of each name; records
        without one of them are left out, with a warning that names them. None takes MLII, and a
        record's first lead where it has none.
    window : tuple of two int, optional
        Samples before the R peak and from it on, at the rate of the records. None takes a quarter
        of a second and 0.31 seconds: (90, 110) at 360 Hz.
    sampling_rate : float, optional
        Rate to resample to, in Hz.
    labels : {"aami", "symbols"}, default="aami"
        The five AAMI classes, or the symbols of the annotations.
    return_X_y : bool, default=False
        Whether to return only ``(data, target)``.

    Returns
    -------
    beats : sklearn.utils.Bunch
        With the fields

        - ``data``: float32 of shape (n_samples, n_leads, n_timesteps), in millivolts wherever the
          headers give a voltage (V, mV, uV, nV), else in their own unit.
        - ``target``: str of shape (n_samples,); ``target_names``: its values, sorted.
        - ``groups``: str of shape (n_samples,), the record. Records 201 and 202 of MIT-BIH, of
          one man, are both "201".
        - ``record``: str, ``sample``: int, both of shape (n_samples,), the record and the R peak
          in it; ``lead``: str of shape (n_samples, n_leads).
        - ``units``: list of str, one for each lead; ``sampling_rate``, ``window`` (in samples of
          it), ``records_left_out``.
    (data, target) : tuple of ndarray
        If `return_X_y` is true.

    Raises
    ------
    DataError
        If a record cannot be read, the records differ in their rates or in units that do not
        become one another, or none has the leads.
    OSError
        If a file is missing.

    Warns
    -----
    UserWarning
        With their numbers, of beats that are left out: samples are missing in their window, their
        symbol is none of WFDB, channels disagree on it, or their time is past the end of the
        signals. Also of records without a lead, without a gain or a sampling rate, and of those
        whose first lead is read instead of MLII, while others have MLII.

    Notes
    -----
    All beat symbols of WFDB have an AAMI class: N (N L R B e j n), S (A a J S), V (V E r), F (F)
    and Q (/ f Q ?). Annotations with a time resolution of their own are moved to the clock of the
    signals. Records of several segments, of fixed or variable layout, are read as one. Where the
    header counts no samples, the length of the files tells. Annotations of two channels at a
    distance below 0.1 s are one beat.

    Examples
    --------
    >>> from bioaug.datasets import read_wfdb
    >>> beats = read_wfdb("mitdb", records=["100", "106"])  # doctest: +SKIP
    >>> beats.data.shape  # doctest: +SKIP
    (4298, 1, 200)
    """
    check_option(labels, name="labels", owner=_OWNER, options=("aami", "symbols"))
    wanted = _check_leads(leads)
    names = _find_records(check_path(path, name="path", owner=_OWNER), records)
    headers = [_read_header(record) for record in names]
    rate = _common_rate(headers)
    if window is None:
        window = scale_window(_WINDOW, mitbih.SAMPLING_RATE, rate)
    window = check_window(window, owner=_OWNER)
    new_rate = check_sampling_rate(rate if sampling_rate is None else sampling_rate, owner=_OWNER)
    kept, left_out = _read_annotations(headers, wanted, window, lenient=leads is None)
    _warn_of_different_leads(kept)
    window = scale_window(window, rate, new_rate)
    units = check_units(kept, owner=_OWNER)
    data, kept = _read_signals(kept, window, new_rate)
    target = class_of_each_beat(kept, labels)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=np.unique(target).tolist(),
        groups=for_each_row([_patient(beats.path, names[beats.path]) for beats in kept], kept),
        **origin_of_each_beat(kept, [names[beats.path] for beats in kept]),
        units=units,
        sampling_rate=new_rate,
        window=window,
        records_left_out=left_out,
    )


def _check_leads(leads: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the wanted leads."""
    if leads is None:
        return ("MLII",)
    wanted = _check_words(leads, name="leads")
    if len(set(wanted)) < len(wanted):
        raise DataError(
            f"The 'leads' parameter of {_OWNER} must name different leads. Got {leads!r} instead. "
            "Give each once."
        )
    return wanted


def _read_signals(
    records: Sequence[Beats], window: tuple[int, int], rate: float
) -> tuple[NDArray[np.float32], list[Beats]]:
    """Return the windows of all beats without missing samples, and these beats."""
    with _readable(records[0].path.parent):
        data, kept = read_signals(records, window, rate, remove_baseline=False)
    warn_of_left_out(kept)
    if not len(data):
        raise DataError(
            f"The records of {_OWNER} must have beats without missing samples in their windows. "
            "Got none. Give a shorter 'window', or other leads."
        )
    return data, kept


def _check_words(values: str | Sequence[str], *, name: str) -> tuple[str, ...]:
    """Return one or several names as a tuple."""
    words = (values,) if isinstance(values, str) else values
    if (
        not isinstance(words, Iterable)
        or not (words := tuple(words))
        or not all(isinstance(word, str) and word for word in words)
    ):
        raise DataError(
            f"The {name!r} parameter of {_OWNER} must be a name or several, as text. Got "
            f"{values!r} instead. Leave it out to take the default."
        )
    return tuple(map(str, words))


def _find_records(path: Path, records: str | Sequence[str] | None) -> dict[Path, str]:
    """Return the names of the records in a folder, or of the one record, by their paths."""
    if not path.is_dir():
        stem = path.with_suffix("") if path.suffix in _SUFFIXES else path
        if records is not None:
            raise DataError(
                f"The 'records' parameter of {_OWNER} chooses among the records of a folder. Got "
                f"{records!r} with {str(path)!r}, which is no folder. Give one of the two."
            )
        names = {stem: stem.name}
    elif records is not None:
        names = _named_records(path, _check_words(records, name="records"))
    else:
        headers = sorted(path.glob("*.hea"))
        stems = [header.with_suffix("") for header in headers]
        names = {stem: stem.name for stem in stems if stem.with_name(f"{stem.name}.atr").is_file()}
    if not names:
        raise FileNotFoundError(
            f"The 'path' parameter of {_OWNER} must be a record, or a folder of records with "
            f"annotations (.hea and .atr). There is none in {str(path)!r}."
        )
    needed = [f"{record}{suffix}" for record in names for suffix in (".hea", ".atr")]
    missing = [file for file in needed if not Path(file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"The 'path' parameter of {_OWNER} must have a header (.hea) and annotations (.atr) "
            f"for every record. There is no {missing[0]!r}, and {len(missing)} files are missing "
            "in all."
        )
    return names


def _named_records(folder: Path, words: Sequence[str]) -> dict[Path, str]:
    """Return records of a folder by their paths, each once; "DS1" and "DS2" are many."""
    names = [name for word in words for name in mitbih.SUBSETS.get(word, (word,))]
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DataError(
                f"The 'records' parameter of {_OWNER} must name records in {str(folder)!r}. Got "
                f"{name!r} instead. Give its folder as 'path'."
            )
    return {folder / name: name for name in names}


def _read_header(path: Path) -> Header:
    with _readable(path):
        return read_header(path)


def _common_rate(headers: Sequence[Header]) -> float:
    """Return the sampling rate that all records have."""
    rates: dict[float, str] = {}
    for header in headers:
        rates.setdefault(header.rate, header.path.name)
    if len(rates) > 1:
        (first, one), (second, other) = list(rates.items())[:2]
        raise DataError(
            f"The records of {_OWNER} must have one sampling rate. Got {first:g} Hz in {one} and "
            f"{second:g} Hz in {other}. Read them one by one, each with the same 'sampling_rate'."
        )
    silent = [header.path.name for header in headers if not header.has_rate]
    if silent:
        warn_user(
            f"{len(silent)} of {len(headers)} records give no sampling rate in their headers, and "
            f"are read at the default of WFDB, 250 Hz: {_listed(silent)}. Complete their headers.",
        )
    return next(iter(rates))


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"


def _warn_of_different_leads(records: Sequence[Beats]) -> None:
    """Warn where first leads that are read instead of a missing one are not the others' lead."""
    others = [beats for beats in records if beats.leads != records[0].leads]
    if others:
        lacking = [beats for beats in records if "MLII" not in beats.leads]
        listed = _listed([f"{beats.leads[0]} in {beats.path.name}" for beats in lacking])
        warn_user(
            f"{len(lacking)} of {len(records)} records have no lead MLII, and their first one is "
            f"read among other leads: {listed}. Choose 'leads' that all have, or other 'records'.",
        )


def _read_annotations(
    headers: Sequence[Header], wanted: tuple[str, ...], window: tuple[int, int], *, lenient: bool
) -> tuple[list[Beats], list[str]]:
    """Return the beats of the records that have any, and the names of the other records."""
    kept, left_out = [], []
    for header in headers:
        with _readable(header.path):
            beats = read_beats(header, wanted, window, first_lead_instead=lenient)
        if beats is None or not len(beats.peaks):
            left_out.append(header.path.name)
        else:
            kept.append(beats)
    present = list(dict.fromkeys(lead for header in headers for lead in header.leads))
    if not kept and not lenient and not set(wanted) <= set(present):
        raise DataError(
            f"The 'leads' parameter of {_OWNER} must name leads that a record has. Got {wanted!r}, "
            f"and there are {_listed(present)}. Choose among them."
        )
    if not kept:
        raise DataError(
            f"The records of {_OWNER} must have the leads {wanted!r} and annotated beats with room "
            f"for the window {window!r}. None of {', '.join(left_out)} does. Give other leads or "
            "a shorter window."
        )
    if left_out:
        warn_user(
            f"{len(left_out)} of {len(headers)} records lack a lead of {wanted!r}, or beats, and "
            f"are left out: {', '.join(left_out)}.",
        )
    return kept, left_out


def _patient(path: Path, name: str) -> str:
    """Return the record's name, or for the second record of one man that of his first."""
    same = mitbih.SAME_PATIENT.get(path.name)
    header = path.with_name(f"{path.name}.hea")
    if same is None or sha256_of(header) != mitbih.CHECKSUMS[header.name]:
        return name
    return str(same)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever wfdb raises on a damaged file into a DataError."""
    try:
        yield
    except (BioaugError, OSError):
        raise
    except Exception as error:
        raise DataError(
            f"The 'path' parameter of {_OWNER} must be an annotated WFDB record. Could not read "
            f"{str(path)!r} ({type(error).__name__}: {error}). If wfdb.rdrecord and "
            "wfdb.rdann cannot either, copy or download it again."
        ) from error
