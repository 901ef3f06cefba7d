"""A reentrant lock that serves waiting threads in the order in which they asked."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """One thread at a time, first come, first served; the owner may acquire it again.

    Unlike `threading.RLock`, it says whether another thread waits, and a thread that releases it
    and asks again comes last. So a long task can let others in between two of its steps.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[object] = deque()
        self._owner: int | None = None
        self._depth = 0

    @property
    def depth(self) -> int:
        """How many times the calling thread holds it."""
        return self._depth if self._owner == threading.get_ident() else 0

    @property
    def is_awaited(self) -> bool:
        """Whether a thread waits for it."""
        return bool(self._waiting)

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for it, at most `timeout` seconds; return whether it was acquired."""
        with self._changed:
            if not self.depth:
                ticket = object()
                self._waiting.append(ticket)
                try:
                    is_free = self._changed.wait_for(
                        lambda: self._owner is None and self._waiting[0] is ticket, timeout
                    )
                finally:  # also on Ctrl-C
                    self._waiting.remove(ticket)
                    self._changed.notify_all()
                if not is_free:
                    return False
                self._owner = threading.get_ident()
            self._depth += 1
            return True

    def release(self) -> None:
        """Give back one `acquire`."""
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._changed.notify_all()

    def forget_other_threads(self) -> None:
        """In a forked child: drop what threads held or waited for that were not forked along."""
        self._changed = threading.Condition(threading.Lock())
        self._waiting.clear()
        if not self.depth:
            self._owner, self._depth = None, 0
