"""All scores in one call, as one table."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from bioaug.core.atomic import replace_file
from bioaug.core.checks import POSITIVE, check_number, check_option, check_path
from bioaug.exceptions import BioaugError, DataError
from bioaug.metrics._given import Given
from bioaug.metrics.base.measure import seed_of
from bioaug.metrics.base.score import Score, read_against
from bioaug.metrics.catalogue import CATALOGUE, Entry
from bioaug.metrics.privacy.verdict import PrivacyVerdict

_COLUMNS = (
    "kind",
    "value",
    "real",
    "better",
    "null",
    "null_low",
    "null_high",
    "reads as",
    "seconds",
)
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
        One line per score and class. `real` is what the real training rows score against the same
        test rows; beside it is the null value; `reads as` says whether the value lies inside the
        null's 95 % interval ("as real"), on its worse side ("worse than real") or on the other
        ("beyond real"), or that nothing can be told ("inconclusive"; `notes` say why). No
        generator is better than real: a fidelity score beyond it is a reason to look at the
        privacy scores, for copies of training rows reach it.
    real : dict of str to float or Score
        What the real training rows score, of the scores where this says something.
    checked_generator : bool
        Whether the generator was given, so that it is known that it has not seen the test rows.
    privacy : PrivacyVerdict or None
        Whether the training rows are given away, by the strongest of several attacks; None where
        no privacy score was wanted, or the verdict could not be found.
    """

    scores: dict[str, Score]
    missing: dict[str, str]
    real: dict[str, Score | float] = field(default_factory=dict)
    checked_generator: bool = True
    privacy: PrivacyVerdict | None = None

    @property
    def table(self) -> pd.DataFrame:
        """The scores as a table, one line per score and class."""
        rows = []
        for name, score in self.scores.items():
            lines = {"all": score} | score.per_class
            rows += [
                {"score": name, "class": str(label)}
                | _line(CATALOGUE[name], of_class, self._real_value(name, label))
                for label, of_class in lines.items()
            ]
        for name, reason in self.missing.items():
            entry = {"score": name, "class": "all", "kind": CATALOGUE[name].kind}
            rows.append(entry | {"reads as": f"not computed: {reason}"})
        return pd.DataFrame(rows, columns=("score", "class", *_COLUMNS)).set_index(
            ["score", "class"]
        )

    def _real_value(self, name: str, label: Any) -> float | None:
        """Return what the real training rows score, of all classes ("all") or of one."""
        real = self.real.get(name)
        if isinstance(real, Score) and label != "all":
            real = real.per_class.get(label)
        elif label != "all":
            real = None
        return None if real is None else float(real)

    @property
    def notes(self) -> list[str]:
        """What no single line says: copies, missing classes, why a score is inconclusive."""
        return [
            *self._privacy_notes(),
            *self._class_notes(),
            *self._inconclusive_notes(),
            *self._real_notes(),
            *self._generator_notes(),
        ]

    def _inconclusive_notes(self) -> list[str]:
        """Say why scores are inconclusive, those with the same reason together."""
        found: dict[str, list[str]] = {}
        for name, score in self.scores.items():
            if score.reading == "inconclusive":
                found.setdefault(score.reason, []).append(name)
        return [f"Inconclusive: {', '.join(names)} ({reason})." for reason, names in found.items()]

    def _real_notes(self) -> list[str]:
        """Name scores in which the real training rows themselves are worse than the null."""
        worse = [
            name
            for name, real in self.real.items()
            if read_against(float(real), self.scores[name]) == "worse than real"
        ]
        if not worse:
            return []
        return [
            f"The real training rows are worse than the null, too, in {', '.join(worse)}: their "
            "patients differ from those of the test rows. Compare with the column 'real' there."
        ]

    def _generator_notes(self) -> list[str]:
        if self.checked_generator:
            return []
        return [
            "Whether the generator has seen test rows or their patients was not checked: give it "
            "as generator=."
        ]

    def _privacy_notes(self) -> list[str]:
        """Say the verdict, and which single scores disagree with it or bear it out."""
        verdict = self.privacy
        notes = [] if verdict is None else [f"Privacy: {verdict.sentence}"]
        worse = [
            name
            for name, score in self.scores.items()
            if CATALOGUE[name].kind == "privacy" and score.reading == "worse than real"
        ]
        if not worse:
            return notes
        if verdict is None or verdict.verdict == "leak":
            meaning = (
                "synthetic signals give away training rows. Good fidelity is no merit then, copies "
                "have it"
            )
        else:
            meaning = "a single score may be so by chance, the verdict weighs all attacks"
        return [*notes, f"Worse than real in {', '.join(worse)}: {meaning}."]

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
        real = {name: float(value) for name, value in self.real.items()}
        found = {"scores": scores, "real": real, "missing": self.missing, "notes": self.notes}
        found |= {"privacy": None if self.privacy is None else self.privacy.to_dict()}
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
    *,
    X_train: Any,
    X_test: Any,
    X_synthetic: Any,
    y_train: Any = None,
    y_test: Any = None,
    y_synthetic: Any = None,
    groups_train: Any = None,
    groups_test: Any = None,
    X_holdout: Any = None,
    y_holdout: Any = None,
    groups_holdout: Any = None,
    generator: Any = None,
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
        The patient of every row; none may be in both. With them, null values come from halves of
        the patients, of which there must be 8 at least, in each class.
    X_holdout : array-like, optional
        Real rows of the patients of `X_train` that the generator never saw. Privacy is judged with
        them instead of with `X_test`: rows of other patients cannot tell whether single rows are
        given away.
    y_holdout, groups_holdout : array-like, optional
        Their labels, where the other sets have some, and their patients.
    generator : fitted Synthesizer or oversampler, or its ``training_fingerprint_``, optional
        What made `X_synthetic`: it is checked that it has not seen the test rows or their patients.
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
        Where `generator` has seen a test row or a patient of the test rows, where a patient is in
        both sets, where `X_train` or `X_test` hold rows that this process has made, and where more
        than half of the rows of `X_test` are rows of `X_train`, or more than half of the synthetic
        rows are rows of `X_test`; a UserWarning tells of fewer.
    DataError
        For an unknown tier, score or kind of signal; for what no score can use: NaN, unequal
        lengths or channels, labels that are given for some sets only, labels or groups that are
        not one for every row. What one score cannot use is a line of the table.
    """
    check_option(tier, name="tier", owner="evaluate", options=("fast", "full"))
    check_option(signal, name="signal", owner="evaluate", options=SIGNALS)
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner="evaluate", optional=True)
    _check_names(scores)
    sets = Given(
        *(X_train, X_test, X_synthetic, y_train, y_test, y_synthetic),
        *(groups_train, groups_test, generator, sampling_rate),
        *(X_holdout, y_holdout, groups_holdout),
    )
    sets.check()
    seed = seed_of(random_state)
    found: dict[str, Score] = {}
    real: dict[str, Score | float] = {}
    missing: dict[str, str] = {}
    chosen = _chosen(tier, scores, signal)
    with tqdm(chosen, disable=not verbose, unit="score") as progress:
        for name in progress:
            progress.set_postfix_str(name)
            entry = CATALOGUE[name]
            reason = sets.lacking(entry)
            if reason:
                missing[name] = reason
                continue
            keywords = {"random_state": seed} | sets.keywords(entry)
            if tier == "fast":
                keywords |= entry.quick
            try:
                with warnings.catch_warnings():  # `sets.check` has warned of shared rows
                    warnings.filterwarnings("ignore", "The 'X_holdout' parameter")
                    found[name] = entry.function(sets.real(entry), X_synthetic, **keywords)
            except (BioaugError, ValueError) as error:
                missing[name] = str(error)
                continue
            of_training = _of_training_rows(entry, sets, keywords, found[name])
            if of_training is not None:
                real[name] = of_training
    verdict = None
    if any(CATALOGUE[name].kind == "privacy" for name in chosen):
        verdict = _privacy_verdict(sets, seed)
    return Evaluation(found, missing, real, generator is not None, verdict)


def _privacy_verdict(given: Given, seed: int) -> PrivacyVerdict | None:
    try:
        with warnings.catch_warnings():  # `given.check` has warned of shared rows
            warnings.filterwarnings("ignore", "The 'X_holdout' parameter")
            return given.privacy_verdict(seed)
    except (BioaugError, ValueError):  # as the privacy scores say in their lines
        return None


def _of_training_rows(
    entry: Entry, given: Given, keywords: dict[str, Any], found: Score
) -> Score | float | None:
    """Return what the real training rows score, as many as the synthetic ones, where it can be."""
    if entry.kind == "privacy":  # training rows give themselves away
        return None
    if entry.on_train:
        return found.details.get("real_on_real")
    rows = given.training_rows(keywords["random_state"])
    if rows is None:
        return None
    X, y = rows
    settings = keywords | ({} if y is None else {"y_synthetic": y}) | {"n_null": 0}
    try:
        return entry.function(given.real(entry), X, **settings)
    except (BioaugError, ValueError):  # fewer training rows of a class than the score needs
        return None


def _check_names(scores: Sequence[str] | None) -> None:
    if isinstance(scores, str) or (scores is not None and not len(scores)):
        raise DataError(
            "The 'scores' parameter of evaluate must be None or a list of one name at least. "
            f"Got {scores!r}. Give names such as ['mmd']."
        )
    for name in scores or ():
        check_option(name, name="scores", owner="evaluate", options=CATALOGUE)


def _chosen(tier: str, scores: Sequence[str] | None, signal: str | None) -> list[str]:
    """Return the wanted scores, or the tier's, and the one of the kind of signal."""
    general = [
        name
        for name, entry in CATALOGUE.items()
        if (entry.fast or tier == "full") and entry.kind != "biosignal"
    ]
    wanted = general if scores is None else list(scores)
    return list(dict.fromkeys(wanted if signal is None else [*wanted, signal]))


def _line(entry: Entry, score: Score, real: float | None) -> dict[str, Any]:
    null = score.null
    return {
        "kind": entry.kind,
        "value": score.value,
        "real": real,
        "better": score.direction,
        "null": None if null is None else null.value,
        "null_low": None if null is None else null.low,
        "null_high": None if null is None else null.high,
        "reads as": score.reading or "no null value",
        "seconds": score.seconds,
    }


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())  # a line break would end the row
    return re.sub(r"([\\|<>$])", r"\\\1", text)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
