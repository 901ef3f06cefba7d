"""The ECG simulator: labelled heartbeats of simulated patients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state

from bioaug.core.checks import check_keys, check_option
from bioaug.datasets._heart import Patients, draw_patients
from bioaug.datasets._noise import add_noise
from bioaug.datasets._rhythm import draw_windows
from bioaug.datasets._simulator_tables import CLASS_WEIGHTS, LEAD_DIRECTIONS
from bioaug.datasets._windows import check_sampling_rate, check_window
from bioaug.exceptions import DataError

_OWNER = "make_ecg"
_CHUNK_ROWS = 2048  # keeps the work arrays in the processor's cache

DESCR = """\
Simulated heartbeats
====================
Windows around the R peaks of simulated patients, made by bioaug.datasets.make_ecg. Every beat is
a sum of Gaussian waves (McSharry et al. 2003) that are vectors in the chest, seen from each lead
(Sameni et al. 2007), with noise. The classes are those of ANSI/AAMI EC57: N normal, S premature
from the atria, V from the ventricles, F a fusion of N and V, Q paced. No real person's data.
"""


def make_ecg(
    n_samples: int = 1000,
    *,
    class_weights: Mapping[str, float] | Sequence[float] | None = None,
    classes: Sequence[str] = ("N", "S", "V", "F", "Q"),
    n_patients: int = 20,
    leads: int | Sequence[str] = ("MLII",),
    window: tuple[int, int] = (90, 110),
    sampling_rate: float = 360,
    noise: float = 1.0,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> Bunch:
    r"""Simulate labelled heartbeats of several patients.

    Every row is a window around the R peak of one beat, with the beats before and after it as far
    as the window reaches. Every patient has his own waves, heart rate, electrical axis, ectopic
    focus, pacemaker and noise, and every class is spread evenly over the patients. Rows are
    shuffled.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of beats.
    class_weights : mapping or sequence of float, default=None
        Proportion of each class, of any sum: by name (classes that are not named get no beat) or
        in the order of `classes`. ``None`` is as unequal as the MIT-BIH Arrhythmia Database. The
        numbers of beats follow by largest remainder, but a class of a positive proportion has at
        least one.
    classes : sequence of str, default=("N", "S", "V", "F", "Q")
        Which of the five AAMI classes there are.
    n_patients : int, default=20
        Number of patients.
    leads : int or sequence of str, default=("MLII",)
        Names of the leads. "MLII", "I" to "III", "aVR", "aVL", "aVF" and "V1" to "V6" look at the
        heart from where they really do, any other name from a random direction. A number takes
        that many: MLII, V1, V5, V2, V4, I, II, ...
    window : tuple of two int, default=(90, 110)
        Samples before the R peak, and from it on; the R peak is at index ``window[0]``.
    sampling_rate : float, default=360
        In Hz.
    noise : float, default=1.0
        Level of the noise: muscles, mains, breathing, drift and offset. 0 is none, 1 is that of
        an ambulatory recording.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; ``None`` is new every time.

    Returns
    -------
    beats : sklearn.utils.Bunch
        With the fields

        - ``data``: float32 of shape (n_samples, n_leads, n_timesteps), in millivolts.
        - ``target``: str of shape (n_samples,); ``target_names``: its values in the usual order.
        - ``groups``: int of shape (n_samples,), the patient, from 0.
        - ``rr``: float32 of shape (n_samples, 3), named by ``rr_names``: the RR interval before
          and after the beat, in seconds, and the one before divided by the patient's resting RR
          interval, which is the median of his normal beats.
        - ``lead_names``, ``sampling_rate``, ``window``, ``DESCR``.

    Raises
    ------
    DataError
        If a parameter is out of its range, or there are more classes than beats.

    Notes
    -----
    A wave of height :math:`a`, angle :math:`\theta` and width :math:`b` adds

    .. math:: a \exp\left(-\frac{(t - \theta s / 2\pi)^2}{2 (b s / 2\pi)^2}\right),
        \qquad s = \sqrt{RR \cdot 1\,\mathrm{s}}

    which is the solution of ECGSYN [1]_ without its slow return to zero, with the published angles
    and widths for the normal beat. Departures: the T wave is two Gaussians, all times have the
    factor s (ECGSYN has it for Q, S and the widths), heights are vectors [2]_ of our own, chosen
    so that each lead looks as it does in people, and only the T wave follows the interval just
    before; the other waves keep to the patient's resting rate.

    - N: at the patient's own rhythm.
    - S: 55 to 85 % of the resting interval after the last beat; the P wave is upside down, flat or
      missing, which of them depends on the patient.
    - V: 50 to 85 %, then a compensatory pause; wide, no P wave, T wave against the QRS complex.
    - F: a mixture of the N and V beats of that patient, of 30 to 70 % each, almost in time.
    - Q: a spike and then a wide QRS complex, at the pacemaker's rate, like the beats around it.

    References
    ----------
    .. [1] McSharry PE, Clifford GD, Tarassenko L, Smith LA. "A dynamical model for generating
       synthetic electrocardiogram signals". IEEE Transactions on Biomedical Engineering
       50(3):289-294, 2003.
    .. [2] Sameni R, Clifford GD, Jutten C, Shamsollahi MB. "Multichannel ECG and noise modeling:
       application to maternal and fetal ECG signals". EURASIP Journal on Advances in Signal
       Processing, 2007.

    Examples
    --------
    >>> from bioaug.datasets import make_ecg
    >>> beats = make_ecg(200, class_weights={"N": 0.9, "V": 0.1}, leads=("MLII", "V1"),
    ...                  random_state=0)
    >>> beats.data.shape
    (200, 2, 200)
    >>> [int((beats.target == name).sum()) for name in beats.target_names]
    [180, 20]
    """
    n_samples = _check_count(n_samples, "n_samples")
    n_patients = _check_count(n_patients, "n_patients")
    names, proportions = _check_class_weights(classes, class_weights)
    lead_names = _check_leads(leads)
    window = check_window(window, owner=_OWNER)
    sampling_rate = check_sampling_rate(sampling_rate, owner=_OWNER)
    _check_noise(noise)
    rng = _check_generator(random_state)

    counts = _count_classes(n_samples, names, proportions)
    target, groups = _assign(names, counts, n_patients, rng)
    patients = draw_patients(n_patients, lead_names, rng)
    data, rr = _draw(target, groups, patients, len(lead_names), window, sampling_rate, rng)
    if noise:
        add_noise(
            data, groups, n_patients=n_patients, sampling_rate=sampling_rate, scale=noise, rng=rng
        )
    return Bunch(
        data=data,
        target=target,
        target_names=[name for name, n in zip(names, counts, strict=True) if n],
        groups=groups,
        rr=rr,
        rr_names=["rr_before", "rr_after", "rr_relative"],
        lead_names=lead_names,
        sampling_rate=sampling_rate,
        window=window,
        DESCR=DESCR,
    )


def _draw(
    target: NDArray[np.str_],
    groups: NDArray[np.int64],
    patients: Patients,
    n_leads: int,
    window: tuple[int, int],
    sampling_rate: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the signals of beats, without noise, and the RR intervals around them."""
    n_samples = len(target)
    data = np.empty((n_samples, n_leads, sum(window)), dtype=np.float32)
    rr = np.empty((n_samples, 3), dtype=np.float32)
    for start in range(0, n_samples, _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        rr[rows, :2] = draw_windows(
            data[rows], target[rows], groups[rows], patients, window[0], sampling_rate, rng
        )
    rr[:, 2] = rr[:, 0] / patients.resting_rr[groups]
    return data, rr


def _assign(
    names: list[str], counts: NDArray[np.int64], n_patients: int, rng: np.random.Generator
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Give every beat its class and its patient, in random order."""
    target = np.repeat(np.array(names), counts)
    groups = np.concatenate([np.arange(n) % n_patients for n in counts])
    for name in names:  # so that rare classes are not all with the first patients
        groups[target == name] = rng.permutation(n_patients)[groups[target == name]]
    order = rng.permutation(len(target))
    return target[order], groups[order]


def _count_classes(n_samples: int, names: list[str], proportions: NDArray) -> NDArray[np.int64]:
    """Divide the beats by largest remainder, at least one for every positive proportion."""
    if n_samples < (proportions > 0).sum():
        raise DataError(
            f"The 'n_samples' parameter of {_OWNER} must be at least the number of classes. Got "
            f"{n_samples} for classes {names!r}. Ask for more beats or fewer classes."
        )
    exact = n_samples * proportions
    counts = np.floor(exact).astype(np.int64)
    largest = np.argsort(counts - exact, kind="stable")[: n_samples - counts.sum()]
    counts[largest] += 1
    for missing in np.flatnonzero((counts == 0) & (proportions > 0)):
        counts[np.argmax(counts)] -= 1
        counts[missing] = 1
    return counts


def _check_count(value: int, name: str) -> int:
    """Return a count of at least 1."""
    if isinstance(value, Integral) and not isinstance(value, bool) and value >= 1:
        return int(value)
    raise DataError(
        f"The {name!r} parameter of {_OWNER} must be an integer of 1 or more. Got {value!r} "
        "instead. Give a larger or whole number."
    )


def _check_class_weights(
    classes: Sequence[str], class_weights: Mapping[str, float] | Sequence[float] | None
) -> tuple[list[str], NDArray[np.float64]]:
    """Return the classes in the order of AAMI and the proportion of each, of sum 1."""
    for name in classes:
        check_option(name, name="classes", owner=_OWNER, options=CLASS_WEIGHTS)
    if class_weights is None:
        class_weights = {name: CLASS_WEIGHTS[name] for name in classes}
    elif not isinstance(class_weights, Mapping):
        if len(class_weights) != len(classes):
            raise DataError(
                f"The 'class_weights' parameter of {_OWNER} must have one number for each of the "
                f"classes {tuple(classes)!r}. Got {class_weights!r} instead. Give a mapping to "
                "name them."
            )
        class_weights = dict(zip(classes, class_weights, strict=True))
    check_keys(class_weights, name="class_weights", owner=_OWNER, allowed=classes)
    names = [name for name in CLASS_WEIGHTS if name in classes]
    proportions = np.array([class_weights.get(name, 0) for name in names], dtype=float)
    if not (np.isfinite(proportions).all() and (proportions >= 0).all() and proportions.sum() > 0):
        raise DataError(
            f"The 'class_weights' parameter of {_OWNER} must be proportions of 0 or more, one of "
            f"them above 0. Got {class_weights!r} instead. Give for example "
            "{'N': 0.9, 'V': 0.1}."
        )
    return names, proportions / proportions.sum()


def _check_leads(leads: int | Sequence[str]) -> list[str]:
    """Return the names of the leads."""
    if isinstance(leads, int | np.integer):
        n_leads = _check_count(int(leads), "leads")
        known = list(LEAD_DIRECTIONS)[:n_leads]
        return known + [f"L{number}" for number in range(len(known) + 1, n_leads + 1)]
    names = [leads] if isinstance(leads, str) else list(leads)
    if names and len(set(names)) == len(names) and all(isinstance(name, str) for name in names):
        return names
    raise DataError(
        f"The 'leads' parameter of {_OWNER} must be a number of leads or different names. Got "
        f"{leads!r} instead. Give for example ('MLII', 'V1') or 12."
    )


def _check_noise(noise: float) -> None:
    """Raise a DataError unless the level of the noise is a number of 0 or more."""
    if not (isinstance(noise, Real) and math.isfinite(noise) and noise >= 0):
        raise DataError(
            f"The 'noise' parameter of {_OWNER} must be a number of 0 or more. Got {noise!r} "
            "instead. Give 0 for none, 1 for the usual level."
        )


def _check_generator(
    random_state: int | np.random.RandomState | np.random.Generator | None,
) -> np.random.Generator:
    """Return a generator of our own, so that numpy's global one is never touched."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1, size=4))
