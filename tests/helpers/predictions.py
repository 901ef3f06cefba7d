"""Simulated predictions of two classifiers, right by patient, and scikit-learn's scores."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

CLASSES = np.array(["F", "N", "V"])


def macro_f1(y, predicted) -> float:
    return metrics.f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0)


NAMED = {
    "f1_macro": macro_f1,
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": lambda y, p: metrics.recall_score(
        y, p, labels=np.unique(y), average="macro", zero_division=0
    ),
    "f1:V": lambda y, p: metrics.f1_score(y == "V", p == "V", zero_division=0),
    "recall:V": lambda y, p: metrics.recall_score(y == "V", p == "V", zero_division=0),
    "precision:V": lambda y, p: metrics.precision_score(y == "V", p == "V", zero_division=0),
}


def make_patients(n_patients=22, n_rows=60, *, spread=1.0, gain=0.0, seed=0, n_repeats=0):
    """Return labels, two sets of predictions that are right by patient and arm, and patients."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_patients), random.integers(n_rows // 2, 2 * n_rows, n_patients))
    shares = random.dirichlet([1, 8, 2], n_patients)
    y = (random.random(len(groups))[:, None] > shares.cumsum(axis=1)[groups]).sum(axis=1)
    y = np.minimum(y, 2)
    own = random.normal(1.5, 1, n_patients)
    arms = []
    for shift in (gain, 0.0):
        logit = (own + shift + random.normal(0, spread, n_patients))[groups]
        right = random.random((n_repeats or 1, len(y))) < 1 / (1 + np.exp(-logit))
        arms.append(np.where(right, y, (y + random.integers(1, 3, right.shape)) % 3))
    arms = [CLASSES[arm] if n_repeats else CLASSES[arm[0]] for arm in arms]
    return CLASSES[y], *arms, groups
