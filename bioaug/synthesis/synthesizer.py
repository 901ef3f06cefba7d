"""The estimator that learns signals and makes new ones."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from joblib import Memory, Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch.utils.data import get_worker_info

from bioaug.core.checkpoint import as_json, file_name, remove_stale
from bioaug.core.checks import (
    POSITIVE,
    WHOLE,
    Interval,
    check_class_sizes,
    check_classes,
    check_features,
    check_keys,
    check_number,
    check_option,
    check_path,
    check_signals,
)
from bioaug.core.containers import check_array_like, warn_of_time_first
from bioaug.core.row_noise import row_seeds
from bioaug.core.seeding import check_generator, draw_seed
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError, QualityWarning, TrainingWarning
from bioaug.leakage import TrainingFingerprint
from bioaug.models import get_model
from bioaug.models.base import GenerativeModel
from bioaug.synthesis._persistence import read_synthesizer, write_synthesizer
from bioaug.synthesis.cache import remembered_fit
from bioaug.synthesis.codec import check_storable
from bioaug.synthesis.fit import FittedModel, Scorer, Training
from bioaug.synthesis.quality import ClassQuality
from bioaug.synthesis.units import warn_of_units
from bioaug.training import Callback, TrainerConfig
from bioaug.training.runtime import Runtime


class Synthesizer(BaseEstimator):
    """Learns labelled signals and samples new ones of any class.

    Parameters
    ----------
    model : str, default="flow"
        A name from `available_models()`.
    model_params : dict, optional
        Parameters of the model's constructor, such as ``{"width": 128}``.
    training_params : dict, optional
        Fields of `TrainerConfig` that differ from the model's own defaults.
    n_steps : int or dict, optional
        Training steps of each model; None takes the model's default. A dict has those of each
        class, where every class gets a model of its own.
    max_time : float, optional
        Seconds of training, of all models together. The pace of a few steps tells how many there
        is time for, so another run, or a busier machine, makes others: `n_steps_` keeps the number,
        and ``n_steps=synthesizer.n_steps_`` without `max_time` repeats the run exactly. Where the
        machine becomes slower than planned, a training ends with what it has, and a warning.
    per_class : bool or "auto", default="auto"
        Whether every class gets a model of its own. "auto" trains one model for all classes
        where it can hold labels. A model without labels is always trained per class.
    n_features : int, default=0
        How many of the last values of each 2-D row are no time steps but features of the beat,
        such as RR intervals. They are learned together with the signal, so that a synthetic
        premature beat has a premature RR interval.
    early_stopping : str or callable, optional
        A score by which the training is judged on a fifth of the rows, which it then does not
        see: a name from `bioaug.metrics.get_scorer_names()`, or a callable ``(synthesizer, X, y)
        -> float``, greater is better. The best weights are kept; the training ends after five
        looks, a twentieth of the steps apart, without a better one.
    checkpoint_dir : path, optional
        Folder that training states are written to, also on Ctrl-C. The same fit on the same rows
        goes on from there, and ends with the same weights as an unbroken run. Where the disk is
        full, the training warns and goes on. It needs a `random_state`.
    memory : str, path or joblib.Memory, optional
        Where trained models are kept: the same rows, labels and parameters never train twice,
        also in parallel processes. Callbacks see no training that is not done. It works with a
        `random_state` that is an integer; a training judged by a function of your own is not kept.
    callbacks : sequence of Callback, optional
        What may watch the training, such as `TensorBoard`.
    device : str, default="auto"
        "auto" takes a GPU where there is one.
    n_jobs : int, optional
        How many of the per-class models are trained side by side, as joblib counts. It changes no
        weight: each of k models is trained with a k-th of torch's threads (at least one), also
        where they are trained one after another, which is then slower than side by side.
    random_state : int, RandomState or None, default=None
        An integer gives the same weights and signals bit by bit on one machine with the same
        versions and ``torch.get_num_threads()``; elsewhere rounding differs, and a training
        amplifies it.
    verbose : int, default=0
        1 shows progress bars, where nothing runs in parallel.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in the training rows; one label 0 where `y` was not given.
    models_ : list of FittedModel
        The trained models, one for all classes or one for each. Of each, `model` is the network,
        `classes` are the labels that it generates, and `history` has its losses.
    signal_shape_ : tuple
        ``(n_timesteps,)`` or ``(n_channels, n_timesteps)``.
    training_fingerprint_ : TrainingFingerprint or None
        What it was trained on, as keyed hashes; ``training_fingerprint_.check(X_test)`` raises
        where one of these rows is to be scored on. `save` leaves it out unless told otherwise; then
        it is None after loading.
    quality_ : dict of ClassQuality
        For each class how a few hundred synthetic signals compare with held-out rows, where early
        stopping kept some, else with training rows: coverage, spread and near copies. `fit` warns
        where it is bad, and prints it with `verbose`.
    n_steps_ : int or dict
        The steps that the training of each model was planned for; by class where they differ.
    history_ : list of dict
        Mean losses along the training, each with "classes", "step", "seconds" and "phase".

    Examples
    --------
    >>> from bioaug import Synthesizer
    >>> from bioaug.datasets import make_ecg
    >>> ecg = make_ecg(300, classes=("N", "V"), random_state=0)
    >>> synthesizer = Synthesizer(n_steps=2, random_state=0).fit(ecg.data, ecg.target)
    >>> X, y = synthesizer.sample(y=["V", "V", "N"])
    >>> X.shape == (3, *ecg.data.shape[1:]), y.tolist()
    (True, ['V', 'V', 'N'])
    """

    def __init__(
        self,
        model: str = "flow",
        *,
        model_params: dict[str, Any] | None = None,
        training_params: dict[str, Any] | None = None,
        n_steps: int | Mapping[Any, int] | None = None,
        max_time: float | None = None,
        per_class: bool | Literal["auto"] = "auto",
        n_features: int = 0,
        early_stopping: str | Scorer | None = None,
        checkpoint_dir: str | Path | None = None,
        memory: Any = None,
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.model_params = model_params
        self.training_params = training_params
        self.n_steps = n_steps
        self.max_time = max_time
        self.per_class = per_class
        self.n_features = n_features
        self.early_stopping = early_stopping
        self.checkpoint_dir = checkpoint_dir
        self.memory = memory
        self.callbacks = callbacks
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Synthesizer:
        """Train on the rows of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
            Any units, finite, no flat row.
        y : array-like of shape (n_samples,), optional
            Class labels, at least two rows of each; None is one class.

        Returns
        -------
        self : Synthesizer

        Raises
        ------
        DataError
            For rows or parameters that cannot be used.
        CheckpointError
            Where `checkpoint_dir` holds another training.
        OSError
            Where `checkpoint_dir` cannot be written, before the training begins.
        TrainingDivergedError
            Where a loss turned NaN before anything was learned.
        """
        self._check_parameters()
        X, y = check_signals(X, y, owner="Synthesizer", n_features=self.n_features)
        warn_of_time_first(X.shape, owner="Synthesizer")
        check_features(self.n_features, X, owner="Synthesizer")
        y = np.zeros(len(X), np.int64) if y is None else y
        end = X.shape[-1] - self.n_features
        check_classes(X[..., :end], y, np.unique(y), owner="Synthesizer", least=1)
        return self._fit_checked(X, y, TrainingFingerprint.from_rows(X))

    def _fit_checked(self, X: NDArray, y: NDArray, fingerprint: TrainingFingerprint) -> Synthesizer:
        """Train on rows that `fit`, or a sampler, has checked and taken the fingerprint of."""
        model, config = self._check_parameters()
        classes = np.unique(y)
        check_storable(classes, owner="Synthesizer")
        least = 2 if self.early_stopping is None else 10  # two rows to judge by
        check_class_sizes(y, classes, owner="Synthesizer", least=least)
        random_state = check_generator(self.random_state)
        seeds = [draw_seed(random_state) for _ in classes]
        per_class = self.per_class is True or not model.conditional
        groups = [[label] for label in classes] if per_class else [list(classes)]
        n_jobs: int = 1
        if len(groups) > 1:
            n_jobs = effective_n_jobs(self.n_jobs)  # pyright: ignore[reportArgumentType]
        if config.max_time is not None:  # shared by the models that are trained one after another
            config = replace(config, max_time=config.max_time / math.ceil(len(groups) / n_jobs))
        verbose = self.verbose if n_jobs == 1 else 0
        n_threads = max(1, torch.get_num_threads() // len(groups))  # whatever n_jobs is
        trainings = [
            replace(self._training(model, own, group, seed, verbose), n_threads=n_threads)
            for group, seed, own in zip(groups, seeds, self._configs(config, groups), strict=False)
        ]
        memory = _location(self.memory)
        fits = (
            delayed(remembered_fit)(*_rows_of(X, y, group), training, memory=memory)
            for group, training in zip(groups, trainings, strict=True)
        )
        try:
            self.models_: list[FittedModel] = list(Parallel(n_jobs=n_jobs)(fits))  # pyright: ignore
        except KeyboardInterrupt:  # joblib has killed its workers, perhaps while they wrote
            for folder in filter(None, (training.folder for training in trainings)):
                remove_stale(folder)
            raise
        self.training_fingerprint_: TrainingFingerprint | None = fingerprint
        self.classes_, self.signal_shape_ = classes, X.shape[1:]
        self.n_features_in_ = X.shape[1]
        self._sampling_seed, self._n_samplings = draw_seed(random_state), 0
        self._warn(self.models_)
        if self.verbose:
            for label, quality in self.quality_.items():
                print(f"class {label}: {quality}")
        return self

    def fine_tune(
        self, X: Any, y: Any = None, *, n_steps: int | None = None, max_time: float | None = None
    ) -> Synthesizer:
        """Train further on some classes, each from a copy of the model that knows it.

        A conditional model that was trained on all classes is thus fitted to one: the copy learns
        from rows of its class alone, and makes that class from then on. Coordinates and scales
        that a model took from its first training rows stay.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
        y : array-like of shape (n_samples,), optional
            Labels that `fit` saw; at least two rows of each.
        n_steps : int, optional
            Training steps for each class; None takes a tenth of what `fit` takes.
        max_time : float, optional
            Seconds of training, of all classes together.

        Returns
        -------
        self : Synthesizer

        Raises
        ------
        DataError
            For rows that cannot be used, of another shape, or of a class that `fit` never saw.
        """
        check_is_fitted(self)
        model, config = self._check_parameters()
        X, y = check_signals(X, y, owner="fine_tune", n_features=self.n_features)
        y = np.zeros(len(X), np.int64) if y is None else y
        self._labels(0, y)
        if X.shape[1:] != self.signal_shape_:
            raise DataError(
                f"The 'X' parameter of fine_tune must have rows of shape {self.signal_shape_}, as "
                f"in fit. Got {X.shape[1:]} instead."
            )
        warn_of_units(self, X, y, owner="fine_tune")
        classes = np.unique(y)
        least = 2 if self.early_stopping is None else 10
        end = X.shape[-1] - self.n_features
        check_classes(X[..., :end], y, classes, owner="fine_tune", least=least)
        check_number(n_steps, WHOLE, name="n_steps", owner="fine_tune", optional=True)
        check_number(max_time, POSITIVE, name="max_time", owner="fine_tune", optional=True)
        n_steps = config.n_steps // 10 if n_steps is None else n_steps
        each = max_time / len(classes) if max_time else None
        config = replace(config, n_steps=n_steps, max_time=each)
        tuned = []
        for index, label in enumerate(classes):
            seed = int(np.random.SeedSequence([self._sampling_seed, index]).generate_state(1)[0])
            training = self._training(model, config, [label], seed % 2**31, self.verbose)
            start = next(fitted for fitted in self.models_ if label in fitted.classes)
            training = replace(training, folder=None)
            rows = _rows_of(X, y, [label])
            tuned.append(remembered_fit(*rows, training, start, memory=_location(self.memory)))
        for fitted in self.models_:
            fitted.classes = fitted.classes[~np.isin(fitted.classes, classes)]
            known = fitted.classes.tolist()
            fitted.quality = {k: note for k, note in fitted.quality.items() if k in known}
        self.models_ = [fitted for fitted in self.models_ if len(fitted.classes)] + tuned
        seen = TrainingFingerprint.from_rows(X)
        self.training_fingerprint_ = seen.joined(self.training_fingerprint_)
        self._warn(tuned)
        return self

    def joined(self, other: Synthesizer) -> Synthesizer:
        """Return a synthesizer that makes the classes of this one, and those that only `other` has.

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
            Where the two make other signals or hold other models.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        alike = ("model", "model_params", "signal_shape_", "n_features")
        differing = [name for name in alike if getattr(self, name) != getattr(other, name)]
        if differing:
            raise DataError(
                f"The 'other' parameter of joined must be a Synthesizer with the same "
                f"{', '.join(differing)}. Got {getattr(other, differing[0])!r} instead of "
                f"{getattr(self, differing[0])!r}. Fit both alike."
            )
        whole = copy(self)
        whole.models_ = [*self.models_]
        for fitted in other.models_:
            classes = fitted.classes[~np.isin(fitted.classes, self.classes_)]
            if len(classes):
                whole.models_.append(replace(fitted, classes=classes))
        whole.classes_ = np.unique(np.concatenate([one.classes for one in whole.models_]))
        own, others = self.training_fingerprint_, other.training_fingerprint_
        if own is not None and others is not None:
            whole.training_fingerprint_ = own.joined(others)
        return whole

    @staticmethod
    def _warn(models: Sequence[FittedModel]) -> None:
        for fitted in models:
            if fitted.warning:
                message = f"Synthesizer, class {_names(fitted.classes)}: {fitted.warning}."
                warn_user(message, TrainingWarning)
            for label, quality in fitted.quality.items():
                if quality.problem:
                    warn_user(
                        f"Synthesizer, class {label}: its synthetic signals look poor: "
                        f"{quality.problem}. Train for longer, or try another model; `quality_` "
                        "has the figures.",
                        QualityWarning,
                    )

    @property
    def quality_(self) -> dict[Any, ClassQuality]:
        """A note on the synthetic signals of every class."""
        check_is_fitted(self)
        return {label: note for fitted in self.models_ for label, note in fitted.quality.items()}

    @property
    def n_steps_(self) -> int | dict[Any, int]:
        """The steps that the training of each model was planned for."""
        check_is_fitted(self)
        found = {label: one.n_steps for one in self.models_ for label in one.classes.tolist()}
        return found if len(set(found.values())) > 1 else next(iter(found.values()))

    @property
    def history_(self) -> list[dict[str, Any]]:
        """Mean losses along the training of every model."""
        check_is_fitted(self)
        return [
            {"classes": _names(fitted.classes)} | entry
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
        """Make new signals.

        Parameters
        ----------
        n_samples : int, default=1
            How many, spread evenly over the classes; not used where `y` is given.
        y : array-like of shape (n_samples,), optional
            The class of each new signal.
        random_state : int, RandomState or None, default=None
            None goes on with the estimator's own stream: every call makes new signals, and two
            estimators with the same `random_state` make the same ones call by call.
        seeds : array-like of shape (n_samples,), optional
            A seed of its own for every signal, instead of `random_state`. A signal of the same
            class and seed is the same, up to rounding, whatever else is made beside it.

        Returns
        -------
        X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
            In the units and dtype of the training rows.
        y : ndarray of shape (n_samples,)

        Raises
        ------
        DataError
            Where `y` holds a class that was not in the training rows.
        """
        check_is_fitted(self)
        check_number(n_samples, WHOLE, name="n_samples", owner="sample")
        labels = self._labels(n_samples, y)
        seeds = self._seeds(random_state, len(labels)) if seeds is None else _checked(seeds, labels)
        return self.generate(labels, seeds), labels

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
                fitted.generate(labels[rows], seeds=seeds[rows], device=device, out=X, rows=rows)
        return X

    def _seeds(self, random_state: int | np.random.RandomState | None, n: int) -> NDArray[np.int64]:
        """Return the seeds of new signals, for None the next ones of the estimator's stream."""
        if random_state is None:
            stream = np.random.SeedSequence([self._sampling_seed, self._n_samplings])
            random_state = int(stream.generate_state(1)[0]) % (2**31)
            self._n_samplings += 1
        return row_seeds(draw_seed(check_generator(random_state)), n)

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
        check_is_fitted(self)
        write_synthesizer(self, path, include_fingerprint=include_fingerprint)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Synthesizer:
        """Return the fitted synthesizer that `save` wrote into folder `path`.

        Raises
        ------
        CheckpointError
            Where the folder is missing, damaged, or holds something else.
        """
        return read_synthesizer(cls, path, device=device)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "models_")

    def _check_parameters(self) -> tuple[type[GenerativeModel], TrainerConfig]:
        model = get_model(self.model, owner="Synthesizer")
        allowed = set(inspect.signature(model.__init__).parameters) - {"self", "spec"}
        check_keys(self.model_params, name="model_params", owner="Synthesizer", allowed=allowed)
        allowed = set(TrainerConfig.__dataclass_fields__)
        check_keys(
            self.training_params, name="training_params", owner="Synthesizer", allowed=allowed
        )
        as_json({"model_params": self.model_params, "training_params": self.training_params})
        settings = {**model.training_defaults, **(self.training_params or {})}
        by_class = isinstance(self.n_steps, Mapping)
        for n_steps in self.n_steps.values() if by_class else [self.n_steps]:  # pyright: ignore
            check_number(n_steps, WHOLE, name="n_steps", owner="Synthesizer", optional=not by_class)
        if self.n_steps is not None and not by_class:
            settings["n_steps"] = self.n_steps
        check_number(self.max_time, POSITIVE, name="max_time", owner="Synthesizer", optional=True)
        if self.max_time is not None:
            settings["max_time"] = float(self.max_time)
        options = [True, False, "auto"]
        check_option(self.per_class, name="per_class", owner="Synthesizer", options=options)
        integer = Interval(Integral, None, None, closed="neither")
        check_number(self.n_jobs, integer, name="n_jobs", owner="Synthesizer", optional=True)
        if self.checkpoint_dir is not None and self.random_state is None:
            raise DataError(
                "The 'random_state' parameter of Synthesizer must be set where 'checkpoint_dir' "
                "is, for a training can only go on with its own seed. Got None instead. "
                "Set random_state=0, say."
            )
        if not isinstance(self.early_stopping, str | None) and not callable(self.early_stopping):
            raise DataError(
                "The 'early_stopping' parameter of Synthesizer must be None, the name of a scorer "
                f"or a callable (synthesizer, X, y). Got {self.early_stopping!r} instead."
            )
        callbacks = () if self.callbacks is None else self.callbacks
        if not isinstance(callbacks, Sequence) or not all(
            isinstance(callback, Callback) for callback in callbacks
        ):
            raise DataError(
                "The 'callbacks' parameter of Synthesizer must be a list of "
                f"bioaug.training.Callback. Got {callbacks!r} instead."
            )
        whole = Interval(Integral, 0, None, closed="left")
        if not isinstance(self.verbose, bool | np.bool_):
            check_number(self.verbose, whole, name="verbose", owner="Synthesizer")
        Runtime.create(self.device)
        return model, TrainerConfig(**settings)

    def _configs(self, config: TrainerConfig, groups: list[list]) -> list[TrainerConfig]:
        """Return the configuration of each model."""
        if not isinstance(self.n_steps, Mapping):
            return [config] * len(groups)
        labels = [group[0] for group in groups]
        missing = [label for label in labels if label not in self.n_steps]
        if any(len(group) > 1 for group in groups) or missing:
            raise DataError(
                "The 'n_steps' parameter of Synthesizer may be a dict where every class has a "
                f"model of its own (per_class=True), and must then hold all of {_names(labels)}. "
                f"Got {dict(self.n_steps)!r:.200}."
            )
        return [replace(config, n_steps=int(self.n_steps[label])) for label in labels]

    def _training(
        self,
        model: type[GenerativeModel],
        config: TrainerConfig,
        group: list,
        seed: int,
        verbose: int,
    ) -> Training:
        folder = None
        if self.checkpoint_dir is not None:
            home = check_path(self.checkpoint_dir, name="checkpoint_dir", owner="Synthesizer")
            folder = home / file_name(f"{self.model}-{_names(group)}")
        return Training(
            model=model,
            model_params=dict(self.model_params or {}),
            config=config,
            early_stopping=self._scorer(),
            folder=folder,
            callbacks=tuple(self.callbacks or ()),
            device=self.device,
            seed=seed,
            verbose=verbose,
            n_features=self.n_features,
        )

    def _scorer(self) -> Scorer | None:
        if isinstance(self.early_stopping, str):
            from bioaug.metrics import get_scorer  # takes a second to import

            return get_scorer(self.early_stopping)
        return self.early_stopping

    def _labels(self, n_samples: int, y: Any) -> NDArray:
        if y is None:
            order = np.arange(n_samples) * len(self.classes_) // max(n_samples, 1)
            return self.classes_[order]
        check_array_like(y, owner="sample", name="y")
        labels = np.asarray(y)
        unknown = sorted(set(labels.ravel().tolist()) - set(self.classes_.tolist()), key=str)
        if unknown or labels.ndim != 1:
            got = repr(unknown) if unknown else f"an array of shape {labels.shape}"
            raise DataError(
                f"The 'y' parameter of sample must be a list of the classes "
                f"{self.classes_.tolist()}. Got {got} instead. Give one class for each new "
                "signal, of those in the training rows."
            )
        return labels.astype(self.classes_.dtype)


def _checked(seeds: Any, labels: NDArray) -> NDArray[np.int64]:
    check_array_like(seeds, owner="sample", name="seeds")
    given = np.asarray(seeds)
    if given.shape != labels.shape or given.dtype.kind not in "iu":
        raise DataError(
            f"The 'seeds' parameter of sample must be {len(labels)} integers, one for each signal. "
            f"Got {given.dtype} of shape {given.shape} instead."
        )
    return given.astype(np.int64)


def _rows_of(X: NDArray, y: NDArray, group: list) -> tuple[NDArray, NDArray]:
    rows = np.isin(y, np.array(group, dtype=y.dtype))  # a list of texts would lose final nulls
    return (X, y) if rows.all() else (X[rows], y[rows])


def _location(memory: Any) -> Path | None:
    """Return the folder of what scikit-learn takes as `memory`."""
    if memory is not None and not isinstance(memory, str | os.PathLike | Memory):
        raise DataError(
            "The 'memory' parameter of Synthesizer must be a folder, a joblib.Memory or None. "
            f"Got {memory!r} instead."
        )
    location = memory.location if isinstance(memory, Memory) else memory
    return None if location is None else check_path(location, name="memory", owner="Synthesizer")


def _names(classes: Sequence[Any] | NDArray) -> str:
    return ", ".join(str(label) for label in classes)
