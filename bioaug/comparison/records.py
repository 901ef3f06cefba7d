"""Records of a comparison: its protocol, runs, paired differences and real-row equivalences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from numpy.typing import NDArray

from bioaug.comparison._json import Count
from bioaug.statistics import Interval, Verdict, Worth

Key = tuple[int, int]


@dataclass(frozen=True)
class Protocol:
    """Everything that was fixed before the first run, and how many runs were finished.

    Attributes
    ----------
    bioaug : str
        Version.
    estimator : str
    arms : dict of str to str
        What each arm does, in words, by name; the first one adds nothing.
    asked : tuple of str
        The arms that somebody asks about; p-values are adjusted for their number.
    settings : dict of str to str
        All parameters of the estimator and of every arm.
    scoring : str
    baseline : str
        The arm that the others are compared with.
    n_rows, n_patients : int
    classes : dict of str to int
        Rows by class.
    cv : str
    n_repeats : int
    holdout_fraction : float
        Fraction of the training rows of the rarer classes that only the oracle adds.
    random_state : int
    n_runs, n_finished : int
        Planned and finished.
    patients_left_out : tuple of str
        By `AugmentationResult.without`.
    """

    bioaug: str
    estimator: str
    arms: Mapping[str, str]
    asked: tuple[str, ...]
    settings: Mapping[str, str]
    scoring: str
    baseline: str
    n_rows: Count
    n_patients: Count
    classes: Mapping[str, Count]
    cv: str
    n_repeats: Count
    holdout_fraction: float
    random_state: Count
    n_runs: Count
    n_finished: Count
    patients_left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class in one run.

    Attributes
    ----------
    precision, recall, f1 : float
    support : int
        Rows of the class.
    """

    precision: float
    recall: float
    f1: float
    support: Count


@dataclass(frozen=True)
class Calibration:
    """Calibration of one run; 0 is best.

    Attributes
    ----------
    ece : float
        Expected calibration error.
    brier : float
        Brier score.
    """

    ece: float
    brier: float


@dataclass(frozen=True)
class Seconds:
    """Time that one run took, in seconds.

    Attributes
    ----------
    resampling, fitting : float
    """

    resampling: float
    fitting: float


@dataclass(frozen=True)
class Predictions:
    """What a classifier predicted for the rows tested.

    Attributes
    ----------
    rows : ndarray of shape (n_test,)
        Their indices.
    predicted : ndarray of shape (n_test,)
        Indices of the classes, which are sorted.
    method : str or None
        Method of the classifier that `responses` are from.
    responses : ndarray or None
        For scores that need more than labels.
    """

    rows: NDArray
    predicted: NDArray
    method: str | None = None
    responses: NDArray | None = None


@dataclass(frozen=True)
class Run:
    """One arm on one fold of one repeat.

    Attributes
    ----------
    arm : str
    repeat, fold, seed : int
    level : float
        Fraction of the held-out real rows that was added.
    n_train, n_patients_train, n_test : int
        Rows and patients trained on, before anything was added; rows tested.
    training_digest : str
        Equal for runs that were trained on the same rows.
    patients_test : tuple of str
    added : dict of str to int
        Rows that the arm added, by class; negative where it took some away.
    generators : dict of str to tuple of str
        What generated them, by class.
    rejected : dict of str to dict of str to int
        Rows that the quality filter refused, by class and reason.
    score : float
        NaN where the rows tested have none.
    per_class : dict of str to ClassScores
    calibration : Calibration or None
    seconds : Seconds
    predictions : Predictions or None
        None after `AugmentationResult.load`.
    """

    arm: str
    repeat: Count
    fold: Count
    seed: Count
    level: float
    n_train: Count
    n_patients_train: Count
    n_test: Count
    training_digest: str
    patients_test: tuple[str, ...]
    added: Mapping[str, int]
    generators: Mapping[str, tuple[str, ...]]
    rejected: Mapping[str, Mapping[str, Count]]
    score: float
    per_class: Mapping[str, ClassScores]
    calibration: Calibration | None
    seconds: Seconds
    predictions: Predictions | None = field(
        default=None, repr=False, compare=False, metadata={"stored": False}
    )

    @property
    def key(self) -> Key:
        """What runs of several arms share: repeat and fold."""
        return self.repeat, self.fold

    @property
    def n_added(self) -> int:
        """Rows that the arm added, of all classes."""
        return sum(self.added.values())


@dataclass(frozen=True)
class Failure:
    """A run that raised.

    Attributes
    ----------
    arm : str
    repeat, fold : int
    error : str
    """

    arm: str
    repeat: Count
    fold: Count
    error: str

    def __str__(self) -> str:
        return f"{self.arm}: failed in repeat {self.repeat}, fold {self.fold}: {self.error}"


@dataclass(frozen=True)
class ClassDifference:
    """Paired difference of the F1 of one class.

    Attributes
    ----------
    interval : Interval
        By patients; the intervals of all classes of an arm hold together (Bonferroni).
    n_patients : int
        Patients with rows of the class.
    """

    interval: Interval
    n_patients: Count


@dataclass(frozen=True)
class LeaveOneOut:
    """The difference without each patient in turn.

    Attributes
    ----------
    low, high : float
        Range of the difference.
    patient : str
        Who moves it most.
    """

    low: float
    high: float
    patient: str


@dataclass(frozen=True)
class PairedDifference:
    """An arm against the baseline, on the folds that both finished.

    Attributes
    ----------
    arm, baseline : str
    difference : Interval
        Of the score, by `unit`.
    unit : {"folds", "patients"}
        What the interval, its p-value and the verdict are by.
    by_folds : Interval
        Nadeau and Bengio's.
    by_patients : Interval or None
        Bootstrap; None where a repeat tests some rows twice or not at all.
    per_class : dict of str to ClassDifference
    leave_one_out : LeaveOneOut or None
    n_pairs, n_tests, n_patients : int
        Pairs of runs; tests, which several runs may share; patients tested.
    n_trainings, n_repeats : int or None
        Of a fixed split: trainings whose predictions differ, and repeats.
    """

    arm: str
    baseline: str
    difference: Interval
    unit: Literal["folds", "patients"]
    by_folds: Interval
    by_patients: Interval | None
    per_class: Mapping[str, ClassDifference]
    leave_one_out: LeaveOneOut | None
    n_pairs: Count
    n_tests: Count
    n_patients: Count
    n_trainings: Count | None
    n_repeats: Count | None

    @property
    def method(self) -> str:
        """Where the interval is from, in words."""
        return {"folds": "folds (Nadeau and Bengio)", "patients": "patients (bootstrap)"}[self.unit]

    @property
    def harmed_classes(self) -> tuple[str, ...]:
        """The classes whose interval lies below 0; none where each arm was trained once."""
        if self.n_trainings == 1:
            return ()
        return tuple(label for label, of in self.per_class.items() if of.interval.high < 0)


@dataclass(frozen=True)
class ArmComparison(PairedDifference):
    """A paired difference with its verdict.

    Attributes
    ----------
    is_counted : bool
        Whether p was adjusted for the number of arms that somebody asks about.
    p_holm : float
        P-value after Holm's adjustment; unadjusted where the arm is not counted.
    verdict : Verdict
    """

    is_counted: bool
    p_holm: float
    verdict: Verdict


@dataclass(frozen=True)
class ArmWorth(Worth):
    """Real-row equivalence of one synthetic row of an arm.

    Attributes
    ----------
    value, low, high : float
    is_bound : bool
        As of `bioaug.statistics.Worth`.
    arm : str
    n_synthetic : float
        Rows that it added, on average.
    """

    arm: str
    n_synthetic: float
