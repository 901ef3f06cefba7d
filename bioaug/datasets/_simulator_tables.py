"""Tables of the simulated heart: leads, waves, rhythm, noise and how frequent each class is.

The angles and widths of a normal beat, but for the T wave, are those of McSharry et al. (2003). An
angle becomes a time through the RR interval: 2 pi is one second at 60 beats a minute. The height of
a wave is a vector in the chest, of which a lead sees the projection (Sameni et al. 2007).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# About as among the beats of all 48 records of the MIT-BIH Arrhythmia Database.
CLASS_WEIGHTS = {"N": 0.827, "S": 0.026, "V": 0.066, "F": 0.007, "Q": 0.074}

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
MORPHOLOGIES = {"N": 0, "S": 1, "V": 2, "Q": 3}  # a fusion beat is drawn as an N and a V

# In rad. The heights are our own, since the published ones are for a single lead.
NORMAL_ANGLE = np.array([0, -np.pi / 3, -np.pi / 12, 0, np.pi / 12, 0.42 * np.pi, np.pi / 2])
NORMAL_WIDTH = np.array([0.02, 0.25, 0.1, 0.1, 0.1, 0.4, 0.3])
NORMAL_VECTOR = np.array(  # millivolts
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
WIDE_ANGLE = np.array([-0.6, 0, -0.27, 0, 0.45, 0.36 * np.pi, 0.55 * np.pi])
WIDE_WIDTH = np.array([0.02, 0.25, 0.13, 0.21, 0.21, 0.5, 0.4])
WIDE_HEIGHT = np.array([0, 0, 0.5, 1.9, -0.35, -0.35, -0.5])

# Some patients have flat T waves, or T waves upside down.
T_WAVE_FACTORS = (1, 1, 1, 0.3, -0.6)
# An ectopic atrial focus: the P wave is upside down, flat or gone.
ECTOPIC_P_WAVE_FACTORS = (-0.8, 0.0, 0.3)
SPIKE_DIRECTION = (0.4, 0.8, 0.3)  # of a pacemaker, in millivolts


class Timing(NamedTuple):
    """When a beat comes, in resting RR intervals of its patient; uniform between two limits."""

    before: tuple[float, float]
    after: tuple[float, float]
    compensates: bool  # `after` is both intervals together: the sinus node keeps its time


TIMINGS = {
    "S": Timing(before=(0.55, 0.85), after=(1.0, 1.2), compensates=False),  # the node starts anew
    "V": Timing(before=(0.5, 0.85), after=(1.95, 2.05), compensates=True),
    "F": Timing(before=(0.9, 1.0), after=(1.95, 2.05), compensates=True),
}
SHORTEST_RR = 0.25  # seconds
BEATS_PER_BREATH = 4

MUSCLE_BAND_HZ = (15.0, 120.0)
MUSCLE_LOG_LEVEL = (-4.4, 0.5)  # of millivolts: 12 microvolts in the median patient
OFFSET_STD = 0.15  # millivolts


class SlowWave(NamedTuple):
    """A sine in the noise: every patient has a frequency, and a level for each lead."""

    hertz: tuple[float, float]  # uniform between two limits
    log_level: tuple[float, float]  # mean and standard deviation of the logarithm of millivolts


SLOW_WAVES = (
    SlowWave(hertz=(60.0, 60.0), log_level=(-6, 1)),  # mains
    SlowWave(hertz=(0.15, 0.35), log_level=(-2.8, 0.6)),  # breathing
    SlowWave(hertz=(0.02, 0.08), log_level=(-2.6, 0.6)),  # drift
)
