"""Means and covariances that stand in one folder differ by no training row."""

from __future__ import annotations

import pytest
import torch

from bioaug.nn.basis_rows import MOST_ROWS, basis_rows, smoothed
from bioaug.nn.mixture import fit_noise, make_noise
from bioaug.nn.whitening import Whitening

N_VALUES = 24


def rows_of(n, seed=0):
    rows = torch.randn(n, 1, N_VALUES, generator=torch.Generator().manual_seed(seed))
    return rows.cumsum(dim=2) / 10


def noise_of(signals, labels):
    axes, mixture = make_noise(1, N_VALUES, int(labels.max()) + 1, base="mixture", n_components=768)
    fit_noise(axes, mixture, "mixture", signals, labels)
    return axes, mixture


def mean_of_class(axes, mixture, label):
    """Return the mean row of a class, from its centres and their weights."""
    weights = mixture.weights[label][mixture.weights[label] > 0]
    first = int(mixture.first[label])
    centres = axes.inverse(mixture.centres[first : first + len(weights)]).flatten(1)
    return (weights[:, None] * centres).sum(dim=0) / weights.sum()


def test_a_row_that_occurs_twice_is_no_difference_of_two_means():
    signals = rows_of(60)
    signals = torch.cat([signals, signals[7:8]])
    labels = torch.zeros(61, dtype=torch.int64)
    axes, mixture = noise_of(signals, labels)
    whitening = Whitening(1, N_VALUES, left=0.5)
    whitening.fit(signals, labels)
    for mean in (axes.mean, whitening.mean[0]):
        torch.testing.assert_close(mean, mean_of_class(axes, mixture, 0), rtol=0, atol=1e-5)


def test_rows_beyond_the_most_are_no_difference_of_two_means():
    signals = rows_of(MOST_ROWS + 1)
    labels = torch.zeros(len(signals), dtype=torch.int64)
    axes, mixture = noise_of(signals, labels)
    assert mixture.weights.sum() == MOST_ROWS
    torch.testing.assert_close(axes.mean, mean_of_class(axes, mixture, 0), rtol=0, atol=1e-5)


def test_outliers_that_become_equal_count_once():
    signals = rows_of(60)
    middle = signals.median(dim=0).values
    signals[0] = middle + 64.0
    signals[1] = middle + 128.0
    kept, _ = basis_rows(signals, torch.zeros(60, dtype=torch.int64))
    assert len(torch.unique(kept, dim=0)) == len(kept)


@pytest.mark.parametrize("n_few", [2, 3, 7])
def test_the_axes_of_all_classes_do_not_show_the_rows_of_a_class_of_few(n_few):
    few = torch.randn(n_few, 1, N_VALUES, generator=torch.Generator().manual_seed(2)) / 2
    many = rows_of(400, seed=1)
    labels = torch.tensor([0] * 400 + [1] * n_few)
    signals = torch.cat([many, few])
    axes, mixture = noise_of(signals, labels)
    # What is left of the covariance without the other class and between the two means.
    scaled = axes.axes * axes.deviations
    between = mean_of_class(axes, mixture, 0) - mean_of_class(axes, mixture, 1)
    left = scaled @ scaled.T - many.flatten(1).T.cov(correction=0) / 2
    left -= torch.outer(between, between) / 4
    directions = torch.linalg.eigh(left)[1][:, -(n_few - 1) :]
    apart = (few - few.mean(dim=0)).flatten(1)
    found = (apart @ directions).norm(dim=1) / apart.norm(dim=1)
    by_chance = ((n_few - 1) / N_VALUES) ** 0.5
    assert found.square().mean().sqrt() < (by_chance + 1) / 2
    torch.testing.assert_close(
        mean_of_class(axes, mixture, 1), few.mean(dim=0)[0], rtol=0, atol=1e-4
    )


def test_smoothed_rows_keep_mean_and_variance_of_a_class_of_few():
    many, few = rows_of(40, seed=1), rows_of(4, seed=2)
    signals, labels = smoothed(torch.cat([many, few]), torch.tensor([0] * 40 + [1] * 4))
    torch.testing.assert_close(signals[labels == 0], many)
    made = signals[labels == 1]
    torch.testing.assert_close(made.mean(dim=0), few.mean(dim=0))
    variances = [rows.flatten(1).var(dim=0, correction=0).sum() for rows in (made, few)]
    torch.testing.assert_close(*variances)


def test_classes_that_are_few_together_stay():
    signals, labels = rows_of(6), torch.tensor([0, 0, 0, 1, 1, 1])
    assert smoothed(signals, labels)[0] is signals
