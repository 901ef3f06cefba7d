"""Samplers that are saved and loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sampling import classes_of_three_sizes, quietly
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KernelDensity

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import CheckpointError, DataError, TrainingWarning


@pytest.fixture
def untrained(monkeypatch):
    """Fail where anything is trained."""

    def fail(*args, **kwargs):
        raise AssertionError("trained anew")

    monkeypatch.setattr(Synthesizer, "fit", fail)


@pytest.mark.parametrize("how", ["folder", "frozen", "sampler"])
def test_the_same_rows_again_take_the_fallback_chain_again_with_one_warning(
    fitted, how, tmp_path, untrained
):
    if how == "folder":
        fitted.synthesizer_.save(tmp_path / "m")
        again = GANOversampler(tmp_path / "m", quality_filter=False, random_state=0)
    elif how == "frozen":
        frozen = FrozenEstimator(fitted.synthesizer_)
        again = clone(GANOversampler(frozen, quality_filter=False, random_state=0))
    else:
        fitted.save(tmp_path / "m")
        again = GANOversampler.load(tmp_path / "m")
    X, y = classes_of_three_sizes()
    with pytest.warns(TrainingWarning) as told:
        _, labels = again.fit_resample(X, y)
    (message,) = [str(w.message) for w in told]
    assert "does not know these classes" in message
    assert "F (8 rows, by 'distort')" in message
    assert again.generator_names_ == {"F": ["distort"], "V": ["flow"]}
    assert np.unique(labels, return_counts=True)[1].tolist() == [60, 60, 60]


def test_a_saved_sampler_makes_the_same_rows_with_the_same_parameters(fitted, tmp_path):
    X, y = classes_of_three_sizes()
    fitted.save(tmp_path / "m")
    loaded = GANOversampler.load(tmp_path / "m")
    names = (
        "quality_filter",
        "min_samples",
        "n_steps",
        "random_state",
        "sampling_strategy",
        "n_features",
    )
    assert [getattr(loaded, n) for n in names] == [getattr(fitted, n) for n in names]
    frozen = GANOversampler(
        FrozenEstimator(fitted.synthesizer_), quality_filter=False, random_state=0
    )
    wanted = quietly(lambda: frozen.fit_resample(X, y)[0])
    np.testing.assert_array_equal(quietly(lambda: loaded.fit_resample(X, y)[0]), wanted)
    loaded.save(tmp_path / "again")
    assert GANOversampler.load(tmp_path / "again").model.estimator.classes_.tolist() == ["V"]


def test_no_row_is_in_a_saved_sampler(fitted, tmp_path):
    fitted.save(tmp_path / "m")
    X, _ = classes_of_three_sizes()
    content = b"".join(f.read_bytes() for f in (tmp_path / "m").iterdir() if f.is_file())
    for row in X:
        assert row.astype(np.float32)[:4].tobytes() not in content
        assert row[:4].tobytes() not in content


def test_a_sampler_without_a_model_and_with_counts_is_saved(tmp_path):
    X, y = classes_of_three_sizes()
    sampler = GANOversampler("local", sampling_strategy={"V": 50}, random_state=3)
    made = sampler.fit_resample(X, y)[0]
    sampler.save(tmp_path / "m")
    loaded = GANOversampler.load(tmp_path / "m")
    assert (loaded.model, loaded.sampling_strategy) == ("local", {"V": 50})
    np.testing.assert_array_equal(loaded.fit_resample(X, y)[0], made)


def test_what_cannot_be_saved_or_loaded_is_named(tmp_path, synthesizer):
    X, y = classes_of_three_sizes()
    of_object = GANOversampler(KernelDensity(), sampling_strategy={"V": 45}, random_state=0)
    quietly(lambda: of_object.fit_resample(X, y))
    with pytest.raises(CheckpointError, match="'model' is a KernelDensity cannot be saved"):
        of_object.save(tmp_path / "m")
    of_function = GANOversampler("local", sampling_strategy=lambda y: {"V": 45}, random_state=0)
    of_function.fit_resample(X, y)
    with pytest.raises(CheckpointError, match="'sampling_strategy' is a function"):
        of_function.save(tmp_path / "m")
    synthesizer.save(tmp_path / "s")
    with pytest.raises(CheckpointError, match=r"no saved GANOversampler.*Synthesizer\.load"):
        GANOversampler.load(tmp_path / "s")


def test_the_fingerprint_of_a_sampler_holds_all_rows_and_groups(tmp_path):
    X, y = classes_of_three_sizes()
    groups = np.repeat([f"patient {i}" for i in range(27)], 4)
    sampler = GANOversampler("flow", n_steps=1, quality_filter=False, random_state=0)
    quietly(lambda: sampler.fit_resample(X, y, groups=groups))
    sampler.save(tmp_path, include_fingerprint=True)
    loaded: Any = GANOversampler.load(tmp_path).model
    fingerprint = loaded.estimator.training_fingerprint_
    assert fingerprint.contains(X).all()
    assert fingerprint.shared_groups(["patient 3", "somebody else"]) == ["patient 3"]


NO_PATHS = [None, 3, 2.5, True, {}, {1}, [], b"m", "", "a\0b", np.ones(3), object()]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("path", NO_PATHS, ids=lambda path: type(path).__name__)
def test_what_is_no_path_is_refused(fitted, path):
    for call in (fitted.save, GANOversampler.load):
        with pytest.raises(DataError, match=r"'path' parameter of (save|load) must be the path"):
            call(path)
