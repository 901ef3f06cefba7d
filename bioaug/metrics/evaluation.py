"""Evaluation of synthetic signals by all scores in one call."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from tqdm.auto import tqdm

from bioaug.core.checks import POSITIVE, check_number, check_option
from bioaug.exceptions import BioaugError, DataError
from bioaug.metrics._given import Given
from bioaug.metrics.base.measure import seed_of
from bioaug.metrics.base.registry import Entry
from bioaug.metrics.base.score import Score
from bioaug.metrics.catalogue import CATALOGUE, names_of_tier
from bioaug.metrics.privacy.verdict import PrivacyVerdict
from bioaug.metrics.result import Evaluation

SIGNALS = ("ecg", "eeg", None)


def evaluate(
    *,
    X_train: Any,
    X_test: Any,
    X_synthetic: Any,
    y_train: Any = None,
    y_test: Any = None,
    y_synthetic: Any = None,
    groups_train: Any = None,
    groups_test: Any = None,
    X_holdout: Any = None,
    y_holdout: Any = None,
    groups_holdout: Any = None,
    generator: Any = None,
    tier: Literal["fast", "full"] = "fast",
    scores: Sequence[str] | None = None,
    signal: Literal["ecg", "eeg"] | None = None,
    sampling_rate: float | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 1,
) -> Evaluation:
    """Score how real-looking, useful and private synthetic signals are.

    Fidelity and utility are judged on the held-out rows `X_test`, privacy on the rows `X_train`
    that the generator was trained on, with `X_test` as the rows it never saw.

    Parameters
    ----------
    X_train, X_test, X_synthetic : array-like, 2-D or 3-D
        The generator's training rows, held-out rows (best of other patients), and its signals, all
        in the same unit.
    y_train, y_test, y_synthetic : array-like, optional
        Labels: all three or none.
    groups_train, groups_test : array-like, optional
        The patient of every row; none may be in both. With them, null values come from halves of
        the patients, of which there must be 8 at least, in each class.
    X_holdout : array-like, optional
        Real rows of the patients of `X_train` that the generator never saw. Privacy is judged with
        them instead of with `X_test`: rows of other patients cannot tell whether single rows are
        given away.
    y_holdout, groups_holdout : array-like, optional
        Their labels, where the other sets have some, and their patients.
    generator : fitted Synthesizer or oversampler, or its ``training_fingerprint_``, optional
        What made `X_synthetic`: it is checked that it has not seen the test rows or their patients.
    tier : {"fast", "full"}, default="fast"
        "fast" leaves out what trains recurrent networks or takes minutes, and has fewer folds and
        halvings in the scores that train a classifier.
    scores : sequence of str, optional
        Names of the scores wanted, instead of a tier's.
    signal : {"ecg", "eeg"}, optional
        Adds the scores of this kind of signal; needs `sampling_rate`.
    sampling_rate : float, optional
        In Hz.
    random_state : int, RandomState or None, default=None
        Seed of every score.
    verbose : int, default=1
        0 shows no progress.

    Returns
    -------
    evaluation : Evaluation
        Its `table` has a line for every score: a value, or the reason why there is none.

    Raises
    ------
    LeakError
        Where `generator` has seen a test row or a patient of the test rows, where a patient is in
        both sets, where `X_train` or `X_test` hold rows that this process has made, and where more
        than half of the rows of `X_test` are rows of `X_train`, or more than half of the synthetic
        rows are rows of `X_test`; a UserWarning tells of fewer.
    DataError
        For an unknown tier, score or kind of signal; for what no score can use: NaN, unequal
        lengths or channels, labels that are given for some sets only, labels or groups that are
        not one for every row. What one score cannot use is a line of the table.
    """
    check_option(tier, name="tier", owner="evaluate", options=("fast", "full"))
    check_option(signal, name="signal", owner="evaluate", options=SIGNALS)
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner="evaluate", optional=True)
    _check_names(scores)
    sets = Given(
        *(X_train, X_test, X_synthetic, y_train, y_test, y_synthetic),
        *(groups_train, groups_test, generator, sampling_rate),
        *(X_holdout, y_holdout, groups_holdout),
    )
    sets.check()
    seed = seed_of(random_state)
    chosen = _chosen(tier, scores, signal)
    run = _Run(sets, seed, quick=tier == "fast")
    with tqdm(chosen, disable=not verbose, unit="score") as progress:
        for name in progress:
            progress.set_postfix_str(name)
            run.add(name)
    wants_privacy = any(CATALOGUE[name].kind == "privacy" for name in chosen)
    verdict = _privacy_verdict(sets, seed) if wants_privacy else None
    return Evaluation(run.scores, run.missing, run.real, generator is not None, verdict)


@dataclass(frozen=True)
class _Run:
    """Scores as they are computed, one by one."""

    sets: Given
    seed: int
    quick: bool
    scores: dict[str, Score] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    real: dict[str, Score | float] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """Compute one score, and what the real training rows score; or say why not."""
        entry = CATALOGUE[name]
        if reason := self.sets.lacking(entry):
            self.missing[name] = reason
            return
        keywords = {"random_state": self.seed} | self.sets.keywords(entry)
        if self.quick:
            keywords |= entry.quick
        try:
            with warnings.catch_warnings():  # `Given.check` has warned of shared rows
                warnings.filterwarnings("ignore", "The 'X_holdout' parameter")
                score = entry.function(self.sets.real(entry), self.sets.X_synthetic, **keywords)
        except (BioaugError, ValueError) as error:
            self.missing[name] = str(error)
            return
        self.scores[name] = score
        of_training = _of_training_rows(entry, self.sets, keywords, score)
        if of_training is not None:
            self.real[name] = of_training


def _privacy_verdict(given: Given, seed: int) -> PrivacyVerdict | None:
    try:
        with warnings.catch_warnings():  # `given.check` has warned of shared rows
            warnings.filterwarnings("ignore", "The 'X_holdout' parameter")
            return given.privacy_verdict(seed)
    except (BioaugError, ValueError):  # as the privacy scores say in their lines
        return None


def _of_training_rows(
    entry: Entry, given: Given, keywords: dict[str, Any], score: Score
) -> Score | float | None:
    """Return what the real training rows score, as many as the synthetic ones, where it can be."""
    if entry.kind == "privacy":  # training rows give themselves away
        return None
    if entry.on_train:
        return score.details.get("real_on_real")
    rows = given.training_rows(keywords["random_state"])
    if rows is None:
        return None
    X, y = rows
    settings = keywords | ({} if y is None else {"y_synthetic": y}) | {"n_null": 0}
    try:
        return entry.function(given.real(entry), X, **settings)
    except (BioaugError, ValueError):  # fewer training rows of a class than the score needs
        return None


def _check_names(scores: Sequence[str] | None) -> None:
    if isinstance(scores, str) or (scores is not None and not len(scores)):
        raise DataError(
            "The 'scores' parameter of evaluate must be None or a list of one name at least. "
            f"Got {scores!r}. Give names such as ['mmd']."
        )
    for name in scores or ():
        check_option(name, name="scores", owner="evaluate", options=CATALOGUE)


def _chosen(tier: str, scores: Sequence[str] | None, signal: str | None) -> list[str]:
    """Return the wanted scores, or the tier's, and the one of the kind of signal."""
    wanted = names_of_tier(tier) if scores is None else list(scores)
    return list(dict.fromkeys(wanted if signal is None else [*wanted, signal]))


def split_halves(
    n_rows: int, y: Any = None, groups: Any = None, random_state: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of two halves, where there are no test rows to evaluate with.

    Halves share no patient where patients are known, and have equal parts of every class otherwise.
    Privacy cannot be judged by them: the generator was trained on both.

    Parameters
    ----------
    n_rows : int
    y, groups : array-like of shape (n_rows,), optional
        Labels and patients.
    random_state : int, default=0

    Returns
    -------
    one, other : ndarray of int
    """
    index = np.arange(n_rows)
    if groups is not None:
        splitter = GroupShuffleSplit(1, test_size=0.5, random_state=random_state)
        one, other = next(splitter.split(index, groups=groups))
    else:
        one, other = train_test_split(index, test_size=0.5, stratify=y, random_state=random_state)
    return np.asarray(one), np.asarray(other)
