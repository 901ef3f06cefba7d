"""A small 1-D CNN with RR input as a scikit-learn classifier, for the MIT-BIH benchmark."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import nn
from torch.nn import functional

from bioaug.core.seeding import seeded


class BeatCNN(ClassifierMixin, BaseEstimator):
    """Three strided convolutions over the signal, then one layer over their mean and the features.

    Parameters
    ----------
    n_features : int
        Values at the end of each row that are no time steps.
    n_updates, batch_size, lr
        Of Adam. The number of updates does not depend on how many rows there are, so that arms
        with more rows do not train for longer.
    class_weight : {"balanced"} or None
        Weights of the loss.
    focus : float
        Exponent of the focal loss (Lin et al., ICCV 2017); 0 is cross-entropy.
    random_state : int
    """

    def __init__(
        self,
        n_features=0,
        n_updates=1200,
        batch_size=128,
        lr=2e-3,
        class_weight=None,
        focus=0.0,
        random_state=None,
    ):
        self.n_features, self.n_updates, self.batch_size = n_features, n_updates, batch_size
        self.lr, self.class_weight, self.focus = lr, class_weight, focus
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        X = np.asarray(X, np.float32)
        features = X[:, X.shape[1] - self.n_features :]
        self._middle, self._scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        counts = np.bincount(codes)
        weights = np.ones(len(counts))
        if self.class_weight == "balanced":
            weights = len(codes) / (len(counts) * counts)
        with seeded(0 if self.random_state is None else int(self.random_state)):
            self._network = _Network(self.n_features, len(counts))
            self._train(*self._split(X), torch.from_numpy(codes), torch.tensor(weights).float())
        return self

    def _train(self, signals, features, codes, weights):
        optimizer = torch.optim.Adam(self._network.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.lr, self.n_updates)
        for _ in range(self.n_updates):
            rows = torch.randint(len(codes), (self.batch_size,))
            scores = self._network(signals[rows], features[rows])
            loss = functional.cross_entropy(scores, codes[rows], reduction="none")
            if self.focus:
                loss = loss * (1 - (-loss).exp()) ** self.focus
            loss = (loss * weights[codes[rows]]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    def predict_proba(self, X):
        signals, features = self._split(np.asarray(X, np.float32))
        self._network.eval()
        with torch.no_grad():
            parts = zip(signals.split(2048), features.split(2048), strict=True)
            return torch.cat([self._network(*part) for part in parts]).softmax(1).double().numpy()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _split(self, X):
        end = X.shape[1] - self.n_features
        features = (X[:, end:] - self._middle) / self._scale
        return torch.from_numpy(X[:, None, :end].copy()), torch.from_numpy(features)


class _Network(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        layers, n_before = [], 1
        for n, size in ((16, 7), (32, 5), (64, 5)):
            layers += [nn.Conv1d(n_before, n, size, stride=2), nn.BatchNorm1d(n), nn.ReLU()]
            n_before = n
        self.signal = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(4), nn.Flatten())
        self.last = nn.Sequential(
            nn.Linear(256 + n_features, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, n_classes)
        )

    def forward(self, signals, features):
        return self.last(torch.cat([self.signal(signals), features], dim=1))
