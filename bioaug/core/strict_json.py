"""JSON of unknown origin: its size and depth are checked before it is parsed."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

MAX_DEPTH = 64  # levels of nesting
MAX_VALUES = 2**21  # each takes some 100 bytes once it is parsed
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # linear in time, whatever comes
_DEPTHS = np.zeros(256, np.int8)
_DEPTHS[list(b"[{")], _DEPTHS[list(b"]}")] = 1, -1
_SEPARATORS = np.zeros(256, bool)
_SEPARATORS[list(b"[{,:")] = True


def parse_json(content: bytes, *, max_values: int = MAX_VALUES) -> Any:
    """Return what JSON says, unless it is nested deeply or holds more values than are allowed.

    Raises
    ------
    ValueError
        Where it is no JSON, or too deep or too long.
    """
    bare = np.frombuffer(_TEXT.sub(b'""', content), np.uint8)
    n_values = int(np.count_nonzero(_SEPARATORS[bare]))
    if n_values > max_values:
        raise ValueError(f"it holds {n_values} values, more than {max_values}")
    deepest = int(_DEPTHS[bare].cumsum(dtype=np.int64).max(initial=0))
    if deepest > MAX_DEPTH:
        raise ValueError(f"it is nested {deepest} levels deep, more than {MAX_DEPTH}")
    return json.loads(content)
