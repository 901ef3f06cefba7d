"""Wavelet coherence of real and synthetic signals, by frequency and time."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from bioaug.core.checks import POSITIVE, check_number, check_option
from bioaug.exceptions import DataError
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import faults_but, register_score
from bioaug.metrics.base.score import Score
from bioaug.metrics.fidelity.wavelet import (
    CONE,
    OCTAVE_STEP,
    OCTAVES,
    frequencies_of,
    pairwise_coherence,
    scales_of,
    smooth,
    transform,
)

OWNER = "wavelet_coherence"


class CoherenceMap(NamedTuple):
    """Coherence of two signals over frequency and time.

    Attributes
    ----------
    coherence : ndarray of shape (..., n_frequencies, n_timesteps)
        Magnitude-squared coherence in [0, 1].
    frequencies : ndarray of shape (n_frequencies,)
        Falling; in Hz, or in cycles per sample where no sampling rate was given.
    inside : ndarray of bool of shape (n_frequencies, n_timesteps)
        Whether a point is free of edge effects: inside the cone of influence.
    """

    coherence: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    inside: NDArray[np.bool_]

    def mean(self) -> NDArray[np.float64]:
        """Return the mean coherence inside the cone, of shape (...)."""
        return self.coherence[..., self.inside].mean(axis=-1)


def coherence_map(
    x: ArrayLike,
    y: ArrayLike,
    *,
    sampling_rate: float | None = None,
    octave_step: float = OCTAVE_STEP,
    octaves: float = OCTAVES,
) -> CoherenceMap:
    """Return the smoothed wavelet coherence of two signals, or of two sets of them in pairs.

    Parameters
    ----------
    x, y : array-like of shape (..., n_timesteps)
    sampling_rate : float, optional
        In Hz.
    octave_step : float, default=0.1
        Octaves between neighbouring scales, which begin at 3 samples.
    octaves : float, default=0.6
        Width of the boxcar that smooths over scales.

    Returns
    -------
    CoherenceMap
        With `coherence`, `frequencies` and `inside` (the cone of influence); its `mean()` is the
        mean inside the cone.

    Raises
    ------
    DataError
        For signals below 16 time steps or of unequal lengths.

    Notes
    -----
    With W the transform by the Morlet wavelet, s the scale and S the smoothing [1]_ [2]_

    .. math:: R^2 = |S(s^{-1} W_x W_y^*)|^2 / (S(s^{-1} |W_x|^2) S(s^{-1} |W_y|^2)).

    S is a Gaussian of deviation s over time and a boxcar over log scale. The mean of every signal
    is taken off and zeros are put around it. `pycwt.wct` gives the same values away from the
    edges once the boxcar is the same; its own is two times as wide as the usual 0.6 octaves, and
    its smoothing can wrap around the ends.

    References
    ----------
    .. [1] Torrence C, Compo GP, "A practical guide to wavelet analysis", Bulletin of the American
       Meteorological Society 79(1):61-78, 1998.
    .. [2] Torrence C, Webster PJ, "Interdecadal changes in the ENSO-monsoon system", Journal of
       Climate 12(8):2679-2690, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import coherence_map
    >>> t = np.arange(200)
    >>> shifted = coherence_map(np.sin(t / 2), np.sin(t / 2 + 1))
    >>> bool(shifted.mean() > 0.9)
    True
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape[-1] != y.shape[-1]:
        raise DataError(
            "The 'y' parameter of coherence_map must be as long as 'x'. "
            f"Got {y.shape[-1]} and {x.shape[-1]} time steps. Cut the longer one."
        )
    scales = scales_of(x.shape[-1], octave_step, owner="coherence_map")
    W_x, W_y = transform(x, scales), transform(y, scales)
    smoothed = partial(smooth, scales=scales, half_width=octaves / octave_step / 2)
    cross = np.abs(smoothed(W_x * W_y.conj())) ** 2
    # Rounding can leave a power of zero a little below it.
    power = np.maximum(smoothed(np.abs(W_x) ** 2).real, 0) * np.maximum(
        smoothed(np.abs(W_y) ** 2).real, 0
    )
    coherence = np.divide(cross, power, out=np.zeros_like(cross), where=power > 0)
    times = np.arange(x.shape[-1])
    to_edge = np.minimum(times, times[::-1]) + 0.5
    inside = to_edge >= CONE * scales[:, None]
    return CoherenceMap(np.minimum(coherence, 1), frequencies_of(scales, sampling_rate), inside)


@register_score(
    "wavelet_coherence",
    "fidelity",
    fast=False,
    takes=("sampling_rate", "groups_real"),
    detects=faults_but("scale", "dropped patients"),
)
def wavelet_coherence(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    sampling_rate: float | None = None,
    band: tuple[float, float] | None = None,
    pairing: Literal["random", "optimal"] = "random",
    n_rows: int = 64,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """How far the coherence of real with synthetic signals is from that of real with real ones.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        At least 4 rows of every class and 16 time steps; any units.
    y_real, y_synthetic : array-like of shape (n,), optional
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    sampling_rate : float, optional
        In Hz; frequencies are in cycles per sample without it.
    band : tuple of two float, optional
        Lowest and highest frequency that count; all that fit into the signal by default.
    pairing : {"random", "optimal"}, default="random"
        "random" averages over all pairs, which is what random pairing comes to. "optimal" matches
        rows one to one so that their coherence is highest, half of the rows with the other half.
    n_rows : int, default=64
        Rows drawn from either side; all of their pairs are compared.
    n_null : int, default=20
    random_state : int, RandomState or None

    Returns
    -------
    score : Score
        About 0 for real signals; lower is better, at most 2. `details` holds the mean coherences,
        each in [0, 1]: ``synthetic_real``, ``real_real``, ``synthetic_synthetic`` and
        ``class_mean``, that of real signals with their mean; ``class_mean_score``, what a
        generator would score that makes nothing but this mean; and by ``frequency`` the lists
        ``synthetic_real_by_frequency`` and ``real_real_by_frequency`` (over all pairs).

    Raises
    ------
    DataError
        For rows that cannot be used, or a `band` that holds no frequency.

    See Also
    --------
    coherence_map : The coherence of single pairs, with the formula.

    Notes
    -----
    With C the mean coherence inside the cone of influence over pairs, the score is

    .. math:: C(real, real') + C(synthetic, synthetic') - 2 C(real, synthetic).

    The plain C(real, synthetic) is won by a collapsed generator: the class mean coheres with real
    signals better than they do with each other. Here its perfect coherence with itself counts
    against it. At every frequency and time the coherence is the squared modulus of the inner
    product of two unit vectors, so it is a positive definite kernel and, over all pairs, the score
    is the unbiased estimate of a squared maximum mean discrepancy [1]_: 0 only where both sides
    agree in it. Coherence does not see gain, sign or a common phase; other scores do.

    Under optimal pairing, copies of the real rows score clearly below the null interval.

    References
    ----------
    .. [1] Gretton A et al., "A kernel two-sample test", JMLR 13:723-773, 2012.

    Examples
    --------
    >>> from bioaug.datasets import make_ecg
    >>> from bioaug.metrics import wavelet_coherence
    >>> X = make_ecg(80, classes=("N",), random_state=0).data
    >>> score = wavelet_coherence(X[:40], X[40:], n_null=0, random_state=0)
    >>> collapsed = wavelet_coherence(X[:40], X[40:].mean(axis=0).repeat(9, 0), n_null=0)
    >>> bool(score < collapsed)
    True
    """
    check_option(pairing, name="pairing", owner=OWNER, options=["random", "optimal"])
    if not isinstance(n_rows, Integral) or n_rows < 4:
        raise DataError(
            f"The 'n_rows' parameter of {OWNER} must be an int of at least 4. Got {n_rows!r}."
        )
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner=OWNER, optional=True)
    _check_band(band)
    return measure(
        partial(
            _formula, sampling_rate=sampling_rate, band=band, matched=pairing == "optimal", n=n_rows
        ),
        X_real,
        X_synthetic,
        name=OWNER,
        direction="lower",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=4,
        law=NullLaw(power=1, most=n_rows),
        n_null=n_null,
        random_state=random_state,
    )


def _check_band(band: Any) -> None:
    """Raise a DataError unless the band is None or two numbers, the lower one first."""
    if band is None:
        return
    try:
        low, high = (float(edge) for edge in band)
    except (TypeError, ValueError, RuntimeError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise DataError(
            f"The 'band' parameter of {OWNER} must be None or (lowest, highest) frequency. Got "
            f"{band!r}. Give two numbers, the lower one first."
        )


def _formula(
    real: NDArray,
    synthetic: NDArray,
    rng: np.random.RandomState,
    *,
    sampling_rate: float | None,
    band: tuple[float, float] | None,
    matched: bool,
    n: int,
) -> Result:
    drawn_r = rng.permutation(len(real))[:n]
    drawn_s = rng.permutation(len(synthetic))[:n]
    rows = np.concatenate([real[drawn_r], synthetic[drawn_s], real.mean(axis=0, keepdims=True)])
    frequencies, weights, tables = pairwise_coherence(rows, sampling_rate, band, owner=OWNER)
    C = np.einsum("f,fij->ij", weights / weights.sum(), tables)
    R, S = slice(0, len(drawn_r)), slice(len(drawn_r), -1)
    mean = _matched if matched else _mean
    rr, ss, rs = mean(C[R, R], True), mean(C[S, S], True), mean(C[R, S], False)
    with_mean = float(C[R, -1].mean())
    details = {
        "synthetic_real": rs,
        "real_real": rr,
        "synthetic_synthetic": ss,
        "class_mean": with_mean,
        "class_mean_score": rr + 1 - 2 * with_mean,
        "frequency": frequencies.tolist(),
        "synthetic_real_by_frequency": [_mean(table[R, S], False) for table in tables],
        "real_real_by_frequency": [_mean(table[R, R], True) for table in tables],
    }
    return Result(rr + ss - 2 * rs, details)


def _mean(C: NDArray, same: bool) -> float:
    """Return the mean over pairs of two rows; with `same`, without each row and itself."""
    if not same:
        return float(C.mean())
    return float((C.sum() - np.trace(C)) / (len(C) * (len(C) - 1)))


def _matched(C: NDArray, same: bool) -> float:
    """Return the mean over the best one-to-one pairs of a half with a half."""
    n = min(C.shape) // 2
    # Both halvings of two different sets, so that all rows count; of one set they are the same.
    blocks = [C[:n, -n:]] if same else [C[:n, -n:], C[-n:, :n]]
    return float(np.mean([b[linear_sum_assignment(b, maximize=True)].mean() for b in blocks]))
