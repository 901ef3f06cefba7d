"""Principal coordinates, mixtures in them, and draws beside training rows."""

from __future__ import annotations

import pytest
import torch
from toys import distances

from bioaug._random import seeded
from bioaug.nn.local import LocalGaussians
from bioaug.nn.mixture import GaussianMixture, PrincipalAxes


def walks(n=400, n_channels=2, n_timesteps=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, n_channels, n_timesteps, generator=generator).cumsum(dim=2)
    return rows / rows.abs().max()


def zeros(n):
    return torch.zeros(n, dtype=torch.int64)


@pytest.mark.parametrize("shape", [(1, 1), (1, 12), (2, 12), (1, 1800)])
def test_coordinates_are_white_and_lead_back(shape):
    signals = walks(300, *shape)
    axes = PrincipalAxes(*shape)
    with seeded(0):
        axes.fit(signals, zeros(300))
    rows = axes(signals)
    assert rows.shape == (300, min(shape[0] * shape[1], 256))
    assert float(rows.mean(dim=0).abs().max()) < 1e-3
    kept = axes.deviations > 2e-3 * axes.deviations.max()
    torch.testing.assert_close(
        rows.square().mean(dim=0)[kept], torch.ones(int(kept.sum())), rtol=0.05, atol=0
    )
    back = axes.inverse(rows)
    assert float((back - signals).square().mean() / signals.square().mean()) < 1e-3


def test_every_class_weighs_the_same_in_the_coordinates():
    signals = torch.cat([walks(300) + 1, walks(30, seed=1) - 1])
    labels = torch.cat([zeros(300), zeros(30) + 1])
    axes = PrincipalAxes(2, 12)
    axes.fit(signals, labels)
    wanted = (signals[:300].mean(dim=0) + signals[300:].mean(dim=0)) / 2
    torch.testing.assert_close(axes.mean, wanted.flatten(), rtol=0, atol=1e-5)


def mixture_of(rows, labels, n_components=8, rank=3):
    axes = PrincipalAxes(1, rows.shape[1])
    mixture = GaussianMixture(axes, int(labels.max()) + 1, n_components, rows_each=10, rank=rank)
    with seeded(0):
        mixture.fit(axes, rows, labels)
    return mixture


def test_a_mixture_draws_the_clusters_of_its_class():
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[8.0, 0, 0, 0, 0], [0, 8.0, 0, 0, 0], [0, 0, -9.0, 0, 0]])
    labels = torch.cat([zeros(200), zeros(100) + 1])
    rows = torch.randn(300, 5, generator=generator)
    rows += centres[torch.cat([torch.arange(200) % 2, zeros(100) + 2])]
    mixture = mixture_of(rows, labels)
    with seeded(1):
        drawn = mixture.draw(torch.cat([zeros(2000), zeros(2000) + 1]))
    for made, real in ((drawn[:2000], rows[:200]), (drawn[2000:], rows[200:])):
        torch.testing.assert_close(made.mean(dim=0), real.mean(dim=0), rtol=0, atol=0.4)
        torch.testing.assert_close(made.T.cov(), real.T.cov(), rtol=0, atol=2.0)
        assert float(distances(made, real).amin(dim=1).quantile(0.99)) < 4


@pytest.mark.parametrize("n", [1, 2, 5, 60])
def test_few_rows_make_few_components(n):
    rows = torch.randn(n, 6, generator=torch.Generator().manual_seed(0))
    mixture = mixture_of(rows, zeros(n))
    assert int((mixture.shares > 0).sum()) == max(1, n // 10)
    with seeded(0):
        drawn = mixture.draw(zeros(50))
    assert torch.isfinite(drawn).all()
    if n == 1:
        torch.testing.assert_close(drawn, rows.expand(50, -1))


def test_a_row_alone_in_its_cell_is_not_copied():
    rows = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
    rows[0] += 40
    mixture = mixture_of(rows, zeros(100))
    assert float(mixture.shares[0].min()) == 1
    with seeded(0):
        drawn = mixture.draw(zeros(3000))
    assert float((drawn - rows[0]).norm(dim=1).min()) > 0.1


def test_before_fit_a_mixture_is_white_noise():
    mixture = GaussianMixture(PrincipalAxes(1, 6), 2, 4, rows_each=10, rank=2)
    with seeded(0):
        drawn = mixture.draw(torch.arange(2).repeat(2000))
    torch.testing.assert_close(drawn.T.cov(), torch.eye(6), rtol=0, atol=0.12)


def test_rows_are_given_to_the_nearest_component_of_their_class():
    rows = (
        torch.cat([torch.zeros(20, 3), 10 + torch.zeros(20, 3)]) + 0.01 * torch.arange(40)[:, None]
    )
    mixture = mixture_of(rows, zeros(40), n_components=2)
    cells = mixture.nearest(rows, zeros(40))
    assert len(cells[:20].unique()) == len(cells[20:].unique()) == 1
    assert cells[0] != cells[-1]


def local_of(rows, labels, share=0.9, n_neighbours=8):
    return LocalGaussians(rows, labels, share, n_neighbours)


def test_share_0_gives_training_rows_back():
    rows, index = torch.randn(30, 4), torch.arange(30).repeat(3)
    with seeded(1):
        drawn = local_of(rows, zeros(30), share=0.0).draw(index)
    torch.testing.assert_close(drawn, rows[index])


def test_draws_keep_the_covariance_and_are_no_copies():
    rows = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    local = local_of(rows, zeros(400), share=0.9, n_neighbours=20)
    with seeded(1):
        drawn = local.draw(torch.randint(400, (8000,)))
    torch.testing.assert_close(drawn.T.cov(), rows.T.cov(), rtol=0, atol=0.25)
    assert float(distances(drawn, rows).amin(dim=1).median()) > 0.05


def test_neighbours_are_the_nearest_others_of_the_class(monkeypatch):
    rows, labels = torch.arange(12.0)[:, None], torch.arange(12) % 2
    local = local_of(rows, labels, n_neighbours=2)
    assert sorted(local.neighbours[4].tolist()) == [2, 6]
    assert sorted(local.neighbours[0].tolist()) == [2, 4]
    monkeypatch.setattr("bioaug.nn.local.MOST_ROWS", 3)  # 0, 4 and 10 of the even ones
    local = local_of(rows, labels, n_neighbours=2)
    assert sorted(local.neighbours[4].tolist()) == [0, 10]
    assert sorted(local.neighbours[6].tolist()) in ([4, 10], [0, 4])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_can_be_drawn_from(n):
    rows = torch.randn(n + 40, 5)
    local = local_of(rows, torch.cat([zeros(n), zeros(40) + 1]))
    with seeded(0):
        drawn = local.draw(torch.arange(n).repeat(20))
    assert torch.isfinite(drawn).all()
    assert local.neighbours[:n].max() < n
