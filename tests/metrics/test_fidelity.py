"""What all scores of fidelity share, and the MMD."""

from __future__ import annotations

import json
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression
from toys import make_waves

from bioaug.exceptions import DataError
from bioaug.metrics.fidelity.discriminative import discriminative_score
from bioaug.metrics.fidelity.frechet import frechet_distance
from bioaug.metrics.fidelity.mmd import mmd
from bioaug.metrics.fidelity.neighbours import coverage, density, precision, recall
from bioaug.metrics.fidelity.spectra import spectrum_distance
from bioaug.metrics.fidelity.spread import diversity, sample_distance

LINEAR = LogisticRegression()
linear_score = partial(discriminative_score, classifier=LINEAR)
BY_NAME = {
    "mmd": mmd,
    "frechet_distance": frechet_distance,
    "spectrum_distance": spectrum_distance,
    "precision": precision,
    "recall": recall,
    "density": density,
    "coverage": coverage,
    "sample_distance": sample_distance,
    "diversity": diversity,
    "discriminative_score": linear_score,
}
every = pytest.mark.parametrize("score", BY_NAME.values(), ids=BY_NAME)


@every
def test_value_is_free_of_units(score) -> None:
    A, B = make_waves(60), make_waves(50, 1) * 1.2
    gain, offset = np.array([1000, 0.01])[:, None], np.array([3, -70])[:, None]
    there = score(A * gain + offset, B * gain + offset, n_null=2, random_state=0)
    here = score(A, B, n_null=2, random_state=0)
    np.testing.assert_allclose([there, there.null.value], [here, here.null.value], atol=1e-6)


@every
def test_two_dimensions_are_one_channel(score) -> None:
    A, B = make_waves(40, n_channels=1), make_waves(40, 1, n_channels=1)
    assert score(A[:, 0], B[:, 0], n_null=0, random_state=0) == score(
        A, B, n_null=0, random_state=0
    )


@every
def test_classes_are_scored_one_by_one(score) -> None:
    A, B = make_waves(90), make_waves(80, 5)
    y, z = np.repeat(["N", "V"], [50, 40]), np.repeat(["V", "N"], [30, 50])
    both = score(A, B, y_real=y, y_synthetic=z, n_null=2, random_state=0)
    assert list(both.per_class) == ["N", "V"]
    assert both == pytest.approx(np.mean(list(both.per_class.values())))
    assert (both.n_real, both.n_synthetic) == (90, 80)
    assert (both.per_class["V"].n_real, both.per_class["V"].n_synthetic) == (40, 30)
    assert both.null is not None


@every
def test_same_seed_same_score_and_global_generators_untouched(score) -> None:
    A, B = make_waves(50), make_waves(40, 1)
    np.random.seed(3)
    torch.manual_seed(3)
    first = score(A, B, n_null=3, random_state=7)
    again = score(A, B, n_null=3, random_state=np.int64(7).item())
    assert first == again
    assert first.null == again.null
    assert first.details == again.details
    assert np.random.rand() == np.random.RandomState(3).rand()
    assert torch.equal(torch.rand(1), torch.rand(1, generator=torch.Generator().manual_seed(3)))
    drawn = score(A, B, n_null=3, random_state=np.random.RandomState(5))
    assert drawn == score(A, B, n_null=3, random_state=drawn.seed)


@every
def test_rows_of_other_sets_are_not_changed(score) -> None:
    A, B = make_waves(40), make_waves(40, 1)
    kept = A.copy(), B.copy()
    score(A, B, n_null=2, random_state=0)
    np.testing.assert_array_equal(A, kept[0])
    np.testing.assert_array_equal(B, kept[1])


@every
def test_to_dict_is_json(score) -> None:
    found = score(make_waves(40), make_waves(40, 1), n_null=2, random_state=0)
    assert json.loads(json.dumps(found.to_dict()))["value"] == found.value


@every
def test_bad_input_is_named(score) -> None:
    A, B = make_waves(60), make_waves(60, 1)
    with pytest.raises(DataError, match=r"X_synthetic.*as 'X_real' has"):
        score(A, B[..., :-1])
    with pytest.raises(DataError, match=r"X_synthetic.*as 'X_real' has"):
        score(A, B[:, :1])
    with pytest.raises(DataError, match=r"at least \d+ rows. Got 3"):
        score(A, B[:3])
    with pytest.raises(DataError, match="NaN"):
        score(A, np.where(B.max() == B, np.nan, B))
    with pytest.raises(DataError, match=r"y_synthetic.*Give both or neither"):
        score(A, B, y_real=np.zeros(60, int))
    with pytest.raises(DataError, match="n_null"):
        score(A, B, n_null=1)


@every
def test_few_real_rows_have_no_null_but_a_value(score) -> None:
    A, B = make_waves(21), make_waves(40, 1)
    n_real = 21 if score in {linear_score, frechet_distance} else 7
    if score in {precision, recall, density, coverage}:
        score = partial(score, nearest_k=4)
    found = score(A[:n_real], B, n_null=2, random_state=0)
    assert np.isfinite(found)
    assert found.null is None


@every
def test_two_channels_of_which_one_is_flat(score) -> None:
    A, B = make_waves(50), make_waves(50, 1)
    A[:, 1] = B[:, 1] = 4.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(score(A, B, n_null=2, random_state=0))


@pytest.mark.slow
@every
def test_two_halves_of_real_data_lie_inside_the_null(score) -> None:
    """The null is for the sizes at hand, so the halves are as large as the rows that gave it."""
    X, known = make_waves(160), make_waves(80, 5)
    if score is linear_score:
        score = partial(score, n_folds=3)
    null = score(known, known, n_null=100, random_state=0).null
    rng, inside = np.random.default_rng(1), 0
    for draw in range(100):
        order = rng.permutation(len(X))
        halves = X[order[:80]], X[order[80:]]
        inside += float(score(*halves, n_null=0, random_state=draw)) in null
    assert inside >= 90


@pytest.mark.slow
@pytest.mark.parametrize("score", [mmd, frechet_distance, spectrum_distance, density, coverage])
def test_as_many_new_rows_lie_inside_the_null_of_fewer(score) -> None:
    """The null comes from parts of the real rows, scaled to the sizes at hand."""
    X, rng, inside = make_waves(240), np.random.default_rng(1), 0
    for draw in range(100):
        order = rng.permutation(len(X))
        found = score(X[order[:120]], X[order[120:]], n_null=20, random_state=draw)
        inside += found.value in found.null
    assert inside >= 90


def naive_mmd(A, B, bandwidth: float) -> float:
    """The U-statistic, written as its formula."""
    (n, m) = (len(A), len(B))
    k_aa, k_bb, k_ab = (
        np.exp(-cdist(P, Q, "sqeuclidean") / (2 * bandwidth**2))
        for P, Q in ((A, A), (B, B), (A, B))
    )
    within = (k_aa.sum() - n) / (n * (n - 1)) + (k_bb.sum() - m) / (m * (m - 1))
    return within - 2 * k_ab.mean()


def test_mmd_is_its_formula() -> None:
    A, B = make_waves(30)[:, 0], make_waves(23, 1)[:, 0] + 0.4
    found = mmd(A, B, n_null=0, random_state=0)
    mean, deviation = A.mean(), A.std()
    A, B = (A - mean) / deviation, (B - mean) / deviation
    pooled = np.concatenate([A, B])
    bandwidth = np.median(cdist(pooled, pooled)[np.triu_indices(53, 1)])
    assert found.details["bandwidth"] == pytest.approx(bandwidth, abs=1e-9)
    assert found == pytest.approx(naive_mmd(A, B, bandwidth), abs=1e-9)
    five = sum(naive_mmd(A, B, bandwidth * width) for width in (1 / 4, 1 / 2, 1, 2, 4))
    assert found.details["five_bandwidths"] == pytest.approx(five, abs=1e-9)


def test_mmd_of_gaussians_is_its_closed_form() -> None:
    """E k of N(0, 1) and N(d, 1) in one dimension of 2 repeated time steps."""
    rng, shift = np.random.default_rng(0), 1.5
    A, B = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 1)) + shift
    found = mmd(A.repeat(2, axis=1), B.repeat(2, axis=1), n_null=0, random_state=0)
    scale = found.details["bandwidth"] ** 2 / 2 * A.var()  # the kernel's variance, per time step
    spread = (scale / (scale + 2)) ** 0.5
    expected = 2 * spread * (1 - np.exp(-(shift**2) / (2 * (scale + 2))))
    assert found == pytest.approx(expected, rel=0.05)


def test_mmd_p_value_tells_a_shift_and_is_uniform_without_one() -> None:
    A = make_waves(40)
    assert mmd(A, make_waves(30, 1) + 0.7, n_null=0, random_state=0).details["p_value"] <= 0.004
    p_values = [
        mmd(make_waves(20, 2 * i), make_waves(30, 2 * i + 1), n_null=0, random_state=0).details[
            "p_value"
        ]
        for i in range(60)
    ]
    assert np.mean(np.array(p_values) <= 0.05) < 0.15
    assert 0.35 < np.mean(p_values) < 0.65


def test_mmd_sees_a_collapse_that_is_far_larger_than_the_real_set() -> None:
    A = make_waves(30)
    found = mmd(A, np.zeros((200, 2, 24)), n_null=2, random_state=0)
    assert found > found.null.high


def test_mmd_of_sets_without_any_variation_is_zero() -> None:
    flat = np.full((10, 8), 3.0)
    assert mmd(flat, flat, random_state=0) == 0


def test_mmd_needs_enough_permutations() -> None:
    with pytest.raises(DataError, match="n_permutations"):
        mmd(make_waves(9), make_waves(9), n_permutations=100)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"X_real": None}, "'X_real' parameter of mmd must be array-like"),
        ({"X_real": np.arange(24.0)}, "'X_real' parameter of mmd must hold numbers"),
        ({"X_real": np.empty((0, 24))}, "'X_real' parameter of mmd must hold numbers"),
        ({"X_synthetic": np.full((20, 24), "a")}, "'X_synthetic' parameter of mmd must hold"),
        ({"X_synthetic": np.full((20, 24), np.nan)}, "'X_synthetic' .* must be finite"),
        ({"y_real": np.arange(9)}, "'y_real' .* a class for each of the rows"),
        ({"y_synthetic": np.linspace(0, 1, 20)}, "'y_synthetic' .* a class for each of the rows"),
        ({"y_synthetic": [None] * 20}, "'y_synthetic' .* a label for every row"),
        ({"n_null": 1}, "'n_null' parameter of mmd must be the int 0 or at least 2"),
        ({"n_null": 2.5}, "'n_null' parameter of mmd must be the int 0 or at least 2"),
        ({"random_state": "a"}, "'random_state' parameter must be an int"),
        ({"random_state": -1}, "'random_state' parameter must be an int"),
    ],
)
def test_each_fault_of_the_input_is_one_error_that_names_the_parameter(wrong, message) -> None:
    X, y = make_waves(20, n_channels=1)[:, 0], np.repeat(["N", "V"], 10)
    given = {"X_real": X, "X_synthetic": X + 1, "y_real": y, "y_synthetic": y} | wrong
    with pytest.raises(DataError, match=message):
        mmd(given.pop("X_real"), given.pop("X_synthetic"), **given)


def test_no_random_state_leaves_the_global_generator_and_draws_anew() -> None:
    A, B = make_waves(20), make_waves(20, 1)
    before = np.random.get_state()[1].tolist()
    first, second = (mmd(A, B, n_null=2) for _ in range(2))
    assert np.random.get_state()[1].tolist() == before
    assert first.seed != second.seed


def test_the_seed_of_any_integer_type_is_kept() -> None:
    A, B = make_waves(20), make_waves(20, 1)
    assert mmd(A, B, n_null=0, random_state=np.int64(7)).seed == 7  # pyright: ignore


def test_a_class_without_synthetic_rows_is_named() -> None:
    A, y = make_waves(30), np.repeat(["F", "N", "V"], 10)
    score = mmd(A, A[10:] + 0.1, y_real=y, y_synthetic=y[10:], n_null=0, random_state=0)
    assert list(score.per_class) == ["N", "V"]
    assert score.details == {"classes_left_out": ["F"]}


def test_equal_real_rows_give_a_distance_without_warnings() -> None:
    A = np.repeat(make_waves(1), 40, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(frechet_distance(A, make_waves(40, 1), n_null=2, random_state=0))
