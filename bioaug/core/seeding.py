"""One source of randomness per object, and none taken from the caller."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits
from torch import Tensor

from bioaug.core.turns import Turns
from bioaug.exceptions import DataError

SEED_LIMIT = 2**31 - 1
MAX_FORK_WAIT = 10.0  # seconds that a fork waits for another thread's step to end


class _States(NamedTuple):
    """The states of the global generators."""

    python: Any
    numpy: dict[str, Any]
    torch: Tensor
    cuda: list[Tensor]

    @classmethod
    def get(cls) -> _States:
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
        return cls(random.getstate(), state, torch.default_generator.get_state(), cuda)

    def set(self) -> None:
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002
        torch.default_generator.set_state(self.torch)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


_turns = Turns()  # the generators are global: two threads take turns
_callers: list[_States] = []  # what the blocks that run now restore, outermost first


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block on freshly seeded global generators, then restore the caller's.

    They are those of Python, numpy, torch and CUDA.

    Blocks of several threads run one after another, unless the running one calls `give_way`. In a
    forked child process, the block runs in one thread.

    Parameters
    ----------
    seed : int
        Between 0 and 2**31 - 2.
    """
    _turns.acquire()
    try:
        _callers.append(_States.get())
        try:
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002  restored below
            # Not torch.manual_seed: before CUDA starts, it would set the seed that CUDA
            # starts with later, in the caller's own code.
            torch.default_generator.manual_seed(seed)
            if _callers[-1].cuda:
                torch.cuda.manual_seed_all(seed)
            with _one_thread() if _is_forked else nullcontext():
                yield
        finally:
            _callers.pop().set()
    finally:
        _turns.release()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Do without OpenMP, which in a forked child waits for ever for threads of the parent."""
    n_threads = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)


@contextmanager
def unchanged_generators() -> Iterator[None]:
    """Run a block that draws random numbers, then draw the same ones again."""
    before = _States.get()
    try:
        yield
    finally:
        before.set()


def give_way() -> None:
    """Between two steps of a long `seeded` block, let the threads that wait go first.

    The block goes on with the random numbers that it would have had. Inside two nested blocks, or
    where no thread waits, nothing happens.
    """
    if not _turns.is_awaited or _turns.depth != 1 or len(_callers) != 1:
        return
    own = _States.get()
    _callers.pop().set()
    _turns.release()
    interrupt = None
    while not _turns.depth:
        try:
            _turns.acquire()
        except KeyboardInterrupt as error:  # raised when the block has its generators again
            interrupt = error
    _callers.append(_States.get())
    own.set()
    if interrupt is not None:
        raise interrupt


def _before_fork() -> None:
    """Fork between two steps of other threads, whose locks would stay locked in the child."""
    global _is_held_for_fork
    _is_held_for_fork = _turns.acquire(MAX_FORK_WAIT)


def _after_fork_in_parent() -> None:
    if _is_held_for_fork:
        _turns.release()


def _after_fork_in_child() -> None:
    global _is_forked
    _is_forked = True
    if _is_held_for_fork:
        _turns.release()
    elif _callers:  # another thread's block was running, which does not go on here
        _callers[0].set()
        _callers.clear()
    _turns.forget_other_threads()


_is_held_for_fork = _is_forked = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


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
