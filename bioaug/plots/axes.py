"""Axes, colours, labels and checks common to all pictures; imports matplotlib on demand."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import POSITIVE, Interval, as_3d, check_number
from bioaug.metrics.base.pairs import check_pair, check_set

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REAL, SYNTHETIC = "tab:blue", "tab:orange"


def axes_or_new(ax: Axes | None) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    return pyplot().subplots(layout="constrained")[1] if ax is None else ax


def pyplot() -> Any:
    """Return matplotlib.pyplot, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Drawing needs matplotlib: pip install 'bioaug[plots]'.") from error
    return plt


def as_label(name: object) -> str:
    """Return a name as a label of a line: on one line, and not hidden by a leading underscore."""
    text = " ".join(str(name).split())
    return f" {text}" if text.startswith("_") else text


def draw_legend(ax: Axes, **settings: Any) -> None:
    """Draw the legend with its names as they are: signs of money and backslashes are no formula."""
    for text in ax.legend(**settings).get_texts():
        text.set_parse_math(False)


def draw_pair(X_real: Any, X_synthetic: Any, *, owner: str) -> tuple[NDArray, NDArray]:
    """Return both sets, checked, as float64 of shape (n, n_channels, n_timesteps)."""
    pair = check_pair(X_real, X_synthetic, None, None, owner=owner)
    return pair.X_real, pair.X_synthetic


def one_channel(X: Any, channel: int, *, owner: str) -> NDArray:
    """Return the rows of one channel, checked, of shape (n, n_timesteps)."""
    signals = as_3d(check_set(X, None, owner=owner)[0])
    inside = Interval(Integral, 0, signals.shape[1], closed="left")
    check_number(channel, inside, name="channel", owner=owner)
    return signals[:, channel].astype(np.float64)


def label_time(ax: Axes, n_timesteps: int, sampling_rate: float | None, *, owner: str) -> NDArray:
    """Label the time axis, and return the times: in ms, or in samples without a sampling rate."""
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner=owner, optional=True)
    ax.set_xlabel("time (ms)" if sampling_rate else "time (samples)")
    ax.margins(x=0)
    return np.arange(n_timesteps) * (1000 / sampling_rate if sampling_rate else 1)


def draw_band(ax: Axes, x: NDArray, rows: NDArray, share: float, color: str, label: str) -> None:
    """Draw the mean of `rows` and the band that holds `share` of them at every point."""
    tail = (1 - share) / 2
    low, high = np.quantile(rows, [tail, 1 - tail], axis=0)
    ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
    ax.plot(x, rows.mean(axis=0), color=color, linewidth=1.6, label=label)
