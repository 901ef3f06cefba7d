"""Two arms of a comparison, run by run: paired differences, and what a synthetic row was worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.statistics import (
    corrected_interval,
    leave_one_patient_out,
    patient_bootstrap,
    worth_interval,
)

NAMES = ("value", "low", "high", "p")  # of an interval in a list


@dataclass(frozen=True)
class Scored:
    """What predictions are held against: labels and patients of all rows, and how."""

    y: NDArray
    groups: NDArray
    scoring: Any


def key_of(run: Mapping[str, Any]) -> tuple[int, int]:
    """Return what runs of several arms share."""
    return run["repeat"], run["fold"]


def _by_test(of_arm: Mapping[tuple[int, int], Mapping[str, Any]]) -> list[float]:
    """Return the mean score on every test set.

    Repeats of one and the same test set are other trainings, not other tests.
    """
    of_test: dict[bytes, list[float]] = {}
    for key in sorted(of_arm):
        rows = np.sort(np.asarray(of_arm[key]["rows"])).tobytes()
        of_test.setdefault(rows, []).append(of_arm[key]["score"])
    return [float(np.mean(scores)) for scores in of_test.values()]


def compare(runs: list[dict[str, Any]], arm: str, baseline: str, scored: Scored) -> dict[str, Any]:
    """Return the paired comparison of an arm with the baseline; both did every fold.

    A single test set is judged by its patients, several by what they differ in.
    """
    mine, other = ({key_of(r): r for r in runs if r["arm"] == name} for name in (arm, baseline))
    differences = np.subtract(_by_test(mine), _by_test(other))
    shares = [run["n_test"] / (run["n_test"] + run["n_train"]) for run in other.values()]
    by_folds = corrected_interval(differences, test_share=float(np.mean(shares)))
    by_patients = _by_patients(list(mine.values()), list(other.values()), scored)
    several = len(differences) > 1
    tested = np.concatenate([np.asarray(run["rows"]) for run in mine.values()])
    primary = vars(by_folds) if several else dict(zip(NAMES, by_patients["patients"], strict=True))
    return {
        "arm": arm,
        "baseline": baseline,
        "n_pairs": len(mine),
        "n_patients": len(np.unique(scored.groups[tested])),
        "interval": "folds (Nadeau and Bengio)" if several else "patients (bootstrap)",
        "difference": primary["value"],
        "low": primary["low"],
        "high": primary["high"],
        "p": primary["p"],
        "folds": [by_folds.value, by_folds.low, by_folds.high, by_folds.p],
    } | by_patients


def _by_patients(
    mine: list[dict[str, Any]], other: list[dict[str, Any]], scored: Scored
) -> dict[str, Any]:
    """Return what is told by patients; None where the repeats do not test every row once."""
    found: dict[str, Any] = dict.fromkeys(
        ("patients", "without_a_patient", "most_telling_patient", "f1_by_patients")
    )
    pooled, expected = _pooled(mine), _pooled(other)
    if pooled is None or expected is None:
        return found
    rows, labels = pooled[0], np.unique(scored.y)
    y, groups = scored.y[rows], scored.groups[rows]
    paired = (y, labels[pooled[1]], labels[expected[1]], groups)

    def interval(metric: Any) -> list[float]:
        drawn = patient_bootstrap(*paired, metric=metric, random_state=0)
        return [drawn.value, drawn.low, drawn.high, drawn.p]

    found["patients"] = interval(scored.scoring)
    found["f1_by_patients"] = {str(label): interval(f"f1:{label}") for label in np.unique(y)}
    if len(np.unique(groups)) > 1:
        without = leave_one_patient_out(*paired, metric=scored.scoring)
        most = max(without, key=lambda patient: abs(without[patient] - found["patients"][0]))
        found["without_a_patient"] = [min(without.values()), max(without.values())]
        found["most_telling_patient"] = str(most)
    return found


def _pooled(runs: list[dict[str, Any]]) -> tuple[NDArray, NDArray] | None:
    """Return the rows tested, and what every repeat predicted, of shape (n_repeats, n_rows).

    None where some rows are tested twice in a repeat, or not in all repeats.
    """
    of_repeat: dict[int, list[dict[str, Any]]] = {}
    for run in runs:
        of_repeat.setdefault(run["repeat"], []).append(run)
    rows, predicted = [], []
    for repeat in of_repeat.values():
        tested = np.concatenate([np.asarray(run["rows"]) for run in repeat])
        order = np.argsort(tested)
        rows.append(tested[order])
        predicted.append(np.concatenate([np.asarray(run["predicted"]) for run in repeat])[order])
    is_once = len(np.unique(rows[0])) == len(rows[0])
    if not is_once or not all(np.array_equal(rows[0], others) for others in rows):
        return None
    return rows[0], np.array(predicted, dtype=int)


def worth_of_arms(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what one synthetic row of each arm was worth, in held-back real ones.

    The first arm is the one that adds nothing. Levels of the oracle that, of few rows, add as many
    as the one before are one level; arms that add no row have no worth.
    """
    of: dict[str, dict[tuple[int, int], dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(run["arm"], {})[key_of(run)] = run
    oracles = [arm for arm in of if next(iter(of[arm].values())).get("level")]
    levels = {0.0: runs[0]["arm"]}
    for arm in oracles:
        levels.setdefault(_mean_added(of[arm]), arm)
    if len(levels) < 2:
        return []
    scores = [_by_test(of[arm]) for arm in levels.values()]
    found = []
    for arm, of_arm in of.items():
        n_added = _mean_added(of_arm)
        if arm not in oracles and n_added >= 1:
            value = worth_interval(list(levels), scores, _by_test(of_arm), int(n_added))
            found.append({"arm": arm, "n_synthetic": n_added} | vars(value))
    return found


def _mean_added(of_arm: Mapping[Any, Mapping[str, Any]]) -> float:
    return float(np.mean([sum(run["added"].values()) for run in of_arm.values()]))
