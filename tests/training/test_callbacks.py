"""Callbacks that report: progress bars and TensorBoard; watching changes nothing."""

from __future__ import annotations

import copy
import pickle

import pytest
from toys import (
    CPU,
    SMALL,
    Recorder,
    Spread,
    make_batch,
    same_weights,
    train,
)

from bioaug import get_model
from bioaug.core.seeding import seeded
from bioaug.models.base import SignalSpec
from bioaug.training import (
    Checkpoint,
    CollapseGuard,
    Progress,
    TensorBoard,
    Trainer,
    TrainerConfig,
    TrainerState,
)
from bioaug.training.batches import balanced_batches

SPEC = SignalSpec(n_channels=1, n_timesteps=6, n_classes=2)


def test_watching_changes_nothing(tmp_path, capsys):
    def run(callbacks):
        with seeded(1):
            model = get_model("biosgan")(SPEC, **SMALL, dropout=0.3)
        return train(model, 9, callbacks, log_every=2, batch_size=4, grad_clip=1.0)

    plain = run([])
    signals, labels = make_batch(SPEC)
    watched = run(
        [
            CollapseGuard(signals, labels, {0: "N", 1: "V"}, every=1 / 9),
            Progress(),
            Checkpoint(tmp_path, 2 / 9, {}),
            Recorder(),
        ]
    )
    assert same_weights(plain.model, watched.model)
    losses = [{k: v for k, v in entry.items() if k != "seconds"} for entry in plain.history]
    assert losses == [{k: v for k, v in e.items() if k != "seconds"} for e in watched.history]
    assert "9/9" in capsys.readouterr().err


def test_the_progress_bar_shows_title_and_losses(capsys):
    model = Spread(SPEC)
    state = TrainerState.create(model, "toy N, V")
    batches = balanced_batches(*make_batch(SPEC), batch_size=4)
    Trainer(TrainerConfig(n_steps=4, log_every=1), CPU, [Progress()]).fit(model, batches, state)
    shown = capsys.readouterr().err
    assert "toy N, V" in shown
    assert "fit=" in shown


def test_tensorboard_gets_the_losses(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    callback = TensorBoard(tmp_path)
    state = train(Spread(SPEC), 6, [callback], log_every=2)
    (run,) = tmp_path.iterdir()
    log = EventAccumulator(str(run)).Reload()
    assert set(log.Tags()["scalars"]) == {"loss/fit/distance", "loss/fit/size"}
    written = log.Scalars("loss/fit/distance")
    assert [event.step for event in written] == [2, 4, 6]
    expected = [entry["fit/distance"] for entry in state.history]
    assert [event.value for event in written] == pytest.approx(expected)
    pickle.loads(pickle.dumps(callback))
    copy.deepcopy(callback)


def test_tensorboard_names_the_extra_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"bioaug\[tensorboard\]"):
        train(Spread(SPEC), 1, [TensorBoard(tmp_path)])
