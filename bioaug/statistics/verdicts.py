"""Verdicts in words, Holm's adjustment and the number of patients needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from bioaug.core.arrays import to_floats
from bioaug.core.checks import (
    FRACTION,
    NOT_NEGATIVE,
    UNIT,
    check_number,
    check_numbers,
)
from bioaug.exceptions import DataError
from bioaug.statistics._resampling import MANY, Interval

HELPS, HARMS, INCONCLUSIVE = "helps", "harms", "inconclusive"
MOST_NAMED = 10_000  # patients that a verdict still numbers


@dataclass(frozen=True)
class Verdict:
    """The conclusion of a comparison, as a word and as a sentence.

    Attributes
    ----------
    outcome : str
        "helps", "harms", "inconclusive"; of arms of a comparison also "harms class V", where the
        interval of a class leaves out 0, and "failed".
    text : str
        The outcome, what to do, on how many patients, and the numbers.
    """

    outcome: str
    text: str


def holm(p_values: ArrayLike) -> NDArray:
    """Adjust p-values for several comparisons.

    Parameters
    ----------
    p_values : array-like of shape (n_comparisons,)

    Returns
    -------
    ndarray of shape (n_comparisons,)
        In the given order. Rejecting those of at most alpha controls the family-wise error rate at
        alpha, whatever the dependence between the comparisons.

    Raises
    ------
    DataError
        Where a p-value is not in [0, 1].

    Notes
    -----
    The i-th smallest of m is multiplied by m - i + 1, kept at least as large as the one before it
    and at most 1 [1]_.

    References
    ----------
    .. [1] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6, 1979.

    Examples
    --------
    >>> from bioaug.statistics import holm
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = to_floats(p_values, name="p_values", owner="holm")
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise DataError(
            "The 'p_values' parameter of holm must hold numbers from 0 to 1, in one dimension. "
            f"Got {p_values!r} instead."
        )
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def patients_needed(
    interval: Interval, n_patients: int, *, power: float = 0.8, confidence: float = 0.95
) -> int | None:
    """How many patients it would take to show a difference of the observed size.

    Parameters
    ----------
    interval : Interval
        Of the difference that was observed.
    n_patients : int
        Patients that it comes from.
    power : float
        How often a study of the answer's size would show the difference.
    confidence : float
        One minus the two-sided significance level of that study.

    Returns
    -------
    int or None
        None where the observed difference is 0, which no number of patients can show, or where
        the interval is infinite. It may be smaller than `n_patients`, and is at least 2.

    Raises
    ------
    DataError
        Where a number is out of range.

    Notes
    -----
    The half-width h of the interval shrinks as 1 / sqrt(n), so the difference d takes

    .. math:: n (h / |d|)^2 ((z_{confidence} + z_{power}) / z_{interval})^2

    patients. As d is itself uncertain, this is an order of magnitude: for a significant difference
    the answer tends to be too small, and for one near 0 it can be anything. It allows for
    no adjustment for several comparisons.

    Examples
    --------
    >>> from bioaug.statistics import Interval, patients_needed
    >>> patients_needed(Interval(0.012, -0.010, 0.034, p=0.28), 22)
    152
    """
    owner = "patients_needed"
    check_interval(interval, owner=owner)
    check_number(n_patients, MANY, name="n_patients", owner=owner)
    check_numbers({"power": power, "confidence": confidence}, FRACTION, owner=owner)
    half_width = interval.half_width
    if interval.value == 0 or not math.isfinite(half_width / interval.value):
        return None
    wanted = norm.ppf((1 + confidence) / 2) + norm.ppf(power)
    ratio = half_width / interval.value * max(wanted, 0.0)
    return max(
        2, math.ceil(n_patients * float(ratio / norm.ppf((1 + interval.confidence) / 2)) ** 2)
    )


def verdict(
    interval: Interval,
    *,
    p: float,
    min_difference: float = 0.0,
    n_patients: int,
    alpha: float = 0.05,
    metric: str = "f1_macro",
) -> Verdict:
    """Say in one sentence whether the first classifier is better.

    Parameters
    ----------
    interval : Interval
        Of its difference to the second, such as of `patient_bootstrap`.
    p : float
        P-value that counts: after `holm` where there were several comparisons.
    min_difference : float
        Smallest difference of practical relevance. The whole interval must lie beyond it, on either
        side, for an outcome other than "inconclusive".
    n_patients : int
        Patients that the interval comes from.
    alpha : float
        Significance level: the largest p-value that shows a difference.
    metric : str
        What the difference is of, for the sentence: as of `patient_bootstrap`, or any words.

    Returns
    -------
    Verdict
        The sentence says first what to do and on how many patients it rests. How many patients
        would be needed is said only where patients make the interval wide
        (``interval.limited_by``); else it says to take more folds or repeats first.

    Raises
    ------
    DataError
        Where a number is out of range.

    Examples
    --------
    >>> from bioaug.statistics import Interval, verdict
    >>> verdict(Interval(0.012, -0.010, 0.034, p=0.14), p=0.28, n_patients=22).outcome
    'inconclusive'
    """
    owner = "verdict"
    check_interval(interval, owner=owner)
    check_number(p, UNIT, name="p", owner=owner)
    check_number(min_difference, NOT_NEGATIVE, name="min_difference", owner=owner)
    check_number(n_patients, MANY, name="n_patients", owner=owner)
    check_number(alpha, FRACTION, name="alpha", owner=owner)
    if not isinstance(metric, str):
        raise DataError(f"The 'metric' parameter of {owner} must be text. Got {metric!r} instead.")
    said = difference_in_words(interval, p=p, n_patients=n_patients, metric=metric)
    if p <= alpha and interval.low > min_difference:
        return Verdict(HELPS, f"{HELPS}: use it, {said}")
    if p <= alpha and interval.high < -min_difference:
        return Verdict(HARMS, f"{HARMS}: do not use it, {said}")
    if interval.low <= 0 <= interval.high:
        why = _what_more(interval, n_patients, alpha)
    elif p > alpha:
        why = f"0 is outside of the interval, but p is above {alpha:g}"
    else:
        why = f"it differs from 0, but perhaps by less than the {min_difference:g} that counts"
    return Verdict(INCONCLUSIVE, f"{INCONCLUSIVE}: no reason to use or to avoid it, {said}; {why}")


def metric_in_words(metric: str) -> str:
    """Return a metric as it stands in a sentence, such as "F1 of class V"."""
    kind, _, label = metric.partition(":")
    words = {"f1_macro": "macro F1", "f1": "F1"}.get(kind, kind.replace("_", " "))
    return f"{words} of class {label}" if label else words


def difference_in_words(interval: Interval, *, p: float, n_patients: int, metric: str) -> str:
    """Return a difference with its interval, as in "on 22 patients macro F1 was 0.05 higher"."""
    patients = f"{n_patients} patient{'s' * (n_patients > 1)}"
    text = f"on {patients} {metric_in_words(metric)} was "
    if round(interval.value, 3) == 0:
        text += "the same"
    else:
        text += f"{abs(interval.value):.3f} {'higher' if interval.value > 0 else 'lower'}"
    p_text = "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
    adjusted = " after Holm" if p != interval.p else ""
    if not math.isfinite(interval.half_width):
        return f"{text} (too few {interval.limited_by} for an interval)"
    limits = f"{100 * interval.confidence:g} % interval {interval.low:+.3f} to {interval.high:+.3f}"
    return f"{text} ({limits}, {p_text}{adjusted})"


def _what_more(interval: Interval, n_patients: int, alpha: float) -> str:
    if interval.limited_by != "patients":
        return f"more {interval.limited_by} first: they, not the patients, make the interval wide"
    return _in_patients(patients_needed(interval, n_patients, confidence=1 - alpha), n_patients)


def _in_patients(needed: int | None, n_patients: int) -> str:
    if needed is None:
        return "how many patients would be needed cannot be said"
    if needed <= n_patients:  # the interval reaches 0 by its longer side only
        return "somewhat more patients would be needed"
    if needed > MOST_NAMED:
        return f"more than {MOST_NAMED} patients would be needed to show so small a difference"
    unit = 10 ** max(0, len(str(needed)) - 2)  # two digits are all that is known of it
    return f"about {math.ceil(needed / unit) * unit} patients would be needed"


def check_interval(interval: Any, *, owner: str) -> None:
    """Raise a DataError unless this is an Interval of numbers."""
    if not isinstance(interval, Interval):
        raise DataError(
            f"The 'interval' parameter of {owner} must be an Interval, such as patient_bootstrap "
            f"returns. Got {interval!r} instead."
        )
    numbers = (interval.value, interval.low, interval.high, interval.p, interval.confidence)
    if not all(isinstance(number, int | float | np.number) for number in numbers):
        raise DataError(
            f"The 'interval' parameter of {owner} must hold numbers. Got {interval!r} instead."
        )
