from __future__ import annotations

import pytest
import torch
from toys import make_rows

import bioaug.nn.axes
from bioaug import Synthesizer
from bioaug.nn.axes import find_principal_axes
from bioaug.nn.outliers import drawn_in
from bioaug.nn.whitening import Whitening


def walks(n_rows, n_values, seed=0):
    rows = torch.from_numpy(make_rows((n_rows, n_values), seed)).float()
    weights = torch.linspace(1, 2, n_rows, dtype=torch.float64)[:, None]
    return rows, weights / weights.sum()


def by_covariance(rows, weights):
    mean = (weights * rows).sum(dim=0)
    centred = rows - mean
    variances, axes = torch.linalg.eigh(centred.T @ (weights * centred))
    return mean, axes.flip(1), variances.clamp(min=0).sqrt().flip(0)


@pytest.mark.parametrize("n_rows", [8, 30, 59, 60, 200])
def test_axes_are_those_of_the_covariance_for_few_rows_and_for_many(n_rows):
    rows, weights = walks(n_rows, 60)
    found = find_principal_axes(rows, weights, 20)
    mean, axes, deviations = by_covariance(rows, weights)
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.deviations, deviations[:20], rtol=1e-6, atol=1e-6)
    assert abs(found.variance - float(deviations.square().sum())) < 1e-9 * found.variance
    n_spanned = min(20, n_rows - 1)
    along = (found.axes * axes[:, :20]).sum(dim=0).abs()
    torch.testing.assert_close(along[:n_spanned], torch.ones(n_spanned).double())
    assert not found.axes[:, n_spanned:].any()


def test_more_long_rows_than_there_is_time_for_are_represented_by_some(monkeypatch):
    monkeypatch.setattr(bioaug.nn.axes, "LONG", 50)
    monkeypatch.setattr(bioaug.nn.axes, "MOST_PRODUCTS", 60 * 100**2)
    sizes = []
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda m: sizes.append(m.shape) or eigh(m))
    rows, weights = walks(3000, 60)
    found = find_principal_axes(rows, weights, 5)
    assert sizes == [(100, 100)]
    mean, _, deviations = by_covariance(rows, weights)
    torch.testing.assert_close(found.mean, mean)
    assert abs(found.variance - float(deviations.square().sum())) < 1e-9 * found.variance
    torch.testing.assert_close(found.deviations[:2], deviations[:2], rtol=0.2, atol=0)


@pytest.mark.parametrize("n_rows", [1, 5, 30])
def test_equal_rows_have_no_deviation(n_rows):
    weights = torch.full((n_rows, 1), 1 / n_rows, dtype=torch.float64)
    found = find_principal_axes(torch.ones(n_rows, 40), weights, 8)
    assert float(found.deviations.max()) < 1e-12


@pytest.mark.parametrize("n_rows", [1, 2, 7])
def test_axes_of_few_rows_are_cosines(n_rows):
    """Principal axes of so few rows are these rows, and stand in every saved model."""
    rows, weights = walks(n_rows, 40)
    found = find_principal_axes(rows, weights, 40)
    torch.testing.assert_close(found.axes.T @ found.axes, torch.eye(40).double())
    assert (found.deviations.diff() <= 0).all()
    assert float(found.deviations.square().sum()) == pytest.approx(found.variance)
    other, _ = walks(n_rows, 40, seed=1)
    alike = find_principal_axes(other, weights, 40).axes.T @ found.axes
    torch.testing.assert_close(alike.abs().amax(dim=0), torch.ones(40).double())


@pytest.mark.parametrize("left", [0.0, 0.5])
def test_a_few_rows_are_whitened_as_by_the_whole_covariance(left):
    rows, _ = walks(30, 80)
    whitening = Whitening(1, 80, left=left)
    whitening.fit(rows[:, None], torch.zeros(30, dtype=torch.int64))
    rows = drawn_in(rows[:, None], torch.zeros(30, dtype=torch.int64))[:, 0]
    _, axes, deviations = by_covariance(rows, torch.full((30, 1), 1 / 30, dtype=torch.float64))
    factors = deviations.clamp(min=1e-3 * float(deviations[0])) ** (left - 1)
    kept = factors * deviations.clamp(min=1e-3 * float(deviations[0]))
    factors /= kept.square().mean().sqrt()
    wanted = (rows - rows.mean(dim=0)) @ (axes * factors @ axes.T).float()
    torch.testing.assert_close(whitening(rows[:, None])[:, 0], wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize("model", ["dense", "flow"])
def test_no_matrix_grows_with_the_square_of_the_length(model, monkeypatch):
    sizes = []
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda m: sizes.append(len(m)) or eigh(m))
    X = make_rows((40, 2, 1500))
    Synthesizer(model, n_steps=1, random_state=0).fit(X)
    assert sizes
    assert max(sizes) <= 40
