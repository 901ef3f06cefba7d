"""What several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mitbih_home() -> Path:
    """The folder of real recordings, or a skip where there is none."""
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    home = Path(os.environ.get("BIOAUG_TEST_DATA") or beside_repository)
    if not (home / "mitdb" / "100.hea").is_file():
        pytest.skip(f"no MIT-BIH recordings in {home}/mitdb; set BIOAUG_TEST_DATA to have them")
    return home
