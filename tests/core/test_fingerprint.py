"""Fingerprints: the same in another process, others for other values."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import bioaug
from bioaug.core.fingerprint import array_digest, estimator_repr, stable_repr


def center(X, by=1.0):
    return X - by * X.mean()


def times(k):
    def scaled(X, again=False):
        return scaled(k * X) if again and "a" in {"a", "b", "c"} else [k * x for x in X]

    return scaled


class Plain:
    """An object without a repr of its own, which holds itself."""

    def __init__(self, k):
        self.k, self._me = k, self

    def apply(self, X):
        return self.k * X


class Slots:
    __slots__ = ("k",)

    def __init__(self, k):
        self.k = k


def pairs():
    """Return pairs of values that differ."""
    return {
        "functions": (center, times),
        "lambdas": (lambda X: 2 * X, lambda X: 3 * X),
        "lambdas' names": (lambda X: X.min(), lambda X: X.max()),
        "closures": (times(2), times(3)),
        "methods": (Plain(2).apply, Plain(3).apply),
        "partials": (partial(center, by=2), partial(center, by=3)),
        "objects": (Plain(2), Plain(3)),
        "slots": (Slots(2), Slots(3)),
        "classes": (Plain, Slots),
        "in lists": ([center, 1], [center, 2]),
        "in dicts": ({"f": center, "k": 2}, {"f": center, "k": 3}),
        "sets": ({"a", "b", "c"}, {"a", "b", "d"}),
        "arrays": (np.arange(2000), np.where(np.arange(2000) == 1000, 0, np.arange(2000))),
        "arrays of objects": (np.array([center, "a"], object), np.array([center, "b"], object)),
        "generators": (np.random.RandomState(0), np.random.RandomState(1)),
        "estimators": tuple(
            make_pipeline(FunctionTransformer(center), RandomForestClassifier(n)) for n in (5, 6)
        ),
    }


def test_other_values_are_other_texts():
    for name, (one, other) in pairs().items():
        assert stable_repr(one) != stable_repr(other), name


def texts():
    return [stable_repr(value) for pair in pairs().values() for value in pair]


def test_texts_are_the_same_in_another_process():
    paths = [str(Path(bioaug.__file__).parents[1]), str(Path(__file__).parent)]
    found = subprocess.run(
        [sys.executable, "-c", f"import {__name__} as m; print(*m.texts(), sep=chr(10))"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == texts()


def test_a_function_that_was_called_is_the_same():
    before = stable_repr(center)
    for _ in range(100):
        center(np.ones(3))
    assert stable_repr(center) == before


def test_what_cannot_be_told_apart_is_warned_of():
    with pytest.warns(UserWarning, match=r"_thread.lock cannot be told .* not found again"):
        stable_repr(threading.Lock())


def test_settings_of_a_pipeline_hold_no_address():
    made = make_pipeline(FunctionTransformer(center), RandomForestClassifier(5))
    assert " at 0x" not in estimator_repr(made)


ARRAYS = {
    "values": np.arange(6.0),
    "shape": np.arange(6.0).reshape(2, 3),
    "dtype": np.arange(6),
    "text": np.array(list("abcdef")),
    "other text": np.array(list("abcdeg")),
    "objects": np.array([1, "a", None], dtype=object),
    "dates": np.array(["2026-01-01"], "datetime64[D]"),
    "booleans": np.array([True, False]),
    "none": np.empty((0, 3)),
}


def test_arrays_of_other_values_shapes_and_dtypes_have_other_digests():
    digests = {name: array_digest(array) for name, array in ARRAYS.items()}
    assert len(set(digests.values())) == len(digests)


def test_the_layout_of_an_array_and_the_type_of_its_text_do_not_matter():
    X = np.arange(12.0).reshape(3, 4)
    assert array_digest(np.asfortranarray(X)) == array_digest(X)
    assert array_digest(X[::2]) == array_digest(X[::2].copy())
    text = ["a", "bcd"]
    assert array_digest(np.array(text)) == array_digest(np.array(text, object))
    assert array_digest(np.array(text)) == array_digest(np.array(text, "<U9"))


def test_two_arrays_are_not_one():
    X = np.arange(6.0)
    assert array_digest(X[:3], X[3:]) != array_digest(X) != array_digest(X[:2], X[2:])
