"""Figures of the code base: sizes, layers, private imports, types, import times.

    python tools/house_metrics.py            # a table (`make metrics`)
    python tools/house_metrics.py NAME       # the places behind a figure, by a part of its name
    python tools/house_metrics.py --check    # fails where one is above its limit (`make check`)

A limit is today's figure, or a lower one that was agreed upon. Lower it when the figure falls;
raise it only with the reason in the commit.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LIMITS = {
    "files in the package root": 5,
    "import layers below the command line": 8,
    "lines of the longest file": 400,
    "files over 400 lines": 0,
    "lines of the longest function": 132,
    "lines of the longest function, docstring aside": 50,
    "functions over 50 lines": 53,
    "functions over 50 lines, docstrings aside": 0,
    "arguments of GANOversampler": 13,
    "arguments of Synthesizer": 15,
    "arguments of the longest constructor": 17,
    "test files that use private names": 1,
    "uses of private names in tests": 5,
    "imports of another folder's private names": 0,
    "uses of Any": 642,
    "stacklevels counted by hand": 0,
}
TUPLE_METHODS = {"_replace", "_asdict", "_fields", "_make"}  # public in spite of their names
PRIVATE_PATH = re.compile(r"bioaug(\.\w+)*\._(?!_)\w")


class Figure(NamedTuple):
    """A number, and the places that it counts."""

    value: int
    places: list[str]


def sources(*folders: str) -> list[Path]:
    """Return the Python files below folders of the repository."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return the nodes of a file's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_text(), str(path))))


def is_private(name: str) -> bool:
    """Whether a name starts with one underscore."""
    return name.startswith("_") and not name.startswith("__")


class Import(NamedTuple):
    """A name that a file imports, as `bioaug.core.checks.check_signals`, and its alias there."""

    name: str
    alias: str
    line: int

    def keeper(self) -> str | None:
        """Return the folder of bioaug that keeps the name to itself, where one does."""
        parts = self.name.split(".")
        first = next((i for i, part in enumerate(parts) if is_private(part)), None)
        if first is None or parts[0] != "bioaug":
            return None
        # A private name of the module a/b.py belongs to the folder a.
        return ".".join(parts[: first if ROOT.joinpath(*parts[:first]).is_dir() else first - 1])


def imports(path: Path) -> Iterator[Import]:
    """Yield what a file imports, with relative imports written out."""
    package = path.relative_to(ROOT).parent.parts
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                yield Import(alias.name, bound, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            origin = [*start, node.module or ""]
            for alias in node.names:
                name = ".".join(filter(None, [*origin, alias.name]))
                yield Import(name, alias.asname or alias.name, node.lineno)


def private_imports(path: Path) -> list[str]:
    """Return the imports of what another folder of bioaug keeps to itself."""
    here = ".".join(path.relative_to(ROOT).parent.parts)
    kept = ((each, each.keeper()) for each in imports(path))
    return [f"{i.line}: {i.name}" for i, keeper in kept if keeper and not within(here, keeper)]


def within(folder: str, other: str) -> bool:
    """Whether a package is another one or lies below it."""
    return f"{folder}.".startswith(f"{other}.")


def private_uses(path: Path) -> list[str]:
    """Return where a test reaches for what bioaug keeps private.

    That is an import of an underscored module or name of bioaug; text that names one, as
    `monkeypatch.setattr("bioaug.a._b", ...)` does; an underscored name given to `setattr`,
    `getattr` or `delattr`; and an attribute `x._y`, unless `x` is `self` or `cls` or was imported
    from another package.
    """
    found = [f"{i.line}: import of {i.name}" for i in imports(path) if i.keeper()]
    foreign = {i.alias for i in imports(path) if not within(i.name, "bioaug")}
    for node in nodes(path):
        match node:
            case ast.Constant(value=str(text)) if PRIVATE_PATH.match(text):
                found.append(f"{node.lineno}: {text!r}")
            case ast.Call(args=[_, ast.Constant(value=str(name)), *_]) if is_private(name):
                if re.search(r"\b(set|get|del)attr$", ast.unparse(node.func)):
                    found.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.Attribute(value=owner, attr=name) if is_private(name):
                root = re.split(r"\W", ast.unparse(owner))[0]
                own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
                if not own and root not in foreign and name not in TUPLE_METHODS:
                    found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def fixed_stacklevels(path: Path) -> list[str]:
    """Return where the frames up to the user's line are counted by hand."""
    return [
        f"{node.value.lineno}: {ast.unparse(node)}"
        for node in nodes(path)
        if isinstance(node, ast.keyword) and node.arg == "stacklevel"
        if isinstance(node.value, ast.Constant)
    ]


def uses_of_any(path: Path) -> list[str]:
    """Return where `Any` stands in a file, imports aside."""
    return [f"{n.lineno}" for n in nodes(path) if isinstance(n, ast.Name) and n.id == "Any"]


def places(files: Iterable[Path], look: Callable[[Path], list[str]]) -> Figure:
    """Count what `look` sees in files."""
    found = [f"{path.relative_to(ROOT)}:{hit}" for path in files for hit in look(path)]
    return Figure(len(found), found)


def largest(sizes: dict[str, int]) -> Figure:
    """Return the largest of named sizes."""
    name = max(sizes, key=sizes.__getitem__)
    return Figure(sizes[name], [name])


def above(limit: int, sizes: dict[str, int]) -> Figure:
    """Count the named sizes above a limit, the largest first."""
    names = sorted((name for name in sizes if sizes[name] > limit), key=lambda name: -sizes[name])
    return Figure(len(names), [f"{name} ({sizes[name]})" for name in names])


def function_sizes(files: Iterable[Path], documented: bool) -> dict[str, int]:
    """Return the lines of each function, with or without its docstring."""
    sizes = {}
    for path in files:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                if not documented and ast.get_docstring(node) is not None:
                    size -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
                sizes[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = size
    return sizes


def constructor_sizes(files: Iterable[Path]) -> dict[str, int]:
    """Return the number of arguments of each constructor that is written out."""
    classes = [n for path in files for n in nodes(path) if isinstance(n, ast.ClassDef)]
    return {
        each.name: len([*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs]) - 1
        for each in classes
        for method in each.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
    }


def import_layers() -> Figure:
    """Count the import layers below the command line."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (c["layers"] for c in contracts["contracts"] if c.get("containers") == ["bioaug"])
    below = [layer for layer in layers if layer not in ("__main__", "cli")]
    return Figure(len(below), below)


def figures() -> dict[str, Figure]:
    """Return every figure that has a limit."""
    package, tests = sources("bioaug"), sources("tests")
    root = [str(path.relative_to(ROOT)) for path in package if path.parent.name == "bioaug"]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in package}
    whole, code = (
        function_sizes(package, documented=True),
        function_sizes(package, documented=False),
    )
    constructors = constructor_sizes(package)
    coupled = [str(path.relative_to(ROOT)) for path in tests if private_uses(path)]
    users = sources("bioaug", "benchmarks", "examples", "docs", "tools")
    return {
        "files in the package root": Figure(len(root), root),
        "import layers below the command line": import_layers(),
        "lines of the longest file": largest(lines),
        "files over 400 lines": above(400, lines),
        "lines of the longest function": largest(whole),
        "lines of the longest function, docstring aside": largest(code),
        "functions over 50 lines": above(50, whole),
        "functions over 50 lines, docstrings aside": above(50, code),
        "arguments of GANOversampler": Figure(constructors["GANOversampler"], []),
        "arguments of Synthesizer": Figure(constructors["Synthesizer"], []),
        "arguments of the longest constructor": largest(constructors),
        "test files that use private names": Figure(len(coupled), coupled),
        "uses of private names in tests": places(tests, private_uses),
        "imports of another folder's private names": places(users, private_imports),
        "uses of Any": places(package, uses_of_any),
        "stacklevels counted by hand": places(package, fixed_stacklevels),
    }


def seconds(*arguments: str) -> float:
    """Return the median duration of three runs of Python."""
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
        durations.append(time.perf_counter() - start)
    return median(durations)


def show_table() -> None:
    """Print every figure beside its limit, and how long an import takes."""
    for name, figure in figures().items():
        example = figure.places[0] if len(figure.places) == 1 else ""
        print(f"{name:52}{figure.value:6}   limit {LIMITS[name]:4}   {example}".rstrip())
    commands = {
        "import bioaug": ["-c", "import bioaug"],
        "from bioaug import GANOversampler": ["-c", "from bioaug import GANOversampler"],
        "bioaug --help": ["-m", "bioaug", "--help"],
    }
    for name, arguments in commands.items():
        print(f"{'seconds of ' + name:52}{seconds(*arguments):6.2f}")


def show_places(part: str) -> None:
    """Print the places behind each figure whose name contains `part`."""
    for name, figure in figures().items():
        if part in name:
            print(f"{name}: {figure.value}", *figure.places, sep="\n    ")


def check() -> bool:
    """Print the figures above their limits, and return whether there is none."""
    found = {name: figure for name, figure in figures().items() if figure.value > LIMITS[name]}
    for name, figure in found.items():
        print(f"{name}: {figure.value}, at most {LIMITS[name]} are allowed.", file=sys.stderr)
    if found:
        print("To see where: python tools/house_metrics.py NAME", file=sys.stderr)
    return not found


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            show_table()
        case ["--check"]:
            sys.exit(not check())
        case [part]:
            show_places(part)
        case _:
            sys.exit(__doc__)
