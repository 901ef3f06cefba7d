"""What several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import config
from numpy.typing import NDArray
from toys import make_rows

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mitbih_home() -> Path:
    """The folder of real recordings, or a skip where there is none."""
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    home = Path(os.environ.get("BIOAUG_TEST_DATA") or beside_repository)
    if not (home / "mitdb" / "100.hea").is_file():
        pytest.skip(f"no MIT-BIH recordings in {home}/mitdb; set BIOAUG_TEST_DATA to have them")
    return home


@pytest.fixture(scope="session")
def bonn_home() -> Path:
    """The folder of the Bonn EEG's five sets, or a skip where there is none."""
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    home = Path(os.environ.get("BIOAUG_TEST_DATA") or beside_repository) / "bonn_eeg"
    if not (home / "Z" / "Z001.txt").is_file():
        pytest.skip(f"no Bonn EEG in {home}; set BIOAUG_TEST_DATA to have it")
    return home


@pytest.fixture
def untyped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave values of wrong types to bioaug's own checks, as without the checks of the tests."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


@pytest.fixture
def X() -> NDArray[np.float64]:
    """48 rows of 20 time steps."""
    return make_rows((48, 20))


@pytest.fixture
def y() -> NDArray[np.str_]:
    """36 labels "N", then 12 "V"."""
    return np.repeat(["N", "V"], [36, 12])
