"""Small reference classifiers that scores train."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from bioaug.core.checks import check_option
from bioaug.core.distances import flat
from bioaug.core.seeding import give_way, seeded

PROBES = ("cnn", "gru", "trees")

_FLOOR = 1e-6  # of power: a spectral line of silence, so that its logarithm is finite
_DITHER = 0.01  # of the deviation: about one step of a converter
_CHUNK = 1024  # rows classified in one go


class SmallCNN(nn.Module):
    """Three strided convolutions, then the mean and the maximum over time of each feature."""

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__()
        widths = (n_channels, 16, 32, 32)
        layers: list[nn.Module] = []
        for narrow, wide, kernel in zip(widths[:-1], widths[1:], (9, 5, 5), strict=True):
            convolution = nn.Conv1d(narrow, wide, kernel, stride=2, padding=kernel // 2)
            layers += [convolution, nn.BatchNorm1d(wide), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(2 * widths[-1], n_classes)

    def forward(self, signals: Tensor) -> Tensor:
        """Return class logits."""
        found = self.features(signals)
        return self.head(torch.cat([found.mean(dim=2), found.amax(dim=2)], dim=1))


class SmallGRU(nn.Module):
    """As in TimeGAN's code: the last state of a GRU, its size half the number of channels.

    Half of one channel is no state at all, so the state has at least 8 values here.
    """

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__()
        n_hidden = max(n_channels // 2, 8)
        self.gru = nn.GRU(n_channels, n_hidden, batch_first=True)
        self.head = nn.Linear(n_hidden, n_classes)

    def forward(self, signals: Tensor) -> Tensor:
        """Return class logits."""
        _, state = self.gru(signals.transpose(1, 2))
        return self.head(state[-1])


_NETWORKS: dict[str, type[nn.Module]] = {"cnn": SmallCNN, "gru": SmallGRU}


class NetworkProbe(ClassifierMixin, BaseEstimator):
    """A small network with early stopping on a fifth of its training rows.

    Parameters
    ----------
    network : {"cnn", "gru"}
    max_epochs, patience : int
        Training ends after `max_epochs`, or `patience` epochs after the best one, whose weights
        are kept.
    batch_size : int
    learning_rate : float
        Of AdamW.
    random_state : int
    """

    def __init__(
        self,
        network: str = "cnn",
        *,
        max_epochs: int = 30,
        patience: int = 4,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        random_state: int = 0,
    ) -> None:
        self.network = network
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, X: NDArray, y: NDArray) -> NetworkProbe:
        """Train on `X` of shape (n_samples, n_channels, n_timesteps) and labels `y`."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.mean_ = X.mean(axis=(0, 2), keepdims=True)
        deviation = X.std(axis=(0, 2), keepdims=True)
        self.deviation_ = np.where(deviation > 0, deviation, 1)
        signals, labels = self._tensor(X), torch.from_numpy(codes)
        stratify = codes if np.bincount(codes).min() >= 5 else None  # a row or more on each side
        train, held = train_test_split(
            np.arange(len(X)), test_size=0.2, stratify=stratify, random_state=self.random_state
        )
        with seeded(self.random_state):
            self.network_ = _NETWORKS[self.network](X.shape[1], len(self.classes_))
            self._train(signals[train], labels[train], signals[held], labels[held])
        return self

    def _train(self, signals: Tensor, labels: Tensor, held: Tensor, answers: Tensor) -> None:
        network = self.network_
        optimizer = torch.optim.AdamW(network.parameters(), lr=self.learning_rate)
        n_batches = -(-len(signals) // self.batch_size)
        best, waited, kept = float("inf"), 0, copy.deepcopy(network.state_dict())
        for _ in range(self.max_epochs):
            network.train()
            # Batches of equal size: a single row left over has no batch statistics.
            for rows in torch.randperm(len(signals)).tensor_split(n_batches):
                loss = F.cross_entropy(network(signals[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                give_way()
            loss = float(F.cross_entropy(self._logits(held), answers))
            if loss < best:
                best, waited, kept = loss, 0, copy.deepcopy(network.state_dict())
            elif (waited := waited + 1) >= self.patience:
                break
        network.load_state_dict(kept)

    def predict_proba(self, X: NDArray) -> NDArray[np.float64]:
        """Return the probability of every class, in the order of ``classes_``."""
        return self._logits(self._tensor(X)).double().softmax(dim=1).numpy()

    def predict(self, X: NDArray) -> NDArray:
        """Return the likeliest class of every row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _tensor(self, X: NDArray) -> Tensor:
        return torch.from_numpy((X - self.mean_) / self.deviation_).float()

    def _logits(self, signals: Tensor) -> Tensor:
        self.network_.eval()
        with torch.no_grad():
            return torch.cat([self.network_(rows) for rows in signals.split(_CHUNK)])


def log_spectrum(X: NDArray) -> NDArray[np.float64]:
    """Return the logarithm of the power of every frequency, over the last axis."""
    return np.log(np.abs(np.fft.rfft(X, axis=-1)) ** 2 / X.shape[-1] + _FLOOR)


def signal_features(X: NDArray, seed: int = 0) -> NDArray[np.float64]:
    """Return the samples, their differences and the log spectrum of every channel, side by side.

    Noise of 1 % of each channel's deviation is added first: a recording stands on the steps of
    its converter, and no generator's output does, which is no difference that anybody asks for.
    """
    noise = np.random.RandomState(seed).standard_normal(X.shape)
    X = X + _DITHER * X.std(axis=(0, 2), keepdims=True) * noise
    return np.concatenate([flat(X), flat(np.diff(X, axis=-1)), flat(log_spectrum(X))], axis=1)


def make_probe(classifier: Any, *, seed: int, owner: str) -> Any:
    """Return an unfitted classifier of 3-D signals with ``predict_proba``.

    Parameters
    ----------
    classifier : {"cnn", "gru", "trees"} or scikit-learn classifier
        A scikit-learn classifier is cloned; it sees rows of shape (n_channels * n_timesteps,),
        and must have ``predict_proba``.
    seed : int
        Of a named probe, and of a given classifier whose ``random_state`` is None.
    owner : str
        Function whose parameter this is, for the error text.
    """
    if isinstance(classifier, BaseEstimator) and hasattr(classifier, "predict_proba"):
        given: Any = clone(classifier)
        if given.get_params().get("random_state", 0) is None:
            given.set_params(random_state=seed)
        return make_pipeline(FunctionTransformer(flat), given)
    check_option(
        classifier,
        name="classifier",
        owner=owner,
        options=PROBES,
        otherwise=" or a scikit-learn classifier with predict_proba",
    )
    if classifier == "trees":
        trees = HistGradientBoostingClassifier(
            max_iter=60,
            learning_rate=0.15,
            max_leaf_nodes=8,
            min_samples_leaf=5,  # the usual 20 leave a few dozen rows in one leaf
            max_bins=32,
            random_state=seed,
        )
        return make_pipeline(FunctionTransformer(signal_features, kw_args={"seed": seed}), trees)
    return NetworkProbe(str(classifier), random_state=seed)
