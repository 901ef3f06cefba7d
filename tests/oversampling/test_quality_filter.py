"""The quality filter, where rows are repeated, and classes of which every row is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import make_rows

from bioaug import GANOversampler
from bioaug.exceptions import QualityWarning, TrainingWarning
from bioaug.nn.parzen import LocalGaussians
from bioaug.oversampling.quality_filter import QualityFilter


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
    gate = QualityFilter.fit(np.concatenate([X, X[:7], X[:3]]))
    np.testing.assert_allclose(gate.min_distance, apart.min(), rtol=1e-9)
    np.testing.assert_allclose(gate.max_distance, apart.min(axis=1).max(), rtol=1e-9)


def test_ten_different_rows_are_too_few_for_limits_however_often_they_come():
    X = np.repeat(make_rows((10, 30)), 5, axis=0)
    gate = QualityFilter.fit(X)
    assert (gate.min_distance, gate.max_distance) == (0.0, np.inf)
    assert (gate.judge(X)[2] == "copy").all()


def test_rows_that_are_all_equal_are_copies_and_nothing_is_outside():
    gate = QualityFilter.fit(np.ones((30, 5)))
    assert gate.judge(np.array([np.ones(5), np.zeros(5)]))[2].tolist() == ["copy", "accepted"]


def test_the_distance_of_a_near_copy_beside_a_large_offset_is_right():
    X = 1e6 + make_rows((40, 30))
    distance = QualityFilter.fit(X).judge(X + 1e-5)[1]
    np.testing.assert_allclose(distance, 1e-5 * np.sqrt(30), rtol=1e-3)


def test_a_class_given_twice_grows_as_if_given_once():
    rows, others = make_rows((40, 24)), make_rows((120, 24), seed=1)
    made = []
    for repeats in (1, 2):
        minority = np.repeat(rows, repeats, axis=0)
        X, y = np.concatenate([others, minority]), np.repeat([0, 1], [120, len(minority)])
        sampler = GANOversampler("local", sampling_strategy={1: 120}, random_state=0)
        made.append(sampler.fit_resample(X, y)[0][len(X) :])
        assert sampler.generator_names_ == {1: ["local"]}
        assert not sampler.synthetic_provenance_["status"].str.startswith("kept").any()
    apart = np.linalg.norm(made[1][:, None] - rows[None], axis=2).min(axis=1)
    usual = np.linalg.norm(made[0][:, None] - rows[None], axis=2).min(axis=1)
    assert 0.8 < np.median(apart) / np.median(usual) < 1.25


def test_no_row_has_a_repeat_of_itself_or_of_another_among_its_neighbours():
    rows = torch.from_numpy(make_rows((12, 30))).float()
    repeated = rows.repeat(3, 1)
    local = LocalGaussians(repeated, torch.zeros(36, dtype=torch.int64), 1.0, n_neighbours=5)
    once = LocalGaussians(rows, torch.zeros(12, dtype=torch.int64), 1.0, n_neighbours=5)
    assert (local.neighbours[:12] % 12).tolist() == once.neighbours.tolist()
    assert (local.neighbours[12:24] % 12).tolist() == once.neighbours.tolist()


def test_repeated_rows_do_not_lift_a_small_class_up_the_fallback_chain():
    others, rows = make_rows((60, 20)), np.tile(make_rows((10, 20), seed=1), (5, 1))
    X, y = np.concatenate([others, rows]), np.repeat(["N", "V"], [60, 50])
    sampler = GANOversampler("flow", n_steps=1, random_state=0)
    with pytest.warns(TrainingWarning, match=r"V \(10 different rows, by 'distort'\)"):
        sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {"V": ["distort"]}


# Where every generator fails


class Blurred:
    """Gives training rows back with a little noise."""

    def __init__(self, noise=0.5):
        self.noise = noise

    def fit(self, X):
        self.X_ = X
        return self

    def sample(self, n, random_state):
        rng = np.random.default_rng(random_state)
        rows = self.X_[rng.integers(len(self.X_), size=n)]
        return rows + self.noise * rng.normal(size=rows.shape)


def smooth_rows(n, seed):
    """Return slow waves of random phases, of which a little warping makes near copies."""
    waves = 2 * np.pi * np.arange(1, 4)[:, None] * np.arange(100) / 100
    basis = np.concatenate([np.sin(waves), np.cos(waves)])
    return np.random.default_rng(seed).normal(size=(n, 12, 6)) @ basis


def test_where_all_rows_are_refused_the_generator_refused_least_is_kept():
    X = np.concatenate([smooth_rows(100, 0), smooth_rows(40, 1)])
    y = np.repeat(["N", "V"], [100, 40])
    sampler = GANOversampler(
        Blurred(1.3),
        min_samples={"own": 2, "local": 1000},
        sampling_strategy={"V": 90},
        random_state=0,
    )
    with pytest.warns(TrainingWarning) as told:
        made = sampler.fit_resample(X, y)[0][140:]
    (message,) = [str(w.message) for w in told]
    assert "class V: every generator failed the quality filter" in message
    assert "Blurred failed the quality filter: 50 of 50 rows are copies" in message
    assert "distort failed the quality filter: 50 of 50 rows are copies" in message
    assert "rows of Blurred were refused least" in message
    assert "50 of 50 new rows were kept although the quality filter refused them" in message
    assert "quality_filter=False" not in message
    assert sampler.generator_names_ == {"V": ["Blurred"]}
    assert sampler.synthetic_provenance_["status"].unique().tolist() == ["kept, copy"]
    apart = np.sqrt(np.square(made[:, None] - X[None, 100:]).sum(axis=(2, 3)))
    np.testing.assert_allclose(
        sampler.synthetic_provenance_["distance"], apart.min(axis=1), rtol=1e-9
    )
    np.testing.assert_allclose(sampler.remake(sampler.synthetic_provenance_), made)


def test_a_worse_generator_does_not_come_back():
    X = np.concatenate([smooth_rows(100, 0), smooth_rows(40, 1)])
    y = np.repeat(["N", "V"], [100, 40])
    sampler = GANOversampler(
        Blurred(0.01),
        min_samples={"own": 2, "local": 1000},
        sampling_strategy={"V": 90},
        random_state=0,
    )
    with pytest.warns(TrainingWarning, match="rows of distort were refused least"):
        sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {"V": ["distort"]}


def test_a_failed_generator_is_named_with_the_reason():
    X, y = make_rows((160, 24)), np.repeat(["N", "V"], [100, 60])
    sampler = GANOversampler(Blurred(80.0), random_state=0)
    with pytest.warns(TrainingWarning) as told:
        sampler.fit_resample(X, y)
    (message,) = [str(w.message) for w in told]
    assert "Blurred failed the quality filter: 40 of 40 rows lie outside the class" in message
    assert "So the new rows come from local. Choose another model" in message
    assert "quality_filter=False" not in message


def test_a_generator_with_a_long_name_keeps_it_in_the_table():
    kind = type("A" * 40 + "Generator", (Blurred,), {})
    X, y = make_rows((160, 24)), np.repeat(["N", "V"], [100, 60])
    sampler = GANOversampler(kind(1.5), quality_filter=False, random_state=0)
    sampler.fit_resample(X, y)
    assert sampler.synthetic_provenance_["generator"].unique().tolist() == [kind.__name__]
    assert sampler.generator_names_ == {"V": [kind.__name__]}
    assert sampler.remake(sampler.synthetic_provenance_).shape == (40, 24)


# What it does not judge


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
