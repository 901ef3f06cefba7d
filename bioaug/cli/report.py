"""`bioaug report`: the page of a finished benchmark, written again."""

from __future__ import annotations

import argparse

from bioaug.cli._command import Arguments, Command
from bioaug.cli._options import REPORTS, add_out
from bioaug.comparison import AugmentationResult
from bioaug.files import check_output
from bioaug.report import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug report`."""
    parser.add_argument("result", metavar="RESULT", help="the .json that 'bioaug benchmark' wrote")
    parser.add_argument("--citation", metavar="TEXT", help="how to cite the data")
    add_out(parser, "FILE", ".html or .md")


def run(arguments: Arguments) -> None:
    """Write the page of the numbers that a benchmark left."""
    out = check_output(arguments.out, suffixes=REPORTS[:2], force=arguments.force)
    write_report(AugmentationResult.load(arguments.result), out, citation=arguments.citation)
    print(f"wrote {out}")


COMMAND = Command(
    "report",
    "write the page of a finished benchmark again",
    add_arguments,
    run,
    "  bioaug report report.json --out report.md",
)
