"""The public names of bioaug with their signatures, and whether their docstrings are whole.

    python tools/public_api.py             # print them
    python tools/public_api.py --write     # into tests/package/public_api.txt (`make api`)
    python tools/public_api.py --validate  # check their docstrings with numpydoc (`make check`)

A test compares the file with the code, so that no public name or parameter changes by accident.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # this checkout, wherever bioaug is installed from
SNAPSHOT = ROOT / "tests" / "package" / "public_api.txt"
# Where a name is in two, the first lists it with its members.
MODULES = [
    "bioaug.oversampling",
    "bioaug.synthesis",
    "bioaug.comparison",
    "bioaug.torch_datasets",
    "bioaug.models.base",
    "bioaug.models",
    "bioaug.training",
    "bioaug.metrics",
    "bioaug.statistics",
    "bioaug.plots",
    "bioaug.datasets",
    "bioaug.files",
    "bioaug.leakage",
    "bioaug.exceptions",
    "bioaug",
]


class Entry(NamedTuple):
    """A public name and what it stands for."""

    path: str
    value: Any

    def __str__(self) -> str:
        if isinstance(self.value, property):
            return f"{self.path} (property)"
        if isinstance(self.value, type) and issubclass(self.value, BaseException):
            return f"{self.path}({', '.join(base.__name__ for base in self.value.__bases__)})"
        if not callable(self.value):
            return self.path
        try:
            signature = inspect.signature(self.value)
        except ValueError:  # of classes that are written in C
            return self.path
        bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        return f"{self.path}{signature.replace(parameters=bare, return_annotation=signature.empty)}"


def public_names(module: Any) -> list[str]:
    """Return the names of `__all__`, or those that a module defines and does not underscore."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    )


def members(entry: Entry) -> Iterator[Entry]:
    """Yield the public methods and properties that a class of ours defines, or a mixin of it."""
    mixins = [base for base in entry.value.__mro__[1:] if base.__name__.endswith("Mixin")]
    own = {
        name: value
        for base in [*reversed(mixins), entry.value]
        for name, value in vars(base).items()
    }
    for name, value in sorted(own.items()):
        inherited = getattr(value, "__module__", None) or "bioaug"  # scikit-learn adds methods
        if name.startswith("_") or not inherited.startswith("bioaug"):
            continue
        if isinstance(value, classmethod | staticmethod):
            value = getattr(entry.value, name)
        if inspect.isroutine(value) or isinstance(value, property):
            yield Entry(f"{entry.path}.{name}", value)


def entries() -> Iterator[Entry | str]:
    """Yield every public name; a second name of the same thing as a line of text."""
    homes: dict[int, str] = {}
    for module in map(import_module, MODULES):
        for name in public_names(module):
            entry = Entry(f"{module.__name__}.{name}", getattr(module, name))
            if inspect.ismodule(entry.value):
                continue
            if id(entry.value) in homes and callable(entry.value):
                yield f"{entry.path} = {homes[id(entry.value)]}"
                continue
            homes[id(entry.value)] = entry.path
            yield entry
            if isinstance(entry.value, type):
                yield from members(entry)


def listing() -> str:
    """Return the text of the snapshot."""
    return "".join(f"{entry}\n" for entry in entries())


def is_documentable(value: Any) -> bool:
    """Whether a docstring can stand in the value itself."""
    return callable(value) or isinstance(value, property)


def is_described(entry: Entry, code: str) -> bool:
    """Whether a docstring says in another form what numpydoc misses.

    Records describe their fields as attributes. The summary of a method, or of a function of one
    parameter at most, names what comes in and out.
    """
    text = inspect.getdoc(entry.value) or ""
    if isinstance(entry.value, type):
        return code == "PR01" and "Attributes\n---" in text
    if code not in ("PR01", "RT01") or re.search("^(Parameters|Returns)\n---", text, re.MULTILINE):
        return False
    owner = entry.path.split(".")[-2]
    return owner[0].isupper() or len(inspect.signature(entry.value).parameters) <= 1


def complaints() -> Iterator[str]:
    """Yield what numpydoc finds wrong in the docstrings, of the checks in pyproject.toml."""
    from numpydoc.validate import validate

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    checks = settings["tool"]["numpydoc_validation"]["checks"]
    for entry in entries():
        if isinstance(entry, str) or not (
            callable(entry.value) or isinstance(entry.value, property)
        ):
            continue
        for code, message in validate(entry.path)["errors"]:
            if code in checks and not is_described(entry, code):
                yield f"{entry.path}: {code} {message}"


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            print(listing(), end="")
        case ["--write"]:
            SNAPSHOT.write_text(listing())
        case ["--validate"]:
            sys.exit("\n".join(complaints()) or None)
        case _:
            sys.exit(__doc__)
