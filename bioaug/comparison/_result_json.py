"""The result of a comparison as JSON, and back again with every field checked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bioaug.core.strict_json import parse_json
from bioaug.exceptions import DataError

ARRAYS = ("rows", "predicted", "responses")  # of a run, which JSON does without
LARGEST = 2**28  # bytes
MOST_VALUES = 2**22  # a run has some 100
LONGEST = 10_000  # characters of a text
MOST = 2**53  # up to which whole numbers are exact
OPTIONAL = ("harmed_classes",)  # of results that were saved before there was one
NO_LIMIT = {"low": -math.inf, "high": math.inf}

Check = Callable[[Any], bool]


def as_json(whole: dict[str, Any]) -> str:
    """Return a result as JSON, what is infinite or NaN as null."""
    runs = [{k: v for k, v in run.items() if k not in ARRAYS} for run in whole["runs"]]
    return json.dumps(_finite(whole | {"runs": runs}), indent=1, default=str, allow_nan=False)


def read_result(file: Path) -> dict[str, Any]:
    """Return the fields of a result from a file that `AugmentationResult.save` wrote.

    Raises
    ------
    DataError
        For any other file.
    """
    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise ValueError(f"it has {size} bytes, more than {LARGEST}")
        return _checked(parse_json(file.read_bytes(), most_values=MOST_VALUES))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"The file {str(file)!r} must be one that AugmentationResult.save wrote as JSON. "
            f"It cannot be read ({error or type(error).__name__})."
        ) from error


def _finite(value: Any) -> Any:
    """Return a nested value for JSON, which knows neither infinite numbers nor NaN."""
    if isinstance(value, dict):
        return {str(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) < MOST


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _list_of(check: Check, n: int | None = None) -> Check:
    return lambda value: (
        isinstance(value, list) and all(map(check, value)) and n in (None, len(value))
    )


def _dict_of(check: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(map(_is_text, value)) and all(map(check, value.values()))
    )


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_INTERVAL = _list_of(_is_number_or_none, 4)
_PROTOCOL: dict[str, Check] = {
    "arms": lambda value: bool(value) and _dict_of(_is_text)(value),
    "scoring": _is_text,
    "baseline": _is_text,
    "n_rows": _is_count,
    "n_patients": _is_count,
    "n_runs": _is_count,
    "n_finished": _is_count,
    "hold_back": _is_number,
    "classes": _dict_of(_is_count),
}
_RUN: dict[str, Check] = {
    "arm": _is_text,
    "repeat": _is_count,
    "fold": _is_count,
    "score": _is_number_or_none,
    "per_class": _dict_of(_dict_of(_is_number_or_none)),
    "added": _dict_of(_is_number),
    "methods": _dict_of(_list_of(_is_text)),
    "rejected": _dict_of(_dict_of(_is_count)),
    "patients_test": _list_of(_is_text),
}
_COMPARISON: dict[str, Check] = {
    "arm": _is_text,
    "baseline": _is_text,
    "interval": _is_text,
    "verdict": _is_text,
    "text": _is_text,
    "n_patients": _is_count,
    **dict.fromkeys(("difference", "low", "high", "p", "p_holm"), _is_number_or_none),
    "folds": _INTERVAL,
    "harmed_classes": _list_of(_is_text),
    "patients": _or_none(_INTERVAL),
    "f1_by_patients": _or_none(_dict_of(_INTERVAL)),
    "without_a_patient": _or_none(_list_of(_is_number_or_none, 2)),
    "most_telling_patient": _or_none(_is_text),
}
_WORTH: dict[str, Check] = {
    "arm": _is_text,
    "n_synthetic": _is_number,
    **dict.fromkeys(("value", "low", "high"), _is_number_or_none),
    "is_bound": _is_flag,
}
_FAILURE: dict[str, Check] = {
    "arm": _is_text,
    "repeat": _is_count,
    "fold": _is_count,
    "error": _is_text,
}


def _checked(stored: Any) -> dict[str, Any]:
    """Return what was stored, with limits that are infinite again, or raise a ValueError."""
    parts = {"runs": _RUN, "comparisons": _COMPARISON, "worth": _WORTH, "failures": _FAILURE}
    if not isinstance(stored, dict):
        raise ValueError(f"it holds a {type(stored).__name__}, not the fields of a result")
    stored = {"failures": []} | stored
    _check_fields(stored.get("protocol"), _PROTOCOL, "protocol")
    for name, fields in parts.items():
        if not isinstance(stored.get(name), list):
            raise ValueError(f"{name!r} is missing or no list")
        for place, entry in enumerate(stored[name]):
            _check_fields(entry, fields, f"{name}[{place}]")
            if entry["arm"] not in stored["protocol"]["arms"]:
                raise ValueError(f"{name}[{place}] is of an arm that the protocol does not name")
    if stored["protocol"]["baseline"] not in stored["protocol"]["arms"]:
        raise ValueError("the baseline is none of the arms")
    for run in stored["runs"]:
        run["score"] = math.nan if run["score"] is None else run["score"]
        for values in run["per_class"].values():
            if not {"f1", "recall", "precision", "support"} <= values.keys():
                raise ValueError("a run lacks scores of a class")
        if "calibration" in run and not _dict_of(_is_number)(run["calibration"]):
            raise ValueError("a run has a calibration that is no numbers")
    for found in stored["comparisons"] + stored["worth"]:
        _restore_limits(found)
    return {name: stored[name] for name in ("protocol", *parts)}


def _check_fields(entry: Any, fields: dict[str, Check], where: str) -> None:
    if not isinstance(entry, dict):
        raise ValueError(f"{where!r} is missing or has no fields")
    for name, check in fields.items():
        if name not in entry and name not in OPTIONAL:
            raise ValueError(f"{where} lacks {name!r}")
        if name in entry and not check(entry[name]):
            raise ValueError(f"{where} has a wrong {name!r}: {str(entry[name])[:80]!r}")


def _restore_limits(found: dict[str, Any]) -> None:
    """Write infinite limits again where JSON has null."""
    of_class = found.get("f1_by_patients") or {}
    for interval in (found.get("folds"), found.get("patients"), *of_class.values()):
        if interval is not None:
            interval[0] = math.nan if interval[0] is None else interval[0]
            interval[1] = -math.inf if interval[1] is None else interval[1]
            interval[2] = math.inf if interval[2] is None else interval[2]
    for name in ("difference", "value"):
        if name in found and found[name] is None:
            found[name] = math.nan
    for name, limit in NO_LIMIT.items():
        if name in found and found[name] is None:
            found[name] = limit
