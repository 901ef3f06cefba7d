from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparing import compare, make_beats
from toys import make_rows

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import DataError, LeakError, LeakWarning
from bioaug.leakage import TrainingFingerprint, find_synthetic, remember_synthetic


def test_unseen_rows_and_patients_pass():
    X = make_rows((400, 30))
    TrainingFingerprint.from_rows(X[:300], np.arange(300) % 5).check(
        X[300:], np.arange(100) % 5 + 5
    )


def test_a_shared_patient_is_named():
    X = make_rows((40, 30))
    fingerprint = TrainingFingerprint.from_rows(X[:20], ["p1", "p2"] * 10)
    with pytest.raises(LeakError, match=r"Got \['p2'\] in both"):
        fingerprint.check(X[20:], ["p2", "p3"] * 10)


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_a_row_that_was_trained_on_is_found(noise):
    X = make_rows((400, 30))
    scored = X[300:].copy()
    scored[7] = X[12] + noise
    with pytest.raises(LeakError, match=r"Got 1 of 100 .*first in row 7"):
        TrainingFingerprint.from_rows(X[:300]).check(scored)
    assert TrainingFingerprint.from_rows(X[:300]).contains(scored).nonzero()[0].tolist() == [7]


def test_rows_of_few_values_are_not_compared():
    X = np.round(make_rows((300, 2)), 1)
    TrainingFingerprint.from_rows(X[:200]).check(X[200:])


def test_rows_that_cannot_be_compared_are_not_called_clean():
    X = make_rows((60, 30))
    fingerprint = TrainingFingerprint.from_rows(X)
    with pytest.raises(DataError, match=r"must have 30 values in each row.*Got 20"):
        fingerprint.check(X[:, :20])
    gaps = X.copy()
    gaps[5:7] = np.nan
    with pytest.raises(DataError, match=r"Got 2 of 60 rows without any finite one.*row 5"):
        fingerprint.check(gaps)
    fingerprint.check(X[:0])


@pytest.mark.parametrize("rescaled", [lambda X: 2 * X, lambda X: 1.7 * X + 3, lambda X: X / 1000])
def test_rescaled_synthetic_rows_are_known(rescaled):
    X, y = make_rows((80, 24)), np.repeat(["N", "V"], [50, 30])
    grown, _ = GANOversampler("local", random_state=0).fit_resample(X, y)
    assert find_synthetic(rescaled(grown)).tolist() == [False] * 80 + [True] * 20


def test_rows_without_a_shape_are_not_taken_for_synthetic_ones():
    two_values = make_rows((20, 2))
    remember_synthetic(two_values[:10], two_values[10:])
    assert find_synthetic(two_values).tolist() == [True] * 10 + [False] * 10


def test_samplers_carry_what_they_were_trained_on():
    X, y = make_rows((80, 24)), np.repeat(["N", "V"], [50, 30])
    groups = np.arange(80) % 4
    sampler = GANOversampler("distort", random_state=0)
    grown, _ = sampler.fit_resample(X, y, groups=groups)
    assert sampler.training_fingerprint_.shared_groups([0, 3, 3.0, 4, "2"]) == ["0", "2", "3"]
    with pytest.raises(LeakError):
        sampler.training_fingerprint_.check(X[:3])
    assert find_synthetic(grown).tolist() == [False] * 80 + [True] * 20
    assert find_synthetic(grown[80:].astype(np.float32)).all()


def saved(path, X, y, **settings):
    Synthesizer("dense", n_steps=1, random_state=0).fit(X, y).save(path, **settings)
    return path


def grown_by(path, X, y):
    sampler = GANOversampler(
        path, sampling_strategy={"V": 50}, quality_filter=False, random_state=0
    )
    sampler.fit_resample(X, y)
    return sampler


def test_a_generator_saved_with_its_fingerprint_carries_what_it_was_trained_on(tmp_path):
    X, y = make_rows((120, 24)), np.tile(["N", "V"], 60)
    saved(tmp_path, X, y, include_fingerprint=True)
    fingerprint = Synthesizer.load(tmp_path).training_fingerprint_
    assert fingerprint is not None
    with pytest.raises(LeakError, match="Got 3 of 3"):
        fingerprint.check(X[:3])
    assert fingerprint.contains(X.astype(np.float32)).all()
    fingerprint.check(make_rows((50, 24), seed=1))
    with pytest.raises(LeakError, match="Got 40 of 40"):
        grown_by(tmp_path, X[:80], y[:80]).training_fingerprint_.check(X[80:])


def test_a_saved_generator_without_fingerprint_says_that_nothing_can_be_checked(tmp_path):
    X, y = make_rows((120, 24)), np.tile(["N", "V"], 60)
    saved(tmp_path, X, y)
    assert Synthesizer.load(tmp_path).training_fingerprint_ is None
    fingerprint = grown_by(tmp_path, X[:80], y[:80]).training_fingerprint_
    with pytest.warns(LeakWarning, match="include_fingerprint=True"):
        fingerprint.check(X[80:])
    with pytest.raises(LeakError, match="Got 10 of 10"):  # what this sampler saw is known
        fingerprint.check(X[:10])


def test_a_loaded_generator_that_is_tuned_further_knows_only_the_new_rows(tmp_path):
    X, y = make_rows((120, 24)), np.tile(["N", "V"], 60)
    Synthesizer("dense", n_steps=1, random_state=0).fit(X[:60], y[:60]).save(tmp_path)
    tuned = Synthesizer.load(tmp_path).fine_tune(X[60:100], y[60:100], n_steps=1)
    fingerprint = tuned.training_fingerprint_
    assert fingerprint is not None
    assert fingerprint.contains(X).tolist() == [False] * 60 + [True] * 40 + [False] * 20
    with pytest.warns(LeakWarning, match="without a fingerprint"):
        fingerprint.check(X[100:])


def test_a_damaged_fingerprint_is_not_read():
    fingerprint = TrainingFingerprint.from_rows(make_rows((20, 30)), np.arange(20) % 3).joined(
        TrainingFingerprint.from_rows(make_rows((9, 30), seed=1))
    )
    arrays, described = fingerprint.to_saved()
    again = TrainingFingerprint.from_saved(arrays, described)
    assert again.contains(make_rows((20, 30))).all()
    assert again.shared_groups([2, 3]) == ["2"]
    for name, wrong in (("0/hashes", np.zeros((3, 20))), ("1/centre", np.full(32, np.nan))):
        with pytest.raises(ValueError, match="fingerprint"):
            TrainingFingerprint.from_saved(arrays | {name: wrong}, described)
    with pytest.raises(ValueError, match="fingerprint"):
        TrainingFingerprint.from_saved(
            arrays, described | {"parts": [{"key": "00", "n_values": 30}] * 2}
        )
    with pytest.raises(LookupError):
        TrainingFingerprint.from_saved({}, described)


def test_fingerprints_of_rows_and_of_a_fine_tuning_are_joined():
    X = make_rows((60, 30))
    both = TrainingFingerprint.from_rows(X[:20], np.zeros(20)).joined(
        TrainingFingerprint.from_rows(X[20:40], np.ones(20))
    )
    assert both.contains(X).tolist() == [True] * 40 + [False] * 20
    assert both.shared_groups(["0", "1", "2"]) == ["0", "1"]


def test_a_common_baseline_is_no_likeness():
    X = np.random.default_rng(0).normal(size=(600, 200)) + 3000
    TrainingFingerprint.from_rows(X[:300]).check(X[300:])
    assert TrainingFingerprint.from_rows(X[:300]).contains(X[:10]).all()


def test_missing_values_and_groups_of_another_kind():
    X = make_rows((60, 30))
    X[3, 4] = np.nan
    with pytest.raises(LeakError, match=r"Got \['1'\] in both"):
        TrainingFingerprint.from_rows(X[:30], np.arange(30) % 2).check(X[30:], np.full(30, 1.0))


@pytest.mark.parametrize("asked", [False, True])
def test_a_comparison_says_what_it_cannot_check_of_a_loaded_generator(tmp_path, asked):
    X, y, groups = make_beats()
    kept = groups >= "p06"
    generator = Synthesizer("dense", n_steps=1, random_state=0).fit(X[kept], y[kept])
    generator.save(tmp_path, include_fingerprint=asked)
    samplers = {"loaded": GANOversampler(tmp_path, quality_filter=False, random_state=0)}
    expected: Any = pytest.raises(LeakError, match="trained on") if asked else None
    with expected or pytest.warns(LeakWarning, match="include_fingerprint"):
        compare((X, y, groups), samplers)
