"""Provenance, the fallback chain, the quality filter, memory and adapted objects."""

from __future__ import annotations

import pickle
import warnings
from collections import Counter

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KernelDensity
from sklearn.tree import DecisionTreeClassifier
from toys import make_rows

import bioaug.synthesis.cache
from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import DataError, TrainingWarning
from bioaug.oversampling.quality_filter import QualityFilter

QUICK = {"n_steps": 2, "random_state": 0}


def two_classes(n_small=40, shape=(24,), n_large=80, dtype=np.float64):
    """Return random walks; those of the small class "V" go up."""
    X = make_rows((n_large + n_small, *shape))
    X[n_large:] += np.linspace(0, 20, shape[-1])
    return X.astype(dtype), np.repeat(["N", "V"], [n_large, n_small])


def grown(sampler, X, y):
    """Return the new rows, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert set(Counter(y_resampled.tolist()).values()) == {max(Counter(y.tolist()).values())}
    return X_resampled[len(X) :]


# Provenance


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
@pytest.mark.parametrize("model", ["flow", "local", "distort", KernelDensity(bandwidth=0.5)])
def test_rows_are_made_again_from_their_provenance_alone(model, dtype):
    X, y = two_classes(shape=(2, 24), dtype=np.float64)
    X = (X * 10).astype(dtype)
    sampler = GANOversampler(model, **QUICK)
    made = grown(sampler, X, y)
    near = 1 if dtype == np.int16 else 1e-3
    table = sampler.synthetic_provenance_
    assert len(table) == len(made) == 40
    assert sampler.synthetic_mask_.tolist() == [False] * 120 + [True] * 40
    chosen = [33, 2, 7]
    again = sampler.remake(table.iloc[chosen])
    assert again.dtype == X.dtype
    np.testing.assert_allclose(
        again, made[chosen], rtol=1e-4, atol=1e-3 if dtype != np.int16 else 1
    )
    np.testing.assert_allclose(sampler.remake(table), made, rtol=1e-4, atol=near)


def test_the_nearest_real_row_and_its_distance_are_in_the_table():
    X, y = two_classes()
    sampler = GANOversampler("local", **QUICK)
    made = grown(sampler, X, y)
    table = sampler.synthetic_provenance_
    assert table["label"].unique().tolist() == ["V"]
    apart = np.linalg.norm(made[:, None] - X[None, 80:], axis=2)
    np.testing.assert_array_equal(table["nearest"], 80 + apart.argmin(axis=1))
    np.testing.assert_allclose(table["distance"], apart.min(axis=1), rtol=1e-6)


def test_where_nothing_is_added_the_table_is_empty():
    X, y = two_classes(40, n_large=40)
    sampler = GANOversampler(**QUICK)
    sampler.fit_resample(X, y)
    assert len(sampler.synthetic_provenance_) == 0
    assert not sampler.synthetic_mask_.any()
    assert sampler.remake(sampler.synthetic_provenance_).shape == (0, 24)


# The fallback chain


@pytest.mark.parametrize("n_timesteps", [1, 2, 3, 7, 60])
@pytest.mark.parametrize("n_small", [1, 2, 3, 8, 16, 33])
def test_classes_of_every_size_and_length_grow(n_small, n_timesteps):
    X, y = two_classes(n_small, (n_timesteps,), n_large=50)
    made = grown(GANOversampler(**QUICK), X, y)
    assert made.shape == (50 - n_small, n_timesteps)
    assert np.isfinite(made).all()


@pytest.mark.slow
@pytest.mark.parametrize("n_timesteps", [1, 2, 5, 50, 187, 1000])
@pytest.mark.parametrize("n_small", [1, 2, 3, 4, 6, 10, 20, 31, 64, 128])
@pytest.mark.parametrize("model", ["flow", "dense"])
def test_the_whole_grid_of_sizes_and_lengths(n_small, n_timesteps, model):
    X, y = two_classes(n_small, (n_timesteps,), n_large=140)
    assert np.isfinite(grown(GANOversampler(model, **QUICK), X, y)).all()


@pytest.mark.parametrize(
    ("n_small", "min_samples", "name"),
    [
        (40, None, "flow"),
        (40, {"own": 50}, "flow, shared"),
        (40, {"own": 50, "shared": 50}, "local"),
        (40, {"own": 50, "shared": 50, "local": 50}, "distort"),
        (1, None, "distort"),
    ],
)
def test_smaller_classes_take_the_next_generator_and_one_warning_says_so(
    n_small, min_samples, name
):
    X, y = two_classes(n_small)
    sampler = GANOversampler(**QUICK, min_samples=min_samples, quality_filter=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {"V": [name]}
    told = [str(w.message) for w in told if issubclass(w.category, TrainingWarning)]
    assert len(told) == (name != "flow")
    if told:
        assert f"V ({n_small} row" in told[0]
        assert "'min_samples' parameter" in told[0]


def test_a_model_without_labels_is_not_shared():
    X, y = two_classes()
    sampler = GANOversampler("transgan", **QUICK, min_samples={"own": 50, "shared": 2, "local": 2})
    grown(sampler, X, y)
    assert sampler.generator_names_ == {"V": ["local"]}


@pytest.mark.parametrize("min_samples", [{"owm": 3}, {"own": 0}, {"own": 2.5}])
def test_a_wrong_key_of_min_samples_is_named(min_samples):
    X, y = two_classes()
    with pytest.raises(DataError, match=r"'(min_samples key|own)' parameter of GANOversampler"):
        GANOversampler(min_samples=min_samples).fit_resample(X, y)


def test_fitted_samplers_can_be_pickled():
    X, y = two_classes()
    for model in ("local", "distort", "flow"):
        sampler = GANOversampler(model, **QUICK)
        made = grown(sampler, X, y)
        again = pickle.loads(pickle.dumps(sampler)).remake(sampler.synthetic_provenance_)
        np.testing.assert_allclose(again, made, rtol=1e-4, atol=1e-3)


def test_a_method_that_was_asked_for_is_the_one_used():
    X, y = two_classes()
    for model in ("jitter", "scale", "warp"):
        sampler = GANOversampler(model, **QUICK)
        sampler.fit_resample(X, y)
        assert sampler.generator_names_ == {"V": [model]}


def test_one_refused_row_is_no_failed_model():
    X, y = two_classes()
    for seed in range(20):
        sampler = GANOversampler("local", sampling_strategy={"V": 41}, random_state=seed)
        sampler.fit_resample(X, y)
        assert sampler.generator_names_ == {"V": ["local"]}


# The quality filter


class Copying:
    """Gives training rows back, every second one with enough noise to be new."""

    def __init__(self, share=0.5, noise=1.4):
        self.share, self.noise = share, noise

    def fit(self, X):
        self.X_ = X
        return self

    def sample(self, n, random_state):
        rng = np.random.default_rng(random_state)
        noise = self.noise * rng.normal(size=(n, self.X_.shape[1]))
        noise[rng.random(n) < self.share] = 0
        return self.X_[rng.integers(len(self.X_), size=n)] + noise


def test_copies_are_made_again():
    X, y = two_classes()
    sampler = GANOversampler(Copying(share=0.3), **QUICK)
    made = grown(sampler, X, y)
    assert np.linalg.norm(made[:, None] - X[None], axis=2).min() > 0.1
    table = sampler.synthetic_provenance_
    assert 10 < sampler.rejected_["V"]["copy"] == (table["n_tries"] - 1).sum()
    replaced = table["status"] == "replaced, copy"
    assert (replaced == (table["n_tries"] > 1)).all()
    assert sampler.generator_names_ == {"V": ["Copying"]}
    assert (sampler.synthetic_provenance_["status"][~replaced] == "accepted").all()


def test_without_the_gate_copies_come_through():
    X, y = two_classes()
    sampler = GANOversampler(Copying(), quality_filter=False, **QUICK)
    made = grown(sampler, X, y)
    assert (np.linalg.norm(made[:, None] - X[None], axis=2).min(axis=1) == 0).any()
    assert sampler.synthetic_provenance_["status"].unique().tolist() == ["not judged"]
    assert sampler.synthetic_provenance_["nearest"].unique().tolist() == [-1]


@pytest.mark.parametrize(
    ("model", "reason"), [(Copying(share=1.0), "copy"), (Copying(noise=50.0, share=0.0), "outside")]
)
def test_a_model_that_fails_the_gate_is_replaced_by_the_next_generator(model, reason):
    X, y = two_classes()
    sampler = GANOversampler(model, **QUICK)
    with pytest.warns(
        TrainingWarning, match=r"class V: Copying failed the quality filter.*from local. Choose"
    ):
        X_resampled, _ = sampler.fit_resample(X, y)
    assert len(X_resampled) == 160
    assert sampler.generator_names_ == {"V": ["local"]}
    assert sampler.rejected_["V"][reason] >= 36
    assert sampler.synthetic_provenance_["status"].str.startswith("replaced").mean() > 0.8
    np.testing.assert_allclose(sampler.remake(sampler.synthetic_provenance_), X_resampled[120:])


def test_a_model_that_makes_one_row_again_and_again_fails_the_gate():
    X, _ = two_classes(60)
    sampler = GANOversampler(OneRow(), n_steps=2, random_state=0)
    with pytest.warns(TrainingWarning, match="OneRow failed the quality filter"):
        sampler.fit_resample(X, np.where(np.arange(140) < 100, "N", "V"))


class OneRow(Copying):
    def sample(self, n, random_state):
        rng = np.random.default_rng(random_state)
        middle = self.X_.mean(axis=0)
        first = self.X_[np.linalg.norm(self.X_ - middle, axis=1).argmin()]
        return first + 0.5 * (middle - first) + 1e-3 * rng.normal(size=(n, len(middle)))


def test_most_held_out_rows_pass_the_gate_and_copies_do_not():
    X = make_rows((600, 30))
    gate = QualityFilter.fit(X[:300])
    assert (gate.judge(X[300:])[2] == "accepted").mean() > 0.97
    assert (gate.judge(X[:300])[2] == "copy").all()
    assert (gate.judge(X[:300] + 1e-4)[2] == "copy").all()
    assert (gate.judge(X[:300] + 100)[2] == "outside").all()
    assert gate.has_collapsed(X[:1].repeat(50, axis=0))
    assert not gate.has_collapsed(X[300:])


def test_rows_that_are_recorded_twice_do_not_open_the_gate():
    X = make_rows((400, 30))
    X[0] = X[1]
    assert (QualityFilter.fit(X).judge(X + 1e-4)[2] == "copy").all()


def test_a_feature_in_large_units_does_not_open_the_gate():
    rng = np.random.default_rng(0)
    X = np.column_stack([make_rows((300, 30)), rng.normal(800, 100, size=300)])
    gate = QualityFilter.fit(X, n_features=1)
    copies = X + np.append(np.zeros(30), 1.0)
    assert (gate.judge(copies)[2] == "copy").all()
    noise = np.column_stack([30 * rng.normal(size=(50, 30)), rng.normal(800, 100, size=50)])
    assert (gate.judge(noise)[2] == "outside").all()


def test_of_few_rows_only_equal_ones_are_copies():
    X = make_rows((5, 30))
    gate = QualityFilter.fit(X)
    assert (gate.judge(X)[2] == "copy").all()
    assert (gate.judge(X + 0.01)[2] == "accepted").all()


# Memory


def count_trainings(monkeypatch):
    """Return a list that grows by one with every training."""
    trained, fit = [], bioaug.synthesis.cache.fit_model
    monkeypatch.setattr(
        bioaug.synthesis.cache, "fit_model", lambda *args: trained.append(args) or fit(*args)
    )
    return trained


def test_a_grid_over_the_classifier_trains_each_generator_once(tmp_path, monkeypatch):
    X = make_rows((80, 12))
    y = np.repeat(["N", "S", "V", "F"], [50, 10, 10, 10])
    sampler = GANOversampler(
        "dense",
        n_steps=1,
        per_class=True,
        min_samples={"own": 2},
        quality_filter=False,
        memory=tmp_path,
        random_state=0,
    )
    trained = count_trainings(monkeypatch)
    grid = {"decisiontreeclassifier__max_depth": list(range(1, 7))}
    search = GridSearchCV(
        make_pipeline(sampler, DecisionTreeClassifier(random_state=0)),
        grid,
        cv=StratifiedKFold(5),
        refit=False,
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert len(trained) == 15


def test_what_comes_from_memory_is_the_same(tmp_path, monkeypatch):
    X, y = two_classes()
    plain = Synthesizer("dense", **QUICK).fit(X, y)
    trained = count_trainings(monkeypatch)
    memory = joblib.Memory(tmp_path, verbose=0)
    first, second = (Synthesizer("dense", **QUICK, memory=memory).fit(X, y) for _ in range(2))
    assert len(trained) == 1
    for one in (first, second):
        np.testing.assert_array_equal(
            one.sample(9, random_state=0)[0], plain.sample(9, random_state=0)[0]
        )
    assert second.history_ == first.history_
    kept = {file.suffix for file in (tmp_path / "bioaug").rglob("*") if file.is_file()}
    assert kept == {".json", ".safetensors", ".lock"}


@pytest.mark.parametrize(
    "change",
    [{"n_steps": 3}, {"random_state": 1}, {"model_params": {"latent_dim": 32}}, {"model": "flow"}],
)
def test_other_parameters_train_anew(tmp_path, monkeypatch, change):
    X, y = two_classes()
    base = {"model": "dense", **QUICK, "memory": str(tmp_path)}
    Synthesizer(**base).fit(X, y)
    trained = count_trainings(monkeypatch)
    Synthesizer(**base | change).fit(X, y)
    Synthesizer(**base).fit(X + 1e-9, y)
    Synthesizer(**base).fit(X, np.where(y == "V", "W", y))
    assert len(trained) == 3
    Synthesizer(**base).fit(X, y)
    assert len(trained) == 3


def test_damaged_memory_costs_a_training_and_a_warning(tmp_path, monkeypatch):
    X, y = two_classes()
    base = {"model": "dense", **QUICK, "memory": str(tmp_path)}
    first = Synthesizer(**base).fit(X, y).sample(5)[0]
    for file in tmp_path.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:100])
    trained = count_trainings(monkeypatch)
    with pytest.warns(TrainingWarning, match="cannot be read, so this is trained again"):
        second = Synthesizer(**base).fit(X, y).sample(5)[0]
    np.testing.assert_array_equal(first, second)
    Synthesizer(**base).fit(X, y)
    assert len(trained) == 1


def test_memory_that_cannot_be_written_costs_a_warning_only(tmp_path):
    X, y = two_classes()
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(TrainingWarning, match="could not be kept"):
        synthesizer = Synthesizer("dense", **QUICK, memory=str(tmp_path / "file")).fit(X, y)
    assert synthesizer.sample(3)[0].shape == (3, 24)


@pytest.mark.slow
def test_parallel_processes_share_the_memory(tmp_path):
    X, y = two_classes()
    fit = joblib.delayed(Synthesizer("dense", **QUICK, memory=str(tmp_path)).fit)
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        fitted = joblib.Parallel(n_jobs=2)(fit(X, y) for _ in range(4))
    made = [one.sample(4)[0] for one in fitted]
    assert all(np.array_equal(made[0], other) for other in made[1:])
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1


# Adapted objects


@pytest.mark.parametrize(
    "model", [GaussianMixture(2, covariance_type="diag"), KernelDensity(bandwidth=0.5)]
)
@pytest.mark.parametrize("shape", [(24,), (2, 24)])
def test_any_object_with_fit_and_sample_is_a_model(model, shape):
    X, y = two_classes(shape=shape)
    made = grown(GANOversampler(model, **QUICK), X, y)
    assert made.shape == (40, *shape)
    np.testing.assert_array_equal(grown(GANOversampler(model, **QUICK), X, y), made)
    assert not np.array_equal(grown(GANOversampler(model, random_state=1), X, y), made)
    assert abs(made.mean(axis=0) - X[80:].mean(axis=0)).max() < 3
    assert not hasattr(model, "means_")


def test_an_adapted_object_in_a_frame_keeps_the_contract():
    X, y = two_classes()
    frame = pd.DataFrame(np.rint(X).astype("int16"), columns=[f"t{i}" for i in range(24)])
    out, _ = GANOversampler(KernelDensity(), **QUICK).fit_resample(frame, y)
    assert out.dtypes.tolist() == frame.dtypes.tolist()


def test_an_object_whose_rows_have_another_length_is_named():
    class Short(Copying):
        def sample(self, n, random_state):
            return np.zeros((n, 3))

    X, y = two_classes()
    with pytest.raises(DataError, match=r"must sample rows of 24 values. Got .*\(256, 3\).*Short"):
        GANOversampler(Short(), **QUICK).fit_resample(X, y)
