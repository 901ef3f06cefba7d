"""What a comparison of augmentations found: table, intervals, verdicts, files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from bioaug._arm_pairs import Scored, compare, key_of, worth_of_arms
from bioaug._atomic import replace_file
from bioaug._validation import check_option, check_path
from bioaug.exceptions import DataError
from bioaug.statistics import Interval, Verdict, holm, per_class_scores, verdict


def _macro_f1(truth: NDArray, predicted: NDArray) -> float:
    """Return the mean F1 of the classes that there are, as `patient_bootstrap` does."""
    return float(
        f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)  # pyright: ignore
    )


SCORINGS: dict[str, Callable[[NDArray, NDArray], float]] = {
    "f1_macro": _macro_f1,
    "balanced_accuracy": lambda y, p: float(balanced_accuracy_score(y, p)),
    "accuracy": lambda y, p: float(accuracy_score(y, p)),
}
ARRAYS = ("rows", "predicted")
ONCE = (
    "each was trained once, which does not tell what augmentation did from what the seed did: "
    "give n_repeats=5"
)


def score_of(scoring: Any, truth: NDArray, predicted: NDArray) -> float:
    """Return a score by name or by a callable (y_true, y_predicted)."""
    if callable(scoring):
        value: Any = scoring(truth, predicted)
        if not math.isfinite(value):
            raise DataError(
                "The 'scoring' parameter of cross_validate_augmentation must return a finite "
                f"number. Got {value!r} from {name_of(scoring)}."
            )
        return float(value)
    check_option(
        scoring, name="scoring", owner="cross_validate_augmentation", options=SCORINGS,
        otherwise=" or a callable (y_true, y_predicted)",
    )  # fmt: skip
    return SCORINGS[scoring](truth, predicted)


def name_of(scoring: Any) -> str:
    """Return a scoring's name."""
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "callable")


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
        (Nadeau and Bengio) and by patients (bootstrap), p after Holm, the range over leaving each
        patient out, and a verdict in words. What is by patients is None where a repeat tests some
        rows twice or not at all.
    worth : list of dict
        How many real rows one synthetic row was worth; where there was an oracle.
    scored : Scored or None
        Labels and patients; None after `load`.
    """

    protocol: dict[str, Any]
    runs: list[dict[str, Any]]
    comparisons: list[dict[str, Any]]
    worth: list[dict[str, Any]]
    scored: Scored | None = None

    @classmethod
    def of(
        cls, protocol: dict[str, Any], runs: list[dict[str, Any]], scored: Scored, baseline: str
    ) -> AugmentationResult:
        """Compare every arm with the baseline."""
        protocol = protocol | {"baseline": baseline}
        shared = _shared(runs, protocol)
        if not shared:
            return cls(protocol, runs, [], [], scored)
        compared = [
            compare(shared, arm, baseline, scored) for arm in protocol["arms"] if arm != baseline
        ]
        adjusted = holm([found["p"] for found in compared]) if compared else []
        for found, p in zip(compared, adjusted, strict=True):
            interval = Interval(found["difference"], found["low"], found["high"], found["p"])
            metric = name_of(scored.scoring)
            told = verdict(interval, p=float(p), n_patients=found["n_patients"], metric=metric)
            if found["n_pairs"] == 1 and told.word != "cannot be told":
                numbers = told.text.removeprefix(f"{told.word}: ")
                told = Verdict("cannot be told", f"cannot be told: {numbers}; {ONCE}")
            found |= {"p_holm": float(p), "verdict": told.word, "text": told.text}
        return cls(protocol, runs, compared, worth_of_arms(shared), scored)

    def against(self, baseline: str) -> AugmentationResult:
        """Return the same runs, every arm compared with another one than "none"."""
        arms = {run["arm"] for run in self.runs}
        check_option(baseline, name="baseline", owner="against", options=sorted(arms))
        return self.of(self.protocol, self.runs, self._scored("against"), baseline)

    def without(self, patients: Any) -> AugmentationResult:
        """Return the same runs, scored without the rows of these patients.

        Calibration, whose probabilities are not kept, is left out, too.
        """
        scored = self._scored("without")
        names, known = np.atleast_1d(patients).astype(str), scored.groups.astype(str)
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
        return self.of(protocol, runs, scored, self.protocol["baseline"])

    def _scored(self, owner: str) -> Scored:
        if self.scored is None:
            raise DataError(
                f"AugmentationResult.{owner} needs the predictions, which the JSON file does not "
                "hold. Call it on what cross_validate_augmentation returned."
            )
        return self.scored

    @property
    def compared_runs(self) -> list[dict[str, Any]]:
        """The runs of the folds that every arm finished."""
        return _shared(self.runs, self.protocol)

    @property
    def table(self) -> pd.DataFrame:
        """One line per arm: mean score, paired difference, interval, p, verdict."""
        of_arm: dict[str, list[float]] = {}
        for run in self.compared_runs:
            of_arm.setdefault(run["arm"], []).append(run["score"])
        table = pd.DataFrame(
            {
                "score": [float(np.mean(scores)) for scores in of_arm.values()],
                "deviation": [float(np.std(scores)) for scores in of_arm.values()],
            },
            index=pd.Index(list(of_arm), name="arm"),
        )
        columns = ["difference", "low", "high", "p_holm", "verdict"]
        compared = pd.DataFrame(self.comparisons, columns=["arm", *columns]).set_index("arm")
        return table.join(compared)

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
        runs = [{k: v for k, v in run.items() if k not in ARRAYS} for run in self.runs]
        whole = {"protocol": self.protocol, "comparisons": self.comparisons, "worth": self.worth}
        return json.dumps(_finite(whole | {"runs": runs}), indent=1, default=str, allow_nan=False)

    def save(self, path: str | Path) -> None:
        """Write everything but the predictions as JSON; `write_report` makes a page of it."""
        file = check_path(path, name="path", owner="save")
        replace_file(file, f"{self.to_json()}\n".encode())

    @classmethod
    def load(cls, path: str | Path) -> AugmentationResult:
        """Return the result that `save` wrote as JSON, without the predictions."""
        file = check_path(path, name="path", owner="load")
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            for found in stored["comparisons"] + stored["worth"]:
                _restore_limits(found)
            return cls(*(stored[name] for name in ("protocol", "runs", "comparisons", "worth")))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"The file {str(path)!r} must be one that AugmentationResult.save wrote as JSON. "
                f"It cannot be read ({error!r})."
            ) from error

    def __repr__(self) -> str:
        done = "" if self.is_complete else (
            f" (unfinished: {self.protocol['n_finished']} of {self.protocol['n_runs']} runs)"
        )  # fmt: skip
        texts = [f"{found['arm']}: {found['text']}" for found in self.comparisons]
        return "\n".join([f"AugmentationResult{done}", self.table.round(4).to_string(), *texts])


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
    return kept | {
        "rows": rows,
        "predicted": codes,
        "n_test": len(rows),
        "score": score_of(scored.scoring, truth, predicted),
        "per_class": {str(label): values for label, values in of_class.items()},
        "patients_test": np.unique(scored.groups[rows]).astype(str).tolist(),
    }


def _shared(runs: list[dict[str, Any]], protocol: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs of the folds that every arm finished."""
    done: dict[tuple[int, int], set[str]] = {}
    for run in runs:
        done.setdefault(key_of(run), set()).add(run["arm"])
    return [run for run in runs if done[key_of(run)] >= set(protocol["arms"])]


def _finite(value: Any) -> Any:
    """Return a nested value for JSON, which knows neither infinite numbers nor NaN."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _restore_limits(found: dict[str, Any]) -> None:
    """Write infinite limits again where JSON has null."""
    of_class = found.get("f1_by_patients") or {}
    intervals = [found.get("folds"), found.get("patients"), *of_class.values()]
    for interval in intervals:
        if interval is not None and interval[1] is None:
            interval[1:3] = [-math.inf, math.inf]
    for name, limit in (("low", -math.inf), ("high", math.inf), ("value", math.nan)):
        if name in found and found[name] is None:
            found[name] = limit
