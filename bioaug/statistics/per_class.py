"""Precision, recall and F1 of every class; calibration of predicted probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_fscore_support

from bioaug.core.arrays import to_floats
from bioaug.core.checks import check_number
from bioaug.exceptions import DataError
from bioaug.statistics._paired import (
    check_predictions,
    check_row_labels,
    check_same_kind,
)
from bioaug.statistics._resampling import DRAWS


def per_class_scores(
    y: ArrayLike, predicted: ArrayLike, labels: ArrayLike
) -> dict[Any, dict[str, float]]:
    """Precision, recall, F1 and number of rows of every class.

    Parameters
    ----------
    y, predicted : array-like of shape (n_samples,)
        True and predicted labels.
    labels : array-like of shape (n_classes,)
        Classes that are wanted, each once. Rows of others count as errors where predicted as one.

    Returns
    -------
    dict
        By label, in the order of `labels`: a dict of "precision", "recall", "f1" and "support",
        the rows of the class. As in scikit-learn, 0 / 0 is 0: with support 0, recall says nothing.

    Raises
    ------
    DataError
        Where shapes do not match or a label is missing or named twice.

    Examples
    --------
    >>> from bioaug.statistics import per_class_scores
    >>> per_class_scores(["N", "N", "V", "V"], ["N", "V", "V", "V"], ["N", "V"])["N"]
    {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'support': 2}
    """
    owner = "per_class_scores"
    y = check_row_labels(y, owner=owner)
    wanted = _check_classes(labels, y, owner=owner)
    repeats = check_predictions(predicted, y, name="predicted", owner=owner)
    if len(repeats) > 1:
        raise DataError(
            f"The 'predicted' parameter of {owner} must have one dimension. "
            f"Got {len(repeats)} repeats instead. Score them one by one."
        )
    # Labels as integers, since scikit-learn refuses bytes.
    _, codes = np.unique(np.concatenate([wanted, y, repeats[0]]), return_inverse=True)
    of_wanted, of_y, of_predicted = np.split(codes, [len(wanted), len(wanted) + len(y)])
    columns = precision_recall_fscore_support(
        of_y,
        of_predicted,
        labels=of_wanted,
        zero_division=0,  # pyright: ignore
    )
    names = ("precision", "recall", "f1", "support")
    rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return {
        label: dict(zip(names, row, strict=True))
        for label, row in zip(wanted.tolist(), rows, strict=True)
    }


def calibration_error(
    y: ArrayLike, probabilities: ArrayLike, labels: ArrayLike, n_bins: int = 15
) -> dict[str, float]:
    r"""Calibration error and Brier score of predicted probabilities.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    probabilities : array-like of shape (n_samples, n_classes)
        Of each class, summing to 1.
    labels : array-like of shape (n_classes,)
        Classes of the columns; must hold every label of `y`.
    n_bins : int
        Bins of equal width over the largest probability of a row.

    Returns
    -------
    dict
        "ece", the expected calibration error of the predicted class, in [0, 1], and "brier", the
        Brier score over all classes, in [0, 2]. 0 is best of both.

    Raises
    ------
    DataError
        Where shapes do not match, a label has no column or a row is no distribution.

    Notes
    -----
    With B_b the rows whose largest probability falls into bin b, open below and closed above [1]_:

    .. math:: ECE = \sum_b |B_b| / n \; |accuracy(B_b) - confidence(B_b)|

    and [2]_, with o_ik = 1 where row i is of class k and else 0 (of two classes, this is twice the
    score of one of them):

    .. math:: Brier = 1 / n \sum_i \sum_k (p_{ik} - o_{ik})^2

    The first depends on the bins and is never negative, so small sets look miscalibrated; compare
    it between classifiers on the same rows only.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
    .. [2] Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
       Review 78, 1950.

    Examples
    --------
    >>> from bioaug.statistics import calibration_error
    >>> calibration_error(["N", "V"], [[0.75, 0.25], [0.25, 0.75]], ["N", "V"])
    {'ece': 0.25, 'brier': 0.125}
    """
    owner = "calibration_error"
    check_number(n_bins, DRAWS, name="n_bins", owner=owner)
    y = check_row_labels(y, owner=owner)
    classes = _check_classes(labels, y, owner=owner)
    p = to_floats(probabilities, name="probabilities", owner=owner)
    if p.shape != (len(y), len(classes)):
        raise DataError(
            f"The 'probabilities' parameter of {owner} must have shape {(len(y), len(classes))}: "
            f"a row for each of y, a column for each label. Got shape {p.shape} instead."
        )
    wrong = np.flatnonzero(~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-3)))
    if len(wrong):
        raise DataError(
            f"The 'probabilities' parameter of {owner} must hold rows of numbers from 0 on that "
            f"sum to 1. Got {p[wrong[0]].tolist()} in row {wrong[0]} instead."
        )
    happened = y[:, None] == classes
    if not np.all(happened.any(axis=1)):
        lost = y[~happened.any(axis=1)][0]
        raise DataError(
            f"The 'labels' parameter of {owner} must hold every label of y. "
            f"Got no {lost!r} among {classes.tolist()}."
        )
    top, hit = p.max(axis=1), happened[np.arange(len(y)), p.argmax(axis=1)]
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], top)
    gaps = np.bincount(bins, weights=hit - top, minlength=n_bins)
    # As scikit-learn's brier_score_loss, which takes sorted labels only and sums to 1 exactly.
    brier = ((p - happened) ** 2).sum(axis=1).mean()
    return {"ece": float(np.abs(gaps).sum() / len(y)), "brier": float(brier)}


def _check_classes(labels: ArrayLike, y: NDArray, *, owner: str) -> NDArray:
    classes = check_row_labels(labels, owner=owner, name="labels")
    check_same_kind(classes, y, name="labels", owner=owner)
    if len(np.unique(classes)) < len(classes):
        raise DataError(
            f"The 'labels' parameter of {owner} must hold every class once. "
            f"Got {classes.tolist()} instead."
        )
    return classes
