"""The command `bioaug`, thin over the functions of the library."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.utils import Bunch

from bioaug._validation import check_option
from bioaug._version import __version__
from bioaug.classical import classical_methods
from bioaug.comparison import SCORINGS, AugmentationResult
from bioaug.exceptions import BioaugError, DataError
from bioaug.files import check_output, read_arrays, replacing, write_arrays
from bioaug.model_selection import cross_validate_augmentation
from bioaug.models import available_models
from bioaug.report import write_report
from bioaug.samplers import GANOversampler
from bioaug.synthesizer import Synthesizer

ARRAYS = (".npz", ".csv")
REPORTS = (".html", ".md", ".json")
DATA_HELP = """\
DATA is a .npz file with the arrays X, y and, where patients are known, groups; a .csv table with
one signal per row; or a WFDB record, or a folder of them, whose annotated beats are cut out."""
DESCRIPTION = f"""\
Deep generators of rare biosignals: train them, sample from them, grow rare classes, and score
what comes out. 'bioaug COMMAND --help' has an example of each command.

{DATA_HELP}"""
EPILOG = """\
example: from nothing to a scored set
  bioaug demo
  bioaug train train.npz --out model --max-time 300
  bioaug grow train.npz --model model --out grown.npz
  bioaug evaluate train.npz grown.npz --test test.npz --out report.html"""

Arguments = argparse.Namespace


@dataclass(frozen=True)
class Command:
    """One sub-command: `arguments` declares what `run` reads."""

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Arguments], None]
    example: str


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after `bioaug`; None takes those of this process.

    Returns
    -------
    code : int
        0 where all went well, 2 for input that cannot be used, 1 where it was interrupted.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 2
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            arguments.run(arguments)
        except KeyboardInterrupt:
            print("bioaug: interrupted", file=sys.stderr)
            return 1
        except (BioaugError, ImportError, OSError, ValueError) as error:
            if arguments.debug:
                traceback.print_exc()
            print(f"bioaug: error: {_one_line(error)}", file=sys.stderr)
            return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands in `COMMANDS`."""
    layout: Any = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("bioaug", description=DESCRIPTION, epilog=EPILOG, **layout)
    parser.add_argument("--version", action="version", version=f"bioaug {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        of_command = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=f"example\n{command.example}",
            **layout,
        )
        command.arguments(of_command)
        general = of_command.add_argument_group("in general")
        general.add_argument("--force", action="store_true", help="replace files that exist")
        general.add_argument("--quiet", action="store_true", help="show no progress")
        general.add_argument("--debug", action="store_true", help="show where an error was raised")
        of_command.set_defaults(run=command.run)
    return parser


# --- demo -----------------------------------------------------------------------------------------


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="demo.png", metavar="FILE", help="default: demo.png")
    parser.add_argument("--beats", type=int, default=3000, metavar="N", help="default: 3000")
    _add_training(parser, n_steps=1500)


def _demo(arguments: Arguments) -> None:
    import matplotlib

    matplotlib.use("Agg")  # draws into a file, also where there is no screen
    from bioaug.datasets import make_ecg
    from bioaug.plots import plot_real_and_synthetic

    out = check_output(arguments.out, suffixes=(".png", ".pdf", ".svg"), force=arguments.force)
    weights = {"N": 0.75, "S": 0.07, "V": 0.08, "F": 0.05, "Q": 0.05}
    ecg = make_ecg(arguments.beats, class_weights=weights, random_state=arguments.seed)
    print(f"before: {_counts(ecg.target)}")
    began = time.perf_counter()
    sampler = GANOversampler(**_training(arguments))
    X, y = sampler.fit_resample(ecg.data, ecg.target)
    print(f"after:  {_counts(y)}, in {time.perf_counter() - began:.0f} s")
    figure = plot_real_and_synthetic(
        X, y, sampler.n_original_, sampling_rate=ecg.sampling_rate, unit="mV"
    )
    with replacing(out) as draft:
        figure.savefig(draft, dpi=110)
    print(f"wrote {out}: real beats beside synthetic ones")


# --- train ----------------------------------------------------------------------------------------


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser, unlabelled=True)
    _add_out(parser, "FOLDER", "where the model is saved")
    _add_model(parser, "one of " + ", ".join(available_models()) + "; default: flow")
    _add_training(parser)
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


def _train(arguments: Arguments) -> None:
    out = check_output(arguments.out, force=arguments.force)
    arrays = _rows(_read(arguments.data, arguments), synthetic=False)
    X, y = arrays.X, arrays.y
    if arguments.classes is not None:
        if y is None:
            raise DataError("--classes needs labels. Got --unlabelled as well. Leave one out.")
        rows = np.isin(y, _labels(arguments.classes, y, "--classes"))
        X, y = X[rows], y[rows]
    synthesizer = Synthesizer(
        arguments.model,
        per_class=arguments.per_class or "auto",
        early_stopping=arguments.early_stopping,
        **_training(arguments),
    )
    synthesizer.fit(X, y).save(out)
    learned = f"{len(X)} signals" if y is None else _counts(y)
    print(f"wrote {out}: {arguments.model}, trained on {learned}")


# --- sample ---------------------------------------------------------------------------------------


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the folder that 'bioaug train' wrote")
    _add_out(parser, "FILE", ".npz or .csv")
    how_many = parser.add_mutually_exclusive_group(required=True)
    how_many.add_argument("--n", type=int, metavar="N", help="spread evenly over the classes")
    how_many.add_argument(
        "--counts", nargs="+", metavar="CLASS=N", help="how many of each class, as in S=100 V=50"
    )
    parser.add_argument(
        "--seed", type=int, help="another one makes other signals; default: the model's own"
    )
    _add_device(parser)


def _sample(arguments: Arguments) -> None:
    out = check_output(arguments.out, suffixes=ARRAYS, force=arguments.force)
    synthesizer = Synthesizer.load(arguments.model, device=arguments.device)
    labels = None
    if arguments.counts is not None:
        counts = _class_counts(arguments.counts, synthesizer.classes_, "--counts")
        kind = synthesizer.classes_.dtype
        labels = np.repeat(np.array(list(counts), dtype=kind), list(counts.values()))
    n_samples = 0 if arguments.n is None else arguments.n
    X, y = synthesizer.sample(n_samples, y=labels, random_state=arguments.seed)
    write_arrays(out, X, y, force=arguments.force)
    print(f"wrote {out}: {_counts(y)}")


# --- grow -----------------------------------------------------------------------------------------


def _grow_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    _add_out(parser, "FILE", ".npz or .csv; its provenance goes to FILE.provenance.csv")
    _add_model(parser, "a model's name, a folder of 'bioaug train', or 'local', 'warp', 'jitter'")
    parser.add_argument(
        "--strategy",
        nargs="+",
        default=["auto"],
        metavar="CLASS=N",
        help="final counts of the classes that grow, as in S=500 V=500; a ratio; or imbalanced-"
        "learn's names; default: auto, all as large as the largest",
    )
    _add_training(parser)


def _grow(arguments: Arguments) -> None:
    out = check_output(arguments.out, suffixes=ARRAYS, force=arguments.force)
    beside = out.with_suffix(".provenance.csv")
    check_output(beside, suffixes=(".csv",), force=arguments.force)
    arrays = _rows(_read(arguments.data, arguments), synthetic=False)
    sampler = GANOversampler(
        arguments.model,
        sampling_strategy=_strategy(arguments.strategy, arrays.y),
        **_training(arguments),
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
    print(f"wrote {out}: {_counts(y)}, of which synthetic {_counts(y[sampler.synthetic_mask_])}")
    print(f"wrote {beside}: where each synthetic signal came from")


def _strategy(words: list[str], y: NDArray) -> Any:
    """Return imbalanced-learn's `sampling_strategy`: final counts, a ratio or a name."""
    if any("=" in word for word in words):
        return _class_counts(words, np.unique(y), "--strategy")
    if len(words) > 1:
        raise DataError(f"--strategy must be one word, or CLASS=N for each class. Got {words}.")
    try:
        return float(words[0])
    except ValueError:
        return words[0]


# --- evaluate -------------------------------------------------------------------------------------


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
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
    _add_out(parser, "FILE", ".html, .md or .json", required=False)
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    _add_reading(parser, unlabelled=True)


def _evaluate(arguments: Arguments) -> None:
    from bioaug.metrics import evaluate  # takes a second to import

    out = None
    if arguments.out is not None:
        out = check_output(arguments.out, suffixes=REPORTS, force=arguments.force)
    real = _rows(_read(arguments.data, arguments), synthetic=False)
    made = _rows(_read(arguments.synthetic, arguments), synthetic=True)
    real = _of_classes(real, made.y, "REAL")
    scores = None
    if arguments.test is not None:
        test = _read(arguments.test, arguments, arguments.test_records)
        test = _of_classes(_rows(test, synthetic=False), made.y, "TEST")
    else:
        real, test = _halves(real, arguments.seed)
        scores = _scores_without_privacy(arguments.tier)
        _note("no --test: halves of REAL are compared, and nothing is said on privacy")
    found = evaluate(
        real.X,
        test.X,
        made.X,
        real.y,
        test.y,
        made.y,
        groups_train=real.groups,
        groups_test=test.groups,
        tier=arguments.tier,
        scores=scores,
        signal=arguments.signal,
        sampling_rate=arguments.sampling_rate or real.sampling_rate,
        random_state=arguments.seed,
        verbose=int(not arguments.quiet),
    )
    print(found)
    if out is not None:
        with replacing(out) as draft:
            found.save(draft)
        print(f"wrote {out}")


def _rows(arrays: Bunch, *, synthetic: bool) -> Bunch:
    """Return, of what `bioaug grow` wrote, the synthetic or the original rows alone."""
    if arrays.synthetic is None:
        return arrays
    return _chosen(arrays, np.flatnonzero(arrays.synthetic == synthetic))


def _of_classes(real: Bunch, y_synthetic: NDArray | None, name: str) -> Bunch:
    """Return the rows of classes that were made, for rare ones are judged by their own kind."""
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
    _note(f"no synthetic signals of class {classes}: these rows of {name} are left out")
    return _chosen(real, np.flatnonzero(rows))


def _halves(arrays: Bunch, seed: int) -> tuple[Bunch, Bunch]:
    """Split by patients where they are known, otherwise within each class."""
    places = np.arange(len(arrays.X))
    if arrays.groups is not None:
        splitter = GroupShuffleSplit(1, test_size=0.5, random_state=seed)
        one, other = next(splitter.split(places, groups=arrays.groups))
    else:
        one, other = train_test_split(places, test_size=0.5, stratify=arrays.y, random_state=seed)
    return _chosen(arrays, one), _chosen(arrays, other)


def _chosen(arrays: Bunch, rows: Any) -> Bunch:
    of_rows = {
        name: None if arrays[name] is None else arrays[name][rows] for name in ("X", "y", "groups")
    }
    return Bunch(**of_rows, sampling_rate=arrays.sampling_rate)


def _scores_without_privacy(tier: str) -> list[str]:
    from bioaug.metrics._catalogue import CATALOGUE

    return [
        name
        for name, entry in CATALOGUE.items()
        if entry.kind in ("fidelity", "utility") and (entry.fast or tier == "full")
    ]


# --- what commands share --------------------------------------------------------------------------


def _add_data(parser: argparse.ArgumentParser, *, unlabelled: bool = False) -> None:
    parser.add_argument("data", metavar="DATA", help="signals and labels: .npz, .csv or WFDB")
    _add_reading(parser, unlabelled=unlabelled)


def _add_reading(parser: argparse.ArgumentParser, *, unlabelled: bool) -> None:
    table = parser.add_argument_group("reading tables and records", DATA_HELP)
    if unlabelled:
        table.add_argument("--unlabelled", action="store_true", help="there are no labels")
    else:
        parser.set_defaults(unlabelled=False)
    table.add_argument(
        "--label-column",
        type=_column,
        metavar="COLUMN",
        help="of a .csv: a name in its header, or an index from 0; default: the last",
    )
    table.add_argument(
        "--groups-column", type=_column, metavar="COLUMN", help="of a .csv: the patients"
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


def _read(path: str, arguments: Arguments, records: list[str] | None = None) -> Bunch:
    of_records = {
        "records": records or arguments.records,
        "leads": arguments.leads,
        "window": None if arguments.window is None else tuple(arguments.window),
        "sampling_rate": arguments.resample,
    }
    return read_arrays(
        path,
        labelled=not arguments.unlabelled,
        label_column=arguments.label_column,
        groups_column=arguments.groups_column,
        **of_records,
    )


def _add_out(
    parser: argparse.ArgumentParser, metavar: str, help: str, *, required: bool = True
) -> None:
    parser.add_argument("--out", required=required, metavar=metavar, help=help)


def _add_model(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--model", default="flow", help=help)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", help="cpu or cuda; default: auto, a GPU where there is one"
    )


def _add_training(parser: argparse.ArgumentParser, n_steps: int | None = None) -> None:
    default = "the model's own" if n_steps is None else n_steps
    parser.add_argument(
        "--steps", type=int, default=n_steps, metavar="N", help=f"of training; default: {default}"
    )
    parser.add_argument("--max-time", type=float, metavar="SECONDS", help="of training, at most")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    _add_device(parser)


def _training(arguments: Arguments) -> dict[str, Any]:
    """Return the parameters that Synthesizer and GANOversampler share."""
    return {
        "n_steps": arguments.steps,
        "max_time": arguments.max_time,
        "device": arguments.device,
        "random_state": arguments.seed,
        "verbose": int(not arguments.quiet),
    }


def _column(word: str) -> str | int:
    try:
        return int(word)
    except ValueError:
        return word


def _labels(words: Iterable[str], known: NDArray, option: str) -> list[Any]:
    """Return the labels of the data that are written as `words`."""
    by_name = {str(label): label for label in np.unique(known).tolist()}
    for word in words:
        check_option(word, name=option, owner="bioaug", options=by_name)
    return [by_name[word] for word in words]


def _class_counts(words: list[str], classes: NDArray, option: str) -> dict[Any, int]:
    """Return the counts of words such as S=100."""
    counts = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not number.isdecimal() or not name:
            raise DataError(f"{option} must be of the form CLASS=N, as in S=100. Got {word!r}.")
        counts[_labels([name], classes, option)[0]] = int(number)
    return counts


def _counts(y: NDArray) -> str:
    """Return the size of each class, as in "F 150, N 2250"."""
    counts = sorted(Counter(y.tolist()).items())
    return ", ".join(f"{label} {count}" for label, count in counts) or "nothing"


def _note(text: str) -> None:
    print(f"bioaug: {text}", file=sys.stderr)


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _note(f"warning: {_one_line(message)}")


# --- benchmark and report -------------------------------------------------------------------------

CLASSIFIERS = {"forest": RandomForestClassifier, "trees": HistGradientBoostingClassifier}
SIMPLE = {"none": None, "copies": "null", "oracle": "oracle"}


def _benchmark_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    known = f"{', '.join(SIMPLE)}, weights, smote, {', '.join(classical_methods())}"
    parser.add_argument(
        "--arms",
        nargs="+",
        default=["weights", "smote", "local", "flow"],
        metavar="ARM",
        help=f"{known}, or a model; default: weights smote local flow",
    )
    parser.add_argument("--classifier", default="forest", choices=sorted(CLASSIFIERS))
    parser.add_argument("--folds", type=int, default=5, help="of patients; default: 5")
    parser.add_argument("--repeats", type=int, default=1, help="with other seeds; default: 1")
    parser.add_argument("--scoring", default="f1_macro", choices=sorted(SCORINGS))
    parser.add_argument("--n-jobs", type=int, metavar="N", help="runs side by side")
    parser.add_argument("--runs", metavar="FOLDER", help="keeps finished runs, to go on from")
    _add_out(parser, "FILE", ".html or .md; the numbers go into .json beside it")
    _add_training(parser)


def _benchmark(arguments: Arguments) -> None:
    out = check_output(arguments.out, suffixes=REPORTS[:2], force=arguments.force)
    check_output(out.with_suffix(".json"), suffixes=REPORTS, force=arguments.force)
    arrays = _rows(_read(arguments.data, arguments), synthetic=False)
    if arrays.groups is None:
        raise DataError(
            "The DATA of benchmark must name the patient of every row, for rows of one patient are "
            "near copies. Give 'groups' in the .npz, --groups-column, or WFDB records."
        )
    result = cross_validate_augmentation(
        CLASSIFIERS[arguments.classifier](),
        arrays.X.reshape(len(arrays.X), -1),
        arrays.y,
        groups=arrays.groups,
        samplers={name: _arm(name, arguments) for name in arguments.arms},
        cv=arguments.folds,
        scoring=arguments.scoring,
        n_repeats=arguments.repeats,
        n_jobs=arguments.n_jobs,
        folder=arguments.runs,
        random_state=arguments.seed,
        verbose=int(not arguments.quiet),
    )
    print(result)
    write_report(result, out)
    print(f"wrote {out}")


def _arm(name: str, arguments: Arguments) -> Any:
    if name in SIMPLE:
        return SIMPLE[name]
    if name == "weights":
        return {"class_weight": "balanced"}
    if name == "smote":
        return SMOTE()
    if name in classical_methods():
        return GANOversampler(name)
    settings = _training(arguments)
    kept = ("n_steps", "max_time", "device")
    return GANOversampler(name, **{key: settings[key] for key in kept})


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", help="the .json that 'bioaug benchmark' wrote")
    parser.add_argument("--citation", metavar="TEXT", help="how to cite the data")
    _add_out(parser, "FILE", ".html or .md")


def _report(arguments: Arguments) -> None:
    out = check_output(arguments.out, suffixes=REPORTS[:2], force=arguments.force)
    write_report(AugmentationResult.load(arguments.result), out, citation=arguments.citation)
    print(f"wrote {out}")


COMMANDS = (
    Command(
        "demo",
        "balance a simulated ECG set and draw real beside synthetic beats",
        _demo_arguments,
        _demo,
        "  bioaug demo --out demo.png",
    ),
    Command(
        "train",
        "train a generator on labelled signals and save it",
        _train_arguments,
        _train,
        """\
  bioaug train train.npz --out model --max-time 300
  bioaug train table.csv --label-column class --classes S V --out model
  bioaug train mitdb --records DS1 --classes S V F --out model""",
    ),
    Command(
        "sample",
        "make new signals with a saved generator",
        _sample_arguments,
        _sample,
        """\
  bioaug sample model --counts S=100 V=50 --out new.npz

The same call makes the same signals; --seed makes others.""",
    ),
    Command(
        "grow",
        "add synthetic signals to the rare classes of a set",
        _grow_arguments,
        _grow,
        """\
  bioaug grow train.npz --out grown.npz
  bioaug grow train.csv --groups-column patient --strategy S=500 V=500 --out grown.csv
  bioaug grow train.npz --model model --out grown.npz

The originals come first, unchanged; the mask 'synthetic' tells which rows are new. Grow training
rows only: what is tested on must not have been learned from.""",
    ),
    Command(
        "evaluate",
        "score how real-looking, useful and private synthetic signals are",
        _evaluate_arguments,
        _evaluate,
        """\
  bioaug evaluate train.npz grown.npz --test test.npz --out report.html
  bioaug evaluate mitdb new.npz --records DS1 --test mitdb --test-records DS2""",
    ),
    Command(
        "benchmark",
        "find out whether augmentation helps a classifier on patients never seen",
        _benchmark_arguments,
        _benchmark,
        """\
  bioaug benchmark beats.npz --arms weights smote local flow --out report.html
  bioaug benchmark table.csv --groups-column patient --arms oracle local --out report.md

Every arm sees the same folds of patients and the same classifier; the report has paired
differences with their intervals and a verdict in words.""",
    ),
    Command(
        "report",
        "write the page of a finished benchmark again",
        _report_arguments,
        _report,
        "  bioaug report report.json --out report.md",
    ),
)
