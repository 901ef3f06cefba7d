"""Pages from Jinja2 templates: HTML, and Markdown that shows every text as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

Kind = Literal["html", "md"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_MARKS = re.compile(r"([\\`*\[\]<>|$&~^{}]|(?<![^\W_])_|_(?![^\W_]))")
_BLOCK_START = re.compile(r"^(\d+(?=[.)])|(?=[#+=:!-]))")


def render(
    template: str,
    kind: Kind,
    *,
    package: str = "bioaug.core",
    filters: Mapping[str, Callable[..., object]] | None = None,
    **values: Any,
) -> str:
    """Return a template of a package's folder `templates`, filled in.

    Whatever a template prints is escaped for its kind of page, but for what its macros return.
    `blocks.html.j2` and `blocks.md.j2` in `bioaug.core` have the same macros (document, heading,
    paragraph, items, table, picture), so that one template serves both kinds:
    ``{% import "blocks." ~ kind ~ ".j2" as page %}``.

    Parameters
    ----------
    template : str
        The name of its file.
    kind : {"html", "md"}
    package : str
        The package whose `templates` folder holds it.
    filters : dict of str to callable, optional
        Further filters of the template.
    **values
        What the template is filled with.

    Returns
    -------
    str
    """
    escaped = escape_html if kind == "html" else escape_markdown
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("bioaug.core")]),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escaped(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "address": lambda name: Markup(quote(name, safe=" ")),
        "block": lambda text: Markup(escape_markdown_block(text)),
        "code": lambda text: Markup(f"`{text}`" if text else ""),
        "rows": _rows,
        **(filters or {}),
    }
    return environment.get_template(template).render(kind=kind, **values)


def plain(text: object) -> str:
    """Return text on one line, without characters that no page can show."""
    return " ".join(_CONTROL.sub("\ufffd", str(text)).split())


def escape_html(text: object) -> str:
    """Return text that HTML shows as it is."""
    return escape(plain(text))


def escape_markdown(text: object) -> str:
    """Return text that Markdown shows as it is: no mark-up, HTML, formula or column of a table."""
    return _MARKS.sub(r"\\\1", plain(text))


def escape_markdown_block(text: object) -> str:
    """Return escaped text that does not begin as a heading, a list or a rule does."""
    return _BLOCK_START.sub(r"\1\\", escape_markdown(text))


def _rows(columns: Mapping[str, Iterable[object]]) -> list[list[tuple[str, object]]]:
    """Return the rows of a table given by its columns: pairs of a column's name and a value."""
    return [list(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
