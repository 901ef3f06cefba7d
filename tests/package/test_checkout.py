"""Files beside the package that must agree with it."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

import bioaug

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "Makefile").is_file(), reason="only in a checkout")


def test_the_picture_of_the_architecture_is_of_todays_layers():
    drawn = runpy.run_path(str(ROOT / "docs" / "_architecture_picture.py"))
    assert drawn["PICTURE"].read_text() == drawn["picture"](), "make api draws it anew"


def test_the_hooks_run_the_tools_of_the_environment():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r"repo: (\S+)", text)) == {"local"}  # no versions but constraints.txt's
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry: (\S+)", text))


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert f"version: {bioaug.__version__}\n" in text


def test_every_python_version_that_is_promised_has_a_classifier():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: 3\.(\d+)", " ".join(project["classifiers"]))
    assert project["requires-python"] == f">=3.{named[0]}"
    assert [int(n) for n in named] == list(range(int(named[0]), int(named[-1]) + 1))


@pytest.mark.parametrize("page", [p.name for p in ROOT.glob("*.md")])
def test_the_files_that_a_page_links_exist(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("script", [path.stem for path in (ROOT / "benchmarks").glob("*.py")])
def test_every_benchmark_can_be_imported(script, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    runpy.run_path(str(ROOT / "benchmarks" / f"{script}.py"))


def test_every_benchmark_is_in_the_index():
    index = (ROOT / "benchmarks" / "README.md").read_text()
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    assert {name for name in scripts if name not in index and "reference_" not in name} == set()
