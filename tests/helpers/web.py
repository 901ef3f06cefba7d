"""A server on this machine that serves a folder, and plays tricks where it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Trick = Callable[["Handler"], None]


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, except where the server's `tricks` say otherwise for a file."""

    server: Server

    def do_GET(self) -> None:
        name = Path(self.path).name
        self.server.asked.append(name)
        if trick := self.server.tricks.get(name):
            self.close_connection = True
            with suppress(OSError):  # the other side has gone
                trick(self)
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Knows its folder and address, and what it was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.folder, self.url = folder, f"http://127.0.0.1:{self.server_port}/"
        self.asked: list[str] = []
        self.tricks: dict[str, Trick] = {}
        self.is_over = False


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder for a while."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.is_over = True
            server.shutdown()
            thread.join()


def break_off(n_times: int) -> Trick:
    """Send half of the file, for the first `n_times`."""
    left = n_times

    def trick(handler: Handler) -> None:
        nonlocal left
        content = Path(handler.translate_path(handler.path)).read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if left else content)
        left = max(left - 1, 0)

    return trick


def drip(chunk: bytes, *, seconds: float = 0.0, head: bool = True) -> Trick:
    """Send chunks until one of both sides has gone, after the status or in place of it."""

    def trick(handler: Handler) -> None:
        if head:
            handler.send_response(200)
            handler.end_headers()
        while not handler.server.is_over:
            handler.wfile.write(chunk)
            handler.wfile.flush()
            time.sleep(seconds)

    return trick


def redirect(address: str) -> Trick:
    """Lead to another address."""

    def trick(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.end_headers()

    return trick
