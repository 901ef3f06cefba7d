"""Score of copies of training rows, plain or shifted, scaled, inverted, reversed."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioaug.metrics.base.measure import Result
from bioaug.metrics.base.registry import COPIES, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.privacy._findings import FALSE_ALARMS, CopySearch, copies_of_class
from bioaug.metrics.privacy.sets import Given, Sets, measure_sets


@register_score(
    "disguised_copies",
    "privacy",
    fast=False,
    takes=("groups_real", "groups_holdout", "holdout"),
    detects=COPIES,
)
def disguised_copies(
    X_real: Any,
    X_synthetic: Any,
    *,
    X_holdout: Any = None,
    y_real: Any = None,
    y_synthetic: Any = None,
    y_holdout: Any = None,
    groups_real: Any = None,
    groups_holdout: Any = None,
    n_null: int = 199,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the share of synthetic rows that copy a training row, as it is or disguised.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on, in any unit; at least 10, in each class.
        Repeated rows count once.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 10, in each class. Where there are very many
        rows, a random part is searched.
    X_holdout : array-like of shape (n_holdout, ...), optional
        Real rows of the same patients that the generator never saw, with which synthetic rows are
        compared. Without them, or where they are few or of other patients, every training row is
        compared with the other training rows instead.
    y_real, y_synthetic, y_holdout : array-like of shape (n,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real, groups_holdout : array-like of shape (n_real,) and (n_holdout,), optional
        The patient of every row; only held-out rows of the training rows' patients take part.
    n_null : int, default=199
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the part searched and of the null's draws.

    Returns
    -------
    score : Score
        In [0, 1], lower is better: the largest share, over all disguises, of synthetic rows that
        lie nearer to a single training row than 99 % of the real rows do; many rows near one and
        the same training row count as few. The null value is what
        fresh rows score, the largest of several shares of 1 %. `details` has for every disguise
        the share, its p-value and the numbers of synthetic and of real rows that equal a training
        row.

    Raises
    ------
    LeakError
        Where more than half of the held-out rows are training rows; a UserWarning tells of fewer.
    DataError
        For too few rows, unequal lengths or channels, or NaN.

    Notes
    -----
    A row's ratio is its distance to the nearest training row over that to the second nearest one
    that differs from the first: near 0 for a copy, below 1/2 for most rows between two training
    rows, near 1 for a row between many, so a smooth generator does not alarm. The ratios of real
    rows, found in the same way against the same training rows, say what chance does; so periodic
    or similar beats do not alarm either. Distances are Euclidean ("as they are"), and, of
    standardised signals, ``sqrt(2 (1 - max |correlation|))`` over all lags, either sign and both
    directions of time: that is blind to shift, gain, offset, sign and reversal, of all channels
    together, of one channel alone (of up to three, also in the place of another one) and of one
    half of the time steps alone. Not searched for are copies after a filter, at another speed, or
    mixed from several rows.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import disguised_copies
    >>> X = np.random.default_rng(0).normal(size=(60, 20)).cumsum(axis=1)
    >>> disguised_copies(X, -1.3 * np.roll(X, 2, axis=1), random_state=0).value
    1.0
    """
    searches: list[CopySearch] = []  # of the class at hand, for its null

    def formula(sets: Sets, rng: np.random.RandomState) -> Result:
        searches[:] = copies_of_class(sets, rng)
        return Result(
            max(search.share() for search in searches),
            {search.disguise: search.details() for search in searches},
        )

    def draw(sets: Sets, n_null: int, rng: np.random.RandomState) -> list[float]:
        shares = [search.chances(FALSE_ALARMS, n_null, rng) for search in searches]
        return np.max(shares, axis=0).tolist()

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
        name="disguised_copies",
        direction="lower",
        least=10,
        n_null=n_null,
        random_state=random_state,
        draw=draw,
        rests_on_holdout=False,
    )
