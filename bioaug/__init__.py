"""Deep generators of rare biosignals for scikit-learn, imbalanced-learn and torch."""

__version__ = "0.1.0"

from bioaug.models import available_models, get_model
from bioaug.samplers import GANOversampler
from bioaug.synthesizer import Synthesizer

__all__ = ["GANOversampler", "Synthesizer", "available_models", "get_model"]
