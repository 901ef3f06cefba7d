"""Membership inference: telling training rows from rows never seen."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from bioaug._distances import distance_blocks, nearest
from bioaug._validation import check_option
from bioaug.metrics._measure import Found
from bioaug.metrics._sets import Given, Sets, check_holdout, measure_sets
from bioaug.metrics.score import Score

_Z95 = 1.959964
_MOST_DIMENSIONS = 10
_ROWS_PER_DIMENSION = 10

Sample = tuple[NDArray[np.float64], NDArray[np.float64]]  # scores of members and non-members


def membership_inference(
    X_real: Any,
    X_synthetic: Any,
    *,
    X_holdout: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    y_holdout: Any = None,
    groups_real: Any = None,
    groups_holdout: Any = None,
    attack: Literal["distance", "density"] = "distance",
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how well training rows are told from held-out rows by the synthetic rows.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on (members), in any unit; at least 10, in each
        class.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 10, in each class.
    X_holdout : array-like of shape (n_holdout, ...)
        Real rows that the generator never saw (non-members); at least 10, in each class.
    y_real, y_synthetic, y_holdout : array-like of shape (n,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real, groups_holdout : array-like of shape (n_real,) and (n_holdout,), optional
        The patient of every row. With them, `details` tells apart whether a row or only its
        patient is recognised.
    attack : {"distance", "density"}, default="distance"
        "distance" takes rows for members that have a synthetic row near. "density" takes those
        where synthetic rows are dense in comparison with a reference set, a random half of the
        held-out rows, which is then not attacked.
    n_null : int, default=20
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the reference set and of the null's draws.

    Returns
    -------
    score : Score
        Area under the ROC curve, in [0, 1]; 0.5 is no leak, 1 is every member found, lower is
        better. The null value is what a random part of the training rows scores that stands in
        for the synthetic ones, on the remaining rows: above 0.5 where the held-out rows are of
        other patients. `details` has

        - ``interval``: 95 % interval of the area,
        - ``true_positives_at_1_percent``: share of members found where 1 % of the non-members
          are taken for members,
        - ``n_members`` and ``n_non_members``: rows attacked,
        - ``other_patients``: area and interval for non-members of patients without members,
        - ``within_patients``: area and interval for members and non-members of the same patient,
          a mean over patients weighted by their pairs.

        The last two are None without `groups_real` or where there are no such rows.

    Raises
    ------
    LeakError
        Where more than half of the held-out rows are training rows; a UserWarning tells of fewer.
    DataError
        For no held-out rows, too few rows, unequal lengths or channels, NaN, groups of another
        length, or an unknown attack.

    Notes
    -----
    The distance attack scores a row x by ``-min_j |x - g_j|`` [1]_. The density attack scores it
    by ``log p_G(x) - log p_R(x)`` [2]_, with Gaussian kernel densities of Scott's bandwidth, from
    equally many synthetic and reference rows, in whitened principal components of these rows (at
    most 10, and one per 10 rows). The interval is DeLong's [3]_; it takes rows as independent, so
    for many rows of few patients it is too narrow, and it has no width at 0 and 1.

    References
    ----------
    .. [1] Chen, Yu, Zhang, Fritz (2020). "GAN-Leaks: a taxonomy of membership inference attacks
       against generative models." ACM CCS.
    .. [2] van Breugel, Sun, Qian, van der Schaar (2023). "Membership inference attacks against
       synthetic data through overfitting detection." AISTATS.
    .. [3] DeLong, DeLong, Clarke-Pearson (1988). "Comparing the areas under two or more
       correlated receiver operating characteristic curves." Biometrics 44(3).

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import membership_inference
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> membership_inference(X[:30], X[:30], X_holdout=X[30:], random_state=0).value
    1.0
    """
    check_holdout(X_holdout, owner="membership_inference")
    check_option(
        attack, name="attack", owner="membership_inference", options=("distance", "density")
    )

    def formula(sets: Sets, rng: np.random.RandomState) -> Found:
        attacked = np.arange(len(sets.holdout))
        if attack == "density":
            reference, attacked = np.array_split(rng.permutation(len(sets.holdout)), 2)
            suspect = _density_attack(sets.synthetic, sets.holdout[reference], rng)
        else:
            suspect = _distance_attack(sets.synthetic)
        members, others = suspect(sets.train), suspect(sets.holdout[attacked])
        area, deviation = auc([(members, others)])
        return Found(
            area,
            lambda: (
                {
                    "interval": _interval(area, deviation),
                    "true_positives_at_1_percent": float(
                        np.mean(members > np.quantile(others, 0.99))
                    ),
                    "n_members": len(members),
                    "n_non_members": len(others),
                }
                | _by_patient(members, others, sets, attacked)
            ),
        )

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
        name="membership_inference",
        direction="lower",
        least=10,
        n_null=n_null,
        random_state=random_state,
    )


def _distance_attack(synthetic: NDArray) -> Any:
    return lambda rows: -nearest(rows, synthetic)[:, 0]


def _density_attack(synthetic: NDArray, reference: NDArray, rng: np.random.RandomState) -> Any:
    """Return the function that scores rows by their density ratio."""
    n_rows = min(len(synthetic), len(reference))
    synthetic = synthetic[rng.permutation(len(synthetic))[:n_rows]]
    reference = reference[rng.permutation(len(reference))[:n_rows]]
    known = np.concatenate([synthetic, reference])
    n_dimensions = min(_MOST_DIMENSIONS, known.shape[1], -(-len(known) // _ROWS_PER_DIMENSION))
    embedding = PCA(n_dimensions, whiten=True, svd_solver="covariance_eigh").fit(known)
    bandwidth = n_rows ** (-1 / (n_dimensions + 4))  # Scott's rule

    def suspect(rows: NDArray) -> NDArray[np.float64]:
        points = embedding.transform(rows)
        return _log_density(points, embedding.transform(synthetic), bandwidth) - _log_density(
            points, embedding.transform(reference), bandwidth
        )

    return suspect


def _log_density(points: NDArray, centres: NDArray, bandwidth: float) -> NDArray[np.float64]:
    """Return the logarithm of a Gaussian kernel density, up to a constant."""
    found = np.empty(len(points))
    for rows, squared in distance_blocks(points, centres):
        squared /= -2 * bandwidth**2
        found[rows] = logsumexp(squared, axis=1)
    return found


def _by_patient(members: NDArray, others: NDArray, sets: Sets, attacked: NDArray) -> dict[str, Any]:
    """Return the areas for non-members of other patients, and within patients."""
    found: dict[str, Any] = {"other_patients": None, "within_patients": None}
    if sets.groups is None or sets.groups_holdout is None:
        return found
    patients = sets.groups_holdout[attacked]
    strangers = others[~np.isin(patients, sets.groups)]
    pairs = {
        "other_patients": [(members, strangers)],
        "within_patients": [
            (members[sets.groups == patient], others[patients == patient])
            for patient in np.intersect1d(patients, sets.groups)
        ],
    }
    for key, samples in pairs.items():
        enough = [sample for sample in samples if min(map(len, sample)) >= 2]
        if enough:
            area, deviation = auc(enough)
            found[key] = {"value": area, "interval": _interval(area, deviation)}
    return found


def auc(samples: list[Sample]) -> tuple[float, float]:
    """Return the area under the ROC curve and its standard deviation after DeLong.

    Parameters
    ----------
    samples : list of (members, others)
        Scores of at least two rows on either side. With several pairs of arrays, members are
        compared with others of the same pair only, and the areas weighted by pairs of rows.
    """
    areas, variances, weights = [], [], []
    for members, others in samples:
        of_members, of_others = _share_below(members, others), 1 - _share_below(others, members)
        areas.append(of_members.mean())
        variances.append(
            of_members.var(ddof=1) / len(members) + of_others.var(ddof=1) / len(others)
        )
        weights.append(len(members) * len(others))
    share = np.array(weights) / np.sum(weights)
    return float(share @ areas), float(np.sqrt(share**2 @ variances))


def _share_below(values: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Return for each value the share of `others` below it; a tie counts one half."""
    order = np.sort(others)
    below, up_to = (np.searchsorted(order, values, side=side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(order))


def _interval(area: float, deviation: float) -> tuple[float, float]:
    return max(0.0, area - _Z95 * deviation), min(1.0, area + _Z95 * deviation)
