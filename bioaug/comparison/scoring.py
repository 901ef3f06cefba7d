"""Scores of a comparison: by name, as a function, or as one of scikit-learn's scorers."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    get_scorer,
    get_scorer_names,
)

from bioaug.core.checks import check_option
from bioaug.exceptions import DataError

OWNER = "cross_validate_augmentation"
NO_VALUE = (
    ValueError,
    ZeroDivisionError,
    IndexError,
)  # what scores raise of rows that lack a class


def _macro_f1(truth: NDArray, predicted: NDArray) -> float:
    """Return the mean F1 of the classes that there are, as `patient_bootstrap` does."""
    return float(
        f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)  # pyright: ignore
    )


SCORINGS: dict[str, Callable[[NDArray, NDArray], float]] = {
    "f1_macro": _macro_f1,
    "balanced_accuracy": lambda y, p: float(balanced_accuracy_score(y, p)),
    "accuracy": lambda y, p: float(accuracy_score(y, p)),
}


@dataclass(frozen=True)
class Scoring:
    """The score of a comparison; greater is better.

    Attributes
    ----------
    name : str
    function : callable
        Of (y_true, y_predicted), or one of scikit-learn's scorers.
    classes : ndarray
        All labels, sorted.
    positive : object
        Of two text labels, the rarer one, which a scorer known by name takes for the positive one;
        None where labels are passed to the score as they are.
    by_name : bool
        Whether it is a scorer known by name.
    n_draws : int
        Draws of patients for an interval; fewer where the score has to be called on each.
    """

    name: str
    function: Any
    classes: NDArray
    positive: Any = None
    by_name: bool = False
    n_draws: int = 500

    @classmethod
    def of(cls, scoring: Any, y: NDArray) -> Scoring:
        """Return a scoring by what the user gave, or raise before anything is trained."""
        if isinstance(scoring, cls):
            return scoring
        classes, counts = np.unique(y, return_counts=True)
        if callable(scoring):
            _check_arguments(scoring)
            known = cls(_name_of(scoring), scoring, classes)
        else:
            names = dict.fromkeys([*SCORINGS, *get_scorer_names()])  # each once
            check_option(
                scoring, name="scoring", owner=OWNER, options=names,
                otherwise=", a scorer of make_scorer or a callable (y_true, y_predicted)",
            )  # fmt: skip
            function = SCORINGS[scoring] if scoring in SCORINGS else get_scorer(scoring)
            known = cls(scoring, function, classes, by_name=scoring not in SCORINGS)
            if len(classes) == 2 and known.is_encoded:
                known = replace(known, positive=classes[counts.argmin()])
        known._check(y)
        return replace(known, n_draws=2000) if known.metric else known

    @property
    def metric(self) -> str | None:
        """What `patient_bootstrap` calls this score; None where it has to be called."""
        return self.name if self.name in SCORINGS and not self.is_scorer else None

    @property
    def is_scorer(self) -> bool:
        """Whether this is one of scikit-learn's scorers."""
        return hasattr(self.function, "_score_func") and hasattr(self.function, "_sign")

    @property
    def is_encoded(self) -> bool:
        """Whether labels become integers: text for a scorer that is known by name."""
        return self.by_name and self.classes.dtype.kind not in "biuf"

    @property
    def methods(self) -> list[str]:
        """The methods of a classifier that the score can be computed from, the best one first."""
        named = self.function._response_method if self.is_scorer else "predict"
        named = [named] if isinstance(named, str) else list(named)
        return ["predict" if name == "default" else name for name in named]

    @property
    def needs_responses(self) -> bool:
        """Whether predicted labels are not enough."""
        return "predict" not in self.methods

    def method_of(self, model: Any) -> str | None:
        """Return the method of this model that the score is computed from; None of labels."""
        if not self.needs_responses:
            return None
        available = [method for method in self.methods if hasattr(model, method)]
        if not available:
            raise DataError(
                f"The 'estimator' parameter of {OWNER} must have {' or '.join(self.methods)} for "
                f"the score {self.name!r}. Got {type(model).__name__}, which has not. Choose a "
                "score of labels, such as 'f1_macro', or another classifier."
            )
        return available[0]

    def responses_of(self, model: Any, X: Any) -> tuple[str, NDArray] | None:
        """Return what the score is computed from besides the labels, a column for each class."""
        method = self.method_of(model)
        if method is None:
            return None
        values = np.asarray(getattr(model, method)(X), dtype=float)
        own = np.asarray(getattr(model, "classes_", self.classes))
        if values.ndim == 1 or np.array_equal(own, self.classes):
            return method, values
        if method != "predict_proba":
            raise DataError(
                f"The score {self.name!r} has no value where training rows lack a class. Got "
                f"{own.tolist()} of {self.classes.tolist()}."
            )
        whole = np.zeros((len(values), len(self.classes)))
        whole[:, np.searchsorted(self.classes, own)] = values
        return method, whole

    def value(
        self, y: NDArray, predicted: NDArray, responses: tuple[str, NDArray] | None = None
    ) -> float:
        """Return the score; NaN where it has none, as of rows that lack the class it is about."""
        if not len(y) or not self._is_about(y).any():
            return math.nan
        try:
            return self._call(y, predicted, responses)
        except NO_VALUE:
            return math.nan

    def n_informative(self, y: NDArray, groups: NDArray) -> int:
        """Return how many patients have rows that the score is about."""
        return len(np.unique(groups[self._is_about(y)]))

    def _is_about(self, y: NDArray) -> NDArray[np.bool_]:
        settings = self.function._kwargs if self.is_scorer else {}
        about = self.positive if self.positive is not None else settings.get("pos_label")
        about = settings.get("labels", about)
        return np.ones(len(y), bool) if about is None else np.isin(y, np.atleast_1d(about))

    def _call(self, y: NDArray, predicted: NDArray, responses: tuple[str, NDArray] | None) -> float:
        if not self.is_scorer:
            return float(self.function(y, predicted))
        if self.positive is not None:
            order = np.array([c for c in self.classes if c != self.positive] + [self.positive])
            return self._encoded(y, predicted, responses, order)
        if responses is None:
            return self._of_labels(y, predicted)
        classes = np.unique(y)
        if not self.is_encoded:
            return self._score(
                y, _Stored(classes, responses[0], self._columns(classes, *responses))
            )
        # Of two classes of several, neither is the positive one.
        either = [classes, classes[::-1]] if len(classes) == 2 < len(self.classes) else [classes]
        return float(np.mean([self._encoded(y, predicted, responses, order) for order in either]))

    def _encoded(
        self, y: NDArray, predicted: NDArray, responses: tuple[str, NDArray] | None, order: NDArray
    ) -> float:
        """Return the score of labels as integers, for scorers that take 1 for the positive one."""
        codes = {label: code for code, label in enumerate(order.tolist())}
        truth, guess = (
            np.array([codes.get(label, -1) for label in labels.tolist()])
            for labels in (y, predicted)
        )
        if responses is None:
            return self._of_labels(truth, guess)
        stored = _Stored(np.arange(len(order)), responses[0], self._columns(order, *responses))
        return self._score(truth, stored)

    def _of_labels(self, y: NDArray, predicted: NDArray) -> float:
        """Return a scorer's value of labels, also where its pos_label is not among them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            value = self.function._score_func(y, predicted, **self.function._kwargs)
        return float(self.function._sign * value)

    def _score(self, y: NDArray, stored: _Stored) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return float(self.function(stored, np.arange(len(y)), y))

    def _columns(self, order: NDArray, method: str, values: NDArray) -> NDArray:
        """Return the responses for these classes only, in this order."""
        if values.ndim == 1:
            return values if order[-1] == self.classes[-1] else -values
        values = values[:, np.searchsorted(self.classes, order)]
        if len(order) == len(self.classes):
            return values
        if method != "predict_proba":
            return values[:, 1] - values[:, 0] if len(order) == 2 else values
        whole = values.sum(axis=1, keepdims=True)
        return np.where(whole > 0, values / np.where(whole > 0, whole, 1), 1 / len(order))

    def _check(self, y: NDArray) -> None:
        """Raise a DataError where not even the true labels have a score."""
        responses = None
        if self.needs_responses:
            sure = (y[:, None] == self.classes).astype(float)
            method = self.methods[0]
            one_column = method == "decision_function" and len(self.classes) == 2
            responses = method, (sure[:, 1] if one_column else sure)
        try:
            if self.is_scorer and self.function._score_func.__module__.endswith("_regression"):
                raise ValueError("it is a score of numbers")
            value = self._call(y, y, responses)
        except Exception as error:
            raise DataError(
                f"The 'scoring' parameter of {OWNER} must be a score of these labels, "
                f"{self.classes[:5].tolist()}. Got {self.name!r}, which raises {error!r}. Choose "
                "one for as many classes, or give make_scorer a pos_label."
            ) from error
        if not math.isfinite(value):
            raise DataError(
                f"The 'scoring' parameter of {OWNER} must return a finite number. Got {value!r} "
                f"from {self.name}."
            )


class _Stored(ClassifierMixin, BaseEstimator):
    """A classifier that has answered already: its rows are their indices."""

    def __init__(self, classes: NDArray, method: str, values: NDArray) -> None:
        def answer(rows: NDArray) -> NDArray:
            return values[rows]

        answer.__name__ = method  # which scikit-learn reads
        self.classes_ = classes
        setattr(self, method, answer)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _name_of(scoring: Any) -> str:
    if hasattr(scoring, "_score_func"):
        settings = {k: v for k, v in scoring._kwargs.items() if k in ("labels", "pos_label")}
        about = "".join(f" of {', '.join(map(str, np.atleast_1d(v)))}" for v in settings.values())
        return getattr(scoring._score_func, "__name__", "score").removesuffix("_score") + about
    return getattr(scoring, "__name__", "callable")


def _check_arguments(scoring: Any) -> None:
    """Raise a DataError for a callable of (estimator, X, y) that is none of scikit-learn's."""
    if hasattr(scoring, "_score_func"):
        return
    try:
        parameters = inspect.signature(scoring).parameters.values()
    except (TypeError, ValueError):
        return
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.default is p.empty and p.kind in kinds]
    if len(needed) > 2:
        raise DataError(
            f"The 'scoring' parameter of {OWNER} must be a callable (y_true, y_predicted). Got "
            f"{_name_of(scoring)}, which takes {', '.join(p.name for p in needed)}. Use "
            "sklearn.metrics.make_scorer, or the name of a scorer."
        )
