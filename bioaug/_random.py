"""One source of randomness per object, and none taken from the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

from bioaug.exceptions import DataError

SEED_LIMIT = 2**31 - 1

_GENERATORS = threading.RLock()  # the forked generators are global: two threads take turns


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block on freshly seeded numpy, torch and CUDA generators, then restore the caller's.

    Parameters
    ----------
    seed : int
        Between 0 and 2**31 - 2.
    """
    with _GENERATORS:
        numpy_state = np.random.get_state()  # noqa: NPY002
        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
        with torch.random.fork_rng(devices=list(devices)):
            try:
                np.random.seed(seed)  # noqa: NPY002  forked above, restored below
                # Not torch.manual_seed: before CUDA starts, it would set the seed that CUDA
                # starts with later, in the caller's own code.
                torch.default_generator.manual_seed(seed)
                if devices:
                    torch.cuda.manual_seed_all(seed)
                yield
            finally:
                np.random.set_state(numpy_state)  # noqa: NPY002


def check_generator(
    random_state: int | np.random.RandomState | None,
) -> np.random.RandomState:
    """Return a generator as scikit-learn does, but for None a fresh one, not the global one."""
    if random_state is None:
        return np.random.RandomState()
    try:
        return check_random_state(random_state)
    except ValueError as error:
        raise DataError(
            "The 'random_state' parameter must be an int from 0 to 2**32 - 1, a "
            f"numpy.random.RandomState or None. Got {random_state!r} instead."
        ) from error


def draw_seed(random_state: np.random.RandomState) -> int:
    """Draw the seed of one training or one sampling from an estimator's generator."""
    return int(random_state.randint(SEED_LIMIT))
