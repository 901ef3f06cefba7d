from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from bioaug.core.row_noise import RowNoise, row_seeds


def drawn(seeds, *shape):
    with RowNoise(torch.from_numpy(seeds)):
        return torch.randn(len(seeds), *shape)


def test_numbers_are_normal_and_uniform():
    seeds = row_seeds(0, 4000)
    with RowNoise(torch.from_numpy(seeds)):
        normal, uniform = torch.randn(4000, 7), torch.rand(4000, 2, 3)
    assert kstest(normal.flatten().numpy(), "norm").pvalue > 1e-3
    assert kstest(uniform.flatten().numpy(), "uniform").pvalue > 1e-3
    both = torch.cat([normal, uniform.flatten(1)], dim=1)
    assert float((both.T.corrcoef() - torch.eye(13)).abs().max()) < 0.08


def test_a_row_has_its_numbers_in_any_company():
    seeds = row_seeds(5, 30)
    whole = drawn(seeds, 9)
    assert torch.equal(drawn(seeds[4:9], 9), whole[4:9])
    assert torch.equal(drawn(seeds[[20]], 9), whole[[20]])


def test_later_draws_are_new_ones():
    with RowNoise(torch.from_numpy(row_seeds(0, 50))):
        first, second = torch.randn(50, 4), torch.randn_like(torch.zeros(50, 4))
    assert float((first - second).abs().min()) > 0


def test_seeds_differ_by_seed_epoch_and_row():
    parts = [row_seeds(s, 1000, epoch=e) for s in (0, 1) for e in (0, 1, 2)]
    assert len(np.unique(np.concatenate(parts))) == 6000
    np.testing.assert_array_equal(row_seeds(3, np.array([7, 2])), row_seeds(3, 8)[[7, 2]])


def test_multinomial_has_its_shares():
    shares = torch.tensor([[0.2, 0.0, 0.5, 0.3]]).expand(6000, -1)
    with RowNoise(torch.from_numpy(row_seeds(0, 6000))):
        chosen = torch.multinomial(shares, 1)
    found = torch.bincount(chosen[:, 0], minlength=4) / 6000
    assert found.tolist() == pytest.approx([0.2, 0, 0.5, 0.3], abs=0.02)
    assert found[1] == 0


def test_other_shapes_and_functions_are_torchs_own():
    torch.manual_seed(0)
    wanted = torch.randn(3, 4)
    torch.manual_seed(0)
    with RowNoise(torch.from_numpy(row_seeds(0, 5))):
        assert torch.equal(torch.randn(3, 4), wanted)
        assert torch.randint(5, (5,)).shape == (5,)
