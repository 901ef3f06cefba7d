"""What several test files share.

Nothing here imports bioaug before a test does: old versions of jaxtyping check only what is
imported after the conftest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import config
from numpy.typing import NDArray
from recordings import find_recordings

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mitbih_home() -> Path:
    """The folder of real recordings, or a skip where there is none."""
    return find_recordings("mitdb/100.hea")


@pytest.fixture(scope="session")
def bonn_home() -> Path:
    """The folder of the Bonn EEG's five sets, or a skip where there is none."""
    return find_recordings("bonn_eeg/Z/Z001.txt") / "bonn_eeg"


@pytest.fixture
def untyped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave values of wrong types to bioaug's own checks, as without the checks of the tests."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


@pytest.fixture
def X() -> NDArray[np.float64]:
    """48 rows of 20 time steps."""
    from toys import make_rows

    return make_rows((48, 20))


@pytest.fixture
def y() -> NDArray[np.str_]:
    """36 labels "N", then 12 "V"."""
    return np.repeat(["N", "V"], [36, 12])
