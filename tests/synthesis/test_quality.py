"""The note on quality: right for fresh rows, and loud about collapse, noise and copies."""

from __future__ import annotations

import numpy as np
import pytest
from toys import make_rows

from bioaug import GANOversampler, Synthesizer
from bioaug.exceptions import QualityWarning
from bioaug.synthesis.quality import MIN_ROWS, compare_rows


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(400, 12)).cumsum(axis=1)


def test_fresh_rows_are_as_expected(rows):
    for held_out in (None, rows[200:300]):
        note = compare_rows(rows[300:], rows[:200], held_out)
        assert note.reference == ("training rows" if held_out is None else "held-out rows")
        assert note.n_rows == 100
        assert note.coverage == pytest.approx(note.expected_coverage, abs=0.1)
        assert note.expected_coverage == pytest.approx(0.97, abs=0.01)  # 1 - 2^-5 for many rows
        assert note.spread == pytest.approx(1, abs=0.25)
        assert note.near_copies < 0.08
        assert note.problem is None


def test_what_is_wrong_is_said(rows):
    rng = np.random.default_rng(1)
    training, fresh = rows[:200], rows[200:]
    collapsed = fresh[:1] + 0.01 * rng.normal(size=(200, 12))
    note = compare_rows(collapsed, training)
    assert note.spread < 0.1
    assert "times as much as real ones" in note.problem
    assert "5%" not in note.problem
    noise = rng.normal(size=(200, 12)) * rows.std()
    note = compare_rows(noise, training)
    assert note.coverage < 0.1
    assert "of the training rows have a synthetic one near them" in note.problem
    copies = training + 1e-9
    note = compare_rows(copies, training, fresh)
    assert note.near_copies == 1
    assert note.problem == "100% are near copies of training rows"


def test_rows_that_occur_often_are_covered_by_themselves(rows):
    doubled = np.repeat(rows[:50], 4, axis=0)
    note = compare_rows(doubled, doubled)
    assert note.coverage == 1
    assert note.near_copies == 1


def test_few_or_equal_rows_tell_nothing():
    few = np.arange((MIN_ROWS - 1) * 4.0).reshape(-1, 4)
    note = compare_rows(few, few)
    assert (note.coverage, note.spread, note.near_copies, note.problem) == (None,) * 4
    assert str(note) == "too few rows to assess (19)"
    equal = np.ones((30, 4))
    note = compare_rows(equal, equal)
    assert (note.spread, note.near_copies, note.problem) == (None, None, None)


def test_fit_warns_keeps_and_prints_it(X, y, tmp_path, capsys):
    params = {"n_steps": 1, "random_state": 0}
    y = np.where(np.arange(48) < 24, "N", "V")
    with pytest.warns(
        QualityWarning, match=r"class N: its synthetic signals look poor: .*quality_"
    ):
        synthesizer = Synthesizer("dense", verbose=1, **params).fit(X, y)
    printed = capsys.readouterr().out
    assert printed.startswith(f"class N: {synthesizer.quality_['N']}\n")
    assert list(synthesizer.quality_) == ["N", "V"]
    synthesizer.save(tmp_path / "model")
    assert Synthesizer.load(tmp_path / "model").quality_ == synthesizer.quality_
    again = Synthesizer("dense", memory=tmp_path / "memory", **params)
    assert again.fit(X, y).quality_ == synthesizer.quality_
    assert again.fit(X, y).quality_ == synthesizer.quality_  # from the memory


def test_held_out_rows_judge_where_there_are_some():
    X = make_rows((120, 12))
    settings = {"n_steps": 20, "early_stopping": "mmd", "random_state": 0}
    note = Synthesizer("flow", **settings).fit(X).quality_[0]
    assert (note.reference, note.n_rows) == ("held-out rows", 24)


def test_fine_tuning_notes_its_class_anew(X):
    y = np.repeat(["N", "V"], 24)
    synthesizer = Synthesizer("flow", n_steps=2, random_state=0).fit(X, y)
    before = synthesizer.quality_
    synthesizer.fine_tune(X[y == "V"] + 5, y[y == "V"], n_steps=1)
    assert synthesizer.quality_["N"] == before["N"]
    assert sorted(synthesizer.quality_) == ["N", "V"]


def test_the_sampler_has_it(X, y):
    sampler = GANOversampler(
        "dense", n_steps=2, min_samples={"own": 4}, quality_filter=False, random_state=0
    )
    sampler.fit_resample(X, y)
    assert list(sampler.quality_) == ["V"]
    plain = GANOversampler("distort", random_state=0)
    plain.fit_resample(X, y)
    assert plain.quality_ == {}
