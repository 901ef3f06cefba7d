"""Rows that are refused: generated again, replaced by another generator, or kept."""

from __future__ import annotations

import numpy as np
import pytest
from sampling import QUICK, Blurred, Copying, OneRow, grown, smooth_rows, two_classes
from toys import make_rows

from bioaug import GANOversampler
from bioaug.exceptions import TrainingWarning


def test_one_refused_row_is_no_failed_model():
    X, y = two_classes()
    for seed in range(20):
        sampler = GANOversampler("local", sampling_strategy={"V": 41}, random_state=seed)
        sampler.fit_resample(X, y)
        assert sampler.generator_names_ == {"V": ["local"]}


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


def test_without_the_filter_copies_come_through():
    X, y = two_classes()
    sampler = GANOversampler(Copying(), quality_filter=False, **QUICK)
    made = grown(sampler, X, y)
    assert (np.linalg.norm(made[:, None] - X[None], axis=2).min(axis=1) == 0).any()
    assert sampler.synthetic_provenance_["status"].unique().tolist() == ["not judged"]
    assert sampler.synthetic_provenance_["nearest"].unique().tolist() == [-1]


@pytest.mark.parametrize(
    ("model", "reason"), [(Copying(share=1.0), "copy"), (Copying(noise=50.0, share=0.0), "outside")]
)
def test_a_model_that_fails_the_filter_is_replaced_by_the_next_generator(model, reason):
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


def test_a_model_that_makes_one_row_again_and_again_fails_the_filter():
    X, _ = two_classes(60)
    sampler = GANOversampler(OneRow(), n_steps=2, random_state=0)
    with pytest.warns(TrainingWarning, match="OneRow failed the quality filter"):
        sampler.fit_resample(X, np.where(np.arange(140) < 100, "N", "V"))


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
