from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from toys import Spread

from bioaug.core.checkpoint import (
    as_json,
    json_digest,
    read_checkpoint,
    write_checkpoint,
)
from bioaug.core.checkpoint_folder import has_checkpoint
from bioaug.core.file_names import file_name
from bioaug.exceptions import CheckpointError
from bioaug.models.base import SignalSpec
from bioaug.training import TrainerState
from bioaug.training.resume import read_state, snapshot, write_state

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7)}
SPEC = SignalSpec(1, 4, 2)


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "saved", TENSORS, {"kind": "test", "value": 1})
    return tmp_path / "saved"


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def rewrite_config(folder, **changes):
    """Write an edited config with a digest that fits, as an attacker would."""
    config = {k: v for k, v in config_of(folder).items() if k != "config_sha256"} | changes
    signed = config | {"config_sha256": json_digest(config)}
    (folder / "config.json").write_text(json.dumps(signed))


def weights_of(folder):
    (file,) = folder.glob("weights-*.safetensors")
    return file


def test_what_was_written_is_read(folder):
    tensors, config = read_checkpoint(folder)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert (config["kind"], config["value"]) == ("test", 1)
    assert has_checkpoint(folder)
    assert not has_checkpoint(folder.parent)


def test_tensors_of_every_form_are_written(tmp_path):
    shared = torch.arange(6.0)
    tensors = {
        "one": shared,
        "tied": shared,
        "part": shared[2:],
        "turned": shared.view(2, 3).T,
        "bits": torch.tensor([True, False]),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "empty": torch.empty(0, 3),
    }
    write_checkpoint(tmp_path, tensors, {})
    found, _ = read_checkpoint(tmp_path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_a_second_write_leaves_only_its_own_files(folder):
    (folder / f".bioaug-{'0' * 32}.tmp.safetensors").write_bytes(b"left by a kill")
    write_checkpoint(folder, {"a": torch.zeros(1)}, {"kind": "second"})
    assert len(list(folder.iterdir())) == 2
    assert read_checkpoint(folder)[1]["kind"] == "second"


def test_writing_the_same_again_keeps_the_files(folder):
    write_checkpoint(folder, TENSORS, {"kind": "test", "value": 2})
    assert read_checkpoint(folder)[1]["value"] == 2
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_write_that_fails_midway_leaves_the_old_one_whole(folder, monkeypatch, call, nth):
    owner = os if call == "fsync" else Path
    works, n_calls = getattr(owner, call), 0

    def fails(*args):
        nonlocal n_calls
        n_calls += 1
        if n_calls == nth:
            raise OSError("disk full")
        return works(*args)

    monkeypatch.setattr(owner, call, fails)
    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(folder, {"a": torch.zeros(9)}, {"kind": "new"})
    monkeypatch.undo()
    tensors, config = read_checkpoint(folder)
    assert config["kind"] == "test"
    assert torch.equal(tensors["a"], TENSORS["a"])
    assert not list(folder.glob(".*"))


def test_a_write_killed_midway_leaves_the_old_one_whole(folder, monkeypatch):
    class Kill(BaseException):
        pass

    def dies(*args):
        raise Kill

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(Kill):
        write_checkpoint(folder, {"a": torch.zeros(9)}, {"kind": "new"})
    monkeypatch.undo()
    assert read_checkpoint(folder)[1]["kind"] == "test"


def test_what_json_cannot_hold_is_refused_before_anything_is_written(folder):
    with pytest.raises(CheckpointError, match=r"cannot be saved.*Use numbers, text, lists"):
        write_checkpoint(folder, {"a": torch.zeros(9)}, {"model_params": {"f": print}})
    assert read_checkpoint(folder)[1]["kind"] == "test"
    assert len(list(folder.iterdir())) == 2


def test_as_json_takes_numpy_values_and_tuples():
    values = {"n": np.int64(3), "x": np.float32(0.5), "shape": (1, 2), "a": np.arange(2), "s": None}
    assert as_json(values) == {"n": 3, "x": 0.5, "shape": [1, 2], "a": [0, 1], "s": None}


@pytest.mark.parametrize(
    ("one", "other"),
    [("A", "a"), ("/", "~"), ("N, V", "N-V"), ("x" * 500, "x" * 501), ("..", "."), ("", " ")],
)
def test_file_names_are_safe_and_differ_beyond_case(one, other):
    names = [file_name(one), file_name(other)]
    assert names[0].lower() != names[1].lower()
    for name in names:
        assert Path(name).name == name
        assert len(name) < 100
        assert set(name) <= set("+-_") | set(filter(str.isalnum, name))


def test_a_missing_folder_is_named_with_the_remedy(tmp_path):
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere.*Synthesizer\.save"):
        read_checkpoint(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match=r"no saved model in .*file.*Synthesizer\.save"):
        read_checkpoint(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"format": ', b"[" * 100_000])
def test_a_config_that_is_no_json(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json' is damaged.*Synthesizer\.save"):
        read_checkpoint(folder)


@pytest.mark.parametrize("content", ["3", "[]", "null", "{}", '{"format": "other"}'])
def test_a_config_of_another_program(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.json' was not written by bioaug.*save"):
        read_checkpoint(folder)


def test_a_config_of_a_later_version(folder):
    rewrite_config(folder, version=99)
    with pytest.raises(CheckpointError, match=r"config\.json' has format version 99.*train anew"):
        read_checkpoint(folder)


@pytest.mark.parametrize("key", ["weights", "sha256"])
def test_a_config_without_its_entries(folder, key):
    config = config_of(folder)
    del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=rf"config\.json' is damaged.*{key}"):
        read_checkpoint(folder)


def test_a_config_edited_by_hand_is_refused(folder):
    (folder / "config.json").write_text(json.dumps(config_of(folder) | {"more": 1}))
    with pytest.raises(CheckpointError, match="damaged or was edited"):
        read_checkpoint(folder)


@pytest.mark.parametrize("depth", [900, 960, 980, 990, 2000])
def test_a_config_nested_deeply(folder, depth):
    text = (folder / "config.json").read_text().rstrip("}")
    (folder / "config.json").write_text(f'{text}, "deep": {"[" * depth}{"]" * depth}}}')
    with pytest.raises(CheckpointError, match="is damaged"):
        read_checkpoint(folder)


def test_missing_weights(folder):
    weights_of(folder).unlink()
    with pytest.raises(CheckpointError, match=r"cannot be read.*weights-.*Copy the whole folder"):
        read_checkpoint(folder)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "longer"])
def test_damaged_weights(folder, damage):
    file = weights_of(folder)
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        content = content[:-5]
    elif damage == "flipped":
        content[-3] ^= 1
    elif damage == "emptied":
        content = bytearray()
    else:
        content += b"\0"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights-.* is damaged.*SHA-256.*Copy the folder"):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "..", "", ".", "a\0b", 7])
def test_weights_outside_the_folder_are_never_read(folder, name):
    secret = folder.parent / "secret.safetensors"
    save_file({"secret": torch.ones(1)}, secret)
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    rewrite_config(folder, weights=name, sha256=digest)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(folder)


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return (open, (self.file, "w"))


def test_nothing_is_ever_unpickled(folder, tmp_path):
    trace = tmp_path / "exploded"
    content = pickle.dumps(Bomb(trace))
    pickle.loads(content).close()
    assert trace.exists()  # the bomb works
    trace.unlink()
    for file in (weights_of(folder), folder / "config.json"):
        file.write_bytes(content)
        if file.name != "config.json":
            rewrite_config(folder, sha256=hashlib.sha256(content).hexdigest())
        with pytest.raises(CheckpointError, match=r"not a safetensors file|no JSON"):
            read_checkpoint(folder)
        assert not trace.exists()


@pytest.fixture
def state_folder(tmp_path):
    state = TrainerState.create(Spread(SPEC))
    state.step = 3
    write_state(tmp_path, snapshot(state), {"seed": 1, "widths": (1, 2)})
    return tmp_path


def test_a_state_of_the_same_settings_goes_on(state_folder):
    state = read_state(state_folder, Spread(SPEC), {"seed": 1, "widths": (1, 2)})
    assert state.step == 3


def test_a_state_of_another_run_is_refused(state_folder):
    with pytest.raises(CheckpointError, match=r"another one: it differs in seed.*checkpoint_dir"):
        read_state(state_folder, Spread(SPEC), {"seed": 2, "widths": (1, 2)})


def test_a_state_for_another_model_is_refused(state_folder):
    other = Spread(SignalSpec(1, 5, 2))
    with pytest.raises(CheckpointError, match=r"(?s)does not fit its model.*Delete the folder"):
        read_state(state_folder, other, {"seed": 1, "widths": (1, 2)})


def test_a_saved_model_is_no_training_state(folder):
    with pytest.raises(CheckpointError, match=r"no saved training but a 'test'.*checkpoint_dir"):
        read_state(folder, Spread(SPEC), {})
