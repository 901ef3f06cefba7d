"""The border between the user's arrays and the models' tensors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bioaug.core.checks import as_3d
from bioaug.core.tensors import Labels, Signals
from bioaug.exceptions import DataError

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
_HIDDEN = 0.1  # of the deviation of whole rows: less within channels is hidden by their offsets
_FLAT = 1e-6  # of the shared scale: less is a constant row seen through rounding
_LONGEST_LABEL, _LONGEST_LABELS = 2**16, 2**26  # bytes of one, and of all
_BYTES = "bytes"  # as the dtype of an array of objects that are all bytes
_LIMIT_BITS = 5  # of the range of a channel, that its stored limits are rounded to
_CHUNK = 4096  # rows looked at in one go, so that memory stays bounded


@dataclass(frozen=True)
class RowProperty:
    """What all training rows have in common, such as mean 0 and deviation 1.

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
        if found := cls._first(True, X):
            return found
        if n_channels == 1:
            return []
        of_channels = [
            replace(found, channel=channel)
            for channel in range(n_channels)
            for found in cls.find(X[:, channel : channel + 1])
        ]
        return of_channels or cls._first(False, X)

    @classmethod
    def _first(cls, per_channel: bool, X: NDArray) -> list[RowProperty]:
        found = (cls._try(kind, per_channel, X) for kind in _ROW_STATISTICS)
        return next(([one] for one in found if one is not None), [])

    @classmethod
    def _try(cls, kind: str, per_channel: bool, X: NDArray) -> RowProperty | None:
        """Return the property where all rows have it, to a thousandth of what they vary by.

        Offsets do not count as variation: where they are large, all rows have nearly the same
        peak, and rows of channels with different offsets nearly the same deviation.
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
            least = of_channels.min() if per_channel else of_channels.mean()
            within = max(within, float(np.sqrt(least)))
            whole = max(whole, float(np.sqrt(np.square(rows.std(axis=-1)).mean())))
            scale = high[1] if kind in ("standardised", "range") else within
            same = (high - low <= _ROW_TOLERANCE * scale).all()  # False where one overflowed
            is_hidden = not per_channel and within < _HIDDEN * whole
            if not (low[1] > 0 and same) or is_hidden:
                return None
        middle = (low + high) / 2
        return cls(kind, per_channel, float(middle[0]), float(middle[1]))

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


@dataclass(frozen=True)
class RowScale:
    """The median row's mean and standard deviation, over its time steps and channels.

    To a thousandth of the deviation: to the last digit they would tell which row it is.
    """

    mean: float
    deviation: float

    @property
    def is_standardised(self) -> bool:
        """Whether rows had their mean subtracted and were divided by their deviation."""
        return abs(self.mean) < 1e-3 and abs(self.deviation - 1) < 1e-3

    @classmethod
    def of(cls, X: NDArray) -> RowScale:
        """Return the scale of the rows of one class."""
        signals = as_3d(X).astype(np.float64, copy=False)
        of_channels = signals.std(axis=2)
        mean = float(np.median(signals.mean(axis=(1, 2))))
        deviation = float(np.median(np.sqrt(np.square(of_channels).mean(axis=1))))
        if not 0 < deviation < np.inf:
            return cls(mean, deviation)
        digits = 2 - int(np.floor(np.log10(deviation)))
        return cls(round(mean, digits), round(deviation, digits))


@dataclass
class SignalCodec:
    """Scales signals to [-1, 1] and codes labels, and remembers how to go back.

    Between `encode` and `decode` nobody knows units, class names, dtypes or the number of
    dimensions. Integers come back rounded; rows that all had mean 0 and deviation 1, or the same
    range, come back with it. Features that stand behind the time steps of 2-D rows (RR intervals)
    are further time steps to the models, each with a scale of its own, and come back within the
    range that the training rows had.

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
            scales={label: RowScale.of(signals[y == label]) for label in np.unique(y).tolist()},
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
        middle, half = self._scale()
        signals = np.empty((len(X), self.n_channels, self.n_timesteps), np.float32)
        for start in range(0, len(X), _CHUNK):  # in float64, a chunk at a time
            chunk = slice(start, start + _CHUNK)
            signals[chunk] = (as_3d(X)[chunk] - middle) / half
        return torch.from_numpy(signals), torch.from_numpy(self.encode_labels(y))

    def encode_labels(self, y: NDArray) -> NDArray[np.int64]:
        """Return the position of each label in `classes`."""
        return np.searchsorted(self.classes, y).astype(np.int64)

    def decode(self, signals: Signals) -> NDArray:
        """Return signals in the user's units, dtype and number of dimensions."""
        middle, half = self._scale()
        X = signals.numpy(force=True) * half + middle
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
        """Return the middle and half the range of every channel and time step."""
        n_signal = self.n_timesteps - len(self.feature_low)
        low, high = (np.repeat(limit[:, None], n_signal, axis=1) for limit in (self.low, self.high))
        if len(self.feature_low):  # of one channel
            low = np.concatenate([low, self.feature_low[None]], axis=1)
            high = np.concatenate([high, self.feature_high[None]], axis=1)
        return (high + low) / 2, np.where(high > low, (high - low) / 2, 1)

    def to_json(self) -> dict[str, Any]:
        """Describe the codec with what JSON can hold."""
        classes, classes_dtype = _labels_to_json(self.classes)
        return {
            "classes": classes,
            "classes_dtype": classes_dtype,
            "dtype": self.dtype.str,
            "ndim": self.ndim,
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "n_timesteps": self.n_timesteps,
            "row_properties": [vars(found) for found in self.row_properties],
            "feature_low": self.feature_low.tolist(),
            "feature_high": self.feature_high.tolist(),
            "scales": None
            if self.scales is None
            else [[float(scale.mean), float(scale.deviation)] for scale in self.scales.values()],
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
            classes=_labels_from_json(described["classes"], described["classes_dtype"]),
            dtype=np.dtype(described["dtype"]),
            ndim=described["ndim"],
            low=np.array(described["low"], dtype=np.float64),
            high=np.array(described["high"], dtype=np.float64),
            n_timesteps=described["n_timesteps"],
            row_properties=[RowProperty(**found) for found in described["row_properties"]],
            feature_low=np.array(described["feature_low"], dtype=np.float64),
            feature_high=np.array(described["feature_high"], dtype=np.float64),
        )
        codec._check()
        if (scales := described.get("scales")) is not None:
            found = [RowScale(float(mean), float(deviation)) for mean, deviation in scales]
            codec.scales = dict(zip(codec.classes.tolist(), found, strict=True))
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
            "row_properties": all(found.fits(self.n_channels) for found in self.row_properties),
        }
        for name, right in is_right.items():
            if not right:
                raise ValueError(f"codec: {name!r} is {getattr(self, name, (low, high))!r:.100}")


def check_storable(classes: NDArray, *, owner: str) -> None:
    """Raise a DataError where labels could not be saved, before anything is learned of them.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    owner : str
        Class whose parameters these are, for the error texts.
    """
    try:
        labels, dtype = _labels_to_json(classes)
        again = _labels_from_json(json.loads(json.dumps(labels)), dtype)
        is_same = again.dtype == classes.dtype and all(map(_is_same, again, classes))
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        is_same, reason = False, f" ({error})"
    else:
        reason = ""
    if not is_same:
        kinds = {type(label).__name__ for label in classes} if classes.dtype == object else ()
        got = ", ".join(sorted(kinds)) or classes.dtype
        raise DataError(
            f"The 'y' parameter of {owner} must hold labels that can be saved: text or bytes of up "
            f"to {_LONGEST_LABEL:,} bytes, numbers of up to 64 bits, or booleans. Got {got} "
            f"instead{reason:.200}. Convert them by y.astype(str), or number the classes."
        )


def _is_same(one: Any, other: Any) -> bool:
    one, other = (v.item() if isinstance(v, np.generic) else v for v in (one, other))
    return type(one) is type(other) and one == other


def _labels_to_json(classes: NDArray) -> tuple[list, str]:
    """Return labels as JSON can hold them, and their dtype as text."""
    labels, dtype = classes.tolist(), classes.dtype.str
    if classes.dtype == object:
        dtype = _BYTES if all(isinstance(label, bytes) for label in labels) else "object"
    elif classes.dtype.kind == "T":  # text of any length
        dtype = "T"
    if dtype == _BYTES or classes.dtype.kind == "S":
        labels = [label.decode("latin-1") for label in labels]
    return labels, dtype


def _labels_from_json(labels: Any, name: str) -> NDArray:
    """Return the labels of `_labels_to_json`, or raise a ValueError or TypeError."""
    if not isinstance(labels, list) or not isinstance(name, str):
        raise TypeError(f"codec: classes {labels!r:.50} of {name!r:.50}")
    if sum(len(label) for label in labels if isinstance(label, str)) > _LONGEST_LABELS:
        raise ValueError("codec: the classes have names that are too long")
    dtype = np.dtype(object if name == _BYTES else name)
    if dtype.kind == "S" or name == _BYTES:
        labels = [label.encode("latin-1") for label in labels]
    if (
        dtype.kind not in "biufSUTO"
        or not 0 <= dtype.itemsize <= _LONGEST_LABEL  # numpy 2.0 overflows to less than 0
        or dtype.itemsize * len(labels) > _LONGEST_LABELS
    ):  # such as "<U999999999", which fills the memory
        raise ValueError(f"codec: {len(labels)} classes of {name!r:.50}")
    return np.array(labels, dtype=dtype)


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
