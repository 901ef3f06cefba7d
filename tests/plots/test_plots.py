"""The pictures: what is drawn is what was given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from sklearn.decomposition import PCA

from bioaug import Synthesizer, plots
from bioaug.exceptions import DataError
from bioaug.metrics import Null, Score

PAIRED = [
    plots.plot_pca,
    plots.plot_tsne,
    plots.plot_bands,
    plots.plot_neighbours,
    plots.plot_spectra,
]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Draw every picture that a test has made, then close it."""
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")


@pytest.fixture
def real() -> NDArray:
    """60 rows of 40 time steps."""
    return np.random.default_rng(0).normal(size=(60, 40)).cumsum(axis=1)


@pytest.fixture
def synthetic() -> NDArray:
    """50 rows of 40 time steps."""
    return np.random.default_rng(1).normal(size=(50, 40)).cumsum(axis=1)


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    """A BioSGAN of three classes after two steps."""
    X = np.random.default_rng(0).normal(size=(30, 32))
    y = np.repeat(["a", "b", "c"], 10)
    return Synthesizer("biosgan", n_steps=2, per_class=False, random_state=0).fit(X, y)


def points(ax: Axes) -> dict[str, NDArray]:
    return {
        str(drawn.get_label()): np.asarray(drawn.get_offsets())
        for drawn in ax.collections
        if isinstance(drawn, PathCollection)
    }


def lines(ax: Axes) -> dict[str, NDArray]:
    return {str(line.get_label()): np.asarray(line.get_ydata()) for line in ax.lines}


@pytest.mark.parametrize("plot", PAIRED)
def test_pairs_draw_into_the_given_axes_and_leave_the_signals_alone(
    plot: Callable[..., Axes], real: NDArray, synthetic: NDArray
) -> None:
    before, state = real.copy(), np.random.get_state()[1].copy()  # type: ignore[union-attr]
    _, ax = plt.subplots()
    assert plot(real, synthetic, ax=ax) is ax
    assert isinstance(plot(real[:, None], synthetic[:, None]), Axes)
    assert np.array_equal(real, before)
    assert np.array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("plot", PAIRED)
def test_pairs_refuse_unequal_lengths(plot: Callable[..., Axes], real: NDArray) -> None:
    with pytest.raises(DataError, match="'X_synthetic'"):
        plot(real, real[:, :30])


@pytest.mark.parametrize("plot", [plots.plot_pca, plots.plot_tsne])
def test_maps_need_three_real_rows(
    plot: Callable[..., Axes], real: NDArray, synthetic: NDArray
) -> None:
    with pytest.raises(DataError, match="at least 3 rows"):
        plot(real[:2], synthetic)


def test_pca_is_fitted_on_real_rows_only(real: NDArray, synthetic: NDArray) -> None:
    far = synthetic + 100
    found = points(plots.plot_pca(real, far))
    expected = PCA(2).fit((real - real.mean()) / real.std())
    ours = expected.transform((far - real.mean()) / real.std())
    assert np.allclose(
        np.sort(np.abs(found["synthetic"]), axis=0), np.sort(np.abs(ours), axis=0), atol=1e-6
    )
    assert len(found["real"]) == 60
    assert len(points(plots.plot_pca(real, far, n_shown=20))["real"]) == 20


def test_tsne_shows_as_many_of_both(real: NDArray, synthetic: NDArray) -> None:
    found = points(plots.plot_tsne(real, synthetic))
    assert len(found["real"]) == len(found["synthetic"]) == 50
    again = points(plots.plot_tsne(real, synthetic))
    assert np.array_equal(found["real"], again["real"])


def test_tsne_takes_few_rows(real: NDArray) -> None:
    assert len(points(plots.plot_tsne(real[:4], real[4:8]))["real"]) == 4


def test_density_counts_every_row_at_every_time(real: NDArray) -> None:
    ax = plots.plot_density(real, n_bins=20, limits=(-100, 100), sampling_rate=100, unit="mV")
    (mesh,) = (drawn for drawn in ax.collections if isinstance(drawn, QuadMesh))
    counts = np.asarray(mesh.get_array()).reshape(20, 40) ** 2
    assert np.allclose(counts.sum(axis=0), 60)
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_ylabel() == "mV"


def test_density_of_a_constant_can_be_drawn() -> None:
    plots.plot_density(np.ones((5, 10)))


def test_bands_hold_their_share_and_the_mean(real: NDArray, synthetic: NDArray) -> None:
    ax = plots.plot_bands(real, synthetic, share=0.5)
    assert np.allclose(lines(ax)["real"], real.mean(axis=0))
    assert np.allclose(lines(ax)["synthetic"], synthetic.mean(axis=0))
    bands = [drawn for drawn in ax.collections if isinstance(drawn, PolyCollection)]
    heights = bands[0].get_paths()[0].vertices[:, 1]  # type: ignore[index]
    assert heights.min() == pytest.approx(np.quantile(real, 0.25, axis=0).min())
    assert heights.max() == pytest.approx(np.quantile(real, 0.75, axis=0).max())


def test_the_chosen_channel_is_drawn(real: NDArray, synthetic: NDArray) -> None:
    both = np.stack([synthetic, real[:50]], axis=1)
    assert np.allclose(lines(plots.plot_bands(both, both, channel=1))["real"], real[:50].mean(0))
    with pytest.raises(DataError, match="'channel'"):
        plots.plot_bands(both, both, channel=2)


def test_neighbours_put_a_copy_at_the_top_on_its_original(
    real: NDArray, synthetic: NDArray
) -> None:
    synthetic = np.concatenate([synthetic, real[7:8]])
    ax = plots.plot_neighbours(real, synthetic, n_shown=3)
    assert np.allclose(lines(ax)["nearest real"], lines(ax)["synthetic"])
    assert len(ax.lines) == 6
    assert ax.texts[0].get_text().strip() == "rms 0.00"


def test_neighbours_are_the_nearest_rows(real: NDArray, synthetic: NDArray) -> None:
    ax = plots.plot_neighbours(real, synthetic, n_shown=1)
    apart = np.linalg.norm(real[:, None] - synthetic[None], axis=2)
    nearest, made = np.unravel_index(apart.argmin(), apart.shape)
    scale = real.std()
    drawn = lines(ax)
    assert np.allclose(np.ptp(drawn["nearest real"]) * scale, np.ptp(real[nearest]))
    assert np.allclose(np.ptp(drawn["synthetic"]) * scale, np.ptp(synthetic[made]))
    expected = apart.min() / scale / np.sqrt(40)
    assert float(ax.texts[0].get_text().removeprefix(" rms ")) == pytest.approx(expected, abs=0.006)


def test_spectra_have_their_peak_at_the_sine() -> None:
    noise = 0.01 * np.random.default_rng(0).normal(size=(20, 200))
    sine = np.sin(2 * np.pi * 10 * np.arange(200) / 100) + noise
    ax = plots.plot_spectra(sine, noise, sampling_rate=100)
    line = ax.lines[0]
    peak = np.asarray(line.get_xdata())[np.asarray(line.get_ydata()).argmax()]
    assert peak == pytest.approx(10.0)
    assert ax.get_xlabel() == "frequency (Hz)"


def test_scores_stand_where_their_null_intervals_say() -> None:
    null = Null(0.5, 0.3, 0.7, 20)
    scores = {
        "good": Score(0.55, direction="lower", null=null),
        "bad": Score(0.1, direction="higher", null=null),
        "bare": Score(3.0, direction="higher"),
    }
    ax = plots.plot_scores(scores)
    dots = [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([0.25, 2.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == list(scores)
    assert [text.get_text() for text in ax.texts] == ["0.55  [0.3, 0.7]", "0.1  [0.3, 0.7]", "3"]


def test_scores_can_be_a_list_and_not_be_empty() -> None:
    scores = [Score(1.0, name="mmd"), Score(2.0, name="mmd", null=Null(2.0, 2.0, 2.0, 2))]
    labels = plots.plot_scores(scores).get_yticklabels()
    assert [label.get_text() for label in labels] == ["mmd", "mmd"]
    with pytest.raises(DataError, match="must hold a score"):
        plots.plot_scores([])


def test_the_way_between_labels_begins_and_ends_at_them(fitted: Synthesizer) -> None:
    forth = plots.plot_label_embedding(fitted, "a", "c", n_shown=5, sampling_rate=100)
    back = plots.plot_label_embedding(fitted, "c", "a", n_shown=5)
    assert len(forth.lines) == 5
    assert np.allclose(lines(forth)["a"], lines(back)["a"], atol=1e-5)
    assert np.allclose(lines(forth)["c"], lines(back)["c"], atol=1e-5)
    assert not np.allclose(lines(forth)["a"], lines(forth)["c"])
    other = plots.plot_label_embedding(fitted, "a", "c", random_state=1)
    assert not np.allclose(lines(other)["a"], lines(forth)["a"])


def test_the_way_is_between_the_first_classes_unless_told(fitted: Synthesizer) -> None:
    assert {"a", "b"} < set(lines(plots.plot_label_embedding(fitted)))
    assert {"c", "a"} < set(lines(plots.plot_label_embedding(fitted, "c")))
    with pytest.raises(DataError, match=r"'second'.*must be one of 'a', 'b', 'c'"):
        plots.plot_label_embedding(fitted, "a", "d")


def test_label_embedding_does_not_change_the_synthesizer(fitted: Synthesizer) -> None:
    before = fitted.sample(3, random_state=0)[0]
    plots.plot_label_embedding(fitted)
    assert np.array_equal(fitted.sample(3, random_state=0)[0], before)


def test_label_embedding_needs_one_network_of_two_classes() -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 32)), np.repeat([0, 1], 10)
    apart = Synthesizer("biosgan", n_steps=1, per_class=True, random_state=0).fit(X, y)
    with pytest.raises(DataError, match="one network knows two classes"):
        plots.plot_label_embedding(apart)
    single = Synthesizer("biosgan", n_steps=1, random_state=0).fit(X)
    with pytest.raises(DataError, match="one network knows two classes"):
        plots.plot_label_embedding(single)


def test_history_draws_every_loss(fitted: Synthesizer) -> None:
    ax = plots.plot_history(fitted.history_)
    names = {key for entry in fitted.history_ for key in entry if "/" in key}
    assert set(lines(ax)) == names


def test_signals_and_pairs_of_a_resampled_set(real: NDArray, synthetic: NDArray) -> None:
    ax = plots.plot_signals(real, n_shown=5)
    assert len(ax.lines) == 6
    X, y = np.concatenate([real, synthetic]), np.repeat(["N", "V"], [30, 80])
    figure = plots.plot_real_and_synthetic(X, y, 60)
    assert [ax.get_title() for ax in figure.axes] == ["class V: 30 real", "class V: 50 synthetic"]
    with pytest.raises(DataError, match="none is synthetic"):
        plots.plot_real_and_synthetic(X, y, 110)


def test_all_names_are_functions_with_docstrings() -> None:
    for name in plots.__all__:
        function: Any = getattr(plots, name)
        assert "Returns" in function.__doc__


def test_matplotlib_is_imported_by_drawing_only() -> None:
    code = "import sys, bioaug.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, real: NDArray
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'bioaug\[plots\]'"):
        plots.plot_signals(real)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda X: plots.plot_pca(X, X, n_shown=0), "'n_shown' parameter of plot_pca"),
        (lambda X: plots.plot_tsne(X, X, perplexity=-1), "'perplexity' parameter of plot_tsne"),
        (lambda X: plots.plot_pca(X * 0, X), "'X_real' .* must have rows that differ"),
        (lambda X: plots.plot_spectra(X, X, sampling_rate=-1), "'sampling_rate' parameter of"),
        (lambda X: plots.plot_bands(X, X, sampling_rate=0), "'sampling_rate' parameter of"),
        (lambda X: plots.plot_signals(X, channel=1), "'channel' parameter of plot_signals"),
        (lambda X: plots.plot_signals(None), "'X' parameter of plot_signals must be array-like"),
        (lambda X: plots.plot_density(X, n_bins=0), "'n_bins' parameter of plot_density"),
        (lambda X: plots.plot_history([]), "'history' parameter of plot_history"),
        (lambda X: plots.plot_scores([0.5]), "'scores' .* must hold a score at least"),
        (lambda X: plots.plot_scores(Score(1.0)), "as the 'scores' of an Evaluation"),
        (
            lambda X: plots.plot_real_and_synthetic(X, np.repeat(["a", "b"], 30), 30),
            "'n_original' .* none of \\['b'\\]",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(real: NDArray, draw: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        draw(real)


def test_lists_are_drawn(real: NDArray) -> None:
    assert len(plots.plot_signals(real.tolist()).lines) == 13
    y = np.repeat("a", 60).tolist()
    assert len(plots.plot_real_and_synthetic(real.tolist(), y, 30).axes) == 2


def test_flat_signals_have_a_spectrum(real: NDArray) -> None:
    plots.plot_spectra(real * 0, real * 0)


def test_a_null_interval_without_width_leaves_the_others_readable() -> None:
    scores = [Score(0.9, null=Null(1, 1, 1, 20)), Score(1.0, null=Null(0, -1, 1, 20))]
    high = plots.plot_scores(scores).get_xlim()[1]
    assert high <= 2000
