"""Discriminative score: accuracy of a classifier of real against synthetic signals."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from bioaug.core.checks import Interval, check_number
from bioaug.core.seeding import draw_seed
from bioaug.metrics.base.classifiers import make_probe
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import register_score
from bioaug.metrics.base.score import Score

_NAME = "discriminative_score"
_LEAST = 20  # rows a side: with fewer, the null value alone is above 0.06
_FOLDS = Interval(Integral, 2, 20, closed="both")


@register_score(
    "discriminative",
    "fidelity",
    takes=("groups_real",),
    quick={"n_null": 8, "n_folds": 3},
    detects=("smoothing", "dropped patients", "another class mixed in", "time reversal"),
)
def discriminative_score(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    classifier: Literal["trees", "cnn", "gru"] | Any = "trees",
    n_folds: int = 5,
    n_null: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how well a classifier tells synthetic from real signals: abs(accuracy - 0.5).

    Give real rows that the generator was not trained on: a generator that only repeats its
    training rows cannot be told from them.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 20 rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 20 rows, in each class. Of the larger side,
        a random part as large as the other side takes part.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    classifier : {"trees", "cnn", "gru"} or scikit-learn classifier, default="trees"
        ``"trees"`` are boosted trees on samples, differences and log spectra, ``"cnn"`` a small
        convolutional network, ``"gru"`` a GRU as in the published code of TimeGAN [1]_, whose text
        has two layers of LSTM. A classifier of scikit-learn is cloned and sees rows of
        n_channels * n_timesteps values. The trees are the fastest and saw the smallest faults of
        heartbeats; the GRU takes many times as long.
    n_folds : int, default=5
        Folds of the cross-validation, 2 to 20.
    n_null : int, default=10
        Random parts of the real rows, or of the patients, for the null value; each trains
        `n_folds` classifiers.
    random_state : int, RandomState instance or None, default=None
        Seed for reproducible results.

    Returns
    -------
    score : Score
        In [0, 0.5]; 0 is not to be told apart, lower is better. Its ``details``: ``accuracy`` and
        ``auc``, of rows outside the training folds, the AUC as the mean of the folds; ``p_value``,
        of the hypothesis that both distributions are equal; ``n_each``, rows of each side.

    Raises
    ------
    DataError
        For fewer than 20 rows, unequal lengths or channels, NaN, or an unknown classifier.

    Notes
    -----
    Every row is classified once, by a classifier that was trained on the other folds. This is
    the classifier two-sample test [2]_. Guessing does not score 0, but about
    ``0.4 / sqrt(2 * n_each)``: with 80 rows a side 0.03, with 1000 a side 0.009. Compare with
    ``null``.

    Classifiers of different folds share training rows, so their answers are not independent, and
    a binomial test of all of them finds differences where there are none. In one fold, the labels
    are as good as shuffled if the distributions are equal, which gives an exact p-value; twice
    the median over the folds is a p-value however these depend on each other [3]_.

    An accuracy well below one half, which scores above 0 too, says that rows have twins of the
    other label in the training folds: the synthetic rows are copies.

    The two faults of the published code that this function does not repeat: a GRU with no state
    for one channel, and a fixed number of iterations, however few the rows.

    References
    ----------
    .. [1] Yoon, Jarrett and van der Schaar (2019). "Time-series generative adversarial networks."
       NeurIPS 32.
    .. [2] Lopez-Paz and Oquab (2017). "Revisiting classifier two-sample tests." ICLR.
    .. [3] Meinshausen, Meier and Bühlmann (2009). "p-values for high-dimensional regression."
       Journal of the American Statistical Association 104.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from bioaug.metrics import discriminative_score
    >>> X = np.random.default_rng(0).normal(size=(80, 16))
    >>> score = discriminative_score(
    ...     X[:40], X[40:] + 3, classifier=LogisticRegression(), n_null=2, random_state=0
    ... )
    >>> score.value, score.details["auc"]
    (0.5, 1.0)
    """
    check_number(n_folds, _FOLDS, name="n_folds", owner=_NAME)
    make_probe(classifier, seed=0, owner=_NAME)  # an unknown one fails before anything is trained

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        n_each = min(len(real), len(synthetic))
        parts = [rows[rng.permutation(len(rows))[:n_each]] for rows in (real, synthetic)]
        X, y = np.concatenate(parts), np.repeat([0, 1], n_each)
        return _tell_apart(X, y, classifier, n_folds, rng)

    return measure(
        formula,
        X_real,
        X_synthetic,
        name=_NAME,
        direction="lower",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=_LEAST,
        law=NullLaw(about_zero=True, equal=True),
        n_null=n_null,
        random_state=random_state,
    )


def _tell_apart(
    X: NDArray, y: NDArray, classifier: Any, n_folds: int, rng: np.random.RandomState
) -> Result:
    """Classify every row by what the other folds teach; `y` has as many 0 as 1."""
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=draw_seed(rng))
    n_right, p_values, auc = 0.0, [], []
    for train, test in folds.split(X, y):
        order = rng.permutation(train)
        probe = make_probe(classifier, seed=draw_seed(rng), owner=_NAME).fit(X[order], y[order])
        chance = probe.predict_proba(X[test])[:, 1]
        # A probability of exactly one half is no answer: it counts as half right.
        n_right += float(((chance > 0.5) == y[test])[chance != 0.5].sum())
        n_right += float((chance == 0.5).sum()) / 2
        p_values.append(fold_p(chance > 0.5, y[test]))
        auc.append(roc_auc_score(y[test], chance))
    accuracy = n_right / len(y)
    return Result(
        abs(accuracy - 0.5),
        {
            "accuracy": accuracy,
            "auc": float(np.mean(auc)),
            "p_value": min(1.0, 2 * float(np.median(p_values))),
            "n_each": len(y) // 2,
        },
    )


def fold_p(answers: NDArray, y: NDArray) -> float:
    """Return the chance that shuffled labels `y` agree with the answers at least as often."""
    n_hits = int((answers & (y == 1)).sum())
    return float(hypergeom.sf(n_hits - 1, len(y), int(y.sum()), int(answers.sum())))
