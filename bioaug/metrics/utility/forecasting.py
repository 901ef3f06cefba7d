"""Predictive score: forecasting real signals after training on synthetic ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bioaug.core.checks import COUNT, check_number
from bioaug.core.seeding import draw_seed, give_way, seeded
from bioaug.exceptions import DataError
from bioaug.metrics.base.measure import Result, measure
from bioaug.metrics.base.null_law import NullLaw
from bioaug.metrics.base.registry import register_score
from bioaug.metrics.base.score import Score

_CROP = 50  # time steps of a training window: a GRU's step is slow, and few are enough
_BATCH = 128
_LEARNING_RATE = 0.05
_CHUNK = 1024  # rows predicted in one go


class _Forecaster(nn.Module):
    """As in TimeGAN's code: a GRU whose state has half as many values as there are channels.

    Half of one channel is no state at all, so the state has at least 8 values here.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        n_hidden = max(n_channels // 2, 8)
        self.gru = nn.GRU(n_channels, n_hidden, batch_first=True)
        self.head = nn.Linear(n_hidden, 1)

    def forward(self, signals: Tensor) -> Tensor:
        """Return the absolute error of the last channel's next value, at every step but one."""
        states, _ = self.gru(signals[:, :-1])
        return (self.head(states)[..., 0] - signals[:, 1:, -1]).abs()


@register_score("predictive", "utility", fast=False, takes=("groups_real",))
def predictive_score(
    X_real: Any,
    X_synthetic: Any,
    *,
    y_real: Any = None,
    y_synthetic: Any = None,
    groups_real: Any = None,
    n_steps: int = 300,
    n_null: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> Score:
    """Return the error on real signals of a forecaster that was trained on synthetic ones.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        Real signals, in any unit; at least 10 rows, in each class, of at least 2 time steps.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit; as many rows at least.
    y_real, y_synthetic : array-like of shape (n_real,) and (n_synthetic,), optional
        Labels. With them, every class is scored by itself and the score is their mean.
    groups_real : array-like of shape (n_real,), optional
        The patient of every real row. With them, the null halves patients, not rows: real rows of
        other patients differ more than other rows of the same patients do.
    n_steps : int, default=300
        Training steps of 128 windows of at most 50 time steps.
    n_null : int, default=10
        Random parts of the real rows, or of the patients, for the null value; each trains a
        forecaster (seconds).
    random_state : int, RandomState instance or None, default=None
        Seed of the trainings and halvings.

    Returns
    -------
    score : Score
        Mean absolute error of the next value of the last channel, in deviations of that channel
        over the real rows; 0 or more, lower is better. It is not 0 for real signals: judge by the
        null value, and by ``details["ratio"]`` to ``details["real_on_real"]``, the same error
        with training on one half of the real rows and test on the other, both ways.

    Raises
    ------
    DataError
        For too few rows, a single time step, unequal lengths or channels, NaN, or no steps.

    Notes
    -----
    As in the published code of TimeGAN [1]_ (its text has two layers of LSTM) a GRU with one layer,
    trained on the absolute error. Unlike there, its input has all channels, so that it is defined
    for one channel, which is forecast from its own past; its state has at least 8 values; and
    signals are scaled by the real rows' mean and deviation per channel, not by their range.

    References
    ----------
    .. [1] Yoon, Jarrett, van der Schaar (2019). "Time-series generative adversarial networks."
       NeurIPS 32.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import predictive_score
    >>> X = np.random.default_rng(0).normal(size=(40, 12)).cumsum(axis=1)
    >>> score = predictive_score(X[:20], X[20:], n_steps=5, n_null=0, random_state=0)
    >>> score.details["ratio"] == score / score.details["real_on_real"]
    True
    """
    check_number(n_steps, COUNT, name="n_steps", owner="predictive_score")

    def formula(real: NDArray, synthetic: NDArray, rng: np.random.RandomState) -> Result:
        if real.shape[2] < 2:
            raise DataError(
                "The 'X_real' parameter of predictive_score must have at least 2 time steps. "
                f"Got {real.shape[2]}. There is no next value to forecast."
            )
        value = _forecast_error(synthetic, real, n_steps, rng)

        def details() -> dict[str, float]:
            order = rng.permutation(len(real))
            halves = real[order[: len(real) // 2]], real[order[len(real) // 2 :]]
            errors = [
                _forecast_error(train, test, n_steps, rng) for train, test in (halves, halves[::-1])
            ]
            both = float(np.mean(errors))
            return {"real_on_real": both, "ratio": value / both}

        return Result(value, details)

    return measure(
        formula,
        X_real,
        X_synthetic,
        name="predictive_score",
        direction="lower",
        y_real=y_real,
        y_synthetic=y_synthetic,
        groups_real=groups_real,
        least=10,
        law=NullLaw(power=0),
        n_null=n_null,
        random_state=random_state,
    )


def _forecast_error(
    train: NDArray, test: NDArray, n_steps: int, rng: np.random.RandomState
) -> float:
    """Return the mean absolute error on `test` of a forecaster trained on `train`."""
    rows, tested = (
        torch.from_numpy(X.transpose(0, 2, 1).astype(np.float32)) for X in (train, test)
    )
    n_crop = min(_CROP, rows.shape[1])
    with seeded(draw_seed(rng)):
        forecaster = _Forecaster(rows.shape[2])
        optimizer = torch.optim.Adam(forecaster.parameters(), lr=_LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, n_steps)
        for _ in range(n_steps):
            start = int(torch.randint(rows.shape[1] - n_crop + 1, ()))
            batch = rows[torch.randint(len(rows), (_BATCH,)), start : start + n_crop]
            loss = forecaster(batch).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(forecaster.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            give_way()
    with torch.no_grad():
        errors = [forecaster(part).double().mean(dim=1) for part in tested.split(_CHUNK)]
    return float(torch.cat(errors).mean())
