"""The wfdb package, imported where it is used and without its warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def import_wfdb() -> Any:
    """Import wfdb, only where it is used: it takes a second that make_ecg need not wait for."""
    with quiet():
        import wfdb
    return wfdb


@contextmanager
def quiet() -> Iterator[None]:
    """Silence wfdb 4.3, which calls pandas 3 in a way that pandas will drop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The inplace keyword")
        yield
