"""PCA and t-SNE maps of real and synthetic signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from bioaug.core.checks import COUNT, POSITIVE, check_number
from bioaug.core.distances import flat
from bioaug.exceptions import DataError
from bioaug.metrics.base.pairs import check_pair, in_real_units
from bioaug.plots.axes import REAL, SYNTHETIC, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_pca(
    X_real: NDArray,
    X_synthetic: NDArray,
    *,
    n_shown: int = 1000,
    random_state: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw real and synthetic signals along the two main axes of the real ones.

    Parameters
    ----------
    X_real, X_synthetic : ndarray of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        Every channel is divided by the real rows' deviation.
    n_shown : int, default=1000
        Most points of either side; the axes are fitted on all real rows, and on no synthetic one.
    random_state : int, default=0
        Of the choice.
    ax : Axes, optional

    Returns
    -------
    ax : Axes

    Raises
    ------
    DataError
        For fewer than 3 real rows, or real rows that are all equal.
    """
    check_number(n_shown, COUNT, name="n_shown", owner="plot_pca")
    real, synthetic = _rows(X_real, X_synthetic, owner="plot_pca")
    pca = PCA(2, random_state=random_state).fit(real)
    rng = np.random.default_rng(random_state)
    ax = axes_or_new(ax)
    _draw(ax, *(pca.transform(_some(rows, n_shown, rng)) for rows in (real, synthetic)))
    first, second = pca.explained_variance_ratio_
    ax.set_xlabel(f"axis 1 ({first:.0%} of the real variance)")
    ax.set_ylabel(f"axis 2 ({second:.0%} of the real variance)")
    return ax


def plot_tsne(
    X_real: NDArray,
    X_synthetic: NDArray,
    *,
    n_shown: int = 400,
    perplexity: float = 30.0,
    random_state: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a t-SNE map of real and synthetic signals together.

    Distances on the map mean little; whether the two kinds mix means something.

    Parameters
    ----------
    X_real, X_synthetic : ndarray of shape (n, n_timesteps) or (n, n_channels, n_timesteps)
        Every channel is divided by the real rows' deviation.
    n_shown : int, default=400
        Points of either side, as many of both. 400 take some seconds.
    perplexity : float, default=30
        About how many neighbours each point keeps; less for few points.
    random_state : int, default=0
    ax : Axes, optional

    Returns
    -------
    ax : Axes

    Raises
    ------
    DataError
        For fewer than 3 real rows, or real rows that are all equal.
    """
    owner = "plot_tsne"
    check_number(n_shown, COUNT, name="n_shown", owner=owner)
    check_number(perplexity, POSITIVE, name="perplexity", owner=owner)
    real, synthetic = _rows(X_real, X_synthetic, owner=owner)
    n_shown = min(n_shown, len(real), len(synthetic))
    rng = np.random.default_rng(random_state)
    both = np.concatenate([_some(real, n_shown, rng), _some(synthetic, n_shown, rng)])
    perplexity = min(perplexity, (len(both) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=random_state)
    points = tsne.fit_transform(both)
    ax = axes_or_new(ax)
    _draw(ax, points[:n_shown], points[n_shown:])
    ax.set(xticks=[], yticks=[])
    return ax


def _rows(X_real: Any, X_synthetic: Any, *, owner: str) -> tuple[NDArray, NDArray]:
    pair = in_real_units(check_pair(X_real, X_synthetic, None, None, owner=owner))
    if len(pair.X_real) < 3:
        raise DataError(
            f"The 'X_real' parameter of {owner} must have at least 3 rows. Got {len(pair.X_real)}."
        )
    if not np.ptp(pair.X_real, axis=0).any():
        raise DataError(
            f"The 'X_real' parameter of {owner} must have rows that differ. Got {len(pair.X_real)} "
            "equal ones. There is no axis to draw them along."
        )
    return flat(pair.X_real), flat(pair.X_synthetic)


def _some(rows: NDArray, n_rows: int, rng: np.random.Generator) -> NDArray:
    return rows[rng.permutation(len(rows))[:n_rows]]


def _draw(ax: Axes, real: NDArray, synthetic: NDArray) -> None:
    for points, color, label in ((real, REAL, "real"), (synthetic, SYNTHETIC, "synthetic")):
        ax.scatter(*points.T, s=9, color=color, alpha=0.5, linewidth=0, label=label)
    ax.legend(fontsize=8)
