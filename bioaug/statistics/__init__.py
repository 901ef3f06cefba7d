"""Patient-level comparison of two classifiers: intervals, p-values, verdicts."""

from bioaug.statistics._paired import PairedScores, count_distinct
from bioaug.statistics._resampling import Interval, Repeats
from bioaug.statistics.equivalence import Worth, worth, worth_interval
from bioaug.statistics.intervals import (
    corrected_interval,
    leave_one_patient_out,
    patient_bootstrap,
)
from bioaug.statistics.per_class import calibration_error, per_class_scores
from bioaug.statistics.verdicts import Verdict, holm, patients_needed, verdict

__all__ = [
    "Interval",
    "PairedScores",
    "Repeats",
    "Verdict",
    "Worth",
    "calibration_error",
    "corrected_interval",
    "count_distinct",
    "holm",
    "leave_one_patient_out",
    "patient_bootstrap",
    "patients_needed",
    "per_class_scores",
    "verdict",
    "worth",
    "worth_interval",
]
