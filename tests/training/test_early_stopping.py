"""Early stopping on a score of held-out rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import make_rows

from bioaug import Synthesizer
from bioaug.exceptions import DataError
from bioaug.metrics import get_scorer
from bioaug.synthesis.codec import SignalCodec


class Countdown:
    """A scorer whose third look is the best; it keeps what it was shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, synthesizer, X, y):
        X_synthetic, y_synthetic = synthesizer.sample(y=y, random_state=0)
        assert X_synthetic.shape == X.shape
        assert list(y_synthetic) == list(y)
        self.seen.append((X, y))
        return -abs(len(self.seen) - 3)


def fit(scorer):
    X, y = make_rows((60, 20)), np.repeat(["N", "V"], [40, 20])
    synthesizer = Synthesizer(
        training_params={"log_every": 1, "batch_size": 4},
        early_stopping=scorer,
        n_steps=40,
        random_state=0,
    )
    return synthesizer.fit(X, y), X, y


def test_the_run_ends_five_looks_after_the_best_one():
    scorer = Countdown()
    synthesizer, _, _ = fit(scorer)
    assert len(scorer.seen) == 8
    assert synthesizer.history_[-1]["step"] == 16
    looks = [e["held-out/score"] for e in synthesizer.history_ if "held-out/score" in e]
    assert looks == [-2, -1, 0, -1, -2, -3, -4, -5]


def test_the_best_weights_are_kept():
    best, _, _ = fit(Countdown())
    until_best, _, _ = fit(lambda synthesizer, X, y: 0.0)
    weights = best.models_[0].model.state_dict()
    others = until_best.models_[0].model.state_dict()  # the first look, at step 2, is its best
    assert any(not torch.equal(weights[name], others[name]) for name in weights)

    again, _, _ = fit(Countdown())
    assert all(
        torch.equal(value, again.models_[0].model.state_dict()[name])
        for name, value in weights.items()
    )


def test_a_fifth_of_every_class_is_held_out_and_not_trained_on():
    scorer = Countdown()
    synthesizer, X, _ = fit(scorer)
    X_watched, y_watched = scorer.seen[0]
    assert sorted(y_watched.tolist()).count("N") == 8
    assert sorted(y_watched.tolist()).count("V") == 4
    trained = np.array([not (X_watched == row).all(axis=1).any() for row in X])
    assert trained.sum() == 48
    codec = synthesizer.models_[0].codec
    alone = SignalCodec.fit(X[trained], np.zeros(48, int))
    assert (codec.low[0], codec.high[0]) == (alone.low[0], alone.high[0])


def test_a_score_that_is_not_a_number_is_never_the_best():
    synthesizer, _, _ = fit(lambda synthesizer, X, y: float("nan"))
    assert synthesizer.history_[-1]["step"] == 10


@pytest.mark.parametrize(
    ("name", "settings"), [("predictive", {}), ("discriminative", {"classifier": "cnn"})]
)
def test_a_score_may_train_a_network_of_its_own(name, settings):
    scorer = get_scorer(name, **settings)
    synthesizer = Synthesizer(early_stopping=scorer, n_steps=1, random_state=0)
    assert np.isfinite(synthesizer.fit(make_rows((100, 8))).history_[-1]["held-out/score"])


def test_a_class_too_small_to_judge_by_is_refused():
    X, y = make_rows((30, 20)), np.repeat(["N", "V"], [25, 5])
    with pytest.raises(DataError, match=r"at least 10 rows of every class. Got 5 rows of class V"):
        Synthesizer(early_stopping=Countdown(), n_steps=1).fit(X, y)


def test_what_is_no_scorer_is_refused():
    with pytest.raises(DataError, match="'early_stopping' parameter"):
        fit(3)
