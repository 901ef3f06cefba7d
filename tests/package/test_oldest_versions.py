"""The oldest versions that are tested are those that pyproject.toml promises."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOUND = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)")


def name_of(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def number_of(version: str) -> list[str]:
    """Return a version without zeros at its end: 2.6.0 is 2.6."""
    return re.sub(r"(\.0)+$", "", version).split(".")


def test_they_are_the_lower_bounds() -> None:
    pinned = ROOT / "constraints-oldest.txt"
    if not pinned.is_file():
        pytest.skip("only in a checkout")
    lines = [line for line in pinned.read_text().splitlines() if not line.startswith("#")]
    found = {name_of(name): version for name, version in (line.split("==") for line in lines)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    promised = [*project["dependencies"], *extras["plots"], *extras["tensorboard"], *extras["test"]]
    bounds = [BOUND.fullmatch(line) for line in promised if not line.startswith("bioaug")]
    assert all(bounds)
    expected = {name_of(bound[1]): number_of(bound[2]) for bound in bounds if bound}
    assert {name: number_of(found[name]) for name in expected} == expected
