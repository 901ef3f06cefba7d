"""The wfdb package, imported where it is used and without its warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Protocol

from bioaug.core.user_warnings import own_filters


class WfdbHeader(Protocol):
    """What wfdb reads from a header; lists have an entry for each signal, or for each segment."""

    fs: float
    sig_len: int | None
    n_sig: int
    file_name: list[str]
    fmt: list[str]
    samps_per_frame: list[int | None]
    byte_offset: list[int | None]
    sig_name: list[str | None] | None
    adc_gain: list[float]
    # of a record of several segments only
    n_seg: int
    seg_name: list[str]
    seg_len: list[int]


def import_wfdb() -> ModuleType:
    """Import wfdb, only where it is used: it takes a second that make_ecg need not wait for."""
    with quiet():
        import wfdb
    return wfdb


@contextmanager
def quiet() -> Iterator[None]:
    """Silence wfdb 4.3, which calls pandas 3 in a way that pandas will drop."""
    with own_filters():
        warnings.filterwarnings("ignore", message="The inplace keyword")
        yield
