"""Distance to real signals, and diversity, on sets whose neighbours are known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from toys import make_waves

from bioaug.exceptions import DataError
from bioaug.metrics.fidelity.spread import diversity, sample_distance


def unit(X, like):
    return ((X - like.mean((0, 2), keepdims=True)) / like.std((0, 2), keepdims=True)).reshape(
        len(X), -1
    )


def test_agrees_with_scikit_learn() -> None:
    A, B = make_waves(40), make_waves(40, 1)
    a, b = unit(A, A), unit(B, A)
    among = {name: NearestNeighbors(n_neighbors=1).fit(X) for name, X in (("a", a), ("b", b))}
    to_real = among["a"].kneighbors(b)[0].mean()
    own, other = (found.kneighbors()[0].mean() for found in among.values())
    found = sample_distance(A, B, n_null=0)
    assert found == pytest.approx(to_real / own, abs=1e-9)
    size = np.sqrt(a.shape[1])
    expected = {
        "to_real": to_real / size,
        "to_other_synthetic": other / size,
        "real_to_other_real": own / size,
    }
    assert found.details == pytest.approx(expected, abs=1e-9)
    spread = diversity(A, B, n_null=0, random_state=0)
    assert spread == pytest.approx(other / own, abs=1e-9)
    pairs = pairwise_distances(b).sum() / pairwise_distances(a).sum()
    assert spread.details["pairwise"] == pytest.approx(pairs, abs=1e-9)


def test_copies_are_at_no_distance_and_far_rows_are_far() -> None:
    A = make_waves(60)
    assert sample_distance(A, A[:30], n_null=0) == pytest.approx(0, abs=1e-6)
    far = [sample_distance(A, make_waves(60, 1) + d, n_null=0) for d in (0, 1, 3)]
    assert far == sorted(far)


@pytest.mark.parametrize("n_samples", [60, 400])
def test_new_real_rows_score_one_at_any_number(n_samples: int) -> None:
    A, B = make_waves(n_samples), make_waves(n_samples, 1)
    assert sample_distance(A, B, n_null=0) == pytest.approx(1, abs=0.1)
    assert diversity(A, B, n_null=0) == pytest.approx(1, abs=0.1)


def test_diversity_falls_to_zero_with_the_collapse() -> None:
    A, B = make_waves(80), make_waves(80, 1)
    centre = B.mean(axis=0)
    partly = [diversity(A, centre + g * (B - centre), n_null=0) for g in (1, 0.5, 0.1, 0)]
    assert partly == sorted(partly, reverse=True)
    assert partly[-1] == pytest.approx(0, abs=1e-6)
    assert diversity(A, B[:4].repeat(20, axis=0), n_null=0) == pytest.approx(0, abs=1e-6)


def test_diversity_of_one_group_of_two_shows_in_the_pairs() -> None:
    A, B = make_waves(80), make_waves(40, 1)
    A[40:] += 20
    lost = diversity(A, B, n_null=0, random_state=0)
    assert lost.details["pairwise"] < 0.4
    assert lost.details["n_each"] == 40


def test_more_synthetic_rows_do_not_look_collapsed() -> None:
    found = diversity(make_waves(60), make_waves(600, 1), n_null=0, random_state=0)
    assert found == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("score", [sample_distance, diversity])
def test_copies_of_real_rows_change_nothing(score) -> None:
    rows, synthetic = make_waves(20), make_waves(20, 1)
    once = score(rows, synthetic, n_null=0, random_state=0)
    assert score(rows.repeat(2, axis=0), synthetic, n_null=0, random_state=0) == pytest.approx(
        once, rel=0.2
    )  # other rows are drawn where there are more


@pytest.mark.parametrize("score", [sample_distance, diversity])
def test_real_rows_that_are_all_equal_are_named(score) -> None:
    with pytest.raises(DataError, match=r"X_real.*rows that differ"):
        score(make_waves(1).repeat(40, axis=0), make_waves(40), n_null=0)
