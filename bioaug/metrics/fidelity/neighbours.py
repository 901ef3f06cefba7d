"""Nearest-neighbour scores: precision, recall, density and coverage."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import Interval, check_number
from bioaug.core.distances import count_within, flat, nearest
from bioaug.metrics.base.halves import distinct_rows
from bioaug.metrics.base.measure import Formula, Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import FAULTS, register_score
from bioaug.metrics.base.score import Score

_POSITIVE = Interval(Integral, 1, None, closed="left")
# Faults that take rows out of the region of the real ones.
_OUTSIDE = ("noise", "scale", "another class mixed in", "time reversal")


@register_score("precision", "fidelity", takes=("groups_real",), detects=_OUTSIDE)
def precision(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    nearest_k: int = 5,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of synthetic signals that lie among the real ones.

    A synthetic signal lies among the real ones where some real signal has it nearer than its own
    `nearest_k`-th nearest real neighbour.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least ``nearest_k + 1`` rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; as many rows at least.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    nearest_k : int, default=5
        Which neighbour sets the radius around a signal.
    n_null : int, default=20
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of these parts; the value itself is not random.

    Returns
    -------
    score : Score
        In [0, 1]; 1 is all among the real ones, higher is better. Copies of real signals and
        signals near the mean of all score 1 too: see `recall`, `coverage` and `diversity`.

    Raises
    ------
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_j 1[exists i: |r_i - f_j| <= NND_k(r_i)]``, with real signals r and synthetic f, in units
    of the real signals' deviation per channel, and NND_k the distance to the k-th nearest other
    of the same set [1]_. Of real signals that are equal, one takes part.

    References
    ----------
    .. [1] Kynkäänniemi et al. (2019). "Improved precision and recall metric for assessing
       generative models." NeurIPS 32.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import precision
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> precision(X[:30], X[30:] + 100, random_state=0).value
    0.0
    """

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        return Result(_share_inside(distinct_rows(flat(real)), flat(synthetic), nearest_k))

    return _measure(
        formula,
        X_real,
        X_synthetic,
        "precision",
        y_real,
        y_synthetic,
        groups_real,
        nearest_k,
        n_null,
        random_state,
        NullLaw(worst=0.0, is_share=True, difference=False),
    )


@register_score(
    "recall", "fidelity", takes=("groups_real",), detects=("smoothing", "dropped patients")
)
def recall(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    nearest_k: int = 5,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of real signals that lie among the synthetic ones.

    It is `precision` with the two sets exchanged.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least ``nearest_k + 1`` rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; as many rows at least.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    nearest_k : int, default=5
        Which neighbour sets the radius around a signal.
    n_null : int, default=20
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of these parts; the value itself is not random.

    Returns
    -------
    score : Score
        In [0, 1]; 1 is all among the synthetic ones, higher is better. A few synthetic signals
        far from all others widen the radii, so that noise can raise it: see `coverage`.

    Raises
    ------
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_i 1[exists j: |r_i - f_j| <= NND_k(f_j)]``; see `precision` for the letters and the
    reference.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import recall
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> recall(X[:30], X[:30], random_state=0).value
    1.0
    """

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        return Result(_share_inside(flat(synthetic), flat(real), nearest_k))

    return _measure(
        formula,
        X_real,
        X_synthetic,
        "recall",
        y_real,
        y_synthetic,
        groups_real,
        nearest_k,
        n_null,
        random_state,
        NullLaw(worst=0.0, is_share=True, difference=False, most_ratio=2),
    )


@register_score("density", "fidelity", takes=("groups_real",), detects=_OUTSIDE)
def density(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    nearest_k: int = 5,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return in how many real neighbourhoods a synthetic signal lies, over `nearest_k`.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least ``nearest_k + 1`` rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; as many rows at least.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    nearest_k : int, default=5
        Which neighbour sets the radius around a signal.
    n_null : int, default=20
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of these parts; the value itself is not random.

    Returns
    -------
    score : Score
        At least 0; real signals score about 1 and higher is better, but only up to there: more
        than ``null`` says that the synthetic signals crowd where the real ones are densest.

    Raises
    ------
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``1/k mean_j #{i: |r_i - f_j| <= NND_k(r_i)}`` [1]_; see `precision` for the letters.

    References
    ----------
    .. [1] Naeem et al. (2020). "Reliable fidelity and diversity metrics for generative models."
       ICML, PMLR 119.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import density
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> density(X[:30], X[30:] + 100, random_state=0).value
    0.0
    """

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        counts = _balls_around(distinct_rows(flat(real)), flat(synthetic), nearest_k)
        return Result(float(counts.mean()) / nearest_k)

    return _measure(
        formula,
        X_real,
        X_synthetic,
        "density",
        y_real,
        y_synthetic,
        groups_real,
        nearest_k,
        n_null,
        random_state,
        NullLaw(worst=0.0),
    )


@register_score("coverage", "fidelity", takes=("groups_real",), detects=FAULTS)
def coverage(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    nearest_k: int = 5,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of real signals that have a synthetic one in their neighbourhood.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least ``nearest_k + 1`` rows, in each class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; as many rows at least. Give as many as there are real
        ones: more of them cover more.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    nearest_k : int, default=5
        Which neighbour sets the radius around a signal.
    n_null : int, default=20
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of these parts; the value itself is not random.

    Returns
    -------
    score : Score
        In [0, 1]; 1 is every real signal covered, higher is better. As many real signals score
        about ``1 - 2**-nearest_k``, which is 0.97; more score more, fewer less, and so the null
        goes with the numbers of rows at hand.

    Raises
    ------
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    ``mean_i 1[min_j |r_i - f_j| <= NND_k(r_i)]``; see `density` for the reference and `precision`
    for the letters.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import coverage
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> coverage(X[:30], X[:30], random_state=0).value
    1.0
    """

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        real, synthetic = distinct_rows(flat(real)), flat(synthetic)
        return Result(float((nearest(real, synthetic)[:, 0] <= _radius(real, nearest_k)).mean()))

    return _measure(
        formula,
        X_real,
        X_synthetic,
        "coverage",
        y_real,
        y_synthetic,
        groups_real,
        nearest_k,
        n_null,
        random_state,
        NullLaw(worst=0.0, is_share=True, expected=partial(expected_coverage, k=nearest_k)),
    )


def expected_coverage(n_real: float, n_synthetic: float, k: int) -> float:
    """Return the mean coverage of as good as real signals: 1 - P(k nearest are all real)."""
    others = n_real - 1 - np.arange(k)
    return float(1 - np.prod(others / (others + n_synthetic)))


def _measure(
    formula: Formula,
    X_real: Any,
    X_synthetic: Any,
    name: str,
    y_real: Any,
    y_synthetic: Any,
    groups_real: Any,
    nearest_k: int,
    n_null: int,
    random_state: Any,
    law: NullLaw,
) -> Score:
    """Return the score of one of the four functions above."""
    check_number(nearest_k, _POSITIVE, name="nearest_k", owner=name)
    return measure(
        formula,
        X_real,
        X_synthetic,
        name=name,
        direction="higher",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=nearest_k + 1,
        law=law,
        n_null=n_null,
        random_state=random_state,
    )


def _balls_around(centres: NDArray, rows: NDArray, k: int) -> NDArray[np.int64]:
    """Return in how many balls every row lies: one around each centre, to its k-th neighbour."""
    return count_within(rows, centres, _radius(centres, k))


def _radius(centres: NDArray, k: int) -> NDArray[np.float64]:
    """Return the distance of every row to its k-th neighbour, or to the last one of fewer."""
    k = min(k, len(centres) - 1)
    return nearest(centres, k=k)[:, -1] if k else np.zeros(len(centres))


def _share_inside(centres: NDArray, rows: NDArray, k: int) -> float:
    return float((_balls_around(centres, rows, k) > 0).mean())
