"""Privacy scores by nearest training rows: identifiability, authenticity, closest record."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from bioaug.core.distances import nearest, nearest_index
from bioaug.metrics.base.measure import Result
from bioaug.metrics.base.registry import COPIES, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.privacy.sets import Given, Sets, check_holdout, measure_sets

_N_BINS = 32  # of the histogram that a time step's entropy is taken from


@register_score("identifiability", "privacy", detects=COPIES)
def identifiability(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    weighted: bool = False,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of training rows that a synthetic row is nearer to than any other real one.

    Rows that occur several times count once.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on, in any unit; at least 2, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 2, in each class.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    weighted : bool, default=False
        Whether every sample of a signal is weighted by the inverse of its entropy over the real
        rows, as in [1]_; its code takes the entropy of rounded values, this function that of a
        histogram of 32 bins.
    n_null : int, default=20
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the null's draws; the value itself is not random.

    Returns
    -------
    score : Score
        In [0, 1]; 1 for copies, lower is better. More synthetic rows score higher, so judge by
        ``details["ratio"]``, the value over ``details["analytic_null"]``, which is 1 for fresh
        rows. The null value is what a random part of the training rows scores that stands in for
        the synthetic ones, in the given ratio of synthetic to real rows.

    Raises
    ------
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_i 1[min_j |x_i - g_j| < min_{k != i} |x_i - x_k|]`` [1]_. Where real and synthetic rows
    come from one distribution, each of the other ``n_synthetic + n_real - 1`` rows is the nearest
    with the same chance, so its mean is ``n_synthetic / (n_synthetic + n_real - 1)``. The
    ``synthcity`` package computes the weights and then sets them to one.

    References
    ----------
    .. [1] Yoon, Drumright, van der Schaar (2020). "Anonymization through data synthesis using
       generative adversarial networks (ADS-GAN)." IEEE J. Biomed. Health Inform. 24(8).

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import identifiability
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> identifiability(X, X.copy(), random_state=0).value
    1.0
    """

    def formula(sets: Sets, rng: np.random.RandomState) -> Result:
        weights = inverse_entropy(sets.train) if weighted else 1.0
        train, synthetic = sets.train * weights, sets.synthetic * weights
        value = float(np.mean(nearest(train, synthetic) < nearest(train)))
        analytic = len(synthetic) / (len(synthetic) + len(train) - 1)
        return Result(value, {"analytic_null": analytic, "ratio": value / analytic})

    return measure_sets(
        formula,
        Given(X_real, X_synthetic, y_real, y_synthetic),
        name="identifiability",
        direction="lower",
        least=2,
        n_null=n_null,
        random_state=random_state,
        proportional=True,
    )


@register_score("authenticity", "privacy", detects=COPIES)
def authenticity(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of synthetic rows that lie no nearer to a training row than real ones do.

    A synthetic row is authentic where its nearest training row has another training row nearer.
    Training rows that occur several times count once.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on, in any unit; at least 2, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 2, in each class.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    n_null : int, default=20
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the null's draws; the value itself is not random.

    Returns
    -------
    score : Score
        In [0, 1]; 0 for copies, higher is better. Fresh rows are far from 1 (heartbeats score
        about 0.57), so judge by ``details["ratio"]``, the value over the null value. The null
        value is what a random part of the training rows scores that stands in for the synthetic
        ones, against the remaining rows. Signals unlike any real one score 1.

    Raises
    ------
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_j 1[|g_j - x_i| > min_{k != i} |x_i - x_k|]`` with x_i the training row nearest to the
    synthetic row g_j [1]_. The ``synthcity`` package and the main branch of the authors' own code
    compute something else: they search each *real* row's nearest synthetic row, and then take the
    real distances at the *synthetic* row's number.

    References
    ----------
    .. [1] Alaa, van Breugel, Saveliev, van der Schaar (2022). "How faithful is your synthetic
       data? Sample-level metrics for evaluating and auditing generative models." ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import authenticity
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> authenticity(X, X + 1e-6, random_state=0).value
    0.0
    """

    def formula(sets: Sets, rng: np.random.RandomState) -> Result:
        closest, distance = nearest_index(sets.synthetic, sets.train)
        return Result(float(np.mean(distance > nearest(sets.train)[closest, 0])))

    score = measure_sets(
        formula,
        Given(X_real, X_synthetic, y_real, y_synthetic),
        name="authenticity",
        direction="higher",
        least=2,
        n_null=n_null,
        random_state=random_state,
    )
    for part in (score, *score.per_class.values()):
        if part.null is not None and part.null.value > 0:
            part.details["ratio"] = part.value / part.null.value
    return score


@register_score(
    "closest_record",
    "privacy",
    needs=("holdout",),
    takes=("groups_real", "groups_holdout"),
    detects=COPIES,
)
def distance_to_closest_record(
    X_real: Any,
    X_synthetic: Any,
    *,
    X_holdout: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    y_holdout: Any = None,
    groups_real: Any = None,
    groups_holdout: Any = None,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of synthetic rows that are nearer to training than to held-out rows.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on, in any unit; at least 10, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 10, in each class.
    X_holdout : array-like of shape (n_holdout, ...)
        Real rows that the generator never saw; at least 10, in each class. Of the larger of the
        two real sets, a random part is taken, so that both have the same size.
    y_real, y_synthetic, y_holdout : array-like of shape (n,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real, groups_holdout : array-like of shape (n_real,) and (n_holdout,), optional
        The patient of every row. With them, only held-out rows of the training rows' patients
        take part, and the score reads "inconclusive" where there are none.
    n_null : int, default=20
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the part taken and of the null's draws.

    Returns
    -------
    score : Score
        In [0, 1]; 0.5 is no preference for training rows, 1 is copies, lower is better. The null
        value is what a random part of the training rows scores that stands in for the synthetic
        ones. There is none, and the score reads "inconclusive", where held-out rows are of other
        patients or differ from the training rows by more than chance. `details` has the median
        distances of synthetic rows to training and held-out rows, and of training rows to each
        other, in deviations of the real signals, and `n_each`, the size of both real sets.

    Raises
    ------
    LeakError
        Where more than half of the held-out rows are training rows; a UserWarning tells of fewer.
    DataError
        For no held-out rows, too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_j 1[min_i |g_j - x_i| < min_i |g_j - h_i|]``; a tie counts one half. A generator can
    pass this test and still leak [1]_: see `membership_inference`.

    References
    ----------
    .. [1] Yao et al. (2025). "The DCR delusion: measuring the privacy risk of synthetic data."
       arXiv:2505.01524.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import distance_to_closest_record
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> distance_to_closest_record(X[:30], X[:30], X_holdout=X[30:], random_state=0).value
    1.0
    """
    check_holdout(X_holdout, owner="distance_to_closest_record")
    return measure_sets(
        _nearer_to_training,
        Given(
            X_real,
            X_synthetic,
            y_real,
            y_synthetic,
            X_holdout,
            y_holdout,
            groups_real,
            groups_holdout,
        ),
        name="distance_to_closest_record",
        direction="lower",
        least=10,
        n_null=n_null,
        random_state=random_state,
    )


def _nearer_to_training(sets: Sets, rng: np.random.RandomState) -> Result:
    """Return the fraction of synthetic rows nearer to training rows than to held-out ones."""
    sets = sets.of_own_patients()
    n_each = min(len(sets.train), len(sets.holdout))
    train, holdout = (
        rows[rng.permutation(len(rows))[:n_each]] for rows in (sets.train, sets.holdout)
    )
    to_train, to_holdout = nearest(sets.synthetic, train), nearest(sets.synthetic, holdout)
    fraction = np.mean(to_train < to_holdout) + np.mean(to_train == to_holdout) / 2
    return Result(
        float(fraction),
        lambda: {
            "median_to_training": float(np.median(to_train)),
            "median_to_holdout": float(np.median(to_holdout)),
            "median_within_training": float(np.median(nearest(train))),
            "n_each": n_each,
        },
    )


def inverse_entropy(train: NDArray) -> NDArray[np.float64]:
    """Return the weight of every sample of a signal; one that never varies has none."""
    counts = [np.histogram(column, bins=_N_BINS)[0] for column in train.T]
    nats = np.array([entropy(count) for count in counts])
    return np.divide(1, nats, out=np.zeros_like(nats), where=nats > 0)
