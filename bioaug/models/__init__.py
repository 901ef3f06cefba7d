"""The registered generators. Adding one takes one new file in this folder."""

import importlib
import pkgutil

from bioaug.models.registry import available_models, get_model, register_model

__all__ = ["available_models", "get_model", "register_model"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
