"""HTML and Markdown pages."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em;
       color: #222; overflow-wrap: break-word; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: 1em 0; font-size: 0.9em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.3em 0.8em; text-align: right;
         white-space: nowrap; }
th.text, td.text { text-align: left; white-space: normal; mso-number-format: "\\@"; }
.helps { color: #1a6e2e; font-weight: bold; } .harms { color: #a12020; font-weight: bold; }
.source { color: #666; font-size: 0.8em; }
figure { margin: 1em 0; } figcaption { color: #555; font-size: 0.9em; } img { max-width: 100%; }
"""
TEXT = ("arm", "class", "made by", "score of", "verdict", "error")  # columns that are not numbers
Table = tuple[list[str], list[list[Any]]]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_MARKS = re.compile(r"([\\`*\[\]<>|$&~^{}]|(?<![^\W_])_|_(?![^\W_]))")
_BLOCK_START = re.compile(r"^(\d+(?=[.)])|(?=[#+=:!-]))")


def plain(text: object) -> str:
    """Return text on one line, without characters that no page can show."""
    return " ".join(_CONTROL.sub("\ufffd", str(text)).split())


def save_picture(figure: Figure, file: Any, **settings: Any) -> None:
    """Write a figure as PNG; a letter that the font lacks becomes a box, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(file, dpi=110, bbox_inches="tight", **settings)


class HtmlPage:
    """A page with its pictures inside."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def heading(self, text: str, level: int) -> None:
        """Add a heading."""
        self.parts.append(f"<h{level}>{escape(plain(text))}</h{level}>")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(f"<p>{escape(plain(text))}</p>")

    def items(self, texts: Sequence[str]) -> None:
        """Add a list."""
        inner = "".join(f"<li>{escape(plain(text))}</li>" for text in texts)
        self.parts.append(f"<ul>{inner}</ul>" if texts else "")

    def table(self, table: Table) -> None:
        """Add a table."""
        names, lines = table
        head = "".join(
            f'<th class="text">{escape(plain(name))}</th>'
            if name in TEXT
            else f"<th>{escape(plain(name))}</th>"
            for name in names
        )
        body = "".join(
            "<tr>" + "".join(self._cell(n, v) for n, v in zip(names, line, strict=True)) + "</tr>"
            for line in lines
        )
        self.parts.append(
            f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
            "</table></div>"
        )

    @staticmethod
    def _cell(name: str, value: Any) -> str:
        kind = name if name == "source" else ""
        if name == "verdict":
            kind = next((word for word in ("helps", "harms") if str(value).startswith(word)), "")
        kind = f"{kind} text".strip() if name in TEXT else kind
        attribute = f' class="{kind}"' if kind else ""
        return f"<td{attribute}>{escape(plain(value))}</td>"

    def picture(self, caption: str, figure: Figure) -> None:
        """Add a picture."""
        stream = io.BytesIO()
        save_picture(figure, stream, format="png")
        coded = base64.b64encode(stream.getvalue()).decode()
        self.parts.append(
            f'<figure><img alt="{escape(plain(caption))}" src="data:image/png;base64,{coded}">'
            f"<figcaption>{escape(plain(caption))}</figcaption></figure>"
        )

    def text(self) -> str:
        """Return the whole page."""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>Does augmentation help?</title><style>{STYLE}</style></head><body>"
            + "\n".join(self.parts)
            + "</body></html>\n"
        )


class MarkdownPage:
    """A page with its pictures in files beside it."""

    def __init__(self, path: Path, draft: Callable[[Path], Path]) -> None:
        self.path, self.draft, self.parts, self.n_pictures = path, draft, list[str](), 0

    def heading(self, text: str, level: int) -> None:
        """Add a heading."""
        self.parts.append(f"{'#' * level} {escaped(text)}")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(_as_block(text))

    def items(self, texts: Sequence[str]) -> None:
        """Add a list."""
        self.parts.append("\n".join(f"* {_as_block(text)}" for text in texts))

    def table(self, table: Table) -> None:
        """Add a table."""
        names, lines = table
        rows = [[escaped(name) for name in names], ["---"] * len(names)]
        for line in lines:
            rows.append([_cell(name, value) for name, value in zip(names, line, strict=True)])
        self.parts.append("\n".join("| " + " | ".join(row) + " |" for row in rows))

    def picture(self, caption: str, figure: Figure) -> None:
        """Add a picture."""
        self.n_pictures += 1
        file = picture_file(self.path, self.n_pictures)
        save_picture(figure, self.draft(file))
        self.parts.append(f"![{escaped(caption)}](<{_as_address(file.name)}>)")

    def text(self) -> str:
        """Return the whole page."""
        return "\n\n".join(part for part in self.parts if part) + "\n"


def picture_file(path: Path, number: int) -> Path:
    """Return where a picture beside a page goes."""
    return path.with_name(f"{path.stem}_{number}.png")


def escaped(text: object) -> str:
    """Return text that Markdown shows as it is: no mark-up, HTML, formula or column of a table."""
    return _MARKS.sub(r"\\\1", plain(text))


def _as_block(text: object) -> str:
    """Return escaped text that does not begin as a heading, a list or a rule does."""
    return _BLOCK_START.sub(r"\1\\", escaped(text))


def _cell(name: str, value: object) -> str:
    """Return a cell; places in the JSON file are code, which no mark-up is read in."""
    return f"`{value}`" if name == "source" and value else escaped(value)


def _as_address(name: str) -> str:
    return quote(name, safe=" ")
