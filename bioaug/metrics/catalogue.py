"""Catalogue of all scores: what each needs, and its tier in `evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bioaug.metrics.base.score import Score
from bioaug.metrics.biosignal.distances import ecg_distance, eeg_distance
from bioaug.metrics.fidelity.coherence import wavelet_coherence
from bioaug.metrics.fidelity.discriminative import discriminative_score
from bioaug.metrics.fidelity.frechet import frechet_distance
from bioaug.metrics.fidelity.inception import inception_score
from bioaug.metrics.fidelity.mmd import mmd
from bioaug.metrics.fidelity.neighbours import coverage, density, precision, recall
from bioaug.metrics.fidelity.spectra import spectrum_distance
from bioaug.metrics.fidelity.spread import diversity, sample_distance
from bioaug.metrics.privacy.copying import data_copying
from bioaug.metrics.privacy.disguises import disguised_copies
from bioaug.metrics.privacy.membership import membership_inference
from bioaug.metrics.privacy.records import authenticity, distance_to_closest_record, identifiability
from bioaug.metrics.utility.classification import (
    train_on_real_test_on_synthetic,
    train_on_synthetic_test_on_real,
)
from bioaug.metrics.utility.forecasting import predictive_score

Kind = Literal["fidelity", "utility", "privacy", "biosignal"]


@dataclass(frozen=True)
class Entry:
    """One score.

    Attributes
    ----------
    function : callable (X_real, X_synthetic, ...) -> Score
    kind : {"fidelity", "utility", "privacy", "biosignal"}
        Privacy scores compare with the training rows, the others with held-out rows.
    fast : bool
        Whether it belongs to the tier "fast".
    needs : frozenset of {"labels", "holdout", "sampling_rate"}
    takes : frozenset of {"groups_real", "groups_holdout", "holdout", "test", "sampling_rate"}
        What it can use beside.
    quick : mapping
        Settings that the tier "fast" changes.
    """

    function: Callable[..., Score]
    kind: Kind
    fast: bool = True
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    quick: Mapping[str, Any] = field(default_factory=dict)

    @property
    def on_train(self) -> bool:
        """Whether the real rows of the score are the generator's training rows."""
        return self.kind == "privacy" or "test" in self.takes


_LABELS, _HOLDOUT = frozenset({"labels"}), frozenset({"holdout"})
_RATE = frozenset({"sampling_rate"})
_PATIENTS = frozenset({"groups_real"})  # by which the null is drawn
_TEST = frozenset({"test"}) | _PATIENTS
_GROUPS = _PATIENTS | {"groups_holdout"}

CATALOGUE: dict[str, Entry] = {
    "mmd": Entry(mmd, "fidelity", takes=_PATIENTS),
    "discriminative": Entry(
        discriminative_score, "fidelity", takes=_PATIENTS, quick={"n_null": 8, "n_folds": 3}
    ),
    "frechet": Entry(frechet_distance, "fidelity", takes=_PATIENTS),
    "precision": Entry(precision, "fidelity", takes=_PATIENTS),
    "recall": Entry(recall, "fidelity", takes=_PATIENTS),
    "density": Entry(density, "fidelity", takes=_PATIENTS),
    "coverage": Entry(coverage, "fidelity", takes=_PATIENTS),
    "spectrum": Entry(spectrum_distance, "fidelity", takes=_RATE | _PATIENTS),
    "wavelet_coherence": Entry(wavelet_coherence, "fidelity", fast=False, takes=_RATE | _PATIENTS),
    "inception": Entry(
        inception_score, "fidelity", needs=_LABELS, takes=_PATIENTS, quick={"n_null": 8}
    ),
    "sample_distance": Entry(sample_distance, "fidelity", takes=_PATIENTS),
    "diversity": Entry(diversity, "fidelity", takes=_PATIENTS),
    "predictive": Entry(predictive_score, "utility", fast=False, takes=_PATIENTS),
    "tstr": Entry(train_on_synthetic_test_on_real, "utility", needs=_LABELS, takes=_TEST),
    "trts": Entry(train_on_real_test_on_synthetic, "utility", needs=_LABELS, takes=_TEST),
    "identifiability": Entry(identifiability, "privacy"),
    "authenticity": Entry(authenticity, "privacy"),
    "closest_record": Entry(distance_to_closest_record, "privacy", needs=_HOLDOUT, takes=_GROUPS),
    "data_copying": Entry(data_copying, "privacy", needs=_HOLDOUT, takes=_GROUPS),
    "membership": Entry(membership_inference, "privacy", needs=_HOLDOUT, takes=_GROUPS),
    "disguised_copies": Entry(  # in the privacy verdict of every tier
        disguised_copies, "privacy", fast=False, takes=_GROUPS | _HOLDOUT
    ),
    "ecg": Entry(ecg_distance, "biosignal", needs=_RATE, takes=_PATIENTS),
    "eeg": Entry(eeg_distance, "biosignal", needs=_RATE, takes=_PATIENTS),
}


def names_of_tier(tier: str, *, privacy: bool = True) -> list[str]:
    """Return the names of a tier's scores, with or without those of privacy."""
    return [
        name
        for name, entry in CATALOGUE.items()
        if (entry.fast or tier == "full")
        and entry.kind != "biosignal"
        and (privacy or entry.kind != "privacy")
    ]
