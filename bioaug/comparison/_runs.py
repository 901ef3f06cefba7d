"""The runs of a comparison: planned, executed side by side, and read from a store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import imblearn
import numpy as np
import sklearn
import torch
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.typing import NDArray
from tqdm.auto import tqdm

from bioaug._version import __version__
from bioaug.comparison._run_store import RunStore
from bioaug.comparison.arms import OWNER, Arm, in_accepted_shape, seeded_clone
from bioaug.comparison.records import Calibration, ClassScores, Failure, Predictions, Run, Seconds
from bioaug.comparison.scoring import Scoring
from bioaug.core.fingerprint import array_digest, estimator_repr, text_digest
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError, LeakError
from bioaug.leakage import TrainingFingerprint
from bioaug.statistics import calibration_error, per_class_scores

MAX_KILLED = 3  # times that workers may be killed before the comparison gives up
LONGEST = 2000  # characters kept of an error


@dataclass(frozen=True)
class Plan:
    """What all runs share."""

    estimator: Any
    X: NDArray
    y: NDArray
    groups: NDArray
    scoring: Scoring
    holdout_fraction: float

    @property
    def labels(self) -> NDArray:
        """All classes, sorted."""
        return self.scoring.classes

    def digest(self) -> str:
        """Return a digest of the rows and the classifier."""
        modules = (np, sklearn, imblearn, torch)
        versions = [__version__, *(module.__version__ for module in modules)]
        rows = array_digest(self.X, self.y, self.groups)
        return text_digest(rows, estimator_repr(self.estimator), self.holdout_fraction, versions)


@dataclass(frozen=True)
class PlannedRun:
    """One arm on one fold of one repeat."""

    arm: Arm
    repeat: int
    fold: int
    train: NDArray
    test: NDArray
    seed: int

    def key(self, plan_digest: str) -> str:
        """Return a digest of everything that the result depends on."""
        rows = array_digest(self.train, self.test)
        return text_digest(plan_digest, self.arm.settings, self.seed, rows)


@dataclass
class _Progress:
    """Results and errors of the runs so far, by their index."""

    runs: Sequence[PlannedRun]
    store: RunStore | None
    results: dict[int, Run] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    is_store_full: bool = False

    def to_do(self) -> list[int]:
        return [i for i in range(len(self.runs)) if i not in self.results and i not in self.errors]

    def add(self, index: int, result: Run | str, key: str) -> None:
        """Note what a run came to, and keep it in the store."""
        if isinstance(result, str):
            self.errors[index] = result
            return
        self.results[index] = result
        error = None if self.store is None else self.store.write(key, result)
        if error is not None and not self.is_store_full:
            self.is_store_full = True
            warn_user(
                f"{OWNER}: finished runs cannot be kept in 'folder' ({error}); they go on in memory"
            )

    def outcome(self) -> tuple[list[Run], list[Failure]]:
        """Return the finished runs and the failures, in the order of the plan."""
        failures = []
        for index in sorted(self.errors.keys() - self.results.keys()):
            run, error = self.runs[index], self.errors[index][:LONGEST]
            failures.append(Failure(run.arm.name, run.repeat, run.fold, error))
        return [self.results[index] for index in sorted(self.results)], failures


def execute(
    plan: Plan,
    runs: Sequence[PlannedRun],
    n_jobs: int | None,
    store: RunStore | None,
    until: float | None,
    verbose: int,
) -> tuple[list[Run], list[Failure]]:
    """Return the results of all runs that finished, in their order, and of those that failed."""
    progress = _Progress(runs, store)
    digest = "" if store is None else plan.digest()
    keys = ["" if store is None else run.key(digest) for run in runs]
    for index, run in enumerate(runs):
        if store is not None and (stored := _stored(plan, run, store, keys[index])) is not None:
            progress.results[index] = stored
    n_stored = len(progress.results)
    bar = tqdm(total=len(runs), initial=n_stored, disable=not verbose, desc="arms x folds")
    for attempt in range(MAX_KILLED + 1):
        to_do = progress.to_do()
        try:
            # One run at a time is handed to each worker, so that the clock is read as it begins.
            settings: Any = {"batch_size": 1, "pre_dispatch": "n_jobs"}
            parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", **settings)
            finished: Any = parallel(
                delayed(_run)(plan, runs[i], i, store, keys[i]) for i in _in_time(to_do, until)
            )
            for index, result in finished:
                bar.update()
                progress.add(index, result, keys[index])
            break
        except TerminatedWorkerError as error:
            if attempt == MAX_KILLED:
                progress.errors |= {i: f"{type(error).__name__}: {error}" for i in to_do}
    bar.close()
    return progress.outcome()


def _in_time(to_do: Iterable[int], until: float | None) -> Iterator[int]:
    """Yield the runs that begin before the time is over."""
    for index in to_do:
        if until is not None and time.monotonic() > until:
            return
        yield index


def _run(
    plan: Plan, run: PlannedRun, index: int, store: RunStore | None, key: str
) -> tuple[int, Run | str]:
    """Resample, fit, predict and score: what a worker does; the error as text where one raises."""
    if store is not None and (stored := _stored(plan, run, store, key)) is not None:
        return index, stored  # which another process has finished meanwhile
    try:
        return index, _scored(plan, run)
    except LeakError:
        raise
    except Exception as error:
        return index, " ".join(f"{type(error).__name__}: {error}".split())


def _scored(plan: Plan, run: PlannedRun) -> Run:
    train, held_out = _held_out(plan, run)
    X, y, groups = plan.X[train], plan.y[train], plan.groups[train]
    began = time.perf_counter()
    X_new, y_new, sampler = run.arm.resample(X, y, groups, held_out, run.seed, run.repeat)
    resampled = time.perf_counter()
    fingerprint = getattr(sampler, "training_fingerprint_", None)
    fingerprint = fingerprint or TrainingFingerprint.from_rows(X, groups)
    fingerprint.check(plan.X[run.test], plan.groups[run.test])

    def fit(X: NDArray) -> Any:
        return seeded_clone(plan.estimator, run.seed, run.repeat, run.arm.params).fit(X, y_new)

    model, is_flat = in_accepted_shape(fit, X_new)
    fitted = time.perf_counter()
    X_test = plan.X[run.test].reshape(len(run.test), -1) if is_flat else plan.X[run.test]
    truth, labels = plan.y[run.test], plan.labels
    predicted = _check_predicted(np.asarray(model.predict(X_test)), labels)
    responses = plan.scoring.responses_of(model, X_test)
    return Run(
        arm=run.arm.name,
        repeat=run.repeat,
        fold=run.fold,
        seed=run.seed,
        level=run.arm.level,
        n_train=len(y),
        n_patients_train=len(np.unique(groups)),
        n_test=len(run.test),
        training_digest=array_digest(np.sort(run.train))[:16],
        patients_test=tuple(np.unique(plan.groups[run.test]).astype(str).tolist()),
        added={str(c): int((y_new == c).sum() - (y == c).sum()) for c in labels},
        generators=_by_text(getattr(sampler, "generator_names_", {}), tuple),
        rejected=_by_text(getattr(sampler, "rejected_", {}), dict),
        score=plan.scoring.value(truth, predicted, responses),
        per_class=class_scores(truth, predicted, labels),
        calibration=_calibration(model, X_test, truth, labels),
        seconds=Seconds(resampled - began, fitted - resampled),
        predictions=Predictions(
            run.test, np.searchsorted(labels, predicted), *(responses or (None, None))
        ),
    )


def _by_text(values: Any, kind: Any) -> dict[str, Any]:
    """Return what a sampler noted of its classes, by their names as text."""
    return {str(label): kind(value) for label, value in values.items()}


def class_scores(truth: NDArray, predicted: NDArray, labels: NDArray) -> dict[str, ClassScores]:
    """Return precision, recall, F1 and rows of every class, by its name as text."""
    scores = per_class_scores(truth, predicted, labels)
    return {
        str(label): ClassScores(**of_class)  # pyright: ignore
        for label, of_class in scores.items()
    }


def _calibration(model: Any, X: NDArray, truth: NDArray, labels: NDArray) -> Calibration | None:
    """Return the calibration of a model that has probabilities of all classes."""
    if not hasattr(model, "predict_proba") or len(getattr(model, "classes_", ())) != len(labels):
        return None
    return Calibration(**calibration_error(truth, model.predict_proba(X), labels))


def _check_predicted(predicted: NDArray, labels: NDArray) -> NDArray:
    """Return predicted labels, or raise where one is none of the classes."""
    unknown = ~np.isin(predicted, labels)
    if predicted.ndim != 1 or unknown.any():
        raise DataError(
            f"The 'estimator' parameter of {OWNER} must predict one of {labels[:5].tolist()} for "
            f"every row. Got {predicted[unknown][:1].tolist() or predicted.shape} instead."
        )
    return predicted


def _stored(plan: Plan, run: PlannedRun, store: RunStore, key: str) -> Run | None:
    """Return a stored result by the name and the score of this comparison.

    None where it lacks the responses that this score is computed from.
    """
    result = store.read(key, run.test, len(plan.labels))
    if result is None or result.predictions is None:
        return None
    predictions, responses = result.predictions, None
    if plan.scoring.needs_responses:
        method, values = predictions.method, predictions.responses
        if method not in plan.scoring.methods or values is None:
            return None
        responses = method, values
    predicted = plan.labels[predictions.predicted]
    score = plan.scoring.value(plan.y[predictions.rows], predicted, responses)
    return replace(result, arm=run.arm.name, repeat=run.repeat, fold=run.fold, score=score)


def _held_out(plan: Plan, run: PlannedRun) -> tuple[NDArray, tuple[NDArray, NDArray]]:
    """Return the training rows of all arms as indices, and the rows that the oracle may add."""
    if not plan.holdout_fraction:
        return run.train, (plan.X[:0], plan.y[:0])
    rng = np.random.default_rng(run.seed)
    y = plan.y[run.train]
    classes, counts = np.unique(y, return_counts=True)
    chosen = [
        rng.permutation(run.train[y == label])[: round(plan.holdout_fraction * n)]
        for label, n in zip(classes, counts, strict=True)
        if n < counts.max()
    ]
    out = rng.permutation(np.concatenate(chosen)) if chosen else run.train[:0]
    return np.setdiff1d(run.train, out), (plan.X[out], plan.y[out])
