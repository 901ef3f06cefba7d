"""Inception score: confidence and diversity of predicted classes."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr
from sklearn.model_selection import train_test_split

from bioaug.core.seeding import draw_seed
from bioaug.exceptions import DataError
from bioaug.metrics.base.classifiers import make_probe
from bioaug.metrics.base.halves import Split, Splits, check_groups, patient_splits
from bioaug.metrics.base.measure import check_n_null, seed_of
from bioaug.metrics.base.pairs import Pair, check_enough, check_pair, check_set, in_real_units
from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Null, Score

_NAME = "inception_score"
_LEAST = 20
_LEAST_OF_CLASS = 4  # two to train on, two to score


@register_score(
    "inception",
    "fidelity",
    needs=("labels",),
    takes=("groups_real",),
    quick={"n_null": 8},
    detects=faults_but("collapse to the mean", "dropped patients", "another class mixed in"),
)
def inception_score(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    classifier: Literal["trees", "cnn", "gru"] | Any = "trees",
    n_null: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how clearly synthetic signals belong to classes, and to how many.

    The score looks at all classes at once. It is blind to what happens inside a class: one signal
    of each class, repeated, is as good as any. Read it beside `coverage` or `diversity`.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 20 rows, and 4 in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit, at least 20 rows, and the classes in the same
        proportions: equal proportions score more than unequal ones.
    y_real : array-like of shape (n_real,)
        Labels of the real signals, of at least two classes. They are needed.
    y_synthetic : array-like of shape (n_synthetic,), optional
        Labels of the synthetic signals; they add ``agreement`` to the details.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null's halves share no patient.
    classifier : {"trees", "cnn", "gru"} or scikit-learn classifier, default="trees"
        As in `discriminative_score`; trained on one half of the real rows.
    n_null : int, default=10
        Random halves of the real rows, or of the patients, for the null value; each trains a
        classifier.
    random_state : int, RandomState instance or None, default=None
        Seed for reproducible results.

    Returns
    -------
    score : Score
        From 1, one class or no clear one, to the number of classes; higher is better. Its ``null``
        is what the real half scores that the classifier was not trained on. Its ``details``:
        ``real``, the same of the one classifier that the score comes from; ``share_real`` and
        ``share_synthetic``, the mean probability of every class; with `y_synthetic`,
        ``agreement``, the share of synthetic signals classified as they are labelled.

    Raises
    ------
    DataError
        Without `y_real`, for a single class, too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``exp(mean_x KL(p(y | x) || p(y)))`` [1]_, with p(y) the mean of p(y | x) over the signals.

    References
    ----------
    .. [1] Salimans et al. (2016). "Improved techniques for training GANs." NeurIPS 29.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from bioaug.metrics import inception_score
    >>> y = np.repeat(["N", "V"], 20)
    >>> X = np.random.default_rng(0).normal(size=(40, 16)) + 9 * (y == "V")[:, None]
    >>> score = inception_score(
    ...     X, X + 0.1, y_real=y, classifier=LogisticRegression(), random_state=0
    ... )
    >>> 1.8 < score <= 2, score in score.null
    (True, True)
    """
    began, seed = time.perf_counter(), seed_of(random_state)
    pair = _checked(X_real, X_synthetic, y_real, y_synthetic)
    check_n_null(n_null, owner=_NAME)
    rng = np.random.RandomState(seed)
    probe, held = _train_on_half(pair, classifier, rng)
    made, real = probe.predict_proba(pair.X_synthetic), probe.predict_proba(held)
    details = {
        "real": clearness(real),
        "share_real": _shares(probe, real),
        "share_synthetic": _shares(probe, made),
    }
    if pair.y_synthetic is not None:
        answers = probe.classes_[made.argmax(axis=1)]
        details["agreement"] = float((answers == pair.y_synthetic).mean())
    groups = check_groups(groups_real, len(pair.X_real), owner=_NAME, name="groups_real")
    draws, reason = _draws(pair, groups, classifier, n_null, rng)
    return Score(
        clearness(made),
        name=_NAME,
        direction="higher",
        null=Null.of(draws) if draws else None,
        n_real=len(pair.X_real),
        n_synthetic=len(pair.X_synthetic),
        seed=seed,
        seconds=time.perf_counter() - began,
        details=details,
        inconclusive=reason,
    )


def _draws(
    pair: Pair,
    groups: NDArray | None,
    classifier: Any,
    n_null: int,
    rng: np.random.RandomState,
) -> tuple[list[float], str]:
    """Return what held-out real rows score, spread as fresh ones are; or why that is unknown."""
    n_real, n_synthetic = len(pair.X_real), len(pair.X_synthetic)
    draws, n_held = [], 0
    splits = Splits([])
    if groups is not None and n_null:
        splits = patient_splits(groups, 1.0, n_null, least=_LEAST // 2, rng=rng)
        if splits.reason:
            return [], splits.reason
    for index in range(n_null):
        split = splits.pairs[index] if splits.pairs else None
        if split is not None and len(np.unique(np.asarray(pair.y_real)[split[0]])) < 2:
            return [], "nearly all rows of a class are of a few patients"
        other, rest = _train_on_half(pair, classifier, rng, split)
        rest = rest[rng.permutation(len(rest))[:n_synthetic]]
        draws.append(clearness(other.predict_proba(rest)))
        n_held = len(rest)
    if len(draws) and groups is None:
        # A mean over n_held of n_real rows, drawn without replacement, varies less than one over
        # fresh rows beside one over all real rows.
        fresh, drawn = 1 / n_synthetic + 1 / n_real, 1 / n_held - 1 / n_real
        values = np.array(draws)
        draws = (values.mean() + (values - values.mean()) * (fresh / drawn) ** 0.5).tolist()
    return draws, ""


def _checked(X_real: Any, X_synthetic: Any, y_real: Any, y_synthetic: Any) -> Pair:
    """Return both sets in real units, with labels that allow a classifier."""
    if y_real is None:
        raise DataError(
            f"The 'y_real' parameter of {_NAME} must hold the classes of the real signals. "
            "Got None. Give the labels, or leave this score out."
        )
    _, y_real = check_set(X_real, y_real, owner=_NAME, which="_real")
    _, y_synthetic = check_set(X_synthetic, y_synthetic, owner=_NAME, which="_synthetic")
    pair = check_pair(X_real, X_synthetic, None, None, owner=_NAME)
    check_enough(pair.X_real, pair.X_synthetic, least=_LEAST, owner=_NAME)
    classes, counts = np.unique(np.asarray(y_real), return_counts=True)
    if len(classes) < 2:
        raise DataError(
            f"The 'y_real' parameter of {_NAME} must hold at least two classes. Got the one class "
            f"{classes.tolist()[0]!r}. Leave this score out."
        )
    if counts.min() < _LEAST_OF_CLASS:
        rare = classes.tolist()[counts.argmin()]
        raise DataError(
            f"The 'X_real' parameter of {_NAME} must have at least {_LEAST_OF_CLASS} rows of each "
            f"class. Got {counts.min()} of class {rare!r}. Give more, or leave that class out."
        )
    return in_real_units(pair)._replace(y_real=y_real, y_synthetic=y_synthetic)


def _train_on_half(
    pair: Pair, classifier: Any, rng: np.random.RandomState, split: Split | None = None
) -> tuple[Any, NDArray]:
    """Return a classifier trained on one half of the real rows, and the other half."""
    train, held = split or train_test_split(
        np.arange(len(pair.X_real)),
        test_size=0.5,
        stratify=pair.y_real,
        random_state=draw_seed(rng),
    )
    probe = make_probe(classifier, seed=draw_seed(rng), owner=_NAME)
    return probe.fit(pair.X_real[train], np.asarray(pair.y_real)[train]), pair.X_real[held]


def clearness(chance: NDArray) -> float:
    """Return exp(mean KL(p(y | x) || p(y))) of class probabilities of shape (n, n_classes)."""
    return float(np.exp(rel_entr(chance, chance.mean(axis=0)).sum(axis=1).mean()))


def _shares(probe: Any, chance: NDArray) -> dict[Any, float]:
    return dict(zip(probe.classes_.tolist(), chance.mean(axis=0).tolist(), strict=True))
