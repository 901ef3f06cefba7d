"""The command `bioaug`, thin over the functions of the library: one file per sub-command."""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from bioaug._version import __version__
from bioaug.cli import benchmark, demo, evaluate, grow, report, sample, train
from bioaug.cli._command import note
from bioaug.cli._options import DATA_HELP
from bioaug.exceptions import BioaugError

__all__ = ["COMMANDS", "build_parser", "main"]

DESCRIPTION = f"""\
Deep generators of rare biosignals: train them, sample from them, grow rare classes, and score
what comes out. 'bioaug COMMAND --help' has an example of each command.

{DATA_HELP}"""
EPILOG = """\
example: from nothing to a scored set
  bioaug demo
  bioaug train train.npz --out model --max-time 300
  bioaug grow train.npz --model model --out grown.npz
  bioaug evaluate train.npz grown.npz --test test.npz --out report.html"""

COMMANDS = (
    demo.COMMAND,
    train.COMMAND,
    sample.COMMAND,
    grow.COMMAND,
    evaluate.COMMAND,
    benchmark.COMMAND,
    report.COMMAND,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after `bioaug`; None takes those of this process.

    Returns
    -------
    code : int
        0 where all went well, 2 for input that cannot be used, 1 where it was interrupted.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 2
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            arguments.run(arguments)
        except KeyboardInterrupt:
            print("bioaug: interrupted", file=sys.stderr)
            return 1
        except (BioaugError, ImportError, OSError, ValueError) as error:
            if arguments.debug:
                traceback.print_exc()
            print(f"bioaug: error: {_one_line(error)}", file=sys.stderr)
            return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands in `COMMANDS`."""
    layout: Any = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("bioaug", description=DESCRIPTION, epilog=EPILOG, **layout)
    parser.add_argument("--version", action="version", version=f"bioaug {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        of_command = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=f"example\n{command.example}",
            **layout,
        )
        command.arguments(of_command)
        general = of_command.add_argument_group("in general")
        general.add_argument("--force", action="store_true", help="replace files that exist")
        general.add_argument("--quiet", action="store_true", help="show no progress")
        general.add_argument("--debug", action="store_true", help="show where an error was raised")
        of_command.set_defaults(run=command.run)
    return parser


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    note(f"warning: {_one_line(message)}")
