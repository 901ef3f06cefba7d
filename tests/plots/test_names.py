"""Pictures show names as they are, whatever signs they hold."""

from __future__ import annotations

import io

import numpy as np

from bioaug.metrics import Score
from bioaug.plots import plot_history, plot_real_and_synthetic, plot_scores


def drawn(figure):
    figure.savefig(io.BytesIO(), dpi=20)


def test_pictures_take_any_class_name():
    X = np.random.default_rng(0).normal(size=(40, 20)).cumsum(axis=1)
    y = np.repeat(["$a_{\\", "_b", "x$y$z", "=1"], 10)
    figure = plot_real_and_synthetic(np.concatenate([X, X]), np.tile(y, 2), 40)
    drawn(figure)
    titles = {ax.get_title() for ax in figure.axes}
    assert "class $a_{\\: 10 real" in titles


def test_pictures_take_any_name_of_a_score_and_of_a_training():
    ax = plot_scores({"$a_{\\": Score(0.5, name="a", direction="lower", seconds=0.0, seed=0)})
    drawn(ax.figure)
    history = [{"step": s, "g/$l_{\\": 1.0, "classes": c} for s in (1, 2) for c in ("_x", "$y$ $")]
    ax = plot_history(history)
    drawn(ax.figure)
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        "g/$l_{\\ (_x)",
        "g/$l_{\\ ($y$ $)",
    }
