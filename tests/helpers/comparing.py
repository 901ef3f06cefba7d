"""A small comparison: 12 patients, whose rare beats go up."""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeClassifier
from toys import make_rows

from bioaug.comparison import cross_validate_augmentation

TREE = DecisionTreeClassifier(max_depth=3)


def make_beats():
    """Return X, y, groups of 12 patients: class "V" is rare and goes up."""
    rng = np.random.default_rng(0)
    X = make_rows((360, 16))
    y = np.where(rng.random(360) < 0.2, "V", "N")
    X[y == "V"] += np.linspace(0, 6, 16)
    return X, y, np.repeat([f"p{i:02d}" for i in range(12)], 30)


def compare(beats, samplers, estimator=TREE, **settings):
    X, y, groups = beats
    return cross_validate_augmentation(
        estimator, X, y, groups=groups, samplers=samplers, **{"cv": 3} | settings
    )
