"""No training row comes back from a saved model, its cache or its checkpoints.

Every array of a folder is taken for rows as they are, for rows in principal coordinates and for
directions along which rows lie; the model's own samples join them. What that finds of the training
rows is compared with what it finds of held-out rows of the same patients, row by row, both by what
other beats of these patients, which are public, tell already.
"""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from attacks import (
    arrays_of,
    find_stored,
    rebuilt_by_directions,
    rebuilt_by_points,
    rebuilt_by_shape,
    values_in_json,
)
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from bioaug import Synthesizer, available_models
from bioaug.datasets import make_ecg
from bioaug.synthesis.codec import SignalCodec

N = 122  # rows of each part: no size of a network
COUNTED = {"group", "first", "num_batches_tracked"}  # whole numbers among the weights
GENERATORS = {"generator/cpu"}
SHARE = 0.5  # of a held-out row's smallest error, which no training row may come below


def make_parts(n=N, **settings):
    """Return training, held-out and public rows of the same patients, some of them outliers."""
    ecg = make_ecg(3 * n, classes=("N", "V"), class_weights=(0.5, 0.5), random_state=0, **settings)
    X = ecg.data.reshape(3 * n, -1).astype(np.float64)
    for start in (0, n):  # outliers among training and held-out rows alike
        X[start : start + 3] *= 2.5
        X[start + 3] = 4 * X[start + 3, ::-1]
    return X, ecg.target


SMALL = {"n_patients": 6, "window": (24, 40), "sampling_rate": 120}


@pytest.fixture(scope="module")
def parts():
    return make_parts(**SMALL)


def fitted(name, folder, X, y, n_steps=4):
    """Train with every way of writing there is, and return the synthesizer."""
    synthesizer = Synthesizer(
        name,
        n_steps=n_steps,
        checkpoint_dir=folder / "checkpoints",
        memory=folder / "memory",
        random_state=0,
    )
    synthesizer.fit(X, y).save(folder / "saved")
    return synthesizer


def limits(X):
    """Return what the models' units are scaled by, as a folder tells it."""
    codec = SignalCodec.fit(X, np.zeros(len(X), int))
    return codec.low[0], codec.high[0]


def attack(folder, samples, X, n=N):
    """Return the errors for training and for held-out rows, by each attack."""
    low, high = limits(X[:n])
    encoded = 2 * (X - low) / (high - low) - 1
    samples = 2 * (samples - low) / (high - low) - 1
    public = encoded[2 * n :]
    stored = find_stored(folder, samples, public, (low, high))
    attacks = (rebuilt_by_points, rebuilt_by_directions, rebuilt_by_shape)
    return [np.split(rebuilt(encoded[: 2 * n], stored, public), 2) for rebuilt in attacks]


def rows_given_away(folder, samples, X, n=N):
    """Return the training rows that come back better than any held-out row does."""
    errors = attack(folder, samples, X, n)
    return sorted(
        {
            int(row)
            for of_members, of_held_out in errors
            for row in np.flatnonzero(of_members < SHARE * of_held_out.min())
        }
    )


QUICK = ("dense", "flow")  # the simplest, and the default, whose noise is learned from the rows
EVERY_MODEL = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in available_models()
]


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_no_training_row_comes_back_from_what_is_written(name, parts, tmp_path):
    X, y = parts
    synthesizer = fitted(name, tmp_path, X[:N], y[:N])
    samples = synthesizer.sample(200, random_state=0)[0]
    for written in ("saved", "memory", "checkpoints"):
        assert arrays_of(tmp_path / written)
    assert rows_given_away(tmp_path, samples, X) == []
    check_room(tmp_path, synthesizer, X, y)


def check_room(folder, synthesizer, X, y):
    """There is no room for rows outside the weights, nor for more than the networks' own weights.

    Arrays have the names and shapes of the model, its optimisers and the generators of random
    numbers; in text and JSON there are fewer numbers, and shorter texts, than a row has values.
    """
    weights = {k: tuple(v.shape) for k, v in synthesizer.models_[0].model.state_dict().items()}
    shapes = {*weights.values(), ()}
    for name, array in arrays_of(folder).items():
        _, _, stem = name.partition(":")
        group, _, rest = stem.partition("/")
        if group.isdigit() or group in ("model", "averaged"):
            assert array.shape == weights[rest], name
            assert array.dtype.kind == "f" or rest.split(".")[-1] in COUNTED, name
        elif group == "callback":  # copies of the weights: callback/<class>/<entry>/<weight>
            assert array.shape == weights[rest.split("/", 2)[2]], name
        elif group == "optimizer":
            assert array.dtype.kind == "f", name
            assert array.shape in shapes, name
        else:
            assert stem in GENERATORS, name
            assert array.dtype == np.uint8, name
    # Measurements of rows would have an axis as long as the training set or a class.
    counts = {N, *np.unique(y[:N], return_counts=True)[1].tolist()}
    assert not counts & {size for array in arrays_of(folder).values() for size in array.shape}
    files = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_size]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    for file in files:
        if file.suffix == ".safetensors":
            with safe_open(file, "numpy") as opened:
                assert not opened.metadata(), file
        else:
            numbers, texts = values_in_json(file.parent)
            assert len(numbers) < X.shape[1], file
            assert max(map(len, texts)) <= 64, file  # of a SHA-256


@pytest.mark.slow
@pytest.mark.parametrize("name", available_models())
def test_no_training_row_comes_back_from_a_model_of_usual_size(name, tmp_path):
    n = 457
    X, y = make_parts(n, n_patients=12)
    synthesizer = fitted(name, tmp_path, X[:n], y[:n], n_steps=300)
    samples = synthesizer.sample(5000, random_state=0)[0]
    for written in ("saved", "memory", "checkpoints"):
        assert rows_given_away(tmp_path / written, samples, X, n) == []


def planted(folder, change):
    """Write a folder anew with some arrays changed."""
    (file,) = folder.glob("*.safetensors")
    arrays = load_file(file)
    save_file(change(arrays), file)


@pytest.fixture
def saved(parts, tmp_path):
    X, y = parts
    synthesizer = Synthesizer("flow", n_steps=1, random_state=0).fit(X[:N], y[:N])
    synthesizer.save(tmp_path)
    check_room(tmp_path, synthesizer, X, y)
    return tmp_path, synthesizer.sample(200, random_state=0)[0], X


def encoded(X, row):
    low, high = limits(X[:N])
    return 2 * (X[row] - low) / (high - low) - 1


def test_the_attack_finds_a_row_that_is_stored(saved):
    folder, samples, X = saved
    row = encoded(X, 57).astype(np.float32)
    planted(folder, lambda arrays: arrays | {"0/velocity.extra": np.stack([row, row]).T.copy()})
    assert rows_given_away(folder, samples, X) == [57]


def test_the_attack_finds_a_row_that_is_a_centre(saved):
    folder, samples, X = saved

    def change(arrays):
        axes = {part: arrays[f"0/axes.{part}"] for part in ("axes", "mean", "deviations")}
        centres = arrays["0/mixture.centres"].copy()
        row = encoded(X, 57).astype(np.float32) - axes["mean"].ravel()
        centres[0] = row @ axes["axes"] / axes["deviations"]
        return arrays | {"0/mixture.centres": centres}

    planted(folder, change)
    assert rows_given_away(folder, samples, X) == [57]


def test_the_attack_finds_a_row_by_its_direction(saved):
    folder, samples, X = saved
    low, high = limits(X[:N])
    centre = 2 * (X[2 * N :].mean(axis=0) - low) / (high - low) - 1
    along = 0.1 * (encoded(X, 57) - centre).astype(np.float32)
    planted(folder, lambda arrays: arrays | {"0/axes.extra": along[None]})
    assert rows_given_away(folder, samples, X) == [57]


@pytest.mark.parametrize(
    "hide",
    [
        lambda row, X: -0.3 * row[None] + 1,
        lambda row, X: np.concatenate([row, np.zeros(192)]),
        lambda row, X: np.concatenate([np.ones(5), row]),
        lambda row, X: row.reshape(2, -1),
        lambda row, X: row.astype(np.float16)[None],
        lambda row, X: np.frombuffer(row.astype(np.float32).tobytes(), np.uint8).copy(),
        lambda row, X: X[57:58],
    ],
    ids=["gain", "padded", "later", "halves", "float16", "bytes", "units"],
)
def test_the_attack_finds_a_row_that_is_disguised(saved, hide):
    folder, samples, X = saved
    hidden = hide(encoded(X, 57), X)
    hidden = hidden.astype(np.float32) if hidden.dtype == np.float64 else hidden
    planted(folder, lambda arrays: arrays | {"0/velocity.extra": hidden})
    assert rows_given_away(folder, samples, X) == [57]


def test_the_attack_finds_a_row_along_the_axes(saved):
    folder, samples, X = saved

    def change(arrays):
        row = (encoded(X, 57).astype(np.float32) - arrays["0/axes.mean"]) @ arrays["0/axes.axes"]
        return arrays | {"0/velocity.extra": row[None]}

    planted(folder, change)
    assert rows_given_away(folder, samples, X) == [57]


@pytest.mark.parametrize("place", ["keys", "text", "list", "metadata", "file", "array", "whole"])
def test_there_is_no_room_for_rows_elsewhere(place, parts, tmp_path):
    X, y = parts
    synthesizer = Synthesizer("dense", n_steps=1, random_state=0).fit(X[:N], y[:N])
    synthesizer.save(tmp_path)
    check_room(tmp_path, synthesizer, X, y)
    row, config = X[57].tolist(), json.loads((tmp_path / "config.json").read_text())
    entry = config["models"][0]["history"][0]
    if place == "keys":
        entry |= {f"loss {index}": value for index, value in enumerate(row)}
    elif place == "text":
        entry["loss"] = base64.b64encode(X[57].tobytes()).decode()
    elif place == "list":
        entry["loss"] = row
    elif place == "metadata":
        (file,) = tmp_path.glob("*.safetensors")
        save_file(load_file(file), file, metadata={"row": str(row)})
    elif place == "file":
        np.save(tmp_path / "rows.npy", X[:3])
    elif place == "array":
        planted(tmp_path, lambda arrays: arrays | {"0/fingerprint": (X[:40, :16] + 0.0).ravel()})
    else:
        name = "0/generator.extra"
        planted(tmp_path, lambda arrays: arrays | {name: (1000 * X[:3]).astype(np.int64)})
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises((AssertionError, KeyError)):
        check_room(tmp_path, synthesizer, X, y)


def test_the_fingerprint_is_only_written_where_asked_for(parts, tmp_path):
    X, y = parts
    synthesizer = Synthesizer("dense", n_steps=1, random_state=0).fit(X[:N], y[:N])
    for name, asked in (("without", False), ("with", True)):
        synthesizer.save(tmp_path / name, include_fingerprint=asked)
        lengths = {size for a in arrays_of(tmp_path / name).values() for size in a.shape}
        assert (N in lengths) is asked
        samples = synthesizer.sample(200, random_state=0)[0]
        assert rows_given_away(tmp_path / name, samples, X) == []
