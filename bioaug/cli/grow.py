"""`bioaug grow`: a set with synthetic signals added to its rare classes."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.cli.command import Arguments, Command
from bioaug.cli.options import (
    ARRAYS,
    add_data,
    add_model,
    add_out,
    add_training,
    class_sizes,
    parse_counts,
    read_rows,
    training_parameters,
)
from bioaug.core.atomic import replacing
from bioaug.exceptions import DataError
from bioaug.files.arrays import check_output, write_arrays
from bioaug.oversampling.classical import classical_methods
from bioaug.oversampling.sampler import GANOversampler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug grow`."""
    add_data(parser)
    add_out(parser, "FILE", ".npz or .csv; the provenance of grown.npz is grown.provenance.csv")
    ways = ", ".join(repr(way) for way in classical_methods())
    add_model(parser, f"a model's name, a folder of 'bioaug train', or {ways}; default: flow")
    parser.add_argument(
        "--strategy",
        nargs="+",
        default=["auto"],
        metavar="CLASS=N",
        help="final counts of the classes that grow, as in S=500 V=500; a ratio; or imbalanced-"
        "learn's names; default: auto, all as large as the largest",
    )
    add_training(parser)


def run(arguments: Arguments) -> None:
    """Resample a set with GANOversampler; write it and where each new signal came from."""
    out = check_output(arguments.out, suffixes=ARRAYS, force=arguments.force)
    beside = out.with_suffix(".provenance.csv")
    check_output(beside, suffixes=(".csv",), force=arguments.force)
    arrays = read_rows(arguments.data, arguments)
    sampler = GANOversampler(
        arguments.model,
        sampling_strategy=_strategy(arguments.strategy, arrays.y),
        **training_parameters(arguments),
    )
    X, y = sampler.fit_resample(arrays.X, arrays.y, groups=arrays.groups)
    with replacing(beside) as draft:
        sampler.synthetic_provenance_.to_csv(draft, index=False)
        write_arrays(
            out,
            X,
            y,
            force=arguments.force,
            groups=getattr(sampler, "groups_", None),
            synthetic=sampler.synthetic_mask_,
        )
    made = class_sizes(y[sampler.synthetic_mask_])
    print(f"wrote {out}: {class_sizes(y)}, of which synthetic {made}")
    print(f"wrote {beside}: where each synthetic signal came from")


def _strategy(words: list[str], y: NDArray) -> Any:
    """Return imbalanced-learn's `sampling_strategy`: final counts, a ratio or a name."""
    if any("=" in word for word in words):
        return parse_counts(words, np.unique(y), "--strategy")
    if len(words) > 1:
        raise DataError(f"--strategy must be one word, or CLASS=N for each class. Got {words}.")
    try:
        return float(words[0])
    except ValueError:
        return words[0]


COMMAND = Command(
    add_arguments,
    run,
    """\
  bioaug grow train.npz --out grown.npz
  bioaug grow train.csv --groups-column patient --strategy S=500 V=500 --out grown.csv
  bioaug grow train.npz --model model --out grown.npz

The originals come first, unchanged; the mask 'synthetic' tells which rows are new. Grow training
rows only: what is tested on must not have been learned from.""",
)
