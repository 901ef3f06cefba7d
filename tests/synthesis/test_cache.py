"""The memory of trainings: the same rows and parameters never train twice."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sampling import QUICK, two_classes
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier
from toys import make_rows

import bioaug.synthesis.cache
from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import TrainingWarning


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
