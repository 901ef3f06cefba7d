"""Folders of saved models and of the memory: whose files are whose, and who may write."""

from __future__ import annotations

import json
import shutil
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import make_rows

from bioaug import Synthesizer
from bioaug.core.checkpoint import (
    CONFIG,
    check_folder,
    json_digest,
    read_checkpoint,
    write_checkpoint,
)
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import CheckpointError, DataError, TrainingWarning
from bioaug.synthesis.persistence import MAX_HISTORY_ENTRIES

DENSE = {
    "model": "dense",
    "model_params": {"latent_dim": 4, "generator_widths": (8,), "discriminator_widths": (8,)},
    "training_params": {"log_every": 1, "batch_size": 8},
    "n_steps": 2,
    "random_state": 0,
}
X, Y = make_rows((24, 8)), np.arange(24) % 2

pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the generated signals")


@pytest.fixture(scope="module")
def fitted():
    return Synthesizer(**DENSE).fit(X, Y)


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def write(folder, value, **options):
    write_checkpoint(folder, {"a": torch.full((50,), float(value))}, {"n": value}, **options)


# What is written over, and what never is


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


# Several processes


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


# What is too large to be read is not written


def nested(depth):
    return [nested(depth - 1)] if depth else []


def test_a_long_history_is_thinned_and_can_be_loaded(tmp_path):
    copied = Synthesizer(**DENSE).fit(X, Y)
    entry = copied.models_[0].history[0]
    copied.models_[0].history = [entry | {"step": step} for step in range(62_000)]
    copied.save(tmp_path)
    steps = [entry["step"] for entry in Synthesizer.load(tmp_path).history_]
    assert len(steps) == MAX_HISTORY_ENTRIES
    assert (steps[0], steps[-1]) == (0, 61_999)
    assert set(np.diff(steps)) == {1, 2}


def test_what_could_not_be_read_again_is_refused(tmp_path, monkeypatch):
    write(tmp_path, 1)
    monkeypatch.setattr("bioaug.core.checkpoint.MAX_CONFIG_BYTES", 10_000)
    for large in ("x" * 10_000, [[[]] * 2000], nested(65)):
        with pytest.raises(CheckpointError, match=r"too large to be saved.*log_every"):
            write_checkpoint(tmp_path, {}, {"large": large})
    assert read_checkpoint(tmp_path)[1]["n"] == 1


# Labels that can be saved


LABELS = {
    "text": np.array(["N", "V"]),
    "objects": np.array(["N", "V"], object),
    "a null at the end": np.array(["N", "N\0"], object),
    "long objects": np.array(["N" * 10**5, "V"], object),
    "text beyond ASCII": np.array(["ä\ud800", "💓"], object),
    "integers": np.array([2**62, 2**62 + 1]),
    "other byte order": np.array([1, 2], ">i8"),
    "unsigned": np.array([0, 2**64 - 1], np.uint64),
    "booleans": np.array([False, True]),
    "float16": np.array([1, 2], np.float16),
}


@pytest.mark.parametrize("classes", LABELS.values(), ids=LABELS)
def test_labels_come_back_as_they_were(tmp_path, classes):
    fitted = Synthesizer(**DENSE).fit(X, classes[Y])
    fitted.save(tmp_path)
    loaded = Synthesizer.load(tmp_path)
    assert loaded.classes_.tolist() == classes.tolist()
    assert loaded.classes_.dtype == classes.dtype
    made, again = (found.sample(6, random_state=0) for found in (fitted, loaded))
    np.testing.assert_array_equal(made[0], again[0])
    assert made[1].tolist() == again[1].tolist()
    assert np.abs(fitted.sample(6)[0]).max() > 1e-3  # no row is left as the memory was


UNSTORABLE = {
    "dates": np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
    "time spans": np.array([1, 2], "m8[s]"),
    "long doubles": np.array([1, 2], np.longdouble),
    "very long texts": np.array(["N" * 20_000, "V"]),
}


@pytest.mark.parametrize("classes", UNSTORABLE.values(), ids=UNSTORABLE)
def test_labels_that_cannot_be_saved_are_refused_before_the_training(classes):
    if classes.dtype == np.float64:
        pytest.skip("long doubles are doubles here")
    with pytest.raises(DataError, match=r"must hold (labels that can be saved|text or numbers)"):
        Synthesizer(**DENSE).fit(X, classes[Y])


def test_parameters_that_cannot_be_saved_are_refused_before_the_training():
    with pytest.raises(CheckpointError, match="A setting cannot be saved"):
        Synthesizer(**DENSE | {"model_params": {"latent_dim": torch.tensor(4)}}).fit(X, Y)


# The memory


def entries_of(folder):
    return sorted(file.parent for file in Path(folder).glob("bioaug/*/config.json"))


def test_an_entry_of_the_memory_under_another_key_is_not_believed(tmp_path):
    fit = Synthesizer(**DENSE, memory=tmp_path).fit
    fit(X, Y)
    (first,) = entries_of(tmp_path)
    wanted = fit(1000 * X, Y).sample(4)[0]
    (other,) = set(entries_of(tmp_path)) - {first}
    shutil.rmtree(other)
    shutil.copytree(first, other)
    with pytest.warns(TrainingWarning, match="kept for other rows or parameters.*") as caught:
        np.testing.assert_array_equal(fit(1000 * X, Y).sample(4)[0], wanted)
    assert len(caught) == 1
    np.testing.assert_array_equal(fit(1000 * X, Y).sample(4)[0], wanted)  # mended, no warning


def test_a_memory_that_cannot_be_locked_is_read_all_the_same(tmp_path, monkeypatch):
    wanted = Synthesizer(**DENSE, memory=tmp_path).fit(X, Y).sample(4)[0]

    def refuses(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuses)
    monkeypatch.setattr("bioaug.core.atomic.replacing", refuses)
    again = Synthesizer(**DENSE, memory=tmp_path).fit(X, Y)
    np.testing.assert_array_equal(again.sample(4)[0], wanted)
    with pytest.warns(TrainingWarning, match="could not be kept.*Permission denied"):
        Synthesizer(**DENSE | {"random_state": 1}, memory=tmp_path).fit(X, Y)


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_a_memory_that_cannot_be_a_folder_costs_a_warning(tmp_path, fitted, name):
    (tmp_path / "file").write_text("x")
    with pytest.warns(TrainingWarning, match="could not be kept"):
        found = Synthesizer(**DENSE, memory=tmp_path / name).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            found.sample(2, random_state=0)[0], fitted.sample(2, random_state=0)[0]
        )
