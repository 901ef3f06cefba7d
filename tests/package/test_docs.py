"""Blocks of the documentation that are whole programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.slow
@pytest.mark.parametrize(("page", "marker"), [("scores.md", "evaluate("), ("guide.md", "skorch")])
def test_the_block_runs_as_written(tmp_path, monkeypatch, page, marker):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)
    (block,) = (block for block in blocks if marker in block)
    monkeypatch.chdir(tmp_path)
    exec(block.replace("max_time=10", "n_steps=20"), {"__name__": page})
