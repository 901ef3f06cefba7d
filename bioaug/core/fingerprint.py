"""Stable fingerprints of arrays, settings and functions, by which a stored run is found again.

They are computed from what a value says of itself, never by pickling: the same in every process
and on every machine, and others where the value is another.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CellType, CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.checkpoint_folder import CONFIG, has_checkpoint
from bioaug.core.user_warnings import warn_user

_ADDRESS = re.compile(" at 0x[0-9a-fA-F]+")
_OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__", "__closure__", "__self__")


def array_digest(*arrays: NDArray) -> str:
    """Return a SHA-256 of the values, shapes and dtypes of arrays; text has no dtype.

    Not `joblib.hash`, which is an MD5 and pickles arrays of objects.
    """
    digest = hashlib.sha256()
    for array in arrays:
        if array.dtype.kind in "OU":
            values = array.tolist()
            is_text = array.ndim == 1 and all(isinstance(value, str) for value in values)
            digest.update((repr(values) if is_text else stable_repr(values)).encode())
        else:
            digest.update(f"{array.dtype} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def text_digest(*values: object) -> str:
    """Return a SHA-256 of what the values' repr says."""
    return hashlib.sha256(repr(values).encode()).hexdigest()


def source_digest(*classes: type) -> str | None:
    """Return a SHA-256 of the source of classes; None where one has none, as at a prompt.

    Changes of what the classes call are not seen.
    """
    try:
        source = "".join(map(inspect.getsource, classes))
    except (OSError, TypeError):
        return None
    return text_digest(source)


def estimator_repr(estimator: Any) -> str:
    """Return an estimator and all its parameters as text.

    A parameter that is the path of a saved model stands there with a digest of the model, for
    another one may lie there later.
    """
    has_params = hasattr(estimator, "get_params")
    params = estimator.get_params(deep=True) if has_params else vars(estimator)
    kind = type(estimator)
    values = sorted((name, _parameter_repr(value)) for name, value in params.items())
    return repr((kind.__module__, kind.__qualname__, values))


def _parameter_repr(value: Any) -> str:
    if isinstance(value, str | Path) and has_checkpoint(value):
        config = Path(value).expanduser() / CONFIG
        return f"{value} {hashlib.sha256(config.read_bytes()).hexdigest()}"
    return stable_repr(value)


def stable_repr(value: Any, holders: tuple[int, ...] = ()) -> str:
    """Return a value as text that is the same in every process, and tells it from others.

    Functions differ by their names and their code, but not by what they call; estimators by their
    parameters; objects whose repr is an address by their attributes. Where there is nothing to
    tell by, a UserWarning says so, and the text is that of this process.

    Parameters
    ----------
    value : object
    holders : tuple of int
        The ids of the objects that hold this one, for some hold themselves.
    """
    if id(value) in holders:
        return f"holder {holders.index(id(value))}"
    part = partial(stable_repr, holders=(*holders, id(value)))
    kind = qualified_name(type(value))
    if isinstance(value, np.ndarray):
        return f"{kind} {array_digest(value)}"
    if isinstance(value, list | tuple | set | frozenset | dict):
        return f"{kind} [{', '.join(_items(value, part))}]"
    if isinstance(value, CodeType):
        return part([value.co_code, value.co_names, value.co_consts])
    if isinstance(value, partial):
        return f"{kind} {part([value.func, value.args, value.keywords])}"
    if hasattr(value, "__qualname__"):
        code = part([getattr(value, name, None) for name in _OF_FUNCTIONS])
        return f"{qualified_name(value)} {text_digest(code)}"
    if hasattr(value, "get_params"):
        return f"{kind} {part(value.get_params(deep=False))}"
    return _object_repr(value, kind, part)


def _items(value: Any, part: Callable[[Any], str]) -> list[str]:
    if isinstance(value, dict):
        return sorted(f"{part(key)}: {part(item)}" for key, item in value.items())
    texts = [part(item) for item in value]
    return texts if isinstance(value, list | tuple) else sorted(texts)


def _object_repr(value: Any, kind: str, part: Callable[[Any], str]) -> str:
    text = repr(value)
    if isinstance(value, CellType):  # what a closure holds
        return "empty" if text.endswith("empty>") else part(value.cell_contents)
    if not _ADDRESS.search(text):
        return text
    state = value.__getstate__()
    if state is None and not hasattr(value, "__dict__"):
        warn_user(
            f"A value of {kind} cannot be told from others in another process: stored runs that "
            "depend on it are not found again. Give its class a __repr__ that says what it holds."
        )
        return text
    return f"{kind} {part(state)}"


def qualified_name(value: Any) -> str:
    """Return the full name of a function or class."""
    return f"{getattr(value, '__module__', None)}.{value.__qualname__}"
