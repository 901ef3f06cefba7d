"""`bioaug evaluate`: how real-looking, useful and private synthetic signals are."""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from bioaug.cli.command import Arguments, Command, note
from bioaug.cli.options import (
    REPORTS,
    add_out,
    add_reading,
    add_seed,
    choose_rows,
    read_rows,
)
from bioaug.core.atomic import replacing
from bioaug.exceptions import DataError
from bioaug.files.arrays import check_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug evaluate`."""
    parser.add_argument("data", metavar="REAL", help="what the generator was trained on")
    parser.add_argument(
        "synthetic", metavar="SYNTHETIC", help="of 'bioaug sample' or 'bioaug grow'"
    )
    parser.add_argument(
        "--test",
        metavar="TEST",
        help="signals that the generator never saw, best of other patients; without them, halves "
        "of REAL are compared and nothing is said on privacy",
    )
    parser.add_argument(
        "--test-records", nargs="+", metavar="RECORD", help="those of TEST, as --records of REAL"
    )
    parser.add_argument("--tier", default="fast", choices=("fast", "full"), help="default: fast")
    parser.add_argument("--signal", choices=("ecg", "eeg"), help="adds the scores of this kind")
    parser.add_argument("--sampling-rate", type=float, metavar="HZ", help="of all signals")
    add_out(parser, "FILE", ".html, .md or .json", required=False)
    add_seed(parser)
    add_reading(parser, unlabelled=True)


def run(arguments: Arguments) -> None:
    """Print the scores of synthetic signals beside real ones, and write their report."""
    from bioaug.metrics import evaluate  # takes a second to import
    from bioaug.metrics.catalogue import names_of_tier
    from bioaug.metrics.evaluation import split_halves

    out = None
    if arguments.out is not None:
        out = check_output(arguments.out, suffixes=REPORTS, force=arguments.force)
    real = read_rows(arguments.data, arguments)
    synthetic = read_rows(arguments.synthetic, arguments, synthetic=True)
    real = _of_classes(real, synthetic.y, "REAL")
    scores = None
    if arguments.test is not None:
        test = read_rows(arguments.test, arguments, records=arguments.test_records)
        test = _of_classes(test, synthetic.y, "TEST")
    else:
        halves = split_halves(len(real.X), real.y, real.groups, arguments.seed)
        real, test = (choose_rows(real, half) for half in halves)
        scores = names_of_tier(arguments.tier, privacy=False)
        note("no --test: halves of REAL are compared, and nothing is said on privacy")
    result = evaluate(
        X_train=real.X,
        X_test=test.X,
        X_synthetic=synthetic.X,
        y_train=real.y,
        y_test=test.y,
        y_synthetic=synthetic.y,
        groups_train=real.groups,
        groups_test=test.groups,
        tier=arguments.tier,
        scores=scores,
        signal=arguments.signal,
        sampling_rate=arguments.sampling_rate or real.sampling_rate,
        random_state=arguments.seed,
        verbose=int(not arguments.quiet),
    )
    print(result)
    if out is not None:
        with replacing(out) as draft:
            result.save(draft)
        print(f"wrote {out}")


def _of_classes(real: Bunch, y_synthetic: NDArray | None, name: str) -> Bunch:
    """Return the rows of the classes that have synthetic ones; rare classes are judged alone."""
    if y_synthetic is None:
        return real
    rows = np.isin(real.y, y_synthetic)
    left_out = np.unique(real.y[~rows])
    if not len(left_out):
        return real
    if not rows.any():
        raise DataError(
            f"{name} must have classes of SYNTHETIC, {np.unique(y_synthetic).tolist()}. Got "
            f"{left_out.tolist()} instead."
        )
    classes = ", ".join(map(str, left_out))
    note(f"no synthetic signals of class {classes}: these rows of {name} are left out")
    return choose_rows(real, np.flatnonzero(rows))


COMMAND = Command(
    add_arguments,
    run,
    """\
  bioaug evaluate train.npz grown.npz --test test.npz --out report.html
  bioaug evaluate mitdb new.npz --records DS1 --test mitdb --test-records DS2""",
)
