"""Two arms of a comparison, run by run: paired differences, and what a synthetic row was worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.comparison._scoring import Scoring
from bioaug.statistics import corrected_interval, worth_interval
from bioaug.statistics._paired import PairedScores, count_distinct
from bioaug.statistics._resampling import Interval, Repeats

Key = tuple[int, int]
SAME_TEST = 0.5  # of the patients of two tests in both, above which they are one test
SLOW_DRAWS = 500  # of patients, for a score that has to be called on each


@dataclass(frozen=True)
class Scored:
    """What predictions are held against: labels and patients of all rows, and how."""

    y: NDArray
    groups: NDArray
    scoring: Scoring


def key_of(run: Mapping[str, Any]) -> Key:
    """Return what runs of several arms share."""
    return run["repeat"], run["fold"]


def tests_of(runs: Mapping[Key, Mapping[str, Any]]) -> list[list[Key]]:
    """Return the runs by test: those of one test are other trainings of it, not further tests.

    Runs are one test where they were trained on the same rows, or where most of their test patients
    are the same: what the arms differ by is then the same difference, measured again.
    """
    tests: list[list[Key]] = []
    for key in sorted(runs):
        for test in tests:
            if _is_same_test(runs[test[0]], runs[key]):
                test.append(key)
                break
        else:
            tests.append([key])
    return tests


def _is_same_test(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one["training"] == other["training"]:
        return True
    first, second = set(one["patients_test"]), set(other["patients_test"])
    return len(first & second) > SAME_TEST * len(first | second)


def compare(runs: list[dict[str, Any]], arm: str, baseline: str, scored: Scored) -> dict[str, Any]:
    """Return the paired comparison of an arm with the baseline on the folds that both did.

    A single test is judged by its patients, several by what they differ in.
    """
    mine, other = ({key_of(r): r for r in runs if r["arm"] == name} for name in (arm, baseline))
    keys = sorted(mine.keys() & other.keys())
    mine, other = ({key: of_arm[key] for key in keys} for of_arm in (mine, other))
    valued = {
        key: mine[key]["score"] - other[key]["score"]
        for key in keys
        if math.isfinite(mine[key]["score"]) and math.isfinite(other[key]["score"])
    }
    tests = tests_of(other)
    by_test = [[valued[key] for key in test if key in valued] for test in tests]
    by_folds = _by_folds([test for test in by_test if test], other)
    by_patients = _by_patients(list(mine.values()), list(other.values()), tests, scored)
    drawn = by_patients.pop("drawn")
    several = len([test for test in by_test if test]) > 1
    primary = drawn if drawn is not None and not several else by_folds
    tested = np.concatenate([np.asarray(run["rows"]) for run in mine.values()])
    n_patients = len(np.unique(scored.groups[tested]))
    return {
        "arm": arm,
        "baseline": baseline,
        "n_pairs": len(mine),
        "n_tests": len(tests),
        "n_patients": n_patients,
        "interval": "folds (Nadeau and Bengio)" if primary is by_folds else "patients (bootstrap)",
        "limited_by": _limited_by(primary, drawn, len(tests) == n_patients),
        "difference": primary.value,
        "low": primary.low,
        "high": primary.high,
        "p": primary.p,
        "folds": as_list(by_folds),
    } | by_patients


def as_list(interval: Interval) -> list[float]:
    """Return value, low, high and p."""
    return [interval.value, interval.low, interval.high, interval.p]


def _by_folds(differences: list[list[float]], runs: Mapping[Key, Mapping[str, Any]]) -> Interval:
    if not differences:
        return Interval(math.nan, -math.inf, math.inf, 1.0, limited_by="folds")
    of_test = np.array([np.mean(test) for test in differences])
    value = float(np.mean(np.concatenate(differences)))  # of all runs, as in the table
    shares = [run["n_test"] / (run["n_test"] + run["n_train"]) for run in runs.values()]
    return corrected_interval(
        of_test - of_test.mean() + value, test_fraction=float(np.mean(shares))
    )


def _limited_by(primary: Interval, drawn: Interval | None, tests_are_patients: bool) -> str:
    """Return what makes the interval wide: patients, where theirs is as wide as that of folds."""
    if primary.limited_by != "folds":
        return primary.limited_by
    known = drawn is not None and math.isfinite(drawn.half_width)
    is_wide = known and drawn is not None and drawn.half_width >= primary.half_width
    return "patients" if is_wide or tests_are_patients else "folds"


@dataclass(frozen=True)
class _Pooled:
    """What one arm said of every row tested, in every repeat."""

    rows: NDArray
    predicted: NDArray  # codes of shape (n_repeats, n_rows)
    method: str | None
    responses: NDArray | None  # of shape (n_repeats, n_rows, ...)

    def responses_of(self, repeat: int, rows: NDArray) -> tuple[str, NDArray] | None:
        if self.method is None or self.responses is None:
            return None
        return self.method, self.responses[repeat][rows]


def _by_patients(
    mine: list[dict[str, Any]], other: list[dict[str, Any]], tests: list[list[Key]], scored: Scored
) -> dict[str, Any]:
    """Return what is reported by patients; None unless every repeat tests every row once."""
    found: dict[str, Any] = dict.fromkeys(
        ("patients", "without_a_patient", "most_telling_patient", "f1_by_patients")
    )
    found |= {"patients_of_class": {}, "n_trainings": None, "n_repeats": None, "drawn": None}
    pooled, expected = _pooled(mine), _pooled(other)
    if pooled is None or expected is None:
        return found
    trainings = max(count_distinct(arm.predicted) for arm in (pooled, expected))
    if len(tests) == 1:
        found |= {"n_trainings": trainings, "n_repeats": len(pooled.predicted)}
    labels = np.unique(scored.y)
    y, groups = scored.y[pooled.rows], scored.groups[pooled.rows]
    share = _test_share(other)
    pair = _paired(pooled, expected, scored)
    n_draws = 2000 if scored.scoring.metric else SLOW_DRAWS
    found["drawn"] = drawn = pair.interval(n_draws=n_draws, test_fraction=share)
    if not math.isfinite(drawn.value):
        return found | {"drawn": None}
    found["patients"] = as_list(drawn)
    classes = np.unique(y)
    of_class = (y, labels[pooled.predicted], labels[expected.predicted], groups)
    # All classes together hold the truth in 95 % of comparisons (Bonferroni).
    settings: dict[str, Any] = {"confidence": 1 - 0.05 / len(classes), "test_fraction": share}
    f1 = {
        str(label): PairedScores.of(*of_class, metric=f"f1:{label}", owner="compare")
        for label in classes
    }
    found["f1_by_patients"] = {name: as_list(one.interval(**settings)) for name, one in f1.items()}
    found["patients_of_class"] = {name: one.n_informative for name, one in f1.items()}
    if len(np.unique(groups)) > 1:
        every = {who: value for who, value in pair.leave_one_out().items() if math.isfinite(value)}
        if every:
            most = max(every, key=lambda patient: abs(every[patient] - drawn.value))
            found["without_a_patient"] = [min(every.values()), max(every.values())]
            found["most_telling_patient"] = str(most)
    return found


def _test_share(runs: list[dict[str, Any]]) -> float:
    """Return the patients tested as a share of those tested and trained on.

    Patients of all folds together, for their training sets are nearly the same: what other training
    patients would change does not average out over folds.
    """
    tested = set().union(*(run["patients_test"] for run in runs))
    trained = float(np.mean([run["n_patients_train"] for run in runs]))
    return len(tested) / (len(tested) + trained)


def _paired(mine: _Pooled, other: _Pooled, scored: Scored) -> PairedScores:
    """Return the pairing by the score of the comparison."""
    scoring, labels = scored.scoring, np.unique(scored.y)
    y, groups = scored.y[mine.rows], scored.groups[mine.rows]
    if scoring.metric or not scoring.needs_responses:
        metric: Any = scoring.metric or scoring.value
        arms = (labels[mine.predicted], labels[other.predicted])
        pair = PairedScores.of(y, *arms, groups, metric=metric, owner="compare")
        return (
            pair
            if scoring.metric
            else replace(pair, n_informative=scoring.n_informative(y, groups))
        )
    patients, of_row = np.unique(groups, return_inverse=True)

    def scores_of(arm: _Pooled) -> Callable[[NDArray], NDArray]:
        def scores(rows: NDArray) -> NDArray:
            return np.array(
                [
                    scoring.value(y[rows], labels[codes[rows]], arm.responses_of(repeat, rows))
                    for repeat, codes in enumerate(arm.predicted)
                ]
            )

        return scores

    first, second = scores_of(mine), scores_of(other)

    def difference(weights: NDArray) -> NDArray:
        drawn = (np.repeat(np.arange(len(y)), w[of_row].astype(int)) for w in weights)
        return np.array([first(rows).mean() - second(rows).mean() for rows in drawn])

    whole, distinct = np.arange(len(y)), [_n_distinct(arm) for arm in (mine, other)]
    repeats = Repeats.of(first(whole), second(whole), *distinct)
    return PairedScores(patients, scoring.n_informative(y, groups), difference, repeats)


def _n_distinct(arm: _Pooled) -> int:
    values = arm.predicted if arm.responses is None else arm.responses
    return count_distinct(values.reshape(len(values), -1))


def _pooled(runs: list[dict[str, Any]]) -> _Pooled | None:
    """Return what was said of the rows tested.

    Runs of one repeat on the same rows are further trainings. None where some rows are tested in
    different tests of a repeat, or not in all repeats.
    """
    rows: NDArray | None = None
    predicted, responses = [], []
    for repeat in sorted({run["repeat"] for run in runs}):
        of_rows: dict[bytes, list[dict[str, Any]]] = {}
        for run in runs:
            if run["repeat"] == repeat:
                of_rows.setdefault(np.sort(run["rows"]).tobytes(), []).append(run)
        if len({len(again) for again in of_rows.values()}) > 1:
            return None
        for parts in zip(*of_rows.values(), strict=True):
            tested = np.concatenate([np.asarray(run["rows"]) for run in parts])
            order = np.argsort(tested)
            rows = tested[order] if rows is None else rows
            if len(np.unique(tested)) < len(tested) or not np.array_equal(rows, tested[order]):
                return None
            predicted.append(np.concatenate([run["predicted"] for run in parts])[order])
            if all("responses" in run for run in parts):
                responses.append(np.concatenate([run["responses"] for run in parts])[order])
    if rows is None:
        return None
    has_responses = len(responses) == len(predicted)
    method = runs[0].get("method") if has_responses else None
    stacked = np.array(responses) if has_responses else None
    return _Pooled(rows, np.array(predicted, dtype=int), method, stacked)


def worth_of_arms(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what one synthetic row of each arm was worth, in held-back real ones.

    The first arm is the one that adds nothing. Levels of the oracle that, of few rows, add as many
    as the one before are one level; arms that add no row have no worth.
    """
    of: dict[str, dict[Key, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(run["arm"], {})[key_of(run)] = run
    oracles = [arm for arm in of if next(iter(of[arm].values())).get("level")]
    levels = {0.0: runs[0]["arm"]}
    for arm in oracles:
        levels.setdefault(_mean_added(of[arm]), arm)
    if len(levels) < 2:
        return []
    every = [of[arm] for arm in levels.values()]
    found = []
    for arm, of_arm in of.items():
        n_added = _mean_added(of_arm)
        if arm in oracles or n_added < 1:
            continue
        shared = {
            key: run
            for key, run in of_arm.items()
            if all(key in one and math.isfinite(one[key]["score"]) for one in [*every, of_arm])
        }
        if shared:
            tests = tests_of(shared)
            scores = [_by_test(one, tests) for one in every]
            value = worth_interval(list(levels), scores, _by_test(of_arm, tests), int(n_added))
            found.append({"arm": arm, "n_synthetic": n_added} | vars(value))
    return found


def _by_test(of_arm: Mapping[Key, Mapping[str, Any]], tests: list[list[Key]]) -> list[float]:
    return [float(np.mean([of_arm[key]["score"] for key in test])) for test in tests]


def _mean_added(of_arm: Mapping[Any, Mapping[str, Any]]) -> float:
    return float(np.mean([sum(run["added"].values()) for run in of_arm.values()]))
