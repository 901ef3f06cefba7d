"""Signals of one class over each other, and real beside synthetic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checks import COUNT, check_number
from bioaug.exceptions import DataError
from bioaug.metrics.base.pairs import check_set
from bioaug.plots.axes import (
    REAL,
    SYNTHETIC,
    as_label,
    axes_or_new,
    label_time,
    one_channel,
    pyplot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_signals(
    X: NDArray,
    *,
    n_shown: int = 12,
    channel: int = 0,
    sampling_rate: float | None = None,
    color: str = "tab:blue",
    ax: Axes | None = None,
) -> Axes:
    """Draw signals over each other, with their mean.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
    n_shown : int, default=12
        How many are drawn, evenly spread over the rows; the mean is of all.
    channel : int, default=0
    sampling_rate : float, optional
        In Hz; the time axis is then in milliseconds, else in samples.
    color : str, default="tab:blue"
    ax : Axes, optional

    Returns
    -------
    ax : Axes
    """
    owner = "plot_signals"
    check_number(n_shown, COUNT, name="n_shown", owner=owner)
    rows = one_channel(X, channel, owner=owner)
    ax = axes_or_new(ax)
    times = label_time(ax, rows.shape[1], sampling_rate, owner=owner)
    shown = np.linspace(0, len(rows) - 1, min(n_shown, len(rows))).round().astype(int)
    ax.plot(times, rows[shown].T, color=color, linewidth=0.7, alpha=0.55)
    ax.plot(times, rows.mean(axis=0), color="black", linewidth=1.4)
    return ax


def plot_real_and_synthetic(
    X: NDArray,
    y: NDArray,
    n_original: int,
    *,
    n_shown: int = 12,
    channel: int = 0,
    sampling_rate: float | None = None,
    unit: str = "",
) -> Figure:
    """Draw real beside synthetic signals, one line of panels for each class that grew.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
        A resampled set: originals first.
    y : ndarray of shape (n_samples,)
    n_original : int
        How many rows are originals: `GANOversampler.n_original_`.
    n_shown : int, default=12
    channel : int, default=0
    sampling_rate : float, optional
        In Hz.
    unit : str, default=""
        Of the signals, for the labels.

    Returns
    -------
    figure : Figure

    Raises
    ------
    DataError
        Where no row is synthetic, or a class has synthetic rows only.
    """
    plt = pyplot()
    y = np.asarray(y)
    X, _ = check_set(X, y, owner="plot_real_and_synthetic")
    is_real = np.arange(len(y)) < n_original
    grown = _grown_classes(y, is_real, n_original)
    figure, panels = plt.subplots(
        len(grown),
        2,
        figsize=(9, 0.6 + 1.7 * len(grown)),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for line, label in zip(panels, grown, strict=True):
        for ax, chosen, kind, color in (
            (line[0], is_real, "real", REAL),
            (line[1], ~is_real, "synthetic", SYNTHETIC),
        ):
            rows = X[chosen & (y == label)]
            plot_signals(
                rows,
                n_shown=n_shown,
                channel=channel,
                sampling_rate=sampling_rate,
                color=color,
                ax=ax,
            )
            title = f"class {as_label(label)}: {len(rows)} {kind}"
            ax.set_title(title, fontsize=10, parse_math=False)
        line[0].set_ylabel(unit)
    for ax in panels[:-1].flat:
        ax.set_xlabel("")
    return figure


def _grown_classes(y: NDArray, is_real: NDArray, n_original: int) -> NDArray:
    """Return the classes with synthetic rows; raise where none has, or one has no real rows."""
    grown = np.unique(y[~is_real])
    if not len(grown):
        raise DataError(
            "The 'n_original' parameter of plot_real_and_synthetic must be below the number of "
            f"rows. Got {n_original} for {len(y)} rows: none is synthetic."
        )
    if alone := sorted(set(grown.tolist()) - set(y[is_real].tolist()), key=str):
        raise DataError(
            "The 'n_original' parameter of plot_real_and_synthetic must leave real rows of every "
            f"class. Got {n_original}: none of {alone}. Give 'n_original_' of the sampler."
        )
    return grown


def plot_density(
    X: NDArray,
    *,
    n_bins: int = 100,
    limits: tuple[float, float] | None = None,
    channel: int = 0,
    sampling_rate: float | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how often signals pass through each amplitude at each time.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
        Of one class.
    n_bins : int, default=100
        Of the amplitude.
    limits : tuple of two float, optional
        Of the amplitude; give the same to panels that are compared. By default all but 0.2 % of
        the values.
    channel : int, default=0
    sampling_rate : float, optional
        In Hz; the time axis is then in milliseconds, else in samples.
    unit : str, default=""
        Of the signals, for the label.
    ax : Axes, optional

    Returns
    -------
    ax : Axes
    """
    check_number(n_bins, COUNT, name="n_bins", owner="plot_density")
    rows = one_channel(X, channel, owner="plot_density")
    low, high = np.quantile(rows, [0.001, 0.999]) if limits is None else limits
    edges = np.linspace(low, high if high > low else low + 1, n_bins + 1)
    counts = np.stack([np.histogram(column, edges)[0] for column in rows.T], axis=1)
    ax = axes_or_new(ax)
    times = label_time(ax, rows.shape[1], sampling_rate, owner="plot_density")
    # The square root shows rare courses beside the common one.
    ax.pcolormesh(
        times, (edges[:-1] + edges[1:]) / 2, np.sqrt(counts), cmap="magma", rasterized=True
    )
    ax.set_ylabel(unit)
    return ax
