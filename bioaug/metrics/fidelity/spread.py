"""Distance of synthetic to real signals, and diversity of synthetic ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.distances import distance_blocks, flat, nearest
from bioaug.exceptions import DataError
from bioaug.metrics.base.halves import distinct_rows
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Score


@register_score(
    "sample_distance",
    "fidelity",
    takes=("groups_real",),
    detects=faults_but("collapse to the mean", "dropped patients"),
)
def sample_distance(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the distance from synthetic to real signals, in the distance between real ones.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 4 rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 4 rows, in each class.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    n_null : int, default=20
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of these parts; the value itself is not random.

    Returns
    -------
    score : Score
        At least 0; real signals score 1, lower is nearer. Below ``null`` is no merit: signals near
        the mean of all score less than 1, and copies of real signals score 0. Its ``details`` are
        mean distances, as the root mean square over time in deviations of the real signals:
        ``to_real``, ``to_other_synthetic`` and ``real_to_other_real``.

    Raises
    ------
    DataError
        For fewer than 4 rows, unequal lengths or channels, NaN, or real rows that are all equal.

    Notes
    -----
    ``mean_j min_i |f_j - r_i| / mean_i min_{l != i} |r_i - r_l|`` with real signals r and synthetic
    f, in units of the real signals' deviation per channel. The division leaves a value that
    hardly depends on the number of rows, as the distance itself does.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import sample_distance
    >>> X = np.random.default_rng(0).normal(size=(60, 16))
    >>> score = sample_distance(X[:30], X[30:], random_state=0)
    >>> 0.8 < score < 1.2
    True
    """

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        unit = float(np.sqrt(real[0].size))
        real, synthetic = distinct_rows(flat(real)), flat(synthetic)
        own = _own_distance(real, owner="sample_distance")
        to_real = float(nearest(synthetic, real).mean())
        return Result(
            to_real / own,
            lambda: {
                "to_real": to_real / unit,
                "to_other_synthetic": float(nearest(synthetic).mean()) / unit,
                "real_to_other_real": own / unit,
            },
        )

    return measure(
        formula,
        X_real,
        X_synthetic,
        name="sample_distance",
        direction="lower",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=4,
        n_null=n_null,
        random_state=random_state,
    )


@register_score(
    "diversity",
    "fidelity",
    takes=("groups_real",),
    detects=("smoothing", "collapse to the mean", "dropped patients"),
)
def diversity(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how far synthetic signals are from each other, against real ones.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 4 rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 4 rows, in each class. Of the larger side, a
        random part as large as the other side takes part: more signals stand closer.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    n_null : int, default=20
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed for reproducible results.

    Returns
    -------
    score : Score
        At least 0: 0 where every signal has a twin, as after a collapse, and 1 as diverse as real
        signals; higher is better, but only up to there, since noise spreads signals as well. Its
        ``details``: ``pairwise``, the same ratio of the mean distance between all pairs, which
        sees the loss of whole groups of signals; ``n_each``, rows of each side.

    Raises
    ------
    DataError
        For fewer than 4 rows, unequal lengths or channels, NaN, or real rows that are all equal.

    Notes
    -----
    ``mean_j min_{l != j} |f_j - f_l| / mean_i min_{l != i} |r_i - r_l|`` with real signals r and as
    many synthetic f, in units of the real signals' deviation per channel.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import diversity
    >>> X = np.random.default_rng(0).normal(size=(60, 16))
    >>> round(diversity(X[:30], X[30:] / 2, random_state=0), 1)
    0.5
    """

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        real = distinct_rows(real)
        n_each = min(len(real), len(synthetic))
        real, synthetic = (
            flat(rows[rng.permutation(len(rows))[:n_each]]) for rows in (real, synthetic)
        )
        own = _own_distance(real, owner="diversity")
        return Result(
            float(nearest(synthetic).mean()) / own,
            lambda: {"pairwise": _pairwise(synthetic) / _pairwise(real), "n_each": n_each},
        )

    return measure(
        formula,
        X_real,
        X_synthetic,
        name="diversity",
        direction="higher",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=4,
        law=NullLaw(equal=True),
        n_null=n_null,
        random_state=random_state,
    )


def _own_distance(real: NDArray, *, owner: str) -> float:
    """Return the mean distance from a real row to its nearest other one."""
    own = float(nearest(real).mean()) if len(real) > 1 else 0.0
    if own < 1e-6 * np.sqrt(real.shape[1]):  # rounding alone: rows are in units of deviation
        raise DataError(
            f"The 'X_real' parameter of {owner} must have rows that differ. Got rows that are all "
            "equal, or each with a copy. Leave this score out."
        )
    return own


def _pairwise(rows: NDArray) -> float:
    """Return the mean distance between different rows."""
    total = sum(float(np.sqrt(squared).sum()) for _, squared in distance_blocks(rows, rows))
    return total / (len(rows) * (len(rows) - 1))
