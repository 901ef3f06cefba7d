"""Draws docs/images/architecture.svg: the path of the data, and the import layers.

    python docs/_architecture_picture.py

The layers come from pyproject.toml, the text beside each folder from its docstring. A test
tells when the picture is of earlier layers.
"""

from __future__ import annotations

import ast
import re
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
WIDTH, MARGIN, ROW, GAP = 1000, 20, 26, 8
STEPS = [
    ("X, y", "any container,\nthe user's units"),
    ("checks", "core.checks,\ncore.containers"),
    ("encode", "SignalCodec: tensors\nin [-1, 1]"),
    ("train", "Trainer minimises\nthe model's losses"),
    ("generate", "one random stream\nfor each row"),
    ("decode", "back to units,\ndtype and shape"),
    ("filter", "quality filter,\nfallback chain"),
    ("X, y", "originals first,\nsame container"),
]
STYLE = """
  text { font-family: Helvetica, Arial, sans-serif; font-size: 13px; fill: #1c2733; }
  .name { font-weight: bold; }
  .note { font-size: 11px; fill: #52606d; }
  .title { font-size: 15px; font-weight: bold; }
  .layer { fill: #eef3f8; stroke: #9fb3c8; }
  .step { fill: #fff8e6; stroke: #d9a520; }
  .inside { fill: #e6f4ea; stroke: #57a773; }
  .arrow { stroke: #52606d; stroke-width: 1.5; fill: none; marker-end: url(#head); }
"""


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rounded box."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" class="{kind}"/>'
    )


def first_line(name: str) -> str:
    """Return the first line of the docstring of a module of bioaug."""
    module = ROOT / "bioaug" / name
    path = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def layers() -> list[list[str]]:
    """Return the folders of each import layer, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (lines,) = (c["layers"] for c in contracts["contracts"] if c.get("containers") == ["bioaug"])
    return [re.split(r"\s*[|:]\s*", line) for line in lines if line != "__main__"]


def path_of_the_data(top: float) -> list[str]:
    """Return the steps from rows to rows as a line of boxes."""
    pitch = (WIDTH - 2 * MARGIN) / len(STEPS)
    width = pitch - 18
    parts = [text(MARGIN, top, "The path of the data", "title")]
    for index, (name, note) in enumerate(STEPS):
        x = MARGIN + index * pitch
        kind = "inside" if name in ("train", "generate") else "step"
        parts += [box(x, top + 14, width, 34, kind)]
        parts += [text(x + width / 2, top + 36, name, "name", "middle")]
        for line, words in enumerate(note.split("\n")):
            parts += [text(x + width / 2, top + 64 + 14 * line, words, "note", "middle")]
        if index:
            parts += [f'<path class="arrow" d="M {x - 17:g} {top + 31:g} h 14"/>']
    between = "Green: tensors only, no units and no class names. Elsewhere: numpy, no device."
    return [*parts, text(MARGIN, top + 104, between, "note")]


def import_layers(top: float) -> tuple[list[str], float]:
    """Return the layers as a stack of boxes, and where it ends."""
    parts = [text(MARGIN, top, "The import layers: each imports from lower ones only", "title")]
    y = top + 14
    for folders in layers():
        described = [name for name in folders if not name.startswith("_")] or folders
        height = ROW * len(described) + 6
        parts.append(box(MARGIN, y, WIDTH - 2 * MARGIN, height, "layer"))
        for line, name in enumerate(described):
            base = y + ROW * line + 21
            parts += [text(MARGIN + 12, base, name, "name")]
            parts += [text(MARGIN + 150, base, first_line(name))]
        y += height + GAP
    return parts, y


def picture() -> str:
    """Return the whole picture."""
    steps = path_of_the_data(30)
    stack, height = import_layers(176)
    head = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    head += ' orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" fill="#52606d"/></marker>'
    body = "\n".join(steps + stack)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 12:g}">\n'
        f"<style>{STYLE}</style>\n<defs>{head}</defs>\n"
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture())
