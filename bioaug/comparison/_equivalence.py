"""Real-row equivalence of the synthetic rows of every arm, from the oracle's levels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from bioaug.comparison._analysis import Runs, tests_of
from bioaug.comparison.records import ArmWorth, Key, Run
from bioaug.statistics import worth_interval


def worth_of_arms(runs: Sequence[Run]) -> list[ArmWorth]:
    """Return what one synthetic row of each arm was worth, in held-out real ones.

    The first arm is the one that adds nothing. Levels of the oracle that, of few rows, add as many
    as the one before are one level; arms that add no row have no worth.
    """
    of: dict[str, dict[Key, Run]] = {}
    for run in runs:
        of.setdefault(run.arm, {})[run.key] = run
    oracles = [arm for arm in of if next(iter(of[arm].values())).level]
    levels = {0.0: runs[0].arm}
    for arm in oracles:
        levels.setdefault(_mean_added(of[arm].values()), arm)
    if len(levels) < 2:
        return []
    every = [of[arm] for arm in levels.values()]
    found = []
    for arm, of_arm in of.items():
        n_added = _mean_added(of_arm.values())
        if arm in oracles or n_added < 1:
            continue
        shared = {
            key: run
            for key, run in of_arm.items()
            if all(key in one and math.isfinite(one[key].score) for one in [*every, of_arm])
        }
        if shared:
            tests = tests_of(shared)
            scores = [_by_test(one, tests) for one in every]
            value = worth_interval(list(levels), scores, _by_test(of_arm, tests), int(n_added))
            found.append(ArmWorth(**vars(value), arm=arm, n_synthetic=n_added))
    return found


def _by_test(of_arm: Runs, tests: list[list[Key]]) -> list[float]:
    return [float(np.mean([of_arm[key].score for key in test])) for test in tests]


def _mean_added(runs: Iterable[Run]) -> float:
    return float(np.mean([run.n_added for run in runs]))
