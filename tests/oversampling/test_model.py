"""The `model` parameter: saved and frozen models, other units, and how they are refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sampling import SMALL_CLASSES, classes_of_three_sizes, quietly
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KernelDensity
from toys import SMALL, make_rows, same_weights

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import CheckpointError, DataError, DataWarning, TrainingWarning


@pytest.fixture
def saved(X, y, tmp_path):
    Synthesizer("biosgan", model_params=SMALL, n_steps=2, random_state=0).fit(X, y).save(
        tmp_path / "saved"
    )
    return tmp_path / "saved"


@SMALL_CLASSES
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_saved_model_is_loaded_and_not_trained(saved, X, y, kind):
    sampler = GANOversampler(kind(saved), random_state=0)
    X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": 36}
    loaded = Synthesizer.load(saved)
    assert same_weights(sampler.synthesizer_.models_[0].model, loaded.models_[0].model)
    again, _ = GANOversampler(kind(saved), random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(again, X_resampled)
    other, _ = GANOversampler(kind(saved), random_state=1).fit_resample(X, y)
    assert not np.array_equal(other, X_resampled)


@SMALL_CLASSES
def test_a_folder_name_without_a_slash_is_found(saved, X, y, monkeypatch):
    monkeypatch.chdir(saved.parent)
    _, y_resampled = GANOversampler("saved", random_state=0).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": 36}


@SMALL_CLASSES
def test_a_saved_model_of_other_dtype_gives_rounded_integers(saved, X, y):
    exact = GANOversampler(saved, random_state=0).fit_resample(X, y)[0][48:]
    made = GANOversampler(saved, random_state=0).fit_resample(X.astype(np.int16), y)[0][48:]
    assert made.dtype == np.int16
    np.testing.assert_array_equal(made, np.rint(exact))


@SMALL_CLASSES
def test_a_saved_model_of_more_classes_is_fine(saved, X, y):
    _, y_resampled = GANOversampler(saved, sampling_strategy={"V": 14}).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": 14}


def test_a_saved_model_of_another_length(saved, X, y):
    message = r"'X'.*shape \(20,\), as the loaded model.*Got \(19,\) instead\. Load a model trained"
    with pytest.raises(DataError, match=message):
        GANOversampler(saved).fit_resample(X[:, 1:], y)
    with pytest.raises(DataError, match=r"shape \(20,\).*Got \(2, 10\)"):
        GANOversampler(saved).fit_resample(X.reshape(48, 2, 10), y)


def test_a_saved_model_without_the_class(saved, X, y):
    y = np.where(y == "V", "Q", y)
    with pytest.raises(DataError, match=r"'y'.*\['N', 'V'\].*Got \['Q'\] alone.*Load a model"):
        GANOversampler(saved).fit_resample(X, y)


def test_a_damaged_saved_model(saved, X, y):
    (weights,) = saved.glob("weights-*")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"is damaged.*Copy the folder again"):
        GANOversampler(saved).fit_resample(X, y)


def test_a_folder_that_is_not_there(tmp_path, X, y):
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere.*Synthesizer\.save"):
        GANOversampler(tmp_path / "nowhere").fit_resample(X, y)
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere"):
        GANOversampler("some/nowhere").fit_resample(X, y)


def test_the_models_of_two_steps_of_the_chain_are_one_synthesizer():
    X, y = make_rows((140, 24)), np.repeat(["N", "V", "S"], [60, 45, 35])
    sampler = GANOversampler(
        "flow", n_steps=1, quality_filter=False, min_samples={"own": 40}, random_state=0
    )
    quietly(lambda: sampler.fit_resample(X, y))
    assert sampler.generator_names_ == {"S": ["flow, shared"], "V": ["flow"]}
    assert {"S", "V"} <= set(sampler.synthesizer_.classes_.tolist())
    fingerprint = sampler.synthesizer_.training_fingerprint_
    assert fingerprint is not None
    assert fingerprint.contains(X).all()
    assert len(fingerprint.parts) == 1
    again = GANOversampler(
        FrozenEstimator(sampler.synthesizer_), quality_filter=False, random_state=0
    )
    quietly(lambda: again.fit_resample(X, y))
    assert again.generator_names_ == {"S": ["flow"], "V": ["flow"]}


def test_a_class_too_small_to_judge_is_named_for_a_fitted_model(synthesizer):
    X, y = make_rows((66, 24)), np.repeat(["N", "V"], [60, 6])
    with pytest.warns(TrainingWarning, match=r"too few rows .* right: V \(6 rows\)"):
        GANOversampler(FrozenEstimator(synthesizer), random_state=0).fit_resample(X, y)


def test_a_frozen_object_must_be_fitted_and_of_one_class(synthesizer):
    X, y = classes_of_three_sizes()
    frozen = FrozenEstimator(KernelDensity().fit(X))
    with pytest.raises(DataError, match=r"where one class grows\. Got KernelDensity\(\) for 2"):
        GANOversampler(frozen, random_state=0).fit_resample(X, y)
    with pytest.raises(ValueError, match="not fitted"):
        GANOversampler(FrozenEstimator(Synthesizer()), random_state=0).fit_resample(X, y)


def test_the_sampler_and_fine_tune_warn_of_units_and_never_advise_to_drop_the_filter(synthesizer):
    X, y = classes_of_three_sizes()
    X, y = 1000 * X[:100], y[:100]
    sampler = GANOversampler(FrozenEstimator(synthesizer), random_state=0)
    with pytest.warns() as told:
        sampler.fit_resample(X, y)
    messages = [str(w.message) for w in told]
    (units,) = [str(w.message) for w in told if issubclass(w.category, DataWarning)]
    assert "x1000: millivolts against microvolts" in units
    failed = [m for m in messages if "flow failed the quality filter" in m]
    assert len(failed) == 1
    assert "Likely, as the rows have another scale" in failed[0]
    assert not any("quality_filter=False" in m for m in messages)
    again = Synthesizer("flow", n_steps=1, random_state=0).fit(X / 1000, y)
    with pytest.warns(DataWarning, match="fine_tune: the rows have another scale"):
        again.fine_tune(X, y, n_steps=1)
