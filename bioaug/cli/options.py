"""Options common to several commands, and their parsing."""

from __future__ import annotations

import argparse
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.cli.command import Arguments
from bioaug.comparison.report import report_files
from bioaug.core.checks import check_option
from bioaug.exceptions import DataError
from bioaug.files.arrays import (
    FORMATS,
    all_options,
    check_output,
    find_format,
    kinds_with,
    read_arrays,
    written_suffixes,
)

ARRAYS = written_suffixes()
REPORTS = (".html", ".md", ".json")
DATA_HELP = textwrap.fill(f"DATA is {'; '.join(known.description for known in FORMATS)}.", 100)


def add_data(parser: argparse.ArgumentParser, *, unlabelled: bool = False) -> None:
    """Declare DATA and how it is read."""
    parser.add_argument("data", metavar="DATA", help="signals and labels: .npz, a table or WFDB")
    add_reading(parser, unlabelled=unlabelled)


def add_reading(parser: argparse.ArgumentParser, *, unlabelled: bool) -> None:
    """Declare what `read_rows` needs to know besides a path."""
    table = parser.add_argument_group("reading tables and records", DATA_HELP)
    if unlabelled:
        table.add_argument("--unlabelled", action="store_true", help="there are no labels")
    else:
        parser.set_defaults(unlabelled=False)
    for option in all_options().values():
        if option.flag:
            table.add_argument(option.flag, help=option.help, **option.arguments)


def add_out(
    parser: argparse.ArgumentParser, metavar: str, help: str, *, required: bool = True
) -> None:
    """Declare where the result goes."""
    parser.add_argument("--out", required=required, metavar=metavar, help=help)


def check_report(arguments: Arguments, source: str | None = None) -> Path:
    """Return where a report goes, or raise while nothing is computed yet.

    The numbers that it is made from, `source`, may be those beside it: they stay what they are.
    """
    from bioaug.plots.axes import pyplot  # takes a second to import

    pyplot()  # the report has a picture
    out = check_output(arguments.out, suffixes=REPORTS[:2], force=arguments.force)
    for file in report_files(out)[1:]:
        if source is None or file.resolve() != Path(source).resolve():
            check_output(file, suffixes=(file.suffix,), force=arguments.force)
    return out


def add_model(parser: argparse.ArgumentParser, help: str) -> None:
    """Declare which generator is meant."""
    parser.add_argument("--model", default="flow", help=help)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Declare where it computes."""
    parser.add_argument(
        "--device", default="auto", help="cpu or cuda; default: auto, a GPU where there is one"
    )


def add_training(parser: argparse.ArgumentParser, n_steps: int | None = None) -> None:
    """Declare what `training_parameters` returns."""
    default = "the model's own" if n_steps is None else n_steps
    parser.add_argument(
        "--steps", type=int, default=n_steps, metavar="N", help=f"of training; default: {default}"
    )
    parser.add_argument("--max-time", type=float, metavar="SECONDS", help="of training, at most")
    add_seed(parser)
    add_device(parser)


def add_seed(
    parser: argparse.ArgumentParser, default: int | None = 0, help: str = "default: 0"
) -> None:
    """Declare what all random numbers come from."""
    parser.add_argument("--seed", type=_seed, default=default, metavar="N", help=help)


def _seed(word: str) -> int:
    if not word.isdecimal() or int(word) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be from 0 to 2**32 - 1. Got {word!r}.")
    return int(word)


def training_parameters(arguments: Arguments) -> dict[str, Any]:
    """Return the parameters that Synthesizer and GANOversampler share."""
    return {
        "n_steps": arguments.steps,
        "max_time": arguments.max_time,
        "device": arguments.device,
        "random_state": arguments.seed,
        "verbose": int(not arguments.quiet),
    }


def read_rows(
    path: str,
    arguments: Arguments,
    *,
    records: list[str] | None = None,
    synthetic: bool = False,
) -> Bunch:
    """Read signals; of what `bioaug grow` wrote, the original or the synthetic rows alone."""
    _check_used(arguments)
    given = _given(arguments) | ({"records": records} if records else {})
    file_format = find_format(Path(path).expanduser())  # one may be a table, and another a record
    options: dict[str, Any] = {
        name: value
        for name, value in given.items()
        if file_format is not None and file_format.has_option(name)
    }
    arrays = read_arrays(path, labelled=not arguments.unlabelled, **options)
    if arrays.synthetic is None:
        return arrays
    return choose_rows(arrays, np.flatnonzero(arrays.synthetic == synthetic))


def _given(arguments: Arguments) -> dict[str, Any]:
    """Return the options of files that are given, by their names in `read_arrays`."""
    values = {
        option.name: vars(arguments)[option.flag.removeprefix("--").replace("-", "_")]
        for option in all_options().values()
        if option.flag
    }
    return {name: value for name, value in values.items() if value is not None}


def _check_used(arguments: Arguments) -> None:
    """Raise a DataError for options that none of the files is read with."""
    paths = [vars(arguments).get(name) for name in ("data", "synthetic", "test")]
    files = [Path(path).expanduser() for path in paths if path is not None]
    formats = [known for file in files if (known := find_format(file))]
    unused = [n for n in _given(arguments) if not any(known.has_option(n) for known in formats)]
    if unused:
        kinds = kinds_with(unused[0])
        flags = [str(all_options()[name].flag) for name in unused if kinds_with(name) == kinds]
        raise DataError(
            f"{', '.join(flags)}: for {kinds} only. Got {', '.join(map(str, files))}. Leave this "
            "out."
        )


def choose_rows(arrays: Bunch, rows: Any) -> Bunch:
    """Return the signals, labels and groups of some rows."""
    of_rows = {
        name: None if arrays[name] is None else arrays[name][rows] for name in ("X", "y", "groups")
    }
    return Bunch(**of_rows, sampling_rate=arrays.sampling_rate)


def parse_labels(words: Iterable[str], known: NDArray, option: str) -> list[Any]:
    """Return the labels of the data that are written as `words`."""
    by_name = {str(label): label for label in np.unique(known).tolist()}
    for word in words:
        check_option(word, name=option, owner="bioaug", options=by_name)
    return [by_name[word] for word in words]


def parse_counts(words: list[str], classes: NDArray, option: str) -> dict[Any, int]:
    """Return the counts of words such as S=100."""
    counts = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not number.isdecimal() or not name:
            raise DataError(f"{option} must be of the form CLASS=N, as in S=100. Got {word!r}.")
        label = parse_labels([name], classes, option)[0]
        if label in counts:
            raise DataError(f"{option} must name every class once. Got {name!r} more than once.")
        counts[label] = int(number)
    return counts


def class_sizes(y: NDArray) -> str:
    """Return the size of each class, as in "F 150, N 2250"."""
    counts = sorted(Counter(y.tolist()).items())
    return ", ".join(f"{label} {count}" for label, count in counts) or "nothing"
