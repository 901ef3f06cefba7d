"""Comparisons of augmentation on simulated patients, where what is true is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

from bioaug.comparison import (
    ArmWorth,
    AugmentationResult,
    cross_validate_augmentation,
)

N_VALUES, OFFSET, SHIFT = 4, 0.7, 0.8  # spread of the patients, and how far class "V" lies off


class Halved(ClassifierMixin, BaseEstimator):
    """Naive Bayes of half of the training rows; `which` half makes no difference on average.

    `by` says how a half is chosen: "draw", anew in every training; "row" or "patient", by a coin
    that was tossed once and is the last value of the rows. Of these, a fraction `left_out` is left
    out at random, so that trainings are nearly the same.
    """

    def __init__(self, which=0, by="draw", left_out=0.0, random_state=None):
        self.which, self.by, self.left_out = which, by, left_out
        self.random_state = random_state

    def fit(self, X, y):
        if self.by == "draw":
            rng = np.random.default_rng([self.random_state, self.which])
            kept = rng.permutation(len(y)) < len(y) // 2
        else:
            kept = X[:, -1] == self.which
        if self.left_out:
            rng = np.random.default_rng([self.random_state, 2])
            kept = kept & (rng.random(len(y)) > self.left_out)
        self.bayes_ = GaussianNB().fit(X[kept, :-1], y[kept])
        self.classes_ = self.bayes_.classes_
        return self

    def predict(self, X):
        return self.bayes_.predict(X[:, :-1])


class Truth(BaseEstimator):
    """Adds true rows of class "V" of the training patients, and useless ones of class "N"."""

    def __init__(self, offsets, n_true, n_useless=0, random_state=None):
        self.offsets, self.n_true, self.n_useless = offsets, n_true, n_useless
        self.random_state = random_state

    def fit_resample(self, X, y, *, groups):
        rng = np.random.default_rng([self.random_state, 1])
        labels = np.repeat(["V", "N"], [self.n_true, self.n_useless])
        patients = rng.choice(np.unique(groups), len(labels))
        made = draw_rows(rng, self.offsets, patients, labels)
        return np.concatenate([X, made]), np.concatenate([y, labels])


class OtherHalf(BaseEstimator):
    """Turns the coins around, and leaves out a few rows at random: all chance is in the sampler."""

    def __init__(self, left_out=0.02, random_state=None):
        self.left_out, self.random_state = left_out, random_state

    def fit_resample(self, X, y):
        kept = np.random.default_rng(self.random_state).random(len(y)) > self.left_out
        return np.column_stack([X[:, :-1], 1 - X[:, -1]])[kept], y[kept]


def draw_rows(rng, offsets, patients, y):
    """Return rows of these patients and classes."""
    noise = rng.normal(size=(len(y), N_VALUES))
    return offsets[patients] + noise + SHIFT * (y == "V")[:, None]


def draw_patients(seed, n_patients, n_rows, share):
    """Return X, y, groups and the patients' offsets."""
    rng = np.random.default_rng(seed)
    offsets = rng.normal(scale=OFFSET, size=(n_patients, N_VALUES))
    groups = np.repeat(np.arange(n_patients), n_rows)
    y = np.where(rng.random(len(groups)) < share, "V", "N")
    return draw_rows(rng, offsets, groups, y), y, groups, offsets


def first_half(groups):
    """Return the first half of the patients to train on, the others to test on."""
    first = groups < len(np.unique(groups)) / 2
    return [(np.flatnonzero(first), np.flatnonzero(~first))]


def parts_of_test(groups, n_parts=5):
    """Return splits that train on the same patients and test on parts of the others."""
    [(train, test)] = first_half(groups)
    return [(train, test[groups[test] % n_parts == part]) for part in range(n_parts)]


def compare_nothing(
    seed, by, *, fixed=False, parts=False, n_patients=20, n_repeats=1, left_out=0.0, sampler=False
) -> AugmentationResult:
    """Compare one half of the training rows with another one."""
    X, y, groups, _ = draw_patients(seed, n_patients, 40, 0.3)
    coins = np.random.default_rng([seed, 1]).permutation(len(y)) % 2
    coins = coins[groups] if by == "patient" else coins
    split = parts_of_test(groups) if parts else first_half(groups)
    return cross_validate_augmentation(
        Halved(by=by, left_out=left_out),
        np.column_stack([X, coins]),
        y,
        groups=groups,
        samplers={"other half": OtherHalf() if sampler else {"which": 1}},
        cv=split if fixed else 5,
        n_repeats=n_repeats,
        random_state=seed,
    )


def compare_truth(seed, *, fixed=False, n_patients=100, n_repeats=1) -> AugmentationResult:
    """Let an arm add true rows of a class that has a row in 25, four times as many as there are."""
    X, y, groups, offsets = draw_patients(seed, n_patients, 100, 0.04)
    return cross_validate_augmentation(
        GaussianNB(),
        X,
        y,
        groups=groups,
        samplers={"truth": Truth(offsets, n_patients * (8 if fixed else 13))},
        cv=first_half(groups) if fixed else 5,
        n_repeats=n_repeats,
        random_state=seed,
    )


def compare_worth(seed, *, n_patients=80, n_repeats=2) -> dict[str, ArmWorth]:
    """Return what a true row is worth, and one of rows of which half are useless."""
    X, y, groups, offsets = draw_patients(seed, n_patients, 50, 0.08)
    n = int(0.2 * (y == "V").sum())  # half of what is held back
    arms = {
        "all true": Truth(offsets, n),
        "half useless": Truth(offsets, n // 2, n // 2),
        "oracle": "oracle",
    }
    result = cross_validate_augmentation(
        GaussianNB(), X, y, groups=groups, samplers=arms, n_repeats=n_repeats, random_state=seed
    )
    return {found.arm: found for found in result.worth}


def tell(compare: Callable[..., AugmentationResult], n_runs: int, **settings: Any) -> dict:
    """Return how often a comparison says each word, and has p of at most 5 %."""
    found = [compare(seed, **settings).comparisons[0] for seed in range(n_runs)]
    words = [one.verdict.outcome for one in found]
    return {
        "runs": n_runs,
        "helps": words.count("helps") / n_runs,
        "harms": words.count("harms") / n_runs,
        "harms a class": sum(word.startswith("harms class") for word in words) / n_runs,
        "p <= 0.05": sum(one.difference.p <= 0.05 for one in found) / n_runs,
        "mean difference": float(np.mean([one.difference.value for one in found])),
        "interval": found[0].method,
    }
