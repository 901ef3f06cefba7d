"""Conversion between the user's arrays and the models' tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bioaug.core.checks import as_3d
from bioaug.core.tensors import Labels, Signals
from bioaug.synthesis._labels import labels_from_json, labels_to_json
from bioaug.synthesis._row_property import RowProperty
from bioaug.synthesis.row_scale import RowScale

_LIMIT_BITS = 5  # of the range of a channel, that its stored limits are rounded to
_CHUNK = 4096  # rows encoded at a time, so that memory stays bounded


@dataclass
class SignalCodec:
    """Scales signals to [-1, 1] and codes labels, and inverts both.

    Between `encode` and `decode` nobody knows units, class names, dtypes or the number of
    dimensions. Integers come back rounded; rows that all had mean 0 and standard deviation 1, or
    the same range, come back with it. Features after the time steps of 2-D rows (RR intervals) are
    further time steps to the models, each with a scale of its own, and come back within the range
    that the training rows had.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    dtype : numpy dtype of the user's signals
    ndim : int, 2 or 3
    low, high : ndarray of shape (n_channels,), in the user's units
    n_timesteps : int
        With the features.
    row_properties : list of RowProperty
    feature_low, feature_high : ndarray of shape (n_features,), in the user's units
    scales : dict of label to RowScale, or None
        By which rows of other units are recognised; None in what an older bioaug saved.
    """

    classes: NDArray
    dtype: np.dtype
    ndim: int
    low: NDArray
    high: NDArray
    n_timesteps: int
    row_properties: list[RowProperty]
    feature_low: NDArray = field(default_factory=lambda: np.zeros(0))
    feature_high: NDArray = field(default_factory=lambda: np.zeros(0))
    scales: dict[Any, RowScale] | None = None

    @classmethod
    def fit(cls, X: NDArray, y: NDArray, n_features: int = 0) -> SignalCodec:
        """Learn the scale of every channel from `X` (2-D or 3-D, finite) and the classes of `y`.

        The last `n_features` values of each row are no time steps.
        """
        n_timesteps = X.shape[-1]
        signals = as_3d(X)[..., : n_timesteps - n_features]
        features = X[:, n_timesteps - n_features :] if n_features else np.zeros((1, 0))
        low, high = _rounded_limits(signals.min(axis=(0, 2)), signals.max(axis=(0, 2)))
        return cls(
            classes=np.unique(y),
            dtype=X.dtype,
            ndim=X.ndim,
            low=low,
            high=high,
            n_timesteps=n_timesteps,
            row_properties=RowProperty.find(signals),
            feature_low=features.min(axis=0).astype(np.float64),
            feature_high=features.max(axis=0).astype(np.float64),
            scales={
                label: RowScale.from_rows(signals[y == label]) for label in np.unique(y).tolist()
            },
        )

    @property
    def n_channels(self) -> int:
        """The number of channels; 1 for 2-D signals."""
        return len(self.low)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one signal, as the user has it."""
        return (self.n_channels, self.n_timesteps)[3 - self.ndim :]

    def encode(self, X: NDArray, y: NDArray) -> tuple[Signals, Labels]:
        """Return float32 signals in [-1, 1] and labels 0..n_classes-1."""
        centre, half = self._scale()
        signals = np.empty((len(X), self.n_channels, self.n_timesteps), np.float32)
        for start in range(0, len(X), _CHUNK):  # in float64, a chunk at a time
            chunk = slice(start, start + _CHUNK)
            signals[chunk] = (as_3d(X)[chunk] - centre) / half
        return torch.from_numpy(signals), torch.from_numpy(self.encode_labels(y))

    def encode_labels(self, y: NDArray) -> NDArray[np.int64]:
        """Return the index of each label in `classes`."""
        return np.searchsorted(self.classes, y).astype(np.int64)

    def decode(self, signals: Signals) -> NDArray:
        """Return signals in the user's units, dtype and number of dimensions."""
        centre, half = self._scale()
        X = signals.numpy(force=True) * half + centre
        end = self.n_timesteps - len(self.feature_low)
        for row_property in self.row_properties:
            X[..., :end] = row_property.restore(X[..., :end])
        X[..., end:] = X[..., end:].clip(self.feature_low, self.feature_high)
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            X = np.clip(np.rint(X), limits.min, limits.max)
        X = X.astype(self.dtype)
        return X[:, 0] if self.ndim == 2 else X

    def _scale(self) -> tuple[NDArray, NDArray]:
        """Return the centre and half the range of every channel and time step."""
        n_signal = self.n_timesteps - len(self.feature_low)
        low, high = (np.repeat(limit[:, None], n_signal, axis=1) for limit in (self.low, self.high))
        if len(self.feature_low):  # of one channel
            low = np.concatenate([low, self.feature_low[None]], axis=1)
            high = np.concatenate([high, self.feature_high[None]], axis=1)
        return (high + low) / 2, np.where(high > low, (high - low) / 2, 1)

    def to_json(self) -> dict[str, Any]:
        """Describe the codec with what JSON can hold."""
        classes, classes_dtype = labels_to_json(self.classes)
        return {
            "classes": classes,
            "classes_dtype": classes_dtype,
            "dtype": self.dtype.str,
            "ndim": self.ndim,
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "n_timesteps": self.n_timesteps,
            "row_properties": [vars(shared) for shared in self.row_properties],
            "feature_low": self.feature_low.tolist(),
            "feature_high": self.feature_high.tolist(),
            "scales": None
            if self.scales is None
            else [[float(scale.mean), float(scale.std)] for scale in self.scales.values()],
        }

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> SignalCodec:
        """Build the codec that `to_json` described.

        Raises
        ------
        ValueError, TypeError, LookupError
            Where the description is not one that `to_json` gives.
        """
        codec = cls(
            classes=labels_from_json(described["classes"], described["classes_dtype"]),
            dtype=np.dtype(described["dtype"]),
            ndim=described["ndim"],
            low=np.array(described["low"], dtype=np.float64),
            high=np.array(described["high"], dtype=np.float64),
            n_timesteps=described["n_timesteps"],
            row_properties=[RowProperty(**shared) for shared in described["row_properties"]],
            feature_low=np.array(described["feature_low"], dtype=np.float64),
            feature_high=np.array(described["feature_high"], dtype=np.float64),
        )
        codec._check()
        if (scales := described.get("scales")) is not None:
            of_classes = [RowScale(float(mean), float(std)) for mean, std in scales]
            codec.scales = dict(zip(codec.classes.tolist(), of_classes, strict=True))
        return codec

    def _check(self) -> None:
        """Raise a ValueError where the parts do not fit together."""
        low, high, classes = self.low, self.high, self.classes
        is_right = {
            "n_timesteps": type(self.n_timesteps) is int and self.n_timesteps > 0,
            "classes": classes.ndim == 1 and len(classes) > 0,
            "order of classes": np.array_equal(np.unique(classes), classes),
            "dtype": self.dtype.kind in "fiu",
            "ndim": self.ndim == 3 or (self.ndim == 2 and len(low) == 1),
            "feature_low": self.feature_low.ndim == 1
            and self.feature_low.shape == self.feature_high.shape
            and len(self.feature_low) in range(self.n_timesteps if len(low) == 1 else 1),
            "low and high": low.ndim == 1 and low.shape == high.shape and bool((low <= high).all()),
            "limits": bool(np.isfinite(np.concatenate([low, high])).all()),
            "feature limits": bool(np.isfinite([self.feature_low, self.feature_high]).all()),
            "row_properties": all(shared.fits(self.n_channels) for shared in self.row_properties),
        }
        for name, right in is_right.items():
            if not right:
                raise ValueError(f"codec: {name!r} is {getattr(self, name, (low, high))!r:.100}")


def _rounded_limits(low: NDArray, high: NDArray) -> tuple[NDArray, NDArray]:
    """Return limits a little farther out: exact ones are values of single training rows.

    They are multiples of 1/64 to 1/32 of the range, and a power of 2, so 0 and 1 stay 0 and 1.
    """
    low, high = low.astype(np.float64), high.astype(np.float64)
    with np.errstate(all="ignore"):  # of channels that are constant, tiny or huge
        step = 2.0 ** (np.floor(np.log2(high - low)) - _LIMIT_BITS)
        lower, higher = np.floor(low / step) * step, np.ceil(high / step) * step
    is_usable = np.isfinite(lower) & np.isfinite(higher) & (lower <= low) & (high <= higher)
    return np.where(is_usable, lower, low), np.where(is_usable, higher, high)
