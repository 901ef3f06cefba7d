"""Deep generators of rare biosignals for scikit-learn, imbalanced-learn and torch."""

from bioaug._version import __version__
from bioaug.models import available_models, get_model
from bioaug.samplers import GANOversampler
from bioaug.synthesizer import Synthesizer
from bioaug.torch_datasets import (
    AugmentedDataset,
    MixOnDevice,
    SyntheticBatches,
    SyntheticDataset,
)

__all__ = [
    "AugmentedDataset",
    "GANOversampler",
    "MixOnDevice",
    "Synthesizer",
    "SyntheticBatches",
    "SyntheticDataset",
    "__version__",
    "available_models",
    "get_model",
]
