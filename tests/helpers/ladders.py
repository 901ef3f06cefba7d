"""Every score along ladders of controlled corruptions of real rows, from harmless to severe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.stats import kendalltau

from bioaug.datasets import fetch_mitbih
from bioaug.metrics.catalogue import CATALOGUE


class Beats(NamedTuple):
    """Rows of one class.

    Reference rows, fresh rows to be corrupted, their patients, rows of another class, and
    held-out rows.
    """

    reference: NDArray
    fresh: NDArray
    fresh_groups: NDArray
    other_class: NDArray
    held_out: NDArray


def noise(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return beats.fresh + strength * rng.standard_normal(beats.fresh.shape)


def shift(beats: Beats, strength: float, rng: np.random.Generator) -> NDArray:
    return np.roll(beats.fresh, round(10 * strength), axis=-1)  # 28 ms of a beat at the most


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


# Kendall's tau between strength and badness is 0.9 or more on these.
CLAIMS: dict[str, tuple[str, ...]] = {name: entry.detects for name, entry in CATALOGUE.items()}


def load_beats(data_home: Path | str, n_rows: int, seed: int) -> dict[str, Beats]:
    """Return normal and ventricular beats of MIT-BIH DS1, standardised, `n_rows` of each part."""
    beats = fetch_mitbih(data_home=data_home, subset="DS1")
    X = beats.data[:, 0]
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    return _split(X, beats.target, beats.groups, ("N", "V"), n_rows, seed)


def load_eeg(home: Path | str, n_rows: int, seed: int) -> dict[str, Beats]:
    """Return chunks of 178 samples of the Bonn sets Z (healthy) and S (seizure)."""
    chunks, labels, groups = [], [], []
    for label in "ZS":
        for path in sorted((Path(home) / label).glob("*.[tT][xX][tT]")):
            of_segment = np.loadtxt(path)[: 23 * 178].reshape(23, 178)
            chunks.append(of_segment)
            labels += [label] * 23
            groups += [path.stem] * 23
    X = np.concatenate(chunks)
    return _split(X / X.std(), np.array(labels), np.array(groups), ("Z", "S"), n_rows, seed)


def _split(
    X: NDArray, y: NDArray, groups: NDArray, classes: tuple[str, str], n_rows: int, seed: int
) -> dict[str, Beats]:
    rng = np.random.default_rng(seed)
    rows = {c: rng.permutation(np.flatnonzero(y == c))[: 3 * n_rows] for c in classes}
    of_class = {}
    for label, other in (classes, classes[::-1]):
        first, second, third = np.array_split(rows[label], 3)
        of_class[label] = Beats(
            X[first], X[second], groups[second], X[rows[other][: len(second)]], X[third]
        )
    return of_class


def badness(name: str, parts: dict[str, Beats], corrupt: Callable, strength: float) -> float:
    """Return a score of corrupted rows, negated where greater is better.

    Scores that need labels get both classes, the others the first one.
    """
    entry = CATALOGUE[name]
    labels = list(parts) if "labels" in entry.needs else list(parts)[:1]
    made = [corrupt(parts[c], strength, np.random.default_rng(0)) for c in labels]

    def side(attribute: str) -> tuple[NDArray, NDArray]:
        rows = [getattr(parts[c], attribute) for c in labels]
        return np.concatenate(rows), np.repeat(labels, [len(part) for part in rows])

    (reference, y_reference), (held_out, y_held_out) = side("reference"), side("held_out")
    given: dict[str, Any] = {"n_null": 0, "random_state": 0}
    if "labels" in entry.needs:
        y_made = np.repeat(labels, [len(part) for part in made])
        given |= {"y_real": y_reference, "y_synthetic": y_made}
    if "holdout" in entry.needs:
        given["X_holdout"] = held_out
    if "test" in entry.takes:
        given |= {"X_test": held_out, "y_test": y_held_out}
    if "sampling_rate" in entry.needs:
        given["sampling_rate"] = 173.61 if name == "eeg" else 360.0
    score = entry.function(reference, np.concatenate(made), **given)
    return float(score) if score.direction == "lower" else -float(score)


def climb(name: str, seeds: list[dict[str, Beats]], ladder: str) -> list[float]:
    """Return the mean badness over seeds at every step of a ladder."""
    return [
        float(np.mean([badness(name, parts, LADDERS[ladder], strength) for parts in seeds]))
        for strength in STRENGTHS
    ]


def tau(climbed: list[float]) -> float:
    """Return Kendall's tau between strength and badness; 0 where the score never moves."""
    found = float(kendalltau(STRENGTHS, np.round(climbed, 9)).statistic)
    return 0.0 if np.isnan(found) else found
