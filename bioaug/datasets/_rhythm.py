"""Simulated rhythms: RR intervals, and windows with all beats that they show."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioaug.datasets._heart import BeatsToDraw, Patients, draw_beats
from bioaug.datasets._simulator_tables import (
    BEATS_PER_BREATH,
    MORPHOLOGIES,
    SHORTEST_RR,
    TIMINGS,
)


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
    n_earlier = math.ceil((n_before / sampling_rate + 1) / SHORTEST_RR)
    n_later = math.ceil(((n_timesteps - n_before) / sampling_rate + 1) / SHORTEST_RR)
    gaps = _rhythm(target, groups, patients, n_earlier + 1, n_later, rng)
    times = np.cumsum(gaps, axis=1)  # of the beats from -n_earlier to n_later
    times -= times[:, n_earlier, np.newaxis]

    canvas = np.zeros((n_samples, n_leads, n_timesteps + 1), dtype=np.float32)
    fused = np.where(target == "F", rng.uniform(0.3, 0.7, n_samples), 0).astype(np.float32)
    usual = np.where(target == "Q", MORPHOLOGIES["Q"], MORPHOLOGIES["N"])
    own = np.array([MORPHOLOGIES.get(name, MORPHOLOGIES["N"]) for name in target])
    whole = np.ones(n_samples, dtype=np.float32)

    def draw(
        rows: NDArray[np.bool_], beat: int, morphology: NDArray[np.int64], size: NDArray[np.float32]
    ) -> None:
        beats = BeatsToDraw(
            np.flatnonzero(rows),
            times[rows, beat],
            morphology[rows],
            groups[rows],
            gaps[rows, beat],
            size[rows],
        )
        draw_beats(canvas, beats, patients, n_before=n_before, sampling_rate=sampling_rate, rng=rng)

    for beat in range(n_earlier + n_later + 1):
        peak = times[:, beat] * sampling_rate + n_before
        is_visible = (peak > -sampling_rate) & (peak < n_timesteps + sampling_rate)
        if beat == n_earlier:
            draw(is_visible, beat, own, whole - fused)
            draw(fused > 0, beat, np.full(n_samples, MORPHOLOGIES["V"]), fused)
        elif is_visible.any():
            draw(is_visible, beat, usual, whole)
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
    # Half of the variability is breathing.
    breath = rng.uniform(0, 2 * np.pi, (n_samples, 1)) + np.arange(shape[1]) * (
        2 * np.pi / BEATS_PER_BREATH
    )
    wander = (np.sin(breath) + rng.standard_normal(shape, dtype=np.float32)) / np.sqrt(1.5)
    rr = resting * (1 + patients.rr_variability[groups, np.newaxis] * wander)

    before, after, rest = rr[:, n_earlier - 1], rr[:, n_earlier], resting[:, 0]
    for name, timing in TIMINGS.items():
        own = target == name
        n_own = int(own.sum())
        before[own] = rest[own] * rng.uniform(*timing.before, n_own)
        until = rest[own] * rng.uniform(*timing.after, n_own)
        after[own] = until - before[own] if timing.compensates else until
    paced = target == "Q"
    rr[paced] = patients.paced_rr[groups[paced], np.newaxis]
    rr[paced] *= 1 + 0.004 * rng.standard_normal((int(paced.sum()), shape[1]))
    return np.maximum(rr, SHORTEST_RR).astype(np.float32)
