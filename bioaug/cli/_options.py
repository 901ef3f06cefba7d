"""Options that commands share, and what is read from them."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.cli._command import Arguments
from bioaug.comparison.report import report_files
from bioaug.core.checks import check_option
from bioaug.exceptions import DataError
from bioaug.files import check_output, is_record, is_table, read_arrays

ARRAYS = (".npz", ".csv")
REPORTS = (".html", ".md", ".json")
DATA_HELP = """\
DATA is a .npz file with the arrays X, y and, where patients are known, groups; a table with one
signal per row (.csv, .tsv, .txt, also .gz; .parquet); or a WFDB record, or a folder of them, whose
annotated beats are cut out."""


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
    table.add_argument(
        "--label-column",
        type=_column,
        metavar="COLUMN",
        help="of a table: a name in its header, or an index from 0; default: y, label, class or "
        "target, or else the last, or the first where the last holds fractions",
    )
    table.add_argument(
        "--groups-column", type=_column, metavar="COLUMN", help="of a table: the patients"
    )
    table.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="the first line of a table has the names of its columns; default: look",
    )
    table.add_argument(
        "--records",
        nargs="+",
        metavar="RECORD",
        help="of a WFDB folder: names, or DS1 or DS2, the halves of MIT-BIH; default: all",
    )
    table.add_argument(
        "--leads", nargs="+", metavar="LEAD", help="of WFDB; default: MLII, or else the first"
    )
    table.add_argument(
        "--window",
        nargs=2,
        type=int,
        metavar=("BEFORE", "AFTER"),
        help="samples before the R peak and from it on; default: 90 110 at 360 Hz",
    )
    table.add_argument("--resample", type=float, metavar="HZ", help="WFDB beats to this rate")


def _column(word: str) -> str | int:
    """Return an index where the word is a number, otherwise the name."""
    return int(word) if re.fullmatch(r"-?[0-9]{1,9}", word) else word


def add_out(
    parser: argparse.ArgumentParser, metavar: str, help: str, *, required: bool = True
) -> None:
    """Declare where the result goes."""
    parser.add_argument("--out", required=required, metavar=metavar, help=help)


def check_report(arguments: Arguments, source: str | None = None) -> Path:
    """Return where a report goes, or raise while nothing is computed yet.

    The numbers that it is made from, `source`, may be those beside it: they stay what they are.
    """
    from bioaug.plots._axes import pyplot  # takes a second to import

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
    options: dict[str, Any] = {}  # one file may be a table, and another a record
    if is_table(Path(path).expanduser()):
        options = {
            name: vars(arguments)[name] for name in ("label_column", "groups_column", "header")
        }
    elif is_record(Path(path).expanduser()):
        options = {
            "records": records or arguments.records,
            "leads": arguments.leads,
            "window": None if arguments.window is None else tuple(arguments.window),
            "sampling_rate": arguments.resample,
        }
    arrays = read_arrays(path, labelled=not arguments.unlabelled, **options)
    if arrays.synthetic is None:
        return arrays
    return choose_rows(arrays, np.flatnonzero(arrays.synthetic == synthetic))


def _check_used(arguments: Arguments) -> None:
    """Raise a DataError for options of tables or records where none is read."""
    paths = [vars(arguments).get(name) for name in ("data", "synthetic", "test")]
    files = [Path(path).expanduser() for path in paths if path is not None]
    for options, is_used, kind in (
        (("label_column", "groups_column", "header"), any(map(is_table, files)), "tables"),
        (("records", "leads", "window", "resample"), any(map(is_record, files)), "WFDB records"),
    ):
        chosen = [name for name in options if vars(arguments)[name] is not None]
        given = [f"--{name.replace('_', '-')}" for name in chosen]
        if given and not is_used:
            read = ", ".join(map(str, files))
            raise DataError(f"{', '.join(given)}: for {kind} only. Got {read}. Leave this out.")


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
