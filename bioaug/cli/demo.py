"""`bioaug demo`: from nothing to a picture of real beside synthetic beats."""

from __future__ import annotations

import argparse
import time

from bioaug.cli.command import Arguments, Command
from bioaug.cli.options import add_training, class_sizes, training_parameters
from bioaug.core.atomic import replacing
from bioaug.files.arrays import check_output
from bioaug.oversampling.sampler import GANOversampler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `bioaug demo`."""
    parser.add_argument("--out", default="demo.png", metavar="FILE", help="default: demo.png")
    parser.add_argument("--beats", type=int, default=3000, metavar="N", help="default: 3000")
    add_training(parser, n_steps=1500)


def run(arguments: Arguments) -> None:
    """Balance a simulated set, save the picture and print the sizes of its classes."""
    import matplotlib

    matplotlib.use("Agg")  # draws into a file, also where there is no screen
    from bioaug.datasets import make_ecg
    from bioaug.plots import plot_real_and_synthetic

    out = check_output(arguments.out, suffixes=(".png", ".pdf", ".svg"), force=arguments.force)
    weights = {"N": 0.75, "S": 0.07, "V": 0.08, "F": 0.05, "Q": 0.05}
    ecg = make_ecg(arguments.beats, class_weights=weights, random_state=arguments.seed)
    print(f"before: {class_sizes(ecg.target)}")
    began = time.perf_counter()
    sampler = GANOversampler(**training_parameters(arguments))
    X, y = sampler.fit_resample(ecg.data, ecg.target)
    print(f"after:  {class_sizes(y)}, in {time.perf_counter() - began:.0f} s")
    figure = plot_real_and_synthetic(
        X, y, sampler.n_original_, sampling_rate=ecg.sampling_rate, unit="mV"
    )
    with replacing(out) as draft:
        figure.savefig(draft, dpi=110)
    print(f"wrote {out}: real beats beside synthetic ones")


COMMAND = Command(
    add_arguments,
    run,
    "  bioaug demo --out demo.png",
)
