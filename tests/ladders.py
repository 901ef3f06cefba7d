"""Controlled corruptions of real beats, from harmless to severe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d


class Beats(NamedTuple):
    """Reference rows, fresh rows to be corrupted, their patients, and rows of another class."""

    reference: NDArray
    fresh: NDArray
    fresh_groups: NDArray
    other_class: NDArray


def noise(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return beats.fresh + strength * rng.standard_normal(beats.fresh.shape)


def shift(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return np.roll(beats.fresh, round(40 * strength), axis=-1)


def smoothing(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return uniform_filter1d(beats.fresh, 1 + 2 * round(15 * strength), axis=-1, mode="nearest")


def scale(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return (1 + strength) * beats.fresh


def collapse(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    mean = beats.reference.mean(axis=0)
    return mean + (1 - strength) * (beats.fresh - mean)


def dropped_patients(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    patients, counts = np.unique(beats.fresh_groups, return_counts=True)
    order = patients[np.argsort(-counts)]  # the largest go first
    left = order[round(strength * (len(order) - 1)) :]
    kept = beats.fresh[np.isin(beats.fresh_groups, left)]
    return kept[rng.integers(len(kept), size=len(beats.fresh))]


def other_class(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return _replaced(beats.fresh, beats.other_class, strength)


def reversal(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return _replaced(beats.fresh, beats.fresh[..., ::-1], strength)


def copies(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return _replaced(beats.fresh, beats.reference, strength)


def near_copies(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    tiny = 0.01 * rng.standard_normal(beats.reference.shape)
    return _replaced(beats.fresh, beats.reference + tiny, strength)


def _replaced(rows: NDArray, by: NDArray, share: float) -> NDArray:
    n = round(share * len(rows))
    return np.concatenate([by[:n], rows[n:]])


LADDERS = {
    "noise": noise,
    "shift": shift,
    "smoothing": smoothing,
    "scale": scale,
    "collapse to the mean": collapse,
    "dropped patients": dropped_patients,
    "another class mixed in": other_class,
    "time reversal": reversal,
    "exact copies": copies,
    "near copies": near_copies,
}
STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
