"""The parser of the command `bioaug`, of all commands."""

from __future__ import annotations

import argparse
from typing import Any

from bioaug._version import __version__
from bioaug.cli import benchmark, demo, evaluate, grow, report, sample, train
from bioaug.cli._options import DATA_HELP

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
