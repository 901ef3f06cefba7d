"""Mean and standard deviation of typical rows, by which other units are recognised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import as_3d


@dataclass(frozen=True)
class RowScale:
    """The median row's mean and standard deviation, over its time steps and channels.

    Rounded to a thousandth of the standard deviation: the last digits would give the row away.
    """

    mean: float
    std: float

    @property
    def is_standardised(self) -> bool:
        """Whether rows had their mean subtracted and were divided by their standard deviation."""
        return abs(self.mean) < 1e-3 and abs(self.std - 1) < 1e-3

    @classmethod
    def from_rows(cls, X: NDArray) -> RowScale:
        """Return the scale of the rows of one class."""
        signals = as_3d(X).astype(np.float64, copy=False)
        of_channels = signals.std(axis=2)
        mean = float(np.median(signals.mean(axis=(1, 2))))
        std = float(np.median(np.sqrt(np.square(of_channels).mean(axis=1))))
        if not 0 < std < np.inf:
            return cls(mean, std)
        digits = 2 - int(np.floor(np.log10(std)))
        return cls(round(mean, digits), round(std, digits))
