"""Every score is monotone along the corruptions of real rows that it claims to see."""

from __future__ import annotations

from pathlib import Path

import pytest
from ladders import (
    CLAIMS,
    LADDERS,
    STRENGTHS,
    badness,
    climb,
    load_beats,
    load_eeg,
    tau,
)

from bioaug.metrics.base.registry import COPIES, FAULTS
from bioaug.metrics.catalogue import CATALOGUE

SEEDS = (10, 11)  # others than those that the claims were made from
TRAINS = ("discriminative", "inception", "tstr", "trts")  # seconds a value


def test_every_score_is_on_some_ladder() -> None:
    assert {name for name in CATALOGUE if not CLAIMS[name]} == {"predictive"}
    assert set(FAULTS) | set(COPIES) == set(LADDERS)
    assert all(set(of) <= set(LADDERS) for of in CLAIMS.values())


@pytest.fixture(scope="module")
def beats(mitbih_home: Path) -> list:
    return [load_beats(mitbih_home, 1000, seed) for seed in SEEDS]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CLAIMS) - {*TRAINS, "eeg", "predictive"}))
def test_beats(beats: list, name: str) -> None:
    if name == "wavelet_coherence":
        beats = [{c: _first(part, 100) for c, part in parts.items()} for parts in beats]
    _check(name, beats)


@pytest.mark.slow
def test_eeg(bonn_home: Path) -> None:
    _check("eeg", [load_eeg(bonn_home, 1000, seed) for seed in SEEDS])


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINS)
def test_scores_that_train_a_classifier_rise_from_end_to_end(beats: list, name: str) -> None:
    parts = {c: _first(part, 400) for c, part in beats[0].items()}
    for ladder in CLAIMS[name]:
        found = [badness(name, parts, LADDERS[ladder], strength) for strength in (0, 0.5, 1)]
        assert found[0] < found[1] < found[2], (ladder, found)


def _check(name: str, seeds: list) -> None:
    climbed = {ladder: climb(name, seeds, ladder) for ladder in CLAIMS[name]}
    short = {ladder: found for ladder, found in climbed.items() if tau(found) < 0.9}
    assert not short, (STRENGTHS, short)


def _first(part, n: int):
    return type(part)(*(rows[:n] for rows in part))
