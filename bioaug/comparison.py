"""What a comparison of augmentations found: table, intervals, verdicts, files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from bioaug._validation import check_option
from bioaug.exceptions import DataError
from bioaug.statistics import (
    Interval,
    Verdict,
    corrected_interval,
    holm,
    leave_one_patient_out,
    patient_bootstrap,
    per_class_scores,
    verdict,
    worth_interval,
)


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
class Scored:
    """What predictions are held against: labels and patients of all rows, and how."""

    y: NDArray
    groups: NDArray
    scoring: Any


@dataclass(frozen=True)
class AugmentationResult:
    """What `cross_validate_augmentation` found.

    Attributes
    ----------
    protocol : dict
        Everything that was fixed: classifier, arms, folds, seeds, counts.
    runs : list of dict
        One for each arm, repeat and fold: counts, scores by class, calibration, seconds, patients.
    comparisons : list of dict
        One for each arm against the baseline: the paired difference with its interval by folds
        (Nadeau and Bengio) and by patients (bootstrap), p after Holm, the range over leaving each
        patient out, and a verdict in words.
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
        arms = list(dict.fromkeys(run["arm"] for run in runs))
        if baseline not in arms:
            return cls(protocol, runs, [], [], scored)
        compared = [_compare(runs, arm, baseline, scored) for arm in arms if arm != baseline]
        compared = [found for found in compared if found]
        adjusted = holm([found["p"] for found in compared]) if compared else []
        for found, p in zip(compared, adjusted, strict=True):
            interval = Interval(found["difference"], found["low"], found["high"], found["p"])
            metric = name_of(scored.scoring)
            told = verdict(interval, p=float(p), n_patients=found["n_patients"], metric=metric)
            if found["n_pairs"] == 1 and told.word != "cannot be told":
                told = Verdict("cannot be told", f"cannot be told: {_numbers(told)}; {ONCE}")
            found |= {"p_holm": float(p), "verdict": told.word, "text": told.text}
        return cls(protocol, runs, compared, _worth(runs), scored)

    def against(self, baseline: str) -> AugmentationResult:
        """Return the same runs, every arm compared with another one than "none"."""
        arms = {run["arm"] for run in self.runs}
        check_option(baseline, name="baseline", owner="against", options=sorted(arms))
        return self.of(self.protocol, self.runs, self._scored("against"), baseline)

    def without(self, patients: Any) -> AugmentationResult:
        """Return the same runs, scored without the rows of these patients."""
        scored = self._scored("without")
        left_out = np.isin(scored.groups, patients)
        runs = [kept for run in self.runs if (kept := _restricted(run, ~left_out, scored))]
        protocol = self.protocol | {"patients left out": [str(p) for p in np.atleast_1d(patients)]}
        return self.of(protocol, runs, scored, self.protocol["baseline"])

    def _scored(self, owner: str) -> Scored:
        if self.scored is None:
            raise DataError(
                f"AugmentationResult.{owner} needs the predictions, which the JSON file does not "
                "hold. Call it on what cross_validate_augmentation returned."
            )
        return self.scored

    @property
    def table(self) -> pd.DataFrame:
        """One line per arm: mean score, paired difference, interval, p, verdict."""
        of_arm: dict[str, list[float]] = {}
        for run in self.runs:
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
        """Mean F1, sensitivity (recall) and precision of every arm and class over its runs."""
        lines = [
            {"arm": run["arm"], "class": label, **values}
            for run in self.runs
            for label, values in run["per_class"].items()
        ]
        found: Any = pd.DataFrame(lines).groupby(["arm", "class"], sort=False)
        return found[["f1", "recall", "precision"]].mean()

    @property
    def is_complete(self) -> bool:
        """Whether every planned run was finished."""
        return self.protocol["n_finished"] == self.protocol["n_runs"]

    def to_json(self) -> str:
        """Return everything but the predictions as JSON."""
        runs = [{k: v for k, v in run.items() if k not in ARRAYS} for run in self.runs]
        whole = {"protocol": self.protocol, "comparisons": self.comparisons, "worth": self.worth}
        return json.dumps(whole | {"runs": runs}, indent=1, default=str)

    def save(self, path: str | Path) -> None:
        """Write everything but the predictions as JSON; `write_report` makes a page of it."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> AugmentationResult:
        """Return the result that `save` wrote as JSON, without the predictions."""
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
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
        return "\n".join([f"AugmentationResult{done}", str(self.table.round(4)), *texts])


def _restricted(run: dict[str, Any], kept: NDArray, scored: Scored) -> dict[str, Any] | None:
    """Return a run scored on fewer rows, or None where none is left."""
    rows = np.asarray(run["rows"])
    chosen = kept[rows]
    if not chosen.any():
        return None
    labels = np.unique(scored.y)
    rows, codes = rows[chosen], np.asarray(run["predicted"])[chosen]
    truth, predicted = scored.y[rows], labels[codes]
    of_class = per_class_scores(truth, predicted, labels)
    return run | {
        "rows": rows,
        "predicted": codes,
        "n_test": len(rows),
        "score": score_of(scored.scoring, truth, predicted),
        "per_class": {str(label): values for label, values in of_class.items()},
        "patients_test": np.unique(scored.groups[rows]).astype(str).tolist(),
    }


def _compare(
    runs: list[dict[str, Any]], arm: str, baseline: str, scored: Scored
) -> dict[str, Any] | None:
    """Return the paired comparison of an arm with the baseline, over the folds that both did."""
    y, groups, scoring = scored.y, scored.groups, scored.scoring
    mine, other = ({_key(r): r for r in runs if r["arm"] == name} for name in (arm, baseline))
    keys = [key for key in mine if key in other]
    if not keys:
        return None
    differences = [mine[key]["score"] - other[key]["score"] for key in keys]
    sizes = [(other[key]["n_test"], other[key]["n_train"]) for key in keys]
    share = float(np.mean([test / (test + train) for test, train in sizes]))
    by_folds = corrected_interval(differences, test_share=share)
    rows, predicted = _pooled([mine[key] for key in keys])
    _, expected = _pooled([other[key] for key in keys])
    labels = np.unique(y)
    paired = (y[rows], labels[predicted], labels[expected], groups[rows])
    by_patients = patient_bootstrap(*paired, metric=scoring, random_state=0)
    without = leave_one_patient_out(*paired, metric=scoring)
    n_folds = len({key[1] for key in keys})
    primary = by_folds if n_folds > 1 else by_patients
    most = max(without, key=lambda patient: abs(without[patient] - by_patients.value))
    of_class = {
        str(label): patient_bootstrap(*paired, metric=f"f1:{label}", random_state=0)
        for label in np.unique(y[rows])
    }
    return {
        "arm": arm,
        "baseline": baseline,
        "n_pairs": len(keys),
        "n_patients": len(np.unique(groups[rows])),
        "interval": "folds (Nadeau and Bengio)" if n_folds > 1 else "patients (bootstrap)",
        "difference": primary.value,
        "low": primary.low,
        "high": primary.high,
        "p": primary.p,
        "folds": [by_folds.value, by_folds.low, by_folds.high, by_folds.p],
        "patients": [by_patients.value, by_patients.low, by_patients.high, by_patients.p],
        "without_a_patient": [min(without.values()), max(without.values())],
        "most_telling_patient": str(most),
        "f1_by_patients": {label: [f.value, f.low, f.high, f.p] for label, f in of_class.items()},
    }


def _numbers(told: Verdict) -> str:
    return told.text.removeprefix(f"{told.word}: ")


def _pooled(runs: list[dict[str, Any]]) -> tuple[NDArray, NDArray]:
    """Return the rows that every repeat tested, and what was predicted, (n_repeats, n_rows)."""
    of_repeat: dict[int, dict[int, int]] = {}
    for run in runs:
        pairs = zip(
            np.asarray(run["rows"]).tolist(), np.asarray(run["predicted"]).tolist(), strict=True
        )
        of_repeat.setdefault(run["repeat"], {}).update(pairs)
    shared = sorted(set.intersection(*(set(found) for found in of_repeat.values())))
    predicted = [[found[row] for row in shared] for found in of_repeat.values()]
    return np.array(shared, dtype=int), np.array(predicted, dtype=int)


def _worth(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what one synthetic row of each arm was worth, in held-back real ones.

    The first arm is the one that adds nothing.
    """
    of: dict[str, dict[tuple[int, int], dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(run["arm"], {})[_key(run)] = run
    levels = [runs[0]["arm"], *(arm for arm in of if next(iter(of[arm].values())).get("level"))]
    if len(levels) < 2:
        return []
    keys = set.intersection(*(set(of[level]) for level in levels))
    counts = [np.mean([_n_added(of[level][key]) for key in keys]) for level in levels]
    scores = [[of[level][key]["score"] for key in sorted(keys)] for level in levels]
    found = []
    for arm, of_arm in of.items():
        n_added = np.mean([_n_added(run) for run in of_arm.values()])
        if arm in levels or not keys <= set(of_arm) or not n_added:
            continue
        mine = [of_arm[key]["score"] for key in sorted(keys)]
        value = worth_interval(counts, scores, mine, int(n_added))
        found.append({"arm": arm, "n_synthetic": float(n_added)} | vars(value))
    return found


def _n_added(run: Mapping[str, Any]) -> int:
    return sum(run["added"].values())


def _key(run: Mapping[str, Any]) -> tuple[int, int]:
    return run["repeat"], run["fold"]
