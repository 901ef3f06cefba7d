"""Does augmentation help on unseen patients? Arms, verdicts and reports."""

from bioaug.comparison._scoring import SCORINGS
from bioaug.comparison.cross_validation import cross_validate_augmentation
from bioaug.comparison.report import write_report
from bioaug.comparison.result import AugmentationResult

__all__ = ["SCORINGS", "AugmentationResult", "cross_validate_augmentation", "write_report"]
