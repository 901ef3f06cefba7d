"""Batches hold every class equally."""

from __future__ import annotations

import pytest
import torch

from bioaug.core.seeding import seeded
from bioaug.training.batches import balanced_batches


def rows_per_class(counts):
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    return torch.arange(len(labels), dtype=torch.float32)[:, None, None], labels


@pytest.mark.parametrize("counts", [[50, 3, 1], [7], [2, 2, 2, 2, 90]])
def test_batches_hold_every_class_equally(counts):
    signals, labels = rows_per_class(counts)
    with seeded(0):
        stream = balanced_batches(signals, labels, 4 * len(counts))
        for batch in (next(stream) for _ in range(20)):
            assert torch.equal(batch.labels.bincount(), torch.full((len(counts),), 4))
            assert torch.equal(labels[batch.signals[:, 0, 0].long()], batch.labels)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 5])
def test_batches_that_are_no_multiple_differ_by_one_and_even_out(batch_size):
    signals, labels = rows_per_class([50, 3, 1])
    total = torch.zeros(3)
    with seeded(0):
        stream = balanced_batches(signals, labels, batch_size)
        for batch in (next(stream) for _ in range(1500)):
            counts = batch.labels.bincount(minlength=3)
            assert len(batch.labels) == batch_size
            assert counts.max() - counts.min() <= 1
            total += counts
    torch.testing.assert_close(total / total.sum(), torch.full((3,), 1 / 3), rtol=0, atol=0.03)


def test_every_row_is_drawn():
    signals, labels = rows_per_class([30, 3])
    with seeded(0):
        stream = balanced_batches(signals, labels, 16)
        drawn = torch.cat([next(stream).signals for _ in range(60)])
    assert len(drawn.unique()) == 33
