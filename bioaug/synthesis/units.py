"""Comparison of the units of rows with those that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataWarning
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.row_scale import RowScale

FACTOR = 2.0  # standard deviations may differ so much between recordings of one unit
SHIFT = 5.0  # means may differ so much, in standard deviations
UNITS = {
    1e3: "millivolts against microvolts, or volts against millivolts",
    1e6: "volts against microvolts",
}


def unit_mismatch(codecs: Sequence[SignalCodec], X: NDArray, y: NDArray) -> str | None:
    """Say how the rows of `X` differ in scale from those that `codecs` were fitted on, or None.

    Compared are medians over rows, for each class that both have, of the mean and the standard
    deviation of a row's channels.
    """
    pairs = []
    for codec in codecs:
        known = codec.scales or {}
        for label in set(np.unique(y).tolist()) & known.keys():
            rows = X[y == label][..., : codec.n_timesteps - len(codec.feature_low)]
            pairs.append((known[label], RowScale.from_rows(rows)))
    if not pairs:
        return None
    trained, given = (
        RowScale(*np.median([[s.mean, s.std] for s in side], axis=0).tolist())
        for side in zip(*pairs, strict=True)
    )
    if trained.is_standardised != given.is_standardised:
        return _described(trained, given, 1.0)
    ratio, shift = 1.0, 0.0
    if any(old.std > 0 for old, _ in pairs):
        ratio = float(np.median([new.std / old.std for old, new in pairs if old.std > 0]))
        shifts = [abs(new.mean - old.mean) / max(old.std, 1e-300) for old, new in pairs]
        shift = float(np.median(shifts))
    if 1 / FACTOR <= ratio <= FACTOR and shift <= SHIFT:
        return None
    return _described(trained, given, ratio)


def _described(trained: RowScale, given: RowScale, ratio: float) -> str:
    return (
        f"rows have another scale than those that the model was trained on: mean {given.mean:.3g} "
        f"and standard deviation {given.std:.3g} against {trained.mean:.3g} and "
        f"{trained.std:.3g} ({_cause(ratio, given, trained)})"
    )


def _cause(ratio: float, given: RowScale, trained: RowScale) -> str:
    if trained.is_standardised != given.is_standardised:
        which = "these rows" if given.is_standardised else "the rows of the training"
        return f"are {which} standardised?"
    if ratio == 0:
        return "are these rows flat?"
    if 1 / FACTOR <= ratio <= FACTOR:
        return "another offset: is the mean removed in one of the two?"
    factor = ratio if ratio > 1 else 1 / ratio
    for unit, names in UNITS.items():
        if 0.5 < factor / unit < 2:
            return f"x{unit:g}: {names}?"
    return f"x{ratio:.3g}: another unit or gain?"


def warn_of_units(synthesizer: Any, X: NDArray, y: NDArray, *, owner: str) -> str | None:
    """Warn where rows have other units than those that a fitted Synthesizer was trained on.

    Returns
    -------
    mismatch : str or None
        What the warning says.
    """
    codecs = [fitted.codec for fitted in synthesizer.models_]
    mismatch = unit_mismatch(codecs, X, y)
    if mismatch is not None:
        warn_user(
            f"{owner}: the {mismatch}. Convert the rows to the units of the training, or train on "
            "these.",
            DataWarning,
        )
    return mismatch
