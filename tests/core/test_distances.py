"""Distances against their definition: equal rows, nearly equal rows, offsets and ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from bioaug.core import distances
from bioaug.core.distances import (
    count_within,
    distance_blocks,
    nearest,
    nearest_index,
    nearest_rows,
)
from bioaug.nn.parzen import ManifoldParzen


def make(n: int, d: int = 200, *, seed: int = 0, offset: float = 0.0) -> NDArray[np.float64]:
    """Return float32 rows, as signals are, in float64."""
    return np.random.default_rng(seed).normal(offset, 1, (n, d)).astype(np.float32).astype(float)


def all_squared(A: NDArray, B: NDArray) -> NDArray[np.float64]:
    return np.concatenate([squared for _, squared in distance_blocks(A, B)])


@pytest.fixture(params=[2**22, 150])
def _blocks(request, monkeypatch) -> None:
    monkeypatch.setattr(distances, "BLOCK_VALUES", request.param)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_they_are_the_distances(offset: float) -> None:
    A, B = make(60, offset=offset), make(70, seed=1, offset=offset)
    expected = cdist(A, B)
    np.testing.assert_allclose(np.sqrt(all_squared(A, B)), expected, rtol=1e-6)
    index, distance = nearest_rows(A, B, 5)
    np.testing.assert_array_equal(index, np.argsort(expected, axis=1)[:, :5])
    np.testing.assert_allclose(distance, np.sort(expected, axis=1)[:, :5], rtol=1e-12)
    np.testing.assert_allclose(nearest(A, k=3), np.sort(cdist(A, A), axis=1)[:, 1:4], rtol=1e-12)
    radius = np.sort(cdist(B, B), axis=1)[:, 9] * 1.01
    expected_count = (expected <= radius).sum(axis=1)
    assert expected_count.max() > 1
    np.testing.assert_array_equal(count_within(A, B, radius), expected_count)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_equal_rows_have_no_distance(offset: float) -> None:
    B = make(64, offset=offset)
    A = B[::-1].copy()
    index, distance = nearest_index(A, B)
    np.testing.assert_array_equal(index, np.arange(64)[::-1])
    assert (distance == 0).all()
    assert (np.diag(all_squared(B, B)) == 0).all()
    assert (nearest(B) > 1).all()  # a row is not its own neighbour
    assert (nearest(np.repeat(B, 2, axis=0)) == 0).all()  # but a copy of it is


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_nearly_equal_rows_have_their_own_distance(size: float) -> None:
    B = make(64, offset=100)
    step = size * make(64, seed=1)
    expected = np.linalg.norm((B + step) - B, axis=1)
    index, distance = nearest_index(B + step, B)
    np.testing.assert_array_equal(index, np.arange(64))
    np.testing.assert_allclose(distance, expected, rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.diag(all_squared(B + step, B))), expected, rtol=1e-6)


def test_of_equal_distances_the_first_row_is_the_nearest() -> None:
    B = np.repeat(make(8), [1, 3, 1, 1, 1, 1, 1, 1], axis=0)
    index, distance = nearest_rows(B[[2]], B, 3)
    assert index.tolist() == [[1, 2, 3]]
    assert (distance == 0).all()
    index, distance = nearest_rows(B[[2]], B, 2, own=np.array([2]))
    assert index.tolist() == [[1, 3]]
    assert (nearest(np.full((300, 40), 0.1)) == 0).all()


def test_equal_distances_compare_equal() -> None:
    """A copy of a row's neighbour is as far from it as the neighbour, not nearer."""
    real = make(64)
    radius = nearest(real)[:, 0]
    assert not (nearest(real, real[::-1], k=2)[:, 1] < radius).any()
    # Each row lies in a ball that ends there, as in its own and in those that are larger.
    expected = [
        sum(np.sqrt(((r - row) ** 2).sum()) <= limit for r, limit in zip(real, radius, strict=True))
        for row in real
    ]
    np.testing.assert_array_equal(count_within(real, real, radius), expected)


def test_the_neighbours_of_repeated_rows_in_a_model() -> None:
    """Which are the nearest different ones: equal rows are told apart from near ones."""
    rows = torch.tensor(make(40), dtype=torch.float32).repeat(2, 1) + 100
    local = ManifoldParzen(rows, torch.zeros(80, dtype=torch.long), 0.5, n_neighbours=1)
    apart = cdist(rows.double(), rows.double())
    apart[apart == 0] = np.inf
    expected = rows[apart.argmin(axis=1)]
    torch.testing.assert_close(rows[local.neighbours[:, 0]], expected, rtol=0, atol=0)
