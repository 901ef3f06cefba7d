"""The hearts behind `make_ecg`: the waves of every patient's beats, and drawing them.

A beat is a sum of Gaussian waves. The angles and widths of a normal beat, but for the T wave, are
those of McSharry et al. (2003). An angle becomes a time through the RR interval: 2 pi is one
second at 60 beats a minute, and times go with the square root of the interval. The height of a
wave is a vector in the chest, of which a lead sees the projection (Sameni et al. 2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Unit vectors, roughly, in (left, down, front); leads by other names get a random direction.
LEAD_DIRECTIONS = {
    "MLII": (0.5, 0.87, 0.0),
    "V1": (-0.4, 0.1, 0.91),
    "V5": (0.89, 0.2, 0.4),
    "V2": (-0.1, 0.1, 0.99),
    "V4": (0.65, 0.2, 0.73),
    "I": (1.0, 0.0, 0.0),
    "II": (0.5, 0.87, 0.0),
    "III": (-0.5, 0.87, 0.0),
    "aVR": (-0.87, -0.5, 0.0),
    "aVL": (0.87, -0.5, 0.0),
    "aVF": (0.0, 1.0, 0.0),
    "V3": (0.3, 0.1, 0.95),
    "V6": (0.98, 0.2, 0.0),
}

# The waves of a beat. The T wave is two Gaussians, since it rises more slowly than it falls.
SPIKE, P, Q, R, S, T_RISE, T = range(7)
N_WAVES = 7
KINDS = {"N": 0, "S": 1, "V": 2, "Q": 3}  # a fusion beat is drawn as an N and a V

# In rad. The heights are our own, since the published ones are for a single lead.
_NORMAL_ANGLE = np.array([0, -np.pi / 3, -np.pi / 12, 0, np.pi / 12, 0.42 * np.pi, np.pi / 2])
_NORMAL_WIDTH = np.array([0.02, 0.25, 0.1, 0.1, 0.1, 0.4, 0.3])
_NORMAL_VECTOR = np.array(  # millivolts
    [
        (0.0, 0.0, 0.0),
        (0.08, 0.12, 0.03),
        (-0.08, -0.06, 0.16),
        (0.80, 0.75, -0.35),
        (-0.12, -0.20, -0.12),
        (0.09, 0.09, 0.02),
        (0.16, 0.16, 0.03),
    ]
)
# Ectopic and paced beats spread from muscle to muscle: wide, then repolarised in the same order,
# which turns the T wave against the QRS. Height along the direction of the beat, in millivolts.
_WIDE_ANGLE = np.array([-0.6, 0, -0.27, 0, 0.45, 0.36 * np.pi, 0.55 * np.pi])
_WIDE_WIDTH = np.array([0.02, 0.25, 0.13, 0.21, 0.21, 0.5, 0.4])
_WIDE_HEIGHT = np.array([0, 0, 0.5, 1.9, -0.35, -0.35, -0.5])


class Patients(NamedTuple):
    """What every patient keeps from beat to beat; the first axis of each array is the patient."""

    resting_rr: NDArray[np.float32]  # seconds
    rr_variability: NDArray[np.float32]  # relative
    paced_rr: NDArray[np.float32]  # seconds
    centre: NDArray[np.float32]  # (n_patients, kinds, waves), seconds from the R peak
    width: NDArray[np.float32]  # (n_patients, kinds, waves), seconds
    height: NDArray[np.float32]  # (n_patients, kinds, waves, n_leads), millivolts


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
    shape = (n_patients, len(KINDS), N_WAVES)
    angle, width, vector = np.empty(shape), np.empty(shape), np.empty((*shape, 3))
    for kind in ("N", "S"):
        angle[:, KINDS[kind]], width[:, KINDS[kind]] = _NORMAL_ANGLE, _NORMAL_WIDTH
    for kind in ("V", "Q"):
        angle[:, KINDS[kind]], width[:, KINDS[kind]] = _WIDE_ANGLE, _WIDE_WIDTH
    normal = _NORMAL_VECTOR * rng.lognormal(0, 0.3, (n_patients, N_WAVES, 1))
    normal *= rng.lognormal(0.1, 0.25, (n_patients, 1, 1))
    # Some patients have flat T waves, or T waves upside down.
    normal[:, [T_RISE, T]] *= rng.choice([1, 1, 1, 0.3, -0.6], (n_patients, 1, 1))
    vector[:, KINDS["N"]] = vector[:, KINDS["S"]] = normal
    # An ectopic atrial focus: the P wave is upside down, flat or gone.
    vector[:, KINDS["S"], P] *= rng.choice([-0.8, 0.0, 0.3], (n_patients, 1))
    side, height = rng.choice([-1, 1], n_patients), rng.choice([-1, 1, 1], n_patients)
    focus = np.stack([0.4 * side, 0.9 * height, -0.6 * side], axis=1)
    vector[:, KINDS["V"]] = _wide_vectors(focus, rng)
    # The electrode sits in the right ventricle, mostly at its apex.
    height = rng.choice([-1, -1, 1], n_patients)
    apex = np.stack([0.3 * height, 0.9 * height, np.full(n_patients, -0.5)], axis=1)
    vector[:, KINDS["Q"]] = _wide_vectors(apex, rng)
    spike = rng.lognormal(0.0, 0.3, (n_patients, 1)) * rng.choice([-1, 1], (n_patients, 1))
    vector[:, KINDS["Q"], SPIKE] = spike * (0.4, 0.8, 0.3)

    # One factor for all kinds, so that the wide beats of a patient are wider than his normal ones.
    stretch = rng.lognormal(-0.12, 0.13, (n_patients, 1, 1))
    own = rng.lognormal(0, 0.08, (n_patients, 1, N_WAVES))
    angle = angle * stretch * own
    width = width * stretch * rng.lognormal(0, 0.08, (n_patients, 1, N_WAVES))
    resting_rr = np.clip(rng.normal(0.84, 0.14, n_patients), 0.55, 1.2)
    turned = _turn(vector, rng)
    return Patients(
        resting_rr=resting_rr.astype(np.float32),
        rr_variability=np.clip(rng.lognormal(-3.2, 0.5, n_patients), 0.01, 0.12).astype(np.float32),
        paced_rr=(resting_rr * rng.uniform(1.0, 1.1, n_patients)).astype(np.float32),
        centre=(angle / (2 * np.pi)).astype(np.float32),
        width=(width / (2 * np.pi)).astype(np.float32),
        height=(turned @ lead_directions(leads, rng).T).astype(np.float32),
    )


def _wide_vectors(direction: NDArray, rng: np.random.Generator) -> NDArray:
    """Return the waves of a wide beat of every patient, of shape (n_patients, waves, 3)."""
    direction = direction + rng.normal(0, 0.12, direction.shape)
    size = rng.lognormal(0, 0.2, (len(direction), N_WAVES)) * _WIDE_HEIGHT
    waves = size[:, :, np.newaxis] * direction[:, np.newaxis, :]
    return waves + 0.1 * np.abs(size)[:, :, np.newaxis] * rng.standard_normal(waves.shape)


def _turn(vector: NDArray, rng: np.random.Generator) -> NDArray:
    """Turn the heart of every patient a little in his chest (Rodrigues' formula)."""
    axis = rng.standard_normal((len(vector), 1, 1, 3))
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    by = rng.normal(0, np.radians(15), (len(vector), 1, 1, 1))
    along = (vector * axis).sum(axis=-1, keepdims=True) * axis
    return vector * np.cos(by) + np.cross(axis, vector) * np.sin(by) + along * (1 - np.cos(by))


class BeatsToDraw(NamedTuple):
    """At most one beat for each row of the canvas; the first axis of each array is the beat."""

    row: NDArray[np.int64]
    time: NDArray[np.float32]  # of the R peak, seconds from that of the row's own beat
    kind: NDArray[np.int64]
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
    of = beats.patient, beats.kind
    n_beats = len(beats.row)
    # Bazett: with the pause before a beat, the time to its T wave grows as a square root.
    pace = np.sqrt(beats.rr_before)
    for wave in range(N_WAVES):
        jitter = rng.standard_normal((3, n_beats), dtype=np.float32)
        late = pace if wave in (T_RISE, T) else np.sqrt(patients.resting_rr[beats.patient])
        centre = patients.centre[of][:, wave] * late + (0.004 if wave == P else 0) * jitter[0]
        width = patients.width[of][:, wave] * late * (1 + 0.03 * jitter[1])
        size = beats.size * (1 + (0.04 if wave in (Q, R, S) else 0.09) * jitter[2])
        height = patients.height[of][:, wave] * size[:, np.newaxis]
        position = (beats.time + centre) * sampling_rate + n_before
        # A recorder's filter leaves no wave, such as a spike, narrower than its samples.
        n_wide = np.maximum(width * sampling_rate, 0.5)
        _add_wave(canvas, beats.row, position, n_wide, height)


def _add_wave(
    canvas: NDArray[np.float32],
    row: NDArray[np.int64],
    centre: NDArray[np.float32],
    width: NDArray[np.float32],
    height: NDArray[np.float32],
) -> None:
    """Add one Gaussian to each of the given rows, all different; centre and width in samples."""
    n_leads, outside = canvas.shape[1], canvas.shape[2] - 1
    reach = 4.5 * width  # there a Gaussian of 1 mV is down to 40 nV
    seen = (centre + reach > 0) & (centre - reach < outside) & height.any(axis=1)
    if not seen.any():
        return
    row, centre, width, height = row[seen], centre[seen], width[seen], height[seen]
    half = math.ceil(reach[seen].max())
    middle = np.rint(centre).astype(np.int64)
    at = middle[:, np.newaxis] + np.arange(-half, half + 1)
    distance = (at - centre[:, np.newaxis]).astype(np.float32) / width[:, np.newaxis]
    wave = np.exp(-0.5 * distance**2)
    at = np.where((at < 0) | (at >= outside), outside, at)
    flat = canvas.reshape(-1)
    for lead in range(n_leads):
        index = (row[:, np.newaxis] * n_leads + lead) * (outside + 1) + at
        flat[index] += wave * height[:, lead, np.newaxis]
