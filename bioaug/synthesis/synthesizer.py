"""The estimator that learns signals and generates new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from bioaug.core.checks import (
    NOT_NEGATIVE_INT,
    POSITIVE,
    check_class_sizes,
    check_classes,
    check_features,
    check_number,
    check_signals,
)
from bioaug.core.containers import warn_of_time_first
from bioaug.core.seeding import check_generator, draw_seed
from bioaug.exceptions import DataError
from bioaug.leakage import TrainingFingerprint
from bioaug.models.base import GenerativeModel
from bioaug.synthesis._labels import check_storable
from bioaug.synthesis.fitted import Scorer, without_classes
from bioaug.synthesis.persistence import PersistenceMixin
from bioaug.synthesis.sampling import FittedState, SamplingMixin
from bioaug.synthesis.settings import OWNER, check_settings
from bioaug.synthesis.trainings import train_models, tune_models, warn_of_problems
from bioaug.synthesis.units import warn_of_units
from bioaug.training import Callback


class Synthesizer(PersistenceMixin, SamplingMixin, BaseEstimator):
    """Learns labelled signals and generates new ones of any class.

    Parameters
    ----------
    model : str or type, default="flow"
        A name from `available_models()`, or a class of your own: a subclass of
        `bioaug.models.base.GenerativeModel`. One that is saved is loaded after `register_model`.
    model_params : dict, optional
        Parameters of the model's constructor, such as ``{"width": 128}``.
    training_params : dict, optional
        Fields of `TrainerConfig` that differ from the model's own defaults.
    n_steps : int or dict, optional
        Training steps of each model; None takes the model's default. A dict has those of each
        class, where every class gets a model of its own.
    max_time : float, optional
        Seconds of training, of all models together. The pace of the first steps decides how many
        there is time for, so it may be others in another run: `n_steps_` keeps the number, and
        ``n_steps=synthesizer.n_steps_`` without `max_time` repeats the run exactly. Where the
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
        checks, every twentieth of the steps, without a better one.
    checkpoint_dir : path, optional
        Folder that training states are written to, also on Ctrl-C. The same fit on the same rows
        goes on from there, and ends with the same weights as an unbroken run. Where the disk is
        full, the training warns and goes on. It needs a `random_state`.
    memory : str, path or joblib.Memory, optional
        Where trained models are kept: the same rows, labels and parameters never train twice,
        also in parallel processes. Callbacks see no training that is not done. It works with a
        `random_state` that is an integer; a training judged by a function of your own is not kept.
        A model class of your own is told from earlier versions of it by its source.
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
        model: str | type[GenerativeModel] = "flow",
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
        check_settings(self.get_params(deep=False))
        X, y = check_signals(X, y, owner=OWNER, n_features=self.n_features)
        warn_of_time_first(X.shape, owner=OWNER)
        check_features(self.n_features, X, owner=OWNER)
        y = np.zeros(len(X), np.int64) if y is None else y
        n_timesteps = X.shape[-1] - self.n_features
        check_classes(X[..., :n_timesteps], y, np.unique(y), owner=OWNER, least=1)
        return self.fit_checked(X, y, TrainingFingerprint.from_rows(X))

    def fit_checked(self, X: NDArray, y: NDArray, fingerprint: TrainingFingerprint) -> Synthesizer:
        """Train on rows that a sampler has checked: `fit` without its checks of `X` and `y`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_timesteps) or (n_samples, n_channels, n_timesteps)
        y : ndarray of shape (n_samples,)
        fingerprint : TrainingFingerprint
            Becomes `training_fingerprint_`.

        Returns
        -------
        self : Synthesizer
        """
        settings = check_settings(self.get_params(deep=False))
        classes = np.unique(y)
        check_storable(classes, owner=OWNER)
        check_class_sizes(y, classes, owner=OWNER, least=settings.min_rows)
        random_state = check_generator(self.random_state)
        seeds = [draw_seed(random_state) for _ in classes]
        models = train_models(X, y, settings, seeds)
        self._set_state(FittedState(models, draw_seed(random_state), fingerprint=fingerprint))
        warn_of_problems(models)
        if self.verbose:
            for label, quality in self.quality_.items():
                print(f"class {label}: {quality}")
        return self

    def fine_tune(
        self, X: Any, y: Any = None, *, n_steps: int | None = None, max_time: float | None = None
    ) -> Synthesizer:
        """Train further on some classes, each from a copy of the model that knows it.

        A conditional model of all classes is thus fitted to one class, which the copy learns alone
        and generates from then on. Coordinates and scales taken from the first rows stay.

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
        state, owner = self._get_state(), "fine_tune"
        settings = check_settings(self.get_params(deep=False))
        check_number(n_steps, NOT_NEGATIVE_INT, name="n_steps", owner=owner, optional=True)
        check_number(max_time, POSITIVE, name="max_time", owner=owner, optional=True)
        X, y = check_signals(X, y, owner=owner, n_features=self.n_features)
        y = self._check_known(np.zeros(len(X), np.int64) if y is None else y, owner=owner)
        if X.shape[1:] != self.signal_shape_:
            raise DataError(
                f"The 'X' parameter of {owner} must have rows of shape {self.signal_shape_}, as in "
                f"fit. Got {X.shape[1:]} instead."
            )
        warn_of_units(self, X, y, owner=owner)
        classes, n_timesteps = np.unique(y), X.shape[-1] - self.n_features
        check_classes(X[..., :n_timesteps], y, classes, owner=owner, least=settings.min_rows)
        n_steps = settings.config.n_steps // 10 if n_steps is None else n_steps
        config = replace(settings.config, n_steps=n_steps, max_time=max_time)
        settings = replace(settings, config=config)
        tuned = tune_models(self.models_, X, y, settings, self._sampling_seed)
        fingerprint = TrainingFingerprint.from_rows(X).joined(self.training_fingerprint_)
        models = without_classes(self.models_, classes) + tuned
        self._set_state(replace(state, models=models, fingerprint=fingerprint))
        warn_of_problems(tuned)
        return self
