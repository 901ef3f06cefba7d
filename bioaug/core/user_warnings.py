"""Warnings at the line of the user, and filters that several threads may set."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


_lock = threading.RLock()


def _renew_lock() -> None:
    """Free a child process of a lock that a thread of its parent held."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def own_filters(*, record: bool = False) -> Iterator[list[warnings.WarningMessage]]:
    """Let a short block set filters of its own; with `record`, keep its warnings in the list.

    One thread at a time: filters belong to the process, so blocks that overlap would give each
    other's back, and leave one of them in place.
    """
    with _lock, warnings.catch_warnings(record=record) as recorded:
        yield [] if recorded is None else recorded
