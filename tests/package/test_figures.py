"""The figures of the code base count what CONTRIBUTING.md says, and each has a limit."""

from __future__ import annotations

import house_metrics
import pytest

PRIVATE = {
    "import bioaug.core._secret": 1,
    "from bioaug.metrics import _catalogue": 1,
    "from bioaug.metrics._base.score import Score, Null": 2,
    "from bioaug.oversampling.sampler import _helper": 1,
    "monkeypatch.setattr('bioaug.files._text.LIMIT', 3)": 1,
    "monkeypatch.setattr(module, '_limit', 3)": 1,
    "fitted._models": 1,
}
PUBLIC = [
    "import bioaug.core.checks",
    "from bioaug import GANOversampler, __version__",
    "monkeypatch.setattr('bioaug.core.checks.LIMIT', 3)",
    "monkeypatch.setattr(module, 'limit', 3)",
    "self._models",
    "record._replace(value=3)",
    "import numpy as np\nnp._core",
    "fitted.models_\nfitted.__dict__",
]


@pytest.fixture
def count(tmp_path, monkeypatch):
    """Count the private names that a test file uses."""
    monkeypatch.setattr(house_metrics, "ROOT", tmp_path)
    for folder in ("core", "metrics", "metrics/_base", "oversampling", "files"):
        (tmp_path / "bioaug" / folder).mkdir(parents=True, exist_ok=True)

    def counted(text: str) -> int:
        path = tmp_path / f"test_{abs(hash(text))}.py"
        path.write_text(text)
        return len(house_metrics.private_uses(path))

    return counted


@pytest.mark.parametrize("text", PRIVATE)
def test_what_a_test_must_not_reach_for(count, text):
    assert count(text) == PRIVATE[text]


@pytest.mark.parametrize("text", PUBLIC)
def test_what_a_test_may_use(count, text):
    assert count(text) == 0


def test_every_figure_has_a_limit():
    if not (house_metrics.ROOT / "benchmarks").is_dir():
        pytest.skip("only in a checkout")
    assert list(house_metrics.figures()) == list(house_metrics.LIMITS)
