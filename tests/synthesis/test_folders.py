"""Folders of saved models: whose files are whose, and who may write."""

from __future__ import annotations

import json
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from synthesizers import DENSE
from toys import make_rows

from bioaug import Synthesizer
from bioaug.core.checkpoint import json_digest, read_checkpoint, write_checkpoint
from bioaug.core.checkpoint_folder import CONFIG, check_folder
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import (
    CheckpointError,
    DataError,
)

X, Y = make_rows((24, 8)), np.arange(24) % 2


pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the generated signals")


@pytest.fixture(scope="module")
def fitted():
    return Synthesizer(**DENSE).fit(X, Y)


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def write(folder, value, **options):
    write_checkpoint(folder, {"a": torch.full((50,), float(value))}, {"n": value}, **options)


FOREIGN = {
    "documents": ["thesis.docx"],
    "weights of others": ["weights-epoch12.safetensors", "model.safetensors"],
    "drafts of others": [".notes.tmp"],
    "a config of others": [CONFIG],
    "a repository": [".git"],
}


@pytest.mark.parametrize("names", FOREIGN.values(), ids=FOREIGN)
def test_a_folder_with_other_things_is_refused_and_untouched(tmp_path, fitted, names):
    for name in names:
        (tmp_path / name).write_text('{"hf": "other tool"}')
    for refused in (fitted.save, check_folder):
        with pytest.raises(
            CheckpointError, match=r"holds .* no saved model.*Give the name of a new"
        ):
            refused(tmp_path)
    assert names_in(tmp_path) == sorted(names)
    assert (tmp_path / names[0]).read_text() == '{"hf": "other tool"}'


def test_files_beside_a_saved_model_stay(tmp_path, fitted):
    fitted.save(tmp_path)
    mine = [
        "weights-epoch12.safetensors",
        "weights-0123456789abcdef.safetensors",
        ".a.tmp",
        "b.txt",
    ]
    for name in mine:
        (tmp_path / name).write_text("precious")
    for _ in range(2):
        Synthesizer(**DENSE | {"random_state": 1}).fit(X, Y).save(tmp_path)
    check_folder(tmp_path)
    assert set(mine) < set(names_in(tmp_path))
    assert len(names_in(tmp_path)) == len(mine) + 2
    assert {(tmp_path / name).read_text() for name in mine} == {"precious"}


@pytest.mark.parametrize("name", ["thesis.docx", "../outside.txt"])
def test_a_config_that_names_files_of_others_deletes_none(tmp_path, name):
    folder = tmp_path / "saved"
    write(folder, 1)
    config = json.loads((folder / CONFIG).read_text())
    del config["config_sha256"]
    config["weights"] = name
    (folder / CONFIG).write_text(json.dumps(config | {"config_sha256": json_digest(config)}))
    (folder / name).write_text("precious")
    write(folder, 2)
    assert (folder / name).read_text() == "precious"
    assert read_checkpoint(folder)[1]["n"] == 2


@pytest.mark.parametrize("damage", ["cut", "edited", "of another version"])
def test_a_damaged_saved_model_is_replaced(tmp_path, fitted, damage):
    fitted.save(tmp_path)
    text = (tmp_path / CONFIG).read_text()
    edited = {"cut": text[:300], "edited": text.replace("0", "1")}
    (tmp_path / CONFIG).write_text(edited.get(damage, text.replace('"version": 1', '"version": 9')))
    with pytest.raises(CheckpointError):
        Synthesizer.load(tmp_path)
    fitted.save(tmp_path)
    assert Synthesizer.load(tmp_path).sample(2)[0].shape == (2, 8)


def test_what_killed_writers_left_is_no_reason_to_refuse(tmp_path):
    write(tmp_path / "a", 1)
    (weights,) = (tmp_path / "a").glob("weights-*")
    (tmp_path / "b").mkdir()
    shutil.copy(weights, tmp_path / "b")
    (tmp_path / "b" / f".bioaug-{'0' * 32}.tmp.safetensors").write_text("half")
    write(tmp_path / "b", 2)
    assert len(names_in(tmp_path / "b")) == 2
    assert read_checkpoint(tmp_path / "b")[1]["n"] == 2


def test_the_home_folder_is_understood(tmp_path, fitted, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fitted.save("~/saved")
    assert Synthesizer.load("~/saved").classes_.tolist() == [0, 1]
    kept = {"checkpoint_dir": "~/states", "memory": "~/memory"}
    Synthesizer(**DENSE, **kept).fit(X, Y)
    assert names_in(tmp_path) == ["memory", "saved", "states"]


@pytest.mark.parametrize("path", ["", None, 5, True, b"a", "a\0b", ["a"]])
def test_what_is_no_path(fitted, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="'path' parameter of save"):
        fitted.save(path)
    with pytest.raises(DataError, match="'path' parameter of load"):
        Synthesizer.load(path)
    if path is not None:
        with pytest.raises(DataError, match="'checkpoint_dir' parameter of Synthesizer"):
            Synthesizer(**DENSE, checkpoint_dir=path).fit(X, Y)
        with pytest.raises(DataError, match="'memory' parameter of Synthesizer"):
            Synthesizer(**DENSE, memory=path).fit(X, Y)
    assert names_in(tmp_path) == []


def test_permissions_of_a_saved_model_stay(tmp_path, fitted):
    fitted.save(tmp_path)
    for file in tmp_path.iterdir():
        file.chmod(0o600)
    Synthesizer(**DENSE | {"random_state": 1}).fit(X, Y).save(tmp_path)
    assert [stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()] == [0o600] * 2


def write_often(folder, first, n):
    for value in range(first, first + n):
        write(folder, value)


def test_writers_of_one_folder_take_turns_and_readers_see_whole_models(tmp_path):
    folder = tmp_path / "shared"
    write(folder, 0)
    with ThreadPoolExecutor() as pool:  # whose locks exclude each other as those of processes do
        writers = [pool.submit(write_often, folder, 100 * k, 30) for k in (1, 2)]
        while not all(writer.done() for writer in writers):
            tensors, config = read_checkpoint(folder)
            assert (tensors["a"] == config["n"]).all()
        for writer in writers:
            writer.result()
    assert read_checkpoint(folder)[1]["n"] in (129, 229)
    assert len(names_in(folder)) == 2


def test_a_folder_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    write(tmp_path, 1)
    parse, n_reads, is_writing = parse_json, 0, False

    def replaced_afterwards(content):
        nonlocal n_reads, is_writing
        parsed = parse(content)
        if not is_writing and "weights" in parsed:
            n_reads += 1
            if n_reads < 3:
                is_writing = True
                write(tmp_path, 10 * n_reads)
                is_writing = False
        return parsed

    monkeypatch.setattr("bioaug.core.checkpoint.parse_json", replaced_afterwards)
    tensors, config = read_checkpoint(tmp_path)
    assert (n_reads, config["n"], tensors["a"][0]) == (3, 20, 20.0)


def nested(depth):
    return [nested(depth - 1)] if depth else []


def test_what_could_not_be_read_again_is_refused(tmp_path, monkeypatch):
    write(tmp_path, 1)
    monkeypatch.setattr("bioaug.core.checkpoint.MAX_CONFIG_BYTES", 10_000)
    for large in ("x" * 10_000, [[[]] * 2000], nested(65)):
        with pytest.raises(CheckpointError, match=r"too large to be saved.*log_every"):
            write_checkpoint(tmp_path, {}, {"large": large})
    assert read_checkpoint(tmp_path)[1]["n"] == 1
