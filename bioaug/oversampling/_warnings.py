"""Warnings about synthetic rows that the quality filter refused, or did not judge."""

from __future__ import annotations

import numpy as np

from bioaug.oversampling._generate import ClassRows
from bioaug.oversampling._model import OWNER, Label
from bioaug.oversampling.quality_filter import MAX_OPS


def not_judged_warning(label: Label, n_operations: int) -> str:
    """Return what a user should know where "auto" skips the quality filter of a large class."""
    return (
        f"{OWNER}, class {label}: the new rows are not judged by the quality filter, which "
        f"'quality_filter=\"auto\"' leaves out where it takes more than {MAX_OPS:.0e} "
        f"multiplications. Got {n_operations:.1e}. Copies of real rows are not detected. Set "
        "quality_filter=True to judge all rows, or False to do without."
    )


def class_warnings(rows: ClassRows, unit_mismatch: str | None = None) -> list[str]:
    """Return what a user should know of the new rows of one class.

    Parameters
    ----------
    rows : ClassRows
    unit_mismatch : str, optional
        How the real rows differ in scale from those that the model was trained on.
    """
    owner, n = f"{OWNER}, class {rows.label}", len(rows.provenance)
    is_kept = np.char.startswith(rows.provenance["status"], "kept")
    kept = (
        f"{int(is_kept.sum())} of {n} new rows were kept although the quality filter refused them, "
        "as no generator made better ones; see synthetic_provenance_"
    )
    reasons = "; ".join(
        f"{name} failed the quality filter: {reason}" for name, reason in rows.failed.items()
    )
    if rows.least_refused:
        used = " and ".join(rows.generator_names)
        return [
            f"{owner}: every generator failed the quality filter. {reasons}. The rows of "
            f"{rows.least_refused} were refused least, so the new rows come from {used}: {kept}."
        ]
    messages = []
    if any(name not in rows.generator_names for name in rows.failed):
        advice = "Choose another model, or train for longer where one is trained."
        if unit_mismatch:
            advice = f"Likely, as the {unit_mismatch}."
        used = ", ".join(rows.generator_names)
        messages.append(f"{owner}: {reasons}. So the new rows come from {used}. {advice}")
    if is_kept.any():
        messages.append(f"{owner}: {kept}.")
    return messages
