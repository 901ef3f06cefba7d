"""Membership inference attacks: training rows against rows never seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from bioaug.core.checks import check_option
from bioaug.core.distances import distance_blocks, nearest
from bioaug.metrics.base.measure import Result
from bioaug.metrics.base.registry import COPIES, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.privacy.members import MembershipTest, auc, interval_of
from bioaug.metrics.privacy.sets import Given, Sets, check_holdout, measure_sets

ATTACKS = ("calibrated", "distance", "density")
_MOST_DIMENSIONS = 10
_ROWS_PER_DIMENSION = 10


@register_score(
    "membership",
    "privacy",
    needs=("holdout",),
    takes=("groups_real", "groups_holdout"),
    detects=COPIES,
)
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
    attack: Literal["calibrated", "distance", "density"] = "calibrated",
    n_null: int = 99,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how well training rows are told from held-out rows by the synthetic rows.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on (members), in any unit; at least 10, in each
        class. Repeated rows count once.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 10, in each class. The attack grows with
        their number: give ten times as many as there are training rows, where you would publish
        as many.
    X_holdout : array-like of shape (n_holdout, ...)
        Real rows of the same patients that the generator never saw (non-members); at least 10, in
        each class. Rows of other patients measure whether patients are recognised, not rows.
    y_real, y_synthetic, y_holdout : array-like of shape (n,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real, groups_holdout : array-like of shape (n_real,) and (n_holdout,), optional
        The patient of every row. With them, members are compared with non-members of the same
        patient.
    attack : {"calibrated", "distance", "density"}, default="calibrated"
        "calibrated" takes rows for members that have a synthetic row near, in comparison with the
        nearest other real row; it is the strongest one. "distance" takes those with a synthetic
        row near. "density" takes those where synthetic rows are dense in comparison with a
        reference set, a random half of the held-out rows, which is then not attacked.
    n_null : int, default=99
        Draws for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of the reference set, of the interval and of the null's draws.

    Returns
    -------
    score : Score
        Area under the ROC curve, in [0, 1]; 0.5 is no leak, 1 is every member found, lower is
        better. With groups, it is the area within patients, weighted by their pairs of rows. The
        null value is what random rows of the same patients score in place of the members. There
        is none, and the score reads "inconclusive", where the held-out rows are of other patients
        or, without groups, differ from the training rows whatever the synthetic rows are.
        `details` has

        - ``interval``: 95 % interval of the area, the wider one by rows and by patients,
        - ``p_value``: of no leak, by the stronger of the area and the most suspect rows,
        - ``true_positives_at_1_percent``: share of members found where 1 % of the non-members
          are taken for members; 0.01 is no leak,
        - ``n_members`` and ``n_non_members``: rows attacked,
        - ``within_patients``: area and interval for members and non-members of the same patient,
        - ``other_patients``: area and interval for non-members of patients without members.

        The last two are None without groups or where there are no such rows.

    Raises
    ------
    LeakError
        Where more than half of the held-out rows are training rows; a UserWarning tells of fewer.
    DataError
        For no held-out rows, too few rows, unequal lengths or channels, NaN, groups of another
        length, or an unknown attack.

    Notes
    -----
    The distance attack scores a row x by ``-min_j |x - g_j|`` [1]_, the calibrated attack by this
    distance over that to the nearest other real row, a training or a held-out one. The density
    attack scores it by ``log p_G(x) - log p_R(x)`` [2]_, with Gaussian kernel densities of
    Scott's bandwidth, from equally many synthetic and reference rows, in whitened principal
    components of these rows (at most 10, and one per 10 rows). No attack uses which rows are
    members, so without a leak members and held-out rows of a patient are exchangeable: that makes
    null and p-value exact. The interval by rows is DeLong's [3]_, which takes rows as
    independent and has no width at 0 and 1; that by patients is a bootstrap.

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
    check_option(attack, name="attack", owner="membership_inference", options=ATTACKS)
    tests: list[MembershipTest] = []  # of the class at hand, for its null

    def formula(sets: Sets, rng: np.random.RandomState) -> Result:
        found = attack_rows(attack, sets, rng)
        tests[:] = [found.test]
        return Result(found.test.area, lambda: found.details(rng))

    def draw(sets: Sets, n_null: int, rng: np.random.RandomState) -> list[float]:
        return tests[0].chances(n_null, rng).tolist()

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
        draw=draw,
    )


@dataclass(frozen=True)
class Attacked:
    """How suspect the rows of one class look.

    Attributes
    ----------
    members, others : ndarray of shape (n,)
        Suspicion of training and of held-out rows.
    patients, patients_of_others : ndarray of shape (n,) or None
    """

    members: NDArray[np.float64]
    others: NDArray[np.float64]
    patients: NDArray | None
    patients_of_others: NDArray | None

    @property
    def has_shared_patients(self) -> bool:
        """Whether some patient has training and held-out rows."""
        if self.patients is None or self.patients_of_others is None:
            return False
        return bool(np.isin(self.patients_of_others, self.patients).any())

    @cached_property
    def test(self) -> MembershipTest:
        """The test within patients, or of all rows where no patient is known on both sides."""
        if self.has_shared_patients:
            return MembershipTest.of(
                self.members, self.others, self.patients, self.patients_of_others
            )
        return MembershipTest.of(self.members, self.others)

    def details(self, rng: np.random.RandomState) -> dict[str, Any]:
        """Return what `membership_inference` describes."""
        test = self.test
        interval = test.interval(rng)
        within = {"value": test.area, "interval": interval} if self.has_shared_patients else None
        return {
            "interval": interval,
            "p_value": test.p_value(),
            "true_positives_at_1_percent": test.found_share,
            "n_members": test.n_members,
            "n_non_members": test.n_others,
            "within_patients": within,
            "other_patients": self._other_patients(),
        }

    def _other_patients(self) -> dict[str, Any] | None:
        """Return the area of members against rows of patients without members."""
        if self.patients is None or self.patients_of_others is None:
            return None
        strangers = self.others[~np.isin(self.patients_of_others, self.patients)]
        if min(len(strangers), len(self.members)) < 2:
            return None
        area, deviation = auc([(self.members, strangers)])
        return {"value": area, "interval": interval_of(area, deviation)}


def attack_rows(attack: str, sets: Sets, rng: np.random.RandomState) -> Attacked:
    """Return how suspect training rows and held-out rows look to an attack.

    No attack uses which rows are which, so without a leak both are exchangeable.
    """
    attacked = np.arange(len(sets.holdout))
    if attack == "density":
        reference, attacked = np.array_split(rng.permutation(len(sets.holdout)), 2)
        suspect = _density_attack(sets.synthetic, sets.holdout[reference], rng)
        members, others = suspect(sets.train), suspect(sets.holdout[attacked])
    else:
        real = np.concatenate([sets.train, sets.holdout])
        suspicion = -nearest(real, sets.synthetic)[:, 0]
        if attack == "calibrated":
            usual = nearest(real)[:, 0]
            suspicion /= np.maximum(usual, np.finfo(float).tiny)
        members, others = np.split(suspicion, [len(sets.train)])
    groups = sets.groups_holdout
    return Attacked(members, others, sets.groups, None if groups is None else groups[attacked])


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
