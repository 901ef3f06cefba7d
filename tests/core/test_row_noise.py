from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import nn
from torch.nn import functional

from bioaug.core.row_noise import RowNoise, row_seeds
from bioaug.exceptions import DataError


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


def test_multinomial_has_its_probabilities():
    weights = torch.tensor([[0.2, 0.0, 0.5, 0.3]]).expand(6000, -1)
    with RowNoise(torch.from_numpy(row_seeds(0, 6000))):
        chosen = torch.multinomial(weights, 1)
    found = torch.bincount(chosen[:, 0], minlength=4) / 6000
    assert found.tolist() == pytest.approx([0.2, 0, 0.5, 0.3], abs=0.02)
    assert found[1] == 0


ROWS = torch.full((5, 3), 0.5)
REFUSED = {
    "normal": lambda: torch.normal(0.0, 1.0, (5, 3)),
    "normal_": lambda: torch.empty(5, 3).normal_(),
    "uniform_": lambda: torch.empty(5, 3).uniform_(),
    "exponential_": lambda: torch.empty(5, 3).exponential_(),
    "geometric_": lambda: torch.empty(5, 3).geometric_(0.5),
    "log_normal_": lambda: torch.empty(5, 3).log_normal_(),
    "cauchy_": lambda: torch.empty(5, 3).cauchy_(),
    "random_": lambda: torch.empty(5, 3).random_(),
    "bernoulli": lambda: torch.bernoulli(ROWS),
    "bernoulli of a tensor": ROWS.bernoulli,
    "bernoulli_": lambda: torch.empty(5, 3).bernoulli_(),
    "poisson": lambda: torch.poisson(ROWS),
    "binomial": lambda: torch.binomial(ROWS, ROWS),
    "randint": lambda: torch.randint(5, (5,)),
    "randint_like": lambda: torch.randint_like(ROWS, 5),
    "randperm": lambda: torch.randperm(5),
    "gumbel_softmax": lambda: functional.gumbel_softmax(ROWS),
    "initialisation": lambda: nn.init.normal_(torch.empty(5, 3)),
    "distribution": lambda: torch.distributions.Normal(0.0, 1.0).sample((5,)),
    "dropout": lambda: functional.dropout(ROWS),
    "dropout layer": lambda: nn.Dropout(0.1)(ROWS),
    "dropout of channels": lambda: functional.dropout1d(ROWS[:, None], 0.5, True),
    "dropout of torch": lambda: torch.dropout(ROWS, 0.5, True),
    "rrelu": lambda: functional.rrelu(ROWS, training=True),
    "attention": lambda: functional.scaled_dot_product_attention(
        ROWS[None], ROWS[None], ROWS[None], dropout_p=0.5
    ),
    "generator": lambda: torch.randn(5, 3, generator=torch.Generator()),
    "out": lambda: torch.rand(5, 3, out=torch.empty(5, 3)),
    "another first size": lambda: torch.randn(3, 5),
    "one number": lambda: torch.rand(()),
    "like another first size": lambda: torch.randn_like(ROWS[:4]),
    "another device": lambda: torch.randn(5, 3, device="meta"),
    "several draws": lambda: torch.multinomial(ROWS, 2),
    "draws without rows": lambda: torch.multinomial(ROWS[0], 1),
}


@pytest.mark.parametrize("draw", REFUSED.values(), ids=REFUSED)
def test_numbers_that_are_no_rows_own_are_refused(draw):
    block = RowNoise(torch.from_numpy(row_seeds(0, 5)))
    with block, pytest.raises(DataError, match="'generate' method of a model must draw its noise"):
        draw()


def test_what_draws_nothing_passes():
    with RowNoise(torch.from_numpy(row_seeds(0, 5))):
        assert torch.equal(nn.Dropout(0.5).eval()(ROWS), ROWS)
        assert torch.equal(functional.dropout(ROWS, 0.0), ROWS)
        assert torch.equal(functional.dropout(ROWS, training=False), ROWS)
        assert functional.rrelu(ROWS).shape == ROWS.shape
        rows = ROWS[None]
        assert functional.scaled_dot_product_attention(rows, rows, rows).shape == rows.shape


def test_types_are_as_asked_for():
    with RowNoise(torch.from_numpy(row_seeds(0, 5))):
        assert torch.randn(5, 2, dtype=torch.float64).dtype == torch.float64
        assert torch.rand(size=(5, 2)).shape == (5, 2)
        assert torch.randn_like(ROWS, dtype=torch.float64).dtype == torch.float64
        assert ROWS.multinomial(num_samples=1).shape == (5, 1)
