"""Does it help? Every way of augmenting, on the same folds of patients, with paired statistics."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
from bioaug.comparison._analysis import Scored
from bioaug.comparison._arms import (
    Arm,
    in_accepted_shape,
    in_words,
    make_arms,
    make_estimator,
    seeded_clone,
    settings_of,
)
from bioaug.comparison._input import (
    OWNER,
    asked_arms,
    check_folds,
    checked_cv,
    checked_rows,
    folds_of,
)
from bioaug.comparison._run_store import RunStore
from bioaug.comparison._scoring import Scoring
from bioaug.comparison.result import AugmentationResult, failure_in_words
from bioaug.core.checks import (
    COUNT,
    POSITIVE,
    SHARE,
    WHOLE,
    check_number,
    check_path,
)
from bioaug.exceptions import DataError, LeakError
from bioaug.leakage import TrainingFingerprint
from bioaug.statistics import calibration_error, per_class_scores

MOST_KILLED = 3  # times that workers may be killed before we give up
LONGEST = 2000  # characters kept of an error


def cross_validate_augmentation(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any,
    samplers: Mapping[str, Any] | Sequence[str],
    cv: Any = 5,
    scoring: str | Callable[..., float] = "f1_macro",
    n_repeats: int = 1,
    hypotheses: Iterable[str] | None = None,
    hold_back: float = 0.5,
    n_jobs: int | None = None,
    folder: str | Path | None = None,
    max_time: float | None = None,
    random_state: int = 0,
    verbose: int = 0,
) -> AugmentationResult:
    """Compare ways of augmenting by what a classifier then does on patients never seen.

    All arms see the same folds, the same seeds and the same classifier. Patients are never on
    both sides of a fold, and samplers see training rows only; both are checked, and so is that no
    row to be scored on is (nearly) equal to a training row.

    Parameters
    ----------
    estimator : classifier or {"forest", "trees"}
        Any of scikit-learn's kind, or a skorch net; cloned for every run. It needs `predict`.
    X : array-like of shape (n_samples, ...)
        Real rows only. Features such as RR intervals stand behind the time steps of 2-D rows;
        tell the samplers by `n_features`. Signals of shape (n_samples, n_channels, n_timesteps) are
        given as they are to samplers and classifiers; to those that refuse three dimensions, as
        most of scikit-learn's do, as ``X.reshape(n_samples, -1)``.
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,)
        The patient of every row.
    samplers : dict or list of str
        The arms by name: samplers of ours or of imbalanced-learn; None, no augmentation (always
        there, as "none"); a dict of the estimator's parameters, such as ``{"class_weight":
        "balanced"}``; or a name: "copies", copies of real rows; "oracle", held-back real rows, so
        that the worth of a synthetic row can be measured in real ones; "weights", "smote", a model,
        or a way without training, such as "local". A list of names is a dict of each by its name.
        "null" is an earlier name of "copies".
    cv : int, splitter or iterable of (train, test), default=5
        A number of folds is `StratifiedGroupKFold`, shuffled anew in every repeat, as is a
        splitter with `random_state` None. A split that comes twice in a repeat counts once.
    scoring : str or callable, default="f1_macro"
        "f1_macro", "balanced_accuracy", "accuracy"; the name of one of scikit-learn's scorers, such
        as "roc_auc_ovr" or "average_precision"; one of `sklearn.metrics.make_scorer`, such as
        ``make_scorer(recall_score, labels=["V"], average="macro")``, the sensitivity of class V; or
        a callable of (y_true, y_predicted). Greater is better. A scorer by name takes the rarer of
        two text labels for the positive one. Folds without a value, such as those that lack the
        class, are left out. By patients, the rows of all folds are scored together; of rows that
        lack a class, by the probabilities of the others.
    n_repeats : int, default=1
        Each with other seeds: what has a `random_state` keeps it in the first and derives another
        one from it for each of the others. On the same test rows, repeats are other trainings, of
        which the mean counts; they are no further tests. Identical predictions are one training.
    hypotheses : iterable of str, optional
        The arms that somebody asks about, which p-values are adjusted for (Holm). By default all
        but the oracle and "copies", which are there to be compared with.
    hold_back : float in (0, 1), default=0.5
        Fraction of the training rows of every class but the largest that all arms but the oracle do
        without. Used with an oracle only.
    n_jobs : int, optional
        Runs (arm, fold, repeat) side by side, as joblib counts; works in
        ``joblib.parallel_config("dask")`` too.
        Workers have fewer threads than one process, so trained models differ by rounding; with
        ``OMP_NUM_THREADS=1`` in the environment, results are the same whatever `n_jobs` is.
    folder : path, optional
        Finished runs are kept there; a comparison that was stopped goes on from them, and several
        processes may share it. Runs that were stored by something else, edited or damaged are done
        again, with a warning.
    max_time : float, optional
        Seconds of this call, by a clock that never jumps, after which no further run begins; those
        that have begun are finished. What is finished is compared.
    random_state : int, default=0
    verbose : int, default=0
        1 shows a progress bar with an estimate of the time left.

    Returns
    -------
    AugmentationResult
        A run that raises does not end the comparison: a warning and `failures` name its arm and its
        fold, and the other arms are compared.

    Raises
    ------
    LeakError
        Where a patient or a row is on both sides of a fold, or `X` holds synthetic rows.
    DataError
        For input that cannot be used, and where every run failed.
    """
    began = time.monotonic()
    X, y, groups = checked_rows(X, y, groups)
    check_number(n_repeats, COUNT, name="n_repeats", owner=OWNER)
    check_number(max_time, POSITIVE, name="max_time", owner=OWNER, optional=True)
    check_number(hold_back, SHARE, name="hold_back", owner=OWNER)
    check_number(random_state, WHOLE, name="random_state", owner=OWNER)
    scored = Scored(y, groups, Scoring.of(scoring, y))
    estimator = make_estimator(estimator)
    scored.scoring.method_of(estimator)
    arms = make_arms(samplers, estimator)
    asked = asked_arms(hypotheses, arms)
    held_back = hold_back if any(arm.level for arm in arms) else 0.0
    plan = _Plan(estimator, X, y, groups, scored.scoring, held_back)
    cv = checked_cv(cv)
    folds = [
        (repeat, number, train, test)
        for repeat in range(n_repeats)
        for number, (train, test) in enumerate(folds_of(cv, X, y, groups, random_state, repeat))
    ]
    check_folds(folds, groups)
    runs = [
        _Run(arm, repeat, number, train, test, _seed(random_state, repeat, number))
        for repeat, number, train, test in folds
        for arm in arms
    ]
    store = RunStore.of(None if folder is None else check_path(folder, name="folder", owner=OWNER))
    until = None if max_time is None else began + max_time
    done, failures = _do(plan, runs, n_jobs, store, until, verbose)
    _check_failures(failures, done)
    protocol = {
        "bioaug": __version__,
        "estimator": in_words(estimator),
        "arms": {arm.name: arm.words for arm in arms},
        "asked": asked,
        "settings": {"estimator": settings_of(estimator)} | {a.name: a.settings for a in arms},
        "scoring": scored.scoring.name,
        "n_rows": len(y),
        "n_patients": len(np.unique(groups)),
        "classes": {str(c): int((y == c).sum()) for c in np.unique(y)},
        "cv": f"{len(cv)} given splits" if isinstance(cv, list) else str(cv),
        "n_repeats": n_repeats,
        "hold_back": plan.hold_back,
        "random_state": random_state,
        "n_runs": len(runs),
        "n_finished": len(done),
    }
    return AugmentationResult.of(protocol, done, scored, arms[0].name, failures)


@dataclass(frozen=True)
class _Plan:
    """What all runs share."""

    estimator: Any
    X: NDArray
    y: NDArray
    groups: NDArray
    scoring: Scoring
    hold_back: float

    @property
    def labels(self) -> NDArray:
        """All classes, sorted."""
        return self.scoring.classes

    def digest(self) -> str:
        """Return a digest of the rows and the classifier."""
        rows = hashlib.sha256(np.ascontiguousarray(self.X).data)
        rows.update(
            repr((self.X.shape, str(self.X.dtype), self.y.tolist(), self.groups.tolist())).encode()
        )
        modules = (np, sklearn, imblearn, torch)
        versions = [__version__, *(module.__version__ for module in modules)]
        rows.update(repr((settings_of(self.estimator), self.hold_back, versions)).encode())
        return rows.hexdigest()


@dataclass(frozen=True)
class _Run:
    """One arm on one fold."""

    arm: Arm
    repeat: int
    fold: int
    train: NDArray
    test: NDArray
    seed: int

    @property
    def names(self) -> dict[str, Any]:
        """What this comparison calls the run."""
        return {"arm": self.arm.name, "repeat": self.repeat, "fold": self.fold}

    def key(self, plan_digest: str) -> str:
        """Return a digest of everything that the result depends on."""
        parts = hashlib.sha256(plan_digest.encode())
        parts.update(repr((self.arm.settings, self.seed)).encode())
        parts.update(self.train.tobytes() + b"|" + self.test.tobytes())
        return parts.hexdigest()


def _do(
    plan: _Plan,
    runs: list[_Run],
    n_jobs: int | None,
    store: RunStore | None,
    until: float | None,
    verbose: int,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the results of all runs that finished, in their order, and of those that failed."""
    results: dict[int, dict[str, Any]] = {}
    keys = [""] * len(runs)
    if store is not None:
        digest = plan.digest()
        keys = [run.key(digest) for run in runs]
        for place, run in enumerate(runs):
            if (stored := _stored(plan, run, store, keys[place])) is not None:
                results[place] = stored
    failed: dict[int, str] = {}
    is_warned = False
    bar = tqdm(total=len(runs), initial=len(results), disable=not verbose, desc="arms x folds")
    for attempt in range(MOST_KILLED + 1):
        todo = [place for place in range(len(runs)) if place not in results and place not in failed]
        try:
            # One run at a time is handed to each worker, so that the clock is read as it begins.
            settings: Any = {"batch_size": 1, "pre_dispatch": "n_jobs"}
            parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", **settings)
            found: Any = parallel(
                delayed(_run)(plan, runs[place], place, store, keys[place])
                for place in _in_time(todo, until)
            )
            for place, result in found:
                bar.update()
                if isinstance(result, str):
                    failed[place] = result
                    continue
                results[place] = result
                error = None if store is None else store.write(keys[place], result)
                if error is not None and not is_warned:
                    is_warned = True
                    _warn(
                        f"finished runs cannot be kept in 'folder' ({error}); they go on in memory"
                    )
            break
        except TerminatedWorkerError as error:
            if attempt == MOST_KILLED:
                failed |= {place: f"{type(error).__name__}: {error}" for place in todo}
    bar.close()
    done = [results[place] for place in sorted(results)]
    lost = sorted(failed.keys() - results.keys())
    return done, [runs[place].names | {"error": failed[place][:LONGEST]} for place in lost]


def _in_time(todo: Iterable[int], until: float | None) -> Iterator[int]:
    """Yield the runs that begin before the time is over."""
    for place in todo:
        if until is not None and time.monotonic() > until:
            return
        yield place


def _run(
    plan: _Plan, run: _Run, place: int, store: RunStore | None, key: str
) -> tuple[int, dict[str, Any] | str]:
    """Resample, fit, predict and score: what a worker does; the error as text where one raises."""
    if store is not None and (stored := _stored(plan, run, store, key)) is not None:
        return place, stored  # which another process has finished meanwhile
    try:
        return place, _scored(plan, run)
    except LeakError:
        raise
    except Exception as error:
        return place, " ".join(f"{type(error).__name__}: {error}".split())


def _scored(plan: _Plan, run: _Run) -> dict[str, Any]:
    train, held_back = _held_back(plan, run)
    X, y, groups = plan.X[train], plan.y[train], plan.groups[train]
    began = time.perf_counter()
    X_new, y_new, sampler = run.arm.resample(X, y, groups, held_back, run.seed, run.repeat)
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
    predicted = _known(np.asarray(model.predict(X_test)), labels)
    responses = plan.scoring.responses_of(model, X_test)
    result = run.names | {
        "seed": run.seed,
        "level": run.arm.level,
        "n_train": len(y),
        "n_patients_train": len(np.unique(groups)),
        "training": hashlib.sha256(np.sort(run.train).tobytes()).hexdigest()[:16],
        "n_test": len(run.test),
        "added": {str(c): int((y_new == c).sum() - (y == c).sum()) for c in labels},
        "patients_test": np.unique(plan.groups[run.test]).astype(str).tolist(),
        "score": plan.scoring.value(truth, predicted, responses),
        "per_class": {str(c): s for c, s in per_class_scores(truth, predicted, labels).items()},
        "seconds": {"resampling": resampled - began, "fitting": fitted - resampled},
        "methods": {str(c): m for c, m in getattr(sampler, "generator_names_", {}).items()},
        "rejected": {str(c): n for c, n in getattr(sampler, "rejected_", {}).items()},
        "rows": run.test,
        "predicted": np.searchsorted(labels, predicted),
    }
    if responses is not None:
        result |= {"method": responses[0], "responses": responses[1]}
    if hasattr(model, "predict_proba") and len(getattr(model, "classes_", ())) == len(labels):
        result["calibration"] = calibration_error(truth, model.predict_proba(X_test), labels)
    return result


def _known(predicted: NDArray, labels: NDArray) -> NDArray:
    """Return predicted labels, or raise where one is none of the classes."""
    unknown = ~np.isin(predicted, labels)
    if predicted.ndim != 1 or unknown.any():
        raise DataError(
            f"The 'estimator' parameter of {OWNER} must predict one of {labels[:5].tolist()} for "
            f"every row. Got {predicted[unknown][:1].tolist() or predicted.shape} instead."
        )
    return predicted


def _stored(plan: _Plan, run: _Run, store: RunStore, key: str) -> dict[str, Any] | None:
    """Return a stored result by the name and the score of this comparison.

    None where it lacks the responses that this score is computed from.
    """
    result = store.read(key, run.test, len(plan.labels))
    if result is None:
        return None
    responses = None
    if plan.scoring.needs_responses:
        if result.get("method") not in plan.scoring.methods or "responses" not in result:
            return None
        responses = result["method"], result["responses"]
    predicted = plan.labels[result["predicted"]]
    score = plan.scoring.value(plan.y[result["rows"]], predicted, responses)
    return result | run.names | {"score": score}


def _held_back(plan: _Plan, run: _Run) -> tuple[NDArray, tuple[NDArray, NDArray]]:
    """Return the places of the training rows of all arms, and the rows that the oracle may add."""
    if not plan.hold_back:
        return run.train, (plan.X[:0], plan.y[:0])
    rng = np.random.default_rng(run.seed)
    y = plan.y[run.train]
    classes, counts = np.unique(y, return_counts=True)
    chosen = [
        rng.permutation(run.train[y == label])[: round(plan.hold_back * n)]
        for label, n in zip(classes, counts, strict=True)
        if n < counts.max()
    ]
    back = rng.permutation(np.concatenate(chosen)) if chosen else run.train[:0]
    return np.setdiff1d(run.train, back), (plan.X[back], plan.y[back])


def _check_failures(failures: list[dict[str, Any]], done: list[dict[str, Any]]) -> None:
    """Warn of runs that failed; raise a DataError where all of them did."""
    if not failures:
        return
    first = failure_in_words(failures[0])
    if not done:
        raise DataError(f"{OWNER}: every run failed, the first one so: {first}")
    arms = ", ".join(dict.fromkeys(repr(failure["arm"]) for failure in failures))
    n_runs = f"{len(failures)} run{'s' * (len(failures) > 1)}"
    _warn(
        f"{n_runs} of {arms} failed; the other arms are compared. `failures` of the result has "
        f"them all; the first is {first}"
    )


def _warn(text: str) -> None:
    warnings.warn(f"{OWNER}: {text}", UserWarning, stacklevel=4)


def _seed(random_state: int, repeat: int, fold: int) -> int:
    return int(np.random.SeedSequence([random_state, repeat, fold]).generate_state(1)[0] % 2**31)
