"""Limits on the size of a model that a file asks for, by the size of the file's weights."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module as torch_module

MIN_VALUES, MIN_MODULES = 2**20, 1000  # that every model may have, however small its file


@contextmanager
def bounded_size(weights: Mapping[str, Tensor], model_params: Any) -> Iterator[None]:
    """Raise a ValueError where this thread builds a model far larger than its weights.

    It raises while the model is built, so that a billion layers are not begun; whether a model fits
    its weights exactly is checked when it is built.
    """
    n_values = MIN_VALUES + 2 * sum(tensor.numel() for tensor in weights.values())
    n_tensors, n_modules = MIN_MODULES + 2 * len(weights), MIN_MODULES + 20 * len(weights)
    _check_sizes(model_params, n_values, n_tensors)
    thread, left = threading.get_ident(), [n_tensors, n_values, n_modules]

    def count(module: torch.nn.Module, name: str, registered: Any) -> None:
        if threading.get_ident() != thread:
            return
        if isinstance(registered, Tensor):
            left[0] -= 1
            left[1] -= registered.numel()
        else:
            left[2] -= 1
        if min(left) < 0:
            raise ValueError(f"weights: the model of these parameters has more, such as {name!r}")

    hooks = (
        torch_module.register_module_parameter_registration_hook(count),
        torch_module.register_module_buffer_registration_hook(count),
        torch_module.register_module_module_registration_hook(count),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _check_sizes(value: Any, max_value: int, max_length: int) -> None:
    """Raise a ValueError for numbers and lists that no model of these weights was built with."""
    if isinstance(value, int | float) and abs(value) > max_value:
        raise ValueError(f"model_params: {value!r:.50} is out of proportion to the weights")
    if isinstance(value, list) and len(value) > max_length:
        raise ValueError(f"model_params: a list of {len(value)} values")
    inner: Any = value.values() if isinstance(value, dict) else value
    for part in inner if isinstance(value, dict | list) else ():
        _check_sizes(part, max_value, max_length)
