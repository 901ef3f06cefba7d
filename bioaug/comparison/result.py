"""The result of a comparison: table, intervals, verdicts, files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.comparison._analysis import GroundTruth, compare
from bioaug.comparison._equivalence import worth_of_arms
from bioaug.comparison._json import from_plain, list_from_plain, to_plain
from bioaug.comparison._judgement import FAILED, headline, judge
from bioaug.comparison._runs import class_scores
from bioaug.comparison.records import ArmComparison, ArmWorth, Failure, Key, Protocol, Run
from bioaug.core.atomic import replace_file
from bioaug.core.checks import check_option, check_path
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import DataError

FORMAT = "bioaug-result-2"
LARGEST = 2**28  # bytes of a stored result
MAX_VALUES = 2**22  # a run has some 100


@dataclass(frozen=True)
class AugmentationResult:
    """The result of `cross_validate_augmentation`.

    Attributes
    ----------
    protocol : Protocol
        Everything that was fixed: classifier, arms, folds, seeds, counts.
    runs : tuple of Run
        One for each arm, repeat and fold: counts, scores by class, calibration, seconds, patients.
        Tables and comparisons are of the folds that every arm finished.
    comparisons : tuple of ArmComparison
        One for each arm against the baseline: the paired difference with its interval by folds
        (Nadeau and Bengio) and by patients (bootstrap), p after Holm (of the arms that are asked
        about), the range over leaving each patient out, the F1 of every class (intervals of all
        classes together), and a verdict.
    worth : tuple of ArmWorth
        Real-row equivalence of one synthetic row of each arm; where there was an oracle.
    failures : tuple of Failure
        The runs that raised: arm, repeat, fold and the error.
    truth : GroundTruth or None
        Labels and patients; None after `load`.
    """

    protocol: Protocol
    runs: tuple[Run, ...]
    comparisons: tuple[ArmComparison, ...]
    worth: tuple[ArmWorth, ...]
    failures: tuple[Failure, ...] = ()
    truth: GroundTruth | None = None

    @classmethod
    def of(
        cls,
        protocol: Protocol,
        runs: Iterable[Run],
        truth: GroundTruth,
        failures: Iterable[Failure] = (),
    ) -> AugmentationResult:
        """Compare every arm with the baseline of the protocol."""
        runs, failures, baseline = tuple(runs), tuple(failures), protocol.baseline
        failed = {failure.arm for failure in failures}
        shared = _shared(runs, protocol, failed)
        finished = {run.arm for run in shared}
        if baseline not in finished:
            return cls(protocol, runs, (), (), failures, truth)
        compared = [
            compare(shared, arm, baseline, truth)
            for arm in protocol.arms
            if arm in finished - {baseline}
        ]
        plain = next(iter(protocol.arms))
        judged = judge(
            compared, truth.scoring.name,
            asked=protocol.asked, plain=plain, baseline=baseline, failed=failed,
        )  # fmt: skip
        worth = worth_of_arms(shared) if plain in finished else []
        return cls(protocol, runs, tuple(judged), tuple(worth), failures, truth)

    def against(self, baseline: str) -> AugmentationResult:
        """Return the same runs, every arm compared with another one than "none"."""
        arms = {run.arm for run in self.runs}
        baseline = baseline if isinstance(baseline, str) else repr(baseline)
        check_option(baseline, name="baseline", owner="against", options=sorted(arms))
        protocol = replace(self.protocol, baseline=baseline)
        return self.of(protocol, self.runs, self._truth("against"), self.failures)

    def without(self, patients: Any) -> AugmentationResult:
        """Return the same runs, scored without the rows of these patients.

        Calibration, whose probabilities are not kept, is left out, too.
        """
        truth = self._truth("without")
        patients = [patients] if not _is_many(patients) else patients
        names, known = np.array([str(who) for who in patients]), truth.groups.astype(str)
        unknown = sorted(set(names.tolist()) - set(known.tolist()))
        if unknown:
            raise DataError(
                f"The 'patients' parameter of without must name groups of the comparison. Got "
                f"{unknown[:5]}, which are not among {np.unique(known).tolist()[:5]} ..."
            )
        left_out = np.isin(known, names)
        runs = [kept for run in self.runs if (kept := _restricted(run, ~left_out, truth))]
        before = self.protocol.patients_left_out
        protocol = replace(
            self.protocol, patients_left_out=tuple(sorted({*before, *names.tolist()}))
        )
        return self.of(protocol, runs, truth, self.failures)

    def _truth(self, owner: str) -> GroundTruth:
        if self.truth is None:
            raise DataError(
                f"AugmentationResult.{owner} needs the predictions, which the JSON file does not "
                "hold. Call it on what cross_validate_augmentation returned."
            )
        return self.truth

    @property
    def compared_runs(self) -> tuple[Run, ...]:
        """The runs of the folds that every arm finished, but those that failed somewhere."""
        return _shared(self.runs, self.protocol, self._failed)

    @property
    def _failed(self) -> set[str]:
        return {failure.arm for failure in self.failures}

    @property
    def summary(self) -> str:
        """What to do, and on how many patients this rests."""
        arms, baseline = self.protocol.arms, self.protocol.baseline
        asked = [arm for arm in self.protocol.asked if arm != baseline]
        failed = [arm for arm in asked if arm in self._failed]
        if failed and failed == asked:
            names = ", ".join(map(repr, failed))
            return f"Nothing to decide: every arm that was asked about failed ({names})."
        if not self.comparisons:
            return "Nothing to decide: no fold was finished by every arm."
        controls = {*arms} - {*self.protocol.asked, next(iter(arms))}
        n_patients = max(one.n_patients for one in self.comparisons)
        return headline(baseline, self.comparisons, n_patients, controls, failed)

    @property
    def table(self) -> pd.DataFrame:
        """One line per arm: mean score, paired difference, interval, p, verdict."""
        of_arm: dict[str, list[float]] = {}
        for run in self.compared_runs:
            of_arm.setdefault(run.arm, []).append(run.score)
        table = pd.DataFrame(
            {
                "score": [_mean(scores) for scores in of_arm.values()],
                "std": [_std(scores) for scores in of_arm.values()],
            },
            index=pd.Index(list(of_arm), name="arm"),
        )
        lines = [
            (one.arm, one.difference.value, one.difference.low, one.difference.high, one.p_holm,
             one.verdict.outcome)
            for one in self.comparisons
        ]  # fmt: skip
        columns = ["arm", "difference", "low", "high", "p_holm", "verdict"]
        table = table.join(pd.DataFrame(lines, columns=columns).set_index("arm"))
        lost = [arm for arm in self.protocol.arms if arm in self._failed - set(of_arm)]
        for arm in lost:
            table.loc[arm, "verdict"] = FAILED
        return table

    @property
    def per_class(self) -> pd.DataFrame:
        """F1, sensitivity (recall) and precision of every arm and class.

        Means over the runs whose test rows hold the class.
        """
        columns = ["f1", "recall", "precision"]
        lines = [
            (run.arm, label, scores.f1, scores.recall, scores.precision)
            for run in self.compared_runs
            for label, scores in run.per_class.items()
            if scores.support
        ]
        table: Any = pd.DataFrame(lines, columns=["arm", "class", *columns])
        return table.groupby(["arm", "class"], sort=False)[columns].mean()

    @property
    def is_complete(self) -> bool:
        """Whether every planned run was finished."""
        return self.protocol.n_finished == self.protocol.n_runs

    def to_json(self) -> str:
        """Return everything but the predictions as JSON.

        Numbers that are not finite are the texts "NaN", "Infinity" and "-Infinity".
        """
        names = ("protocol", "comparisons", "worth", "failures", "runs")
        whole = {name: to_plain(getattr(self, name)) for name in names}
        return json.dumps({"format": FORMAT, **whole}, indent=1, allow_nan=False)

    def save(self, path: str | Path) -> None:
        """Write everything but the predictions as JSON; `write_report` makes a page of it."""
        file = check_path(path, name="path", owner="save")
        replace_file(file, f"{self.to_json()}\n".encode())

    @classmethod
    def load(cls, path: str | Path) -> AugmentationResult:
        """Return the result that `save` wrote as JSON, without the predictions.

        Raises
        ------
        DataError
            For a file that is no such result: too large, no JSON, of another version, or with
            entries that are missing, unknown or of another type.
        """
        file = check_path(path, name="path", owner="load")
        try:
            size = file.stat().st_size
            if size > LARGEST:
                raise ValueError(f"it has {size} bytes, more than {LARGEST}")
            return cls(**_checked(parse_json(file.read_bytes(), max_values=MAX_VALUES)))
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"The file {str(file)!r} must be one that AugmentationResult.save wrote as JSON. "
                f"It cannot be read ({error or type(error).__name__})."
            ) from error

    def __repr__(self) -> str:
        done = "" if self.is_complete else (
            f" (unfinished: {self.protocol.n_finished} of {self.protocol.n_runs} runs)"
        )  # fmt: skip
        texts = [f"{one.arm}: {one.verdict.text}" for one in self.comparisons]
        texts += map(str, self.failures)
        table = self.table.round(4).to_string()
        return "\n".join([self.summary, f"AugmentationResult{done}", table, *texts])


def _checked(stored: Any) -> dict[str, Any]:
    """Return the fields of a stored result, or raise a ValueError."""
    if not isinstance(stored, dict):
        raise ValueError(f"it holds a {type(stored).__name__}, not the fields of a result")
    if stored.get("format") != FORMAT:
        raise ValueError(
            f"it has the format {str(stored.get('format'))[:80]!r}, not {FORMAT!r}: run the "
            "comparison again, from its stored runs where it has any"
        )
    protocol = from_plain(Protocol, stored.get("protocol"), "protocol")
    lists = {"runs": Run, "comparisons": ArmComparison, "worth": ArmWorth, "failures": Failure}
    found = {name: list_from_plain(kind, stored.get(name), name) for name, kind in lists.items()}
    for name, records in found.items():
        for i, record in enumerate(records):
            if record.arm not in protocol.arms:
                raise ValueError(f"{name}[{i}] is of an arm that the protocol does not name")
    if protocol.baseline not in protocol.arms:
        raise ValueError("the baseline is none of the arms")
    return {"protocol": protocol, **found}


def _restricted(run: Run, wanted: NDArray, truth: GroundTruth) -> Run | None:
    """Return a run scored on fewer rows, or None where none is left."""
    before = run.predictions
    chosen = np.zeros(0, bool) if before is None else wanted[before.rows]
    if before is None or not chosen.any():
        return None
    responses = None if before.responses is None else before.responses[chosen]
    kept = replace(
        before, rows=before.rows[chosen], predicted=before.predicted[chosen], responses=responses
    )
    labels = np.unique(truth.y)
    y, predicted = truth.y[kept.rows], labels[kept.predicted]
    given = None if kept.method is None or responses is None else (kept.method, responses)
    return replace(
        run,
        predictions=kept,
        n_test=len(kept.rows),
        score=truth.scoring.value(y, predicted, given),
        per_class=class_scores(y, predicted, labels),
        patients_test=tuple(np.unique(truth.groups[kept.rows]).astype(str).tolist()),
        calibration=None,
    )


def _shared(runs: Sequence[Run], protocol: Protocol, failed: set[str]) -> tuple[Run, ...]:
    """Return the runs of the folds that every arm finished, but those that failed somewhere."""
    done: dict[Key, set[str]] = {}
    for run in runs:
        done.setdefault(run.key, set()).add(run.arm)
    needed = set(protocol.arms) - failed
    return tuple(run for run in runs if needed and done[run.key] >= needed)


def _is_many(values: Any) -> bool:
    is_scalar = getattr(values, "ndim", 1) == 0  # of an array
    return isinstance(values, Iterable) and not isinstance(values, str | bytes) and not is_scalar


def _mean(scores: list[float]) -> float:
    """Return the mean of the scores that have a value."""
    return float(np.mean(_valued(scores))) if _valued(scores) else float("nan")


def _std(scores: list[float]) -> float:
    return float(np.std(_valued(scores))) if _valued(scores) else float("nan")


def _valued(scores: list[float]) -> list[float]:
    return [score for score in scores if np.isfinite(score)]
