"""Rows of the tables of a report, each a record whose fields are columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bioaug.comparison.records import ArmComparison, ClassDifference
from bioaug.comparison.result import AugmentationResult


@dataclass(frozen=True)
class ArmRow:
    """An arm as a row of a table; the baseline and failed arms have no comparison."""

    name: str
    score: float
    outcome: str
    is_baseline: bool
    comparison: ArmComparison | None
    source: str

    @property
    def difference(self) -> str:
        if self.comparison is None:
            return "baseline" if self.is_baseline else ""
        return f"{self.comparison.difference.value:+.3f}"

    @property
    def p(self) -> str:
        if self.comparison is None:
            return ""
        p = self.comparison.p_holm
        text = "< 0.001" if p < 0.001 else f"{p:.3g}"
        return text if self.comparison.is_counted else f"{text} (not adjusted)"

    @property
    def verdict(self) -> str:
        harmed = self.comparison.harmed_classes if self.comparison else ()
        if self.outcome == "helps" and harmed:
            return f"helps, but harms class {', '.join(harmed)}"
        return self.outcome


def arm_rows(result: AugmentationResult) -> list[ArmRow]:
    places = {one.arm: i for i, one in enumerate(result.comparisons)}
    rows = []
    for name, score, verdict in result.table[["score", "verdict"]].itertuples():
        comparison = result.comparisons[places[name]] if name in places else None
        rows.append(
            ArmRow(
                name,
                score,
                verdict if isinstance(verdict, str) else "",
                name == result.protocol.baseline,
                comparison,
                f"comparisons[{places[name]}]" if comparison else "runs",
            )
        )
    return rows


@dataclass(frozen=True)
class ClassRow:
    """A class of an arm as a row of a table."""

    arm: str
    label: str
    f1: float
    recall: float
    precision: float
    difference: ClassDifference | None
    source: str


def class_rows(result: AugmentationResult, arms: list[ArmRow]) -> list[ClassRow]:
    of = {arm.name: arm for arm in arms}
    rows = []
    for (name, label), f1, recall, precision in result.per_class.itertuples():  # pyright: ignore
        comparison = of[name].comparison
        difference = comparison.per_class.get(label) if comparison else None
        source = f"runs[{_first(result, name)}] ..., per_class"
        source += f"; {of[name].source}" if difference else ""
        rows.append(ClassRow(name, label, f1, recall, precision, difference, source))
    return rows


@dataclass(frozen=True)
class CalibrationRow:
    """The mean calibration error of an arm as a row of a table."""

    arm: str
    ece: float
    source: str


def calibration_rows(result: AugmentationResult) -> list[CalibrationRow]:
    errors: dict[str, list[float]] = {}
    for run in result.compared_runs:
        if run.calibration is not None:
            errors.setdefault(run.arm, []).append(run.calibration.ece)
    return [
        CalibrationRow(arm, float(np.mean(ece)), f"runs[{_first(result, arm)}] ..., calibration")
        for arm, ece in errors.items()
    ]


@dataclass(frozen=True)
class AddedRow:
    """What an arm added to a class as a row of a table."""

    arm: str
    label: str
    n_rows: float
    generators: list[str]
    n_rejected: int | str
    source: str


def added_rows(result: AugmentationResult) -> list[AddedRow]:
    rows = []
    for arm in dict.fromkeys(run.arm for run in result.runs):
        runs = [run for run in result.runs if run.arm == arm]
        source = f"runs[{_first(result, arm)}]{' ...' if len(runs) > 1 else ''}"
        for label in runs[0].added:
            n_rows = float(np.mean([run.added.get(label, 0) for run in runs]))
            generators = sorted({name for run in runs for name in run.generators.get(label, ())})
            judged = [run.rejected[label] for run in runs if label in run.rejected]
            n_rejected = sum(sum(reasons.values()) for reasons in judged) if judged else ""
            if n_rows:
                rows.append(AddedRow(arm, label, n_rows, generators, n_rejected, source))
    return rows


def _first(result: AugmentationResult, arm: str) -> int | str:
    """Return the index of the first run of an arm."""
    return next((i for i, run in enumerate(result.runs) if run.arm == arm), "")
