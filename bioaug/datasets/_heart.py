"""Simulated patients: the waves of their heartbeats, and drawing them onto signals.

A beat is a sum of Gaussian waves, whose times go with the square root of the RR interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug.datasets._simulator_tables import (
    ECTOPIC_P_WAVE_FACTORS,
    LEAD_DIRECTIONS,
    MORPHOLOGIES,
    N_WAVES,
    NORMAL_ANGLE,
    NORMAL_VECTOR,
    NORMAL_WIDTH,
    SPIKE,
    SPIKE_DIRECTION,
    T_RISE,
    T_WAVE_FACTORS,
    WIDE_ANGLE,
    WIDE_HEIGHT,
    WIDE_WIDTH,
    P,
    Q,
    R,
    S,
    T,
)


class Patients(NamedTuple):
    """What every patient keeps from beat to beat; the first axis of each array is the patient."""

    resting_rr: NDArray[np.float32]  # seconds
    rr_variability: NDArray[np.float32]  # relative
    paced_rr: NDArray[np.float32]  # seconds
    center: NDArray[np.float32]  # (n_patients, morphologies, waves), seconds from the R peak
    width: NDArray[np.float32]  # (n_patients, morphologies, waves), seconds
    height: NDArray[np.float32]  # (n_patients, morphologies, waves, n_leads), millivolts


def lead_directions(leads: Sequence[str], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one unit vector per lead, of shape (n_leads, 3)."""
    known = [LEAD_DIRECTIONS.get(lead) or tuple(rng.standard_normal(3)) for lead in leads]
    directions = np.array(known, dtype=float)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def draw_patients(n_patients: int, leads: Sequence[str], rng: np.random.Generator) -> Patients:
    """Draw the heart rate and the waves of every patient.

    Parameters
    ----------
    n_patients : int
    leads : sequence of str
        Names of the leads.
    rng : numpy.random.Generator
    """
    vector = _draw_vectors(n_patients, rng)
    # One factor for all, so that the wide beats of a patient are wider than the normal ones.
    stretch = rng.lognormal(-0.12, 0.13, (n_patients, 1, 1))
    own = rng.lognormal(0, 0.08, (n_patients, 1, N_WAVES))
    angle = np.stack([NORMAL_ANGLE, NORMAL_ANGLE, WIDE_ANGLE, WIDE_ANGLE]) * stretch * own
    width = np.stack([NORMAL_WIDTH, NORMAL_WIDTH, WIDE_WIDTH, WIDE_WIDTH]) * stretch
    width = width * rng.lognormal(0, 0.08, (n_patients, 1, N_WAVES))
    resting_rr = np.clip(rng.normal(0.84, 0.14, n_patients), 0.55, 1.2)
    rotated = _rotate(vector, rng)
    return Patients(
        resting_rr=resting_rr.astype(np.float32),
        rr_variability=np.clip(rng.lognormal(-3.2, 0.5, n_patients), 0.01, 0.12).astype(np.float32),
        paced_rr=(resting_rr * rng.uniform(1.0, 1.1, n_patients)).astype(np.float32),
        center=(angle / (2 * np.pi)).astype(np.float32),
        width=(width / (2 * np.pi)).astype(np.float32),
        height=(rotated @ lead_directions(leads, rng).T).astype(np.float32),
    )


def _draw_vectors(n_patients: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the waves of every patient, of shape (n_patients, morphologies, waves, 3)."""
    vector = np.empty((n_patients, len(MORPHOLOGIES), N_WAVES, 3))
    normal = NORMAL_VECTOR * rng.lognormal(0, 0.3, (n_patients, N_WAVES, 1))
    normal *= rng.lognormal(0.1, 0.25, (n_patients, 1, 1))
    normal[:, [T_RISE, T]] *= rng.choice(T_WAVE_FACTORS, (n_patients, 1, 1))
    vector[:, MORPHOLOGIES["N"]] = vector[:, MORPHOLOGIES["S"]] = normal
    vector[:, MORPHOLOGIES["S"], P] *= rng.choice(ECTOPIC_P_WAVE_FACTORS, (n_patients, 1))
    side, height = rng.choice([-1, 1], n_patients), rng.choice([-1, 1, 1], n_patients)
    focus = np.stack([0.4 * side, 0.9 * height, -0.6 * side], axis=1)
    vector[:, MORPHOLOGIES["V"]] = _wide_vectors(focus, rng)
    # The electrode sits in the right ventricle, mostly at its apex.
    height = rng.choice([-1, -1, 1], n_patients)
    apex = np.stack([0.3 * height, 0.9 * height, np.full(n_patients, -0.5)], axis=1)
    vector[:, MORPHOLOGIES["Q"]] = _wide_vectors(apex, rng)
    spike = rng.lognormal(0.0, 0.3, (n_patients, 1)) * rng.choice([-1, 1], (n_patients, 1))
    vector[:, MORPHOLOGIES["Q"], SPIKE] = spike * SPIKE_DIRECTION
    return vector


def _wide_vectors(direction: NDArray, rng: np.random.Generator) -> NDArray:
    """Return the waves of a wide beat of every patient, of shape (n_patients, waves, 3)."""
    direction = direction + rng.normal(0, 0.12, direction.shape)
    size = rng.lognormal(0, 0.2, (len(direction), N_WAVES)) * WIDE_HEIGHT
    waves = size[:, :, np.newaxis] * direction[:, np.newaxis, :]
    return waves + 0.1 * np.abs(size)[:, :, np.newaxis] * rng.standard_normal(waves.shape)


def _rotate(vector: NDArray, rng: np.random.Generator) -> NDArray:
    """Rotate the heart of every patient a little in the chest (Rodrigues' formula)."""
    axis = rng.standard_normal((len(vector), 1, 1, 3))
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    by = rng.normal(0, np.radians(15), (len(vector), 1, 1, 1))
    along = (vector * axis).sum(axis=-1, keepdims=True) * axis
    return vector * np.cos(by) + np.cross(axis, vector) * np.sin(by) + along * (1 - np.cos(by))


class BeatsToDraw(NamedTuple):
    """At most one beat for each row of the canvas; the first axis of each array is the beat."""

    row: NDArray[np.int64]
    time: NDArray[np.float32]  # of the R peak, seconds from that of the row's own beat
    morphology: NDArray[np.int64]
    patient: NDArray[np.int64]
    rr_before: NDArray[np.float32]  # seconds
    size: NDArray[np.float32]  # 1 is the beat as it is


def draw_beats(
    canvas: NDArray[np.float32],
    beats: BeatsToDraw,
    patients: Patients,
    *,
    n_before: int,
    sampling_rate: float,
    rng: np.random.Generator,
) -> None:
    """Add beats, each a little unlike the last one of its patient, to the rows of a canvas.

    Parameters
    ----------
    canvas : ndarray of shape (n_samples, n_leads, n_timesteps + 1)
        Changed in place. The last time step takes what falls outside.
    beats : BeatsToDraw
    patients : Patients
    n_before : int
        Samples before the R peak of the row's own beat.
    sampling_rate : float
        In Hz.
    rng : numpy.random.Generator
    """
    waves = beats.patient, beats.morphology
    n_beats = len(beats.row)
    # Bazett: with the pause before a beat, the time to its T wave grows as a square root.
    pace = np.sqrt(beats.rr_before)
    for wave in range(N_WAVES):
        jitter = rng.standard_normal((3, n_beats), dtype=np.float32)
        late = pace if wave in (T_RISE, T) else np.sqrt(patients.resting_rr[beats.patient])
        center = patients.center[waves][:, wave] * late + (0.004 if wave == P else 0) * jitter[0]
        width = patients.width[waves][:, wave] * late * (1 + 0.03 * jitter[1])
        size = beats.size * (1 + (0.04 if wave in (Q, R, S) else 0.09) * jitter[2])
        height = patients.height[waves][:, wave] * size[:, np.newaxis]
        position = (beats.time + center) * sampling_rate + n_before
        # A recorder's filter leaves no wave, such as a spike, narrower than its samples.
        n_wide = np.maximum(width * sampling_rate, 0.5)
        _add_wave(canvas, beats.row, position, n_wide, height)


def _add_wave(
    canvas: NDArray[np.float32],
    row: NDArray[np.int64],
    center: NDArray[np.float32],
    width: NDArray[np.float32],
    height: NDArray[np.float32],
) -> None:
    """Add one Gaussian to each of the given rows, all different; center and width in samples."""
    n_leads, outside = canvas.shape[1], canvas.shape[2] - 1
    reach = 4.5 * width  # there a Gaussian of 1 mV is down to 40 nV
    is_visible = (center + reach > 0) & (center - reach < outside) & height.any(axis=1)
    if not is_visible.any():
        return
    row, height = row[is_visible], height[is_visible]
    center, width = center[is_visible], width[is_visible]
    half = math.ceil(reach[is_visible].max())
    nearest = np.rint(center).astype(np.int64)
    step = nearest[:, np.newaxis] + np.arange(-half, half + 1)
    distance = (step - center[:, np.newaxis]).astype(np.float32) / width[:, np.newaxis]
    wave = np.exp(-0.5 * distance**2)
    step = np.where((step < 0) | (step >= outside), outside, step)
    flat = canvas.reshape(-1)
    for lead in range(n_leads):
        index = (row[:, np.newaxis] * n_leads + lead) * (outside + 1) + step
        flat[index] += wave * height[:, lead, np.newaxis]
