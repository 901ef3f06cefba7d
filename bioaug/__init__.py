"""Deep generators of rare biosignals for scikit-learn, imbalanced-learn and torch."""

from bioaug._version import __version__
from bioaug.comparison import AugmentationResult
from bioaug.model_selection import cross_validate_augmentation
from bioaug.models import available_models, get_model
from bioaug.report import write_report
from bioaug.samplers import GANOversampler
from bioaug.synthesizer import Synthesizer
from bioaug.torch_datasets import (
    AugmentedDataset,
    MixOnDevice,
    SyntheticBatches,
    SyntheticDataset,
)

__all__ = [
    "AugmentationResult",
    "AugmentedDataset",
    "GANOversampler",
    "MixOnDevice",
    "Synthesizer",
    "SyntheticBatches",
    "SyntheticDataset",
    "__version__",
    "available_models",
    "cross_validate_augmentation",
    "get_model",
    "write_report",
]
