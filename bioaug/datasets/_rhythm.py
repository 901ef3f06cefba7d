"""The rhythm around simulated beats: each with the beats that its window shows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioaug.datasets._heart import KINDS, BeatsToDraw, Patients, draw_beats

_SHORTEST_RR = 0.25  # seconds


def draw_windows(
    data: NDArray[np.float32],
    target: NDArray[np.str_],
    groups: NDArray[np.int64],
    patients: Patients,
    n_before: int,
    sampling_rate: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Fill `data` with the beats of `target` and their neighbours.

    Returns
    -------
    rr : ndarray of shape (n_samples, 2)
        The intervals before and after each beat, in seconds.
    """
    n_samples, n_leads, n_timesteps = data.shape
    # A beat reaches up to a second to either side of its R peak.
    n_earlier = math.ceil((n_before / sampling_rate + 1) / _SHORTEST_RR)
    n_later = math.ceil(((n_timesteps - n_before) / sampling_rate + 1) / _SHORTEST_RR)
    gaps = _rhythm(target, groups, patients, n_earlier + 1, n_later, rng)
    times = np.cumsum(gaps, axis=1)  # of the beats from -n_earlier to n_later
    times -= times[:, n_earlier, np.newaxis]

    canvas = np.zeros((n_samples, n_leads, n_timesteps + 1), dtype=np.float32)
    row = np.arange(n_samples)
    mixed = np.where(target == "F", rng.uniform(0.3, 0.7, n_samples), 0).astype(np.float32)
    around = np.where(target == "Q", KINDS["Q"], KINDS["N"])
    own = np.array([KINDS.get(name, KINDS["N"]) for name in target])
    whole = np.ones(n_samples, dtype=np.float32)

    def draw(rows, beat, kind, size):
        drawn = BeatsToDraw(
            row[rows], times[rows, beat], kind[rows], groups[rows], gaps[rows, beat], size[rows]
        )
        draw_beats(canvas, drawn, patients, n_before=n_before, sampling_rate=sampling_rate, rng=rng)

    for beat in range(n_earlier + n_later + 1):
        at = times[:, beat] * sampling_rate + n_before
        near = (at > -sampling_rate) & (at < n_timesteps + sampling_rate)
        if beat == n_earlier:
            draw(near, beat, own, whole - mixed)
            draw(mixed > 0, beat, np.full(n_samples, KINDS["V"]), mixed)
        elif near.any():
            draw(near, beat, around, whole)
    data[:] = canvas[..., :-1]
    return gaps[:, n_earlier : n_earlier + 2]


def _rhythm(
    target: NDArray[np.str_],
    groups: NDArray[np.int64],
    patients: Patients,
    n_earlier: int,
    n_later: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw the RR intervals around every beat.

    Returns
    -------
    rr : ndarray of shape (n_samples, n_earlier + n_later)
        In seconds; columns ``n_earlier - 1`` and ``n_earlier`` are before and after the beat.
    """
    n_samples = len(target)
    resting = patients.resting_rr[groups, np.newaxis]
    shape = (n_samples, n_earlier + n_later)
    # Half of the variability is breathing: about four beats to a breath.
    breath = rng.uniform(0, 2 * np.pi, (n_samples, 1)) + np.arange(shape[1]) * (2 * np.pi / 4)
    wander = (np.sin(breath) + rng.standard_normal(shape, dtype=np.float32)) / np.sqrt(1.5)
    rr = resting * (1 + patients.rr_variability[groups, np.newaxis] * wander)

    def uniform(low, high, name):
        return rng.uniform(low, high, int((target == name).sum()))

    before, after = rr[:, n_earlier - 1], rr[:, n_earlier]
    rest = resting[:, 0]
    premature, ventricular, fused = target == "S", target == "V", target == "F"
    before[premature] = rest[premature] * uniform(0.55, 0.85, "S")
    after[premature] = rest[premature] * uniform(1.0, 1.2, "S")  # the sinus node starts anew
    before[ventricular] = rest[ventricular] * uniform(0.5, 0.85, "V")
    # The sinus node keeps its time, so that both intervals together are two normal ones.
    after[ventricular] = rest[ventricular] * uniform(1.95, 2.05, "V") - before[ventricular]
    before[fused] = rest[fused] * uniform(0.9, 1.0, "F")
    after[fused] = rest[fused] * uniform(1.95, 2.05, "F") - before[fused]
    paced = target == "Q"
    rr[paced] = patients.paced_rr[groups[paced], np.newaxis]
    rr[paced] *= 1 + 0.004 * rng.standard_normal((int(paced.sum()), shape[1]))
    return np.maximum(rr, _SHORTEST_RR).astype(np.float32)
