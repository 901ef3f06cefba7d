"""Damaged and hostile files of saved models and trainings: always one CheckpointError."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from toys import make_rows

from bioaug import Synthesizer
from bioaug.core.checkpoint import json_digest
from bioaug.core.checkpoint_folder import CONFIG, MAX_CONFIG_BYTES
from bioaug.core.strict_json import parse_json
from bioaug.exceptions import CheckpointError, TrainingWarning

DENSE = {
    "model": "dense",
    "model_params": {"latent_dim": 4, "generator_widths": (8,), "discriminator_widths": (8,)},
    "training_params": {"log_every": 1, "batch_size": 8},
    "n_steps": 2,
    "random_state": 0,
}
X, Y = make_rows((24, 8)), np.arange(24) % 2
KINDS = ["saved", "training"]

pytestmark = [
    pytest.mark.usefixtures("untyped"),
    pytest.mark.filterwarnings("ignore::bioaug.exceptions.TrainingWarning"),
]


def always_equal(synthesizer, X, y):
    return 0.5


def fit(checkpoint_dir=None):
    stopping = None if checkpoint_dir is None else always_equal
    return Synthesizer(**DENSE, checkpoint_dir=checkpoint_dir, early_stopping=stopping).fit(X, Y)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A saved model and a training state, each with what reads it."""
    root = tmp_path_factory.mktemp("originals")
    fit(root / "states").save(root / "saved")
    (training,) = (root / "states").iterdir()
    return {"saved": root / "saved", "training": training}


@pytest.fixture
def folder(originals, tmp_path, kind):
    target = tmp_path / kind / originals[kind].name
    shutil.copytree(originals[kind], target)
    return target


def read(kind, folder):
    return Synthesizer.load(folder) if kind == "saved" else fit(folder.parent)


def weights_of(folder):
    (file,) = folder.glob("weights-*.safetensors")
    return file


def sign(folder, config):
    """Write a config with a digest that fits, as an attacker would."""
    config = {k: v for k, v in config.items() if k != "config_sha256"}
    (folder / CONFIG).write_text(json.dumps(config | {"config_sha256": json_digest(config)}))


def put_weights(folder, content):
    """Replace the weights by others, of the digest that is asked for."""
    weights_of(folder).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    sign(folder, json.loads((folder / CONFIG).read_text()) | {"sha256": digest})


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read(folder, kind):
    assert read(kind, folder).sample(3)[0].shape == (3, 8)


# Weights that are signed, and wrong all the same


def header(text, claimed=None):
    content = text if isinstance(text, bytes) else json.dumps(text).encode()
    return struct.pack("<Q", len(content) if claimed is None else claimed) + content


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"a": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return (open, (self.file, "w"))


FOREIGN = {
    "empty": b"",
    "text": b"these are no weights",
    "zip": b"PK\x03\x04" + bytes(60),
    "zeros": bytes(200),
    "header longer than the file": header({}, claimed=10**6),
    "header of 8 EiB": header({}, claimed=2**63),
    "header of all bits": b"\xff" * 64,
    "header no JSON": header(b"{]"),
    "header a list": header([]),
    "header nested": header(b"[" * 100_000),
    "header of many tensors": header(b'{"a":{}' + b',"a":{}' * 2 * 10**6 + b"}"),
    "header no UTF-8": header(b"\xff\xfe"),
    "unknown dtype": header(entry("F31")) + bytes(4),
    "dtype that torch lacks": header(entry("F4", (2,), (0, 1))) + bytes(1),
    "negative shape": header(entry(shape=(-1,))) + bytes(4),
    "huge shape": header(entry(shape=(2**62, 2**62))) + bytes(4),
    "shape of 4 TiB": header(entry(shape=(2**40,), offsets=(0, 2**42))) + bytes(4),
    "offsets beyond the end": header(entry(offsets=(4, 8))) + bytes(4),
    "offsets turned round": header(entry(offsets=(4, 0))) + bytes(4),
    "cut within the data": header(entry(shape=(9,), offsets=(0, 36))) + bytes(8),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_signed_weights_that_are_no_safetensors(folder, kind, content):
    put_weights(folder, content)
    with pytest.raises(CheckpointError, match=r"weights-.*' is not a safetensors file \(.*anew"):
        read(kind, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_in_the_name_of_safetensors_is_not_unpickled(folder, kind, tmp_path):
    trace = tmp_path / "exploded"
    torch.save({"a": torch.ones(1), "b": Bomb(trace)}, tmp_path / "bomb.pt")
    for content in (pickle.dumps(Bomb(trace)), (tmp_path / "bomb.pt").read_bytes()):
        put_weights(folder, content)
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            read(kind, folder)
        assert not trace.exists()


def changed(change):
    def apply(folder):
        tensors = load(weights_of(folder).read_bytes())
        name = next(n for n in sorted(tensors) if tensors[n].ndim == 2 and "weight" in n)
        change(tensors, name)
        put_weights(folder, save({n: t.contiguous() for n, t in tensors.items()}))

    return apply


def with_value(make):
    return changed(lambda tensors, name: tensors.update({name: make(tensors[name])}))


WRONG_TENSORS = {
    "one missing": (changed(lambda tensors, name: tensors.pop(name)), "is missing"),
    "one more": (
        changed(lambda t, n: t.update({n + "2": t[n].clone()})),
        "is unknown|does not fit|rebuilt",
    ),
    "other shape": (with_value(lambda t: torch.zeros(7, 5)), r"shape.*7, 5"),
    "a row that would broadcast": (with_value(lambda t: t[:1]), "shape"),
    "turned": (with_value(lambda t: t.T if len(set(t.shape)) > 1 else t[1:]), "shape"),
    "scalar": (with_value(lambda t: torch.tensor(1.0)), "shape"),
    "integers": (with_value(lambda t: t.to(torch.int64)), "torch.int64"),
    "half": (with_value(lambda t: t.half()), "torch.float16"),
    "complex": (with_value(lambda t: t.to(torch.complex64)), "torch.complex64"),
    "none at all": (changed(lambda t, n: t.clear()), "missing|'model'"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("damage", "named"), WRONG_TENSORS.values(), ids=WRONG_TENSORS)
def test_signed_weights_of_wrong_names_shapes_and_dtypes(folder, kind, damage, named):
    try:
        damage(folder)
    except KeyError as error:
        if named not in str(error):
            raise
        pytest.skip(f"this version of safetensors writes no {named}")
    with pytest.raises(
        CheckpointError, match=rf"(?s)(cannot be rebuilt|not fit its model).*({named})"
    ):
        read(kind, folder)


@pytest.mark.parametrize("kind", ["training"])
@pytest.mark.parametrize("slot", ["/exp_avg", "/exp_avg_sq", "/step"])
def test_an_optimizer_that_has_forgotten_something(folder, kind, slot):
    tensors = load(weights_of(folder).read_bytes())
    kept = {
        n: t for n, t in tensors.items() if not (n.startswith("optimizer") and n.endswith(slot))
    }
    assert len(kept) < len(tensors)
    put_weights(folder, save(kept))
    with pytest.raises(CheckpointError, match=rf"'{slot[1:]}' is missing.*Delete the folder"):
        read(kind, folder)


@pytest.mark.parametrize("kind", ["training"])
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"step": 3}, "step 3 of 2"),
        ({"step": 10**30}, "of 2"),
        ({"history": [{"step": 9}]}, "beyond step 2"),
        ({"history": [{"step": 2}, {"step": 1}]}, "step 1 after step 2"),
        ({"history": [{"step": 1, "phase": ["a"]}]}, "more than values"),
    ],
)
def test_a_state_that_no_such_run_can_have(folder, kind, state, reason):
    config = json.loads((folder / CONFIG).read_text())
    config["state"] |= state
    sign(folder, config)
    with pytest.raises(CheckpointError, match=rf"(?s){reason}.*Delete the folder"):
        read(kind, folder)


@pytest.mark.parametrize("kind", ["training"])
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"n_worse": -1}, "n_worse is -1"),
        ({"n_worse": 1.5}, r"n_worse is 1\.5"),
        ({"best_score": float("nan")}, "best_score is nan"),
        ({"best_score": True}, "best_score is True"),
    ],
)
def test_a_state_that_early_stopping_cannot_have(folder, kind, state, reason):
    config = json.loads((folder / CONFIG).read_text())
    config["state"]["callbacks"]["EarlyStopping"] |= state
    sign(folder, config)
    with pytest.raises(CheckpointError, match=rf"(?s){reason}.*Delete the folder"):
        read(kind, folder)


@pytest.mark.parametrize("kind", ["training"])
def test_a_state_of_another_version_is_warned_of(folder, kind):
    config = json.loads((folder / CONFIG).read_text())
    sign(folder, config | {"torch": "1.0"})
    with pytest.warns(TrainingWarning, match=r"written by torch 1\.0.*other weights"):
        read(kind, folder)


@pytest.mark.parametrize("kind", ["training"])
@pytest.mark.parametrize(
    ("group", "make"),
    [
        ("optimizer/", lambda t: torch.zeros(3, 3, 3)),
        ("generator/", lambda t: t[:-9]),
        ("generator/", lambda t: t.float()),
        ("averaged/", lambda t: t[..., :0]),
        ("callback/", lambda t: t[..., :0]),
        ("averaged/", lambda t: torch.full_like(t, torch.nan)),
        ("optimizer/", lambda t: torch.full_like(t, torch.inf)),
        ("optimizer/", lambda t: t.reshape(-1)[0]),
    ],
)
def test_other_parts_of_a_training_that_are_wrong(folder, kind, group, make):
    tensors = load(weights_of(folder).read_bytes())
    name = next(n for n in sorted(tensors) if n.startswith(group) and tensors[n].ndim)
    tensors[name] = make(tensors[name]).contiguous()
    put_weights(folder, save(tensors))
    with pytest.raises(CheckpointError, match=r"(?s)does not fit its model \(.+Delete the folder"):
        read(kind, folder)


# Configs that are signed, and wrong all the same

WRONG_VALUES = [None, True, -1, 3, 1e400, "text", [], [[]], {}, {"a": 1}, [1, "a", None], 10**30]
PATHS = {
    "saved": [
        ("parameters",),
        ("parameters", "model"),
        ("parameters", "model_params"),
        ("parameters", "model_params", "generator_widths"),
        ("sampling_seed",),
        ("n_samplings",),
        ("models",),
        ("models", 0),
        ("models", 0, "spec"),
        ("models", 0, "spec", "n_timesteps"),
        ("models", 0, "asked for"),
        ("models", 0, "history"),
        ("models", 0, "warning"),
        ("models", 0, "quality"),
        ("models", 0, "quality", 0),
        ("models", 0, "quality", 0, "n_rows"),
        ("models", 0, "codec"),
        ("models", 0, "codec", "classes"),
        ("models", 0, "codec", "classes_dtype"),
        ("models", 0, "codec", "dtype"),
        ("models", 0, "codec", "ndim"),
        ("models", 0, "codec", "low"),
        ("models", 0, "codec", "n_timesteps"),
        ("models", 0, "codec", "row_properties"),
        ("weights",),
        ("sha256",),
        ("kind",),
    ],
    "training": [
        ("settings",),
        ("settings", "model"),
        ("state",),
        ("state", "step"),
        ("state", "seconds"),
        ("state", "history"),
        ("state", "stop"),
        ("state", "warning"),
        ("state", "callbacks"),
        ("state", "callbacks", "EarlyStopping"),
        ("state", "callbacks", "EarlyStopping", "best_score"),
        ("state", "callbacks", "EarlyStopping", "n_worse"),
        ("weights",),
        ("sha256",),
        ("kind",),
    ],
}


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind in KINDS for path in PATHS[kind]])
def test_signed_configs_with_values_of_other_types(folder, kind, path):
    """Each is refused by name, or as good as the right one: then there are samples as ever."""
    right = json.loads((folder / CONFIG).read_text())
    n_refused = 0
    for value in WRONG_VALUES:
        config = json.loads(json.dumps(right))
        inner = config
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        sign(folder, config)
        try:
            made, labels = read(kind, folder).sample(4)
        except CheckpointError as error:
            n_refused += str(folder) in str(error)
        else:
            assert made.shape in ((4, 8), (4, 1, 8))
            assert np.isfinite(made).all()
            assert set(labels.tolist()) <= {0, 1}
    assert n_refused >= len(WRONG_VALUES) // 2


@pytest.mark.parametrize("kind", ["saved"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("models", 0, "codec", "n_timesteps"), 10**13),
        (("models", 0, "codec", "classes_dtype"), "<U999999999"),
        (("parameters", "model_params"), {"generator_widths": [10**7, 10**7]}),
        (("parameters", "model_params"), {"generator_widths": [1] * 10**5}),
        (("parameters", "model_params"), {"latent_dim": 10**300}),
        (("models", 0, "codec", "classes"), [""] * 10**5),
        (("models", 0, "codec", "low"), [float("-inf")]),
        (("parameters", "checkpoint_dir"), "/tmp/elsewhere"),
        (("parameters", "callbacks"), []),
    ],
)
def test_sizes_that_would_fill_the_memory_are_refused(folder, kind, path, value):
    config = json.loads((folder / CONFIG).read_text())
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    spec = config["models"][0]["spec"]
    spec["n_timesteps"] = config["models"][0]["codec"]["n_timesteps"]
    sign(folder, config)
    with pytest.raises(CheckpointError, match="cannot be rebuilt"):
        read(kind, folder)


DEEP = {
    "flow": "depth",
    "r3gan": "depth",
    "biosgan": "depth",
    "wavegan": "depth",
    "timegan": "n_layers",
    "stagan": "n_layers",
    "transgan": "depth",
}


@pytest.mark.parametrize("number", [10**5, 10**9, 10**18])
@pytest.mark.parametrize("model", DEEP)
def test_a_billion_layers_are_not_begun(originals, tmp_path, model, number):
    """Nothing fits weights of another model, but most layers of it are cheap to add."""
    shutil.copytree(originals["saved"], tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / CONFIG).read_text())
    value = [1, number] if model == "transgan" else number
    config["parameters"] |= {"model": model, "model_params": {DEEP[model]: value}}
    sign(tmp_path / "saved", config)
    with pytest.raises(CheckpointError, match="cannot be rebuilt"):
        Synthesizer.load(tmp_path / "saved")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(folder, kind, value):
    with_value(lambda t: t.clone().fill_(value))(folder)
    with pytest.raises(CheckpointError, match="holds NaN or infinite values"):
        read(kind, folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" " * (MAX_CONFIG_BYTES + 1), "bytes, more than"),
        (b"[" + b"[]," * 10**6 * 3 + b"[]]", "values, more than"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "100 levels|101 levels"),
        (b'{"a": "' + b'\\"' * 10**6, "no JSON"),
        (b'{"a": ' + b"9" * 10**6 + b"}", "no JSON"),
    ],
    ids=["spaces", "many values", "deep", "a text without end", "a long number"],
)
def test_a_config_is_bounded_before_it_is_parsed(folder, kind, content, reason):
    (folder / CONFIG).write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        read(kind, folder)


def test_texts_do_not_count_as_nesting():
    assert parse_json(json.dumps({"a": "[" * 1000, "b": '\\"[{' * 99}).encode())["a"] == "[" * 1000
    with pytest.raises(ValueError, match="65 levels"):
        parse_json(b"[" * 65 + b"]" * 65)
    assert parse_json(b"[" * 64 + b"]" * 64)


# Files that cannot be read as a whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["weights", "config"])
@pytest.mark.parametrize("stand_in", ["sparse", "device", "pipe", "folder", "dangling link"])
def test_stand_ins_for_a_file_neither_hang_nor_fill_the_memory(folder, kind, which, stand_in):
    file = weights_of(folder) if which == "weights" else folder / CONFIG
    file.unlink()
    if stand_in == "sparse":
        with file.open("wb") as stream:
            stream.truncate(2**40)
    elif stand_in == "pipe":
        os.mkfifo(file)
    elif stand_in == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero" if stand_in == "device" else "nowhere")
    if kind == "training" and which == "config" and stand_in != "sparse":
        pytest.skip("a training without a config begins anew")
    with pytest.raises(CheckpointError, match=r"is damaged|cannot be read|There is no saved model"):
        read(kind, folder)


# Bytes at random


def flips(size):
    place = st.tuples(st.integers(0, size - 1), st.integers(1, 255))
    return st.lists(place, min_size=1, max_size=4, unique_by=lambda flip: flip[0])


def check_flips(folder, kind, data, *, signed):
    for which in ("weights", "config"):
        file = weights_of(folder) if which == "weights" else folder / CONFIG
        before, config_before = file.read_bytes(), (folder / CONFIG).read_bytes()
        content = bytearray(before)
        # Where signed, only the head: other weights are weights, too.
        size = struct.unpack("<Q", content[:8])[0] + 8 if which == "weights" else len(content)
        for place, mask in data.draw(flips(size if signed else len(content))):
            content[place] ^= mask
        try:
            if signed and which == "weights":
                put_weights(folder, bytes(content))
            elif signed:
                file.write_bytes(content)
                with suppress(ValueError, AttributeError, RecursionError):
                    sign(folder, json.loads(content))
            else:
                file.write_bytes(content)
            try:
                made = read(kind, folder).sample(2)[0]
            except CheckpointError as error:
                told = str(error)
            else:
                # A flip in a number or between JSON's tokens can leave it as good as before.
                told = str(folder) if signed or json.loads(content) == json.loads(before) else ""
                assert made.shape[0] == 2
            assert str(folder) in told
        finally:
            file.write_bytes(before)
            (folder / CONFIG).write_bytes(config_before)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes(originals, tmp_path, kind, signed):
    folder = tmp_path / kind / originals[kind].name
    shutil.copytree(originals[kind], folder)

    @settings(max_examples=15, deadline=None, derandomize=True)
    @given(st.data())
    def check(data):
        check_flips(folder, kind, data, signed=signed)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_many_flipped_bytes(originals, tmp_path, kind, signed):
    folder = tmp_path / kind / originals[kind].name
    shutil.copytree(originals[kind], folder)

    @settings(max_examples=1000, deadline=None, derandomize=True)
    @given(st.data())
    def check(data):
        check_flips(folder, kind, data, signed=signed)

    check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("which", ["weights", "config"])
def test_cut_files(folder, kind, share, which):
    file = weights_of(folder) if which == "weights" else folder / CONFIG
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"is damaged.*(anew|whole)"):
        read(kind, folder)
