"""Real and synthetic signals compared over time and frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.signal import periodogram

from bioaug.core.checks import COUNT, POSITIVE, UNIT, check_number
from bioaug.core.distances import flat, nearest_index
from bioaug.metrics.base.pairs import check_pair, in_real_units
from bioaug.plots.axes import (
    REAL,
    SYNTHETIC,
    axes_or_new,
    draw_band,
    draw_pair,
    label_time,
    one_channel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_bands(
    X_real: NDArray,
    X_synthetic: NDArray,
    *,
    share: float = 0.9,
    channel: int = 0,
    sampling_rate: float | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw means of real and synthetic signals, and the bands that most of either lie in.

    Parameters
    ----------
    X_real, X_synthetic : ndarray of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        Of one class.
    share : float, default=0.9
        Of the signals that the band holds at every time.
    channel : int, default=0
    sampling_rate : float, optional
        In Hz; the time axis is then in milliseconds, else in samples.
    unit : str, default=""
    ax : Axes, optional

    Returns
    -------
    ax : Axes
    """
    owner = "plot_bands"
    check_number(share, UNIT, name="share", owner=owner)
    sides = draw_pair(X_real, X_synthetic, owner=owner)
    real, synthetic = (one_channel(side, channel, owner=owner) for side in sides)
    ax = axes_or_new(ax)
    times = label_time(ax, real.shape[1], sampling_rate, owner=owner)
    draw_band(ax, times, real, share, REAL, "real")
    draw_band(ax, times, synthetic, share, SYNTHETIC, "synthetic")
    ax.set_ylabel(unit)
    ax.legend(fontsize=8)
    return ax


def plot_neighbours(
    X_real: NDArray,
    X_synthetic: NDArray,
    *,
    n_shown: int = 5,
    channel: int = 0,
    sampling_rate: float | None = None,
    random_state: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw synthetic signals over the real one that is nearest to each: copies lie on it.

    Parameters
    ----------
    X_real, X_synthetic : ndarray of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        `X_real` are the rows that the generator was trained on.
    n_shown : int, default=5
        Synthetic signals, drawn at random; the one nearest to a real signal is always among
        them, at the top.
    channel : int, default=0
        That is drawn; neighbours are found over all channels, each in units of the real
        deviation.
    sampling_rate : float, optional
        In Hz; the time axis is then in milliseconds, else in samples.
    random_state : int, default=0
    ax : Axes, optional

    Returns
    -------
    ax : Axes
        Beside each pair stands the root mean square (rms) of the difference, in real deviations.
    """
    owner = "plot_neighbours"
    check_number(n_shown, COUNT, name="n_shown", owner=owner)
    pair = in_real_units(check_pair(X_real, X_synthetic, None, None, owner=owner))
    index, distance = nearest_index(flat(pair.X_synthetic), flat(pair.X_real))
    others = np.delete(np.arange(len(index)), distance.argmin())
    drawn = np.random.default_rng(random_state).permutation(others)[: n_shown - 1]
    shown = np.array([distance.argmin(), *drawn])
    real, synthetic = (
        one_channel(side, channel, owner=owner)
        for side in (pair.X_real[index[shown]], pair.X_synthetic[shown])
    )
    ax = axes_or_new(ax)
    times = label_time(ax, real.shape[1], sampling_rate, owner=owner)
    step = 1.1 * float(np.max(np.ptp(np.concatenate([real, synthetic]), axis=1)))
    for line, (nearest, row, apart) in enumerate(
        zip(real, synthetic, distance[shown], strict=True)
    ):
        label = ("nearest real", "synthetic") if line == 0 else (None, None)
        ax.plot(times, nearest - line * step, color=REAL, linewidth=2, alpha=0.6, label=label[0])
        ax.plot(times, row - line * step, color=SYNTHETIC, linewidth=1.2, label=label[1])
        level = float(row[-1]) - line * step
        rms = apart / np.sqrt(pair.X_real[0].size)
        ax.annotate(
            f" rms {rms:.2f}", (times[-1], level), va="center", fontsize=8, annotation_clip=False
        )
    ax.set_yticks([])
    ax.set_ylim(top=ax.get_ylim()[1] + 0.5 * step)  # room for the legend
    ax.legend(fontsize=8, loc="upper right", ncols=2, frameon=False)
    return ax


def plot_spectra(
    X_real: NDArray,
    X_synthetic: NDArray,
    *,
    share: float = 0.9,
    channel: int = 0,
    sampling_rate: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw mean log power spectra of real and synthetic signals, and the bands around them.

    Parameters
    ----------
    X_real, X_synthetic : ndarray of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
    share : float, default=0.9
        Of the signals that the band holds at every frequency.
    channel : int, default=0
    sampling_rate : float, optional
        In Hz; frequencies are in cycles per sample without it.
    ax : Axes, optional

    Returns
    -------
    ax : Axes
    """
    owner = "plot_spectra"
    check_number(share, UNIT, name="share", owner=owner)
    check_number(sampling_rate, POSITIVE, name="sampling_rate", owner=owner, optional=True)
    ax = axes_or_new(ax)
    sides = draw_pair(X_real, X_synthetic, owner=owner)
    for side, color, label in zip(sides, (REAL, SYNTHETIC), ("real", "synthetic"), strict=True):
        rows = one_channel(side, channel, owner=owner)
        frequencies, power = periodogram(rows, sampling_rate or 1.0, window="hann")
        floor = max(1e-12 * power.max(), np.finfo(float).tiny)  # flat signals have no power
        decibels = 10 * np.log10(np.maximum(power[:, 1:], floor))
        draw_band(ax, frequencies[1:], decibels, share, color, label)
    ax.set_xlabel("frequency (Hz)" if sampling_rate else "frequency (cycles per sample)")
    ax.set_ylabel("power density (dB)")
    ax.margins(x=0)
    ax.legend(fontsize=8)
    return ax
