"""What comes out of the sampler, which classes grow, and with which settings."""

from __future__ import annotations

import copy
import pickle
from collections import ChainMap, Counter, OrderedDict
from types import MappingProxyType

import joblib
import numpy as np
import pytest
import torch
from sampling import make, three_classes
from sklearn.base import clone
from toys import SMALL, Unconditional, make_rows, same_weights

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import DataError


@pytest.mark.parametrize("shape", [(48, 20), (48, 1, 20), (48, 2, 20)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "int64", "uint8"])
def test_originals_come_first_and_bit_equal(shape, dtype, y):
    X = (make_rows(shape) * 4 + 100).astype(dtype)
    sampler = make()
    X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert X_resampled.shape == (72, *shape[1:])
    assert X_resampled.dtype == dtype
    assert y_resampled.dtype == y.dtype
    np.testing.assert_array_equal(X_resampled[:48], X)
    np.testing.assert_array_equal(y_resampled, [*y, *["V"] * 24])
    assert sampler.n_original_ == 48


def test_new_rows_follow_class_by_class():
    X, y = three_classes()
    _, y_resampled = make().fit_resample(X, y)
    assert y_resampled[50:].tolist() == ["S"] * 18 + ["V"] * 22


def test_integers_are_rounded():
    X, y = three_classes(dtype=np.int16)
    made = make().fit_resample(X, y)[0][50:]
    exact = make().fit_resample(X.astype(np.float64), y)[0][50:]
    np.testing.assert_array_equal(made, np.rint(exact))
    assert (np.rint(exact) != np.trunc(exact)).any()


def test_3d_signals_of_one_channel_equal_2d_ones(X, y):
    flat, _ = make().fit_resample(X, y)
    deep, _ = make().fit_resample(X[:, None], y)
    np.testing.assert_array_equal(deep[:, 0], flat)


def test_the_same_seed_gives_the_same_rows(X, y):
    first, second = make().fit_resample(X, y)[0], make().fit_resample(X, y)[0]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(make(random_state=1).fit_resample(X, y)[0][48:], first[48:])
    sampler = make()
    np.testing.assert_array_equal(sampler.fit_resample(X, y)[0], sampler.fit_resample(X, y)[0])


def test_global_generators_are_left_alone(X, y):
    before = np.random.get_state(), torch.get_rng_state()
    make().fit_resample(X, y)
    after = np.random.get_state(), torch.get_rng_state()
    assert all(np.array_equal(one, other) for one, other in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", {"N": 30, "S": 30, "V": 30}),
        ("not majority", {"N": 30, "S": 30, "V": 30}),
        ("all", {"N": 30, "S": 30, "V": 30}),
        ("minority", {"N": 30, "S": 12, "V": 30}),
        ("not minority", {"N": 30, "S": 30, "V": 8}),
        ({"S": 13, "V": 40}, {"N": 30, "S": 13, "V": 40}),
        ({"S": 12, "V": 9}, {"N": 30, "S": 12, "V": 9}),
        (OrderedDict(V=9), {"N": 30, "S": 12, "V": 9}),
        (MappingProxyType({"V": 9}), {"N": 30, "S": 12, "V": 9}),
        (ChainMap({"V": 9}, {"S": 15}), {"N": 30, "S": 15, "V": 9}),
        (lambda y: {"V": 2 * int((y == "V").sum())}, {"N": 30, "S": 12, "V": 16}),
    ],
)
def test_every_kind_of_sampling_strategy(strategy, counts):
    X, y = three_classes()
    sampler = make(sampling_strategy=strategy)
    _, y_resampled = sampler.fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == counts
    assert {k: int((y == k).sum()) + n for k, n in sampler.sampling_strategy_.items()} == {
        k: counts[k] for k in sampler.sampling_strategy_
    }
    assert sampler.sampling_strategy is strategy
    assert sampler.fit(X, y).sampling_strategy is strategy


@pytest.mark.parametrize(("ratio", "n_minority"), [(0.5, 18), (0.75, 27), (1.0, 36)])
def test_a_ratio(X, y, ratio, n_minority):
    _, y_resampled = make(sampling_strategy=ratio).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": n_minority}


@pytest.mark.parametrize("strategy", [0.1, 1.5, "majority", {"V": 3}, {"Q": 30}, {"V": -1}])
def test_strategies_that_cannot_be_met_are_refused(X, y, strategy):
    with pytest.raises(ValueError, match=r"strategy|sampling|samples|class|ratio|range"):
        make(sampling_strategy=strategy).fit_resample(X, y)


@pytest.mark.parametrize(
    "strategy", [{"V": 30.0}, {"V": "30"}, {"V": None}, {"V": np.nan}, lambda y: {"V": 30.0}]
)
def test_counts_that_are_no_integers_are_refused(X, y, strategy):
    with pytest.raises(
        DataError, match=r"'sampling_strategy' parameter.*int.*for each class\. Got"
    ):
        make(sampling_strategy=strategy).fit_resample(X, y)


def test_a_class_with_nothing_to_add_is_not_trained():
    X, y = three_classes()
    sampler = make(sampling_strategy={"S": 12, "V": 20})
    sampler.fit_resample(X, y)
    assert sampler.synthesizer_.classes_.tolist() == ["V"]
    other = X.copy()
    other[y != "V"] *= 100
    again = make(sampling_strategy={"S": 12, "V": 20}).fit_resample(other, y)[0]
    np.testing.assert_array_equal(again[50:], sampler.fit_resample(X, y)[0][50:])


def test_where_nothing_is_added_nothing_is_trained(X, y):
    sampler = make().fit(X, y)
    assert not hasattr(sampler, "synthesizer_")
    sampler.fit_resample(X, y)
    assert hasattr(sampler, "synthesizer_")
    X_resampled, y_resampled = sampler.fit_resample(X[24:], y[24:])
    np.testing.assert_array_equal(X_resampled, X[24:])
    np.testing.assert_array_equal(y_resampled, y[24:])
    assert not hasattr(sampler, "synthesizer_")
    assert sampler.n_original_ == 24


@pytest.mark.parametrize("n_rows", [2, 3, 5])
@pytest.mark.parametrize("n_timesteps", [1, 2, 3, 16])
def test_small_classes_and_short_signals(n_rows, n_timesteps):
    X, y = make_rows((20, n_timesteps)), np.arange(20) < n_rows
    X_resampled, _ = make().fit_resample(X, y)
    assert len(X_resampled) == 2 * (20 - n_rows)
    assert np.isfinite(X_resampled).all()


def test_common_settings_reach_the_synthesizer(X, y):
    given = {"n_steps": 1, "per_class": True, "device": "cpu", "random_state": 0}
    sampler = GANOversampler(**given, min_samples={"own": 2})
    sampler.fit_resample(X, y)
    inner = sampler.synthesizer_.get_params()
    wanted = {"model": "flow", "n_steps": 1, "per_class": True, "device": "cpu"}
    assert {name: inner[name] for name in wanted} == wanted
    assert [entry["step"] for entry in sampler.synthesizer_.history_] == [1]


def test_a_synthesizer_is_cloned_not_fitted(X, y):
    synthesizer = Synthesizer("biosgan", model_params=SMALL, n_steps=2)
    before = synthesizer.get_params()
    sampler = make(model=synthesizer, n_steps=1)
    sampler.fit_resample(X, y)
    assert synthesizer.get_params() == before
    assert not hasattr(synthesizer, "classes_")
    assert sampler.model is synthesizer
    assert sampler.synthesizer_.n_steps == 1
    assert sampler.synthesizer_.model_params == SMALL


def test_a_synthesizers_own_seed_wins(X, y):
    trained = []
    for seed in (1, 2):
        model = Synthesizer("biosgan", model_params=SMALL, n_steps=2, random_state=0)
        sampler = make(model=model, random_state=seed)
        sampler.fit_resample(X, y)
        trained.append(sampler.synthesizer_.models_[0].model)
    assert same_weights(*trained)


def test_one_model_for_each_class():
    X, y = three_classes()
    sampler = make(per_class=True)
    _, y_resampled = sampler.fit_resample(X, y)
    assert len(sampler.synthesizer_.models_) == 2
    assert Counter(y_resampled.tolist()) == {"N": 30, "S": 30, "V": 30}


@pytest.mark.slow
def test_models_trained_side_by_side_are_the_same():
    X, y = three_classes()
    alone, _ = make(per_class=True).fit_resample(X, y)
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel, _ = make(per_class=True, n_jobs=2).fit_resample(X, y)
    np.testing.assert_array_equal(parallel, alone)


def test_an_unconditional_model_grows_several_classes():
    X, y = three_classes()
    _, y_resampled = make(model=Synthesizer(Unconditional, n_steps=2)).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 30, "S": 30, "V": 30}


def test_an_unknown_model_is_named_with_the_nearest_one(X, y):
    message = (
        r"The 'model' parameter of GANOversampler must be one of .*'biosgan'.*, or the folder of a "
        r"saved Synthesizer\. Got 'biosgam' instead\. Did you mean 'biosgan'\?"
    )
    with pytest.raises(DataError, match=message):
        GANOversampler("biosgam").fit_resample(X, y)


def test_the_progress_bar_is_shown_when_asked(X, y, capfd):
    make().fit_resample(X, y)
    assert capfd.readouterr() == ("", "")
    make(verbose=1).fit_resample(X, y)
    assert "biosgan V" in capfd.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(X, y):
    with pytest.raises(DataError, match=r"'device'.*\(0 found\)\. Got 'cuda'.*device='auto'"):
        make(device="cuda").fit_resample(X, y)


def test_trained_samplers_can_be_pickled_and_cloned(X, y, tmp_path):
    sampler = make()
    wanted, _ = sampler.fit_resample(X, y)
    joblib.dump(sampler, tmp_path / "sampler.joblib")
    copies = [
        pickle.loads(pickle.dumps(sampler)),
        copy.deepcopy(sampler),
        joblib.load(tmp_path / "sampler.joblib"),
    ]
    for other in copies:
        np.testing.assert_array_equal(
            other.synthesizer_.sample(3, random_state=1)[0],
            sampler.synthesizer_.sample(3, random_state=1)[0],
        )
        np.testing.assert_array_equal(other.fit_resample(X, y)[0], wanted)
    cloned = clone(sampler)
    assert not hasattr(cloned, "synthesizer_")
    np.testing.assert_array_equal(cloned.fit_resample(X, y)[0], wanted)
