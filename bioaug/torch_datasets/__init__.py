"""Synthetic signals for torch's DataLoader, generated while it runs."""

from bioaug.torch_datasets.augmented import AugmentedDataset
from bioaug.torch_datasets.mixing import MixOnDevice
from bioaug.torch_datasets.synthetic import SyntheticBatches, SyntheticDataset

__all__ = ["AugmentedDataset", "MixOnDevice", "SyntheticBatches", "SyntheticDataset"]
