"""Searches for copies of training rows, each with the chance of its findings without a leak."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

from bioaug.metrics.privacy._disguises import Search, disguised_neighbours, plain_neighbours
from bioaug.metrics.privacy.sets import Sets, why_not_comparable

FALSE_ALARMS = 0.01  # share of real rows that are taken for copies, and of others for members
_LEVELS = (FALSE_ALARMS, 0.0, 0.1)  # of real rows, at which copies are counted; 0 is one row
_MOST_PAIRS = 8_000_000  # of a synthetic or real row with a training row
_MOST_VALUES = 400_000  # of the rows that are searched for
_LEAST_ROWS = 200  # that are searched for however many training rows there are
_FAR = 0.1  # of the real rows' smallest ratio, below which an equal row is no chance finding
_NEARER = 0.25  # of the real rows' smallest ratio, below which several rows are none
_LEAST_REAL = 20  # real rows for their smallest ratio to say something
_LEAST_HOLDOUT = 100  # held-out rows, or half as many as training rows, that stand for real rows
_MOST_EXCHANGED = 3  # channels, each of which is compared with every one
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
    index : ndarray of shape (n_synthetic,)
        The training row that is nearest to each synthetic one.
    n_train : int
        Training rows of the class.
    n_equal : int
        Synthetic rows that are (nearly) equal to a training row.
    n_equal_real : int
        Real rows that are.
    """

    disguise: str
    synthetic: NDArray[np.float64]
    real: NDArray[np.float64]
    index: NDArray[np.int64]
    n_train: int
    n_equal: int
    n_equal_real: int

    def share(self, level: float = FALSE_ALARMS) -> float:
        """Return the share of synthetic rows that lie nearer than this share of the real rows."""
        return self.count(level) / len(self.synthetic)

    def count(self, level: float = FALSE_ALARMS) -> int:
        """Return how many synthetic rows lie nearer than this share of the real rows.

        Of one training row, no more count than one and the mean number of synthetic rows for each:
        rows of another patient may all lie near the one training row that is a little like them.
        """
        near = self.synthetic < np.sort(self.real)[self._rank(level) - 1]
        most = 1 + len(self.synthetic) // self.n_train
        return int(np.minimum(np.bincount(self.index[near]), most).sum())

    def chances(self, level: float, size: int, rng: np.random.RandomState) -> NDArray[np.float64]:
        """Return shares as fresh rows would have them."""
        rank = self._rank(level)
        law = betabinom(len(self.synthetic), rank, len(self.real) - rank + 1)
        return law.rvs(size=size, random_state=rng) / len(self.synthetic)

    def p_value(self) -> float:
        """Return the chance that fresh rows would lie as near as these.

        Where they are exchangeable with the real rows, the number below the k-th smallest real
        value is beta-binomial at most, whatever the distribution. Rows that equal a training row,
        or lie far nearer than any real row, are no chance.
        """
        if self.is_certain:
            return 0.0
        return min(1.0, len(_LEVELS) * self._chance(self.strongest_level))

    @property
    def strongest_level(self) -> float:
        """The share of real rows, lying as near, at which synthetic ones stand out most."""
        if self.is_certain:
            return FALSE_ALARMS
        return min(_LEVELS, key=self._chance)

    def _chance(self, level: float) -> float:
        rank = self._rank(level)
        law = betabinom(len(self.synthetic), rank, len(self.real) - rank + 1)
        return float(law.sf(self.count(level) - 1))

    @property
    def is_certain(self) -> bool:
        """Whether rows equal training rows, or are far nearer to them, as no real row is."""
        nearest = self.real.min()
        if len(self.real) >= _LEAST_REAL and self.n_nearer >= max(
            3, FALSE_ALARMS * len(self.synthetic)
        ):
            return True
        n_equal = min(self.n_equal, np.sum(self.synthetic < _FAR * nearest))
        return not self.n_equal_real and bool(n_equal >= (1 if self.disguise == PLAIN else 2))

    @property
    def n_nearer(self) -> int:
        """How many synthetic rows are several times nearer than any real row."""
        return int(np.sum(self.synthetic < _NEARER * self.real.min()))

    def details(self) -> dict[str, float]:
        """Return what the search found, for a score's details."""
        return {
            "share": self.share(),
            "p_value": self.p_value(),
            "n_equal": self.n_equal,
            "n_equal_real": self.n_equal_real,
        }

    def real_share(self, level: float) -> float:
        """Return the share of real rows that a level stands for: of one row at least."""
        return self._rank(level) / len(self.real)

    def _rank(self, level: float) -> int:
        return max(1, round(level * len(self.real)))


Parts = tuple[tuple[slice, slice], tuple[slice, slice]]  # of rows and of training rows

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
        Which training rows are of the class; without `holdout`, these are compared with.
    rng : RandomState
    """
    n_channels, n_timesteps = train.shape[1:]
    whole = slice(None), slice(None)
    everything: list[Parts] = [(whole, whole)]
    searches = [(PLAIN, plain_neighbours, everything)]
    searches += [(DISGUISED, disguised_neighbours, everything)]
    if n_channels > 1:
        single = [(slice(c, c + 1), slice(None)) for c in range(n_channels)]
        channels: list[Parts] = list(zip(single, single, strict=True))
        if n_channels <= _MOST_EXCHANGED:
            channels = list(product(single, single))
        searches += [(f"one channel, {DISGUISED}", disguised_neighbours, channels)]
    if n_timesteps >= _LEAST_TIMESTEPS:
        half = n_timesteps // 2
        sides = [(slice(None), slice(None, half)), (slice(None), slice(half, None))]
        halves: list[Parts] = list(zip(sides, sides, strict=True))
        searches += [(f"half of the time steps, {DISGUISED}", disguised_neighbours, halves)]
    most = max(_MOST_PAIRS // len(train), _LEAST_ROWS)
    most = min(most, max(_MOST_VALUES // (n_channels * n_timesteps), _LEAST_ROWS))
    made = synthetic[_some(len(synthetic), most, rng)]
    if holdout is None:
        compared = rows_of_train[_some(len(rows_of_train), most, rng)]
    else:
        compared = holdout[_some(len(holdout), most, rng)]
    n_train = len(rows_of_train)
    return [
        _search(name, find, parts, train, made, compared, n_train) for name, find, parts in searches
    ]


def _search(
    name: str,
    find: Search,
    parts: list[Parts],
    train: NDArray,
    synthetic: NDArray,
    compared: NDArray,
    n_train: int,
) -> CopySearch:
    """Return what one search finds in the part of the signals that looks most like a copy."""
    found = []
    for part, of_train in parts:
        known = train[:, *of_train]
        if compared.ndim == 1:
            real = find(train[compared][:, *part], known, itself=compared)
        else:
            real = find(compared[:, *part], known)
        found.append((find(synthetic[:, *part], known), real))
    made, real = zip(*found, strict=True)
    ratios = np.stack([neighbours.ratio for neighbours in made])
    index = np.stack([neighbours.training_row for neighbours in made])
    most = ratios.argmin(axis=0)[None]
    return CopySearch(
        name,
        np.take_along_axis(ratios, most, axis=0)[0],
        np.min([neighbours.ratio for neighbours in real], axis=0),
        np.take_along_axis(index, most, axis=0)[0],
        n_train,
        int(np.any([neighbours.equal for neighbours in made], axis=0).sum()),
        int(np.any([neighbours.equal for neighbours in real], axis=0).sum()),
    )


def _some(n_rows: int, most: int, rng: np.random.RandomState) -> NDArray[np.int64]:
    return np.arange(n_rows) if n_rows <= most else rng.permutation(n_rows)[:most]
