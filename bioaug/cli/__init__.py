"""The command `bioaug`, thin over the functions of the library: one file per sub-command."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from bioaug.cli._process import INTERRUPTED, ends_in_order, forgiving_streams
from bioaug.cli.command import note
from bioaug.exceptions import BioaugError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after `bioaug`; None takes those of this process.

    Returns
    -------
    code : int
        0 where all went well, 2 for input that cannot be used, 130 where it was interrupted.
    """
    with forgiving_streams(), ends_in_order(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return _run(argv)
        except KeyboardInterrupt:
            note("interrupted")
            return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    # Imported here, so that an interruption is told in one line from the beginning on.
    from bioaug.cli.parser import build_parser

    words = sys.argv[1:] if argv is None else argv
    parser = build_parser(words)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return 2
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except (BioaugError, ImportError, OSError, ValueError) as error:
        if arguments.debug:
            traceback.print_exc()
        note(f"error: {_one_line(error)}")
        return 2
    return 0


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    note(f"warning: {_one_line(message)}")
