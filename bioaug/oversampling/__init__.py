"""Oversampling of rare classes, by imbalanced-learn's contract."""

from bioaug.oversampling.classical import classical_methods
from bioaug.oversampling.quality_filter import QualityFilter
from bioaug.oversampling.sampler import GANOversampler

__all__ = ["GANOversampler", "QualityFilter", "classical_methods"]
