"""Distance of the power spectra of real and synthetic signals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import POSITIVE, check_number
from bioaug.exceptions import DataError
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Score

_NAME = "spectrum_distance"
_FLOOR = 1e-8  # of the real signals' power: 80 dB below it, nothing is heard


@register_score(
    "spectrum",
    "fidelity",
    takes=("sampling_rate", "groups_real"),
    detects=faults_but("shift", "time reversal"),
)
def spectrum_distance(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    sampling_rate: float | None = None,
    bands: Mapping[str, tuple[float, float]] | None = None,
    n_null: int = 100,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return how far the mean log power spectra are apart, in decibels.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 4 rows, in each class, of at least 4 time steps.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; at least 4 rows, in each class.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    sampling_rate : float, optional
        In Hz; needed for `bands`.
    bands : mapping of str to (low, high), optional
        Bands by name, from `low` up to but without `high`, in Hz; each must hold a frequency of
        the spectrum, which are ``sampling_rate / n_timesteps`` apart.
    n_null : int, default=100
        Random parts of the real rows, or of the patients, for the null value.
    random_state : int, RandomState instance or None, default=None
        Seed of these parts; the value itself is not random.

    Returns
    -------
    score : Score
        In decibels, at least 0; 0 is no difference beyond that of random draws, lower is better.
        Its ``details``: ``plain``, the value with the random part; ``bands``, for each band the
        mean difference of every channel, synthetic minus real, in decibels.

    Raises
    ------
    DataError
        For too few rows or time steps, unequal lengths or channels, NaN, bands without a sampling
        rate, or a band without a frequency.

    Notes
    -----
    With L(x) = 10 log10 of the power of a signal's frequency in a Hann window, mean removed: the
    root of the mean over channels and frequencies of ``(mean_i L(r_i) - mean_j L(f_j))^2``, less
    what random draws add to that square, ``var L(r) / n_real + var L(f) / n_synthetic``. Powers
    under 80 dB below the real signals' total power count as that much.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import spectrum_distance
    >>> X = np.random.default_rng(0).normal(size=(400, 64))
    >>> round(spectrum_distance(X[:200], 2 * X[200:], n_null=2, random_state=0), 1)
    6.0
    """
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner=_NAME, optional=True)
    if bands is not None and sampling_rate is None:
        raise DataError(
            f"The 'sampling_rate' parameter of {_NAME} must be given where 'bands' are. Got None. "
            "Give it in Hz."
        )

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        loud = real.var(axis=(0, 2), keepdims=True)
        (mean, error), (made, made_error) = (_mean_log(rows, loud) for rows in (real, synthetic))
        difference, noise = made - mean, error + made_error
        details: dict[str, Any] = {"plain": float(np.sqrt((difference**2).mean()))}
        if bands is not None and sampling_rate is not None:
            frequencies = np.fft.rfftfreq(real.shape[2], 1 / sampling_rate)[1:]
            details["bands"] = _by_band(difference, frequencies, bands)
        return Result(float(np.sqrt(max((difference**2 - noise).mean(), 0))), details)

    return measure(
        formula,
        X_real,
        X_synthetic,
        name=_NAME,
        direction="lower",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=4,
        law=NullLaw(about_zero=True),
        n_null=n_null,
        random_state=random_state,
    )


def _mean_log(X: NDArray, loud: NDArray) -> tuple[NDArray, NDArray]:
    """Return the mean over rows of the log power, and the variance of this mean, in decibels.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_channels, n_timesteps)
    loud : ndarray of shape (1, n_channels, 1)
        Power to which the floor is relative.
    """
    n_timesteps = X.shape[2]
    if n_timesteps < 4:
        raise DataError(
            f"The 'X_real' parameter of {_NAME} must have at least 4 time steps. Got "
            f"{n_timesteps}. Give longer signals, or leave this score out."
        )
    window = np.hanning(n_timesteps + 1)[:-1]
    spectra = np.fft.rfft((X - X.mean(axis=2, keepdims=True)) * window, axis=2)[..., 1:]
    power = np.abs(spectra) ** 2 / (window @ window) / n_timesteps
    log = 10 * np.log10(power + np.where(loud > 0, loud, 1) * _FLOOR)
    return log.mean(axis=0), log.var(axis=0, ddof=1) / len(X)


def _by_band(
    difference: NDArray, frequencies: NDArray, bands: Mapping[str, tuple[float, float]]
) -> dict[str, list[float]]:
    found = {}
    for name, (low, high) in bands.items():
        inside = (frequencies >= low) & (frequencies < high)
        if not inside.any():
            raise DataError(
                f"The 'bands' parameter of {_NAME} must have bands that hold a frequency; they "
                f"are {frequencies[0]:.4g} Hz apart, up to {frequencies[-1]:.4g} Hz. Got {name!r} "
                f"from {low!r} to {high!r} Hz. Widen it."
            )
        found[name] = difference[:, inside].mean(axis=1).tolist()
    return found
