"""`bioaug benchmark`: whether augmentation helps a classifier on patients never seen."""

from __future__ import annotations

import argparse

from bioaug.cli.command import Arguments, Command
from bioaug.cli.options import (
    add_data,
    add_out,
    add_training,
    check_report,
    read_rows,
    training_parameters,
)
from bioaug.comparison import cross_validate_augmentation, write_report
from bioaug.comparison.arms import CLASSIFIERS, arm_names, named_arm
from bioaug.exceptions import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug benchmark`."""
    add_data(parser)
    parser.add_argument(
        "--arms",
        nargs="+",
        default=["weights", "smote", "local", "flow"],
        metavar="ARM",
        help=f"{', '.join(arm_names())}, or the folder of a saved model; default: weights smote "
        "local flow",
    )
    parser.add_argument("--classifier", default="forest", choices=sorted(CLASSIFIERS))
    parser.add_argument("--folds", type=int, default=5, help="of patients; default: 5")
    parser.add_argument("--repeats", type=int, default=1, help="with other seeds; default: 1")
    parser.add_argument(
        "--scoring",
        default="f1_macro",
        metavar="SCORE",
        help="f1_macro, balanced_accuracy, accuracy, or a scorer of scikit-learn, such as "
        "roc_auc_ovr; default: f1_macro",
    )
    parser.add_argument("--n-jobs", type=int, metavar="N", help="runs side by side")
    parser.add_argument("--runs", metavar="FOLDER", help="keeps finished runs, to go on from")
    add_out(parser, "FILE", ".html or .md; the numbers go into .json beside it")
    add_training(parser)


def run(arguments: Arguments) -> None:
    """Compare the arms on the same folds of patients; write the report and the numbers."""
    out = check_report(arguments)
    arrays = read_rows(arguments.data, arguments)
    if arrays.groups is None:
        raise DataError(
            "The DATA of benchmark must name the patient of every row, for rows of one patient are "
            "near copies. Give 'groups' in the .npz, --groups-column, or WFDB records."
        )
    settings = training_parameters(arguments)
    of_models = {name: settings[name] for name in ("n_steps", "max_time", "device")}
    result = cross_validate_augmentation(
        arguments.classifier,
        arrays.X,
        arrays.y,
        groups=arrays.groups,
        samplers={name: named_arm(name, of_models) for name in arguments.arms},
        cv=arguments.folds,
        scoring=arguments.scoring,
        n_repeats=arguments.repeats,
        n_jobs=arguments.n_jobs,
        folder=arguments.runs,
        random_state=arguments.seed,
        verbose=int(not arguments.quiet),
    )
    try:
        write_report(result, out)
    finally:  # what was computed is shown, also where it cannot be written
        print(result)
    print(f"wrote {out}")


COMMAND = Command(
    add_arguments,
    run,
    """\
  bioaug benchmark beats.npz --arms weights smote local flow --out report.html
  bioaug benchmark table.csv --groups-column patient --arms oracle local --out report.md

Every arm sees the same folds of patients and the same classifier; the report has paired
differences with their intervals and a verdict in words.""",
)
