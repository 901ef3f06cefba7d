"""Class labels as JSON, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.exceptions import DataError

MAX_LABEL_BYTES, MAX_TOTAL_BYTES = 2**16, 2**26
BYTES = "bytes"  # as the dtype of an array of objects that are all bytes


def check_storable(classes: NDArray, *, owner: str) -> None:
    """Raise a DataError where labels could not be saved, before anything is learned of them.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    owner : str
        Class whose parameters these are, for the error texts.
    """
    try:
        labels, dtype = labels_to_json(classes)
        again = labels_from_json(json.loads(json.dumps(labels)), dtype)
        is_same = again.dtype == classes.dtype and all(map(_is_same, again, classes))
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        is_same, reason = False, f" ({error})"
    else:
        reason = ""
    if not is_same:
        kinds = {type(label).__name__ for label in classes} if classes.dtype == object else ()
        got = ", ".join(sorted(kinds)) or classes.dtype
        raise DataError(
            f"The 'y' parameter of {owner} must hold labels that can be saved: text or bytes of up "
            f"to {MAX_LABEL_BYTES:,} bytes, numbers of up to 64 bits, or booleans. Got {got} "
            f"instead{reason:.200}. Convert them by y.astype(str), or number the classes."
        )


def _is_same(one: Any, other: Any) -> bool:
    one, other = (v.item() if isinstance(v, np.generic) else v for v in (one, other))
    return type(one) is type(other) and one == other


def labels_to_json(classes: NDArray) -> tuple[list, str]:
    """Return labels as JSON can hold them, and their dtype as text."""
    labels, dtype = classes.tolist(), classes.dtype.str
    if classes.dtype == object:
        dtype = BYTES if all(isinstance(label, bytes) for label in labels) else "object"
    elif classes.dtype.kind == "T":  # text of any length
        dtype = "T"
    if dtype == BYTES or classes.dtype.kind == "S":
        labels = [label.decode("latin-1") for label in labels]
    return labels, dtype


def labels_from_json(labels: Any, name: str) -> NDArray:
    """Return the labels of `labels_to_json`, or raise a ValueError or TypeError."""
    if not isinstance(labels, list) or not isinstance(name, str):
        raise TypeError(f"codec: classes {labels!r:.50} of {name!r:.50}")
    if sum(len(label) for label in labels if isinstance(label, str)) > MAX_TOTAL_BYTES:
        raise ValueError("codec: the classes have names that are too long")
    dtype = np.dtype(object if name == BYTES else name)
    if dtype.kind == "S" or name == BYTES:
        labels = [label.encode("latin-1") for label in labels]
    if (
        dtype.kind not in "biufSUTO"
        or not 0 <= dtype.itemsize <= MAX_LABEL_BYTES  # numpy 2.0 overflows to less than 0
        or dtype.itemsize * len(labels) > MAX_TOTAL_BYTES
    ):  # such as "<U999999999", which fills the memory
        raise ValueError(f"codec: {len(labels)} classes of {name!r:.50}")
    return np.array(labels, dtype=dtype)
