"""Cross-validated comparison of ways of augmenting, on the same folds of patients."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioaug._version import __version__
from bioaug.comparison._analysis import GroundTruth
from bioaug.comparison._input import (
    asked_arms,
    check_folds,
    checked_cv,
    checked_rows,
    folds_of,
)
from bioaug.comparison._run_store import RunStore
from bioaug.comparison._runs import Plan, PlannedRun, execute
from bioaug.comparison.arms import (
    OWNER,
    Arm,
    in_words,
    make_arms,
    make_estimator,
)
from bioaug.comparison.records import Failure, Protocol, Run
from bioaug.comparison.result import AugmentationResult
from bioaug.comparison.scoring import Scoring
from bioaug.core.checks import (
    COUNT,
    FRACTION,
    NOT_NEGATIVE_INT,
    POSITIVE,
    check_number,
    check_path,
)
from bioaug.core.fingerprint import estimator_repr
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError


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
    holdout_fraction: float = 0.5,
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
        "balanced"}``; or a name: "copies", copies of real rows; "oracle", held-out real rows, so
        that the worth of a synthetic row can be measured in real ones; "weights", "smote", a model,
        or a generator without training, such as "local". A list of names is a dict of each by its
        name.
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
    holdout_fraction : float in (0, 1), default=0.5
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
    check_number(holdout_fraction, FRACTION, name="holdout_fraction", owner=OWNER)
    check_number(random_state, NOT_NEGATIVE_INT, name="random_state", owner=OWNER)
    truth = GroundTruth(y, groups, Scoring.of(scoring, y))
    estimator = make_estimator(estimator)
    truth.scoring.method_of(estimator)
    arms = make_arms(samplers, estimator)
    asked = asked_arms(hypotheses, arms)
    held_out = holdout_fraction if any(arm.level for arm in arms) else 0.0
    plan = Plan(estimator, X, y, groups, truth.scoring, held_out)
    cv = checked_cv(cv)
    seeds = int(random_state), int(n_repeats)
    runs = _planned_runs(plan, arms, cv, *seeds)
    store = RunStore.of(None if folder is None else check_path(folder, name="folder", owner=OWNER))
    until = None if max_time is None else began + max_time
    done, failures = execute(plan, runs, n_jobs, store, until, verbose)
    _report_failures(failures, done)
    protocol = _protocol(plan, arms, asked, cv, *seeds, counts=(len(runs), len(done)))
    return AugmentationResult.of(protocol, done, truth, failures)


def _planned_runs(
    plan: Plan, arms: Sequence[Arm], cv: Any, random_state: int, n_repeats: int
) -> list[PlannedRun]:
    """Return every arm on every fold of every repeat, with the same folds and seeds for all."""
    folds = [
        (repeat, number, train, test)
        for repeat in range(n_repeats)
        for number, (train, test) in enumerate(
            folds_of(cv, plan.X, plan.y, plan.groups, random_state, repeat)
        )
    ]
    check_folds(folds, plan.groups)
    return [
        PlannedRun(arm, repeat, number, train, test, _seed(random_state, repeat, number))
        for repeat, number, train, test in folds
        for arm in arms
    ]


def _protocol(
    plan: Plan,
    arms: Sequence[Arm],
    asked: Sequence[str],
    cv: Any,
    random_state: int,
    n_repeats: int,
    counts: tuple[int, int],
) -> Protocol:
    settings = {"estimator": estimator_repr(plan.estimator)}
    return Protocol(
        bioaug=__version__,
        estimator=in_words(plan.estimator),
        arms={arm.name: arm.words for arm in arms},
        asked=tuple(asked),
        settings=settings | {arm.name: arm.settings for arm in arms},
        scoring=plan.scoring.name,
        baseline=arms[0].name,
        n_rows=len(plan.y),
        n_patients=len(np.unique(plan.groups)),
        classes={str(c): int((plan.y == c).sum()) for c in plan.labels},
        cv=_cv_in_words(cv),
        n_repeats=n_repeats,
        holdout_fraction=float(plan.holdout_fraction),
        random_state=random_state,
        n_runs=counts[0],
        n_finished=counts[1],
    )


def _cv_in_words(cv: Any) -> str:
    return f"{len(cv)} given split{'s' * (len(cv) != 1)}" if isinstance(cv, list) else str(cv)


def _seed(random_state: int, repeat: int, fold: int) -> int:
    return int(np.random.SeedSequence([random_state, repeat, fold]).generate_state(1)[0] % 2**31)


def _report_failures(failures: Sequence[Failure], done: Sequence[Run]) -> None:
    """Warn of runs that failed; raise a DataError where all of them did."""
    if not failures:
        return
    if not done:
        raise DataError(f"{OWNER}: every run failed, the first one so: {failures[0]}")
    arms = ", ".join(dict.fromkeys(repr(failure.arm) for failure in failures))
    n_runs = f"{len(failures)} run{'s' * (len(failures) > 1)}"
    warn_user(
        f"{OWNER}: {n_runs} of {arms} failed; the other arms are compared. `failures` of the "
        f"result has them all; the first is {failures[0]}"
    )
