"""
A skorch classifier that is balanced while it trains, inside a pipeline
=======================================================================

Cross-validates a small 1-D CNN, once on the real beats alone, once with the rare classes grown to
balance by synthetic beats, new ones every epoch. The generator is trained inside `fit`, so in each
fold it sees that fold's training rows only, and predicting never generates.

It needs skorch. Run it with the folder that holds the MIT-BIH database, or with none on simulated
beats::

    pip install skorch
    python examples/skorch_balancing.py ~/bioaug_data --seconds 60 --epochs 5
"""

import argparse
from functools import partial

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from bioaug import AugmentedDataset, Synthesizer
from bioaug.datasets import fetch_mitbih, make_ecg


def load(data_home, n_simulated):
    """Return beats of N, S, V and F, their labels, and their patients."""
    if data_home is None:
        beats = make_ecg(n_simulated, classes=("N", "S", "V", "F"), random_state=0)
    else:
        beats = fetch_mitbih(data_home=data_home, subset="DS1")
    kept = beats.target != "Q"  # 8 beats of MIT-BIH that fit no class
    return beats.data[kept].astype(np.float32), beats.target[kept], beats.groups[kept]


def standardise(X):
    """Give every beat mean 0 and standard deviation 1."""
    return (X - X.mean(axis=-1, keepdims=True)) / X.std(axis=-1, keepdims=True)


def make_network(n_classes):
    """Return a small convolutional network."""
    return nn.Sequential(
        nn.Conv1d(1, 16, 9, stride=2, padding=4),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Conv1d(16, 32, 5, stride=2, padding=2),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Conv1d(32, 64, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(256, n_classes),
    )


def grow(dataset, y, *, synthesizer, n_classes):
    """Return the training rows, grown to balance, and no validation rows: for `train_split`."""
    counts = np.bincount(y, minlength=n_classes)
    rare = np.isin(y, np.flatnonzero((counts >= 2) & (counts < counts.max())))
    fitted = clone(synthesizer).fit(dataset.X[rare], y[rare])
    return AugmentedDataset(dataset.X, y, fitted, classes=np.arange(n_classes)), None


class NewSignals(Callback):
    """Give every epoch synthetic signals of its own."""

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        dataset_train.set_epoch(len(net.history) - 1)


def make_classifier(n_classes, n_epochs, **settings):
    """Return a pipeline of the scaling and a network, which takes signals and codes."""
    net = NeuralNetClassifier(
        make_network,
        module__n_classes=n_classes,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=1e-3,
        max_epochs=n_epochs,
        batch_size=256,
        iterator_train__shuffle=True,
        verbose=0,
        **settings,
    )
    return make_pipeline(FunctionTransformer(standardise), net)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data_home", nargs="?", help="folder of the database")
    parser.add_argument("--beats", type=int, default=4000, help="simulated, without a folder")
    parser.add_argument("--seconds", type=float, default=60, help="of the generator in a fold")
    parser.add_argument("--epochs", type=int, default=5, help="of training the network")
    args = parser.parse_args()
    X, y, patients = load(args.data_home, args.beats)
    encoder = LabelEncoder().fit(y)
    n_classes = len(encoder.classes_)
    synthesizer = Synthesizer(max_time=args.seconds, random_state=0)
    grown = {
        "train_split": partial(grow, synthesizer=synthesizer, n_classes=n_classes),
        "callbacks": [NewSignals()],
    }
    scoring = {"macro F1": "f1_macro", "balanced accuracy": "balanced_accuracy"}
    for name, settings in {"real beats alone": {"train_split": None}, "grown": grown}.items():
        torch.manual_seed(0)
        classifier = make_classifier(n_classes, args.epochs, **settings)
        folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
        found = cross_validate(
            classifier, X, encoder.transform(y), cv=folds, groups=patients, scoring=scoring
        )
        scores = ", ".join(f"{s} {found[f'test_{s}'].mean():.2f}" for s in scoring)
        print(f"{name}, mean of 3 folds of other patients: {scores}")


if __name__ == "__main__":
    main()
