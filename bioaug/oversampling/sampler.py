"""The oversampler for imbalanced-learn."""
# imbalanced-learn's own methods take any parameters, which its type does not tell.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from joblib import Memory
from numpy.typing import NDArray

from bioaug.core.checks import (
    NOT_NEGATIVE_INT,
    POSITIVE,
    HasMethods,
    StrOptions,
    check_classes,
    check_features,
)
from bioaug.core.containers import from_polars
from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import QualityWarning, TrainingWarning
from bioaug.leakage import TrainingFingerprint, remember_synthetic
from bioaug.oversampling._fallback import MIN_SAMPLES, FallbackPlan
from bioaug.oversampling._files import PersistenceMixin
from bioaug.oversampling._generate import ClassRows
from bioaug.oversampling._input import OWNER, InputFormat, read_input
from bioaug.oversampling._model import ChosenModel, Label, choose_model
from bioaug.oversampling._training import draw_seeds, fit_generators
from bioaug.oversampling._warnings import class_warnings, not_judged_warning
from bioaug.oversampling.provenance import ProvenanceMixin
from bioaug.oversampling.quality_filter import MAX_OPS, QualityFilter
from bioaug.synthesis.synthesizer import Synthesizer


class GANOversampler(ProvenanceMixin, PersistenceMixin, BaseOverSampler):
    """Grows minority classes with generated signals, by imbalanced-learn's contract.

    `fit_resample` trains a generator on the classes that are to grow, or loads one, and returns
    the original rows first, unchanged and in order, then the new rows class by class.

    Parameters
    ----------
    model : str, type, path, Synthesizer or object, default="flow"
        A name from `available_models()`, or a class of your own, see `Synthesizer`; the folder of a
        saved `Synthesizer`, which is loaded and not trained; a `Synthesizer`, which is cloned and
        trained anew, even where it is fitted: to use a fitted one as it is, give
        ``FrozenEstimator(synthesizer)`` (of `sklearn.frozen`); any object with `fit` and `sample`,
        such as scikit-learn's `KernelDensity`, which is cloned and fitted on each class; or a
        method without training: "local" (draws between a row and its neighbours), "warp", "scale",
        "jitter" or "distort" (these three together).
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn. A dict maps classes to their final counts.
    per_class : bool or "auto", default="auto"
        Whether every class gets a model of its own, see `Synthesizer`.
    n_steps : int or dict, optional
        Training steps of each model, or by class; None takes the model's default.
    max_time : float, optional
        Seconds of training, of all models together; ``synthesizer_.n_steps_`` keeps how many steps
        there was time for, see `Synthesizer`.
    n_features : int, default=0
        How many of the last values of each 2-D row are no time steps but features of the beat,
        such as RR intervals; they are generated together with the signal.
    quality_filter : bool or "auto", default="auto"
        Whether new rows are judged by their distance to the nearest real row of their class: one
        that is closer than real rows are to each other (a copy), or farther than any (outside the
        class), is generated again, up to ten times. A generator of whose rows nine in ten are
        rejected, or look all alike, is replaced by the next of the fallback chain. "auto" leaves
        the filter out for "jitter", "scale", "warp" and "distort", which stay close to a row by
        design; and for classes of a size that takes more than some seconds, with a warning.
    min_samples : dict, optional
        The fallback chain: the smallest class for each generator; smaller ones take the next.
        "own", a model that learns the class from its own rows (32 by default); "shared", a
        conditional model that learns from all classes and then from this one (32); "local", draws
        between a row and its neighbours (16); below that, "distort", rows bent in time, in gain
        and by noise.
    memory : str, path or joblib.Memory, optional
        Where trained models are kept, so that the same rows and parameters never train twice; it
        needs a `random_state`.
    device : str, default="auto"
        "auto" takes a GPU where there is one.
    n_jobs : int, optional
        How many of the per-class models are trained side by side; it changes no weight, see
        `Synthesizer`.
    random_state : int, RandomState or None, default=None
    verbose : int, default=0
        1 shows progress bars.

    Attributes
    ----------
    sampling_strategy_ : dict
        How many rows were added to each class.
    synthesizer_ : Synthesizer
        The generator in use; `synthesizer_.save(path)` keeps it. Not there if none was needed.
    n_original_ : int
        Number of original rows: rows from this position on are synthetic.
    synthetic_mask_ : ndarray of bool of shape (n_resampled,)
        Which rows are synthetic.
    synthetic_provenance_ : DataFrame of n_synthetic rows
        Where each synthetic row came from: "label"; "generator"; "seed" and "index", from which
        `remake` generates the row again; "nearest", the index in `X` of the nearest real row of the
        class, and its "distance" (see `QualityFilter`, in the units of `X`; -1 and NaN where it was
        not judged); "n_reference", how many real rows of the class the limits of the filter were
        estimated from: all different ones up to 5,000, a sample of more, 0 where it was not judged,
        and below 20 only equal rows are called copies; "n_tries"; and "status": "accepted",
        "replaced" and why the row generated before it was refused, "kept" where no generator made
        a better one, or "not judged".
    training_fingerprint_ : TrainingFingerprint
        What the new rows were learned from: ``training_fingerprint_.check(X_test, groups_test)``
        raises where one of these rows, or of the `groups` given, is to be scored on, and warns
        where `model` is a folder that was saved without the fingerprint of its own training rows.
    generator_names_ : dict
        The names in "generator" by class, the first used first.
    rejected_ : dict
        How many rows the quality filter refused, by class and reason.
    groups_ : ndarray of shape (n_resampled,)
        Where `groups` was given: the group of every row. Synthetic rows, learned from all groups
        at once, form a group of their own: "synthetic" for text labels, else the largest plus 1.

    Notes
    -----
    `fit` only checks its input, as in every sampler of imbalanced-learn. With 3-D signals
    ``n_features_in_`` is the number of channels, and feature names are channel names. When
    `model` is a `Synthesizer`, parameters given here other than their defaults win over its own,
    but for a `random_state` that it has: it trains with that one.

    Examples
    --------
    >>> from collections import Counter
    >>> from bioaug import GANOversampler
    >>> from bioaug.datasets import make_ecg
    >>> ecg = make_ecg(300, classes=("N", "V"), class_weights=(0.8, 0.2), random_state=0)
    >>> sampler = GANOversampler(n_steps=2, random_state=0)
    >>> X, y = sampler.fit_resample(ecg.data, ecg.target)
    >>> sorted(Counter(y.tolist()).items())
    [('N', 240), ('V', 240)]
    """

    _parameter_constraints: dict[str, Any] = {
        **BaseOverSampler._parameter_constraints,
        "model": [str, type, Path, Synthesizer, HasMethods(["fit", "sample"])],
        "per_class": ["boolean", StrOptions({"auto"})],
        "n_steps": [NOT_NEGATIVE_INT, Mapping, None],
        "max_time": [POSITIVE, None],
        "n_features": [NOT_NEGATIVE_INT],
        "quality_filter": ["boolean", StrOptions({"auto"})],
        "min_samples": [Mapping, None],
        "memory": [str, Path, Memory, None],
        "device": [str],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model: Any = "flow",
        *,
        sampling_strategy: float | str | Mapping | Callable = "auto",
        per_class: bool | Literal["auto"] = "auto",
        n_steps: int | Mapping[Label, int] | None = None,
        max_time: float | None = None,
        n_features: int = 0,
        quality_filter: bool | Literal["auto"] = "auto",
        min_samples: Mapping[str, int] | None = None,
        memory: Any = None,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)  # pyright: ignore[reportArgumentType]
        self.model = model
        self.per_class = per_class
        self.n_steps = n_steps
        self.max_time = max_time
        self.n_features = n_features
        self.quality_filter = quality_filter
        self.min_samples = min_samples
        self.memory = memory
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> GANOversampler:
        """Check the input and find how many rows each class lacks, without training.

        Parameters
        ----------
        X, y : as in `fit_resample`

        Returns
        -------
        self : GANOversampler
        """
        read_input(self, from_polars(X)[0], from_polars(y)[0])
        return self

    def fit_resample(self, X: Any, y: Any, *, groups: Any = None) -> tuple[Any, Any]:
        """Train the generators and return the grown set.

        Parameters
        ----------
        X : array-like, DataFrame or sparse of shape (n_samples, n_timesteps), or array-like of \
shape (n_samples, n_channels, n_timesteps)
            Signals in any units, finite.
        y : array-like of shape (n_samples,)
            Class labels.
        groups : array-like of shape (n_samples,), optional
            The patient of every row; see `groups_`.

        Returns
        -------
        X_resampled, y_resampled
            The containers and dtypes of the input, originals first.

        Raises
        ------
        DataError
            For input that cannot be used, such as a constant signal.
        CheckpointError
            Where `model` is a folder without a whole saved model.
        """
        X, to_X = from_polars(X)
        y, to_y = from_polars(y)
        rows, labels, input_format = read_input(self, X, y, groups)
        rows, labels = self._fit_resample(rows, labels, input_format)
        X_resampled, y_resampled = input_format.restore(rows, labels)
        return to_X(X_resampled), to_y(y_resampled)

    def _fit_resample(
        self, X: NDArray, y: NDArray, input_format: InputFormat
    ) -> tuple[NDArray, NDArray]:
        """Train the generators of all classes, then generate class by class."""
        strategy: dict[Label, int] = self.sampling_strategy_  # pyright: ignore[reportAssignmentType]
        added = {label: n for label, n in strategy.items() if n > 0}
        self.training_fingerprint_ = TrainingFingerprint.from_rows(X, input_format.groups)
        generators, new = None, []
        if added:
            model, plan = self._plan(X, y, list(added))
            training_seeds, row_seeds = draw_seeds(self.random_state, model, plan)
            n_features = model.n_features(self.n_features)
            generators = fit_generators(
                plan, model, X, y, training_seeds, self.training_fingerprint_, n_features
            )
            for label, n in added.items():
                real = np.flatnonzero(y == label)
                quality_filter = self._fit_filter(model, label, n, X[real], n_features)
                rows = ClassRows(label, n, quality_filter, real, input_format)
                new.append(rows.fill(generators.chain(label), row_seeds[label]))
                for message in class_warnings(rows, model.unit_mismatch):
                    warn_user(message, TrainingWarning)
        self._note(input_format, len(y), new, generators)
        parts = [X, *(rows.X for rows in new)]
        X_resampled = np.concatenate(parts, dtype=X.dtype, casting="unsafe")
        remember_synthetic(X_resampled[len(X) :], X)
        y_new = np.repeat(np.array(list(added), dtype=y.dtype), list(added.values()))
        return X_resampled, np.concatenate([y, y_new])

    def _plan(
        self, X: NDArray, y: NDArray, labels: list[Label]
    ) -> tuple[ChosenModel, FallbackPlan]:
        """Check the rows that are to be learned, and choose the generators of each class."""
        check_features(self.n_features, X, owner=OWNER)
        signals = X[..., : X.shape[-1] - self.n_features]
        check_classes(signals, y, labels, owner=OWNER, least=1)
        model = choose_model(self, X, y, labels)
        if model.is_fitted:  # it may have seen other rows
            seen = model.value.training_fingerprint_
            self.training_fingerprint_ = self.training_fingerprint_.joined(seen)
        plan = FallbackPlan.of(model, X, y, labels, MIN_SAMPLES | dict(self.min_samples or {}))
        if plan.warning:
            warn_user(plan.warning, TrainingWarning)
        return model, plan

    def _fit_filter(
        self, model: ChosenModel, label: Label, n: int, rows: NDArray, n_features: int
    ) -> QualityFilter | None:
        """Return the quality filter of a class, or None where it is not to be used."""
        is_auto, cost = self.quality_filter == "auto", QualityFilter.cost(n, rows)
        if not self.quality_filter or (is_auto and model.makes_near_copies):
            return None
        if is_auto and cost > MAX_OPS:
            warn_user(not_judged_warning(label, cost), QualityWarning)
            return None
        return QualityFilter.fit(rows, n_features)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
