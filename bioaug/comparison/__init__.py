"""Does augmentation help on unseen patients? Arms, verdicts and reports."""

from bioaug.comparison.cross_validation import cross_validate_augmentation
from bioaug.comparison.records import (
    ArmComparison,
    ArmWorth,
    Calibration,
    ClassDifference,
    ClassScores,
    Failure,
    LeaveOneOut,
    PairedDifference,
    Predictions,
    Protocol,
    Run,
)
from bioaug.comparison.report import write_report
from bioaug.comparison.result import AugmentationResult
from bioaug.comparison.scoring import SCORINGS

__all__ = [
    "SCORINGS",
    "ArmComparison",
    "ArmWorth",
    "AugmentationResult",
    "Calibration",
    "ClassDifference",
    "ClassScores",
    "Failure",
    "LeaveOneOut",
    "PairedDifference",
    "Predictions",
    "Protocol",
    "Run",
    "cross_validate_augmentation",
    "write_report",
]
