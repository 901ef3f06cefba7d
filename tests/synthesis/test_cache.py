"""The memory of trainings: the same rows and parameters never train twice."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sampling import QUICK, two_classes
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier
from synthesizers import DENSE
from toys import make_rows

import bioaug.synthesis.cache
from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import TrainingWarning

X, Y = make_rows((24, 8)), np.arange(24) % 2

pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the generated signals")


@pytest.fixture(scope="module")
def fitted():
    return Synthesizer(**DENSE).fit(X, Y)


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


def entries_of(folder):
    return sorted(file.parent for file in Path(folder).glob("bioaug/*/config.json"))


def test_an_entry_of_the_memory_under_another_key_is_not_believed(tmp_path):
    fit = Synthesizer(**DENSE, memory=tmp_path).fit
    fit(X, Y)
    (first,) = entries_of(tmp_path)
    wanted = fit(1000 * X, Y).sample(4)[0]
    (other,) = set(entries_of(tmp_path)) - {first}
    shutil.rmtree(other)
    shutil.copytree(first, other)
    with pytest.warns(TrainingWarning, match="kept for other rows or parameters.*") as caught:
        np.testing.assert_array_equal(fit(1000 * X, Y).sample(4)[0], wanted)
    assert len(caught) == 1
    np.testing.assert_array_equal(fit(1000 * X, Y).sample(4)[0], wanted)  # mended, no warning


def test_a_memory_that_cannot_be_locked_is_read_all_the_same(tmp_path, monkeypatch):
    wanted = Synthesizer(**DENSE, memory=tmp_path).fit(X, Y).sample(4)[0]

    def refuses(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuses)
    monkeypatch.setattr("bioaug.core.atomic.replacing", refuses)
    again = Synthesizer(**DENSE, memory=tmp_path).fit(X, Y)
    np.testing.assert_array_equal(again.sample(4)[0], wanted)
    with pytest.warns(TrainingWarning, match="could not be kept.*Permission denied"):
        Synthesizer(**DENSE | {"random_state": 1}, memory=tmp_path).fit(X, Y)


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_a_memory_that_cannot_be_a_folder_costs_a_warning(tmp_path, fitted, name):
    (tmp_path / "file").write_text("x")
    with pytest.warns(TrainingWarning, match="could not be kept"):
        found = Synthesizer(**DENSE, memory=tmp_path / name).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            found.sample(2, random_state=0)[0], fitted.sample(2, random_state=0)[0]
        )
