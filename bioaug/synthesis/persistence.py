"""A fitted Synthesizer as tensors and JSON, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from bioaug._version import __version__
from bioaug.core.checkpoint import MALFORMED, as_json, read_checkpoint, write_checkpoint
from bioaug.core.checks import check_path
from bioaug.exceptions import CheckpointError
from bioaug.leakage import TrainingFingerprint
from bioaug.models import available_models, get_model
from bioaug.synthesis._model_files import described, rebuilt, weights_of, without_prefix
from bioaug.synthesis.fitted import FittedModel
from bioaug.synthesis.sampling import FittedState, SamplingMixin
from bioaug.training.runtime import Runtime

KIND = "synthesizer"
PARAMETERS = ("model", "model_params", "training_params", "n_steps", "max_time", "per_class")
PARAMETERS += ("n_features",)  # that are saved, besides random_state
MAX_HISTORY_ENTRIES = 60_000  # of all models
FINGERPRINT = "fingerprint/"  # the names of its arrays begin with this


class SavedForm(NamedTuple):
    """What a folder holds of a Synthesizer."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]


class PersistenceMixin(SamplingMixin, BaseEstimator):
    """Mixin of estimators with fitted models: `save` and `load`."""

    def save(self, path: str | Path, *, include_fingerprint: bool = False) -> None:
        """Write the fitted synthesizer into folder `path`: safetensors and JSON, atomically.

        Parameters
        ----------
        path : path
        include_fingerprint : bool, default=False
            Whether the folder also holds `training_fingerprint_`, keyed hashes of the training rows
            together with their key, so that the loaded synthesizer recognises them in a test set.
            Whoever has such a folder can ask whether a row that they have was trained on, so it is
            for those who may see the training rows themselves. The weights of a model give
            something away as well; see "Sharing a model or synthetic rows" in the documentation.

        Raises
        ------
        OSError
            Where the folder cannot be written; what it held before stays, and so does the
            synthesizer.
        CheckpointError
            Where the folder holds something else than a saved model of bioaug. Files of other
            programs are never replaced or deleted.

        Notes
        -----
        Processes that save into one folder wait for each other, and what is loaded is whole. Of a
        history of more than 60,000 entries evenly spaced ones are kept.
        """
        folder = check_path(path, name="path", owner="save")
        fingerprint = self._get_state().fingerprint if include_fingerprint else None
        write_checkpoint(folder, *self.to_saved(fingerprint))

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Return the fitted synthesizer that `save` wrote into folder `path`.

        Parameters
        ----------
        path : path
        device : str, default="auto"
            Where it generates; "auto" takes a GPU where there is one.

        Returns
        -------
        synthesizer : Synthesizer
            One whose model is a class of your own is loaded after `bioaug.register_model`.

        Raises
        ------
        CheckpointError
            Where the folder is missing, damaged, or holds something else.
        """
        tensors, config = read_checkpoint(check_path(path, name="path", owner="load"))
        Runtime.create(device)
        if config.get("kind") != KIND:
            raise CheckpointError(
                f"The folder {str(path)!r} holds no saved Synthesizer but a "
                f"{config.get('kind')!r}. Give the folder that Synthesizer.save wrote."
            )
        return cls.from_saved(SavedForm(tensors, config), path, device=device)

    def to_saved(self, fingerprint: TrainingFingerprint | None) -> SavedForm:
        """Return what `save` writes.

        Parameters
        ----------
        fingerprint : TrainingFingerprint or None
            What the folder shall hold as the fingerprint of the training rows.

        Returns
        -------
        saved : SavedForm
            Tensors, and what JSON can hold.
        """
        return _to_saved(self.get_params(deep=False), self._get_state(), fingerprint)

    @classmethod
    def from_saved(cls, saved: SavedForm, path: str | Path, *, device: str) -> Self:
        """Return the synthesizer of a saved form.

        Parameters
        ----------
        saved : SavedForm
        path : path
            The folder that it was read from, for the error texts.
        device : str
            Where it generates.

        Returns
        -------
        synthesizer : Synthesizer

        Raises
        ------
        CheckpointError
            Where the saved form is none that `to_saved` returns.
        """
        parameters, state = _from_saved(saved, path)
        synthesizer = cls(**parameters, device=device)  # pyright: ignore[reportCallIssue]
        synthesizer._set_state(state)
        return synthesizer


def _to_saved(
    parameters: Mapping[str, Any], state: FittedState, fingerprint: TrainingFingerprint | None
) -> SavedForm:
    """Return the saved form of a Synthesizer.

    Parameters
    ----------
    parameters : mapping
        Those of its constructor.
    state : FittedState
    fingerprint : TrainingFingerprint or None
        Keyed hashes of training rows that the folder shall hold; None leaves them out.
    """
    tensors, about = weights_of(state.models), None
    if fingerprint is not None:
        arrays, about = fingerprint.to_saved()
        tensors |= {f"{FINGERPRINT}{n}": torch.from_numpy(a) for n, a in arrays.items()}
    seed, n_models = parameters["random_state"], len(state.models)
    saved = {name: parameters[name] for name in PARAMETERS}
    saved["model"] = get_model(saved["model"]).name
    if isinstance(saved["n_steps"], Mapping):  # JSON has no labels but text
        saved["n_steps"] = list(saved["n_steps"].items())
    config = {
        "kind": KIND,
        "bioaug": __version__,
        "parameters": as_json(saved),
        "random_state": seed if isinstance(seed, Integral) else None,
        "sampling_seed": state.sampling_seed,
        "n_samplings": state.n_samplings,
        "models": [_thinned(described(fitted), n_models) for fitted in state.models],
        "fingerprint": about,
    }
    return SavedForm(tensors, config)


def _from_saved(saved: SavedForm, path: str | Path) -> tuple[dict[str, Any], FittedState]:
    """Return the parameters and the fitted state of a Synthesizer.

    Raises
    ------
    CheckpointError
        Where `saved` was read from folder `path` but is not what `_to_saved` returns.
    """
    tensors, config = saved
    try:
        if foreign := sorted(config["parameters"].keys() - set(PARAMETERS)):
            raise ValueError(f"parameters: {foreign} unknown")
        parameters = {**config["parameters"], "random_state": config["random_state"]}
        if isinstance(parameters.get("n_steps"), list):
            parameters["n_steps"] = dict(parameters["n_steps"])
        _check_registered(parameters.get("model"), path)
        model = get_model(parameters["model"], owner="the saved Synthesizer")
        models = [
            rebuilt(model, parameters["model_params"], of_model, tensors, index)
            for index, of_model in enumerate(config["models"])
        ]
        return parameters, _state(models, config, tensors)
    except MALFORMED as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"The saved model in {str(path)!r} cannot be rebuilt ({error}). Load it with the "
            f"bioaug that wrote it ({config.get('bioaug')}), or train and save it anew."
        ) from error


def _check_registered(name: Any, path: str | Path) -> None:
    """Raise a CheckpointError for a model that this process does not know by name."""
    if isinstance(name, str) and name not in available_models():
        raise CheckpointError(
            f"The saved model in {str(path)!r} is of class {name!r:.80}, which is not registered "
            f"here: {available_models()}. If it is a class of your own, import it, call "
            "bioaug.register_model with it, and load again."
        )


def _state(
    models: list[FittedModel], config: dict[str, Any], tensors: dict[str, Tensor]
) -> FittedState:
    seed, n_samplings = int(config["sampling_seed"]), int(config["n_samplings"])
    if seed < 0 or n_samplings < 0:
        raise ValueError("sampling_seed and n_samplings: negative")
    if len({fitted.codec.shape for fitted in models}) != 1:
        raise ValueError("models: not one shape of signals")
    fingerprint = None
    if config.get("fingerprint") is not None:
        arrays = without_prefix(FINGERPRINT, tensors)
        fingerprint = TrainingFingerprint.from_saved(
            {name: tensor.numpy() for name, tensor in arrays.items()}, config["fingerprint"]
        )
        if fingerprint.n_values != math.prod(models[0].codec.shape):
            raise ValueError("fingerprint: of rows of another length")
    return FittedState(models, seed, n_samplings, fingerprint)


def _thinned(of_model: dict[str, Any], n_models: int) -> dict[str, Any]:
    """Return a description with a history of bounded length, so that it can always be saved."""
    history, n_kept = of_model["history"], max(MAX_HISTORY_ENTRIES // n_models, 2)
    if len(history) <= n_kept:
        return of_model
    chosen = np.linspace(0, len(history) - 1, n_kept).round().astype(int)
    return of_model | {"history": [history[entry] for entry in chosen]}
