"""Paired differences of scores under weights of patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from bioaug.core.arrays import check_same_order, to_array
from bioaug.core.checks import check_labels, check_option
from bioaug.exceptions import DataError
from bioaug.statistics._resampling import Interval, Repeats, in_blocks, limits, p_of_zero

OVER_CLASSES = ("f1_macro", "balanced_accuracy", "accuracy")
OF_ONE_CLASS = ("f1", "recall", "precision")

Metric = str | Callable[[NDArray, NDArray], float]


@dataclass(frozen=True)
class PairedScores:
    """Scores two classifiers on the same weighted patients.

    Attributes
    ----------
    patients : ndarray of shape (n_patients,)
        Their names, in the order of the weights.
    n_informative : int
        Patients with rows of the class that a metric of one class is about; else all.
    difference : callable
        Whole weights of shape (n_draws, n_patients) to differences of shape (n_draws,), NaN where
        the metric has no value because its class has no row with weight.
    repeats : Repeats
        How much the difference varies from one training to another.
    most : float
        The largest absolute difference there can be; infinite for a metric that is a function.
    """

    patients: NDArray
    n_informative: int
    difference: Callable[[NDArray], NDArray]
    repeats: Repeats
    most: float = np.inf

    @classmethod
    def of(
        cls, y: Any, predicted: Any, other: Any, groups: Any, *, metric: Metric, owner: str
    ) -> PairedScores:
        """Check what was passed in and count what the metric needs of every patient."""
        given, y = y, check_row_labels(y, owner=owner)
        for name, values in (("predicted", predicted), ("other", other)):
            check_same_order(given, values, names=("y", name), owner=owner)
        arms = [
            check_predictions(values, y, name=name, owner=owner)
            for name, values in (("predicted", predicted), ("other", other))
        ]
        check_same_order(given, groups, names=("y", "groups"), owner=owner)
        groups = to_array(groups, name="groups", owner=owner)
        if groups.shape != y.shape:
            raise DataError(
                f"The 'groups' parameter of {owner} must hold the patient of every row, so have "
                f"shape {y.shape}. Got shape {groups.shape} instead."
            )
        check_labels(groups, owner=owner, name="groups")
        patients, of_row = np.unique(groups, return_inverse=True)
        if callable(metric) and not isinstance(metric, type):
            scores = [np.array([float(metric(y, one)) for one in arm]) for arm in arms]
            of_rows = _difference_of_rows(y, arms, of_row, metric)
            repeats = Repeats.of(scores[0], scores[1], *(count_distinct(arm) for arm in arms))
            return cls(patients, len(patients), of_rows, repeats)
        classes = np.unique(y)
        check_metric(metric, classes, owner=owner)
        metric = cast(str, metric)
        counts = [count_rows(y, arm, classes, of_row) for arm in arms]

        def difference(weights: NDArray) -> NDArray:
            first, second = (
                score_of(np.tensordot(weights, of_arm, 1), metric, classes).mean(axis=1)
                for of_arm in counts
            )
            return first - second

        holders = counts[0][:, 0, 2] > 0  # of shape (n_patients, n_classes)
        one = class_index(metric, classes)
        n_informative = len(patients) if one is None else int(holders[:, one].sum())
        scores = [score_of(arm.sum(axis=0), metric, classes) for arm in counts]
        repeats = Repeats.of(scores[0], scores[1], *(count_distinct(arm) for arm in arms))
        return cls(patients, n_informative, difference, repeats, most=1.0)

    @property
    def value(self) -> float:
        """The difference on all patients."""
        return float(self.difference(np.ones((1, len(self.patients))))[0])

    def interval(
        self,
        *,
        n_draws: int = 2000,
        confidence: float = 0.95,
        random_state: Any = 0,
        test_fraction: float | None = None,
    ) -> Interval:
        """Return the interval of the difference from draws of patients, see `patient_bootstrap`."""
        n_patients, value = len(self.patients), self.value
        nothing = Interval(value, -np.inf, np.inf, 1.0, confidence)
        if self.n_informative < 2:
            return nothing
        random = check_random_state(random_state)
        even = np.full(n_patients, 1 / n_patients)
        drawn = [
            self.difference(random.multinomial(n_patients, even, stop - start))
            for start, stop in in_blocks(n_draws, n_patients)
        ]
        draws = np.concatenate(drawn)
        draws = draws[np.isfinite(draws)]
        if not len(draws) or not np.isfinite(value):
            return nothing
        if test_fraction is not None:  # other training patients would move it, too
            draws = value + (draws - value) * np.sqrt(1 + test_fraction / (1 - test_fraction))
        low, high = limits(value, draws, self.n_informative, self.repeats, confidence)
        low, high = max(low, -self.most), min(high, self.most)
        p = p_of_zero(value, draws, self.n_informative, self.repeats)
        of_patients = draws.var() * self.n_informative / (self.n_informative - 1)
        limited_by = "repeats" if self.repeats.error**2 > of_patients else "patients"
        return Interval(value, low, high, p, confidence, limited_by)

    def leave_one_out(self) -> dict[Any, float]:
        """Return the difference without each patient, by patient."""
        n_patients = len(self.patients)
        without = []
        for start, stop in in_blocks(n_patients, n_patients):
            weights = np.ones((stop - start, n_patients))
            weights[np.arange(stop - start), np.arange(start, stop)] = 0
            without.extend(self.difference(weights).tolist())
        return dict(zip(self.patients.tolist(), without, strict=True))


def count_distinct(predicted: NDArray) -> int:
    """Return how many of the repeats, the rows of `predicted`, differ from each other."""
    return len({tuple(repeat) for repeat in predicted.tolist()})


def check_row_labels(y: Any, *, owner: str, name: str = "y") -> NDArray:
    """Return labels as an array with one dimension and at least one row."""
    y = to_array(y, name=name, owner=owner)
    if y.ndim != 1 or not len(y):
        raise DataError(
            f"The {name!r} parameter of {owner} must hold one label for every row. "
            f"Got shape {y.shape} instead."
        )
    check_labels(y, owner=owner, name=name)
    return y


def check_predictions(values: ArrayLike, y: NDArray, *, name: str, owner: str) -> NDArray:
    """Return predictions of the rows of `y` as an array of shape (n_repeats, n_samples)."""
    predicted = to_array(values, name=name, owner=owner)
    if predicted.ndim not in {1, 2} or predicted.shape[-1] != len(y) or not predicted.size:
        raise DataError(
            f"The {name!r} parameter of {owner} must have shape ({len(y)},) like y or "
            f"(n_repeats, {len(y)}). Got shape {predicted.shape} instead."
        )
    check_labels(predicted.ravel(), owner=owner, name=name)
    check_same_kind(predicted, y, name=name, owner=owner)
    return np.atleast_2d(predicted)


def check_same_kind(labels: NDArray, y: NDArray, *, name: str, owner: str) -> None:
    """Raise a DataError where one is text and the other is not, so that nothing could agree."""
    if _is_text(labels) != _is_text(y):
        raise DataError(
            f"The {name!r} parameter of {owner} must hold labels of the same kind as y, "
            f"{y.dtype}. Got {labels.dtype} instead. Convert one of them by astype."
        )


def check_metric(metric: object, classes: NDArray, *, owner: str) -> None:
    """Raise a DataError unless the metric is one that counts of rows are enough for."""
    named = [f"{kind}:{label}" for label in classes.tolist() for kind in OF_ONE_CLASS]
    options = [*OVER_CLASSES, *named]
    if not isinstance(metric, str):
        metric = repr(metric)
    otherwise = ", or a callable (y, predicted) -> float"
    check_option(metric, name="metric", owner=owner, options=options, otherwise=otherwise)


def class_index(metric: str, classes: NDArray) -> int | None:
    """Return the index of the class of "f1:<label>"; None of other metrics."""
    if metric in OVER_CLASSES:
        return None
    return [str(label) for label in classes.tolist()].index(metric.partition(":")[2])


def count_rows(y: NDArray, predicted: NDArray, classes: NDArray, of_row: NDArray) -> NDArray:
    """Count hits, predictions and rows of every class by patient and repeat.

    Returns
    -------
    ndarray of shape (n_patients, n_repeats, 3, n_classes)
        Floats, so that weights multiply them fast. What is predicted outside of the classes is a
        miss of the row's class and nothing else.
    """
    n_patients, n_classes = int(of_row.max()) + 1, len(classes)

    def table(codes: NDArray, keep: NDArray) -> NDArray:
        cells = of_row[keep] * n_classes + codes[keep]
        return np.bincount(cells, minlength=n_patients * n_classes).reshape(n_patients, n_classes)

    truth, wanted = _codes(y, classes)
    rows = table(truth, wanted)
    repeats = []
    for one in predicted:
        guess, known = _codes(one, classes)
        repeats.append([table(truth, wanted & known & (guess == truth)), table(guess, known), rows])
    return np.moveaxis(np.array(repeats, dtype=np.float64), 2, 0)


def score_of(counts: NDArray, metric: str, classes: NDArray) -> NDArray:
    """Return the metric of counts of shape (..., 3, n_classes): hits, predictions, rows."""
    hits, guesses, rows = (counts[..., i, :] for i in range(3))
    present = rows > 0
    if metric == "accuracy":
        return _ratio(hits.sum(axis=-1), rows.sum(axis=-1))
    kind = {"f1_macro": "f1", "balanced_accuracy": "recall"}.get(metric, metric.partition(":")[0])
    if kind == "f1":
        of_class = _ratio(2 * hits, guesses + rows)
    else:
        of_class = _ratio(hits, rows if kind == "recall" else guesses)
    one = class_index(metric, classes)
    if one is not None:
        return np.where(present[..., one], of_class[..., one], np.nan)
    return (of_class * present).sum(axis=-1) / present.sum(axis=-1)


def _ratio(part: NDArray, whole: NDArray) -> NDArray:
    """Return part / whole, and 0 for 0 / 0 as scikit-learn does."""
    return part / np.where(whole > 0, whole, 1)


def _codes(labels: NDArray, classes: NDArray) -> tuple[NDArray, NDArray]:
    """Return the index of every label among the classes, and whether it is one of them."""
    indices = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    return indices, classes[indices] == labels


def _is_text(labels: NDArray) -> bool:
    return isinstance(labels.flat[0], str | bytes)


def _difference_of_rows(
    y: NDArray, arms: list[NDArray], of_row: NDArray, metric: Callable[[NDArray, NDArray], float]
) -> Callable[[NDArray], NDArray]:
    def of_arm(predicted: NDArray, rows: NDArray) -> float:
        return float(np.mean([metric(y[rows], one[rows]) for one in predicted]))

    def difference(weights: NDArray) -> NDArray:
        drawn = (np.repeat(np.arange(len(y)), w[of_row].astype(int)) for w in weights)
        return np.array([of_arm(arms[0], rows) - of_arm(arms[1], rows) for rows in drawn])

    return difference
