"""Reports show names as they are, whatever signs they hold."""

from __future__ import annotations

import re

import numpy as np
import pytest
from comparing import compare, make_beats
from imblearn.over_sampling import SMOTE

from bioaug.comparison import write_report

HARD = "=1+1|`x`<script>alert(1)</script>\n# $\\frac$ [a](javascript:b) *b* _c_ \x00"
FORMULA = "$a_{\\"


@pytest.fixture(scope="module")
def result():
    X, y, groups = make_beats()
    y = np.where(y == "V", FORMULA, "=cmd|' /C calc'!A0")
    arms = {HARD: SMOTE(), "$x$": "weights", "日本": "copies", "o$": "oracle"}
    return compare((X, y, groups), arms)


def test_markdown_shows_names_as_they_are(result, tmp_path):
    write_report(result, tmp_path / "a $b$.md")
    text = (tmp_path / "a $b$.md").read_text()
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    columns = {len(re.split(r"(?<!\\)\|", row)) for row in rows if "source" in row or "`" in row}
    assert min(columns) > 4
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[0] == "# Does augmentation help?"
    assert all("frac" not in heading for heading in headings)
    assert (tmp_path / "a $b$_1.png").exists()
    assert "(<a%20$b$_1.png>)" in text or "(<a %24b%24_1.png>)" in text


def test_every_line_of_a_table_has_its_columns(result, tmp_path):
    write_report(result, tmp_path / "report.md")
    tables = re.findall(r"(?:^\|.*\|$\n?)+", (tmp_path / "report.md").read_text(), re.MULTILINE)
    assert len(tables) >= 4
    for table in tables:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_html_shows_names_as_they_are(result, tmp_path):
    write_report(result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; # $\\frac$" in page
    assert "\x00" not in page
