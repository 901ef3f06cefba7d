"""The models that are known by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TypeVar

from bioaug.core.checks import check_option
from bioaug.exceptions import DataError
from bioaug.models.base import GenerativeModel

Model = TypeVar("Model", bound=type[GenerativeModel])

_MODELS: dict[str, type[GenerativeModel]] = {}


def register_model(model: Model) -> Model:
    """Make a model known by its `name`, as one of `available_models()`.

    The models of bioaug are registered when it is imported. A class of your own can be given to
    `Synthesizer` and `GANOversampler` as it is; it needs a registration to be asked for by name,
    in a saved file, in settings or on the command line.

    Parameters
    ----------
    model : type
        A subclass of `bioaug.models.base.GenerativeModel` with a `name` that no other class has.
        A class of the same module and qualified name takes the place of its earlier definition,
        as when the cell of a notebook is run again.

    Returns
    -------
    type
        `model` itself, so that this serves as a decorator.

    Raises
    ------
    DataError
        Where `model` is no such class, is abstract, or has the name of another class.

    Examples
    --------
    >>> from bioaug import available_models, get_model, register_model
    >>> register_model(get_model("dense")) is get_model("dense")
    True
    """
    owner = "register_model"
    is_model = isinstance(model, type) and issubclass(model, GenerativeModel)
    if not is_model or inspect.isabstract(model):
        raise DataError(
            f"The 'model' parameter of {owner} must be a subclass of GenerativeModel with all of "
            f"its abstract methods. Got {model!r:.100} instead."
        )
    name = model.name
    if not isinstance(name, str) or not name:
        raise DataError(
            f"The 'model' parameter of {owner} must have a text as its name. Got {name!r} in "
            f"{_path(model)}. Set it in the class body, such as name = {model.__name__.lower()!r}."
        )
    other = _MODELS.get(name, model)
    if (other.__module__, other.__qualname__) != (model.__module__, model.__qualname__):
        raise DataError(
            f"The 'model' parameter of {owner} must have a name that no other model has. Got "
            f"{name!r} of {_path(model)}, which is that of {_path(other)}. Set another name in the "
            "class body."
        )
    _MODELS[name] = model
    return model


def registered_models() -> Mapping[str, type[GenerativeModel]]:
    """Return the registered classes by name, as a copy of the registry."""
    return dict(_MODELS)


def available_models() -> list[str]:
    """Return the names of all registered models, sorted.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from bioaug import available_models
    >>> "biosgan" in available_models()
    True
    """
    return sorted(_MODELS)


def get_model(
    model: str | type[GenerativeModel], *, owner: str = "get_model"
) -> type[GenerativeModel]:
    """Return the class of a model.

    Parameters
    ----------
    model : str or type
        The name of a registered model, or a subclass of `bioaug.models.base.GenerativeModel`,
        which is returned as it is.
    owner : str, default="get_model"
        Whose parameter it is, for the error.

    Returns
    -------
    type
        A subclass of `GenerativeModel`.

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
    if isinstance(model, type) and issubclass(model, GenerativeModel):
        return model
    check_option(model, name="model", owner=owner, options=available_models())
    return _MODELS[model]


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
