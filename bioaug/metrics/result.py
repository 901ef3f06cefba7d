"""Results of an evaluation: the table of scores, its notes, and files of both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from bioaug.core.atomic import replace_file
from bioaug.core.checks import check_option, check_path
from bioaug.core.pages import render
from bioaug.metrics.base.score import Direction, Score, read_against
from bioaug.metrics.catalogue import CATALOGUE
from bioaug.metrics.privacy.verdict import PrivacyVerdict

COLUMNS = (
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
_NUMBERS = ("value", "real", "null", "null_low", "null_high", "seconds")


@dataclass(frozen=True)
class EvaluationRow:
    """One line of the table: a score of all classes or of one, or why there is none.

    Attributes
    ----------
    score, label : str
        Name of the score, and the class; "all" for the mean over classes.
    kind : str
    reads_as : str
    value, real : float or None
        The score, and what the real training rows score.
    better : {"lower", "higher"} or None
    null, null_low, null_high : float or None
    seconds : float or None
    """

    score: str
    label: str
    kind: str
    reads_as: str
    value: float | None = None
    real: float | None = None
    better: Direction | None = None
    null: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, name: str, label: str, score: Score, real: float | None) -> EvaluationRow:
        """Return the line of a score."""
        null = score.null
        return cls(
            name,
            label,
            CATALOGUE[name].kind,
            score.reading or "no null value",
            value=score.value,
            real=real,
            better=score.direction,
            null=None if null is None else null.value,
            null_low=None if null is None else null.low,
            null_high=None if null is None else null.high,
            seconds=score.seconds,
        )

    @classmethod
    def without(cls, name: str, reason: str) -> EvaluationRow:
        """Return the line of a score that was not computed."""
        return cls(name, "all", CATALOGUE[name].kind, f"not computed: {reason}")

    def cells(self) -> dict[str, Any]:
        """Return the values by the names of the table's columns."""
        return {"class": self.label, "reads as": self.reads_as} | vars(self)


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`: scores, notes and the privacy verdict.

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
        ("beyond real"), or that it is not known ("inconclusive"; `notes` say why). No
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
        lines = [row.cells() for row in self.rows]
        columns = ("score", "class", *COLUMNS)
        table = pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(_NUMBERS, float))
        return table.set_index(["score", "class"])

    @property
    def rows(self) -> list[EvaluationRow]:
        """The lines of the table as records."""
        rows = []
        for name, score in self.scores.items():
            for label, of_class in ({"all": score} | score.per_class).items():
                real = self._real_value(name, label)
                rows.append(EvaluationRow.of(name, str(label), of_class, real))
        return rows + [EvaluationRow.without(name, why) for name, why in self.missing.items()]

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
        by_reason: dict[str, list[str]] = {}
        for name, score in self.scores.items():
            if score.reading == "inconclusive":
                by_reason.setdefault(score.reason, []).append(name)
        return [
            f"Inconclusive: {', '.join(names)} ({reason})." for reason, names in by_reason.items()
        ]

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
            f"The real training rows are worse than the null, too, in {', '.join(worse)}: they "
            "differ from the test rows (other patients?), or are few. Compare with the column "
            "'real' there."
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
                "synthetic signals give away training rows. High fidelity is not informative "
                "here: copies also score well"
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
        """Return the table and the notes as HTML, without the frame of a page."""
        return self._rendered("html", whole=False)

    def to_markdown(self) -> str:
        """Return the table and the notes as Markdown."""
        return self._rendered("md", whole=False)

    def _rendered(self, kind: Literal["html", "md"], *, whole: bool) -> str:
        columns = {
            str(name): [_shown(value) for value in values]
            for name, values in self.table.reset_index().items()
        }
        page = render(
            "evaluation.j2",
            kind,
            package="bioaug.metrics",
            columns=columns,
            notes=self.notes,
            whole=whole,
        )
        return page.strip() + "\n"

    def to_json(self) -> str:
        """Return all scores with their details as JSON."""
        scores = {name: score.to_dict() for name, score in self.scores.items()}
        real = {name: float(value) for name, value in self.real.items()}
        privacy = None if self.privacy is None else self.privacy.to_dict()
        result = {"scores": scores, "real": real, "missing": self.missing, "notes": self.notes}
        return json.dumps(result | {"privacy": privacy}, indent=1, default=_plain)

    def save(self, path: str | Path) -> None:
        """Write the table to a file ending in .html, .md or .json.

        HTML is a whole page, with its title, language and character set.

        Raises
        ------
        DataError
            Where the file has another ending.
        """
        file = check_path(path, name="path", owner="save")
        writers = {
            ".html": partial(self._rendered, "html", whole=True),
            ".md": partial(self._rendered, "md", whole=True),
            ".json": self.to_json,
        }
        check_option(file.suffix, name="path's ending", owner="save", options=writers)
        replace_file(file, writers[file.suffix]().encode())


def _shown(value: Any) -> str:
    """Return a cell of a page; nothing for no value."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
