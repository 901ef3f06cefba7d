"""Values as text that is the same in every process, and another where the value is another."""

from __future__ import annotations

import hashlib
import re
import warnings
from functools import partial
from types import CellType, CodeType
from typing import Any

import numpy as np

_ADDRESS = re.compile(" at 0x[0-9a-fA-F]+")
_OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__", "__closure__", "__self__")


def identity(value: Any, inside: tuple[int, ...] = ()) -> str:
    """Return a value as text that is the same in every process, and tells it from others.

    Functions are told apart by their names and their code, but not by what they call; estimators by
    their parameters; objects whose repr is an address by their attributes. Where there is nothing
    to tell by, a UserWarning says so, and the text is that of this process.

    Parameters
    ----------
    value : object
    inside : tuple of int
        The ids of the objects that hold this one, for some hold themselves.
    """
    if id(value) in inside:
        return f"holder {inside.index(id(value))}"
    part = partial(identity, inside=(*inside, id(value)))
    kind = name_of(type(value))
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            return f"{kind} {part(value.tolist())}"
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, list | tuple):
        return f"{kind} [{', '.join(map(part, value))}]"
    if isinstance(value, set | frozenset):
        return f"{kind} [{', '.join(sorted(map(part, value)))}]"
    if isinstance(value, dict):
        items = sorted(f"{part(key)}: {part(item)}" for key, item in value.items())
        return f"{kind} [{', '.join(items)}]"
    if isinstance(value, CodeType):
        return part([value.co_code, value.co_names, value.co_consts])
    if isinstance(value, partial):
        return f"{kind} {part([value.func, value.args, value.keywords])}"
    if hasattr(value, "__qualname__"):
        found = part([getattr(value, name, None) for name in _OF_FUNCTIONS])
        return f"{name_of(value)} {hashlib.sha256(found.encode()).hexdigest()}"
    if hasattr(value, "get_params"):
        return f"{kind} {part(value.get_params(deep=False))}"
    text = repr(value)
    if isinstance(value, CellType):  # what a closure holds
        return "empty" if text.endswith("empty>") else part(value.cell_contents)
    if not _ADDRESS.search(text):
        return text
    state = value.__getstate__()
    if state is None and not hasattr(value, "__dict__"):
        warnings.warn(
            f"A value of {kind} cannot be told from others in another process: stored runs that "
            "depend on it are not found again. Give its class a __repr__ that says what it holds.",
            UserWarning,
            stacklevel=2,
        )
        return text
    return f"{kind} {part(state)}"


def name_of(value: Any) -> str:
    """Return the full name of a function or class."""
    return f"{getattr(value, '__module__', None)}.{value.__qualname__}"
