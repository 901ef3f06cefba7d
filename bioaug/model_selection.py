"""Does it help? Every way of augmenting, on the same folds of patients, with paired statistics."""

from __future__ import annotations

import hashlib
import io
import json
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, check_cv
from sklearn.utils import check_consistent_length
from tqdm.auto import tqdm

from bioaug._arm_pairs import Scored
from bioaug._arms import Arm, in_words, make_arms, seeded_clone, settings_of
from bioaug._atomic import replace_file
from bioaug._validation import (
    COUNT,
    POSITIVE,
    SHARE,
    WHOLE,
    as_labels,
    check_groups,
    check_kind,
    check_number,
    check_path,
)
from bioaug._version import __version__
from bioaug.comparison import AugmentationResult, name_of, score_of
from bioaug.exceptions import DataError, LeakError
from bioaug.lineage import Lineage, find_synthetic
from bioaug.statistics import calibration_error, per_class_scores

OWNER = "cross_validate_augmentation"
MOST_KILLED = 3  # times that workers may be killed before we give up


def cross_validate_augmentation(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any,
    samplers: Mapping[str, Any],
    cv: Any = 5,
    scoring: str | Callable[[NDArray, NDArray], float] = "f1_macro",
    n_repeats: int = 1,
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
    estimator : classifier
        Any of scikit-learn's kind, or a skorch net; cloned for every run. It needs `predict`.
    X : array-like of shape (n_samples, ...)
        Real rows only. Features such as RR intervals stand behind the time steps of 2-D rows;
        tell the samplers by `n_features`.
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,)
        The patient of every row.
    samplers : dict
        The arms by name: samplers of ours or of imbalanced-learn; None, no augmentation (always
        there, as "none"); a dict of the estimator's parameters, such as ``{"class_weight":
        "balanced"}``; "null", copies of real rows; or "oracle", held-back real rows, so that
        the worth of a synthetic row can be told in real ones.
    cv : int, splitter or iterable of (train, test), default=5
        A number of folds is `StratifiedGroupKFold`, shuffled anew in every repeat, as is a
        splitter with `random_state` None.
    scoring : {"f1_macro", "balanced_accuracy", "accuracy"} or callable, default="f1_macro"
        A callable takes (y_true, y_predicted); greater is better.
    n_repeats : int, default=1
        Each with other seeds: what has a `random_state` keeps it in the first and derives another
        one from it for each of the others. On the same test rows, repeats are other trainings, of
        which the mean counts; they are no further tests.
    hold_back : float in (0, 1), default=0.5
        Share of the training rows of every class but the largest that all arms but the oracle do
        without. Used with an oracle only.
    n_jobs : int, optional
        Runs (arm, fold, repeat) side by side, as joblib counts; works in
        ``joblib.parallel_config("dask")`` too.
    folder : path, optional
        Finished runs are kept there; a comparison that was stopped goes on from them.
    max_time : float, optional
        Seconds after which no further run begins. What is finished is compared.
    random_state : int, default=0
    verbose : int, default=0
        1 shows a progress bar with an estimate of the time left.

    Returns
    -------
    AugmentationResult

    Raises
    ------
    LeakError
        Where a patient or a row is on both sides of a fold, or `X` holds synthetic rows.
    DataError
        For input that cannot be used.
    """
    X, y, groups = _checked(X, y, groups)
    check_number(n_repeats, COUNT, name="n_repeats", owner=OWNER)
    check_number(max_time, POSITIVE, name="max_time", owner=OWNER, optional=True)
    check_number(hold_back, SHARE, name="hold_back", owner=OWNER)
    check_number(random_state, WHOLE, name="random_state", owner=OWNER)
    score_of(scoring, y, y)  # a wrong name is told before anything is trained
    arms = make_arms(samplers)
    plan = _Plan(estimator, X, y, groups, scoring, hold_back if any(a.level for a in arms) else 0.0)
    if not isinstance(cv, Integral) and not hasattr(cv, "split"):
        cv = list(cv)  # an iterator would be empty in the second repeat
    folds = [
        (repeat, number, train, test)
        for repeat in range(n_repeats)
        for number, (train, test) in enumerate(_folds(cv, X, y, groups, random_state, repeat))
    ]
    _check_folds(folds, groups)
    runs = [
        _Run(arm, repeat, number, train, test, _seed(random_state, repeat, number))
        for repeat, number, train, test in folds
        for arm in arms
    ]
    done = _do(plan, runs, n_jobs, folder, max_time, verbose)
    protocol = {
        "bioaug": __version__,
        "estimator": in_words(estimator),
        "arms": {arm.name: arm.words for arm in arms},
        "settings": {"estimator": settings_of(estimator)} | {a.name: a.settings for a in arms},
        "scoring": name_of(scoring),
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
    return AugmentationResult.of(protocol, done, Scored(y, groups, scoring), arms[0].name)


@dataclass(frozen=True)
class _Plan:
    """What all runs share."""

    estimator: Any
    X: NDArray
    y: NDArray
    groups: NDArray
    scoring: Any
    hold_back: float

    def digest(self) -> str:
        """Return a digest of the rows and the classifier."""
        rows = hashlib.sha256(np.ascontiguousarray(self.X).data)
        rows.update(
            repr((self.X.shape, str(self.X.dtype), self.y.tolist(), self.groups.tolist())).encode()
        )
        rows.update(repr((settings_of(self.estimator), self.hold_back, __version__)).encode())
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

    def name(self, plan_digest: str) -> str:
        """Return a file name that differs where anything differs that the result depends on."""
        parts = hashlib.sha256(plan_digest.encode())
        parts.update(repr((self.arm.settings, self.seed)).encode())
        parts.update(self.train.tobytes() + b"|" + self.test.tobytes())
        return f"{parts.hexdigest()[:24]}.npz"


def _do(
    plan: _Plan,
    runs: list[_Run],
    n_jobs: int | None,
    folder: str | Path | None,
    max_time: float | None,
    verbose: int,
) -> list[dict[str, Any]]:
    """Return the results of all runs that finished, in their order."""
    home = None if folder is None else check_path(folder, name="folder", owner=OWNER)
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    digest, results = plan.digest(), {}
    for place, run in enumerate(runs):
        stored = None if home is None else _read(home / run.name(digest))
        if stored is not None:
            results[place] = _rescored(plan, stored) | run.names
    until = None if max_time is None else time.time() + max_time
    bar = tqdm(total=len(runs), initial=len(results), disable=not verbose, desc="arms x folds")
    for attempt in range(MOST_KILLED + 1):
        todo = [place for place in range(len(runs)) if place not in results]
        try:
            parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
            found: Any = parallel(delayed(_run)(plan, runs[k], k, until) for k in todo)
            for place, result in found:
                if result is None:
                    continue
                results[place] = result
                bar.update()
                if home is not None:
                    replace_file(home / runs[place].name(digest), _as_bytes(result))
            break
        except TerminatedWorkerError:
            if attempt == MOST_KILLED:
                raise
    bar.close()
    return [results[place] for place in sorted(results)]


def _run(plan: _Plan, run: _Run, place: int, until: float | None) -> tuple[int, Any]:
    """Resample, fit, predict and score: what a worker does."""
    if until is not None and time.time() > until:
        return place, None
    try:
        return place, _scored(plan, run)
    except LeakError:
        raise
    except Exception as error:
        error.add_note(f"{OWNER}: in arm {run.arm.name!r}, repeat {run.repeat}, fold {run.fold}.")
        raise


def _scored(plan: _Plan, run: _Run) -> dict[str, Any]:
    train, held_back = _held_back(plan, run)
    X, y, groups = plan.X[train], plan.y[train], plan.groups[train]
    began = time.perf_counter()
    X_new, y_new, sampler = run.arm.resample(X, y, groups, held_back, run.seed, run.repeat)
    resampled = time.perf_counter()
    lineage = getattr(sampler, "lineage_", None) or Lineage.of(X, groups)
    lineage.check(plan.X[run.test], plan.groups[run.test])
    model = seeded_clone(plan.estimator, run.seed, run.repeat, run.arm.params).fit(X_new, y_new)
    fitted = time.perf_counter()
    truth, predicted = plan.y[run.test], np.asarray(model.predict(plan.X[run.test]))
    labels = np.unique(plan.y)
    result = run.names | {
        "seed": run.seed,
        "level": run.arm.level,
        "n_train": len(y),
        "n_test": len(run.test),
        "added": {str(c): int((y_new == c).sum() - (y == c).sum()) for c in labels},
        "patients_test": np.unique(plan.groups[run.test]).astype(str).tolist(),
        "score": score_of(plan.scoring, truth, predicted),
        "per_class": {str(c): s for c, s in per_class_scores(truth, predicted, labels).items()},
        "seconds": {"resampling": resampled - began, "fitting": fitted - resampled},
        "methods": {str(c): m for c, m in getattr(sampler, "methods_", {}).items()},
        "rejected": {str(c): n for c, n in getattr(sampler, "rejected_", {}).items()},
        "rows": run.test,
        "predicted": np.searchsorted(labels, predicted),
    }
    if hasattr(model, "predict_proba") and len(getattr(model, "classes_", ())) == len(labels):
        chances = model.predict_proba(plan.X[run.test])
        result["calibration"] = calibration_error(truth, chances, labels)
    return result


def _rescored(plan: _Plan, result: dict[str, Any]) -> dict[str, Any]:
    """Return a stored result by the score of this comparison, which may not be the one stored."""
    predicted = np.unique(plan.y)[result["predicted"]]
    return result | {"score": score_of(plan.scoring, plan.y[result["rows"]], predicted)}


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


def _checked(X: Any, y: Any, groups: Any) -> tuple[NDArray, NDArray, NDArray]:
    X, y = np.asarray(X), as_labels(y, owner=OWNER)
    if groups is None:
        raise DataError(
            f"The 'groups' parameter of {OWNER} must have the patient of every row, for rows of "
            "one patient are near copies of each other. Got None instead."
        )
    check_consistent_length(X, y)
    groups = check_groups(groups, len(X), owner=OWNER)
    check_kind(X, owner=OWNER)
    if len(np.unique(y)) < 2:
        raise DataError(f"The 'y' parameter of {OWNER} must have at least 2 classes. Got 1.")
    made = find_synthetic(X)
    if made.any() or "synthetic" in set(map(str, np.unique(groups))):
        raise LeakError(
            f"The 'X' parameter of {OWNER} must hold real rows only. Got "
            f"{int(made.sum()) or 'some'} synthetic ones. Rows that were made before the split "
            "have seen all patients: give the real rows, and the sampler in 'samplers'."
        )
    return X, y, groups


def _folds(
    cv: Any, X: NDArray, y: NDArray, groups: NDArray, random_state: int, repeat: int
) -> Iterable[tuple[NDArray, NDArray]]:
    if isinstance(cv, Integral):
        cv = StratifiedGroupKFold(int(cv), shuffle=True)
    splitter: Any = copy(check_cv(cv, y, classifier=True))
    if getattr(splitter, "random_state", 0) is None:
        splitter.random_state = random_state + repeat
    return splitter.split(X, y, groups)


def _check_folds(folds: list, groups: NDArray) -> None:
    for _, number, train, test in folds:
        if len(np.unique(test)) < len(test):
            raise DataError(
                f"The 'cv' parameter of {OWNER} must name every row to be scored once. Got "
                f"{len(test) - len(np.unique(test))} of them again in fold {number}."
            )
        both = np.intersect1d(groups[train], groups[test])
        if len(both):
            raise LeakError(
                f"The 'cv' parameter of {OWNER} must keep every patient on one side. Got "
                f"{both[:5].tolist()} on both sides of fold {number}. Use GroupKFold or "
                "StratifiedGroupKFold, or a number of folds."
            )


def _seed(random_state: int, repeat: int, fold: int) -> int:
    return int(np.random.SeedSequence([random_state, repeat, fold]).generate_state(1)[0] % 2**31)


def _as_bytes(result: Mapping[str, Any]) -> bytes:
    arrays = {name: result[name] for name in ("rows", "predicted")}
    text = json.dumps({name: value for name, value in result.items() if name not in arrays})
    stream = io.BytesIO()
    np.savez(stream, text=np.array(text), **arrays)
    return stream.getvalue()


def _read(file: Path) -> dict[str, Any] | None:
    """Return a stored result; None where there is none that can be read."""
    if not file.exists():
        return None
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            kept = {name: stored[name] for name in ("rows", "predicted")}
            return json.loads(str(stored["text"])) | kept
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        warnings.warn(
            f"{OWNER}: the stored result {str(file)!r} cannot be read ({error}); its run is done "
            "again.",
            UserWarning,
            stacklevel=4,
        )
        return None
