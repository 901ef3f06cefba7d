"""Statistics that all training rows share, such as mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# A row property is an offset and a scale that every training row shares. Each entry computes them
# over the last axis; rows are brought back by (row - offset) / scale * shared scale, plus the
# shared offset.
_ROW_STATISTICS: dict[str, Callable[[NDArray], tuple[NDArray, NDArray]]] = {
    "standardised": lambda rows: (rows.mean(axis=-1), rows.std(axis=-1)),
    "range": lambda rows: (rows.min(axis=-1), np.ptp(rows, axis=-1)),
    "centred": lambda rows: (rows.mean(axis=-1), np.ones(rows.shape[:-1])),
    "peak": lambda rows: (np.zeros(rows.shape[:-1]), np.abs(rows).max(axis=-1)),
}
_ROW_TOLERANCE = 1e-3  # of the scale: float16 z-scores and rounded tables still count
_HIDDEN = 0.1  # of the std of whole rows: less within channels is hidden by their offsets
_FLAT = 1e-6  # of the shared scale: less is a constant row seen through rounding
_CHUNK = 4096  # rows evaluated at a time, so that memory stays bounded


@dataclass(frozen=True)
class RowProperty:
    """What all training rows have in common, such as mean 0 and standard deviation 1.

    It holds for every channel by itself, for whole rows (`per_channel=False`), or, where `channel`
    is set, for that channel alone.
    """

    kind: str
    per_channel: bool
    offset: float
    scale: float
    channel: int | None = None

    @classmethod
    def find(cls, X: NDArray) -> list[RowProperty]:
        """Return the property that all channels of every row share, or else those of some.

        Where no channel has one by itself, whole rows may have one.
        """
        if len(X) < 2 or X.shape[2] < 3:
            return []
        n_channels = X.shape[1]
        if of_all := cls._first(True, X):
            return of_all
        if n_channels == 1:
            return []
        of_channels = [
            replace(shared, channel=channel)
            for channel in range(n_channels)
            for shared in cls.find(X[:, channel : channel + 1])
        ]
        return of_channels or cls._first(False, X)

    @classmethod
    def _first(cls, per_channel: bool, X: NDArray) -> list[RowProperty]:
        tried = (cls._try(kind, per_channel, X) for kind in _ROW_STATISTICS)
        return next(([shared] for shared in tried if shared is not None), [])

    @classmethod
    def _try(cls, kind: str, per_channel: bool, X: NDArray) -> RowProperty | None:
        """Return the property where all rows have it, to a thousandth of what they vary by.

        Offsets do not count as variation: where they are large, all rows have nearly the same
        peak, and rows of channels with different offsets nearly the same standard deviation.
        """
        low, high = np.full(2, np.inf), np.full(2, -np.inf)
        within, whole = 0.0, 0.0
        for start in range(0, len(X), _CHUNK):
            signals = X[start : start + _CHUNK]
            rows = _rows(signals, per_channel)
            pairs = _ROW_STATISTICS[kind](rows)
            low = np.minimum(low, [part.min() for part in pairs])
            high = np.maximum(high, [part.max() for part in pairs])
            of_channels = np.square(_rows(signals, True).std(axis=-1)).mean(axis=0)
            variance = of_channels.min() if per_channel else of_channels.mean()
            within = max(within, float(np.sqrt(variance)))
            whole = max(whole, float(np.sqrt(np.square(rows.std(axis=-1)).mean())))
            scale = high[1] if kind in ("standardised", "range") else within
            same = (high - low <= _ROW_TOLERANCE * scale).all()  # False where one overflowed
            is_hidden = not per_channel and within < _HIDDEN * whole
            if not (low[1] > 0 and same) or is_hidden:
                return None
        offset, scale = ((low + high) / 2).tolist()
        return cls(kind, per_channel, offset, scale)

    def fits(self, n_channels: int) -> bool:
        """Whether this can be a property of rows with so many channels."""
        return (
            self.kind in _ROW_STATISTICS
            and type(self.per_channel) is bool
            and bool(np.isfinite([self.offset, self.scale]).all())
            and (self.channel is None or self.channel in range(n_channels))
        )

    def restore(self, X: NDArray) -> NDArray:
        """Give rows of 3-D `X` the shared offset and scale; a flat row only gets the offset."""
        if self.channel is not None:
            X = X.copy()
            own = slice(self.channel, self.channel + 1)
            X[:, own] = replace(self, channel=None).restore(X[:, own])
            return X
        rows = _rows(X, self.per_channel)
        offset, scale = _ROW_STATISTICS[self.kind](rows)
        scale = np.where(scale > _FLAT * self.scale, scale, np.inf)
        # Divided first: a row's own largest value comes to exactly 1, as in the training rows.
        rows = (rows - offset[..., None]) / scale[..., None] * self.scale + self.offset
        return rows.reshape(X.shape)


def _rows(X: NDArray, per_channel: bool) -> NDArray:
    X = X.astype(np.float64, copy=False)
    return X if per_channel else X.reshape(len(X), -1)
