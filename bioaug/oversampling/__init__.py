"""Growing the rare classes of a data set, by imbalanced-learn's contract."""

from bioaug.oversampling.classical import classical_methods
from bioaug.oversampling.sampler import GANOversampler

__all__ = ["GANOversampler", "classical_methods"]
