"""Precision, recall, density and coverage against the package prdc and known sets."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances
from toys import make_waves

from bioaug.core import distances
from bioaug.exceptions import DataError
from bioaug.metrics.fidelity.neighbours import coverage, density, precision, recall

SCORES = (precision, recall, density, coverage)


def in_units(A, B):
    mean, deviation = A.mean((0, 2), keepdims=True), A.std((0, 2), keepdims=True)
    return [((X - mean) / deviation).reshape(len(X), -1) for X in (A, B)]


def naive(real, fake, k: int) -> dict[str, float]:
    """Return the four, written as their formulae."""
    between = pairwise_distances(real, fake)
    r_radius = np.sort(pairwise_distances(real))[:, k][:, None]
    f_radius = np.sort(pairwise_distances(fake))[:, k]
    return {
        "precision": (between < r_radius).any(axis=0).mean(),
        "recall": (between < f_radius).any(axis=1).mean(),
        "density": (between < r_radius).sum(axis=0).mean() / k,
        "coverage": (between.min(axis=1, keepdims=True) < r_radius).mean(),
    }


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("sizes", [(40, 40), (30, 70), (70, 30)])
def test_they_are_their_formulae(k: int, sizes: tuple[int, int], monkeypatch) -> None:
    monkeypatch.setattr(distances, "BLOCK_VALUES", 300)  # several blocks
    A, B = make_waves(sizes[0]), make_waves(sizes[1], 1) + 0.2
    expected = naive(*in_units(A, B), k)
    found = {s.__name__: s(A, B, nearest_k=k, n_null=0).value for s in SCORES}
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("sizes", [(60, 60), (50, 80)])
def test_they_agree_with_prdc(sizes: tuple[int, int], capsys) -> None:
    prdc = pytest.importorskip("prdc")
    A, B = make_waves(sizes[0]), make_waves(sizes[1], 1) * 0.9
    expected = prdc.compute_prdc(*in_units(A, B), nearest_k=5)
    capsys.readouterr()  # it prints
    found = {s.__name__: s(A, B, n_null=0).value for s in SCORES}
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_far_sets_score_zero_and_equal_ones_are_full(score) -> None:
    A, B = make_waves(50), make_waves(50, 1)
    assert score(A, B + 50, n_null=0) == 0
    assert score(A, A, n_null=0) >= 1


def test_what_each_of_them_sees_of_a_collapse() -> None:
    A = make_waves(100)
    collapsed = A[:2].repeat(50, axis=0) + 1e-3 * make_waves(100, 1)
    assert precision(A, collapsed, n_null=0) == 1
    assert recall(A, collapsed, n_null=0) < 0.1
    assert coverage(A, collapsed, n_null=0) < 0.3


def test_expected_coverage_of_equal_distributions() -> None:
    k, n = 5, 60
    found = [
        coverage(make_waves(n, 2 * i), make_waves(n, 2 * i + 1), n_null=0, nearest_k=k)
        for i in range(20)
    ]
    missed = np.prod([(n - 1 - i) / (2 * n - 1 - i) for i in range(k)])
    assert np.mean(found) == pytest.approx(1 - missed, abs=0.015)


def test_density_of_equal_distributions_is_one_at_any_sizes() -> None:
    pairs = [(make_waves(60, i), make_waves(150, 1000 + i)) for i in range(20)]
    assert np.mean([density(A, B, n_null=0) for A, B in pairs]) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("score", SCORES)
def test_bad_settings_are_named(score) -> None:
    A = make_waves(9)
    with pytest.raises(DataError, match=f"nearest_k.*{score.__name__}"):
        score(A, A, nearest_k=0)
    with pytest.raises(DataError, match=r"at least 10 rows. Got 9"):
        score(A, A, nearest_k=9)
