"""`bioaug report`: the page of a finished benchmark, written again."""

from __future__ import annotations

import argparse

from bioaug.cli.command import Arguments, Command
from bioaug.cli.options import add_out, check_report
from bioaug.comparison import AugmentationResult, write_report
from bioaug.exceptions import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug report`."""
    parser.add_argument("result", metavar="RESULT", help="the .json that 'bioaug benchmark' wrote")
    parser.add_argument("--citation", metavar="TEXT", help="how to cite the data")
    add_out(parser, "FILE", ".html or .md")


def run(arguments: Arguments) -> None:
    """Write the page of the numbers that a benchmark left."""
    out = check_report(arguments, arguments.result)
    try:
        result = AugmentationResult.load(arguments.result)
        write_report(result, out, citation=arguments.citation)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"The file {arguments.result!r} must be one that 'bioaug benchmark' wrote. It cannot "
            f"be shown ({error})."
        ) from error
    print(f"wrote {out}")


COMMAND = Command(
    add_arguments,
    run,
    "  bioaug report report.json --out report.md",
)
