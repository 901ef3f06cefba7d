"""`bioaug train`: a generator of labelled signals, saved in a folder."""

from __future__ import annotations

import argparse

import numpy as np

from bioaug.cli.command import Arguments, Command
from bioaug.cli.options import (
    add_data,
    add_model,
    add_out,
    add_training,
    class_sizes,
    parse_labels,
    read_rows,
    training_parameters,
)
from bioaug.core.checkpoint_folder import check_folder
from bioaug.exceptions import DataError
from bioaug.files.arrays import check_output
from bioaug.models import available_models
from bioaug.synthesis.synthesizer import Synthesizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug train`."""
    add_data(parser, unlabelled=True)
    add_out(parser, "FOLDER", "where the model is saved")
    add_model(parser, "one of " + ", ".join(available_models()) + "; default: flow")
    add_training(parser)
    parser.add_argument(
        "--classes", nargs="+", metavar="CLASS", help="learn these only; default: all of DATA"
    )
    parser.add_argument(
        "--per-class", action="store_true", help="train one model per class, not one for all"
    )
    parser.add_argument(
        "--early-stopping",
        metavar="SCORE",
        help="keep the best weights by this score of rows held out, such as mmd",
    )
    parser.add_argument(
        "--include-fingerprint",
        action="store_true",
        help="also save keyed hashes of the training rows, by which a test set can be checked for "
        "them; not for folders that are passed on",
    )


def run(arguments: Arguments) -> None:
    """Fit a Synthesizer to the rows and classes asked for, and save it."""
    out = check_output(arguments.out, force=arguments.force)
    check_folder(out)
    arrays = read_rows(arguments.data, arguments)
    X, y = arrays.X, arrays.y
    if arguments.classes is not None:
        if y is None:
            raise DataError("--classes needs labels. Got --unlabelled as well. Leave one out.")
        rows = np.isin(y, parse_labels(arguments.classes, y, "--classes"))
        X, y = X[rows], y[rows]
    synthesizer = Synthesizer(
        arguments.model,
        per_class=arguments.per_class or "auto",
        early_stopping=arguments.early_stopping,
        **training_parameters(arguments),
    )
    synthesizer.fit(X, y).save(out, include_fingerprint=arguments.include_fingerprint)
    learned = f"{len(X)} signals" if y is None else class_sizes(y)
    print(f"wrote {out}: {arguments.model}, trained on {learned}")


COMMAND = Command(
    add_arguments,
    run,
    """\
  bioaug train train.npz --out model --max-time 300
  bioaug train table.csv --label-column class --classes S V --out model
  bioaug train mitdb --records DS1 --classes S V F --out model""",
)
