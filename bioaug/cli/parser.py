"""The parser of the command `bioaug`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from bioaug._version import __version__
from bioaug.cli.command import Command

DESCRIPTION = """\
Deep generators of rare biosignals: train them, sample from them, grow rare classes, and score
what comes out. 'bioaug COMMAND --help' has an example of each command and says what DATA may be."""
EPILOG = """\
example: from nothing to a scored set
  bioaug demo
  bioaug train train.npz --out model --max-time 300
  bioaug grow train.npz --model model --out grown.npz
  bioaug evaluate train.npz grown.npz --test test.npz --out report.html"""

COMMANDS = {  # one module of this folder each
    "demo": "balance a simulated ECG set and draw real beside synthetic beats",
    "train": "train a generator on labelled signals and save it",
    "sample": "make new signals with a saved generator",
    "grow": "add synthetic signals to the rare classes of a set",
    "evaluate": "score how real-looking, useful and private synthetic signals are",
    "benchmark": "find out whether augmentation helps a classifier on patients never seen",
    "report": "write the page of a finished benchmark again",
}


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of these words of a command line.

    Of the commands, only the one that is asked for is imported, since torch takes seconds.
    """
    layout: Any = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("bioaug", description=DESCRIPTION, epilog=EPILOG, **layout)
    parser.add_argument("--version", action="version", version=f"bioaug {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, help in COMMANDS.items():
        of_command = commands.add_parser(
            name, help=help, description=f"{help[0].upper()}{help[1:]}.", **layout
        )
        if name == asked:
            _declare(of_command, load_command(name))
    return parser


def load_command(name: str) -> Command:
    """Import the command of this name."""
    return import_module(f"bioaug.cli.{name}").COMMAND


def _declare(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.epilog = f"example\n{command.example}"
    command.arguments(parser)
    general = parser.add_argument_group("in general")
    general.add_argument("--force", action="store_true", help="replace files that exist")
    general.add_argument("--quiet", action="store_true", help="show no progress")
    general.add_argument("--debug", action="store_true", help="show where an error was raised")
    parser.set_defaults(run=command.run)
