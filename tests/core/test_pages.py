"""Pages from templates: every text is shown as it is, in HTML and in Markdown."""

from __future__ import annotations

import pytest

from bioaug.core.pages import escape_markdown, plain, render

TEMPLATE = """\
{% import "blocks." ~ kind ~ ".j2" as page %}
{% call page.document("A title") %}
{{ page.heading(text, 2) }}
{{ page.items([text, "1. one"]) }}
{{ page.table({"arm": [text, "b"], "verdict": ["harms class V", ""], "source": ["x[0]", ""]}) }}
{{ page.paragraph("- " ~ text) }}
{% endcall %}
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the name of a package with one template."""
    (tmp_path / "templated" / "templates").mkdir(parents=True)
    (tmp_path / "templated" / "__init__.py").touch()
    (tmp_path / "templated" / "templates" / "page.j2").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(tmp_path)
    return "templated"


def test_html_is_escaped_but_for_its_blocks(package):
    page = render("page.j2", "html", package=package, text="<b>\x00 & 'x'")
    assert "<h2>&lt;b&gt;\ufffd &amp; &#39;x&#39;</h2>" in page
    assert '<td class="harms text">harms class V</td>' in page
    assert '<td class="source">x[0]</td>' in page
    assert "<b>" not in page


def test_markdown_is_escaped_but_for_its_blocks(package):
    page = render("page.j2", "md", package=package, text="<b> | $x$\n*")
    shown = r"\<b\> \| \$x\$ \*"
    parts = [f"## {shown}", f"* {shown}\n* 1\\. one", rf"\- {shown}"]
    table = f"| arm | verdict | source |\n| --- | --- | --- |\n| {shown} | harms class V | `x[0]` |"
    assert page.split("\n\n") == [parts[0], parts[1], f"{table}\n| b |  |  |", f"{parts[2]}\n"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("a_b X_test", "a_b X_test"),
        ("_a_", r"\_a\_"),
        ("one\ntwo\t three", "one two three"),
        ("<b>&amp;</b>", r"\<b\>\&amp;\</b\>"),
        ("\\", r"\\"),
        ("\ud800\x1b[0m", "\ufffd\ufffd\\[0m"),
    ],
)
def test_escaping(text, shown):
    assert escape_markdown(text) == shown


def test_plain_text_is_one_line():
    assert plain("a\r\nb\u2028c  d") == "a b c d"
