"""The Frechet distance against scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from toys import make_waves

from bioaug.metrics.fidelity import frechet
from bioaug.metrics.fidelity.frechet import frechet_distance, gaussian_distance


def test_agrees_with_the_matrix_root_of_scipy() -> None:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6))
    B = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)) + 1
    cov_a, cov_b = np.cov(A.T), np.cov(B.T)
    shift = A.mean(0) - B.mean(0)
    expected = shift @ shift + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert gaussian_distance(A, B) == pytest.approx(expected, abs=1e-8)


def test_one_dimension_has_its_closed_form() -> None:
    A, B = np.array([[0.0], [2.0], [4.0]]), np.array([[7.0], [8.0], [9.0]])
    assert gaussian_distance(A, B) == pytest.approx(6**2 + (2 - 1) ** 2)


def test_singular_covariances_are_no_trouble() -> None:
    A = np.random.default_rng(0).normal(size=(4, 9))
    assert gaussian_distance(A, A) == pytest.approx(0, abs=1e-6)
    assert gaussian_distance(A, np.zeros((5, 9))) == pytest.approx(
        (A.mean(0) ** 2).sum() + A.var(0, ddof=1).sum()
    )


def test_grows_with_the_shift_and_with_the_collapse() -> None:
    A, B = make_waves(100), make_waves(100, 1)
    shifts = [frechet_distance(A, B + d, n_null=0, random_state=0) for d in (0, 0.3, 0.6, 1.2)]
    assert shifts == sorted(shifts)
    shrunk = [frechet_distance(A, B * g, n_null=0, random_state=0) for g in (1, 0.8, 0.5, 0.0)]
    assert shrunk == sorted(shrunk)


@pytest.mark.parametrize("n_samples", [40, 160])
def test_bias_of_few_rows_is_gone(n_samples: int) -> None:
    found = [
        frechet_distance(
            make_waves(n_samples, 2 * i), make_waves(n_samples, 2 * i + 1), n_null=0, random_state=i
        )
        for i in range(20)
    ]
    plain = np.mean([score.details["plain"] for score in found])
    error = np.std(found) / len(found) ** 0.5
    assert abs(np.mean(found)) < 4 * error
    assert abs(np.mean(found)) < 0.3 * plain


def test_number_of_dimensions_follows_the_real_rows() -> None:
    of = {n: frechet_distance(make_waves(n), make_waves(30), n_null=0) for n in (20, 200, 700)}
    assert {n: score.details["n_dims"] for n, score in of.items()} == {20: 2, 200: 10, 700: 32}


def test_embedding_sees_real_rows_only_and_other_ones_than_those_scored(monkeypatch) -> None:
    seen = []
    original = frechet.embedding
    monkeypatch.setattr(
        frechet, "embedding", lambda rows, *given: seen.append(rows) or original(rows, *given)
    )
    A = make_waves(40)
    frechet_distance(A, make_waves(30, 1), n_null=0, random_state=0)
    first, second = ({row.tobytes() for row in rows} for rows in seen)
    assert len(first) == len(second) == 20
    assert not first & second
