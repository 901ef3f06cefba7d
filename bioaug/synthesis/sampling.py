"""What fitted models generate: the learned half of a Synthesizer."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch.utils.data import get_worker_info

from bioaug.core.checks import NOT_NEGATIVE_INT, check_number
from bioaug.core.containers import check_array_like
from bioaug.core.row_noise import row_seeds
from bioaug.core.seeding import check_generator, draw_seed
from bioaug.exceptions import DataError
from bioaug.leakage import TrainingFingerprint
from bioaug.synthesis.fitted import FittedModel, without_classes
from bioaug.synthesis.quality import ClassQuality
from bioaug.training.runtime import Runtime


@dataclass(frozen=True)
class FittedState:
    """All that a Synthesizer has learned.

    Attributes
    ----------
    models : list of FittedModel
    sampling_seed : int
        From which the seeds of `sample` without a `random_state` follow.
    n_samplings : int
        How often that was called.
    fingerprint : TrainingFingerprint or None
    """

    models: list[FittedModel]
    sampling_seed: int
    n_samplings: int = 0
    fingerprint: TrainingFingerprint | None = None


class SamplingMixin:
    """Mixin of estimators that hold fitted models: their learned attributes, and sampling."""

    device: str
    models_: list[FittedModel]
    training_fingerprint_: TrainingFingerprint | None
    classes_: NDArray
    signal_shape_: tuple[int, ...]
    n_features_in_: int
    _sampling_seed: int
    _n_samplings: int

    def _set_state(self, state: FittedState) -> None:
        """Set every learned attribute, as after `fit`."""
        codec = state.models[0].codec
        classes = np.concatenate([fitted.classes for fitted in state.models])
        # Concatenated labels have this machine's byte order, those of the rows may have another.
        self.classes_ = np.unique(classes).astype(codec.classes.dtype)
        self.models_, self.training_fingerprint_ = list(state.models), state.fingerprint
        self.signal_shape_, self.n_features_in_ = codec.shape, codec.shape[0]
        self._sampling_seed, self._n_samplings = state.sampling_seed, state.n_samplings

    def _get_state(self) -> FittedState:
        """Return all that was learned."""
        check_is_fitted(self)
        return FittedState(
            self.models_, self._sampling_seed, self._n_samplings, self.training_fingerprint_
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "models_")

    @property
    def quality_(self) -> dict[Any, ClassQuality]:
        """A note on the synthetic signals of every class."""
        check_is_fitted(self)
        return {label: note for fitted in self.models_ for label, note in fitted.quality.items()}

    @property
    def n_steps_(self) -> int | dict[Any, int]:
        """The steps that the training of each model was planned for."""
        check_is_fitted(self)
        steps = {label: one.n_steps for one in self.models_ for label in one.classes.tolist()}
        return steps if len(set(steps.values())) > 1 else next(iter(steps.values()))

    @property
    def history_(self) -> list[dict[str, Any]]:
        """Mean losses along the training of every model."""
        check_is_fitted(self)
        return [
            {"classes": ", ".join(map(str, fitted.classes))} | entry
            for fitted in self.models_
            for entry in fitted.history
        ]

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
        seeds: Any = None,
    ) -> tuple[NDArray, NDArray]:
        """Generate new signals.

        Parameters
        ----------
        n_samples : int, default=1
            How many, spread evenly over the classes; not used where `y` is given.
        y : array-like of shape (n_samples,), optional
            The class of each new signal.
        random_state : int, RandomState or None, default=None
            None continues the estimator's own stream: every call generates new signals, and two
            estimators with the same `random_state` generate the same ones call by call.
        seeds : array-like of shape (n_samples,), optional
            A seed of its own for every signal, instead of `random_state`. A signal of the same
            class and seed is the same, up to rounding, whatever else is generated with it.

        Returns
        -------
        X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
            In the units and dtype of the training rows.
        y : ndarray of shape (n_samples,)

        Raises
        ------
        DataError
            Where `y` holds a class that was not in the training rows.

        Notes
        -----
        These rows are not registered as synthetic, as those of `GANOversampler.fit_resample` are:
        a synthesizer keeps no training rows, so it cannot tell which of them are copies of real
        ones. Rows of it that are passed as real ones are therefore not recognised.
        """
        check_is_fitted(self)
        check_number(n_samples, NOT_NEGATIVE_INT, name="n_samples", owner="sample")
        if y is None:
            labels = self.classes_[np.arange(n_samples) * len(self.classes_) // max(n_samples, 1)]
        else:
            labels = self._check_known(y, owner="sample")
        if seeds is None:
            seeds = row_seeds(self._call_seed(random_state), len(labels))
        return self.generate(labels, _checked_seeds(seeds, labels)), labels

    def generate(self, labels: NDArray, seeds: NDArray[np.int64]) -> NDArray:
        """Return one signal for each label and its seed, without the checks of `sample`.

        In the worker of a loader it runs on the CPU, for a forked process must not touch CUDA.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,)
            Labels from `classes_`.
        seeds : ndarray of int64 of shape (n_samples,)

        Returns
        -------
        X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
            In the units and dtype of the training rows.
        """
        is_worker = get_worker_info() is not None
        device = torch.device("cpu") if is_worker else Runtime.create(self.device).device
        X = np.empty((len(labels), *self.signal_shape_), self.models_[0].codec.dtype)
        for fitted in self.models_:
            rows = np.flatnonzero(np.isin(labels, fitted.classes))
            if len(rows):
                fitted.generate_into(X, rows, labels[rows], seeds[rows], device=device)
        return X

    def joined(self, other: Self) -> Self:
        """Return a synthesizer of the classes of this one, and of those that only `other` has.

        Parameters
        ----------
        other : Synthesizer
            Fitted on signals of the same shape, with the same `model` and `model_params`.

        Returns
        -------
        synthesizer : Synthesizer
            With the parameters of this one; both stay as they are.

        Raises
        ------
        DataError
            Where the two generate other signals or hold other models.
        """
        state, others = self._get_state(), other._get_state()
        alike = ("model", "model_params", "signal_shape_", "n_features")
        differing = [name for name in alike if getattr(self, name) != getattr(other, name)]
        if differing:
            raise DataError(
                f"The 'other' parameter of joined must be a Synthesizer with the same "
                f"{', '.join(differing)}. Got {getattr(other, differing[0])!r} instead of "
                f"{getattr(self, differing[0])!r}. Fit both alike."
            )
        fingerprint = state.fingerprint
        if fingerprint is not None and others.fingerprint is not None:
            fingerprint = fingerprint.joined(others.fingerprint)
        models = state.models + without_classes(others.models, self.classes_)
        synthesizer = copy(self)
        synthesizer._set_state(replace(state, models=models, fingerprint=fingerprint))
        return synthesizer

    def _check_known(self, y: Any, *, owner: str) -> NDArray:
        """Return labels as an array of the dtype of `classes_`.

        Raises
        ------
        DataError
            Where one is not in `classes_`, or they are not one list.
        """
        check_array_like(y, owner=owner, name="y")
        labels = np.asarray(y)
        unknown = sorted(set(labels.ravel().tolist()) - set(self.classes_.tolist()), key=str)
        if unknown or labels.ndim != 1:
            got = repr(unknown) if unknown else f"an array of shape {labels.shape}"
            raise DataError(
                f"The 'y' parameter of {owner} must be a list of the classes "
                f"{self.classes_.tolist()}. Got {got} instead. Give labels that were in the "
                "training rows."
            )
        return labels.astype(self.classes_.dtype)

    def _call_seed(self, random_state: int | np.random.RandomState | None) -> int:
        """Return the seed of one call of `sample`, for None the next of the estimator's stream."""
        if random_state is None:
            stream = np.random.SeedSequence([self._sampling_seed, self._n_samplings])
            random_state = int(stream.generate_state(1)[0]) % (2**31)
            self._n_samplings += 1
        return draw_seed(check_generator(random_state))


def _checked_seeds(seeds: Any, labels: NDArray) -> NDArray[np.int64]:
    check_array_like(seeds, owner="sample", name="seeds")
    given = np.asarray(seeds)
    if given.shape != labels.shape or given.dtype.kind not in "iu":
        raise DataError(
            f"The 'seeds' parameter of sample must be {len(labels)} integers, one for each signal. "
            f"Got {given.dtype} of shape {given.shape} instead."
        )
    return given.astype(np.int64)
