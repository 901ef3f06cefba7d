"""The quality filter: its limits, what it refuses, and what it does not judge."""

from __future__ import annotations

import numpy as np
import pytest
from sampling import Blurred
from toys import make_rows

from bioaug import GANOversampler
from bioaug.exceptions import QualityWarning
from bioaug.oversampling import QualityFilter


@pytest.mark.parametrize("repeats", [2, 3, 20])
@pytest.mark.parametrize("blur", [0.0, 1e-7])
def test_repeated_rows_change_no_limit(repeats, blur):
    X = make_rows((40, 30))
    repeated = np.tile(X, (repeats, 1))
    repeated += blur * np.random.default_rng(0).normal(size=repeated.shape)
    once, often = QualityFilter.fit(X), QualityFilter.fit(repeated)
    np.testing.assert_allclose(often.min_distance, once.min_distance, rtol=1e-5)
    np.testing.assert_allclose(often.max_distance, once.max_distance, rtol=1e-5)


def test_the_limits_are_distances_between_different_rows():
    X = make_rows((25, 30))
    apart = np.linalg.norm(X[:, None] - X[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    quality_filter = QualityFilter.fit(np.concatenate([X, X[:7], X[:3]]))
    np.testing.assert_allclose(quality_filter.min_distance, apart.min(), rtol=1e-9)
    np.testing.assert_allclose(quality_filter.max_distance, apart.min(axis=1).max(), rtol=1e-9)


def test_ten_different_rows_are_too_few_for_limits_however_often_they_come():
    X = np.repeat(make_rows((10, 30)), 5, axis=0)
    quality_filter = QualityFilter.fit(X)
    assert (quality_filter.min_distance, quality_filter.max_distance) == (0.0, np.inf)
    assert (quality_filter.judge(X).status == "copy").all()


def test_rows_that_are_all_equal_are_copies_and_nothing_is_outside():
    quality_filter = QualityFilter.fit(np.ones((30, 5)))
    assert quality_filter.judge(np.array([np.ones(5), np.zeros(5)])).status.tolist() == [
        "copy",
        "accepted",
    ]


def test_the_distance_of_a_near_copy_beside_a_large_offset_is_right():
    X = 1e6 + make_rows((40, 30))
    distance = QualityFilter.fit(X).judge(X + 1e-5).distance
    np.testing.assert_allclose(distance, 1e-5 * np.sqrt(30), rtol=1e-3)


def test_a_class_that_takes_too_long_to_judge_is_left_out_with_a_warning():
    n_rows = 40_000
    X = np.random.default_rng(0).normal(size=(n_rows + 50, 110)).astype(np.float32)
    y = np.repeat(["V", "N"], [n_rows, 50])
    params = {"sampling_strategy": {"V": n_rows + 20_000}, "random_state": 0}
    sampler = GANOversampler(Blurred(), **params)
    with pytest.warns(QualityWarning, match="class V: the new rows are not judged.*Set qual"):
        sampler.fit_resample(X, y)
    table = sampler.synthetic_provenance_
    assert table["status"].unique().tolist() == ["not judged"]
    assert table["n_reference"].unique().tolist() == [0]


@pytest.mark.parametrize(("n_rows", "n_reference"), [(12, 12), (4000, 4000), (5400, 5000)])
def test_the_table_says_how_many_rows_the_limits_come_from(n_rows, n_reference):
    X = np.random.default_rng(0).normal(size=(n_rows + 5, 3))
    y = np.repeat(["V", "N"], [n_rows, 5])
    sampler = GANOversampler(
        Blurred(2.0),
        sampling_strategy={"V": n_rows + 4},
        min_samples={"own": 2},
        random_state=0,
    )
    sampler.fit_resample(X, y)
    assert sampler.synthetic_provenance_["n_reference"].unique().tolist() == [n_reference]
    assert (sampler.synthetic_provenance_["nearest"] < n_rows).all()


def test_most_held_out_rows_pass_the_filter_and_copies_do_not():
    X = make_rows((600, 30))
    quality_filter = QualityFilter.fit(X[:300])
    assert (quality_filter.judge(X[300:]).status == "accepted").mean() > 0.97
    assert (quality_filter.judge(X[:300]).status == "copy").all()
    assert (quality_filter.judge(X[:300] + 1e-4).status == "copy").all()
    assert (quality_filter.judge(X[:300] + 100).status == "outside").all()
    assert quality_filter.has_collapsed(X[:1].repeat(50, axis=0))
    assert not quality_filter.has_collapsed(X[300:])


def test_rows_that_are_recorded_twice_do_not_widen_the_limits():
    X = make_rows((400, 30))
    X[0] = X[1]
    assert (QualityFilter.fit(X).judge(X + 1e-4).status == "copy").all()


def test_a_feature_in_large_units_does_not_widen_the_limits():
    rng = np.random.default_rng(0)
    X = np.column_stack([make_rows((300, 30)), rng.normal(800, 100, size=300)])
    quality_filter = QualityFilter.fit(X, n_features=1)
    copies = X + np.append(np.zeros(30), 1.0)
    assert (quality_filter.judge(copies).status == "copy").all()
    noise = np.column_stack([30 * rng.normal(size=(50, 30)), rng.normal(800, 100, size=50)])
    assert (quality_filter.judge(noise).status == "outside").all()


def test_of_few_rows_only_equal_ones_are_copies():
    X = make_rows((5, 30))
    quality_filter = QualityFilter.fit(X)
    assert (quality_filter.judge(X).status == "copy").all()
    assert (quality_filter.judge(X + 0.01).status == "accepted").all()
