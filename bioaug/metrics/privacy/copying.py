"""Data-copying test of Meehan et al."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from bioaug.core.checks import Interval, check_number
from bioaug.core.distances import nearest
from bioaug.metrics.base.measure import Result
from bioaug.metrics.base.registry import COPIES, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.privacy.sets import Given, Sets, check_holdout, measure_sets

_POSITIVE = Interval(Integral, 1, None, closed="left")
_CELL_LEAST = 5  # rows of each set, or the cell says too little


@register_score(
    "data_copying",
    "privacy",
    needs=("holdout",),
    takes=("groups_real", "groups_holdout"),
    detects=COPIES,
)
def data_copying(
    X_real: Any,
    X_synthetic: Any,
    *,
    X_holdout: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    y_holdout: Any = None,
    groups_real: Any = None,
    groups_holdout: Any = None,
    n_cells: int = 5,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return whether synthetic rows lie nearer to training rows than held-out rows do.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on, in any unit; at least 10, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 10, in each class. Of more than half as many
        as there are training rows, or more than held-out rows, a random part is taken: the
        deviates grow with the number of rows, so value and null need the same.
    X_holdout : array-like of shape (n_holdout, ...)
        Real rows that the generator never saw; at least 10, in each class.
    y_real, y_synthetic, y_holdout : array-like of shape (n,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real, groups_holdout : array-like of shape (n_real,) and (n_holdout,), optional
        The patient of every row. With them, only held-out rows of the training rows' patients
        take part, and the score reads "inconclusive" where there are none.
    n_cells : int, default=5
        Cells that the training rows are divided into; fewer than 5 rows of any set in a cell
        leave it out.
    n_null : int, default=20
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the cells, of the part taken and of the null's draws.

    Returns
    -------
    score : Score
        A mean of standard normal deviates: near 0 for fresh rows, far below 0 (-3 and less) for
        copies, far above 0 for signals unlike the real ones; higher is better for privacy. The
        null value is what a random part of the training rows scores that stands in for the
        synthetic ones. There is none, and the score reads "inconclusive", where held-out rows are
        of other patients or differ from the training rows by more than chance. `details` has the
        deviate and the weight of every cell.

    Raises
    ------
    LeakError
        Where more than half of the held-out rows are training rows; a UserWarning tells of fewer.
    DataError
        For no held-out rows, too few rows, unequal lengths or channels, NaN, or a number of cells
        below 1.

    Notes
    -----
    Cells are k-means cells of the training rows. In each, ``Z = (U - m n / 2) / sqrt(m n (m + n +
    1) / 12)`` with U the number of pairs of one of m synthetic and one of n held-out rows where
    the synthetic row is farther from its nearest training row of the cell; a tie counts one half.
    The score is the mean of Z, weighted by held-out rows [1]_. Where no cell has enough rows of
    every set, all rows are one cell.

    References
    ----------
    .. [1] Meehan, Chaudhuri, Dasgupta (2020). "A non-parametric test to detect data-copying in
       generative models." AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import data_copying
    >>> X = np.random.default_rng(0).normal(size=(300, 4))
    >>> bool(data_copying(X[:200], X[:200], X_holdout=X[200:], random_state=0) < -3)
    True
    """
    check_holdout(X_holdout, owner="data_copying")
    check_number(n_cells, _POSITIVE, name="n_cells", owner="data_copying")

    def formula(sets: Sets, rng: np.random.RandomState) -> Result:
        sets = sets.of_own_patients()
        n_used = min(sets.n_stand_in, len(sets.holdout))
        part = sets.synthetic[rng.permutation(len(sets.synthetic))[:n_used]]
        deviates, weights = copying_cells(replace(sets, synthetic=part), n_cells, rng)
        value = float(np.average(deviates, weights=weights))
        return Result(value, {"deviates": deviates, "weights": weights / weights.sum()})

    return measure_sets(
        formula,
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
        name="data_copying",
        direction="higher",
        least=10,
        n_null=n_null,
        random_state=random_state,
    )


def copying_cells(
    sets: Sets, n_cells: int, rng: np.random.RandomState
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the deviate of every cell with enough rows, and its number of held-out rows."""
    n_cells = min(n_cells, max(len(sets.train) // (2 * _CELL_LEAST), 1))
    with warnings.catch_warnings():
        # Fewer different rows than cells leave cells empty, which are then left out.
        warnings.simplefilter("ignore", ConvergenceWarning)
        cells = KMeans(n_cells, n_init="auto", random_state=rng).fit(sets.train)
    own = cells.labels_, cells.predict(sets.synthetic), cells.predict(sets.holdout)
    found = []
    for cell in range(n_cells):
        rows = [
            array[labels == cell]
            for array, labels in zip((sets.train, sets.synthetic, sets.holdout), own, strict=True)
        ]
        if min(map(len, rows)) >= _CELL_LEAST:
            found.append((_deviate(*rows), len(rows[2])))
    if not found:
        found = [(_deviate(sets.train, sets.synthetic, sets.holdout), len(sets.holdout))]
    deviates, weights = np.array(found, dtype=float).T
    return deviates, weights


def _deviate(train: NDArray, synthetic: NDArray, holdout: NDArray) -> float:
    """Return the standardised Mann-Whitney statistic of the distances to `train`."""
    m, n = len(synthetic), len(holdout)
    distances = np.concatenate([nearest(synthetic, train), nearest(holdout, train)])[:, 0]
    pairs = rankdata(distances)[:m].sum() - m * (m + 1) / 2
    return float((pairs - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12))
