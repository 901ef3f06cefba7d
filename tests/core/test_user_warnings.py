"""Filters of warnings in several threads."""

from __future__ import annotations

import threading
import warnings

from bioaug.core.user_warnings import own_filters


def test_threads_leave_the_filters_as_they_were():
    before, entered, seen = list(warnings.filters), threading.Event(), []

    def second():
        entered.wait()
        with own_filters():
            seen.append(len(warnings.filters))

    thread = threading.Thread(target=second)
    thread.start()
    with own_filters(record=True) as recorded:
        warnings.simplefilter("always")
        entered.set()
        thread.join(0.05)
        assert seen == []  # it waits for this block
        warnings.warn("told", UserWarning, stacklevel=1)
    thread.join()
    assert [str(entry.message) for entry in recorded] == ["told"]
    assert seen == [len(before)]
    assert warnings.filters == before
