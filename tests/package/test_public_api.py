from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import public_api
import pytest

import bioaug
from bioaug import available_models, get_model
from bioaug.exceptions import DataError
from bioaug.models.base import GenerativeModel

ROOT = Path(bioaug.__file__).parents[1]

IMPORT = """
import logging, os, random, sys, warnings
import numpy as np, torch
import imblearn.over_sampling  # which draws from `random` by itself
warnings.simplefilter("error")
torch.set_num_threads(1)

def state():
    return (
        np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate(),
        torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype(),
        torch.backends.cudnn.deterministic, torch.are_deterministic_algorithms_enabled(),
        logging.root.level, list(logging.root.handlers), logging.getLogger("bioaug").handlers,
        sorted(np.geterr().items()), dict(os.environ),
    )

before = state()
import bioaug, bioaug.datasets, bioaug.training
from bioaug import *
assert state() == before, [a for a, b in zip(before, state()) if a != b]
assert "matplotlib.pyplot" not in sys.modules
assert "torch.utils.tensorboard" not in sys.modules
print(os.listdir("."))
"""


def test_importing_changes_and_writes_nothing(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "home")}
    found = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout == "[]\n"
    assert found.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_all_names_exist():
    assert bioaug.__all__
    modules = ["bioaug", "bioaug.datasets", "bioaug.models", "bioaug.training"]
    for module in map(importlib.import_module, modules):
        for name in getattr(module, "__all__", []):
            assert hasattr(module, name)


LAZY = """
import sys, bioaug, bioaug.cli
assert not {"torch", "sklearn", "numpy"} & set(sys.modules)
assert set(bioaug.__all__) <= set(dir(bioaug))
"""


def test_what_takes_long_to_import_is_imported_when_it_is_asked_for(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", LAZY], env=environment, check=True)
    assert bioaug.metrics.mmd.__name__ == "mmd"
    with pytest.raises(AttributeError, match="no attribute 'Sampler'"):
        _ = bioaug.Sampler  # pyright: ignore


def test_every_module_can_be_imported_alone():
    names = [module.name for module in pkgutil.walk_packages(bioaug.__path__, "bioaug.")]
    assert "bioaug.oversampling.sampler" in names
    for name in names:
        importlib.import_module(name)


def test_available_models_are_sorted_and_found():
    names = available_models()
    assert "biosgan" in names
    assert names == sorted(names)
    for name in names:
        model = get_model(name)
        assert issubclass(model, GenerativeModel)
        assert model.name == name


def test_every_model_has_its_own_file():
    folder = Path(bioaug.__file__).parent / "models"
    modules = [get_model(name).__module__ for name in available_models()]
    files = {m.rsplit(".", 1)[1] for m in modules if m.startswith("bioaug.models.")}
    assert len(files) == sum(m.startswith("bioaug.") for m in modules)
    assert {f"{name}.py" for name in files} <= {file.name for file in folder.iterdir()}


def test_an_unknown_model_is_named_with_the_nearest_one():
    with pytest.raises(DataError, match=r"'model' parameter of get_model.*Did you mean 'biosgan'"):
        get_model("biosgam")


def test_defining_a_class_registers_nothing():
    before = available_models()

    class Own(GenerativeModel):
        name = "own"

        def phases(self):
            return ()

        def generate(self, labels):
            return labels

    assert available_models() == before


def test_an_abstract_model_cannot_be_built():
    from bioaug.models.adversarial import AdversarialModel
    from bioaug.models.base import SignalSpec

    for model in (GenerativeModel, AdversarialModel):
        with pytest.raises(TypeError, match="abstract"):
            model(SignalSpec(1, 8, 1))


def test_public_names_and_signatures_are_those_written_down():
    written = public_api.SNAPSHOT.read_text().splitlines()
    found = public_api.listing().splitlines()
    lost, new = sorted(set(written) - set(found)), sorted(set(found) - set(written))
    assert (lost, new) == ([], []), (
        "where this is on purpose: make api, and a line in the changelog"
    )
