"""Verdicts, Holm's adjustment and patients needed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bioaug.statistics import (
    Interval,
    holm,
    patients_needed,
    verdict,
)


def test_holm_by_hand() -> None:
    # 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_patients_needed_tell_it_as_often_as_asked() -> None:
    # A mean of n patients with deviation 1: the interval of 25 is 0.2 +- 1.96 / 5.
    width = stats.norm.ppf(0.975) / 5
    n = patients_needed(Interval(0.2, 0.2 - width, 0.2 + width, 0.3), 25, power=0.9)
    assert n is not None
    random = np.random.default_rng(0)
    z = (0.2 + random.normal(0, 1, 20000) / math.sqrt(n)) * math.sqrt(n)
    assert (z > stats.norm.ppf(0.975)).mean() == pytest.approx(0.9, abs=0.01)


def test_patients_needed_knows_when_it_cannot_say() -> None:
    assert patients_needed(Interval(0.0, -0.1, 0.1, 1.0), 22) is None
    assert patients_needed(Interval(0.1, -np.inf, np.inf, 1.0), 1) is None
    # With power 1/2, the interval has to end at 0: (0.022 / 0.012)^2 * 22.
    assert patients_needed(Interval(0.012, -0.010, 0.034, 0.28), 22, power=0.5) == 74
    wide = Interval(0.012, -0.010, 0.034, 0.28, confidence=0.68)
    assert patients_needed(wide, 22) > patients_needed(Interval(0.012, -0.010, 0.034, 0.28), 22)


def test_verdicts() -> None:
    shown = Interval(0.05, 0.02, 0.08, 0.004)
    assert verdict(shown, p=0.008, n_patients=22).text == (
        "helps: use it, on 22 patients macro F1 was 0.050 higher (95 % interval +0.020 to +0.080, "
        "p = 0.008 after Holm)"
    )
    worse = Interval(-0.05, -0.08, -0.02, 0.0001)
    harm = verdict(worse, p=0.0001, n_patients=1, metric="f1:V")
    assert harm.outcome == "harms"
    assert harm.text == (
        "harms: do not use it, on 1 patient F1 of class V was 0.050 lower (95 % interval -0.080 to "
        "-0.020, p < 0.001)"
    )
    open_ = verdict(Interval(0.012, -0.010, 0.034, 0.14), p=0.28, n_patients=22)
    assert open_.outcome == "inconclusive"
    assert open_.text == (
        "inconclusive: no reason to use or to avoid it, on 22 patients macro F1 was 0.012 higher "
        "(95 % interval -0.010 to +0.034, p = 0.28 after Holm); about 160 patients would be needed"
    )


@pytest.mark.parametrize(
    ("interval", "settings", "why"),
    [
        (
            Interval(0.05, 0.02, 0.08, 0.004),
            {"p": 0.004, "min_difference": 0.03},
            "less than the 0.03",
        ),
        (Interval(0.05, 0.01, 0.09, 0.03), {"p": 0.09}, "p is above 0.05"),
        (Interval(0.0, -0.01, 0.01, 1.0), {"p": 1.0}, "needed cannot be said"),
        (Interval(0.1, -np.inf, np.inf, 1.0), {"p": 1.0}, "too few patients for an interval"),
        (Interval(1e-4, -0.1, 0.1, 0.9), {"p": 0.9}, "more than 10000 patients"),
        (Interval(0.1, -0.01, 0.12, 0.06), {"p": 0.06}, "somewhat more patients"),
    ],
)
def test_why_it_is_inconclusive(interval, settings, why) -> None:
    told = verdict(interval, n_patients=22, **settings)
    assert told.outcome == "inconclusive"
    assert why in told.text


@pytest.mark.parametrize("limited_by", ["folds", "repeats"])
def test_patients_are_not_asked_for_where_they_do_not_make_the_interval_wide(limited_by) -> None:
    wide = Interval(0.012, -0.010, 0.034, 0.14, limited_by=limited_by)
    told = verdict(wide, p=0.14, n_patients=22)
    assert told.text.endswith(
        f"more {limited_by} first: they, not the patients, make the interval wide"
    )
    assert "would be needed" not in told.text
