"""`bioaug sample`: new signals of a saved generator."""

from __future__ import annotations

import argparse

import numpy as np

from bioaug.cli.command import Arguments, Command
from bioaug.cli.options import (
    ARRAYS,
    add_device,
    add_out,
    add_seed,
    class_sizes,
    parse_counts,
)
from bioaug.files.arrays import check_output, write_arrays
from bioaug.synthesis.synthesizer import Synthesizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug sample`."""
    parser.add_argument("model", metavar="MODEL", help="the folder that 'bioaug train' wrote")
    add_out(parser, "FILE", ".npz or .csv")
    how_many = parser.add_mutually_exclusive_group(required=True)
    how_many.add_argument("--n", type=int, metavar="N", help="spread evenly over the classes")
    how_many.add_argument(
        "--counts", nargs="+", metavar="CLASS=N", help="how many of each class, as in S=100 V=50"
    )
    add_seed(parser, None, "another one makes other signals; default: the model's own")
    add_device(parser)


def run(arguments: Arguments) -> None:
    """Sample a saved Synthesizer and write the signals with their labels."""
    out = check_output(arguments.out, suffixes=ARRAYS, force=arguments.force)
    synthesizer = Synthesizer.load(arguments.model, device=arguments.device)
    labels = None
    if arguments.counts is not None:
        counts = parse_counts(arguments.counts, synthesizer.classes_, "--counts")
        kind = synthesizer.classes_.dtype
        labels = np.repeat(np.array(list(counts), dtype=kind), list(counts.values()))
    n_samples = 0 if arguments.n is None else arguments.n
    X, y = synthesizer.sample(n_samples, y=labels, random_state=arguments.seed)
    write_arrays(out, X, y, force=arguments.force)
    print(f"wrote {out}: {class_sizes(y)}")


COMMAND = Command(
    add_arguments,
    run,
    """\
  bioaug sample model --counts S=100 V=50 --out new.npz

The same call makes the same signals; --seed makes others.""",
)
