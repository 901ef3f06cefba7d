"""The result of a comparison of augmentations: table, intervals, verdicts, files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.comparison._analysis import Scored, compare, key_of, worth_of_arms
from bioaug.comparison._judgement import FAILED, headline, judge
from bioaug.comparison._result_json import as_json, read_result
from bioaug.comparison._scoring import SCORINGS
from bioaug.core.atomic import replace_file
from bioaug.core.checks import check_option, check_path
from bioaug.exceptions import DataError
from bioaug.statistics import per_class_scores

__all__ = ["SCORINGS", "AugmentationResult"]


@dataclass(frozen=True)
class AugmentationResult:
    """What `cross_validate_augmentation` found.

    Attributes
    ----------
    protocol : dict
        Everything that was fixed: classifier, arms, folds, seeds, counts.
    runs : list of dict
        One for each arm, repeat and fold: counts, scores by class, calibration, seconds, patients.
        Tables and comparisons are of the folds that every arm finished.
    comparisons : list of dict
        One for each arm against the baseline: the paired difference with its interval by folds
        (Nadeau and Bengio) and by patients (bootstrap), p after Holm (of the arms that are asked
        about: "counted"), the range over leaving each patient out, the F1 of every class (intervals
        of all classes together), and a verdict in words. What is by patients is None where a repeat
        tests some rows twice or not at all.
    worth : list of dict
        How many real rows one synthetic row was worth; where there was an oracle.
    scored : Scored or None
        Labels and patients; None after `load`.
    failures : list of dict
        The runs that raised: arm, repeat, fold and the error.
    """

    protocol: dict[str, Any]
    runs: list[dict[str, Any]]
    comparisons: list[dict[str, Any]]
    worth: list[dict[str, Any]]
    scored: Scored | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        protocol: dict[str, Any],
        runs: list[dict[str, Any]],
        scored: Scored,
        baseline: str,
        failures: Iterable[dict[str, Any]] = (),
    ) -> AugmentationResult:
        """Compare every arm with the baseline."""
        protocol, failures = protocol | {"baseline": baseline}, list(failures)
        failed = {failure["arm"] for failure in failures}
        shared = _shared(runs, protocol, failed)
        finished = {run["arm"] for run in shared}
        if baseline not in finished:
            return cls(protocol, runs, [], [], scored, failures)
        compared = [
            compare(shared, arm, baseline, scored)
            for arm in protocol["arms"]
            if arm in finished - {baseline}
        ]
        plain = next(iter(protocol["arms"]))
        judge(
            compared, scored.scoring.name,
            asked=protocol["asked"], plain=plain, baseline=baseline, failed=failed,
        )  # fmt: skip
        worth = worth_of_arms(shared) if plain in finished else []
        return cls(protocol, runs, compared, worth, scored, failures)

    def against(self, baseline: str) -> AugmentationResult:
        """Return the same runs, every arm compared with another one than "none"."""
        arms = {run["arm"] for run in self.runs}
        baseline = baseline if isinstance(baseline, str) else repr(baseline)
        check_option(baseline, name="baseline", owner="against", options=sorted(arms))
        return self.of(self.protocol, self.runs, self._scored("against"), baseline, self.failures)

    def without(self, patients: Any) -> AugmentationResult:
        """Return the same runs, scored without the rows of these patients.

        Calibration, whose probabilities are not kept, is left out, too.
        """
        scored = self._scored("without")
        patients = [patients] if not _is_many(patients) else patients
        names, known = np.array([str(who) for who in patients]), scored.groups.astype(str)
        unknown = sorted(set(names.tolist()) - set(known.tolist()))
        if unknown:
            raise DataError(
                f"The 'patients' parameter of without must name groups of the comparison. Got "
                f"{unknown[:5]}, which are not among {np.unique(known).tolist()[:5]} ..."
            )
        left_out = np.isin(known, names)
        runs = [kept for run in self.runs if (kept := _restricted(run, ~left_out, scored))]
        before = self.protocol.get("patients left out", [])
        protocol = self.protocol | {"patients left out": sorted({*before, *names.tolist()})}
        return self.of(protocol, runs, scored, self.protocol["baseline"], self.failures)

    def _scored(self, owner: str) -> Scored:
        if self.scored is None:
            raise DataError(
                f"AugmentationResult.{owner} needs the predictions, which the JSON file does not "
                "hold. Call it on what cross_validate_augmentation returned."
            )
        return self.scored

    @property
    def compared_runs(self) -> list[dict[str, Any]]:
        """The runs of the folds that every arm finished, but those that failed somewhere."""
        return _shared(self.runs, self.protocol, self._failed)

    @property
    def _failed(self) -> set[str]:
        return {failure["arm"] for failure in self.failures}

    @property
    def summary(self) -> str:
        """What to do, and on how many patients this rests."""
        if not self.comparisons:
            return "Nothing to decide: no fold was finished by every arm."
        arms, asked = self.protocol["arms"], set(self.protocol.get("asked", self.protocol["arms"]))
        controls = {*arms} - asked - {next(iter(arms))}
        n_patients = max(found["n_patients"] for found in self.comparisons)
        return headline(self.protocol["baseline"], self.comparisons, n_patients, controls)

    @property
    def table(self) -> pd.DataFrame:
        """One line per arm: mean score, paired difference, interval, p, verdict."""
        of_arm: dict[str, list[float]] = {}
        for run in self.compared_runs:
            of_arm.setdefault(run["arm"], []).append(run["score"])
        table = pd.DataFrame(
            {
                "score": [_mean(scores) for scores in of_arm.values()],
                "deviation": [_deviation(scores) for scores in of_arm.values()],
            },
            index=pd.Index(list(of_arm), name="arm"),
        )
        columns = ["difference", "low", "high", "p_holm", "verdict"]
        compared = pd.DataFrame(self.comparisons, columns=["arm", *columns]).set_index("arm")
        table = table.join(compared)
        lost = [arm for arm in self.protocol["arms"] if arm in self._failed - set(of_arm)]
        for arm in lost:
            table.loc[arm, "verdict"] = FAILED
        return table

    @property
    def per_class(self) -> pd.DataFrame:
        """F1, sensitivity (recall) and precision of every arm and class.

        Means over the runs whose test rows hold the class.
        """
        lines = [
            {"arm": run["arm"], "class": label, **values}
            for run in self.compared_runs
            for label, values in run["per_class"].items()
            if values["support"]
        ]
        columns = ["f1", "recall", "precision"]
        found: Any = pd.DataFrame(lines, columns=["arm", "class", *columns])
        return found.groupby(["arm", "class"], sort=False)[columns].mean()

    @property
    def is_complete(self) -> bool:
        """Whether every planned run was finished."""
        return self.protocol["n_finished"] == self.protocol["n_runs"]

    def to_json(self) -> str:
        """Return everything but the predictions as JSON, what is infinite or NaN as null."""
        names = ("protocol", "comparisons", "worth", "failures", "runs")
        return as_json({name: getattr(self, name) for name in names})

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
            For a file that is no such result: too large, no JSON, or with fields that are missing
            or of another type.
        """
        return cls(**read_result(check_path(path, name="path", owner="load")))

    def __repr__(self) -> str:
        done = "" if self.is_complete else (
            f" (unfinished: {self.protocol['n_finished']} of {self.protocol['n_runs']} runs)"
        )  # fmt: skip
        texts = [f"{found['arm']}: {found['text']}" for found in self.comparisons]
        texts += [failure_in_words(failure) for failure in self.failures]
        table = self.table.round(4).to_string()
        return "\n".join([self.summary, f"AugmentationResult{done}", table, *texts])


def failure_in_words(failure: dict[str, Any]) -> str:
    """Return a failed run as it stands in a list."""
    where = f"repeat {failure['repeat']}, fold {failure['fold']}"
    return f"{failure['arm']}: failed in {where}: {failure['error']}"


def _restricted(run: dict[str, Any], wanted: NDArray, scored: Scored) -> dict[str, Any] | None:
    """Return a run scored on fewer rows, or None where none is left."""
    rows = np.asarray(run["rows"])
    chosen = wanted[rows]
    if not chosen.any():
        return None
    labels = np.unique(scored.y)
    rows, codes = rows[chosen], np.asarray(run["predicted"])[chosen]
    truth, predicted = scored.y[rows], labels[codes]
    of_class = per_class_scores(truth, predicted, labels)
    kept = {name: value for name, value in run.items() if name != "calibration"}
    responses = None
    if "responses" in run:
        kept["responses"] = np.asarray(run["responses"])[chosen]
        responses = (run["method"], kept["responses"])
    return kept | {
        "rows": rows,
        "predicted": codes,
        "n_test": len(rows),
        "score": scored.scoring.value(truth, predicted, responses),
        "per_class": {str(label): values for label, values in of_class.items()},
        "patients_test": np.unique(scored.groups[rows]).astype(str).tolist(),
    }


def _shared(
    runs: list[dict[str, Any]], protocol: dict[str, Any], failed: set[str]
) -> list[dict[str, Any]]:
    """Return the runs of the folds that every arm finished, but those that failed somewhere."""
    done: dict[tuple[int, int], set[str]] = {}
    for run in runs:
        done.setdefault(key_of(run), set()).add(run["arm"])
    needed = set(protocol["arms"]) - failed
    return [run for run in runs if needed and done[key_of(run)] >= needed]


def _is_many(values: Any) -> bool:
    is_scalar = getattr(values, "ndim", 1) == 0  # of an array
    return isinstance(values, Iterable) and not isinstance(values, str | bytes) and not is_scalar


def _mean(scores: list[float]) -> float:
    """Return the mean of the scores that have a value."""
    return float(np.mean(_valued(scores))) if _valued(scores) else float("nan")


def _deviation(scores: list[float]) -> float:
    return float(np.std(_valued(scores))) if _valued(scores) else float("nan")


def _valued(scores: list[float]) -> list[float]:
    return [score for score in scores if np.isfinite(score)]
