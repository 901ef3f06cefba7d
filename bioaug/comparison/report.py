"""A page about a comparison: what was added, whether it helped, and how that was found out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bioaug.comparison._pages import HtmlPage, MarkdownPage, Table, picture_file, plain
from bioaug.comparison.result import AugmentationResult, failure_in_words
from bioaug.core.atomic import replacing
from bioaug.core.checks import check_path
from bioaug.exceptions import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bioaug.metrics import Evaluation

EVALUATE = "bioaug.metrics.evaluate(X_train=X_train, X_test=X_test, X_synthetic=X_synthetic)"


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
    kind = path.suffix.lower()
    if kind not in (".html", ".md"):
        raise DataError(
            f"The 'path' parameter of write_report must end in '.html' or '.md'. Got {str(path)!r}."
        )
    pictures: dict[str, Figure] = {"Paired differences from the baseline": _forest(result)}
    pictures |= dict(figures or {})
    with ExitStack() as drafts:

        def draft(file: Path) -> Path:
            return drafts.enter_context(replacing(file))

        page_draft = draft(path)  # the first to be drafted is the last to be moved into place
        page = HtmlPage() if kind == ".html" else MarkdownPage(path, draft)
        _fill(page, result, evaluation, pictures, citation)
        page_draft.write_text(page.text(), encoding="utf-8")
        result.save(draft(path.with_suffix(".json")))


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


def report_files(path: Path) -> list[Path]:
    """Return the files that `write_report` writes where no further figures are given."""
    picture = [picture_file(path, 1)] if path.suffix.lower() == ".md" else []
    return [path, path.with_suffix(".json"), *picture]


def _fill(
    page: Any, result: AugmentationResult, evaluation: Any, pictures: Mapping, citation: str | None
) -> None:
    page.heading("Does augmentation help?", 1)
    page.paragraph(result.summary)
    _fill_what_was_done(page, result)
    _fill_scores(page, result, pictures)
    _fill_by_class(page, result)
    page.heading("Is it real-looking, is it private?", 2)
    if evaluation is None:
        page.paragraph(f"Not evaluated here. In Python: {EVALUATE}")
    else:
        table = evaluation.table.reset_index()
        page.table(
            (
                list(map(str, table.columns)),
                [["" if pd.isna(v) else _text(v) for v in r] for r in table.to_numpy()],
            )
        )
        page.items(evaluation.notes)
    _fill_protocol(page, result)
    if citation:
        page.heading("Data", 2)
        page.paragraph(citation)


def _fill_what_was_done(page: Any, result: AugmentationResult) -> None:
    protocol = result.protocol
    if result.failures:
        page.paragraph("Some runs failed: their arms have no verdict, the others are compared.")
        page.items([failure_in_words(failure) for failure in result.failures])
    if not result.is_complete:
        page.paragraph(
            f"Unfinished: {protocol['n_finished']} of {protocol['n_runs']} runs. What follows is "
            f"of the {_n_folds(result)} folds and repeats that every arm finished, but for those "
            "that failed."
        )
    page.paragraph(
        f"{protocol['n_rows']} rows of {protocol['n_patients']} patients; scored on patients whom "
        f"neither classifier nor generator has seen. Score: {_score_name(result)}, greater is "
        f"better. Baseline: {protocol['baseline']}."
    )
    if protocol.get("patients left out"):
        page.paragraph(f"Not scored: {_flat(protocol['patients left out'])}.")
    if protocol["hold_back"]:
        page.paragraph(
            f"All arms, the baseline too, trained without {protocol['hold_back']:.0%} of the rows "
            "of every class but the largest: the oracle adds them, the others do without."
        )


def _fill_scores(page: Any, result: AugmentationResult, pictures: Mapping) -> None:
    page.items([f"{found['arm']}: {found['text']}" for found in result.comparisons])
    page.table(_scores(result))
    if result.comparisons:
        page.paragraph(
            f"The 95 % interval, p and the verdict are by {result.comparisons[0]['interval']}."
        )
    for caption, figure in pictures.items():
        page.picture(caption, figure)
    if any(found["patients"] is None for found in result.comparisons):
        page.paragraph(
            "The repeats test some rows twice or not at all, or the score has no value for these "
            "patients, so nothing is told by patients."
        )
    sensitivity = _sensitivity(result)
    if sensitivity[1]:
        page.heading("How much hangs on one patient?", 2)
        page.table(sensitivity)


def _fill_by_class(page: Any, result: AugmentationResult) -> None:
    page.heading("By class", 2)
    page.paragraph(
        "F1, sensitivity and precision are means over the folds that have the class. Differences "
        "of F1 are paired and of all folds together, so they need not be those of the means; their "
        "intervals are by patients, and hold for all classes of an arm together: one below 0 is a "
        "harm to that class."
    )
    page.table(_per_class(result))
    if any("calibration" in run for run in result.compared_runs):
        page.heading("Calibration", 2)
        page.paragraph("Mean distance of stated from observed probability; 0 is best.")
        page.table(_calibration(result))
    if result.worth:
        page.heading("What one synthetic row was worth", 2)
        page.paragraph("In real rows that had been held back; the interval is over folds.")
        page.table(_worth(result))
    page.heading("What was added", 2)
    page.table(_added(result))


def _fill_protocol(page: Any, result: AugmentationResult) -> None:
    protocol = result.protocol
    page.heading("Protocol", 2)
    shown = {name: value for name, value in protocol.items() if name not in ("arms", "settings")}
    page.items([f"{name.replace('_', ' ')}: {_flat(value)}" for name, value in shown.items()])
    page.paragraph("Arms:")
    page.items([f"{name}: {value}" for name, value in protocol["arms"].items()])
    asked = _flat(protocol.get("asked", list(protocol["arms"])[1:])) or "none"
    page.paragraph(
        "Intervals by folds: Nadeau and Bengio (2003), corrected for overlapping training sets. "
        "Intervals by patients: percentile bootstrap of patients, paired, widened by what repeats "
        "differ in and by what other training patients would change (the ratio of Nadeau and "
        "Bengio). Repeats with the same predictions count once. p after Holm over the arms that "
        f"are asked about: {asked}; others keep their own p. Every line names its place in the "
        "JSON file beside this page."
    )


def _scores(result: AugmentationResult) -> Table:
    place = {found["arm"]: k for k, found in enumerate(result.comparisons)}
    lines = []
    for line in result.table.reset_index().to_dict("records"):
        arm = line["arm"]
        found = result.comparisons[place[arm]] if arm in place else None
        interval = _signed(found["low"], found["high"]) if found else ""
        patients = _signed(*found["patients"][1:3]) if found and found["patients"] else ""
        is_baseline = arm == result.protocol["baseline"]
        difference = f"{line['difference']:+.3f}" if found else "baseline" * is_baseline
        p = _p(found["p_holm"]) if found else ""
        p += "" if not found or found.get("counted", True) else " (not adjusted)"
        source = f"comparisons[{place[arm]}]" if found else "runs"
        word = line["verdict"] if isinstance(line["verdict"], str) else ""
        if found and word == "helps" and found.get("harmed_classes"):
            word += f", but harms class {', '.join(found['harmed_classes'])}"
        score = _number(line["score"])
        lines.append([arm, score, difference, interval, patients, p, word, source])
    names = ["arm", "score", "difference", "95 % interval", "by patients", "p (Holm)", "verdict"]
    return [*names, "source"], lines


def _sensitivity(result: AugmentationResult) -> Table:
    """How much each difference hangs on a single patient."""
    lines = [
        [
            found["arm"],
            f"{found['patients'][0]:+.3f}",
            _signed(*found["without_a_patient"]),
            found["most_telling_patient"],
            f"comparisons[{place}]",
        ]
        for place, found in enumerate(result.comparisons)
        if found["without_a_patient"]
    ]
    names = ["arm", "difference, pooled", "without any one patient", "moved most by", "source"]
    return names, lines


def _per_class(result: AugmentationResult) -> Table:
    place = {found["arm"]: k for k, found in enumerate(result.comparisons)}
    lines = []
    for (arm, label), values in result.per_class.iterrows():  # pyright: ignore
        scores = [f"{values[name]:.3f}" for name in ("f1", "recall", "precision")]
        found = (result.comparisons[place[arm]]["f1_by_patients"] if arm in place else {}) or {}
        difference, low, high, _ = found.get(label, (None,) * 4)
        paired = ["", ""] if low is None else [f"{difference:+.3f}", _signed(low, high)]
        sources = f"runs[{_first(result, arm)}] ..., per_class"
        sources += f"; comparisons[{place[arm]}]" if paired[0] else ""
        lines.append([arm, label, *scores, *paired, sources])
    names = ["arm", "class", "F1", "sensitivity", "precision", "F1 difference", "by patients"]
    return [*names, "source"], lines


def _calibration(result: AugmentationResult) -> Table:
    calibrated: dict[str, list[float]] = {}
    for run in result.compared_runs:
        if "calibration" in run:
            calibrated.setdefault(run["arm"], []).append(run["calibration"]["ece"])
    lines = [
        [arm, f"{np.mean(v):.3f}", f"runs[{_first(result, arm)}] ..., calibration"]
        for arm, v in calibrated.items()
    ]
    return ["arm", "calibration error", "source"], lines


def _n_folds(result: AugmentationResult) -> int:
    return len({(run["repeat"], run["fold"]) for run in result.compared_runs})


def _first(result: AugmentationResult, arm: str) -> int | str:
    return next((k for k, run in enumerate(result.runs) if run["arm"] == arm), "")


def _worth(result: AugmentationResult) -> Table:
    lines = [
        [
            found["arm"],
            f"{found['n_synthetic']:.0f}",
            _rows_each(found),
            _worth_interval(found),
            f"worth[{place}]",
        ]
        for place, found in enumerate(result.worth)
    ]
    return ["arm", "synthetic rows", "real rows each", "95 % interval", "source"], lines


def _rows_each(found: Mapping[str, Any]) -> str:
    if np.isnan(found["value"]):
        return "no value: real rows did not help either"
    return f"{'at least ' if found['is_bound'] else ''}{found['value']:.3f}"


def _worth_interval(found: Mapping[str, Any]) -> str:
    """Return in words where a worth may lie."""
    low, high = found["low"], found["high"]
    if low <= 0 and np.isinf(high):
        return "anything: too few folds to say"
    if np.isinf(high):
        return f"at least {low:.3f}"
    return f"at most {high:.3f}" if low <= 0 else f"{low:.3f} to {high:.3f}"


def _added(result: AugmentationResult) -> Table:
    lines = []
    for arm in dict.fromkeys(run["arm"] for run in result.runs):
        of_arm = [(k, run) for k, run in enumerate(result.runs) if run["arm"] == arm]
        for label in of_arm[0][1]["added"]:
            n_added = np.mean([run["added"][label] for _, run in of_arm])
            methods = sorted({m for _, run in of_arm for m in run["methods"].get(label, [])})
            gated = [run["rejected"][label] for _, run in of_arm if label in run["rejected"]]
            refused = sum(sum(counts.values()) for counts in gated) if gated else ""
            places = f"runs[{of_arm[0][0]}] ..." if len(of_arm) > 1 else f"runs[{of_arm[0][0]}]"
            if n_added:
                lines.append([arm, label, f"{n_added:.0f}", ", ".join(methods), refused, places])
    return [
        "arm",
        "class",
        "rows added (mean)",
        "made by",
        "refused by the quality filter",
        "source",
    ], lines


def _forest(result: AugmentationResult) -> Figure:
    """Draw every arm's paired difference with its interval."""
    from matplotlib.figure import Figure

    height = 1 + 0.45 * max(len(result.comparisons), 1)
    figure = Figure(figsize=(7, height), layout="constrained")
    axes = figure.subplots()
    names = []
    for place, found in enumerate(reversed(result.comparisons)):
        colour = {"helps": "tab:green", "harms": "tab:red"}.get(
            found["verdict"].split(" ")[0], "tab:grey"
        )
        axes.plot([found["low"], found["high"]], [place, place], color=colour, lw=2)
        axes.plot([found["difference"]], [place], "o", color=colour)
        names.append(_shortened(plain(found["arm"])))
    axes.axvline(0, color="black", lw=0.8)
    # Names are no formulas, whatever signs they hold.
    axes.set_yticks(range(len(names)), names, parse_math=False)
    label = f"difference of {_shortened(plain(_score_name(result)))}, with 95 % interval"
    axes.set_xlabel(label, parse_math=False)
    return figure


def _shortened(text: str, most: int = 40) -> str:
    """Return the beginning of a text that is too long for a picture."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _score_name(result: AugmentationResult) -> str:
    name: str = result.protocol["scoring"]
    return "macro F1" if name == "f1_macro" else name.replace("_", " ")


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{n} {name}" for name, n in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "no value"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3g}"


def _signed(low: float, high: float) -> str:
    if np.isinf(low) and np.isinf(high):
        return "not known"
    return f"{low:+.3f} to {high:+.3f}"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
