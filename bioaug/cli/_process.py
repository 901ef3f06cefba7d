"""Process behaviour of the command: output streams and ending signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

INTERRUPTED = 130  # as shells have it: 128 and the number of the signal
_ENDING = ("SIGTERM", "SIGHUP")


class _Forgiving:
    """A stream that nobody may read to its end, as in `bioaug ... | head`: the work goes on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text; what the encoding of the stream lacks is written as its code."""
        try:
            self._stream.write(text)
        except BrokenPipeError:
            self._drop()
        except UnicodeEncodeError as error:
            encoding = error.encoding
            self.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush; other errors than a reader that is gone, such as a full disk, are raised once."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()
        except OSError:
            self._drop()
            raise

    def _drop(self) -> None:
        """Send everything to nowhere from now on, so that the end of Python does not complain."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """Let stdout and stderr be closed by their readers."""
    with ExitStack() as streams:
        if sys.stdout is not None:
            streams.enter_context(redirect_stdout(_Forgiving(sys.stdout)))  # pyright: ignore
        if sys.stderr is not None:
            streams.enter_context(redirect_stderr(_Forgiving(sys.stderr)))  # pyright: ignore
        try:
            yield
        finally:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                with suppress(OSError, ValueError):
                    stream.flush()


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Let the signals that end a process raise SystemExit, so that drafts are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: Any) -> None:
        sys.exit(128 + number)

    found = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    set_here = [number for number in found if signal.getsignal(number) is signal.SIG_DFL]
    for number in set_here:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in set_here:
            signal.signal(number, signal.SIG_DFL)
