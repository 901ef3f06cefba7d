"""ROC tests of training against held-out rows of the same patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, norm, rankdata

FALSE_ALARMS = 0.01  # share of non-members that are taken for members
_TOP = (0.01, 0.025, 0.05, 0.1)  # shares of the most suspect rows, among which members are counted
_N_BOOTSTRAPS = 500
_Z95 = 1.959964

Sample = tuple[NDArray[np.float64], NDArray[np.float64]]  # scores of members and non-members


@dataclass(frozen=True)
class MembershipTest:
    """How suspect members and non-members look, patient by patient.

    Attributes
    ----------
    suspicion : ndarray of shape (n_rows,)
        Of members and non-members; greater is more suspect. It must not depend on which are which.
    is_member : ndarray of shape (n_rows,)
    patients : ndarray of shape (n_rows,)
        Codes from 0 on; every patient has members and non-members.
    """

    suspicion: NDArray[np.float64]
    is_member: NDArray[np.bool_]
    patients: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        members: NDArray,
        others: NDArray,
        patients_of_members: NDArray | None = None,
        patients_of_others: NDArray | None = None,
    ) -> MembershipTest:
        """Return the test of rows of patients who have members and non-members.

        Without patients, all rows are of one.
        """
        suspicion = np.concatenate([members, others])
        is_member = np.repeat([True, False], [len(members), len(others)])
        if patients_of_members is None or patients_of_others is None:
            return cls(suspicion, is_member, np.zeros(len(suspicion), np.int64))
        shared = np.intersect1d(patients_of_members, patients_of_others)
        patients = np.concatenate([patients_of_members, patients_of_others])
        used = np.isin(patients, shared)
        codes = np.unique(patients[used], return_inverse=True)[1]
        return cls(suspicion[used], is_member[used], codes)

    @property
    def n_members(self) -> int:
        """Number of members."""
        return int(self.is_member.sum())

    @property
    def n_others(self) -> int:
        """Number of non-members."""
        return int((~self.is_member).sum())

    @property
    def area(self) -> float:
        """Area under the ROC curve within patients, weighted by their pairs; 0.5 is no leak."""
        return float(self._areas(self.is_member[None])[0])

    @property
    def found_share(self) -> float:
        """Share of members found where 1 % of the non-members are taken for members."""
        members, others = self.suspicion[self.is_member], self.suspicion[~self.is_member]
        return float(np.mean(members > np.quantile(others, 1 - FALSE_ALARMS)))

    def chances(self, size: int, rng: np.random.RandomState) -> NDArray[np.float64]:
        """Return areas as they are without a leak: members and non-members of a patient swapped."""
        order = np.lexsort((~self.is_member, self.patients))  # members first in every patient
        swapped = np.empty((size, len(order)), bool)
        for draw in swapped:
            draw[np.lexsort((rng.random_sample(len(order)), self.patients))] = self.is_member[order]
        return self._areas(swapped)

    def p_value(self) -> float:
        """Return the chance of finding members this well without a leak.

        The strongest of the area (its rank sum is nearly normal) and of the number of members
        among the most suspect rows (a sum of hypergeometric numbers, one for each patient), where
        members and non-members of a patient are exchangeable.
        """
        chances = [self._chance_of_area(), *(self._chance_of_top(share) for share in _TOP)]
        return min(1.0, len(chances) * min(chances))

    def interval(self, rng: np.random.RandomState) -> tuple[float, float]:
        """Return the 95 % interval of the area, by rows and by patients the wider one.

        By rows it is DeLong's, by patients a bootstrap, which is too narrow for few of them.
        """
        samples = []
        for patient in np.unique(self.patients):
            rows = self.patients == patient
            sample = self.suspicion[rows & self.is_member], self.suspicion[rows & ~self.is_member]
            if min(map(len, sample)) >= 2:
                samples.append(sample)
        low, high = interval_of(*auc(samples)) if samples else (0.0, 1.0)
        won, pairs = self._won(self.is_member[None])[0], self._pairs()
        if len(pairs) < 2:
            return low, high
        drawn = rng.randint(len(pairs), size=(_N_BOOTSTRAPS, len(pairs)))
        areas = won[drawn].sum(axis=1) / pairs[drawn].sum(axis=1)
        bounds = np.quantile(areas, [0.025, 0.975])
        return min(low, float(bounds[0])), max(high, float(bounds[1]))

    def _areas(self, is_member: NDArray[np.bool_]) -> NDArray[np.float64]:
        return self._won(is_member).sum(axis=1) / self._pairs().sum()

    def _won(self, is_member: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return of each patient the pairs in which the member is more suspect, for each draw."""
        n_members = np.bincount(self.patients, self.is_member)
        of_patient, ranks = np.zeros((len(is_member), len(n_members))), self._ranks()
        for draw, won in zip(is_member, of_patient, strict=True):
            won += np.bincount(self.patients, ranks * draw)
        return of_patient - n_members * (n_members + 1) / 2

    def _ranks(self) -> NDArray[np.float64]:
        """Return the rank of every row among those of its patient."""
        ranks = np.empty(len(self.suspicion))
        order = np.argsort(self.patients, kind="stable")
        ends = np.flatnonzero(np.diff(self.patients[order])) + 1
        for rows in np.split(order, ends):
            ranks[rows] = rankdata(self.suspicion[rows])
        return ranks

    def _pairs(self) -> NDArray[np.float64]:
        counts = (np.bincount(self.patients, side) for side in (self.is_member, ~self.is_member))
        return np.prod(list(counts), axis=0)

    def _chance_of_area(self) -> float:
        ranks = self._ranks()
        n_rows = np.bincount(self.patients)
        mean = np.bincount(self.patients, ranks) / n_rows
        spread = np.bincount(self.patients, (ranks - mean[self.patients]) ** 2)
        variance = float((self._pairs() * spread / (n_rows * np.maximum(n_rows - 1, 1))).sum())
        if variance == 0:
            return 1.0
        excess = (self.area - 0.5) * self._pairs().sum() - 0.5
        return float(norm.sf(excess / np.sqrt(variance)))

    def _chance_of_top(self, share: float) -> float:
        n_top = max(1, round(share * len(self.suspicion)))
        top = self.suspicion >= np.sort(self.suspicion)[-n_top]
        law = np.ones(1)
        for patient in np.unique(self.patients[top]):
            own = self.patients == patient
            n_own = int((own & top).sum())
            n_members = int((own & self.is_member).sum())
            counts = np.arange(n_own + 1)
            law = np.convolve(law, hypergeom.pmf(counts, int(own.sum()), n_members, n_own))
        return float(min(1.0, law[int((top & self.is_member).sum()) :].sum()))


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


def interval_of(area: float, deviation: float) -> tuple[float, float]:
    """Return the normal 95 % interval of an area."""
    return max(0.0, area - _Z95 * deviation), min(1.0, area + _Z95 * deviation)


def _share_below(values: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Return for each value the share of `others` below it; a tie counts one half."""
    order = np.sort(others)
    below, up_to = (np.searchsorted(order, values, side=side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(order))
