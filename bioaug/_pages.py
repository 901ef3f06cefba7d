"""The two kinds of page that a report is written as."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em;
       color: #222; overflow-wrap: break-word; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: 1em 0; font-size: 0.9em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.3em 0.8em; text-align: right;
         white-space: nowrap; }
th.text, td.text { text-align: left; white-space: normal; }
.helps { color: #1a6e2e; font-weight: bold; } .harms { color: #a12020; font-weight: bold; }
.source { color: #666; font-size: 0.8em; }
figure { margin: 1em 0; } figcaption { color: #555; font-size: 0.9em; } img { max-width: 100%; }
"""
TEXT = ("arm", "class", "made by", "score of", "verdict")  # columns that are not numbers
Table = tuple[list[str], list[list[Any]]]


class HtmlPage:
    """A page with its pictures inside."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def heading(self, text: str, level: int) -> None:
        """Add a heading."""
        self.parts.append(f"<h{level}>{escape(text)}</h{level}>")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(f"<p>{escape(text)}</p>")

    def items(self, texts: Sequence[str]) -> None:
        """Add a list."""
        inner = "".join(f"<li>{escape(text)}</li>" for text in texts)
        self.parts.append(f"<ul>{inner}</ul>" if texts else "")

    def table(self, table: Table) -> None:
        """Add a table."""
        names, lines = table
        head = "".join(
            f'<th class="text">{escape(name)}</th>' if name in TEXT else f"<th>{escape(name)}</th>"
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
        kind = value if value in ("helps", "harms") else name if name == "source" else ""
        kind = f"{kind} text".strip() if name in TEXT else kind
        attribute = f' class="{kind}"' if kind else ""
        return f"<td{attribute}>{escape(str(value))}</td>"

    def picture(self, caption: str, figure: Figure) -> None:
        """Add a picture."""
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=110, bbox_inches="tight")
        coded = base64.b64encode(stream.getvalue()).decode()
        self.parts.append(
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{coded}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
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
        self.parts.append(f"{'#' * level} {text}")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(text)

    def items(self, texts: Sequence[str]) -> None:
        """Add a list."""
        self.parts.append("\n".join(f"* {text}" for text in texts))

    def table(self, table: Table) -> None:
        """Add a table."""
        names, lines = table
        rows = [names, ["---"] * len(names), *lines]
        self.parts.append("\n".join("| " + " | ".join(map(_piped, row)) + " |" for row in rows))

    def picture(self, caption: str, figure: Figure) -> None:
        """Add a picture."""
        self.n_pictures += 1
        file = picture_file(self.path, self.n_pictures)
        figure.savefig(self.draft(file), dpi=110, bbox_inches="tight")
        self.parts.append(f"![{caption}]({file.name})")

    def text(self) -> str:
        """Return the whole page."""
        return "\n\n".join(part for part in self.parts if part) + "\n"


def picture_file(path: Path, number: int) -> Path:
    """Return where a picture beside a page goes."""
    return path.with_name(f"{path.stem}_{number}.png")


def _piped(value: Any) -> str:
    return str(value).replace("|", "\\|")
