"""Scores of synthetic signals, each with the value that real signals get among themselves."""

from bioaug.metrics.base.score import Null, Score
from bioaug.metrics.biosignal.distances import (
    ecg_distance,
    ecg_features,
    eeg_distance,
    eeg_features,
)
from bioaug.metrics.catalogue import CATALOGUE
from bioaug.metrics.evaluation import evaluate
from bioaug.metrics.fidelity.coherence import CoherenceMap, coherence_map, wavelet_coherence
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
from bioaug.metrics.privacy.verdict import PrivacyFinding, PrivacyVerdict, privacy_verdict
from bioaug.metrics.result import Evaluation
from bioaug.metrics.scorers import get_scorer, get_scorer_names
from bioaug.metrics.utility.classification import (
    train_on_real_test_on_synthetic,
    train_on_synthetic_test_on_real,
)
from bioaug.metrics.utility.forecasting import predictive_score

__all__ = [
    "CoherenceMap",
    "Evaluation",
    "Null",
    "PrivacyFinding",
    "PrivacyVerdict",
    "Score",
    "authenticity",
    "coherence_map",
    "coverage",
    "data_copying",
    "density",
    "discriminative_score",
    "disguised_copies",
    "distance_to_closest_record",
    "diversity",
    "ecg_distance",
    "ecg_features",
    "eeg_distance",
    "eeg_features",
    "evaluate",
    "frechet_distance",
    "get_scorer",
    "get_scorer_names",
    "identifiability",
    "inception_score",
    "membership_inference",
    "mmd",
    "precision",
    "predictive_score",
    "privacy_verdict",
    "recall",
    "sample_distance",
    "spectrum_distance",
    "train_on_real_test_on_synthetic",
    "train_on_synthetic_test_on_real",
    "wavelet_coherence",
]
for _entry in CATALOGUE.values():  # a score that has no import above, too
    _name = _entry.function.__name__
    globals().setdefault(_name, _entry.function)
    if _name not in __all__:
        __all__.append(_name)  # pyright: ignore[reportUnsupportedDunderAll]
