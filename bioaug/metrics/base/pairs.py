"""Pairs of real and synthetic signals: checks, units, classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import MAX_ABS, as_3d, check_signals
from bioaug.exceptions import DataError


class Pair(NamedTuple):
    """Real and synthetic signals of shape (n, n_channels, n_timesteps) with their labels."""

    X_real: NDArray
    X_synthetic: NDArray
    y_real: NDArray | None
    y_synthetic: NDArray | None


def check_pair(
    X_real: Any,
    X_synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    *,
    owner: str,
    first: str = "real",
    other: str = "synthetic",
) -> Pair:
    """Return both sets as 3-D float64 with labels, or raise one clear DataError.

    `first` and `other` are how the parameters of the sets are called, as in X_holdout and y_holdout
    for "holdout".
    """
    if (y_real is None) != (y_synthetic is None):
        missing = f"y_{first if y_real is None else other}"
        raise DataError(
            f"The {missing!r} parameter of {owner} must be given where the other labels are. "
            "Got None. Give both or neither."
        )
    X_real, y_real = check_set(X_real, y_real, owner=owner, which=f"_{first}")
    X_synthetic, y_synthetic = check_set(X_synthetic, y_synthetic, owner=owner, which=f"_{other}")
    real, synthetic = as_3d(X_real), as_3d(X_synthetic)
    if real.shape[1:] != synthetic.shape[1:]:
        raise DataError(
            f"The 'X_{other}' parameter of {owner} must have signals of (n_channels, "
            f"n_timesteps) = {real.shape[1:]}, as 'X_{first}' has. Got {synthetic.shape[1:]} "
            "instead. Cut or resample one of them."
        )
    return Pair(real.astype(np.float64), synthetic.astype(np.float64), y_real, y_synthetic)


def check_set(X: Any, y: Any, *, owner: str, which: str = "") -> tuple[NDArray, NDArray | None]:
    """Return one set as `check_signals` does, but raise nothing else than a DataError.

    `which` is what its parameters have behind X and y, as "_real".
    """
    X_name, y_name = f"X{which}", f"y{which}"
    shapes = "(n, n_timesteps) or (n, n_channels, n_timesteps)"
    with _refused(f"The {X_name!r} parameter of {owner} must hold numbers, of shape {shapes}."):
        X, _ = check_signals(X, owner=owner, names=(X_name, y_name))
    with _refused(f"The {y_name!r} parameter of {owner} must hold a class for each of the rows."):
        return check_signals(X, y, owner=owner, names=(X_name, y_name))


@contextmanager
def _refused(rule: str) -> Iterator[None]:
    """Raise what scikit-learn refuses as a DataError that begins with the rule."""
    try:
        yield
    except DataError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: tensors with gradients
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":.")
        raise DataError(f"{rule} scikit-learn refuses what came: {reason}.") from error


def in_real_units(pair: Pair) -> Pair:
    """Shift and scale every channel by the real rows' mean and std.

    A channel that is constant in the real rows takes the unit of the other channels, or of the
    synthetic rows where all are constant, so that no score depends on the unit of the signals.
    """
    mean = pair.X_real.mean(axis=(0, 2), keepdims=True)
    std = _rms(pair.X_real, mean)
    varies = std > 0
    if not varies.all():
        mean = np.where(varies, mean, pair.X_real[:1, :, :1])  # exact, so that equal is equal
        of_synthetic = _rms(pair.X_synthetic, mean)
        instead = np.sqrt(np.mean(std[varies] ** 2)) if varies.any() else of_synthetic.max()
        std = np.where(varies, std, instead or 1.0)
    with np.errstate(over="ignore"):
        real, synthetic = ((X - mean) / std for X in (pair.X_real, pair.X_synthetic))
    if np.abs(synthetic).max() > MAX_ABS:
        raise DataError(
            f"The synthetic signals must lie within {MAX_ABS:g} standard deviations of the real "
            "ones, for squares must be finite. Give both in the same unit."
        )
    return pair._replace(X_real=real, X_synthetic=synthetic)


def _rms(X: NDArray, mean: NDArray) -> NDArray[np.float64]:
    """Return the root mean square distance of each channel from `mean`; 0 for rounding alone."""
    std = np.sqrt(((X - mean) ** 2).mean(axis=(0, 2), keepdims=True))
    largest = np.abs(X).max(axis=(0, 2), keepdims=True)
    return np.where(std > 1e-12 * largest, std, 0.0)


def by_class(pair: Pair, *, owner: str) -> list[tuple[Any, NDArray, NDArray]]:
    """Return (label, real, synthetic) for every class of the synthetic rows, or for None."""
    if pair.y_real is None or pair.y_synthetic is None:
        return [(None, pair.X_real, pair.X_synthetic)]
    classes, synthetic_classes = (
        np.unique(pair.y_real).tolist(),
        np.unique(pair.y_synthetic).tolist(),
    )
    if unknown := sorted(set(synthetic_classes) - set(classes), key=str):
        raise DataError(
            f"The 'y_synthetic' parameter of {owner} must hold classes of 'y_real', {classes}. "
            f"Got {unknown} as well. Leave those rows out."
        )
    return [
        (label, pair.X_real[pair.y_real == label], pair.X_synthetic[pair.y_synthetic == label])
        for label in synthetic_classes
    ]


def check_enough(
    real: NDArray, synthetic: NDArray, *, least: int, owner: str, label: Any = None
) -> None:
    """Raise a DataError where either side has fewer than `least` rows."""
    for name, rows in (("X_real", real), ("X_synthetic", synthetic)):
        if len(rows) < least:
            of_class = "" if label is None else f" of class {label!r}"
            raise DataError(
                f"The {name!r} parameter of {owner} must have at least {least} rows{of_class}. "
                f"Got {len(rows)}. Give more rows, or leave this score out."
            )
