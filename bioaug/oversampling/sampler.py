"""The oversampler for imbalanced-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from joblib import Memory
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from bioaug.core.checks import (
    COUNT,
    POSITIVE,
    WHOLE,
    HasMethods,
    StrOptions,
    as_labels,
    check_classes,
    check_features,
    check_finite,
    check_groups,
    check_keys,
    check_kind,
    check_number,
    check_numbers,
    check_option,
)
from bioaug.core.containers import check_array_like, from_polars, warn_of_time_first
from bioaug.core.seeding import SEED_LIMIT, check_generator, draw_seed
from bioaug.exceptions import DataError, TrainingWarning
from bioaug.leakage import TrainingFingerprint, remember_synthetic
from bioaug.models import available_models
from bioaug.oversampling._fallback import LADDER, RUNGS, Ladder
from bioaug.oversampling._files import read_sampler, write_sampler
from bioaug.oversampling._generate import Growth, provenance_dtype
from bioaug.oversampling._input import checked_input, column_dtypes, counts_of_ratio, rounded
from bioaug.oversampling._sources import DRAW
from bioaug.oversampling._warnings import growth_warnings
from bioaug.oversampling.classical import classical_methods
from bioaug.oversampling.quality_filter import QualityFilter
from bioaug.synthesis.quality import ClassQuality
from bioaug.synthesis.synthesizer import Synthesizer
from bioaug.synthesis.units import warn_of_units

NEAR_COPIES = ("jitter", "scale", "warp", "distort")  # what a user who asks for these wants
CHEAP = (
    1e11  # products of values of new and real rows, which the quality filter multiplies in seconds
)


class GANOversampler(BaseOverSampler):
    """Grows minority classes with generated signals, by imbalanced-learn's contract.

    `fit_resample` trains a generator on the classes that are to grow, or loads one, and returns
    the original rows first, unchanged and in order, then the new rows class by class.

    Parameters
    ----------
    model : str, path, Synthesizer or object, default="flow"
        A name from `available_models()`; the folder of a saved `Synthesizer`, which is loaded and
        not trained; a `Synthesizer`, which is cloned and trained anew, even where it is fitted: to
        use a fitted one as it is, give ``FrozenEstimator(synthesizer)`` (of `sklearn.frozen`);
        any object with `fit` and `sample`, such as scikit-learn's `KernelDensity`, which is cloned
        and fitted on each class; or one of the ways without training: "local" (draws between a row
        and its neighbours), "warp", "scale", "jitter" or "distort" (these three together).
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
        such as RR intervals; they are made together with the signal.
    quality_filter : bool or "auto", default="auto"
        Whether new rows are judged by their distance to the nearest real row of their class: one
        that is closer than real rows are to each other (a copy), or farther than any (outside the
        class), is made again, up to ten times. A generator of whose rows nine in ten are
        rejected, or look all alike, is replaced by the next of the fallback chain. "auto" judges
        where that takes seconds, and not what "jitter", "scale", "warp" and "distort" make.
    min_samples : dict, optional
        The fallback chain: the smallest class for each generator; smaller ones
        take the next: "own", a model
        that learns the class from its own rows (32 by default); "shared", a conditional model
        that learns from all classes and then from this one (32); "local", draws between a row
        and its neighbours (16); below that, "distort", rows bent in time, in gain and by noise.
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
        The generator in use; `synthesizer_.save(path)` keeps it. Not set where none was needed.
    n_original_ : int
        Number of original rows: rows from this position on are synthetic.
    synthetic_mask_ : ndarray of bool of shape (n_resampled,)
        Which rows are synthetic.
    synthetic_provenance_ : DataFrame of n_synthetic rows
        Where each synthetic row came from: "label"; "generator"; "seed" and "index", from which
        `remake` makes the row again; "nearest", the place in `X` of the nearest real row of the
        class, and its "distance" (see `QualityFilter`, in the units of `X`; -1 and NaN where it did
        not judge); "n_tries"; and "status": "accepted", "replaced" and why the row made before it
        was refused, "kept" where no way was found to make a better one, or "not judged".
    training_fingerprint_ : TrainingFingerprint
        What the new rows were learned from: ``training_fingerprint_.check(X_test, groups_test)``
        raises where one of these rows, or of the `groups` given, is to be scored on, and warns
        where `model` is a folder that was saved without the fingerprint of its own training rows.
    generator_names_ : dict
        How each class was grown: the names in "generator".
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
        "model": [str, Path, Synthesizer, HasMethods(["fit", "sample"])],
        "per_class": ["boolean", StrOptions({"auto"})],
        "n_steps": [WHOLE, Mapping, None],
        "max_time": [POSITIVE, None],
        "n_features": [WHOLE],
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
        n_steps: int | Mapping[Any, int] | None = None,
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
        X, y = checked_input(from_polars(X)[0], from_polars(y)[0], self.n_features)
        with self._plain_strategy():
            return super().fit(X, y)

    def fit_resample(self, X: Any, y: Any, *, groups: Any = None) -> tuple[Any, Any]:
        """Train the generator and return the grown set.

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
        X, X_back = from_polars(X)
        y, y_back = from_polars(y)
        X, y = checked_input(X, y, self.n_features)
        for learned in ("synthesizer_", "groups_"):  # not always set again
            vars(self).pop(learned, None)
        if groups is not None:
            n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
            groups = check_groups(from_polars(groups)[0], n_rows, owner="fit_resample")
        self._groups, self._column_dtypes = groups, column_dtypes(X)
        try:
            with self._plain_strategy():
                X_resampled, y_resampled, *_ = super().fit_resample(X, y)
                return X_back(X_resampled), y_back(y_resampled)
        finally:
            del self._groups, self._column_dtypes

    @contextmanager
    def _plain_strategy(self) -> Iterator[None]:
        """Lend imbalanced-learn a dict for any other mapping, which it accepts but cannot read.

        Afterwards the parameter is again what the user gave.
        """
        given = self.sampling_strategy
        if isinstance(given, Mapping):
            _check_counts(given)
            self.sampling_strategy = dict(given)
        try:
            yield
        finally:
            self.sampling_strategy = given

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple[Any, Any, bool]:
        self._check_model()
        y, binarize_y = check_target_type(y, indicate_one_vs_all=True)
        X, y = validate_data(
            self,
            X=X,
            y=y,
            reset=True,
            accept_sparse=["csr", "csc"],
            allow_nd=True,
            ensure_all_finite=False,
        )
        dense = X.toarray() if sparse.issparse(X) else X
        check_kind(dense, owner="GANOversampler")
        check_finite(dense, owner="GANOversampler")
        warn_of_time_first(dense.shape, owner="GANOversampler")
        if isinstance(self.sampling_strategy, Real) and self.sampling_strategy:
            counts = counts_of_ratio(float(self.sampling_strategy), y)
            self.sampling_strategy = counts or self.sampling_strategy  # until the call ends
        return X, y, binarize_y

    def generate(self, labels: Any, seeds: Any) -> NDArray:
        """Make further rows of the classes that `fit_resample` has grown, without judging them.

        Parameters
        ----------
        labels : array-like of shape (n,)
            The class of each row, of those in `generator_names_`.
        seeds : array-like of int of shape (n,)
            A row of the same class and seed is the same, whatever else is made beside it.

        Returns
        -------
        X : ndarray of shape (n, ...)
            Each by the generator that made the rows of its class; of several, the one that made
            most.

        Raises
        ------
        DataError
            For classes that were not grown.
        """
        check_is_fitted(self, "synthetic_provenance_")
        labels = as_labels(labels, owner="generate", name="labels")
        check_array_like(seeds, owner="generate", name="seeds")
        numbers = np.asarray(seeds)
        if numbers.shape != labels.shape or numbers.dtype.kind not in "iu":
            raise DataError(
                f"The 'seeds' parameter of generate must be {len(labels)} integers, one for each "
                f"row. Got {numbers.dtype} of shape {numbers.shape} instead."
            )
        for label in set(labels.tolist()):
            check_option(label, name="labels", owner="generate", options=self._usual)
        names = pd.Series([self._usual[label] for label in labels.tolist()], dtype=object)
        is_drawn = np.array([self._growers[name].is_drawn for name in names], dtype=bool)
        seeds = np.where(is_drawn, numbers // DRAW % SEED_LIMIT, numbers)
        drawn = {"generator": names, "label": labels, "seed": seeds, "index": numbers % DRAW}
        return self.remake(pd.DataFrame(drawn))

    @property
    def classes_(self) -> NDArray:
        """The labels of the classes that were grown, which `generate` knows."""
        check_is_fitted(self, "synthetic_provenance_")
        return np.unique(np.array(list(self.generator_names_), dtype=self._label_dtype))

    @property
    def quality_(self) -> dict[Any, ClassQuality]:
        """A note on the rows of each class that a model of `Synthesizer` makes, see there."""
        check_is_fitted(self, "synthetic_provenance_")
        return self.synthesizer_.quality_ if hasattr(self, "synthesizer_") else {}

    @property
    def signal_shape_(self) -> tuple[int, ...]:
        """The shape of a row."""
        check_is_fitted(self, "synthetic_provenance_")
        return self._shape

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
        write_sampler(self, path, include_fingerprint=include_fingerprint)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> GANOversampler:
        """Return the sampler that `save` wrote into folder `path`, which trains nothing anew.

        Its `fit_resample` makes rows with the models that were saved; for classes that were grown
        without a model, it takes the rows that it is given.

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
        return read_sampler(cls, path, device=device)

    def remake(self, provenance: pd.DataFrame) -> NDArray:
        """Make synthetic rows again, from nothing but their provenance.

        Parameters
        ----------
        provenance : DataFrame of n rows
            Any of `synthetic_provenance_`.

        Returns
        -------
        X : ndarray of shape (n, ...)
            The same rows, up to the rounding of another batch.
        """
        check_is_fitted(self, "synthetic_provenance_")
        needed = ["generator", "label", "seed", "index"]
        if not isinstance(provenance, pd.DataFrame) or not set(needed) <= set(provenance.columns):
            raise DataError(
                "The 'provenance' parameter of remake must be rows of synthetic_provenance_, a "
                f"DataFrame with the columns {', '.join(needed)}. Got a "
                f"{type(provenance).__name__} instead."
            )
        X = np.empty((len(provenance), *self._shape), self._dtype)
        names, labels, seeds, index = (
            provenance[column].to_numpy() for column in ("generator", "label", "seed", "index")
        )
        labels = labels.astype(self._label_dtype)
        for name in np.unique(names.astype(str)):
            rows = names == name
            made = self._growers[name].make(labels[rows], seeds[rows], index[rows])
            X[rows] = self._finished(made)
        return X

    def _fit_resample(self, X: Any, y: NDArray) -> tuple[Any, NDArray]:
        self.n_original_ = len(y)
        dense = X.toarray() if sparse.issparse(X) else X
        self._dtypes = self._column_dtypes or [dense.dtype]
        self._shape, self._dtype, self._label_dtype = dense.shape[1:], dense.dtype, y.dtype
        strategy: dict[Any, int] = dict(self.sampling_strategy_)  # pyright: ignore
        _check_counts(strategy)  # which a callable may have made
        added = {label: n for label, n in strategy.items() if n > 0}
        self.training_fingerprint_ = TrainingFingerprint.from_rows(dense, self._groups)
        growths = self._grow(dense, y, added) if added else {}
        self._note(growths, y.dtype)
        made = [growth.X for growth in growths.values()]
        X_resampled = np.concatenate([dense, *made], dtype=dense.dtype, casting="unsafe")
        self._set_groups(len(X_resampled))
        remember_synthetic(X_resampled[len(dense) :], dense)
        if sparse.issparse(X):
            X_resampled = type(X)(X_resampled)
        labels = np.repeat(np.array(list(added), dtype=y.dtype), list(added.values()))
        return X_resampled, np.concatenate([y, labels])

    def _grow(self, X: NDArray, y: NDArray, added: dict[Any, int]) -> dict[Any, Growth]:
        """Return the new rows of every class."""
        check_features(self.n_features, X, owner="GANOversampler")
        end = X.shape[-1] - self.n_features
        check_classes(X[..., :end], y, list(added), owner="GANOversampler", least=1)
        self._unit_mismatch = None
        model = self._chosen_model(X, y, list(added))
        random_state = check_generator(self.random_state)
        least = LADDER | dict(self.min_samples or {})
        n_features = model.n_features if isinstance(model, Synthesizer) else self.n_features
        ladder = Ladder(model, X, y, list(added), least, random_state, n_features)
        self._warn_of_small_classes(ladder)
        if self.random_state is None and isinstance(model, Synthesizer):
            random_state = check_generator(model.random_state)
        growths = {}
        for label, n in added.items():
            real = np.flatnonzero(y == label)
            gate = QualityFilter.fit(X[real], n_features) if self._is_gated(n, X[real]) else None
            growers = ladder.growers_of(label)[: None if gate else 1]
            streams = [draw_seed(random_state) for _ in RUNGS][: len(growers)]
            growth = Growth(label, n, gate, real, y.dtype, self._finished)
            growths[label] = growth.grow(growers, streams)
        self._growers = ladder.growers
        if ladder.synthesizer is not None:
            self.synthesizer_ = ladder.synthesizer
        return growths

    def _finished(self, made: NDArray) -> NDArray:
        return rounded(made, self._dtypes)

    def _chosen_model(self, X: NDArray, y: NDArray, labels: list) -> Any:
        """Return what `Ladder` takes: an unfitted or a loaded Synthesizer, a name, an object."""
        if isinstance(self.model, Synthesizer):
            copied: Any = clone(self.model)
            return copied.set_params(**self._overrides())
        frozen = self.model.estimator if isinstance(self.model, FrozenEstimator) else None
        if isinstance(frozen, Synthesizer):
            check_is_fitted(frozen)
            return self._adopted(frozen, X, y, labels)
        if frozen is not None and len(labels) > 1:
            raise DataError(
                "The 'model' parameter of GANOversampler may be a FrozenEstimator of a "
                f"Synthesizer, or of another object where one class grows. Got {frozen!r:.80} for "
                f"{len(labels)} classes, whose rows it cannot tell from each other."
            )
        if not isinstance(self.model, str | Path) or self.model in classical_methods():
            return self.model
        if self.model in available_models():
            return Synthesizer(str(self.model), **self._overrides())
        loaded = Synthesizer.load(self.model, device=self.device)
        return self._adopted(loaded, X, y, labels)

    def _adopted(self, loaded: Synthesizer, X: NDArray, y: NDArray, labels: list) -> Synthesizer:
        """Return a fitted synthesizer that fits these rows, and warn where they look otherwise."""
        _check_fits(loaded, X, labels)
        self._unit_mismatch = warn_of_units(loaded, X, y, owner="GANOversampler")
        # The loaded model may have been trained on other rows.
        self.training_fingerprint_ = self.training_fingerprint_.joined(loaded.training_fingerprint_)
        return loaded

    def _is_gated(self, n: int, rows: NDArray) -> bool:
        if self.quality_filter != "auto":
            return bool(self.quality_filter)
        chosen_as_near = isinstance(self.model, str) and self.model in NEAR_COPIES
        return not chosen_as_near and (n + min(len(rows), 5000)) * rows.size <= CHEAP

    def _warn_of_small_classes(self, ladder: Ladder) -> None:
        owner, limits = "GANOversampler", "The 'min_samples' parameter has the limits."
        parts = [
            (
                "too few rows for a model of their own, so these classes are grown in a simpler "
                f"way: {', '.join(ladder.simpler_than_chosen())}. {limits}",
                ladder.simpler_than_chosen(),
            ),
            (
                "the fitted model does not know these classes, so they are grown without one: "
                f"{', '.join(ladder.strangers())}.",
                ladder.strangers(),
            ),
            (
                "too few rows of these classes to tell whether what the fitted model makes is "
                f"right: {', '.join(ladder.too_few_to_judge())}. {limits}",
                ladder.too_few_to_judge(),
            ),
        ]
        told = [message for message, classes in parts if classes]
        if told:
            warnings.warn(f"{owner}: {' And '.join(told)}", TrainingWarning, stacklevel=6)

    def _note(self, growths: dict[Any, Growth], labels: np.dtype) -> None:
        """Keep the provenance of all classes, and warn of models that failed the quality filter."""
        tables = [growth.provenance for growth in growths.values()]
        table = np.concatenate([np.zeros(0, provenance_dtype(labels)), *tables])
        self.synthetic_provenance_, n_new = pd.DataFrame(table), len(table)
        self.synthetic_mask_ = np.arange(self.n_original_ + n_new) >= self.n_original_
        self.rejected_ = {label: growth.rejected for label, growth in growths.items()}
        self.generator_names_ = {label: growth.methods for label, growth in growths.items()}
        by_class = self.synthetic_provenance_.groupby("label", observed=True)["generator"]
        self._usual = {label: names.mode()[0] for label, names in by_class}
        for label, growth in growths.items():
            cause = getattr(self, "_unit_mismatch", None)
            for message in growth_warnings(label, growth, cause and f"Likely, as the {cause}."):
                warnings.warn(message, TrainingWarning, stacklevel=6)

    def _check_model(self) -> None:
        """Raise a DataError for a wrong name of a model or of a rung."""
        check_keys(self.min_samples, name="min_samples", owner="GANOversampler", allowed=LADDER)
        check_numbers(dict(self.min_samples or {}), COUNT, owner="GANOversampler")
        if isinstance(self.model, type):
            raise DataError(
                "The 'model' parameter of GANOversampler must be an object, not a class. Got "
                f"{self.model.__name__}. Write {self.model.__name__}()."
            )
        if isinstance(self.model, str) and not _looks_like_path(self.model):
            options, folder = available_models(), ", or the folder of a saved Synthesizer"
            options += classical_methods()
            owner = type(self).__name__
            check_option(self.model, name="model", owner=owner, options=options, otherwise=folder)

    def _overrides(self) -> dict[str, Any]:
        """Return the parameters that the user set here and a Synthesizer has too."""
        unset = {"per_class": "auto", "n_steps": None, "max_time": None, "memory": None}
        unset |= {"n_features": 0}
        unset |= {"device": "auto", "n_jobs": None, "verbose": 0}
        given = {name: getattr(self, name) for name in unset}
        return {name: value for name, value in given.items() if value != unset[name]}

    def _set_groups(self, n_resampled: int) -> None:
        if self._groups is None:
            return
        groups = self._groups
        text = any(isinstance(group, str) for group in groups)
        own = "synthetic" if text else np.asarray(groups.max()).item() + 1
        kind = groups.dtype if groups.dtype == object else None
        added = np.array([own] * (n_resampled - self.n_original_), dtype=kind)
        self.groups_ = np.concatenate([groups, added]) if len(added) else groups.copy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _looks_like_path(model: str) -> bool:
    if any(mark in model for mark in "~/\\"):
        return True
    with suppress(OSError, ValueError):  # a name that is too long, or no name at all
        return model != "" and Path(model).exists()
    return False


def _check_counts(counts: Mapping[Any, Any]) -> None:
    for count in counts.values():
        check_number(
            count,
            WHOLE,
            name="sampling_strategy",
            owner="GANOversampler",
            otherwise=" for each class",
        )


def _check_fits(loaded: Synthesizer, X: NDArray, labels: list) -> None:
    """Raise a DataError where a loaded synthesizer makes other signals or classes."""
    remedy = "Load a model trained on such rows, or give a model's name to train one."
    if loaded.signal_shape_ != X.shape[1:]:
        raise DataError(
            "The 'X' parameter of GANOversampler must have signals of shape "
            f"{loaded.signal_shape_}, as the loaded model makes. Got {X.shape[1:]} instead. "
            f"{remedy}"
        )
    missing = sorted(set(np.array(labels).tolist()) - set(loaded.classes_.tolist()), key=str)
    if len(missing) == len(labels):
        raise DataError(
            f"The 'y' parameter of GANOversampler must have classes of the loaded model to grow, "
            f"{loaded.classes_.tolist()}. Got {missing} alone. {remedy}"
        )
