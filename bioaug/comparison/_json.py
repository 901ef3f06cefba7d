"""Frozen records to JSON and back, every entry checked against its declared type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
Count = Annotated[int, "at least 0"]

LONGEST = 10_000  # characters of a text
MOST = 2**53  # up to which whole numbers are exact
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_plain(value: Any) -> Any:
    """Return a record as dicts, lists, texts and finite numbers; others as "NaN" and "Infinity"."""
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in _stored(type(value))}
    if isinstance(value, Mapping):
        return {str(name): to_plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def from_plain(kind: type[Record], value: Any, where: str) -> Record:
    """Return the record that `to_plain` made this of.

    Raises
    ------
    ValueError
        Where an entry is missing, unknown or not of the type that the record declares; the text
        names it.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where} is missing or has no fields")
    hints, names = _hints(kind), [f.name for f in _stored(kind)]
    for name in names:
        if name not in value:
            raise ValueError(f"{where} lacks {name!r}")
    for name in value:
        if name not in names:
            raise ValueError(f"{where} has an unknown entry {str(name)[:80]!r}")
    return kind(**{name: _typed(hints[name], value[name], f"{where}.{name}") for name in names})


def list_from_plain(kind: type[Record], value: Any, where: str) -> tuple[Record, ...]:
    """Return the records that a list was made of, as `from_plain` does each."""
    if not isinstance(value, list):
        raise ValueError(f"{where} is missing or no list")
    return tuple(from_plain(kind, entry, f"{where}[{i}]") for i, entry in enumerate(value))


@cache
def _stored(kind: type) -> tuple[Field, ...]:
    """Return the fields that are written, which arrays are not."""
    return tuple(f for f in fields(kind) if f.metadata.get("stored", True))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _typed(kind: Any, value: Any, where: str) -> Any:
    """Return a value as the type that is declared for it, or raise a ValueError."""
    if is_dataclass(kind):
        return from_plain(kind, value, where)  # pyright: ignore
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):  # with None
        inner = next(part for part in parts if part is not NoneType)
        return None if value is None else _typed(inner, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(parts[0], entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {
            _typed(str, name, f"a name in {where}"): _typed(
                parts[1], entry, f"{where}[{name!r:.80}]"
            )
            for name, entry in value.items()
        }
    if origin is Literal and isinstance(value, str) and value in parts:
        return value
    if kind is float and isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    if not _is_scalar(kind, value):
        raise ValueError(f"{where} has a wrong value: {str(value)[:80]!r}")
    return float(value) if kind is float else value


def _is_scalar(kind: Any, value: Any) -> bool:
    """Whether this is a text, a flag or a number of this type, of usual size."""
    if kind is str:
        return isinstance(value, str) and len(value) <= LONGEST
    if kind is bool:
        return isinstance(value, bool)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) < MOST:
        return False
    if kind is float:
        return True
    return isinstance(value, int) and (kind is int or (kind == Count and value >= 0))
