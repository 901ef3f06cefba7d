"""Verdicts of all arms of a comparison together, and the sentence that sums them up."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from bioaug.statistics._resampling import Interval
from bioaug.statistics.verdicts import (
    HARMS,
    HELPS,
    INCONCLUSIVE,
    difference_in_words,
    holm,
    metric_in_words,
    verdict,
)

HARMS_CLASS, FAILED = "harms class", "failed"
ONCE = (
    "each was trained once, which does not show what augmentation did and what the seed did: give "
    "n_repeats=5"
)
SAME = (
    "all repeats predicted the same, so each was trained once, which does not show what "
    "augmentation did and what the choice of training rows did: give cv=5, folds that train on "
    "different rows"
)


def judge(
    compared: list[dict[str, Any]],
    metric: str,
    *,
    asked: Collection[str],
    plain: str,
    baseline: str,
    failed: Collection[str],
) -> None:
    """Write p after Holm, the verdict and its sentence into every comparison.

    P-values are adjusted for the arms that somebody asks about. Controls, the oracle and copies
    of real rows, keep their own; so does `plain`, the arm that does nothing, but where an arm
    that is asked about is the baseline.
    """
    wanted = {*asked, *([plain] if baseline in asked else [])}
    for found in compared:
        found["counted"] = found["arm"] in wanted and found["arm"] not in failed
    counted = [found for found in compared if found["counted"]]
    adjusted = holm([found["p"] for found in counted]).tolist() if counted else []
    for found in compared:
        found["p_holm"] = adjusted.pop(0) if found["counted"] else found["p"]
        found["harmed_classes"] = _harmed_classes(found)
        word, text = _word(found, metric)
        if found["arm"] in failed:
            word, text = FAILED, f"{FAILED}: not in all folds, so there is no verdict"
        found |= {"verdict": word, "text": text}


def _word(found: dict[str, Any], metric: str) -> tuple[str, str]:
    interval = Interval(
        found["difference"], found["low"], found["high"], found["p"], limited_by=found["limited_by"]
    )
    p, n_patients = found["p_holm"], found["n_patients"]
    if math.isnan(interval.value):
        return INCONCLUSIVE, f"{INCONCLUSIVE}: {metric_in_words(metric)} has no value in any fold"
    said = difference_in_words(interval, p=p, n_patients=n_patients, metric=metric)
    if found["n_trainings"] == 1:
        why = ONCE if found["n_repeats"] == 1 else SAME
        return INCONCLUSIVE, f"{INCONCLUSIVE}: no reason to use or to avoid it, {said}; {why}"
    told = verdict(interval, p=p, n_patients=n_patients, metric=metric)
    harmed = found["harmed_classes"]
    if not harmed or told.outcome == HARMS:
        return told.outcome, told.text
    word = f"{HARMS_CLASS} {', '.join(harmed)}"
    these = "this class counts" if len(harmed) == 1 else "these classes count"
    parts = "; ".join(_of_class(label, found) for label in harmed)
    if told.outcome == HELPS:
        return HELPS, f"{told.text}; but {word}: do not use it where {these}, {parts}"
    whole = f"over all classes, {told.outcome}: {said}"
    return word, f"{word}: do not use it where {these}, {parts}; {whole}"


def _of_class(label: str, found: dict[str, Any]) -> str:
    value, low, high, p = found["f1_by_patients"][label]
    confidence = 1 - 0.05 / len(found["f1_by_patients"])
    interval = Interval(value, low, high, p, round(confidence, 4))
    n_patients = found["patients_of_class"][label]
    return difference_in_words(interval, p=p, n_patients=n_patients, metric=f"f1:{label}")


def _harmed_classes(found: dict[str, Any]) -> list[str]:
    """Return the classes whose interval, all classes together, lies below 0."""
    if found["n_trainings"] == 1:
        return []
    of_class = found.get("f1_by_patients") or {}
    return [label for label, (_, _, high, _) in of_class.items() if high < 0]


def headline(
    baseline: str, compared: list[dict[str, Any]], n_patients: int, controls: Collection[str]
) -> str:
    """Return what to do, on how many patients, in one or two sentences."""
    candidates = [found for found in compared if found["arm"] not in controls]
    on = f"on {n_patients} patient{'s' * (n_patients != 1)}"
    if not candidates:
        return f"Nothing to decide: {on} no arm was compared with {baseline!r}."
    helping = [found for found in candidates if found["verdict"] == HELPS]
    helping.sort(key=lambda found: found["difference"], reverse=True)
    if helping:
        said = helping[0]["text"].partition(", ")[2]
        text = f"Use {helping[0]['arm']!r} rather than {baseline!r}: {said}."
        others = ", ".join(repr(found["arm"]) for found in helping[1:])
        text += f" Shown to help, too: {others}." if others else ""
    else:
        text = f"Stay with {baseline!r}: {on} no other arm was shown to help."
    for found in candidates:
        if found["verdict"].startswith(HARMS):
            text += f" {found['arm']!r} {found['verdict']}."
    for found in helping[1:]:
        if found.get("harmed_classes"):
            text += f" {found['arm']!r} {HARMS_CLASS} {', '.join(found['harmed_classes'])}."
    n_open = sum(found["verdict"] == INCONCLUSIVE for found in candidates)
    if n_open:
        are = "is" if n_open == 1 else "are"
        text += f" {n_open} of {len(candidates)} arms {are} inconclusive."
    return text
