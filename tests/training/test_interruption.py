"""Ctrl-C, full disks and folders that cannot be written: nothing learned is lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from toys import DieAt, Killed, Recorder, Spread, make_rows, same_weights, train

import bioaug
from bioaug import GANOversampler, Synthesizer
from bioaug.core.checkpoint import read_checkpoint, write_checkpoint
from bioaug.exceptions import CheckpointError, TrainingWarning
from bioaug.models.base import SignalSpec
from bioaug.synthesis.fit import held_out_rows
from bioaug.training import Callback, Checkpoint

SPEC = SignalSpec(1, 4, 2)
DENSE = {
    "model": "dense",
    "model_params": {"latent_dim": 4, "generator_widths": (8,), "discriminator_widths": (8,)},
    "training_params": {"log_every": 4, "batch_size": 8},
    "n_steps": 20,
    "random_state": 0,
}


class InterruptAt(Callback):
    """Presses Ctrl-C after a step, or within one."""

    def __init__(self, step, within=False):
        self.step, self.within = step, within

    def on_step_end(self, state):
        if state.step == self.step - self.within:
            if self.within:
                phase = state.model.phases()[0]
                optimizer = state.optimizers[phase.updates[0].name]
                optimizer.step = self.interrupt
            else:
                self.interrupt()

    def interrupt(self, *args):
        raise KeyboardInterrupt


class BrokenDisk:
    """Lets writes fail while it is switched on."""

    def __init__(self, monkeypatch, code=errno.ENOSPC):
        self.works, self.code, self.is_on, self.n_failures = os.fsync, code, False, 0
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor):
        if self.is_on:
            self.n_failures += 1
            raise OSError(self.code, os.strerror(self.code))
        self.works(descriptor)


class SwitchAt(Callback):
    """Switches a disk off and on at steps."""

    def __init__(self, disk, off, on=None):
        self.disk, self.off, self.on = disk, off, on

    def on_step_end(self, state):
        self.disk.is_on = state.step >= self.off and (self.on is None or state.step < self.on)


def weights_of(synthesizer):
    return synthesizer.models_[0].model


def names_in(folder):
    return sorted(file.name for file in Path(folder).rglob("*") if file.is_file())


def assert_whole(folder):
    """Every file of the training's folder is one that its config names."""
    _, config = read_checkpoint(folder)
    assert names_in(folder) == sorted(["config.json", config["weights"]])
    return config


# Ctrl-C in this process


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("step", "kept"), [(2, 0), (9, 8), (12, 8), (13, 12), (19, 16)])
def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path, step, kept, within):
    """It keeps the last state whose losses were looked at, every `log_every` steps."""
    X, y = make_rows((24, 8)), np.arange(24) % 2
    whole = Synthesizer(**DENSE).fit(X, y)
    synthesizer = Synthesizer(**DENSE, checkpoint_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        clone(synthesizer).set_params(callbacks=[InterruptAt(step, within)]).fit(X, y)
    (folder,) = tmp_path.iterdir()
    assert assert_whole(folder)["state"]["step"] == kept
    resumed = synthesizer.fit(X, y)
    assert same_weights(weights_of(resumed), weights_of(whole))
    assert [e["step"] for e in resumed.history_] == [e["step"] for e in whole.history_]


def test_an_interrupted_oversampling_goes_on_to_the_same_rows(tmp_path):
    X, y = make_rows((120, 8)), np.repeat([0, 1], [80, 40])
    whole = GANOversampler(Synthesizer(**DENSE)).fit_resample(X, y)[0]
    broken = Synthesizer(**DENSE, checkpoint_dir=tmp_path, callbacks=[InterruptAt(14)])
    with pytest.raises(KeyboardInterrupt):
        GANOversampler(broken).fit_resample(X, y)
    assert assert_whole(next(tmp_path.iterdir()))["state"]["step"] == 12
    going_on = Synthesizer(**DENSE, checkpoint_dir=tmp_path)
    resumed = GANOversampler(going_on).fit_resample(X, y)[0]
    np.testing.assert_array_equal(resumed, whole)


def test_a_failure_leaves_the_state_too(tmp_path):
    with pytest.raises(Killed):
        train(Spread(SPEC), 9, [Checkpoint(tmp_path, 1.0, {}), DieAt(7)], log_every=2)
    assert assert_whole(tmp_path)["state"]["step"] == 6


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("nth", [3, 4])
def test_an_interrupted_write_is_made_good(tmp_path, monkeypatch, call, nth):
    owner = os if call == "fsync" else Path
    works, n_calls = getattr(owner, call), 0

    def interrupted(*args):
        nonlocal n_calls
        n_calls += 1
        if n_calls == nth:
            raise KeyboardInterrupt
        return works(*args)

    monkeypatch.setattr(owner, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(Spread(SPEC), 8, [Checkpoint(tmp_path, 0.5, {})], log_every=2)
    assert assert_whole(tmp_path)["state"]["step"] == 4


# Disks and folders


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EDQUOT, "quota exceeded"),
        (errno.EROFS, "Read-only file system"),
        (errno.EACCES, "Permission denied"),
    ],
)
def test_a_save_that_fails_names_folder_reason_and_remedy(tmp_path, monkeypatch, code, reason):
    X = make_rows((12, 8))
    fitted = Synthesizer("dense", n_steps=1, random_state=0).fit(X)
    fitted.save(tmp_path / "saved")
    wanted = Synthesizer.load(tmp_path / "saved").sample(3)[0]
    disk = BrokenDisk(monkeypatch, code)
    disk.is_on = True
    for name in ("saved", "new"):
        message = (
            rf"The folder .*{name}' cannot be written \(.*{reason}\)\. .* unchanged\. Make room"
        )
        with pytest.raises(OSError, match=message) as caught:
            Synthesizer("dense", n_steps=2, random_state=0).fit(X).save(tmp_path / name)
        assert caught.value.errno == code
    assert names_in(tmp_path / "new") == []
    assert_whole(tmp_path / "saved")
    np.testing.assert_array_equal(Synthesizer.load(tmp_path / "saved").sample(3)[0], wanted)
    with pytest.raises(OSError, match="cannot be written"):
        fitted.save(tmp_path / "new")
    np.testing.assert_array_equal(fitted.sample(3)[0], wanted)
    disk.is_on = False
    fitted.save(tmp_path / "new")
    assert_whole(tmp_path / "new")


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    fitted = Synthesizer("dense", n_steps=1, random_state=0).fit(make_rows((12, 8)))
    with pytest.raises(OSError, match=r"file' cannot be written .*give another folder"):
        fitted.save(tmp_path / "file")
    assert fitted.sample(2)[0].shape == (2, 8)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_a_read_only_folder_fails_before_the_training(tmp_path):
    tmp_path.chmod(0o500)
    recorder = Recorder()
    synthesizer = Synthesizer(**DENSE, checkpoint_dir=tmp_path, callbacks=[recorder])
    with pytest.raises(PermissionError, match=r"cannot be written \(Permission denied\)"):
        synthesizer.fit(make_rows((12, 8)))
    assert recorder.weights == []


def test_a_broken_disk_fails_before_the_training(tmp_path, monkeypatch):
    BrokenDisk(monkeypatch, errno.EROFS).is_on = True
    recorder = Recorder()
    synthesizer = Synthesizer(**DENSE, checkpoint_dir=tmp_path, callbacks=[recorder])
    with pytest.raises(OSError, match=r"cannot be written \(Read-only file system\)"):
        synthesizer.fit(make_rows((12, 8)))
    assert recorder.weights == []


def test_a_disk_that_fills_up_warns_and_the_training_goes_on(tmp_path, monkeypatch):
    X, y = make_rows((24, 8)), np.arange(24) % 2
    whole = Synthesizer(**DENSE).fit(X, y)
    disk = BrokenDisk(monkeypatch)
    full = Synthesizer(**DENSE, checkpoint_dir=tmp_path, callbacks=[SwitchAt(disk, off=10)])
    message = r"state of step \d+ was not written: The folder .* \(No space left.*Make room"
    with pytest.warns(TrainingWarning, match=message):
        full.fit(X, y)
    disk.is_on = False
    assert same_weights(weights_of(full), weights_of(whole))
    (folder,) = tmp_path.iterdir()
    assert assert_whole(folder)["state"]["step"] == 8
    full.save(tmp_path / "saved")
    again = Synthesizer(**DENSE, checkpoint_dir=tmp_path).fit(X, y)
    assert same_weights(weights_of(again), weights_of(whole))


def test_a_disk_with_room_again_is_written_again(tmp_path, monkeypatch):
    disk = BrokenDisk(monkeypatch)
    callbacks = [SwitchAt(disk, off=3, on=6), Checkpoint(tmp_path, 0.1, {}), DieAt(9)]
    with pytest.warns(TrainingWarning, match="step 4 was not written"), pytest.raises(Killed):
        train(Spread(SPEC), 10, callbacks, log_every=2)
    assert disk.n_failures == 1
    assert assert_whole(tmp_path)["state"]["step"] == 8


def test_an_interruption_on_a_full_disk_is_still_one(tmp_path, monkeypatch):
    disk = BrokenDisk(monkeypatch)
    callbacks = [SwitchAt(disk, off=3), Checkpoint(tmp_path, 1.0, {}), InterruptAt(7)]
    with (
        pytest.warns(TrainingWarning, match="step 6 was not written"),
        pytest.raises(KeyboardInterrupt),
    ):
        train(Spread(SPEC), 10, callbacks, log_every=2)
    disk.is_on = False
    assert assert_whole(tmp_path)["state"]["step"] == 0


def test_a_finished_training_is_read_from_a_read_only_folder(tmp_path, monkeypatch):
    X = make_rows((12, 8))
    whole = Synthesizer(**DENSE, checkpoint_dir=tmp_path).fit(X)
    BrokenDisk(monkeypatch, errno.EROFS).is_on = True
    again = Synthesizer(**DENSE, checkpoint_dir=tmp_path).fit(X)
    assert same_weights(weights_of(again), weights_of(whole))


def test_a_file_size_limit_is_one_clear_error(tmp_path):
    """A limit of the kernel stands in for a full disk: a write ends in its middle."""
    resource = pytest.importorskip("resource")
    write_checkpoint(tmp_path, {}, {"kind": "old"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(OSError, match=r"cannot be written \(File too large\)\. .*unchanged"):
            write_checkpoint(tmp_path, {"a": torch.zeros(9000)}, {"kind": "new"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert assert_whole(tmp_path)["kind"] == "old"


# Ctrl-C in another process

FIT = """
import sys, time
import numpy as np, torch
from bioaug import Synthesizer, GANOversampler
from bioaug.training import Callback

class Slow(Callback):
    def on_step_end(self, state):
        time.sleep(0.005)

torch.set_num_threads(1)
if __name__ == "__main__":
    folder, path, n_jobs, n_steps = sys.argv[1:]
    X = np.random.default_rng(0).normal(size=(180, 24)).cumsum(axis=1)
    synthesizer = Synthesizer(
        "dense", n_steps=int(n_steps), training_params={"log_every": 5, "schedule": "linear"},
        random_state=0, checkpoint_dir=folder or None, callbacks=[Slow()] if folder else None,
        n_jobs=int(n_jobs), per_class=int(n_jobs) > 1,
    )
    sampler = GANOversampler(synthesizer)
    sampler.fit_resample(X, np.repeat([0, 1, 2], [100, 40, 40]))  # two classes grow
    sampler.synthesizer_.save(path)
"""


# A test run that was started in the background ignores interrupts, and so would its children.
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def run(code, *arguments, **settings):
    environment = os.environ | {
        "PYTHONPATH": str(Path(bioaug.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C + code, *arguments],
        env=environment,
        start_new_session=True,  # a process group of its own, as a terminal makes
        **settings,
    )


def steps_in(folder):
    found = [json.loads(file.read_text()) for file in Path(folder).glob("*/config.json")]
    return [config["state"]["step"] for config in found]


def interrupt(process, folder, beyond, n_models, whole_group):
    while len(steps := steps_in(folder)) < n_models or min(steps) < beyond:
        assert process.poll() is None
        time.sleep(0.003)
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    told = process.communicate()[1].decode()
    assert "KeyboardInterrupt" in told
    assert process.returncode not in (0, -signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_ends_a_fit_that_then_goes_on_to_the_same_weights(tmp_path, n_jobs, whole_group):
    """A terminal's Ctrl-C goes to all processes, that of an editor to the first alone."""
    states, end = tmp_path / "states", str(tmp_path / "resumed")
    whole = run(FIT, "", str(tmp_path / "whole"), str(n_jobs), "120")
    assert whole.wait() == 0
    for beyond in (0, 60):
        process = run(FIT, str(states), end, str(n_jobs), "120", stderr=subprocess.PIPE)
        interrupt(process, states, beyond, n_jobs, whole_group)
        assert not Path(end).exists()
        for folder in states.iterdir():
            assert_whole(folder)
        assert beyond <= min(steps_in(states)) < 120
    assert run(FIT, str(states), end, str(n_jobs), "120").wait() == 0
    one, other = Synthesizer.load(tmp_path / "whole"), Synthesizer.load(end)
    assert len(one.models_) == n_jobs
    assert all(
        same_weights(a.model, b.model) for a, b in zip(one.models_, other.models_, strict=True)
    )


WRITE = """
import sys
import torch
from bioaug.core.checkpoint import write_checkpoint

n = 0
while True:
    n += 1
    write_checkpoint(sys.argv[1], {"a": torch.full((100_000,), n)}, {"kind": "test", "n": n})
"""


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_writers_ended_at_any_moment_leave_a_whole_folder(tmp_path, sent):
    rng = np.random.default_rng(0)
    for k in range(3):
        home = tmp_path / str(k)
        process = run(WRITE, str(home), stderr=subprocess.DEVNULL)
        while not (home / "config.json").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.05))
        ends = False
        while not ends:  # Python drops an interrupt that comes while it deletes an object
            process.send_signal(sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
                ends = True
        tensors, config = read_checkpoint(home)
        assert (tensors["a"] == config["n"]).all()
        if sent == signal.SIGINT:
            assert_whole(home)


def mean_distance(synthesizer, X, y):
    return -float(np.abs(synthesizer.sample(y=y)[0] - X).mean())


def test_a_state_judged_by_other_rows_is_refused(tmp_path):
    X, y = make_rows((24, 8)), np.arange(24) % 2
    early = {**DENSE, "early_stopping": mean_distance, "checkpoint_dir": tmp_path}
    Synthesizer(**early).fit(X, y)
    watched = held_out_rows(
        y, json.loads(next(tmp_path.rglob("config.json")).read_text())["settings"]["seed"]
    )
    X[np.flatnonzero(watched)[0], 3] += 0.01
    with pytest.raises(CheckpointError, match="differs in held-out rows"):
        Synthesizer(**early).fit(X, y)
