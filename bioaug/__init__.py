"""Deep generators of rare biosignals for scikit-learn, imbalanced-learn and torch."""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from bioaug._version import __version__

if TYPE_CHECKING:
    from bioaug.comparison import AugmentationResult, cross_validate_augmentation, write_report
    from bioaug.models import available_models, get_model, register_model
    from bioaug.oversampling import GANOversampler
    from bioaug.synthesis import Synthesizer
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
    "register_model",
    "write_report",
]
_HOMES = {
    "AugmentationResult": "comparison",
    "AugmentedDataset": "torch_datasets",
    "GANOversampler": "oversampling",
    "MixOnDevice": "torch_datasets",
    "Synthesizer": "synthesis",
    "SyntheticBatches": "torch_datasets",
    "SyntheticDataset": "torch_datasets",
    "available_models": "models",
    "cross_validate_augmentation": "comparison",
    "get_model": "models",
    "register_model": "models",
    "write_report": "comparison",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, since torch and scikit-learn take seconds to import."""
    if name in _HOMES:
        value = getattr(import_module(f"bioaug.{_HOMES[name]}"), name)
    elif name.startswith("_") or find_spec(f"bioaug.{name}") is None:
        raise AttributeError(f"module 'bioaug' has no attribute {name!r}")
    else:
        value = import_module(f"bioaug.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    folders = (module.name for module in iter_modules(__path__))
    return sorted({*__all__, *(name for name in folders if not name.startswith("_"))})
