"""Utility scores by classification: train on synthetic, test on real, and the reverse."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.utility.tasks import make_task, measure_task


@register_score(
    "tstr",
    "utility",
    needs=("labels",),
    takes=("test", "groups_real"),
    detects=faults_but("shift", "collapse to the mean"),
)
def train_on_synthetic_test_on_real(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any,
    y_synthetic: Any,
    X_test: Any = None,
    y_test: Any = None,
    groups_real: Any = None,
    classifier: Literal["cnn", "gru", "trees"] | Any = None,
    scoring: str = "f1_macro",
    n_null: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how well a classifier trained on synthetic signals tells real ones apart.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 4 rows of every class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,)
        Labels; at least 2 classes in each. A class without synthetic signals is never recognised.
    X_test, y_test : array-like of shape (n_test, ...) and (n_test,), optional
        Real rows to test on, of other patients. Without them, each half of `X_real` is tested on
        in turn.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row: the halves then share no patient.
    classifier : {"cnn", "gru", "trees"} or scikit-learn classifier, optional
        What is trained, on rows of shape (n_channels * n_timesteps,); it must have
        ``predict_proba``. By default histogram gradient boosting on the samples.
    scoring : str, default="f1_macro"
        A scikit-learn scorer, greater is better.
    n_null : int, default=10
        Draws for the null value; each trains a classifier.
    random_state : int, RandomState instance or None, default=None
        Seed of halves, parts and classifiers.

    Returns
    -------
    score : Score
        Of `scoring`; macro F1 is in [0, 1], and has the F1 of every class. Higher is better.
        `details` has ``real_on_real``, the same with training on the other half of the real rows,
        or on each half where `X_test` is given; ``ratio``, the value over it; ``guessing``, the
        same with shuffled labels; and ``n_train``, the mean number of rows trained on. Where
        guessing lies inside the null, a value inside of it is inconclusive, and so is a class of
        fewer than 8 patients. The null value is what real rows score that stand in
        for the synthetic ones: a random half of `X_real` is trained on, and the other half, or
        `X_test`, is tested on.

    Raises
    ------
    DataError
        For a single class, fewer than 4 rows of a class, synthetic classes that the real rows do
        not have, `X_test` without `y_test`, fewer than 2 patients, unequal lengths or channels,
        or NaN.

    Notes
    -----
    Synthetic and real training have the same number of rows, a random part of the larger set, so
    that neither wins by its size [1]_.

    References
    ----------
    .. [1] Esteban, Hyland, Rätsch (2017). "Real-valued (medical) time series generation with
       recurrent conditional GANs." arXiv:1706.02633.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import train_on_synthetic_test_on_real
    >>> y = np.repeat([0, 1], 30)
    >>> X = np.random.default_rng(0).normal(size=(60, 4)) + 9 * y[:, None]
    >>> train_on_synthetic_test_on_real(
    ...     X, X + 1, y_real=y, y_synthetic=y, n_null=0, random_state=0
    ... ).value
    1.0
    """
    task = make_task(
        (X_real, y_real),
        (X_synthetic, y_synthetic),
        (X_test, y_test),
        groups_real=groups_real,
        classifier=classifier,
        scoring=scoring,
        owner="train_on_synthetic_test_on_real",
    )
    return measure_task(task, trained_on="synthetic", n_null=n_null, random_state=random_state)


@register_score(
    "trts",
    "utility",
    needs=("labels",),
    takes=("test", "groups_real"),
    detects=faults_but("collapse to the mean", "dropped patients"),
)
def train_on_real_test_on_synthetic(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any,
    y_synthetic: Any,
    X_test: Any = None,
    y_test: Any = None,
    groups_real: Any = None,
    classifier: Literal["cnn", "gru", "trees"] | Any = None,
    scoring: str = "f1_macro",
    n_null: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how well a classifier trained on real signals recognises synthetic ones.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 4 rows of every class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,)
        Labels; at least 2 classes in each.
    X_test, y_test : array-like of shape (n_test, ...) and (n_test,), optional
        Real rows for ``real_on_real``, of other patients. Each half of `X_real` is trained on in
        turn, and without `X_test` the other one is tested on.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row: the halves then share no patient.
    classifier : {"cnn", "gru", "trees"} or scikit-learn classifier, optional
        What is trained, on rows of shape (n_channels * n_timesteps,); it must have
        ``predict_proba``. By default histogram gradient boosting on the samples.
    scoring : str, default="f1_macro"
        A scikit-learn scorer, greater is better.
    n_null : int, default=10
        Draws for the null value; each trains a classifier.
    random_state : int, RandomState instance or None, default=None
        Seed of halves and classifiers.

    Returns
    -------
    score : Score
        Of `scoring`; macro F1 is in [0, 1], and has the F1 of every class. Higher is better; far
        above the null value, the synthetic signals are clearer examples of their class than real
        ones are, or copies of rows that were trained on. `details` has ``real_on_real``, the same
        with test on the other half of the real rows or on `X_test`; ``ratio``, the value over it;
        ``guessing``, the same with shuffled labels; and ``n_train``, the mean number of rows
        trained on. Where guessing lies inside the null, a value inside of it is inconclusive, and
        so is a class of fewer than 8 patients. The null value is what real rows
        score that stand in for the synthetic ones: a random half of `X_real` is trained on, and
        the other half, or `X_test`, is tested on.

    Raises
    ------
    DataError
        For a single class, fewer than 4 rows of a class, synthetic classes that the real rows do
        not have, `X_test` without `y_test`, fewer than 2 patients, unequal lengths or channels,
        or NaN.

    Notes
    -----
    A generator that makes few and typical signals of every class scores high [1]_: see
    `train_on_synthetic_test_on_real`, which it fails.

    References
    ----------
    .. [1] Esteban, Hyland, Rätsch (2017). "Real-valued (medical) time series generation with
       recurrent conditional GANs." arXiv:1706.02633.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import train_on_real_test_on_synthetic
    >>> y = np.repeat([0, 1], 30)
    >>> X = np.random.default_rng(0).normal(size=(60, 4)) + 9 * y[:, None]
    >>> train_on_real_test_on_synthetic(
    ...     X, X + 1, y_real=y, y_synthetic=y, n_null=0, random_state=0
    ... ).value
    1.0
    """
    task = make_task(
        (X_real, y_real),
        (X_synthetic, y_synthetic),
        (X_test, y_test),
        groups_real=groups_real,
        classifier=classifier,
        scoring=scoring,
        owner="train_on_real_test_on_synthetic",
    )
    return measure_task(task, trained_on="real", n_null=n_null, random_state=random_state)
