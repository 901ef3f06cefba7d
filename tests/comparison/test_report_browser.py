"""The report in a real browser."""

from __future__ import annotations

import html
import shutil
import subprocess

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.tree import DecisionTreeClassifier
from toys import make_rows

from bioaug.comparison import cross_validate_augmentation, write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browse(tmp_path):
    """Return a function that opens a page and returns what the browser wrote."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")

    def opened(page, *options) -> str:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [browser, *QUIET, profile, *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return opened


@pytest.mark.slow
def test_the_report_is_drawn_by_a_browser(browse, tmp_path) -> None:
    from matplotlib.image import imread

    X = make_rows((240, 12))
    y = np.where(np.arange(240) % 5 == 0, "V", "N")
    X[y == "V"] += 2
    arms = {"copies & <more>": RandomOverSampler(), "weights": {"class_weight": "balanced"}}
    result = cross_validate_augmentation(
        DecisionTreeClassifier(max_depth=2), X, y, groups=np.arange(240) % 8, samplers=arms, cv=4
    )
    page = tmp_path / "report.html"
    write_report(result, page)

    text = html.unescape(browse(page, "--dump-dom"))
    for found in result.comparisons:
        assert f"<li>{found.arm}: {found.verdict.text}</li>" in text

    sizes = {}
    for width in (1100, 500):
        picture = tmp_path / f"{width}.png"
        browse(page, f"--window-size={width},1600", f"--screenshot={picture}")
        shown = imread(picture)[:, :, :3]
        assert shown.shape[1] == width
        ink = (shown.mean(axis=2) < 0.6).any(axis=1)  # lines of the page that have text or picture
        assert 0.2 < ink.mean() < 0.9
        sizes[width] = shown
        margin = shown[:, -8:]  # nothing runs over the right edge
        assert margin.min() > 0.95
    assert not np.array_equal(sizes[1100][:, :500], sizes[500])
