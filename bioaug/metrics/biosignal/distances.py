"""Distances of clinical features: those of heart beats and of brain waves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import wasserstein_distance

from bioaug.core.checks import check_finite
from bioaug.exceptions import DataError
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.pairs import check_pair
from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.biosignal._features import (
    Features,
    ecg_features,
    ecg_features_of,
    eeg_features,
    eeg_features_of,
    find_r_peak,
)

__all__ = ["ecg_distance", "ecg_features", "eeg_distance", "eeg_features"]

LEAST, HALVINGS = 4, 4


@register_score(
    "ecg",
    "biosignal",
    needs=("sampling_rate",),
    takes=("groups_real",),
    detects=faults_but("shift"),
)
def ecg_distance(
    X_real: Any,
    X_synthetic: Any,
    *,
    sampling_rate: float,
    r_peak: int | None = None,
    rr_real: ArrayLike | None = None,
    rr_synthetic: ArrayLike | None = None,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    n_null: int = 50,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    r"""How far apart real and synthetic heart beats are in what is measured on an ECG.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        One beat a row, at least 4 of every class, in the same units.
    sampling_rate : float
        In Hz.
    r_peak : int, optional
        Index of the R peak in every row; see `ecg_features`. Found in the real rows by default.
    rr_real, rr_synthetic : array-like of shape (n,), optional
        RR interval of every beat in seconds; both or none.
    y_real, y_synthetic : array-like of shape (n,), optional
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    n_null : int, default=50
    random_state : int, RandomState or None

    Returns
    -------
    score : Score
        Mean over features and channels of the Wasserstein distance in real deviations, beyond
        what real rows among themselves have; from 0, lower is better. `details` holds for every
        feature its plain ``distance`` in ``unit``, ``real_real`` (what as many real rows have),
        ``scaled`` (what the mean is of), and mean and deviation of either side. With several
        channels, their names are ``r_amplitude[0]`` and so on.

    Raises
    ------
    DataError
        For rows that cannot be used, or where one of `rr_real` and `rr_synthetic` is missing.

    See Also
    --------
    ecg_features : How the features are defined.

    Notes
    -----
    With F the distribution function of a feature, W = :math:`\int |F_{real} - F_{synthetic}|`
    its distance, and sd its deviation over the real rows, each adds

    .. math:: \sqrt{\max(W^2 - W_{real}^2, 0)} / sd.

    Even samples of one distribution are apart, so the mean square of the distance of halves of
    the real rows, brought to the sizes at hand, comes off. Features are taken in the signals' own
    units: synthetic beats that are too small are far away. Rows that were standardised one by
    one have lost their amplitude, and so has this score.

    Examples
    --------
    >>> from bioaug.datasets import make_ecg
    >>> from bioaug.metrics import ecg_distance
    >>> X = make_ecg(200, classes=("N",), random_state=0).data
    >>> score = ecg_distance(X[:100], X[100:], sampling_rate=360, r_peak=90, random_state=0)
    >>> score.details["qrs_width"]["unit"]
    'ms'
    >>> bool(score < ecg_distance(X[:100], 0.5 * X[100:], sampling_rate=360, r_peak=90))
    True
    """
    owner = "ecg_distance"
    pair = check_pair(X_real, X_synthetic, y_real, y_synthetic, owner=owner)
    peak = find_r_peak(pair.X_real, sampling_rate, r_peak, owner=owner)
    features = [ecg_features_of(X, sampling_rate, peak) for X in (pair.X_real, pair.X_synthetic)]
    _add_rr(features, rr_real, rr_synthetic)
    units = {"qrs_width": "ms", "rr": "s"}
    return _distance(
        features,
        units,
        "signal units",
        name=owner,
        y_real=pair.y_real,
        y_synthetic=pair.y_synthetic,
        groups_real=groups_real,
        n_null=n_null,
        random_state=random_state,
    )


@register_score(
    "eeg",
    "biosignal",
    needs=("sampling_rate",),
    takes=("groups_real",),
    detects=faults_but("shift", "dropped patients", "time reversal"),
)
def eeg_distance(
    X_real: Any,
    X_synthetic: Any,
    *,
    sampling_rate: float,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    n_null: int = 50,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """How far apart real and synthetic EEG are in band powers and spectral slope.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        At least 4 rows of every class, of half a second, in the same units.
    sampling_rate : float
        In Hz.
    y_real, y_synthetic : array-like of shape (n,), optional
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    n_null : int, default=50
    random_state : int, RandomState or None

    Returns
    -------
    score : Score
        Mean over features and channels of the Wasserstein distance in real deviations, beyond
        what real rows among themselves have; from 0, lower is better. `details` is as
        in `ecg_distance`; powers are in "log10".

    Raises
    ------
    DataError
        For rows that cannot be used or are too short.

    See Also
    --------
    eeg_features : How the features are defined.
    ecg_distance : The same distance for heart beats.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import eeg_distance
    >>> X = np.random.default_rng(0).normal(size=(60, 200)).cumsum(axis=1)
    >>> good = eeg_distance(X[:30], X[30:], sampling_rate=200, random_state=0)
    >>> bool(good < eeg_distance(X[:30], np.diff(X[30:], prepend=0), sampling_rate=200))
    True
    """
    owner = "eeg_distance"
    pair = check_pair(X_real, X_synthetic, y_real, y_synthetic, owner=owner)
    features = [
        eeg_features_of(X, sampling_rate, owner=owner) for X in (pair.X_real, pair.X_synthetic)
    ]
    return _distance(
        features,
        {"slope": "log10 power / log10 frequency"},
        "log10",
        name=owner,
        y_real=pair.y_real,
        y_synthetic=pair.y_synthetic,
        groups_real=groups_real,
        n_null=n_null,
        random_state=random_state,
    )


def _distance(
    features: list[Features], units: Mapping[str, str], unit: str, **settings: Any
) -> Score:
    """Return the score of features: a column each, so that classes and halves go with them."""
    columns = {}
    for name, values in features[0].items():
        for channel in range(values.shape[1]):
            column = name if values.shape[1] == 1 else f"{name}[{channel}]"
            columns[column] = units.get(name, unit)
    real, synthetic = (np.concatenate(list(side.values()), axis=1) for side in features)
    return measure(
        partial(_wasserstein, columns=columns),
        real,
        synthetic,
        direction="lower",
        least=LEAST,
        law=NullLaw(about_zero=True),
        scale=False,
        **settings,
    )


def _wasserstein(
    real: NDArray, synthetic: NDArray, rng: np.random.RandomState, *, columns: Mapping[str, str]
) -> Result:
    columns_real, columns_synthetic = real[:, 0].T, synthetic[:, 0].T
    noise = _noise(columns_real, len(synthetic), rng)
    details = {}
    for index, (name, unit) in enumerate(columns.items()):
        first, second = columns_real[index], columns_synthetic[index]
        distance, deviation = float(wasserstein_distance(first, second)), float(first.std())
        flat = deviation <= 1e-12 * float(np.abs(first).max())  # rounding alone
        beyond = max(distance**2 - noise[index] ** 2, 0) ** 0.5
        details[name] = {
            "distance": distance,
            "unit": unit,
            "real_real": float(noise[index]),
            "scaled": beyond / (1 if flat else deviation),
            "real": {"mean": float(first.mean()), "deviation": deviation},
            "synthetic": {"mean": float(second.mean()), "deviation": float(second.std())},
        }
    return Result(float(np.mean([found["scaled"] for found in details.values()])), details)


def _noise(columns: NDArray, n_synthetic: int, rng: np.random.RandomState) -> NDArray[np.float64]:
    """Return how far apart real rows as many as the real and the synthetic ones would be.

    Halves of the real rows show it: the squared distance of samples goes by 1 / n + 1 / m.
    """
    n_rows = columns.shape[1]
    half = n_rows // 2
    squared = np.zeros(len(columns))
    for _ in range(HALVINGS):
        order = rng.permutation(n_rows)
        for index, column in enumerate(columns):
            distance = wasserstein_distance(column[order[:half]], column[order[half:]])
            squared[index] += float(distance) ** 2 / HALVINGS
    factor = (1 / n_rows + 1 / n_synthetic) / (1 / half + 1 / (n_rows - half))
    return np.sqrt(squared * factor)


def _add_rr(
    features: list[Features], rr_real: ArrayLike | None, rr_synthetic: ArrayLike | None
) -> None:
    given = {"rr_real": rr_real, "rr_synthetic": rr_synthetic}
    missing = [name for name, rr in given.items() if rr is None]
    if len(missing) == 2:
        return
    if missing:
        raise DataError(
            f"The {missing[0]!r} parameter of ecg_distance must be given where the other RR "
            "intervals are. Got None. Give both or none."
        )
    for side, (name, rr) in zip(features, given.items(), strict=True):
        rr, n_rows = np.asarray(rr, np.float64), len(side["qrs_width"])
        if rr.shape != (n_rows,):
            raise DataError(
                f"The {name!r} parameter of ecg_distance must have shape ({n_rows},), a number for "
                f"every beat. Got {rr.shape}."
            )
        check_finite(rr, owner="ecg_distance")
        side["rr"] = rr[:, None]
