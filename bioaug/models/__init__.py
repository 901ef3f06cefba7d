"""The registered generators. Adding one takes one new file in this folder."""

from __future__ import annotations

import importlib
import pkgutil

from bioaug.core.checks import check_option
from bioaug.models.base import GenerativeModel, registered_models

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def available_models() -> list[str]:
    """Return the names of all registered models, sorted.

    Examples
    --------
    >>> from bioaug import available_models
    >>> "biosgan" in available_models()
    True
    """
    return sorted(registered_models())


def get_model(name: str, *, owner: str = "get_model") -> type[GenerativeModel]:
    """Return the class of a registered model.

    Raises
    ------
    DataError
        Where no model has this name; the nearest one is suggested.

    Examples
    --------
    >>> from bioaug import get_model
    >>> get_model("biosgan").__name__
    'BioSGAN'
    """
    check_option(name, name="model", owner=owner, options=available_models())
    return registered_models()[name]
