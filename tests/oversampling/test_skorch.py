"""The example of skorch: what it trains on, and that it runs."""

from __future__ import annotations

import runpy
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from skorch.callbacks import Callback
from toys import distances

from bioaug import Synthesizer
from bioaug.datasets import make_ecg

EXAMPLE = Path(__file__).parents[2] / "examples" / "skorch_balancing.py"
PARAMS = {"model_params": {"width": 8, "depth": 1}, "n_steps": 2, "random_state": 0}
N_CLASSES = 3


class Watch(Callback):
    """Keeps what the network was trained on, by epoch."""

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        self.seen_ = [*getattr(self, "seen_", []), ([], [])]
        self.dataset_ = dataset_train

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        for kept, part in zip(self.seen_[-1], batch, strict=True):
            kept.append(part)


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


@pytest.fixture(scope="module")
def beats():
    ecg = make_ecg(120, classes=("N", "S", "V"), class_weights=(0.7, 0.15, 0.15), random_state=0)
    return ecg.data, np.unique(ecg.target, return_inverse=True)[1]


@pytest.fixture
def classifier(example):
    split = partial(example["grow"], synthesizer=Synthesizer(**PARAMS), n_classes=N_CLASSES)
    callbacks = [example["NewSignals"](), Watch()]
    return example["make_classifier"](N_CLASSES, 2, train_split=split, callbacks=callbacks)


def watch_of(fitted):
    return dict(fitted[-1].callbacks_)["Watch"]


def test_every_epoch_is_balanced_and_has_new_signals(classifier, beats):
    X, y = beats
    watch = watch_of(classifier.fit(X, y))
    real = (X - X.mean(axis=-1, keepdims=True)) / X.std(axis=-1, keepdims=True)
    made = []
    for signals, codes in watch.seen_:
        signals, codes = torch.cat(signals), torch.cat(codes)
        assert np.bincount(codes).tolist() == [np.bincount(y).max()] * N_CLASSES
        is_real = distances(signals.flatten(1), torch.tensor(real).flatten(1)).amin(1) < 1e-2
        assert int(is_real.sum()) == len(X)
        made.append(signals[~is_real].flatten(1))
    assert float(distances(*made).min()) > 1e-2


def test_each_fold_has_a_generator_of_its_training_rows(classifier, beats):
    X, y = beats
    y = np.where(y == 1, 0, y)  # no code 1 in any fold, which must not shift code 2
    found = cross_validate(
        classifier, X, y, cv=3, return_estimator=True, return_indices=True, error_score="raise"
    )
    for fitted, train in zip(found["estimator"], found["indices"]["train"], strict=True):
        dataset = watch_of(fitted).dataset_
        assert dataset.n_real == len(train)
        assert dataset.labels_[: dataset.n_real].tolist() == y[train].tolist()
        assert set(dataset.labels_[dataset.n_real :].tolist()) == {2}
        assert fitted.predict_proba(X[:5]).shape == (5, N_CLASSES)
    assert not hasattr(classifier[-1].train_split.keywords["synthesizer"], "classes_")


def test_the_classifier_is_cloned_and_repeats(classifier, beats):
    X, y = beats
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        found.append(clone(classifier).fit(X, y).predict_proba(X))
    np.testing.assert_allclose(*found, atol=1e-6)


# After one epoch, a class that the beats of a fold lack may be predicted.
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.filterwarnings("ignore:Synthesizer, class .*max_time")
def test_the_example_runs(monkeypatch, capsys):
    arguments = ["--beats", "500", "--seconds", "0.5", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *arguments])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("balanced accuracy 0." in line for line in lines)
