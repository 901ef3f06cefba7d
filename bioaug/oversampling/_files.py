"""Fitted oversamplers as folders of safetensors and JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from bioaug._version import __version__
from bioaug.core.checkpoint import MALFORMED, as_json, read_checkpoint, write_checkpoint
from bioaug.core.checks import check_path
from bioaug.exceptions import CheckpointError
from bioaug.oversampling._model import Label
from bioaug.synthesis.persistence import KIND as SYNTHESIZER
from bioaug.synthesis.persistence import SavedForm
from bioaug.synthesis.synthesizer import Synthesizer

KIND = "sampler"
SETTINGS = ("per_class", "n_steps", "max_time", "n_features", "quality_filter", "min_samples")
SETTINGS += ("n_jobs", "verbose")


class PersistenceMixin:
    """Saving a fitted sampler, and loading it."""

    def save(self, path: str | Path, *, include_fingerprint: bool = False) -> None:
        """Write the parameters and the trained models into folder `path`, no rows.

        Parameters
        ----------
        path : path
        include_fingerprint : bool, default=False
            Whether the folder also holds `training_fingerprint_`, hashes of all rows and groups
            that were given, where it holds a model. See `Synthesizer.save`.

        Raises
        ------
        OSError
            Where the folder cannot be written.
        CheckpointError
            Where a parameter cannot be saved: an object as `model`, a function.
        """
        check_is_fitted(self, "synthetic_provenance_")
        _write_sampler(self, path, include_fingerprint)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Return the sampler that `save` wrote into folder `path`, which trains nothing anew.

        Its `fit_resample` generates rows with the models that were saved; for classes that were
        grown without a model, it takes the rows that it is given.

        Parameters
        ----------
        path : path
        device : str, default="auto"

        Returns
        -------
        sampler : GANOversampler
            Its `model` is a `FrozenEstimator` of the saved `Synthesizer`, where there is one.

        Raises
        ------
        CheckpointError
            Where the folder is missing, damaged, or holds something else.
        """
        return cls(**_read_sampler(path, device))


def _write_sampler(sampler: Any, path: str | Path, include_fingerprint: bool) -> None:
    """Write a fitted sampler into folder `path`, as one atomic change, without any rows."""
    folder = check_path(path, name="path", owner="save")
    synthesizer = getattr(sampler, "synthesizer_", None)
    tensors, model = {}, None
    if synthesizer is not None:
        fingerprint = sampler.training_fingerprint_ if include_fingerprint else None
        tensors, model = synthesizer.to_saved(fingerprint)
    elif not isinstance(sampler.model, str):
        raise CheckpointError(
            f"A sampler whose 'model' is a {type(sampler.model).__name__} cannot be saved where no "
            "Synthesizer was trained. Use a model's name, or a Synthesizer."
        )
    seed, strategy = sampler.random_state, sampler.sampling_strategy
    if callable(strategy):
        raise CheckpointError(
            "A sampler whose 'sampling_strategy' is a function cannot be saved. Give the counts as "
            "a dict."
        )
    counts = None
    if isinstance(strategy, Mapping):
        counts, strategy = [[_plain(label), int(n)] for label, n in strategy.items()], None
    config = {
        "kind": KIND,
        "bioaug": __version__,
        "parameters": as_json({name: getattr(sampler, name) for name in SETTINGS}),
        "sampling_strategy": strategy,
        "counts": counts,
        "random_state": int(seed) if isinstance(seed, Integral) else None,
        "method": None if synthesizer is not None else sampler.model,
        "synthesizer": model,
    }
    write_checkpoint(folder, tensors, config)


def _read_sampler(path: str | Path, device: str) -> dict[str, Any]:
    """Return the parameters of the sampler in folder `path`."""
    tensors, config = read_checkpoint(check_path(path, name="path", owner="load"))
    if config.get("kind") != KIND:
        load = "Synthesizer.load" if config.get("kind") == SYNTHESIZER else "what wrote it"
        raise CheckpointError(
            f"The folder {str(path)!r} holds no saved GANOversampler but a "
            f"{config.get('kind')!r}. Read it with {load}."
        )
    try:
        if foreign := sorted(config["parameters"].keys() - set(SETTINGS)):
            raise ValueError(f"parameters: {foreign} unknown")
        model, strategy = config["method"], config["sampling_strategy"]
        if config["counts"] is not None:
            strategy = {label: int(n) for label, n in config["counts"]}
        parameters = config["parameters"] | {"random_state": config["random_state"]}
        if config["synthesizer"] is not None:
            saved = SavedForm(tensors, config["synthesizer"])
            model = FrozenEstimator(Synthesizer.from_saved(saved, path, device=device))
        elif not isinstance(model, str):
            raise ValueError(f"method: {model!r:.50}")
    except MALFORMED as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"The saved sampler in {str(path)!r} cannot be rebuilt ({error}). Load it with the "
            f"bioaug that wrote it ({config.get('bioaug')}), or train and save it anew."
        ) from error
    return parameters | {"model": model, "sampling_strategy": strategy, "device": device}


def _plain(label: Label) -> Any:
    return label.item() if isinstance(label, np.generic) else label
