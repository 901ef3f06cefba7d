"""Principal coordinates, mixtures in them, and draws beside training rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import distances

from bioaug import Synthesizer
from bioaug.core.seeding import seeded
from bioaug.nn.cells import LEAST_ROWS, partition
from bioaug.nn.mixture import GaussianMixture, PrincipalAxes
from bioaug.nn.parzen import ManifoldParzen


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


def mixture_of(rows, labels, n_components=768, rank=3):
    axes = PrincipalAxes(1, rows.shape[1])
    mixture = GaussianMixture(axes, int(labels.max()) + 1, n_components, rank=rank)
    with seeded(0):
        mixture.fit(axes, rows[:, None], labels)
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


def normal_rows(n, n_values=6, seed=0):
    return torch.randn(n, n_values, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [1, 2, 4, 7, 8, 10, 15, 60, 500])
def test_every_component_rests_on_enough_rows(n):
    mixture = mixture_of(normal_rows(n), zeros(n))
    assert torch.isfinite(mixture.draw(zeros(50))).all()
    n_components = int((mixture.weights > 0).sum())
    assert n_components == len(mixture.centres) <= max(1, n // LEAST_ROWS)
    if n >= LEAST_ROWS:
        assert float(mixture.weights[mixture.weights > 0].min()) >= LEAST_ROWS
        assert float(mixture.weights.sum()) == n


def test_a_class_of_one_row_does_not_store_it():
    mixture = mixture_of(normal_rows(1), zeros(1))
    assert not mixture.centres.any()
    assert (mixture.rest == 1).all()


def test_copies_of_a_row_are_one_row():
    """Eight copies of one row are no cell of eight rows."""
    rows = normal_rows(100)
    rows[:20] = rows[0] + 50
    mixture = mixture_of(rows, zeros(100))
    assert float(mixture.weights.sum()) == 81
    assert float((mixture.centres - rows[0]).norm(dim=1).min()) > 10


@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_class_of_few_rows_has_its_mean_and_one_variance(n):
    rows = 3 * normal_rows(n)
    mixture = mixture_of(rows, zeros(n))
    torch.testing.assert_close(mixture.centres, rows.mean(dim=0)[None])
    assert mixture.factors.shape[1] == 0
    wanted = rows.var(dim=0).mean().sqrt().expand(1, 6)
    torch.testing.assert_close(mixture.rest, wanted)


@pytest.mark.parametrize("n_outliers", [1, 7, 25])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_outlier_lies_near_a_stored_centre(n_outliers, seed):
    """A row far from all others shares its component, so its own place is stored nowhere."""
    rows = normal_rows(500, 12, seed)
    directions = torch.nn.functional.normalize(normal_rows(n_outliers, 12, seed + 9), dim=1)
    rows[:n_outliers] += (20 + 5 * torch.arange(n_outliers))[:, None] * directions
    mixture = mixture_of(rows, zeros(500))
    apart = (rows[:, None] - mixture.centres).norm(dim=2).amin(dim=1)
    others = (rows[:, None] - rows).norm(dim=2).fill_diagonal_(torch.inf).amin(dim=1)
    assert (apart[:n_outliers] > 0.3 * others[:n_outliers]).all()
    assert float(apart.min()) > 0.1


def test_every_centre_is_the_mean_of_rows_that_no_other_centre_has():
    """So no difference of two centres, or of sums of rows, is a row."""
    rows = normal_rows(300, 4)
    mixture = mixture_of(rows, zeros(300))
    n = mixture.weights[0][:, None]
    torch.testing.assert_close((n * mixture.centres).sum(dim=0), rows.sum(dim=0), atol=1e-3, rtol=0)
    assert n.sum() == 300
    cells = partition(rows, LEAST_ROWS, 10**6)
    assert sorted(torch.cat(cells).tolist()) == list(range(300))


def test_cells_follow_the_gaps_between_clusters():
    rows = torch.cat([normal_rows(20) * 0.1, normal_rows(9, seed=1) * 0.1 + 5, normal_rows(12) - 9])
    cells = partition(rows, 8, 3)
    assert sorted(sorted(cell.tolist()) for cell in cells) == [
        list(range(20)),
        list(range(20, 29)),
        list(range(29, 41)),
    ]


@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_there_are_no_more_cells_than_asked_for(most):
    assert len(partition(normal_rows(200), 8, most)) == min(
        most, len(partition(normal_rows(200), 8, 100))
    )
    equal = partition(torch.ones(50, 3), 8, most)
    assert sum(map(len, equal)) == 50
    assert min(map(len, equal)) >= 8


@pytest.mark.parametrize("most", [1, 4, 30])
def test_no_class_has_more_components_than_asked_for(most):
    mixture = mixture_of(normal_rows(600), torch.arange(600) // 590, n_components=most)
    assert int((mixture.weights > 0).sum(dim=1).max()) <= most


def test_buffers_are_sized_by_the_rows():
    """200 classes of 4 rows beside a large one: megabytes, not gigabytes."""
    labels = torch.cat([torch.arange(200).repeat(4), torch.full((2000,), 200)])
    mixture = mixture_of(normal_rows(len(labels), 200), labels, rank=24)
    n_bytes = sum(buffer.nbytes for buffer in mixture.buffers())
    assert n_bytes < 15e6


def test_a_mixture_of_other_sizes_takes_those_of_a_saved_one():
    saved = mixture_of(normal_rows(300), torch.arange(300) % 2).state_dict()
    other = GaussianMixture(PrincipalAxes(1, 6), 2, 768, rank=3)
    other.size_like({f"m.{name}": value for name, value in saved.items()}, "m.")
    other.load_state_dict(saved)
    with seeded(0):
        drawn = other.draw(torch.arange(2).repeat(500))
    assert torch.isfinite(drawn).all()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("centres", torch.zeros(3, 6)),
        ("group", torch.full((31,), 99)),
        ("factors", torch.zeros(2, 4, 6)),
        ("rest", torch.ones(1, 6)),
        ("weights", torch.ones(3, 800)),
        ("weights", -torch.ones(2, 20)),
        ("weights", torch.tensor([[1.0, 0.0, 1.0]] * 2)),
        ("weights", torch.full((2, 20), torch.nan)),
        ("first", torch.tensor([0, 5])),
    ],
)
def test_a_saved_mixture_that_does_not_fit_is_refused(name, wrong):
    saved = mixture_of(normal_rows(300), torch.arange(300) % 2).state_dict()
    with pytest.raises(ValueError, match="mixture"):
        GaussianMixture(PrincipalAxes(1, 6), 2, 768, rank=3).size_like(saved | {name: wrong}, "")


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("shape", [(1, 40), (2, 30)])
def test_axes_of_few_rows_are_no_rows(n, shape):
    """Mean plus or minus deviation times axis gives two training rows back, if axes are theirs."""
    signals, axes = walks(n, *shape), PrincipalAxes(*shape)
    axes.fit(signals.repeat(5, 1, 1), zeros(5 * n))  # copies are no other rows
    torch.testing.assert_close(axes.axes.T @ axes.axes, torch.eye(axes.n_axes), atol=1e-4, rtol=0)
    centred = signals.flatten(1) - axes.mean
    likeness = (axes.axes.T @ centred.T).abs() / centred.norm(dim=1)
    assert float(likeness.max()) < 0.99
    torch.testing.assert_close(axes.inverse(axes(signals)), signals, atol=1e-3, rtol=0)


def test_before_fit_a_mixture_is_white_noise():
    mixture = GaussianMixture(PrincipalAxes(1, 6), 2, 4, rank=2)
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


def parzen_of(rows, labels, noise_fraction=0.9, n_neighbours=8, **limits):
    return ManifoldParzen(rows, labels, noise_fraction, n_neighbours, **limits)


def test_noise_fraction_0_gives_training_rows_back():
    rows, index = torch.randn(30, 4), torch.arange(30).repeat(3)
    with seeded(1):
        drawn = parzen_of(rows, zeros(30), noise_fraction=0.0).draw(index)
    torch.testing.assert_close(drawn, rows[index])


def test_draws_keep_the_covariance_and_are_no_copies():
    rows = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    parzen = parzen_of(rows, zeros(400), noise_fraction=0.9, n_neighbours=20)
    with seeded(1):
        drawn = parzen.draw(torch.randint(400, (8000,)))
    torch.testing.assert_close(drawn.T.cov(), rows.T.cov(), rtol=0, atol=0.25)
    assert float(distances(drawn, rows).amin(dim=1).median()) > 0.05


def test_neighbours_are_the_nearest_others_of_the_class():
    rows, labels = torch.arange(12.0)[:, None], torch.arange(12) % 2
    parzen = parzen_of(rows, labels, n_neighbours=2)
    assert sorted(parzen.neighbours[4].tolist()) == [2, 6]
    assert sorted(parzen.neighbours[0].tolist()) == [2, 4]
    parzen = parzen_of(rows, labels, n_neighbours=2, max_rows=3)  # 0, 4 and 10 of the even ones
    assert sorted(parzen.neighbours[4].tolist()) == [0, 10]
    assert sorted(parzen.neighbours[6].tolist()) in ([4, 10], [0, 4])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_can_be_drawn_from(n):
    rows = torch.randn(n + 40, 5)
    parzen = parzen_of(rows, torch.cat([zeros(n), zeros(40) + 1]))
    with seeded(0):
        drawn = parzen.draw(torch.arange(n).repeat(20))
    assert torch.isfinite(drawn).all()
    assert parzen.neighbours[:n].max() < n


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("model", ["flow", "r3gan"])
def test_classes_of_any_size_are_learned_saved_and_loaded(model, per_class, tmp_path):
    y = np.repeat([0, 1, 2, 3, 4], [2, 4, 10, 20, 90])
    X = np.random.default_rng(0).normal(size=(len(y), 2, 20)).cumsum(axis=2)
    X[30:36] = X[30]  # copies
    fitted = Synthesizer(model, n_steps=2, per_class=per_class, random_state=0).fit(X, y)
    fitted.save(tmp_path)
    loaded = Synthesizer.load(tmp_path)
    for synthesizer in (fitted, loaded):
        made = synthesizer.sample(y=y, random_state=0)[0]
        assert np.isfinite(made).all()
        assert made.std() > 0.1
    first, again = (one.sample(y=y, random_state=0)[0] for one in (fitted, loaded))
    np.testing.assert_array_equal(first, again)
