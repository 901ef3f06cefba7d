"""Checks of a Synthesizer's parameters."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Memory

from bioaug.core.checkpoint import as_json
from bioaug.core.checks import (
    NOT_NEGATIVE_INT,
    POSITIVE,
    Interval,
    check_keys,
    check_number,
    check_option,
    check_path,
)
from bioaug.exceptions import DataError
from bioaug.models import get_model
from bioaug.models.base import GenerativeModel
from bioaug.models.registry import registered_models
from bioaug.synthesis.fitted import Scorer
from bioaug.training import Callback, TrainerConfig
from bioaug.training.runtime import Runtime

OWNER = "Synthesizer"
OWN_PARAMETERS = ("n_steps", "max_time")  # of TrainerConfig, that a Synthesizer has by itself
MIN_ROWS, MIN_ROWS_EARLY_STOPPING = 2, 10  # of a class; of ten, two are held out


@dataclass(frozen=True)
class Settings:
    """The checked parameters of a Synthesizer, in the form in which trainings need them.

    Attributes
    ----------
    config : TrainerConfig
        With the steps of each model, unless `class_steps` has them, and the time of all models.
    class_steps : mapping of label to int, or None
        Steps of each class.
    per_class : bool
        Whether every class gets a model of its own.
    min_rows : int
        The fewest rows of a class.
    """

    model: type[GenerativeModel]
    model_params: dict[str, Any]
    config: TrainerConfig
    class_steps: Mapping[Any, int] | None
    per_class: bool
    n_features: int
    scorer: Scorer | None
    checkpoint_dir: Path | None
    memory: Path | None
    callbacks: tuple[Callback, ...]
    device: str
    n_jobs: int | None
    verbose: int

    @property
    def min_rows(self) -> int:
        """The fewest rows that a class may have."""
        return MIN_ROWS if self.scorer is None else MIN_ROWS_EARLY_STOPPING


def check_settings(parameters: Mapping[str, Any]) -> Settings:
    """Return the settings of a Synthesizer with these constructor parameters.

    Raises
    ------
    DataError
        Where a parameter has a value that is not allowed.
    """
    model = _model(parameters["model"])
    n_steps = parameters["n_steps"]
    config = _trainer_config(model, parameters)
    check_option(
        parameters["per_class"], name="per_class", owner=OWNER, options=[True, False, "auto"]
    )
    integer = Interval(Integral, None, None, closed="neither")
    check_number(parameters["n_jobs"], integer, name="n_jobs", owner=OWNER, optional=True)
    checkpoint_dir = _checkpoint_dir(parameters)
    scorer = _scorer(parameters["early_stopping"])
    callbacks = _callbacks(parameters["callbacks"])
    if not isinstance(parameters["verbose"], bool | np.bool_):
        check_number(parameters["verbose"], NOT_NEGATIVE_INT, name="verbose", owner=OWNER)
    Runtime.create(parameters["device"])
    return Settings(
        model=model,
        model_params=dict(parameters["model_params"] or {}),
        config=config,
        class_steps=n_steps if isinstance(n_steps, Mapping) else None,
        per_class=parameters["per_class"] is True or not model.conditional,
        n_features=parameters["n_features"],
        scorer=scorer,
        checkpoint_dir=checkpoint_dir,
        memory=_memory(parameters["memory"]),
        callbacks=callbacks,
        device=parameters["device"],
        n_jobs=parameters["n_jobs"],
        verbose=int(parameters["verbose"]),
    )


def _model(model: Any) -> type[GenerativeModel]:
    """Return the class of the model, of which a saved file will hold the name."""
    cls = get_model(model, owner=OWNER)
    known = registered_models().get(cls.name, cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise DataError(
            f"The 'model' parameter of {OWNER} must have a name that no other model has. Got "
            f"{cls.name!r} of {cls.__module__}.{cls.__qualname__}, which is that of "
            f"{known.__module__}.{known.__qualname__}. Set another name in the class body."
        )
    return cls


def _trainer_config(model: type[GenerativeModel], parameters: Mapping[str, Any]) -> TrainerConfig:
    """Return the model's defaults, with the values that the user set in their place."""
    params, training = parameters["model_params"], parameters["training_params"]
    n_steps, max_time = parameters["n_steps"], parameters["max_time"]
    allowed = set(inspect.signature(model.__init__).parameters) - {"self", "spec"}
    check_keys(params, name="model_params", owner=OWNER, allowed=allowed)
    if isinstance(training, Mapping) and (twice := [n for n in OWN_PARAMETERS if n in training]):
        raise DataError(
            f"The 'training_params' parameter of {OWNER} must not hold {' or '.join(twice)}, which "
            f"{OWNER} has as a parameter. Got {dict(training)!r:.200}. Give "
            f"{OWNER}({', '.join(f'{name}=...' for name in twice)})."
        )
    allowed = set(TrainerConfig.__dataclass_fields__) - set(OWN_PARAMETERS)
    check_keys(training, name="training_params", owner=OWNER, allowed=allowed)
    as_json({"model_params": params, "training_params": training})
    settings = {**model.training_defaults, **(training or {})}
    if isinstance(n_steps, Mapping):
        for of_class in n_steps.values():
            check_number(of_class, NOT_NEGATIVE_INT, name="n_steps", owner=OWNER)
    else:
        check_number(n_steps, NOT_NEGATIVE_INT, name="n_steps", owner=OWNER, optional=True)
        if n_steps is not None:
            settings["n_steps"] = n_steps
    check_number(max_time, POSITIVE, name="max_time", owner=OWNER, optional=True)
    if max_time is not None:
        settings["max_time"] = float(max_time)
    return TrainerConfig(**settings)


def _checkpoint_dir(parameters: Mapping[str, Any]) -> Path | None:
    if parameters["checkpoint_dir"] is None:
        return None
    if parameters["random_state"] is None:
        raise DataError(
            f"The 'random_state' parameter of {OWNER} must be set where 'checkpoint_dir' is, for a "
            "training can only go on with its own seed. Got None instead. Set random_state=0, say."
        )
    return check_path(parameters["checkpoint_dir"], name="checkpoint_dir", owner=OWNER)


def _scorer(early_stopping: Any) -> Scorer | None:
    if not isinstance(early_stopping, str | None) and not callable(early_stopping):
        raise DataError(
            f"The 'early_stopping' parameter of {OWNER} must be None, the name of a scorer or a "
            f"callable (synthesizer, X, y). Got {early_stopping!r} instead."
        )
    if early_stopping is None or callable(early_stopping):
        return early_stopping  # pyright: ignore[reportReturnType]
    from bioaug.metrics import get_scorer  # takes a second to import

    return get_scorer(early_stopping)


def _callbacks(callbacks: Any) -> tuple[Callback, ...]:
    callbacks = () if callbacks is None else callbacks
    is_right = isinstance(callbacks, Sequence) and all(isinstance(c, Callback) for c in callbacks)
    if not is_right:
        raise DataError(
            f"The 'callbacks' parameter of {OWNER} must be a list of bioaug.training.Callback. Got "
            f"{callbacks!r} instead."
        )
    return tuple(callbacks)


def _memory(memory: Any) -> Path | None:
    """Return the folder of what scikit-learn takes as `memory`."""
    if memory is not None and not isinstance(memory, str | os.PathLike | Memory):
        raise DataError(
            f"The 'memory' parameter of {OWNER} must be a folder, a joblib.Memory or None. Got "
            f"{memory!r} instead."
        )
    location = memory.location if isinstance(memory, Memory) else memory
    return None if location is None else check_path(location, name="memory", owner=OWNER)
