"""Saved synthesizers: what is in a folder, and what is refused on loading."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from synthesizers import DENSE, assert_same_samples, assert_same_weights, make
from toys import SMALL, make_rows

from bioaug import Synthesizer
from bioaug.core.checkpoint import (
    read_checkpoint,
    write_checkpoint,
)
from bioaug.exceptions import (
    CheckpointError,
)
from bioaug.synthesis.persistence import MAX_HISTORY_ENTRIES

X, Y = make_rows((24, 8)), np.arange(24) % 2

pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the generated signals")


@pytest.mark.parametrize("per_class", [False, True])
def test_a_loaded_synthesizer_makes_the_same_samples(X, y, tmp_path, per_class):
    fitted = make(per_class=per_class).fit(X, y)
    fitted.sample(2)
    fitted.save(tmp_path / "saved")
    loaded = Synthesizer.load(tmp_path / "saved")
    assert_same_weights(fitted, loaded)
    assert_same_samples(fitted, loaded, random_state=5)
    assert_same_samples(fitted, loaded)  # both go on with the stream
    assert loaded.history_ == fitted.history_
    assert loaded.signal_shape_ == fitted.signal_shape_
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    assert loaded.get_params()["model_params"] == SMALL
    assert_same_weights(clone(loaded).fit(X, y), fitted)


@pytest.mark.usefixtures("untyped")
def test_numpy_parameters_can_be_saved(X, y, tmp_path):
    fitted = make(random_state=np.int64(0), max_time=np.float64(1e9)).fit(X, y)
    fitted.save(tmp_path)
    assert Synthesizer.load(tmp_path).max_time == 1e9


def test_saving_over_a_saved_one_replaces_it(X, y, tmp_path):
    make(random_state=1).fit(X, y).save(tmp_path)
    fitted = make().fit(X, y)
    fitted.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert_same_weights(Synthesizer.load(tmp_path), fitted)


def test_saved_files_are_safetensors_and_json_only(X, y, tmp_path):
    make(per_class=True).fit(X, y).save(tmp_path)
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".safetensors"]


def test_loading_a_missing_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere"):
        Synthesizer.load(tmp_path / "nowhere")


def test_loading_a_training_state(X, y, tmp_path):
    make(checkpoint_dir=tmp_path).fit(X, y)
    (folder,) = tmp_path.iterdir()
    with pytest.raises(CheckpointError, match=r"no saved Synthesizer but a 'training'.*save wrote"):
        Synthesizer.load(folder)


def no_models(config):
    config["models"] = []


def other_parameter(config):
    config["parameters"]["model_params"] = {"width": 3}


def other_size(config):
    config["models"][0]["spec"]["n_timesteps"] = 21


def no_codec(config):
    del config["models"][0]["codec"]


def bad_dtype(config):
    config["models"][0]["codec"]["dtype"] = "<z9"


def text_for_model(config):
    config["models"] = ["x"]


def no_seed(config):
    del config["sampling_seed"]


@pytest.mark.parametrize(
    "damage",
    [
        no_models,
        other_parameter,
        other_size,
        no_codec,
        bad_dtype,
        text_for_model,
        no_seed,
    ],
)
@pytest.mark.usefixtures("untyped")
def test_loading_a_config_that_fits_no_model(X, y, tmp_path, damage):
    make().fit(X, y).save(tmp_path)
    tensors, config = read_checkpoint(tmp_path)
    damage(config)
    write_checkpoint(tmp_path / "damaged", tensors, {k: config[k] for k in list(config)[4:]})
    with pytest.raises(CheckpointError, match=r"(?s)damaged' cannot be rebuilt.*train and save"):
        Synthesizer.load(tmp_path / "damaged")


def test_loading_a_model_that_is_not_registered(X, y, tmp_path):
    make().fit(X, y).save(tmp_path)
    tensors, config = read_checkpoint(tmp_path)
    config["parameters"]["model"] = "biosgen"
    write_checkpoint(tmp_path, tensors, {k: config[k] for k in list(config)[4:]})
    with pytest.raises(
        CheckpointError, match=r"'biosgen', which is not registered.*register_model"
    ):
        Synthesizer.load(tmp_path)


def test_loading_weights_of_which_one_is_missing(X, y, tmp_path):
    make().fit(X, y).save(tmp_path)
    tensors, config = read_checkpoint(tmp_path)
    tensors.pop(next(iter(tensors)))
    write_checkpoint(tmp_path, tensors, {k: config[k] for k in list(config)[4:]})
    with pytest.raises(CheckpointError, match=r"(?s)cannot be rebuilt.*is missing"):
        Synthesizer.load(tmp_path)


def test_a_long_history_is_thinned_and_can_be_loaded(tmp_path):
    fitted = Synthesizer(**DENSE, per_class=True).fit(X, np.arange(24) % 12)
    entry, n_kept = fitted.models_[0].history[0], MAX_HISTORY_ENTRIES // 12
    fitted.models_[0].history = [entry | {"step": step} for step in range(n_kept + 500)]
    fitted.save(tmp_path)
    steps = [entry["step"] for entry in Synthesizer.load(tmp_path).models_[0].history]
    assert len(steps) == n_kept
    assert (steps[0], steps[-1]) == (0, n_kept + 499)
    assert set(np.diff(steps)) == {1, 2}
