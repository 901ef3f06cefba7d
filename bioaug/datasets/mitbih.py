"""The MIT-BIH Arrhythmia Database as labelled windows around each heartbeat."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from bioaug.core.checks import check_option
from bioaug.core.user_warnings import warn_user
from bioaug.datasets._annotations import AAMI_CLASS, AAMI_SYMBOLS
from bioaug.datasets._headers import read_header
from bioaug.datasets._records import (
    Beats,
    class_of_each_beat,
    for_each_row,
    origin_of_each_beat,
    read_beats,
    read_signals,
    warn_of_left_out,
)
from bioaug.datasets._windows import check_sampling_rate, check_window, scale_window
from bioaug.datasets.downloads import (
    check_files,
    check_retries,
    fetch_files,
    get_data_home,
    missing_files,
    read_checksums,
    with_checksum,
)
from bioaug.exceptions import DataError

BASE_URL = "https://physionet.org/files/mitdb/1.0.0/"
SAMPLING_RATE = 360

# de Chazal, O'Dwyer and Reilly (2004): no patient's record is in both halves, except that 201
# (DS1) and 202 (DS2) are the same man, as the database's own description says.
_DS1 = "101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230"
_DS2 = "100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234"
_PACED = "102 104 107 217"
SUBSETS = {
    "all": tuple(sorted(f"{_DS1} {_DS2}".split())),
    "DS1": tuple(_DS1.split()),
    "DS2": tuple(_DS2.split()),
    "all48": tuple(sorted(f"{_DS1} {_DS2} {_PACED}".split())),
}
LEADS = ("MLII", "V1", "V2", "V4", "V5")
RR_NAMES = ("rr_before", "rr_after", "rr_relative")
SAME_PATIENT = {"202": 201}  # all others have one record, which names them
CHECKSUMS = read_checksums("mitdb.sha256")  # of every file
_OWNER = "fetch_mitbih"

DESCR = """\
MIT-BIH Arrhythmia Database 1.0.0
=================================
48 half-hour two-lead ambulatory ECG records of 47 patients of the Boston Beth Israel Hospital,
1975 to 1979, sampled at 360 Hz with 11 bits over 10 mV, each labelled by at least two
cardiologists.

Classes follow ANSI/AAMI EC57: N (N L R e j), S (A a J S), V (V E), F (F), Q (/ f Q).
DS1 and DS2 are the halves of de Chazal et al. (2004); the four paced records 102, 104, 107 and
217 are in neither. Record 201 (DS1) and record 202 (DS2) come from the same man.

Licence: Open Data Commons Attribution License v1.0. Please cite:
Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. IEEE Eng in Med and Biol
20(3):45-50, 2001. The data themselves: doi:10.13026/C2F305
Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220, 2000.
"""


def fetch_mitbih(
    *,
    data_home: str | os.PathLike[str] | None = None,
    subset: str = "all",
    leads: str | Sequence[str] = ("MLII",),
    window: tuple[int, int] = (90, 110),
    sampling_rate: float | None = None,
    remove_baseline: bool = False,
    labels: str = "aami",
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> Any:
    """Load the heartbeats of the MIT-BIH Arrhythmia Database, downloading it when missing.

    Every annotated beat whose window lies inside its record becomes one row. Rows are in
    the order of records, then of time.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder for recordings; ``None`` takes the environment variable ``BIOAUG_DATA``, or else
        ``~/bioaug_data``. A folder that already holds the database is used as it is, whether it
        is `data_home` itself, ``data_home/mitdb`` or ``data_home/mitdb/1.0.0``. Downloads go to
        the folder that was found, or to ``data_home/mitdb``, and are checked by SHA-256.
    subset : {"all", "DS1", "DS2", "all48"}, default="all"
        ``"DS1"`` and ``"DS2"`` are the two halves of the inter-patient split [3]_, ``"all"`` is
        both (44 records), ``"all48"`` adds the four records of patients with a pacemaker.
    leads : str or sequence of one or two str, default=("MLII",)
        Leads by name: "MLII", "V1", "V2", "V4" or "V5". Records without a wanted lead are left
        out, with a warning that names them. The default alone is lenient: where a record has no
        MLII (102 and 104, in ``"all48"`` only), its first lead is read instead; see ``lead``.
    window : tuple of two int, default=(90, 110)
        Samples before and after the R peak, at the native 360 Hz; the row has their sum, with the
        R peak at index ``window[0]``.
    sampling_rate : float, default=None
        Rate to resample to, in Hz; ``None`` keeps 360. The row then has as many samples as the
        window has at that rate, and the R peak stays exactly on a sample.
    remove_baseline : bool, default=False
        Whether to subtract the baseline of the whole record, which is a median filter of 200 ms
        and then one of 600 ms [3]_.
    labels : {"aami", "symbols"}, default="aami"
        The five AAMI classes, or the symbols of the database ("N", "L", "R", "A", "V", ...).
    download_if_missing : bool, default=True
        Whether to download what is not there. The whole database is about 100 MB.
    n_retries, delay : int and float, default=3 and 1.0
        How often a failed download is tried again, and after how many seconds.
    return_X_y : bool, default=False
        Whether to return only ``(data, target)``.

    Returns
    -------
    beats : sklearn.utils.Bunch
        With the fields

        - ``data``: float32 of shape (n_samples, n_leads, n_timesteps), in millivolts.
        - ``target``: str of shape (n_samples,); ``target_names``: its values in the usual order.
        - ``groups``: int of shape (n_samples,), the patient, named by his (first) record.
        - ``rr``: float32 of shape (n_samples, 3), named by ``rr_names``: the RR interval before
          and after the beat, in seconds, and the one before divided by the patient's median RR
          in this record. All beats of the record count, also those without a complete window. An
          interval that does not exist (first and last beat of a record, ventricular flutter in
          between) is replaced by the median, so that every value is finite.
        - ``record``: str, ``sample``: int, both of shape (n_samples,), the record and the R peak
          in it at 360 Hz.
        - ``lead``: str of shape (n_samples, n_leads), where each row really comes from.
        - ``lead_names``, ``sampling_rate``, ``window`` (in samples of `sampling_rate`),
          ``records_left_out``, ``DESCR``.
    (data, target) : tuple of ndarray
        If `return_X_y` is true.

    Raises
    ------
    DataError
        If a parameter is not one of its options, or no record has the leads.
    OSError
        If files are missing and cannot, or may not, be downloaded.

    References
    ----------
    .. [1] Moody GB, Mark RG. "The impact of the MIT-BIH Arrhythmia Database". IEEE Engineering
       in Medicine and Biology 20(3):45-50, 2001.
    .. [2] Goldberger AL et al. "PhysioBank, PhysioToolkit, and PhysioNet". Circulation
       101(23):e215-e220, 2000.
    .. [3] de Chazal P, O'Dwyer M, Reilly RB. "Automatic classification of heartbeats using ECG
       morphology and heartbeat interval features". IEEE Transactions on Biomedical Engineering
       51(7):1196-1206, 2004.

    Examples
    --------
    >>> from bioaug.datasets import fetch_mitbih
    >>> beats = fetch_mitbih(subset="DS1", labels="aami")  # doctest: +SKIP
    >>> beats.data.shape  # doctest: +SKIP
    (51008, 1, 200)
    """
    check_option(subset, name="subset", owner=_OWNER, options=SUBSETS)
    check_option(labels, name="labels", owner=_OWNER, options=("aami", "symbols"))
    wanted = _check_leads(leads)
    window = check_window(window, owner=_OWNER)
    rate = SAMPLING_RATE if sampling_rate is None else sampling_rate
    rate = check_sampling_rate(rate, owner=_OWNER)
    check_retries(n_retries, delay, owner=_OWNER)

    home = get_data_home(data_home)
    folder = _find_or_fetch(SUBSETS[subset], home, download_if_missing, n_retries, delay)
    kept, left_out = _read_annotations(folder, SUBSETS[subset], wanted, window)
    window = scale_window(window, SAMPLING_RATE, rate)
    data, kept = read_signals(kept, window, rate, remove_baseline)
    warn_of_left_out(kept)
    target = class_of_each_beat(kept, labels)
    if return_X_y:
        return data, target
    usual_order = AAMI_SYMBOLS if labels == "aami" else AAMI_CLASS
    names = [beats.path.name for beats in kept]
    return Bunch(
        data=data,
        target=target,
        target_names=[name for name in usual_order if name in set(target)],
        groups=for_each_row([SAME_PATIENT.get(name, int(name)) for name in names], kept),
        rr=np.concatenate([beats.rr for beats in kept]),
        rr_names=list(RR_NAMES),
        **origin_of_each_beat(kept, names),
        lead_names=list(wanted),
        sampling_rate=rate,
        window=window,
        records_left_out=left_out,
        DESCR=DESCR,
    )


def _check_leads(leads: str | Sequence[str]) -> tuple[str, ...]:
    """Return the wanted leads as a tuple of one or two names."""
    wanted = (leads,) if isinstance(leads, str) or not isinstance(leads, Iterable) else tuple(leads)
    for lead in wanted:
        check_option(lead, name="leads", owner=_OWNER, options=LEADS)
    if len(wanted) not in (1, 2) or len(set(wanted)) < len(wanted):
        raise DataError(
            f"The 'leads' parameter of {_OWNER} must be one lead or two different ones, since a "
            f"record has two. Got {leads!r} instead. Give for example ('MLII', 'V1')."
        )
    return wanted


def _find_or_fetch(
    records: Sequence[str], home: Path, download_if_missing: bool, n_retries: int, delay: float
) -> Path:
    """Return the folder that holds the records, after downloading what it lacks."""
    names = [f"{record}.{kind}" for record in records for kind in ("hea", "dat", "atr")]
    candidates = (home / "mitdb", home / "mitdb" / "1.0.0", home)
    folder = min(candidates, key=lambda folder: len(missing_files(names, folder)))
    missing = missing_files(names, folder)
    if missing and not download_if_missing:
        raise OSError(
            f"The MIT-BIH Arrhythmia Database is missing {len(missing)} of {len(names)} files "
            f"({', '.join(missing[:3])}, ...). Looked in {', '.join(map(str, candidates))}. Pass "
            f"'data_home' or set BIOAUG_DATA to the folder that has them, call {_OWNER} with "
            f"download_if_missing=True, or download them from {BASE_URL} by hand."
        )
    check_files({name: CHECKSUMS[name] for name in names if name not in missing}, folder)
    files = [with_checksum(BASE_URL, name, CHECKSUMS[name]) for name in missing]
    fetch_files(files, folder, n_retries=n_retries, delay=delay)
    return folder


def _read_annotations(
    folder: Path, records: Sequence[str], wanted: tuple[str, ...], window: tuple[int, int]
) -> tuple[list[Beats], list[str]]:
    """Return the beats of the records that have the wanted leads, and the names of the others."""
    lenient = wanted == ("MLII",)
    beats_of = {
        record: read_beats(read_header(folder / record), wanted, window, first_lead_instead=lenient)
        for record in records
    }
    kept = [beats for beats in beats_of.values() if beats is not None]
    left_out = [record for record, beats in beats_of.items() if beats is None]
    if not kept:
        raise DataError(
            f"The 'leads' parameter of {_OWNER} must name leads that one of the records has. Got "
            f"{wanted!r} instead, which none of {', '.join(records)} has. Give for example "
            "('MLII', 'V1')."
        )
    if not any(len(beats.peaks) for beats in kept):
        raise DataError(
            f"The 'window' parameter of {_OWNER} must fit around at least one beat of a record of "
            f"half an hour. Got {window!r} instead. Give fewer samples."
        )
    if left_out:
        warn_user(
            f"{len(left_out)} of {len(records)} records lack a lead of {wanted!r} and are left "
            f"out: {', '.join(left_out)}.",
        )
    return kept, left_out
