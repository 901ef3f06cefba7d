"""Fitted models in a sampler: saved and loaded, frozen, on rows of other units, generating more."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KernelDensity
from toys import make_rows

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import CheckpointError, DataError, DataWarning, TrainingWarning
from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.row_scale import RowScale
from bioaug.synthesis.units import unit_mismatch


def three_classes():
    """Return a large class, one with a model of its own, and one that is too small for any."""
    return make_rows((108, 24)), np.repeat(["N", "V", "F"], [60, 40, 8])


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


@pytest.fixture(scope="module")
def fitted():
    sampler = GANOversampler("flow", n_steps=1, quality_filter=False, random_state=0)
    quietly(lambda: sampler.fit_resample(*three_classes()))
    return sampler


@pytest.fixture(scope="module")
def synthesizer():
    X, y = three_classes()
    return Synthesizer("flow", n_steps=1, random_state=0).fit(X[:100], y[:100])


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
    X, y = three_classes()
    with pytest.warns(TrainingWarning) as told:
        _, labels = again.fit_resample(X, y)
    (message,) = [str(w.message) for w in told]
    assert "does not know these classes" in message
    assert "F (8 rows, by 'distort')" in message
    assert again.generator_names_ == {"F": ["distort"], "V": ["flow"]}
    assert np.unique(labels, return_counts=True)[1].tolist() == [60, 60, 60]


def test_a_saved_sampler_makes_the_same_rows_with_the_same_parameters(fitted, tmp_path):
    X, y = three_classes()
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
    X, _ = three_classes()
    content = b"".join(f.read_bytes() for f in (tmp_path / "m").iterdir() if f.is_file())
    for row in X:
        assert row.astype(np.float32)[:4].tobytes() not in content
        assert row[:4].tobytes() not in content


def test_a_sampler_without_a_model_and_with_counts_is_saved(tmp_path):
    X, y = three_classes()
    sampler = GANOversampler("local", sampling_strategy={"V": 50}, random_state=3)
    made = sampler.fit_resample(X, y)[0]
    sampler.save(tmp_path / "m")
    loaded = GANOversampler.load(tmp_path / "m")
    assert (loaded.model, loaded.sampling_strategy) == ("local", {"V": 50})
    np.testing.assert_array_equal(loaded.fit_resample(X, y)[0], made)


def test_what_cannot_be_saved_or_loaded_is_named(tmp_path, synthesizer):
    X, y = three_classes()
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


def test_the_models_of_two_steps_of_the_chain_are_one_synthesizer():
    X, y = make_rows((140, 24)), np.repeat(["N", "V", "S"], [60, 45, 35])
    sampler = GANOversampler(
        "flow", n_steps=1, quality_filter=False, min_samples={"own": 40}, random_state=0
    )
    quietly(lambda: sampler.fit_resample(X, y))
    assert sampler.generator_names_ == {"S": ["flow, shared"], "V": ["flow"]}
    assert {"S", "V"} <= set(sampler.synthesizer_.classes_.tolist())
    again = GANOversampler(
        FrozenEstimator(sampler.synthesizer_), quality_filter=False, random_state=0
    )
    quietly(lambda: again.fit_resample(X, y))
    assert again.generator_names_ == {"S": ["flow"], "V": ["flow"]}


def test_synthesizers_of_other_signals_are_not_joined(synthesizer):
    other = Synthesizer("flow", n_steps=1, random_state=0).fit(make_rows((20, 12)))
    with pytest.raises(DataError, match=r"same signal_shape_\. Got \(12,\) instead of \(24,\)"):
        synthesizer.joined(other)


def test_a_class_too_small_to_judge_is_named_for_a_fitted_model(synthesizer):
    X, y = make_rows((66, 24)), np.repeat(["N", "V"], [60, 6])
    with pytest.warns(TrainingWarning, match=r"too few rows .* right: V \(6 rows\)"):
        GANOversampler(FrozenEstimator(synthesizer), random_state=0).fit_resample(X, y)


def test_a_frozen_object_must_be_fitted_and_of_one_class(synthesizer):
    X, y = three_classes()
    frozen = FrozenEstimator(KernelDensity().fit(X))
    with pytest.raises(DataError, match=r"where one class grows\. Got KernelDensity\(\) for 2"):
        GANOversampler(frozen, random_state=0).fit_resample(X, y)
    with pytest.raises(ValueError, match="not fitted"):
        GANOversampler(FrozenEstimator(Synthesizer()), random_state=0).fit_resample(X, y)


# Units


def offset_rows(n, seed=0):
    return make_rows((n, 24), seed) + 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: 1000 * X, r"x1000: millivolts against microvolts"),
        (lambda X: X / 1000, r"x1000: millivolts against microvolts"),
        (lambda X: 1e6 * X, r"x1e\+06: volts against microvolts"),
        (lambda X: 3 * X, "another unit or gain"),
        (lambda X: X / 5, "another unit or gain"),
        (
            lambda X: (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True),
            "are these rows standardised",
        ),
        (lambda X: X + 500, "another offset"),
        (lambda X: 0 * X, "are these rows flat"),
    ],
)
def test_rows_of_other_units_are_named_with_both_scales(change, message):
    X, y = offset_rows(80), np.repeat([0, 1], 40)
    codec = SignalCodec.fit(X, y)
    assert unit_mismatch([codec], offset_rows(80, 1), y) is None
    found = unit_mismatch([codec], change(offset_rows(80, 1)), y)
    assert found is not None
    assert message.replace("\\", "") in found
    assert f"and {codec.scales[0].std:.2g}"[:6] in found
    back = unit_mismatch([SignalCodec.from_json(codec.to_json())], change(offset_rows(80, 1)), y)
    assert back == found


def test_standardised_training_rows_are_named_as_such():
    X = offset_rows(60)
    scaled = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    found = unit_mismatch([SignalCodec.fit(scaled, np.zeros(60))], 10 * X, np.zeros(60))
    assert "are the rows of the training standardised" in (found or "")


def test_the_sampler_and_fine_tune_warn_of_units_and_never_advise_to_drop_the_gate(synthesizer):
    X, y = three_classes()
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


# Generating more


def test_a_fitted_sampler_generates_rows_from_labels_and_seeds(fitted):
    labels, seeds = ["V", "F", "V"], [5, 6, 7]
    made = fitted.generate(labels, seeds)
    assert made.shape == (3, 24)
    np.testing.assert_allclose(fitted.generate(["V"], [7])[0], made[2], rtol=1e-4, atol=1e-4)
    assert not np.allclose(fitted.generate(["V"], [8])[0], made[2])
    assert fitted.generate([], np.zeros(0, int)).shape == (0, 24)
    with pytest.raises(DataError, match="'labels' parameter of generate must be one of"):
        fitted.generate(["N"], [1])
    with pytest.raises(DataError, match="'seeds' parameter of generate must be 1 integers"):
        fitted.generate(["V"], [0.5])


def test_an_adapted_object_generates_too():
    X, y = three_classes()
    sampler = GANOversampler(KernelDensity(bandwidth=2.0), quality_filter=False, random_state=0)
    quietly(lambda: sampler.fit_resample(X, y))
    made = sampler.generate(["V"] * 4, [0, 1, 300, 0])
    np.testing.assert_array_equal(made[0], made[3])
    assert len(np.unique(made, axis=0)) == 3


def test_the_fingerprint_of_a_sampler_holds_all_rows_and_groups(tmp_path):
    X, y = three_classes()
    groups = np.repeat([f"patient {i}" for i in range(27)], 4)
    sampler = GANOversampler("flow", n_steps=1, quality_filter=False, random_state=0)
    quietly(lambda: sampler.fit_resample(X, y, groups=groups))
    sampler.save(tmp_path, include_fingerprint=True)
    loaded: Any = GANOversampler.load(tmp_path).model
    fingerprint = loaded.estimator.training_fingerprint_
    assert fingerprint.contains(X).all()
    assert fingerprint.shared_groups(["patient 3", "somebody else"]) == ["patient 3"]


def test_no_row_can_be_told_by_the_scale_of_its_class():
    X, _ = three_classes()
    X = 1e3 + 20 * X[:61]
    scale = RowScale.from_rows(X)
    of_rows = X.std(axis=1)
    assert np.count_nonzero(np.abs(of_rows - scale.std) < 1e-9) == 0
    assert scale.std == float(f"{np.median(of_rows):.3g}")
    assert abs(scale.mean - np.median(X.mean(axis=1))) < 1e-2 * scale.std


# Wrong types

NO_PATHS = [None, 3, 2.5, True, {}, {1}, [], b"m", "", "a\0b", np.ones(3), object()]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("path", NO_PATHS, ids=lambda path: type(path).__name__)
def test_what_is_no_path_is_refused(fitted, path):
    for call in (fitted.save, GANOversampler.load):
        with pytest.raises(DataError, match=r"'path' parameter of (save|load) must be the path"):
            call(path)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("table", [None, 3, "rows", {"generator": 1}, [1], np.ones((2, 4))])
def test_what_is_no_provenance_is_refused(fitted, table):
    with pytest.raises(DataError, match="'provenance' parameter of remake must be rows of"):
        fitted.remake(table)
    with pytest.raises(DataError, match="columns generator, label, seed, index"):
        fitted.remake(fitted.synthetic_provenance_[["generator", "label"]])


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_steps", 10**400),
        ("max_time", 10**400),
        ("verbose", np.ones(3)),
        ("verbose", "yes"),
        ("device", np.ones(3)),
        ("device", 10**400),
    ],
)
def test_parameters_that_no_number_or_device_can_be_are_named(name, value):
    X, _ = three_classes()
    with pytest.raises(DataError, match=f"'{name}' parameter"):
        Synthesizer("dense", **({"n_steps": 1} | {name: value})).fit(X)
