"""Losses of a training, its scores and its label embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from bioaug.core.checks import Interval, check_number, check_option
from bioaug.core.seeding import seeded
from bioaug.exceptions import DataError
from bioaug.metrics.base.score import Score
from bioaug.plots.axes import (
    REAL,
    SYNTHETIC,
    as_label,
    axes_or_new,
    draw_legend,
    label_time,
    one_channel,
    pyplot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bioaug.synthesis.synthesizer import Synthesizer

_FARTHEST = 1000  # half widths: a null interval can have no width at all


def plot_history(history: Sequence[Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Draw the losses of a training over its steps.

    Parameters
    ----------
    history : sequence of mapping
        `Synthesizer.history_`.
    ax : Axes, optional

    Returns
    -------
    ax : Axes
    """
    if not len(history):
        raise DataError(
            "The 'history' parameter of plot_history must have entries. Got none. Train with more "
            "steps, or with a lower 'log_every'."
        )
    ax = axes_or_new(ax)
    trainings = list(dict.fromkeys(entry.get("classes") for entry in history))
    for classes in trainings:
        entries = [entry for entry in history if entry.get("classes") == classes]
        for name in sorted({key for entry in entries for key in entry if "/" in key}):
            steps = [entry["step"] for entry in entries if name in entry]
            values = [entry[name] for entry in entries if name in entry]
            label = as_label(name if len(trainings) == 1 else f"{name} ({classes})")
            ax.plot(steps, values, label=label, linewidth=1)
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    draw_legend(ax, fontsize=7)
    return ax


def plot_scores(scores: Mapping[str, Score] | Sequence[Score], *, ax: Axes | None = None) -> Axes:
    """Draw scores beside what real signals score among themselves.

    Every score is shifted by its null value and divided by half the width of its null interval,
    so that all share one axis: the band from -1 to 1 is where real signals lie, further right is
    worse. The numbers at the right are the scores themselves and their null intervals.

    Parameters
    ----------
    scores : mapping of str to Score, or sequence of Score
        Such as the `scores` of an `Evaluation`. Those without a null value are listed, but have no
        place on the axis.
    ax : Axes, optional

    Returns
    -------
    ax : Axes

    Raises
    ------
    DataError
        Where there is no score, or something else.
    """
    if isinstance(scores, Mapping):
        labels, shown = list(scores), list(scores.values())
    else:
        shown = list(scores) if isinstance(scores, Sequence) else []
        labels = [getattr(score, "name", "") for score in shown]
    if not shown or not all(isinstance(score, Score) for score in shown):
        raise DataError(
            "The 'scores' parameter of plot_scores must hold a score at least, and nothing "
            f"else, as the 'scores' of an Evaluation do. Got {type(scores).__name__} of {shown!r}."
        )
    ax = axes_or_new(ax)
    ax.axvspan(-1, 1, color=REAL, alpha=0.2, linewidth=0)
    ax.axvline(0, color=REAL, linewidth=1)
    texts = []
    for line, score in enumerate(shown):
        text = f"{float(score):.3g}"
        if score.null is not None:
            low, high = score.null.low, score.null.high
            sign = 1 if score.direction == "lower" else -1
            half = max((high - low) / 2, abs(score - score.null.value) / _FARTHEST, 1e-12)
            worse = sign * (score - score.null.value) / half
            color = REAL if abs(worse) <= 1 else SYNTHETIC
            ax.plot([0, worse], [line, line], color=color, linewidth=1)
            ax.plot(worse, line, "o", color=color)
            text += f"  [{low:.2g}, {high:.2g}]"
        texts.append(text)
    ax.set_yticks(range(len(labels)), [as_label(label) for label in labels], parse_math=False)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xscale("symlog", linthresh=2)
    reach = max(3.0, *(1.3 * abs(value) for value in ax.dataLim.intervalx))
    ax.set_xlim(-reach, reach)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("half widths of the null interval (right is worse)")
    for line, text in enumerate(texts):
        ax.text(1.02, line, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    return ax


def plot_label_embedding(
    synthesizer: Synthesizer,
    first: Any = None,
    second: Any = None,
    *,
    n_shown: int = 9,
    channel: int = 0,
    sampling_rate: float | None = None,
    random_state: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw what moving from the label embedding of one class to another's does to a signal.

    The noise stays the same, so all that changes comes from the label [1]_.

    Parameters
    ----------
    synthesizer : Synthesizer
        Fitted, with the model "biosgan" and both classes in one network (``per_class`` not True).
    first, second : labels, optional
        Where the way begins and ends; the first two classes by default.
    n_shown : int, default=9
        Signals on the way, both ends among them.
    channel : int, default=0
    sampling_rate : float, optional
        In Hz; the time axis is then in milliseconds, else in samples.
    random_state : int, default=0
        Of the noise.
    ax : Axes, optional

    Returns
    -------
    ax : Axes

    Raises
    ------
    DataError
        Where the model has no label embedding, or no network knows both classes.

    References
    ----------
    .. [1] Li X, Ngu AHH, Metsis V, "TTS-CGAN: a transformer time-series conditional GAN for
       biosignal data augmentation", arXiv:2206.13676, 2022.
    """
    owner = "plot_label_embedding"
    check_is_fitted(synthesizer)
    known = synthesizer.classes_.tolist()
    ends = [label for label in (first, second) if label is not None]
    ends += [label for label in known if label not in ends][: 2 - len(ends)]
    for name, label in zip(("first", "second"), ends, strict=False):
        check_option(label, name=name, owner=owner, options=known)
    check_number(n_shown, Interval(Integral, 2, None, closed="left"), name="n_shown", owner=owner)
    fitted = [part for part in synthesizer.models_ if np.isin(ends, part.codec.classes).all()]
    between = getattr(fitted[0].model, "between", None) if fitted and len(ends) == 2 else None
    if between is None:
        raise DataError(
            f"The 'synthesizer' parameter of {owner} must be a fitted 'biosgan' of which one "
            f"network knows two classes. Got the model {synthesizer.model!r} with the classes "
            f"{known} in {len(synthesizer.models_)} networks. Fit it with per_class=False."
        )
    codec, model = fitted[0].codec, fitted[0].model.eval()
    begin, end = codec.encode_labels(np.asarray(ends, codec.classes.dtype)).tolist()
    device = next(model.parameters()).device
    with seeded(random_state):
        signals = between(begin, end, torch.linspace(0, 1, n_shown, device=device))
    rows = one_channel(codec.decode(signals), channel, owner=owner)
    ax = axes_or_new(ax)
    times = label_time(ax, rows.shape[1], sampling_rate, owner=owner)
    colors = pyplot().get_cmap("viridis")(np.linspace(0, 0.9, n_shown))
    for index, (row, color) in enumerate(zip(rows, colors, strict=True)):
        label = {0: as_label(ends[0]), n_shown - 1: as_label(ends[1])}.get(index)
        ax.plot(times, row, color=color, linewidth=1.2 if label is None else 2.2, label=label)
    draw_legend(ax, title="class", fontsize=8)
    return ax
