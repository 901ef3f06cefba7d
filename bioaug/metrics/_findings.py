"""Searches for copies of training rows, each with the chance of its findings without a leak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

from bioaug.metrics._disguises import Search, disguised_neighbours, plain_neighbours
from bioaug.metrics._sets import Sets, why_not_comparable

FALSE_ALARMS = 0.01  # share of real rows that are taken for copies, and of others for members
_LEVELS = (0.0, FALSE_ALARMS, 0.1)  # of real rows, at which copies are counted; 0 is one row
_MOST_PAIRS = 8_000_000  # of a synthetic or real row with a training row
_MOST_VALUES = 400_000  # of the rows that are searched for
_LEAST_ROWS = 200  # that are searched for however many training rows there are
_FAR = 0.1  # of the real rows' smallest ratio, below which a row is no chance finding
_LEAST_HOLDOUT = 100  # held-out rows, or half as many as training rows, that stand for real rows
_LEAST_TIMESTEPS = 16  # for halves of a signal to say something


@dataclass(frozen=True)
class CopySearch:
    """How near synthetic rows lie to one training row, and how near real rows do.

    Attributes
    ----------
    disguise : str
        What copies may have been changed in.
    synthetic, real : ndarray of shape (n_rows,)
        The distance to the nearest training row over that to the second nearest different one.
    n_equal : int
        Synthetic rows that are (nearly) equal to a training row.
    n_equal_real : int
        Real rows that are.
    """

    disguise: str
    synthetic: NDArray[np.float64]
    real: NDArray[np.float64]
    n_equal: int
    n_equal_real: int

    def share(self, level: float = FALSE_ALARMS) -> float:
        """Return the share of synthetic rows that lie nearer than this share of the real rows."""
        return float(np.mean(self.synthetic < np.sort(self.real)[self._rank(level) - 1]))

    def chances(self, level: float, size: int, rng: np.random.RandomState) -> NDArray[np.float64]:
        """Return shares as fresh rows would have them."""
        rank = self._rank(level)
        law = betabinom(len(self.synthetic), rank, len(self.real) - rank + 1)
        return law.rvs(size=size, random_state=rng) / len(self.synthetic)

    def p_value(self) -> float:
        """Return the chance that fresh rows would lie as near as these.

        Where they are exchangeable with the real rows, the number below the k-th smallest real
        value is beta-binomial, whatever the distribution. Rows that equal a training row, far from
        anything that real rows do, are no chance.
        """
        if self.is_certain:
            return 0.0
        chances = []
        for level in _LEVELS:
            rank = self._rank(level)
            count = np.sum(self.synthetic < np.sort(self.real)[rank - 1])
            law = betabinom(len(self.synthetic), rank, len(self.real) - rank + 1)
            chances.append(float(law.sf(count - 1)))
        return min(1.0, len(_LEVELS) * min(chances))

    @property
    def is_certain(self) -> bool:
        """Whether rows equal training rows as no real row does."""
        if self.n_equal_real or not self.n_equal:
            return False
        far = np.sum(self.synthetic < _FAR * self.real.min())
        return bool(far >= (1 if self.disguise == PLAIN else 2))

    def details(self) -> dict[str, float]:
        """Return what the search found, for a score's details."""
        return {
            "share": self.share(),
            "p_value": self.p_value(),
            "n_equal": self.n_equal,
            "n_equal_real": self.n_equal_real,
        }

    def _rank(self, level: float) -> int:
        return max(1, round(level * len(self.real)))


PLAIN = "as they are"
DISGUISED = "shifted, scaled, turned over or reversed"


def copies_of_class(sets: Sets, rng: np.random.RandomState) -> list[CopySearch]:
    """Return what every search finds among the rows of one class.

    Real rows are the held-out ones, where they are many enough and comparable, or else the
    training rows.
    """
    train = sets.deep(sets.train)
    rows = np.arange(len(train))
    return search_copies(train, sets.deep(sets.synthetic), real_rows(sets), rows, rng)


def real_rows(sets: Sets) -> NDArray[np.float64] | None:
    """Return held-out rows that synthetic ones can be compared with, or None."""
    holdout = sets.of_own_patients().holdout
    enough = min(_LEAST_HOLDOUT, len(sets.train) / 2)
    if not len(holdout) or len(holdout) < enough or why_not_comparable(sets):
        return None
    return sets.deep(holdout)


def search_copies(
    train: NDArray,
    synthetic: NDArray,
    holdout: NDArray | None,
    rows_of_train: NDArray,
    rng: np.random.RandomState,
) -> list[CopySearch]:
    """Return what every search for copies finds.

    Parameters
    ----------
    train, synthetic : ndarray of shape (n, n_channels, n_timesteps)
        Training rows that differ from each other, and synthetic ones.
    holdout : ndarray of shape (n_holdout, n_channels, n_timesteps) or None
        Real rows that synthetic ones are compared with. None compares with the training rows
        themselves, each with the others.
    rows_of_train : ndarray of int
        Which training rows are compared with, without `holdout`.
    rng : RandomState
    """
    n_channels, n_timesteps = train.shape[1:]
    everything = [(slice(None), slice(None))]
    searches = [(PLAIN, plain_neighbours, everything)]
    searches += [(DISGUISED, disguised_neighbours, everything)]
    if n_channels > 1:
        channels = [(slice(c, c + 1), slice(None)) for c in range(n_channels)]
        searches += [(f"one channel, {DISGUISED}", disguised_neighbours, channels)]
    if n_timesteps >= _LEAST_TIMESTEPS:
        half = n_timesteps // 2
        halves = [(slice(None), slice(None, half)), (slice(None), slice(half, None))]
        searches += [(f"half of the time steps, {DISGUISED}", disguised_neighbours, halves)]
    most = max(_MOST_PAIRS // len(train), _LEAST_ROWS)
    most = min(most, max(_MOST_VALUES // (n_channels * n_timesteps), _LEAST_ROWS))
    made = synthetic[_some(len(synthetic), most, rng)]
    if holdout is None:
        compared = rows_of_train[_some(len(rows_of_train), most, rng)]
    else:
        compared = holdout[_some(len(holdout), most, rng)]
    return [_search(name, find, parts, train, made, compared) for name, find, parts in searches]


def _search(
    name: str,
    find: Search,
    parts: list[tuple[slice, slice]],
    train: NDArray,
    synthetic: NDArray,
    compared: NDArray,
) -> CopySearch:
    """Return what one search finds in the part of the signals that looks most like a copy."""
    found = []
    for part in parts:
        known = train[:, *part]
        if compared.ndim == 1:
            real = find(known[compared], known, itself=compared)
        else:
            real = find(compared[:, *part], known)
        found.append((find(synthetic[:, *part], known), real))
    (made_ratio, made_equal), (real_ratio, real_equal) = (
        (
            np.min([neighbours.ratio for neighbours in side], axis=0),
            np.any([neighbours.equal for neighbours in side], axis=0),
        )
        for side in zip(*found, strict=True)
    )
    return CopySearch(name, made_ratio, real_ratio, int(made_equal.sum()), int(real_equal.sum()))


def _some(n_rows: int, most: int, rng: np.random.RandomState) -> NDArray[np.int64]:
    return np.arange(n_rows) if n_rows <= most else rng.permutation(n_rows)[:most]
