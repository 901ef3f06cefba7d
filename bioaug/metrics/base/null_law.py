"""Sample-size corrections of null values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bioaug.metrics.base.halves import Splits


@dataclass(frozen=True)
class NullLaw:
    """How a score under equal distributions depends on the numbers of rows.

    The parts of the real rows that the null is drawn from are smaller than the sets that are
    scored; with ``f = (1/n_real + 1/n_synthetic) / (1/n_first + 1/n_second)``, their scores are
    brought to the sizes at hand. Parts of one finite set are drawn without replacement, which
    changes nothing in a difference of both sides, for one side has what the other lacks.

    Attributes
    ----------
    power : float
        The spread goes with f to this power: 1/2 for most, 1 for squared distances, which are
        quadratic in the differences, and 0 where the parts need no correction.
    about_zero : bool
        Whether the mean shrinks with the spread, as that of a distance does.
    equal : bool
        Whether the score takes equally many rows of both sets.
    is_share : bool
        Whether it is a share of rows: a null of draws that are all 1 leaves room for a few rows.
    difference : bool
        Whether the score is a difference or a ratio of both sides, so that it has one and the same
        mean for all equal distributions. Otherwise 1/n_real comes off the variances of the parts.
    twofold : bool
        Whether the score is the mean of squared distances of all synthetic rows from two halves
        of the real ones.
    worst : float, optional
        The worst value, of a score that is better the higher it is.
    most : int, optional
        Rows that the score takes of either set, where it takes a part of more.
    most_ratio : float, optional
        Of synthetic to real rows, above which no part of the real rows can stand in.
    expected : callable (n_real, n_synthetic) -> float, optional
        The mean under equal distributions, of a score whose mean depends on the ratio of sizes.
    """

    power: float = 0.5
    about_zero: bool = False
    equal: bool = False
    is_share: bool = False
    difference: bool = True
    twofold: bool = False
    worst: float | None = None
    most: int | None = None
    most_ratio: float = np.inf
    expected: Callable[[float, float], float] | None = None

    def sizes(self, n_real: int, n_synthetic: int, least: int) -> tuple[int, int]:
        """Return how many real rows stand in for the real and for the synthetic ones."""
        if self.equal:
            n_each = max(min(n_real // 2, n_synthetic), least)
            return n_each, n_each
        ratio = self.ratio(n_real, n_synthetic)
        second = min(max(round(n_real * ratio / (1 + ratio)), least), n_real - least)
        return n_real - second, second

    def ratio(self, n_real: int, n_synthetic: int) -> float:
        """Return how many times as many rows stand in for the synthetic as for the real ones."""
        ratio = 1.0 if self.equal else n_synthetic / n_real
        return ratio if self.expected else min(ratio, 1.0)

    def scaled(
        self, draws: list[float], splits: Splits, n_synthetic: int, *, spread: bool
    ) -> list[float]:
        """Return what the draws would have been with the numbers of rows at hand.

        `spread` says whether rows set the spread; halves of the patients have that of patients.
        """
        if not draws:
            return draws
        values, n_real = np.asarray(draws), splits.n_real
        if self.expected is not None:
            of_parts = float(np.mean([self.expected(*pair) for pair in splits.sizes]))
            values = values + self.expected(n_real, n_synthetic) - of_parts
        if spread and self.power:
            lacking = 0.0 if self.difference else 2 / n_real
            noise = float(np.mean([self._noise(*pair) for pair in splits.sizes])) - lacking
            center = 0.0 if self.about_zero else values.mean()
            factor = (self._noise(n_real, n_synthetic) / noise) ** self.power
            values = center + (values - center) * factor
        if self.is_share:  # all rows of a part stand for all rows
            values = np.where(np.asarray(draws) == 1, 1.0, values)
        return values.tolist()

    @property
    def best_of_patients(self) -> float:
        """How much lower the null's low end is for a generator that has seen very many patients.

        Halves of p patients differ as 2 / p + 2 / p, all of them and very many others as 1 / p.
        """
        return 0.25**self.power if self.about_zero or self.power == 1 else 1.0

    def _noise(self, n_real: int, n_synthetic: int) -> float:
        """Return 1 / n_real + 1 / n_synthetic of the rows that the score takes."""
        if self.twofold:
            return float(np.sqrt(((2 / n_real + 1 / n_synthetic) ** 2 + n_synthetic**-2.0) / 2))
        sizes = np.minimum([n_real, n_synthetic], self.most or np.inf)
        return float(2 / sizes.min() if self.equal else (1 / sizes).sum())


USUAL_LAW = NullLaw()
