"""Whether one classifier beats another on patients: intervals, p-values, a plain verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.utils import check_random_state

from bioaug._class_scores import calibration_error, per_class_scores
from bioaug._draws import in_blocks, limits, p_of_zero
from bioaug._paired import Metric, Pairing
from bioaug._validation import COUNT, NOT_NEGATIVE, SHARE, UNIT, check_number, check_numbers
from bioaug._worth import Worth, worth, worth_interval
from bioaug.exceptions import DataError

__all__ = [
    "Interval",
    "Verdict",
    "Worth",
    "calibration_error",
    "corrected_interval",
    "holm",
    "leave_one_patient_out",
    "patient_bootstrap",
    "patients_needed",
    "per_class_scores",
    "verdict",
    "worth",
    "worth_interval",
]

MOST_NAMED = 10_000  # patients that a verdict still numbers


@dataclass(frozen=True)
class Interval:
    """A difference, where it may lie, and how surely it is one.

    Attributes
    ----------
    value : float
        The observed difference; positive where the first classifier is better.
    low, high : float
        Infinite where one fold or one patient is all there is.
    p : float
        Two-sided p-value of no difference, not adjusted for other comparisons.
    confidence : float
        How often such intervals hold the true difference.
    """

    value: float
    low: float
    high: float
    p: float
    confidence: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the distance from `low` to `high`."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to.

    Attributes
    ----------
    word : {"helps", "harms", "cannot be told"}
    text : str
        One sentence with the numbers.
    """

    word: Literal["helps", "harms", "cannot be told"]
    text: str


def corrected_interval(
    differences: ArrayLike, *, test_share: float, confidence: float = 0.95
) -> Interval:
    r"""Interval of a mean difference over folds and repeats that share training rows.

    Parameters
    ----------
    differences : array-like of shape (n_scores,)
        Score of the first classifier minus score of the second, for every fold of every repeat.
    test_share : float
        Test rows as a share of all rows: 1 / n_folds of cross-validation.
    confidence : float

    Returns
    -------
    Interval
        From a single difference, it is infinite and p is 1.

    Raises
    ------
    DataError
        Where differences are not finite numbers in one dimension, or a share is not inside (0, 1).

    Notes
    -----
    With J differences of variance s² (ddof=1), the corrected resampled t-test [1]_ takes

    .. math:: \bar d \pm t_{J-1} \sqrt{(1/J + n_{test} / n_{train}) s^2}

    as the interval; for repeated cross-validation [2]_. The second term stands for the training
    rows that folds share. It is a rule of thumb (the correlation is taken to be the test share),
    and where patients differ much, `patient_bootstrap` asks the question that matters.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    .. [2] Bouckaert and Frank, "Evaluating the replicability of significance tests for comparing
       learning algorithms", PAKDD 2004.

    Examples
    --------
    >>> from bioaug.statistics import corrected_interval
    >>> interval = corrected_interval([0.01, 0.03, 0.02, 0.04, 0.0], test_share=0.2)
    >>> print(f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}] p={interval.p:.2f}")
    0.020 [-0.009, 0.049] p=0.13
    """
    owner = "corrected_interval"
    check_numbers({"test_share": test_share, "confidence": confidence}, SHARE, owner=owner)
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise DataError(
            f"The 'differences' parameter of {owner} must hold at least one finite number, in one "
            f"dimension. Got {differences!r} instead."
        )
    mean, n_scores = float(values.mean()), len(values)
    if n_scores < 2:
        return Interval(mean, -np.inf, np.inf, 1.0, confidence)
    ratio = test_share / (1 - test_share)
    error = math.sqrt((1 / n_scores + ratio) * values.var(ddof=1))
    width = float(student.ppf((1 + confidence) / 2, n_scores - 1)) * error
    t = abs(mean) / error if error > 0 else np.inf
    p = float(2 * student.sf(t, n_scores - 1)) if mean else 1.0
    return Interval(mean, mean - width, mean + width, p, confidence)


def patient_bootstrap(
    y: ArrayLike,
    predicted: ArrayLike,
    other: ArrayLike,
    groups: ArrayLike,
    *,
    metric: Metric,
    n_draws: int = 2000,
    confidence: float = 0.95,
    random_state: Any = 0,
) -> Interval:
    """Interval of the difference of two classifiers for patients like these.

    Whole patients are drawn with replacement, since the rows of one are alike: an interval from
    drawn rows would be far too narrow.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    predicted, other : array-like of shape (n_samples,) or (n_repeats, n_samples)
        Labels that the first and the second classifier gave to the same rows. Of several repeats,
        such as seeds, the mean score is compared; the two may have different numbers of them.
    groups : array-like of shape (n_samples,)
        The patient of every row.
    metric : str or callable
        "f1_macro", "balanced_accuracy", "accuracy"; "f1:<label>", "recall:<label>",
        "precision:<label>" of one class; or a function (y, predicted) -> float, greater is better,
        which is called on the rows of every draw, so takes long.
    n_draws : int
    confidence : float
    random_state : int, RandomState instance or None

    Returns
    -------
    Interval
        Infinite, with p 1, where only one patient has rows (of the class, for a metric of one).

    Raises
    ------
    DataError
        Where shapes do not match, a label is missing or the metric is unknown.

    See Also
    --------
    leave_one_patient_out : How much hangs on single patients.

    Notes
    -----
    Means over classes are over those that `y` holds. What is predicted outside of them is an error
    of the row's class only. A draw without any row of a class leaves this class out of its mean: a
    score of 0 would say that both classifiers fail there, and shrink the difference, when in fact
    nothing was asked. A metric of one class has no value in such a draw, which is left out. A
    class with rows that is never predicted has precision and F1 0.

    The p-value is twice the smaller share of draws on either side of 0, and the interval is that
    of percentiles, both expanded [1]_ to what Student's distribution would give with this number
    of patients (with rows of the class, for a metric of one). In simulations without a difference,
    macro F1 is told apart in 6 % to 7 % of 2000 sets of 10, 22 or 40 patients, where 5 % is meant;
    by plain percentiles in 11 % to 12 %, 8 % to 9 % and 7 % to 8 %; by drawing rows, in most sets.

    From a single repeat, what varies is the patients who are tested: that another training might
    have come out otherwise is not in the interval, and two classifiers that differ by their seeds
    only are often told apart. From several, the variance of their mean is added to that of the
    patients, with the degrees of freedom of Welch's test [2]_: of two repeats that differ much, the
    interval is wide. The training rows are the same in all of them.

    References
    ----------
    .. [1] Hesterberg, "What teachers should know about the bootstrap", The American Statistician
       69, 2015: the expanded percentile interval.
    .. [2] Welch, "The generalization of 'Student's' problem when several different population
       variances are involved", Biometrika 34, 1947.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.statistics import patient_bootstrap
    >>> y, groups = np.tile(["N", "V"], 30), np.repeat(np.arange(10), 6)
    >>> other = np.where(np.arange(60) % 7 == 0, "N", y)
    >>> interval = patient_bootstrap(y, y, other, groups, metric="f1_macro")
    >>> print(f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]")
    +0.067 [+0.017, +0.136]
    """
    owner = "patient_bootstrap"
    check_number(n_draws, COUNT, name="n_draws", owner=owner)
    check_number(confidence, SHARE, name="confidence", owner=owner)
    pair = Pairing.of(y, predicted, other, groups, metric=metric, owner=owner)
    n_patients = len(pair.patients)
    value = float(pair.difference(np.ones((1, n_patients)))[0])
    if pair.n_telling < 2:
        return Interval(value, -np.inf, np.inf, 1.0, confidence)
    random = check_random_state(random_state)
    chances = np.full(n_patients, 1 / n_patients)
    drawn = [
        pair.difference(random.multinomial(n_patients, chances, stop - start))
        for start, stop in in_blocks(n_draws, n_patients)
    ]
    draws = np.concatenate(drawn)
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Interval(value, -np.inf, np.inf, 1.0, confidence)
    low, high = limits(value, draws, pair.n_telling, pair.repeats, confidence)
    p = p_of_zero(value, draws, pair.n_telling, pair.repeats)
    return Interval(value, low, high, p, confidence)


def leave_one_patient_out(
    y: ArrayLike, predicted: ArrayLike, other: ArrayLike, groups: ArrayLike, *, metric: Metric
) -> dict[Any, float]:
    """Difference of two classifiers without each patient in turn.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    predicted, other : array-like of shape (n_samples,) or (n_repeats, n_samples)
        Labels that the first and the second classifier gave to the same rows.
    groups : array-like of shape (n_samples,)
        The patient of every row.
    metric : str or callable
        As of `patient_bootstrap`.

    Returns
    -------
    dict
        The difference by the patient who is left out. NaN where a metric is about one class and
        no other patient has it. Where the sign changes, the result hangs on this patient.

    Raises
    ------
    DataError
        As `patient_bootstrap` does, and where there is only one patient.

    Examples
    --------
    >>> from bioaug.statistics import leave_one_patient_out
    >>> y, predicted, other = [0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0, 0], [0, 0, 0, 1, 0, 1]
    >>> without = leave_one_patient_out(y, predicted, other, list("aabbcc"), metric="accuracy")
    >>> without["a"], without["c"]
    (-0.25, 0.25)
    """
    owner = "leave_one_patient_out"
    pair = Pairing.of(y, predicted, other, groups, metric=metric, owner=owner)
    n_patients = len(pair.patients)
    if n_patients < 2:
        raise DataError(
            f"The 'groups' parameter of {owner} must name at least 2 patients. Got only "
            f"{pair.patients[0]!r}."
        )
    without = []
    for start, stop in in_blocks(n_patients, n_patients):
        weights = np.ones((stop - start, n_patients))
        weights[np.arange(stop - start), np.arange(start, stop)] = 0
        without.extend(pair.difference(weights).tolist())
    return dict(zip(pair.patients.tolist(), without, strict=True))


def holm(p_values: ArrayLike) -> NDArray:
    """P-values adjusted for having looked at several comparisons.

    Parameters
    ----------
    p_values : array-like of shape (n_comparisons,)

    Returns
    -------
    ndarray of shape (n_comparisons,)
        In the given order. Those at most alpha are told with a chance of at most alpha that any of
        them is wrong, whatever the dependence between the comparisons.

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
    p = np.asarray(p_values, dtype=float)
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
    """How many patients it would take to tell a difference of the observed size.

    Parameters
    ----------
    interval : Interval
        Of the difference that was observed.
    n_patients : int
        Patients that it comes from.
    power : float
        How often a study of the answer's size would tell the difference.
    confidence : float
        One minus the two-sided significance level of that study.

    Returns
    -------
    int or None
        None where the observed difference is 0, which no number of patients tells from 0, or where
        the interval is infinite. It may be smaller than `n_patients`, and is at least 2.

    Raises
    ------
    DataError
        Where a number is out of range.

    Notes
    -----
    The half-width h of the interval shrinks as 1 / sqrt(n), so the difference d takes

    .. math:: n (h / |d|)^2 ((z_{confidence} + z_{power}) / z_{interval})^2

    patients. As d is itself uncertain, this is an order of magnitude: of a difference that is told
    from 0 the answer tends to be too small, and of one near 0 it can be anything. It allows for
    no adjustment for several comparisons.

    Examples
    --------
    >>> from bioaug.statistics import Interval, patients_needed
    >>> patients_needed(Interval(0.012, -0.010, 0.034, p=0.28), 22)
    152
    """
    owner = "patients_needed"
    check_number(n_patients, COUNT, name="n_patients", owner=owner)
    check_numbers({"power": power, "confidence": confidence}, SHARE, owner=owner)
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
    least: float = 0.0,
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
    least : float
        Smallest difference that is worth having. The whole interval must lie beyond it, on either
        side, for a word other than "cannot be told".
    n_patients : int
        Patients that the interval comes from.
    alpha : float
        Largest p-value that tells a difference.
    metric : str
        What the difference is of, for the sentence: as of `patient_bootstrap`, or any words.

    Returns
    -------
    Verdict

    Raises
    ------
    DataError
        Where a number is out of range.

    Examples
    --------
    >>> from bioaug.statistics import Interval, verdict
    >>> verdict(Interval(0.012, -0.010, 0.034, p=0.14), p=0.28, n_patients=22).word
    'cannot be told'
    """
    owner = "verdict"
    check_number(p, UNIT, name="p", owner=owner)
    check_number(least, NOT_NEGATIVE, name="least", owner=owner)
    check_number(n_patients, COUNT, name="n_patients", owner=owner)
    check_number(alpha, SHARE, name="alpha", owner=owner)
    numbers = _in_numbers(interval, p=p, n_patients=n_patients, metric=metric)
    if p <= alpha and interval.low > least:
        return Verdict("helps", f"helps: {numbers}")
    if p <= alpha and interval.high < -least:
        return Verdict("harms", f"harms: {numbers}")
    if interval.low <= 0 <= interval.high:
        needed = patients_needed(interval, n_patients, confidence=1 - alpha)
        why = _in_patients(needed, n_patients)
    elif p > alpha:
        why = f"0 is outside of the interval, but p is above {alpha:g}"
    else:
        why = f"it differs from 0, but perhaps by less than the {least:g} that counts"
    return Verdict("cannot be told", f"cannot be told: {numbers}; {why}")


def _in_numbers(interval: Interval, *, p: float, n_patients: int, metric: str) -> str:
    kind, _, label = metric.partition(":")
    words = {"f1_macro": "macro F1", "f1": "F1"}.get(kind, kind.replace("_", " "))
    if label:
        words += f" of {label}"
    limits = f"{100 * interval.confidence:g} % interval {interval.low:+.3f} to {interval.high:+.3f}"
    patients = f"{n_patients} patient{'s' * (n_patients > 1)}"
    chance = "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
    adjusted = " after Holm" if p != interval.p else ""
    return f"{interval.value:+.3f} {words} ({limits}, {patients}, {chance}{adjusted})"


def _in_patients(needed: int | None, n_patients: int) -> str:
    if needed is None:
        return "how many patients would be needed cannot be told either"
    if needed <= n_patients:  # the interval reaches 0 by its longer side only
        return "somewhat more patients would be needed"
    if needed > MOST_NAMED:
        return f"more than {MOST_NAMED} patients would be needed to tell so small a difference"
    unit = 10 ** max(0, len(str(needed)) - 2)  # two digits are all that is known of it
    return f"about {math.ceil(needed / unit) * unit} patients would be needed"
