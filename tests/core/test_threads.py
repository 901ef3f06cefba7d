"""Several threads and forks: every one gets its turn, and the same random numbers as alone."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import threading

import numpy as np
import pytest
import torch
from toys import make_rows

from bioaug import Synthesizer
from bioaug.core.seeding import give_way, seeded
from bioaug.core.turns import Turns
from bioaug.training import Callback

needs_fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system"
)
PATIENCE = 60  # seconds after which a test says that something waits for ever


class Signals(Callback):
    """Says that the training has begun, and goes on until it is told to stop."""

    def __init__(self):
        self.begun, self.enough, self.n_steps = threading.Event(), threading.Event(), 0

    def on_step_end(self, state):
        self.begun.set()
        self.n_steps = state.step
        state.stop = self.enough.is_set()


@pytest.fixture
def training():
    """A training in another thread that lasts until the test ends."""
    watch = Signals()
    X = make_rows((20, 12))
    endless = Synthesizer("dense", n_steps=10**9, callbacks=[watch], random_state=1)
    thread = threading.Thread(target=endless.fit, args=(X,), daemon=True)
    thread.start()
    assert watch.begun.wait(PATIENCE)
    yield watch
    watch.enough.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def synthesizer():
    return Synthesizer("dense", n_steps=2, random_state=0).fit(make_rows((20, 12)))


def test_sampling_does_not_wait_for_another_threads_training(training, synthesizer):
    wanted = synthesizer.sample(5, random_state=0)[0]  # while the training is far from its end
    assert not training.enough.is_set()
    np.testing.assert_array_equal(synthesizer.sample(5, random_state=0)[0], wanted)


def weights(synthesizer):
    return {n: t.clone() for n, t in synthesizer.models_[0].model.state_dict().items()}


def test_a_training_that_others_interrupt_ends_with_the_same_weights(synthesizer):
    settings = {"n_steps": 60, "random_state": 3}
    X = make_rows((20, 12))
    alone = weights(Synthesizer("dense", **settings).fit(X))
    watch, done = Signals(), []
    beside = Synthesizer("dense", callbacks=[watch], **settings)
    thread = threading.Thread(target=lambda: done.append(beside.fit(X)), daemon=True)
    thread.start()
    assert watch.begun.wait(PATIENCE)
    while thread.is_alive():
        synthesizer.sample(3)
    assert done
    for name, tensor in weights(beside).items():
        assert torch.equal(tensor, alone[name]), name


def test_the_callers_generators_are_its_own_between_the_steps_of_another_thread():
    torch.manual_seed(5)
    np.random.seed(5)
    wanted = float(torch.rand(())), float(np.random.rand())
    torch.manual_seed(5)
    np.random.seed(5)
    drawn, ready, seen = [], threading.Event(), []

    def long_block():
        with seeded(0):
            drawn.append(float(torch.rand(())))
            ready.set()
            while not seen:
                give_way()
            drawn.append(float(torch.rand(())))

    thread = threading.Thread(target=long_block, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    with seeded(1):  # begins when the other block gives way
        seen.append(float(torch.rand(())))
    thread.join(PATIENCE)
    with seeded(0):
        assert drawn == [float(torch.rand(())), float(torch.rand(()))]
    assert (float(torch.rand(())), float(np.random.rand())) == wanted


def test_a_block_leaves_every_global_generator_as_it_was():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    drawn = []
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), seeded(3):
            drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
            raise ZeroDivisionError
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert after == before
    assert drawn[0] == drawn[1]


def test_a_nested_block_keeps_its_turn():
    turns = Turns()
    turns.acquire()
    turns.acquire()
    assert turns.depth == 2
    turns.release()
    other = threading.Thread(target=lambda: got.append(turns.acquire(timeout=0.01)))
    got = []
    other.start()
    other.join(PATIENCE)
    assert got == [False]
    assert not turns.is_awaited
    turns.release()
    assert turns.depth == 0


def _sample_into(queue, synthesizer):
    queue.put(synthesizer.sample(5, random_state=0)[0])


@needs_fork
def test_a_fork_beside_a_training_can_sample(training, synthesizer):
    wanted = synthesizer.sample(5, random_state=0)[0]
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        queue = context.SimpleQueue()
        child = context.Process(target=_sample_into, args=(queue, synthesizer))
        child.start()
        child.join(PATIENCE)
        assert child.exitcode == 0
        np.testing.assert_allclose(queue.get(), wanted, rtol=1e-6)


def _draw_into(queue):
    queue.put((float(torch.rand(())), float(np.random.rand())))


@pytest.fixture
def caller():
    """The global generators as the caller seeded them: the numbers that they give next."""
    torch.manual_seed(7)
    np.random.seed(7)
    wanted = float(torch.rand(())), float(np.random.rand())
    torch.manual_seed(7)
    np.random.seed(7)
    return wanted


@needs_fork
def test_a_fork_beside_a_training_has_the_callers_generators(caller, training):
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_draw_into, args=(queue,))
    child.start()
    child.join(PATIENCE)
    assert child.exitcode == 0
    assert queue.get() == caller


def _sample_many(queue, synthesizer):
    queue.put(len(synthesizer.sample(600, random_state=0)[0]))


@needs_fork
def test_a_fork_can_sample_where_the_parent_computed_in_two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        wide = Synthesizer("flow", n_steps=1, random_state=0).fit(make_rows((64, 200)))
        wide.sample(600)  # large enough for OpenMP
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        child = context.Process(target=_sample_many, args=(queue, wide))
        child.start()
        child.join(PATIENCE)
        is_stuck = child.is_alive()
        child.kill()
        assert not is_stuck
        assert queue.get() == 600
    finally:
        torch.set_num_threads(before)
