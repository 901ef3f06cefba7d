"""Pictures of signals, scores and trainings; they need matplotlib (the `plots` extra)."""

from bioaug.plots.comparison import plot_bands, plot_neighbours, plot_spectra
from bioaug.plots.maps import plot_pca, plot_tsne
from bioaug.plots.signals import plot_density, plot_real_and_synthetic, plot_signals
from bioaug.plots.training import plot_history, plot_label_embedding, plot_scores

__all__ = [
    "plot_bands",
    "plot_density",
    "plot_history",
    "plot_label_embedding",
    "plot_neighbours",
    "plot_pca",
    "plot_real_and_synthetic",
    "plot_scores",
    "plot_signals",
    "plot_spectra",
    "plot_tsne",
]
