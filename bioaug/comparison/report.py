"""Report of a comparison: what was added, whether it helped, and how that was measured."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from bioaug.comparison._report_rows import added_rows, arm_rows, calibration_rows, class_rows
from bioaug.comparison.records import ArmWorth, LeaveOneOut
from bioaug.comparison.result import AugmentationResult
from bioaug.core.atomic import replacing
from bioaug.core.checks import check_path
from bioaug.core.pages import Kind, plain, render
from bioaug.exceptions import DataError
from bioaug.statistics import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bioaug.metrics import Evaluation


def write_report(
    result: AugmentationResult,
    path: str | Path,
    *,
    evaluation: Evaluation | None = None,
    figures: Mapping[str, Figure] | None = None,
    citation: str | None = None,
) -> None:
    """Write one page about a comparison: HTML (".html") or Markdown (".md").

    Every line of a table names its place in the results' JSON, which is written beside the page
    under the same name. Pictures stand inside the HTML, and in files beside the Markdown. Files
    that exist are replaced, once all new ones are whole.

    Parameters
    ----------
    result : AugmentationResult
    path : path
    evaluation : Evaluation, optional
        What `bioaug.metrics.evaluate` said about the synthetic rows.
    figures : dict of str to Figure, optional
        Further pictures by caption.
    citation : str, optional
        How to cite the data.

    Raises
    ------
    DataError
        For another ending, or for what is no result.
    """
    if not isinstance(result, AugmentationResult):
        raise DataError(
            "The 'result' parameter of write_report must be an AugmentationResult, as of "
            f"cross_validate_augmentation. Got {type(result).__name__} instead."
        )
    _check_extras(evaluation, figures, citation)
    path = check_path(path, name="path", owner="write_report")
    kinds: dict[str, Kind] = {".html": "html", ".md": "md"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise DataError(
            f"The 'path' parameter of write_report must end in '.html' or '.md'. Got {str(path)!r}."
        )
    drawn = {"Paired differences from the baseline": _forest(result), **(figures or {})}
    with ExitStack() as drafts:

        def draft(file: Path) -> Path:
            return drafts.enter_context(replacing(file))

        page_draft = draft(path)  # the first to be drafted is the last to be moved into place
        pictures = []
        for number, (caption, figure) in enumerate(drawn.items(), 1):
            file = _picture_file(path, number)
            if kind == "html":
                pictures.append((caption, _inline(figure)))
            else:
                _save_picture(figure, draft(file))
                pictures.append((caption, file.name))
        page = _page(kind, result, evaluation, pictures, citation)
        page_draft.write_text(page, encoding="utf-8")
        result.save(draft(path.with_suffix(".json")))


def report_files(path: Path) -> list[Path]:
    """Return the files that `write_report` writes where no further figures are given."""
    picture = [_picture_file(path, 1)] if path.suffix.lower() == ".md" else []
    return [path, path.with_suffix(".json"), *picture]


def _check_extras(evaluation: Any, figures: Any, citation: Any) -> None:
    """Raise a DataError for what no page can be made of."""
    for name, value, rule, is_right in (
        ("evaluation", evaluation, "an Evaluation of bioaug.metrics", hasattr(evaluation, "notes")),
        ("figures", figures, "a dict of figures by caption", _are_figures(figures)),
        ("citation", citation, "text", isinstance(citation, str)),
    ):
        if value is not None and not is_right:
            raise DataError(
                f"The {name!r} parameter of write_report must be {rule} or None. Got "
                f"{type(value).__name__} instead."
            )


def _are_figures(figures: Any) -> bool:
    if not isinstance(figures, Mapping):
        return False
    return all(isinstance(c, str) and hasattr(f, "savefig") for c, f in figures.items())


def _page(
    kind: Kind,
    result: AugmentationResult,
    evaluation: Evaluation | None,
    pictures: list[tuple[str, str]],
    citation: str | None,
) -> str:
    """Return the template `report.j2`, filled in."""
    protocol, arms = result.protocol, arm_rows(result)
    has_patient = [arm for arm in arms if arm.comparison and arm.comparison.leave_one_out]
    return render(
        "report.j2",
        kind,
        package="bioaug.comparison",
        filters=FILTERS,
        result=result,
        n_folds=len({run.key for run in result.compared_runs}),
        score_name=_score_name(result),
        verdicts=[f"{one.arm}: {one.verdict.text}" for one in result.comparisons],
        arms=arms,
        sensitive=has_patient,
        classes=class_rows(result, arms),
        calibrated=calibration_rows(result),
        added=added_rows(result),
        evaluation=None if evaluation is None else _columns(evaluation.table.reset_index()),
        notes=[] if evaluation is None else evaluation.notes,
        settings=_settings(result),
        arm_settings=[f"{name}: {words}" for name, words in protocol.arms.items()],
        pictures=pictures,
        citation=citation,
    )


def _settings(result: AugmentationResult) -> list[str]:
    """Return the protocol as lines, but for what stands elsewhere on the page."""
    protocol = result.protocol
    shown = {f.name: getattr(protocol, f.name) for f in fields(protocol)}
    for name in ("arms", "settings"):
        del shown[name]
    if not protocol.patients_left_out:
        del shown["patients_left_out"]
    return [f"{name.replace('_', ' ')}: {_in_words(value)}" for name, value in shown.items()]


def _columns(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return a table as text by column, what is missing as nothing."""

    def text(value: Any) -> str:
        if pd.isna(value):
            return ""
        return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)

    return {str(name): [text(value) for value in table[name]] for name in table.columns}


def _forest(result: AugmentationResult) -> Figure:
    """Draw every arm's paired difference with its interval."""
    from matplotlib.figure import Figure

    height = 1 + 0.45 * max(len(result.comparisons), 1)
    figure = Figure(figsize=(7, height), layout="constrained")
    axes = figure.subplots()
    colours = {"helps": "tab:green", "harms": "tab:red"}
    names = []
    for y, one in enumerate(reversed(result.comparisons)):
        colour = colours.get(one.verdict.outcome.split(" ")[0], "tab:grey")
        axes.plot([one.difference.low, one.difference.high], [y, y], color=colour, lw=2)
        axes.plot([one.difference.value], [y], "o", color=colour)
        names.append(_shortened(plain(one.arm)))
    axes.axvline(0, color="black", lw=0.8)
    # Names are no formulas, whatever signs they hold.
    axes.set_yticks(range(len(names)), names, parse_math=False)
    label = f"difference of {_shortened(plain(_score_name(result)))}, with 95 % interval"
    axes.set_xlabel(label, parse_math=False)
    return figure


def _save_picture(figure: Figure, file: Any, **settings: Any) -> None:
    """Write a figure as PNG; a letter that the font lacks becomes a box, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(file, dpi=110, bbox_inches="tight", **settings)


def _inline(figure: Figure) -> str:
    """Return a figure as an address that holds it."""
    stream = io.BytesIO()
    _save_picture(figure, stream, format="png")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _picture_file(path: Path, number: int) -> Path:
    """Return where a picture beside a page goes."""
    return path.with_name(f"{path.stem}_{number}.png")


def _shortened(text: str, most: int = 40) -> str:
    """Return the beginning of a text that is too long for a picture."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _score_name(result: AugmentationResult) -> str:
    name = result.protocol.scoring
    return "macro F1" if name == "f1_macro" else name.replace("_", " ")


# Filters of the template: how values are shown in cells


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{n} {name}" for name, n in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "no value"


def _signed(value: float | Literal[""]) -> str:
    return f"{value:+.3f}" if value != "" else ""


def _limits(interval: Interval | LeaveOneOut | Literal[""] | None) -> str:
    if not interval:
        return ""
    if np.isinf(interval.low) and np.isinf(interval.high):
        return "not known"
    return f"{interval.low:+.3f} to {interval.high:+.3f}"


def _rows_each(worth: ArmWorth) -> str:
    if np.isnan(worth.value):
        return "no value: real rows did not help either"
    return f"{'at least ' if worth.is_bound else ''}{worth.value:.3f}"


def _worth_limits(worth: ArmWorth) -> str:
    """Return in words where a real-row equivalence may lie."""
    low, high = worth.low, worth.high
    if low <= 0 and np.isinf(high):
        return "anything: too few folds to say"
    if np.isinf(high):
        return f"at least {low:.3f}"
    return f"at most {high:.3f}" if low <= 0 else f"{low:.3f} to {high:.3f}"


FILTERS = {
    "in_words": _in_words,
    "limits": _limits,
    "number": _number,
    "rows_each": _rows_each,
    "signed": _signed,
    "source": lambda index, name: f"{name}[{index}]",
    "whole": lambda value: f"{value:.0f}",
    "worth_limits": _worth_limits,
}
