"""Verdicts of all arms of a comparison together, and the sentence that sums them up."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from bioaug.comparison.records import ArmComparison, PairedDifference
from bioaug.statistics import Verdict, holm, verdict
from bioaug.statistics.verdicts import (
    HARMS,
    HELPS,
    INCONCLUSIVE,
    difference_in_words,
    metric_in_words,
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
    compared: Sequence[PairedDifference],
    metric: str,
    *,
    asked: Collection[str],
    plain: str,
    baseline: str,
    failed: Collection[str],
) -> list[ArmComparison]:
    """Return every comparison with its p-value after Holm and its verdict.

    P-values are adjusted for the arms that somebody asks about. Controls, the oracle and copies
    of real rows, keep their own; so does `plain`, the arm that does nothing, but where an arm
    that is asked about is the baseline.
    """
    wanted = {*asked, *([plain] if baseline in asked else [])} - set(failed)
    counted = [one.arm for one in compared if one.arm in wanted]
    p_values = [one.difference.p for one in compared if one.arm in wanted]
    adjusted = dict(zip(counted, holm(p_values).tolist() if counted else [], strict=True))
    judged = []
    for one in compared:
        p = adjusted.get(one.arm, one.difference.p)
        outcome = Verdict(FAILED, f"{FAILED}: not in all folds, so there is no verdict")
        if one.arm not in failed:
            outcome = _verdict(one, p, metric)
        judged.append(
            ArmComparison(**vars(one), is_counted=one.arm in adjusted, p_holm=p, verdict=outcome)
        )
    return judged


def _verdict(one: PairedDifference, p: float, metric: str) -> Verdict:
    interval, n_patients = one.difference, one.n_patients
    if math.isnan(interval.value):
        return Verdict(
            INCONCLUSIVE, f"{INCONCLUSIVE}: {metric_in_words(metric)} has no value in any fold"
        )
    said = difference_in_words(interval, p=p, n_patients=n_patients, metric=metric)
    if one.n_trainings == 1:
        why = ONCE if one.n_repeats == 1 else SAME
        return Verdict(
            INCONCLUSIVE, f"{INCONCLUSIVE}: no reason to use or to avoid it, {said}; {why}"
        )
    overall = verdict(interval, p=p, n_patients=n_patients, metric=metric)
    harmed = one.harmed_classes
    if not harmed:
        return overall
    outcome = f"{HARMS_CLASS} {', '.join(harmed)}"
    parts = "; ".join(_of_class(label, one) for label in harmed)
    if overall.outcome == HARMS:
        return Verdict(HARMS, f"{overall.text}; it {outcome}, {parts}")
    these = "this class counts" if len(harmed) == 1 else "these classes count"
    if overall.outcome == HELPS:
        return Verdict(
            HELPS, f"{overall.text}; but {outcome}: do not use it where {these}, {parts}"
        )
    whole = f"over all classes, {overall.outcome}: {said}"
    return Verdict(outcome, f"{outcome}: do not use it where {these}, {parts}; {whole}")


def _of_class(label: str, one: PairedDifference) -> str:
    of_class = one.per_class[label]
    interval = replace(of_class.interval, confidence=round(of_class.interval.confidence, 4))
    return difference_in_words(
        interval, p=interval.p, n_patients=of_class.n_patients, metric=f"f1:{label}"
    )


def headline(
    baseline: str,
    compared: Sequence[ArmComparison],
    n_patients: int,
    controls: Collection[str],
    failed: Collection[str],
) -> str:
    """Return what to do, on how many patients, in one or two sentences."""
    candidates = [one for one in compared if one.arm not in controls]
    on = f"on {n_patients} patient{'s' * (n_patients != 1)}"
    if not candidates:
        return f"Nothing to decide: {on} no arm was compared with {baseline!r}."
    helping = [one for one in candidates if one.verdict.outcome == HELPS]
    helping.sort(key=lambda one: one.difference.value, reverse=True)
    if helping:
        said = helping[0].verdict.text.partition(", ")[2]
        sentences = [f"Use {helping[0].arm!r} rather than {baseline!r}: {said}."]
        if helping[1:]:
            others = ", ".join(repr(one.arm) for one in helping[1:])
            sentences.append(f"Shown to help, too: {others}.")
    else:
        sentences = [f"Stay with {baseline!r}: {on} no other arm was shown to help."]
    harming = [one for one in candidates if one.verdict.outcome.startswith(HARMS)]
    sentences += [f"{one.arm!r} {one.verdict.outcome}." for one in harming]
    sentences += [
        f"{one.arm!r} {HARMS_CLASS} {', '.join(one.harmed_classes)}."
        for one in helping[1:]
        if one.harmed_classes
    ]
    n_open = sum(one.verdict.outcome == INCONCLUSIVE for one in candidates)
    if n_open:
        are = "is" if n_open == 1 else "are"
        sentences.append(f"{n_open} of {len(candidates)} arms {are} inconclusive.")
    if failed:
        sentences.append(f"Failed: {', '.join(map(repr, failed))}.")
    return " ".join(sentences)
