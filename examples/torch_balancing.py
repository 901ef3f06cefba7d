"""
A convolutional network on balanced batches, in plain torch
===========================================================

Trains a small 1-D CNN on MIT-BIH DS1, once on the real beats alone, once with synthetic beats of
S, V and F made while the loader runs, new ones every epoch, and scores both on patients that
neither the network nor the generator saw.

Run it with the folder that holds the database, or with none to download it (100 MB)::

    python examples/torch_balancing.py ~/bioaug_data --seconds 60 --epochs 3
"""

import argparse

import numpy as np
import torch
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from torch import nn
from torch.utils.data import DataLoader

from bioaug import AugmentedDataset, Synthesizer
from bioaug.datasets import fetch_mitbih


def load(data_home):
    """Return standardised beats of N, S, V and F, their labels, and their patients."""
    beats = fetch_mitbih(data_home=data_home, subset="DS1")
    kept = beats.target != "Q"  # 8 beats that fit no class
    X = beats.data[kept].astype(np.float32)
    X = (X - X.mean(axis=-1, keepdims=True)) / X.std(axis=-1, keepdims=True)
    return X, beats.target[kept], beats.groups[kept]


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


def train(dataset, n_epochs):
    """Train a network on `dataset`, with new synthetic beats every epoch."""
    torch.manual_seed(0)
    network = make_network(len(dataset.classes_))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loader = DataLoader(dataset, batch_size=256, shuffle=True)
    for epoch in range(n_epochs):
        dataset.set_epoch(epoch)
        for signals, codes in loader:
            loss = nn.functional.cross_entropy(network(signals), codes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data_home", nargs="?", help="folder of the database")
    parser.add_argument("--seconds", type=float, default=120, help="of training the generator")
    parser.add_argument("--epochs", type=int, default=5, help="of training the network")
    args = parser.parse_args()
    X, y, patients = load(args.data_home)
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)
    train_rows, test_rows = next(folds.split(X, y, patients))
    X_train, y_train = X[train_rows], y[train_rows]
    rare = y_train != "N"
    synthesizer = Synthesizer(max_time=args.seconds, random_state=0, verbose=1)
    synthesizer.fit(X_train[rare], y_train[rare])
    arms = {
        "real beats alone": AugmentedDataset(X_train, y_train, synthesizer, grow=None),
        "grown to balance": AugmentedDataset(X_train, y_train, synthesizer),
    }
    for name, dataset in arms.items():
        network = train(dataset, args.epochs)
        with torch.no_grad():
            logits = network(torch.from_numpy(X[test_rows]))
        predicted = dataset.classes_[logits.argmax(dim=1).numpy()]
        scores = f1_score(y[test_rows], predicted, average=None, labels=dataset.classes_)
        by_class = ", ".join(f"{c} {s:.2f}" for c, s in zip(dataset.classes_, scores, strict=True))
        print(f"{name}: {len(dataset)} beats an epoch; F1 on other patients: {by_class}")


if __name__ == "__main__":
    main()
