"""Names in reports and pictures are shown as they are, whatever signs they hold."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from comparing import compare, make_beats
from imblearn.over_sampling import SMOTE

from bioaug.comparison._pages import escaped, plain
from bioaug.comparison.report import write_report
from bioaug.metrics._base.score import Score
from bioaug.plots import plot_history, plot_real_and_synthetic, plot_scores

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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("a_b X_test", "a_b X_test"),
        ("_a_", r"\_a\_"),
        ("one\ntwo\t three", "one two three"),
        ("<b>&amp;</b>", r"\<b\>\&amp;\</b\>"),
        ("\\", r"\\"),
        ("\ud800\x1b[0m", "��\\[0m"),
    ],
)
def test_escaping(text, shown):
    assert escaped(text) == shown


def test_plain_text_is_one_line():
    assert plain("a\r\nb\u2028c  d") == "a b c d"


def drawn(figure):
    figure.savefig(io.BytesIO(), dpi=20)


def test_pictures_take_any_class_name():
    X = np.random.default_rng(0).normal(size=(40, 20)).cumsum(axis=1)
    y = np.repeat(["$a_{\\", "_b", "x$y$z", "=1"], 10)
    figure = plot_real_and_synthetic(np.concatenate([X, X]), np.tile(y, 2), 40)
    drawn(figure)
    titles = {ax.get_title() for ax in figure.axes}
    assert "class $a_{\\: 10 real" in titles


def test_pictures_take_any_name_of_a_score_and_of_a_training():
    ax = plot_scores({"$a_{\\": Score(0.5, name="a", direction="lower", seconds=0.0, seed=0)})
    drawn(ax.figure)
    history = [{"step": s, "g/$l_{\\": 1.0, "classes": c} for s in (1, 2) for c in ("_x", "$y$ $")]
    ax = plot_history(history)
    drawn(ax.figure)
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        "g/$l_{\\ (_x)",
        "g/$l_{\\ ($y$ $)",
    }
