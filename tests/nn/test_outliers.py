"""Rows far beyond all others of their class are drawn in before anything is fitted to them."""

from __future__ import annotations

import pytest
import torch

from bioaug.nn.outliers import FARTHEST, drawn_in


def rows_of(n, seed=0):
    return torch.randn(n, 1, 20, generator=torch.Generator().manual_seed(seed))


def zeros(n):
    return torch.zeros(n, dtype=torch.int64)


@pytest.mark.parametrize("n", [8, 15, 200])
def test_rows_like_all_others_stay(n):
    rows = rows_of(n)
    assert drawn_in(rows, zeros(n)) is rows


@pytest.mark.parametrize("n_far", [1, 7])
def test_outliers_come_no_farther_than_others_reach(n_far):
    rows = rows_of(100)
    rows[:n_far] *= 30
    moved = drawn_in(rows, zeros(100))
    middle = rows.flatten(1).median(dim=0).values
    distance = (moved.flatten(1) - middle).norm(dim=1)
    assert float(distance.max()) <= FARTHEST * float(distance[n_far:].max()) * 1.001
    torch.testing.assert_close(moved[n_far:], rows[n_far:])
    likeness = torch.cosine_similarity(moved.flatten(1) - middle, rows.flatten(1) - middle)
    torch.testing.assert_close(likeness, torch.ones(100))
    assert float(rows[0].norm()) > 50  # the caller's rows are not changed


def test_every_class_has_its_own_measure():
    rows = rows_of(60)
    rows[30:] *= 100
    assert drawn_in(rows, torch.arange(60) // 30) is rows
    rows[30] *= 10
    moved = drawn_in(rows, torch.arange(60) // 30)
    assert (moved != rows).flatten(1).any(dim=1).nonzero().tolist() == [[30]]


def test_few_or_equal_rows_stay():
    rows = rows_of(7)
    rows[0] *= 30
    assert drawn_in(rows, zeros(7)) is rows
    copied = rows.repeat(5, 1, 1)
    assert drawn_in(copied, zeros(35)) is copied
    assert torch.isfinite(drawn_in(torch.ones(20, 1, 5), zeros(20))).all()
