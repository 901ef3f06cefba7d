"""Warnings about synthetic rows that the quality filter refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioaug.oversampling._generate import Growth


def growth_warnings(label: Any, growth: Growth, cause: str | None = None) -> list[str]:
    """Return what a user should know of the rows of one class.

    Parameters
    ----------
    label : label
    growth : Growth
    cause : str, optional
        Why the model's rows are as they are, where that is known, such as other units.
    """
    owner, n = f"GANOversampler, class {label}", len(growth.provenance)
    is_kept = np.char.startswith(growth.provenance["status"], "kept")
    kept = (
        f"{int(is_kept.sum())} of {n} new rows were kept although the quality filter refused them, "
        "as no generator made better ones; see synthetic_provenance_"
    )
    reasons = [
        f"{name} failed the quality filter: {reason}" for name, reason in growth.failed.items()
    ]
    replaced = [name for name in growth.failed if name not in growth.methods]
    advice = cause or "Choose another model, or train for longer where one is trained."
    if growth.refused_least:
        used = " and ".join(growth.methods)
        return [
            f"{owner}: every generator failed the quality filter. {'; '.join(reasons)}. The rows "
            f"of {growth.refused_least} were refused least, so "
            f"the new rows come from {used}: {kept}."
        ]
    found = []
    if replaced:
        found.append(
            f"{owner}: {'; '.join(reasons)}. So the new rows come from "
            f"{', '.join(growth.methods)}. {advice}"
        )
    if is_kept.any():
        found.append(f"{owner}: {kept}.")
    return found
