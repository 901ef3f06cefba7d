"""Paired difference of an arm from the baseline: by folds and by patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.comparison.records import (
    ClassDifference,
    Key,
    LeaveOneOut,
    PairedDifference,
    Predictions,
    Run,
)
from bioaug.comparison.scoring import Scoring
from bioaug.statistics import (
    Interval,
    PairedScores,
    Repeats,
    corrected_interval,
    count_distinct,
)

Runs = Mapping[Key, Run]
SAME_TEST = 0.5  # of the patients of two tests in both, above which they are one test


@dataclass(frozen=True)
class GroundTruth:
    """What predictions are held against: labels and patients of all rows, and the score."""

    y: NDArray
    groups: NDArray
    scoring: Scoring


def tests_of(runs: Runs) -> list[list[Key]]:
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


def _is_same_test(one: Run, other: Run) -> bool:
    if one.training_digest == other.training_digest:
        return True
    first, second = set(one.patients_test), set(other.patients_test)
    return len(first & second) > SAME_TEST * len(first | second)


def compare(runs: Sequence[Run], arm: str, baseline: str, truth: GroundTruth) -> PairedDifference:
    """Return the paired difference of an arm from the baseline on the folds that both did.

    A single test is judged by its patients, several by what they differ in.
    """
    mine, other = ({run.key: run for run in runs if run.arm == name} for name in (arm, baseline))
    keys = sorted(mine.keys() & other.keys())
    mine, other = ({key: of_arm[key] for key in keys} for of_arm in (mine, other))
    differences = {key: mine[key].score - other[key].score for key in keys}
    tests = tests_of(other)
    by_test = [[differences[k] for k in test if math.isfinite(differences[k])] for test in tests]
    by_test = [test for test in by_test if test]
    by_folds = _by_folds(by_test, other, truth.scoring)
    pair = _Pair.of(list(mine.values()), list(other.values()), truth)
    by_patients = None if pair is None else pair.interval()
    is_valued = by_patients is not None and math.isfinite(by_patients.value)
    by_patients = by_patients if is_valued else None
    primary = by_patients if by_patients is not None and len(by_test) <= 1 else by_folds
    tested = np.concatenate([_predictions(run).rows for run in mine.values()])
    n_patients = len(np.unique(truth.groups[tested]))
    limited_by = _limited_by(primary, by_patients, len(tests) == n_patients)
    of_one_test = pair is not None and len(tests) == 1
    return PairedDifference(
        arm=arm,
        baseline=baseline,
        difference=replace(primary, limited_by=limited_by),
        unit="folds" if primary is by_folds else "patients",
        by_folds=by_folds,
        by_patients=by_patients,
        per_class=pair.per_class() if pair is not None and by_patients is not None else {},
        leave_one_out=None if pair is None or by_patients is None else pair.leave_one_out(),
        n_pairs=len(mine),
        n_tests=len(tests),
        n_patients=n_patients,
        n_trainings=pair.n_trainings if pair is not None and of_one_test else None,
        n_repeats=pair.n_repeats if pair is not None and of_one_test else None,
    )


def _predictions(run: Run) -> Predictions:
    if run.predictions is None:
        raise ValueError("a run without predictions cannot be compared")
    return run.predictions


def _by_folds(differences: list[list[float]], runs: Runs, scoring: Scoring) -> Interval:
    if not differences:
        return Interval(math.nan, -math.inf, math.inf, 1.0, limited_by="folds")
    of_test = np.array([np.mean(test) for test in differences])
    value = float(np.mean(np.concatenate(differences)))  # of all runs, as in the table
    fractions = [run.n_test / (run.n_test + run.n_train) for run in runs.values()]
    interval = corrected_interval(
        of_test - of_test.mean() + value, test_fraction=float(np.mean(fractions))
    )
    if scoring.metric is None or not math.isfinite(interval.half_width):
        return interval
    return replace(interval, low=max(interval.low, -1.0), high=min(interval.high, 1.0))


def _limited_by(primary: Interval, by_patients: Interval | None, tests_are_patients: bool) -> Any:
    """Return what makes the interval wide: patients, where theirs is as wide as that of folds."""
    if primary.limited_by != "folds":
        return primary.limited_by
    half_width = math.inf if by_patients is None else by_patients.half_width
    is_wide = math.isfinite(half_width) and half_width >= primary.half_width
    return "patients" if is_wide or tests_are_patients else "folds"


@dataclass(frozen=True)
class _Pooled:
    """What one arm predicted for every row tested, in every repeat."""

    rows: NDArray
    predicted: NDArray  # codes of shape (n_repeats, n_rows)
    method: str | None
    responses: NDArray | None  # of shape (n_repeats, n_rows, ...)

    @classmethod
    def of(cls, runs: Sequence[Run]) -> _Pooled | None:
        """Return the predictions of all runs.

        Runs of one repeat on the same rows are further trainings. None where some rows are tested
        in different tests of a repeat, or not in all repeats.
        """
        pooled: list[Predictions] = []
        for repeat in sorted({run.repeat for run in runs}):
            of_rows: dict[bytes, list[Predictions]] = {}
            for run in runs:
                if run.repeat == repeat:
                    parts = _predictions(run)
                    of_rows.setdefault(np.sort(parts.rows).tobytes(), []).append(parts)
            if len({len(again) for again in of_rows.values()}) > 1:
                return None
            pooled += [_joined(parts) for parts in zip(*of_rows.values(), strict=True)]
        rows = pooled[0].rows
        is_once = len(np.unique(rows)) == len(rows)
        if not is_once or not all(np.array_equal(rows, one.rows) for one in pooled):
            return None
        responses = [one.responses for one in pooled if one.responses is not None]
        has_responses = len(responses) == len(pooled)
        return cls(
            rows,
            np.array([one.predicted for one in pooled], dtype=int),
            pooled[0].method if has_responses else None,
            np.array(responses) if has_responses else None,
        )

    @property
    def n_distinct(self) -> int:
        """The trainings whose responses differ."""
        values = self.predicted if self.responses is None else self.responses
        return count_distinct(values.reshape(len(values), -1))

    def responses_of(self, repeat: int, rows: NDArray) -> tuple[str, NDArray] | None:
        if self.method is None or self.responses is None:
            return None
        return self.method, self.responses[repeat][rows]


def _joined(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several tests as one, in the order of the rows."""
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows)
    responses = [part.responses for part in parts if part.responses is not None]
    return Predictions(
        rows[order],
        np.concatenate([part.predicted for part in parts])[order],
        parts[0].method,
        np.concatenate(responses)[order] if len(responses) == len(parts) else None,
    )


@dataclass(frozen=True)
class _Pair:
    """Two arms on the same rows: what can be said of them by patients."""

    mine: _Pooled
    other: _Pooled
    truth: GroundTruth
    scores: PairedScores
    test_fraction: float

    @classmethod
    def of(cls, mine: list[Run], other: list[Run], truth: GroundTruth) -> _Pair | None:
        """Return the pair; None unless every repeat tests every row once."""
        first, second = _Pooled.of(mine), _Pooled.of(other)
        if first is None or second is None:
            return None
        scores = _paired_scores(first, second, truth)
        return cls(first, second, truth, scores, _test_fraction(other))

    @property
    def n_trainings(self) -> int:
        """Trainings whose predicted labels differ."""
        return max(count_distinct(arm.predicted) for arm in (self.mine, self.other))

    @property
    def n_repeats(self) -> int:
        return len(self.mine.predicted)

    def interval(self) -> Interval:
        """Return the interval of the score of the comparison."""
        n_draws = self.truth.scoring.n_draws
        return self.scores.interval(n_draws=n_draws, test_fraction=self.test_fraction)

    def per_class(self) -> dict[str, ClassDifference]:
        """Return the difference of the F1 of every class.

        All classes together hold the truth in 95 % of comparisons (Bonferroni).
        """
        labels = np.unique(self.truth.y)
        y, groups = (values[self.mine.rows] for values in (self.truth.y, self.truth.groups))
        arms = labels[self.mine.predicted], labels[self.other.predicted]
        classes = np.unique(y)
        found = {}
        for label in classes:
            f1 = PairedScores.of(y, *arms, groups, metric=f"f1:{label}", owner="compare")
            interval = f1.interval(
                confidence=1 - 0.05 / len(classes), test_fraction=self.test_fraction
            )
            found[str(label)] = ClassDifference(interval, f1.n_informative)
        return found

    def leave_one_out(self) -> LeaveOneOut | None:
        """Return the range of differences without each patient; None of a single patient."""
        if len(self.scores.patients) < 2:
            return None
        without = self.scores.leave_one_out()
        valued = {who: value for who, value in without.items() if math.isfinite(value)}
        if not valued:
            return None
        whole = self.scores.value
        most = max(valued, key=lambda patient: abs(valued[patient] - whole))
        return LeaveOneOut(min(valued.values()), max(valued.values()), str(most))


def _test_fraction(runs: list[Run]) -> float:
    """Return the patients tested as a fraction of those tested and trained on.

    Patients of all folds together, for their training sets are nearly the same: what other training
    patients would change does not average out over folds.
    """
    tested = set().union(*(run.patients_test for run in runs))
    trained = float(np.mean([run.n_patients_train for run in runs]))
    return len(tested) / (len(tested) + trained)


def _paired_scores(mine: _Pooled, other: _Pooled, truth: GroundTruth) -> PairedScores:
    """Return both arms scored by the score of the comparison, under any weights of patients."""
    scoring, labels = truth.scoring, np.unique(truth.y)
    y, groups = truth.y[mine.rows], truth.groups[mine.rows]
    n_informative = scoring.n_informative(y, groups)
    if scoring.metric or not scoring.needs_responses:
        metric: Any = scoring.metric or scoring.value
        arms = (labels[mine.predicted], labels[other.predicted])
        pair = PairedScores.of(y, *arms, groups, metric=metric, owner="compare")
        return pair if scoring.metric else replace(pair, n_informative=n_informative)
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

    whole = np.arange(len(y))
    repeats = Repeats.of(first(whole), second(whole), mine.n_distinct, other.n_distinct)
    return PairedScores(patients, n_informative, difference, repeats)
