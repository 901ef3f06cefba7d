"""Where the tests find real recordings; see CONTRIBUTING.md."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "BIOAUG_TEST_DATA"
BESIDE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"


def find_recordings(one_file: str) -> Path:
    """Return the folder of recordings that holds `one_file`, or skip the test with the reason.

    It is the folder that `BIOAUG_TEST_DATA` names, else ``../shared/data`` beside the checkout. A
    variable that names no folder is a mistake and fails.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named).expanduser() if named else BESIDE_CHECKOUT
    if named and not folder.is_dir():
        pytest.fail(f"{VARIABLE} names no folder: {folder}")
    if not (folder / one_file).is_file():
        pytest.skip(f"no {one_file} in {folder}; set {VARIABLE}, see CONTRIBUTING.md")
    return folder
