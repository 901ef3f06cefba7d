"""All scores in one call, as one table."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from bioaug._atomic import replace_file
from bioaug._validation import POSITIVE, check_number, check_option, check_path
from bioaug.exceptions import BioaugError, DataError
from bioaug.metrics._catalogue import CATALOGUE, Entry
from bioaug.metrics._measure import check_pair, seed_of
from bioaug.metrics._sets import check_apart
from bioaug.metrics.score import Score

_COLUMNS = ("kind", "value", "better", "null", "null_low", "null_high", "reads as", "seconds")
SIGNALS = ("ecg", "eeg", None)


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes
    ----------
    scores : dict of str to Score
    missing : dict of str to str
        Why a score of the tier is not there.
    notes : list of str
        What the table as a whole says.
    table : DataFrame
        One line per score and class, with the null value beside it; `reads as` says whether the
        value lies inside the null's 95 % interval ("as real"), on its worse side ("worse than
        real") or on the other ("beyond real"). No generator is better than real: a fidelity score
        beyond it is a reason to look at the privacy scores, for copies of training rows reach it.
    """

    scores: dict[str, Score]
    missing: dict[str, str]

    @property
    def table(self) -> pd.DataFrame:
        """The scores as a table, one line per score and class."""
        rows = []
        for name, score in self.scores.items():
            lines = {"all": score} | score.per_class
            rows += [
                {"score": name, "class": str(label)} | _line(CATALOGUE[name], of_class)
                for label, of_class in lines.items()
            ]
        for name, reason in self.missing.items():
            entry = {"score": name, "class": "all", "kind": CATALOGUE[name].kind}
            rows.append(entry | {"reads as": f"not computed: {reason}"})
        return pd.DataFrame(rows, columns=("score", "class", *_COLUMNS)).set_index(
            ["score", "class"]
        )

    @property
    def notes(self) -> list[str]:
        """What no single line says: copied training rows, and classes without synthetic ones."""
        return [*self._copying_notes(), *self._class_notes()]

    def _copying_notes(self) -> list[str]:
        worse = [
            name
            for name, score in self.scores.items()
            if CATALOGUE[name].kind == "privacy" and _reading(score) == "worse than real"
        ]
        if not worse:
            return []
        return [
            f"Worse than real in {', '.join(worse)}: synthetic signals give away training rows. "
            "Good fidelity is no merit then, copies have it."
        ]

    def _class_notes(self) -> list[str]:
        left_out = dict.fromkeys(
            label
            for score in self.scores.values()
            for label in score.details.get("classes_left_out", ())
        )
        if not left_out:
            return []
        return [
            f"No synthetic signals of class {', '.join(map(str, left_out))}: scores by class leave "
            "it out."
        ]

    def __repr__(self) -> str:
        lines = [f"{name} is not computed: {reason}" for name, reason in self.missing.items()]
        if self.scores:
            table = self.table.loc[list(self.scores)].xs("all", level="class")
            lines.insert(0, table.to_string(float_format=lambda value: f"{value:.4g}", na_rep=""))
        return "\n".join([*lines, *self.notes])

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Return the table as HTML."""
        table = self.table.to_html(float_format=lambda value: f"{value:.4g}", na_rep="", border=0)
        return table + "".join(f"\n<p>{escape(note)}</p>" for note in self.notes)

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        table = self.table.reset_index()
        lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
        for row in table.itertuples(index=False):
            lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)]) + "\n"

    def to_json(self) -> str:
        """Return all scores with their details as JSON."""
        scores = {name: score.to_dict() for name, score in self.scores.items()}
        found = {"scores": scores, "missing": self.missing, "notes": self.notes}
        return json.dumps(found, indent=1, default=_plain)

    def save(self, path: str | Path) -> None:
        """Write the table to a file ending in .html, .md or .json.

        Raises
        ------
        DataError
            Where the file has another ending.
        """
        file = check_path(path, name="path", owner="save")
        writers = {".html": self.to_html, ".md": self.to_markdown, ".json": self.to_json}
        check_option(file.suffix, name="path's ending", owner="save", options=writers)
        replace_file(file, writers[file.suffix]().encode())


def evaluate(
    X_train: Any,
    X_test: Any,
    X_synthetic: Any,
    y_train: Any = None,
    y_test: Any = None,
    y_synthetic: Any = None,
    *,
    groups_train: Any = None,
    groups_test: Any = None,
    tier: Literal["fast", "full"] = "fast",
    scores: Sequence[str] | None = None,
    signal: Literal["ecg", "eeg"] | None = None,
    sampling_rate: float | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 1,
) -> Evaluation:
    """Score how real-looking, useful and private synthetic signals are.

    Fidelity and utility are judged on the held-out rows `X_test`, privacy on the rows `X_train`
    that the generator was trained on, with `X_test` as the rows it never saw.

    Parameters
    ----------
    X_train, X_test, X_synthetic : array-like, 2-D or 3-D
        The generator's training rows, held-out rows (best of other patients), and its signals.
    y_train, y_test, y_synthetic : array-like, optional
        Labels: all three or none.
    groups_train, groups_test : array-like, optional
        The patient of every row.
    tier : {"fast", "full"}, default="fast"
        "fast" leaves out what trains recurrent networks or takes minutes, and has fewer folds and
        halvings in the scores that train a classifier.
    scores : sequence of str, optional
        Names of the scores wanted, instead of a tier's.
    signal : {"ecg", "eeg"}, optional
        Adds the scores of this kind of signal; needs `sampling_rate`.
    sampling_rate : float, optional
        In Hz.
    random_state : int, RandomState or None, default=None
        Seed of every score.
    verbose : int, default=1
        0 shows no progress.

    Returns
    -------
    evaluation : Evaluation
        Its `table` has a line for every score: a value, or the reason why there is none.

    Raises
    ------
    LeakError
        Where more than half of the rows of `X_test` are rows of `X_train`; a UserWarning tells of
        fewer.
    DataError
        For an unknown tier, score or kind of signal; for what no score can use: NaN, unequal
        lengths or channels, labels that are given for some sets only, labels or groups that are
        not one for every row. What one score cannot use is a line of the table.
    """
    check_option(tier, name="tier", owner="evaluate", options=("fast", "full"))
    check_option(signal, name="signal", owner="evaluate", options=SIGNALS)
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner="evaluate", optional=True)
    _check_names(scores)
    sets = _Sets(X_train, X_test, X_synthetic, y_train, y_test, y_synthetic)
    sets.check()
    _check_groups("groups_train", groups_train, len(X_train))
    _check_groups("groups_test", groups_test, len(X_test))
    beside = {"groups_real": groups_train, "groups_holdout": groups_test}
    beside |= {"sampling_rate": sampling_rate}
    seed = seed_of(random_state)
    found: dict[str, Score] = {}
    missing: dict[str, str] = {}
    chosen = _chosen(tier, scores, signal)
    with tqdm(chosen, disable=not verbose, unit="score") as progress:
        for name in progress:
            progress.set_postfix_str(name)
            entry = CATALOGUE[name]
            reason = _lacking(entry, sets, sampling_rate)
            if reason:
                missing[name] = reason
                continue
            keywords = {"random_state": seed} | sets.keywords(entry)
            if tier == "fast":
                keywords |= entry.quick
            keywords |= {k: v for k, v in beside.items() if k in entry.takes | entry.needs}
            try:
                with warnings.catch_warnings():  # `sets.check` has warned of shared rows
                    warnings.filterwarnings("ignore", "The 'X_holdout' parameter")
                    found[name] = entry.function(sets.real(entry), X_synthetic, **keywords)
            except (BioaugError, ValueError) as error:
                missing[name] = str(error)
    return Evaluation(found, missing)


@dataclass(frozen=True)
class _Sets:
    """The three sets with their labels."""

    X_train: Any
    X_test: Any
    X_synthetic: Any
    y_train: Any
    y_test: Any
    y_synthetic: Any

    def check(self) -> None:
        """Raise a DataError for what no score can use."""
        given = [y is not None for y in (self.y_train, self.y_test, self.y_synthetic)]
        if any(given) and not all(given):
            raise DataError(
                "The 'y_train', 'y_test' and 'y_synthetic' parameters of evaluate must be given "
                f"together. Got {sum(given)} of 3. Give all labels or none."
            )
        train = self.X_train, self.y_train
        others = {
            "test": (self.X_test, self.y_test),
            "synthetic": (self.X_synthetic, self.y_synthetic),
        }
        for name, (X, y) in others.items():
            pair = check_pair(train[0], X, train[1], y, owner="evaluate", first="train", other=name)
            if name == "test":
                sets = pair.X_real, pair.X_synthetic
                check_apart(*sets, owner="evaluate", names=("X_train", "X_test"))

    @property
    def labelled(self) -> bool:
        """Whether there are labels."""
        return self.y_train is not None

    def real(self, entry: Entry) -> Any:
        """Return the real rows that a score compares with."""
        return self.X_train if entry.kind == "privacy" or "test" in entry.takes else self.X_test

    def keywords(self, entry: Entry) -> dict[str, Any]:
        """Return labels and held-out rows as a score's function takes them."""
        on_train = entry.kind == "privacy" or "test" in entry.takes
        given: dict[str, Any] = {}
        if self.labelled:
            given |= {"y_real": self.y_train if on_train else self.y_test}
            given |= {"y_synthetic": self.y_synthetic}
        if "holdout" in entry.needs:
            given |= {"X_holdout": self.X_test}
            given |= {"y_holdout": self.y_test} if self.labelled else {}
        if "test" in entry.takes:
            given |= {"X_test": self.X_test, "y_test": self.y_test}
        return given


def _check_names(scores: Sequence[str] | None) -> None:
    if isinstance(scores, str) or (scores is not None and not len(scores)):
        raise DataError(
            "The 'scores' parameter of evaluate must be None or a list of one name at least. "
            f"Got {scores!r}. Give names such as ['mmd']."
        )
    for name in scores or ():
        check_option(name, name="scores", owner="evaluate", options=CATALOGUE)


def _check_groups(name: str, groups: Any, n_rows: int) -> None:
    if groups is not None and len(groups) != n_rows:
        raise DataError(
            f"The {name!r} parameter of evaluate must hold the patient of each of the {n_rows} "
            f"rows. Got {len(groups)}. Give as many as there are rows, or none."
        )


def _chosen(tier: str, scores: Sequence[str] | None, signal: str | None) -> list[str]:
    """Return the wanted scores, or the tier's, and the one of the kind of signal."""
    general = [
        name
        for name, entry in CATALOGUE.items()
        if (entry.fast or tier == "full") and entry.kind != "biosignal"
    ]
    wanted = general if scores is None else list(scores)
    return list(dict.fromkeys(wanted if signal is None else [*wanted, signal]))


def _lacking(entry: Entry, sets: _Sets, sampling_rate: float | None) -> str | None:
    """Return why a score cannot be computed, or None."""
    if "labels" in entry.needs and not sets.labelled:
        return "it needs labels (y_train, y_test, y_synthetic)"
    if "sampling_rate" in entry.needs and sampling_rate is None:
        return "it needs sampling_rate"
    return None


def _line(entry: Entry, score: Score) -> dict[str, Any]:
    null = score.null
    return {
        "kind": entry.kind,
        "value": score.value,
        "better": score.direction,
        "null": None if null is None else null.value,
        "null_low": None if null is None else null.low,
        "null_high": None if null is None else null.high,
        "reads as": _reading(score),
        "seconds": score.seconds,
    }


def _reading(score: Score) -> str:
    if score.null is None:
        return "no null value"
    if score.value in score.null:
        return "as real"
    is_higher = score.value > score.null.high
    return "beyond real" if is_higher == (score.direction == "higher") else "worse than real"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
