"""What the `model` parameter of GANOversampler stands for."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from bioaug.core.checks import check_option
from bioaug.exceptions import DataError
from bioaug.models import available_models, get_model
from bioaug.models.base import GenerativeModel
from bioaug.oversampling.classical import METHODS, classical_methods
from bioaug.synthesis.synthesizer import Synthesizer
from bioaug.synthesis.units import warn_of_units

OWNER = "GANOversampler"
Label = str | float | bool | np.generic  # of a class
# Parameters that a Synthesizer has, too. Its random_state is another matter: see `fit_generators`.
COMMON = ("per_class", "n_steps", "max_time", "memory", "n_features", "device", "n_jobs", "verbose")


@dataclass(frozen=True)
class ChosenModel:
    """A model, and what can be done with it.

    Attributes
    ----------
    value : Synthesizer, str or object
        A Synthesizer, fitted or not; a name of `classical_methods()`; or an object with `fit` and
        `sample`.
    unit_mismatch : str, optional
        How the rows differ in scale from those that a fitted one was trained on.
    """

    value: Any
    unit_mismatch: str | None = None

    @property
    def synthesizer(self) -> Synthesizer | None:
        """The value, where it is one."""
        return self.value if isinstance(self.value, Synthesizer) else None

    @property
    def method(self) -> str | None:
        """The name of a method without training, where the value is one."""
        return self.value if isinstance(self.value, str) else None

    def n_features(self, default: int) -> int:
        """Return how many values at the end of a row are no time steps, by default as given."""
        return default if self.synthesizer is None else self.synthesizer.n_features

    @property
    def is_fitted(self) -> bool:
        """Whether it is a fitted Synthesizer, which is used as it is."""
        return self.synthesizer is not None and hasattr(self.synthesizer, "classes_")

    @property
    def known_classes(self) -> list[Label]:
        """The classes of a fitted Synthesizer."""
        return self.value.classes_.tolist() if self.is_fitted else []

    @property
    def is_conditional(self) -> bool:
        """Whether one network can learn several classes."""
        trained = self.synthesizer
        return trained is not None and get_model(trained.model, owner=OWNER).conditional

    @property
    def makes_near_copies(self) -> bool:
        """Whether its rows are close to a real one by design."""
        return self.method is not None and METHODS[self.method].makes_near_copies

    @property
    def name(self) -> str:
        """What its rows are marked with in the table of provenance."""
        if self.synthesizer is None:
            return type(self.value).__name__
        return get_model(self.synthesizer.model, owner=OWNER).name


def check_model_name(model: Any) -> None:
    """Raise a DataError for a class of no model, or a text that is neither a name nor a path."""
    if isinstance(model, type) and not issubclass(model, GenerativeModel):
        raise DataError(
            f"The 'model' parameter of {OWNER} must be an object, not a class. Got "
            f"{model.__name__}. Write {model.__name__}()."
        )
    if isinstance(model, str) and not _looks_like_path(model):
        options = [*available_models(), *classical_methods()]
        folder = ", or the folder of a saved Synthesizer"
        check_option(model, name="model", owner=OWNER, options=options, otherwise=folder)


def choose_model(sampler: Any, X: NDArray, y: NDArray, labels: Sequence[Label]) -> ChosenModel:
    """Return what the sampler's `model` stands for; load it where it is a folder.

    Parameters
    ----------
    sampler : GANOversampler
    X, y : ndarray
        The real rows, which a fitted model must suit.
    labels : sequence
        The classes that grow.

    Returns
    -------
    model : ChosenModel

    Raises
    ------
    DataError
        Where a fitted model generates other signals, or none of these classes.
    CheckpointError
        Where `model` is a folder without a whole saved model.
    """
    model = sampler.model
    if isinstance(model, Synthesizer):
        copied: Any = clone(model)
        return ChosenModel(copied.set_params(**_changed_settings(sampler)))
    if isinstance(model, FrozenEstimator):
        inner = model.estimator
        if isinstance(inner, Synthesizer):
            check_is_fitted(inner)
            return _fitted(inner, X, y, labels)
        if len(labels) > 1:
            raise DataError(
                f"The 'model' parameter of {OWNER} may be a FrozenEstimator of a "
                f"Synthesizer, or of another object where one class grows. Got {inner!r:.80} for "
                f"{len(labels)} classes, whose rows it cannot tell from each other."
            )
    if isinstance(model, type) or (isinstance(model, str) and model in available_models()):
        return ChosenModel(Synthesizer(model, **_changed_settings(sampler)))
    if not isinstance(model, str | Path) or model in classical_methods():
        return ChosenModel(model)
    return _fitted(Synthesizer.load(model, device=sampler.device), X, y, labels)


def _changed_settings(sampler: BaseEstimator) -> dict[str, Any]:
    """Return the parameters common to sampler and Synthesizer that are not at their defaults.

    These win over those of a Synthesizer that is given as `model`. One that is set to its default
    cannot be told from one that was left out: to use a default, set it in the Synthesizer.
    """
    defaults = inspect.signature(type(sampler)).parameters
    given = {name: getattr(sampler, name) for name in COMMON}
    return {name: value for name, value in given.items() if value != defaults[name].default}


def _fitted(fitted: Synthesizer, X: NDArray, y: NDArray, labels: Sequence[Label]) -> ChosenModel:
    """Check that a fitted synthesizer suits these rows, and warn where they look otherwise."""
    remedy = "Load a model trained on such rows, or give a model's name to train one."
    if fitted.signal_shape_ != X.shape[1:]:
        raise DataError(
            f"The 'X' parameter of {OWNER} must have signals of shape "
            f"{fitted.signal_shape_}, as the loaded model generates. Got {X.shape[1:]} instead. "
            f"{remedy}"
        )
    missing = sorted(set(np.array(labels).tolist()) - set(fitted.classes_.tolist()), key=str)
    if len(missing) == len(labels):
        raise DataError(
            f"The 'y' parameter of {OWNER} must have classes of the loaded model to grow, "
            f"{fitted.classes_.tolist()}. Got {missing} alone. {remedy}"
        )
    return ChosenModel(fitted, warn_of_units(fitted, X, y, owner=OWNER))


def _looks_like_path(model: str) -> bool:
    if any(mark in model for mark in "~/\\"):
        return True
    with suppress(OSError, ValueError):  # a name that is too long, or no name at all
        return model != "" and Path(model).exists()
    return False
