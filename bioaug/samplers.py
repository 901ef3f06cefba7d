"""The oversampler for imbalanced-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from bioaug._random import check_generator, draw_seed
from bioaug._validation import (
    Interval,
    StrOptions,
    check_classes,
    check_finite,
    check_kind,
    check_labels,
    check_option,
)
from bioaug.exceptions import DataError
from bioaug.models import available_models
from bioaug.synthesizer import Synthesizer


class GANOversampler(BaseOverSampler):
    """Grows minority classes with generated signals, by imbalanced-learn's contract.

    `fit_resample` trains a generator on the classes that are to grow, or loads one, and returns
    the original rows first, unchanged and in order, then the new rows class by class.

    Parameters
    ----------
    model : str, path or Synthesizer, default="flow"
        A name from `available_models()`; the folder of a saved `Synthesizer`, which is loaded and
        not trained; or a `Synthesizer`, which is cloned and fitted.
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn. A dict maps classes to their final counts.
    per_class : bool or "auto", default="auto"
        Whether every class gets a model of its own, see `Synthesizer`.
    n_steps : int, optional
        Training steps of each model; None takes the model's default.
    device : str, default="auto"
        "auto" takes a GPU where there is one.
    n_jobs : int, optional
        How many of the per-class models are trained side by side.
    random_state : int, RandomState or None, default=None
    verbose : int, default=0
        1 shows progress bars.

    Attributes
    ----------
    sampling_strategy_ : dict
        How many rows were added to each class.
    synthesizer_ : Synthesizer
        The generator in use; `synthesizer_.save(path)` keeps it. Not set where nothing was added.
    n_original_ : int
        Number of original rows: rows from this position on are synthetic.
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
    >>> ecg = make_ecg(300, classes=("N", "V"), class_weights=(0.9, 0.1), random_state=0)
    >>> sampler = GANOversampler(n_steps=2, random_state=0)
    >>> X, y = sampler.fit_resample(ecg.data, ecg.target)
    >>> sorted(Counter(y.tolist()).items())
    [('N', 270), ('V', 270)]
    """

    _parameter_constraints: dict[str, Any] = {
        **BaseOverSampler._parameter_constraints,
        "model": [str, Path, Synthesizer],
        "per_class": ["boolean", StrOptions({"auto"})],
        "n_steps": [Interval(Integral, 0, None, closed="left"), None],
        "device": [str],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model: str | Path | Synthesizer = "flow",
        *,
        sampling_strategy: float | str | Mapping | Callable = "auto",
        per_class: bool | Literal["auto"] = "auto",
        n_steps: int | None = None,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)  # pyright: ignore[reportArgumentType]
        self.model = model
        self.per_class = per_class
        self.n_steps = n_steps
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
            For input that cannot be used, such as a class of one row that is to grow.
        CheckpointError
            Where `model` is a folder without a whole saved model.
        """
        for learned in ("synthesizer_", "groups_"):  # not always set again
            vars(self).pop(learned, None)
        if groups is not None:
            groups = column_or_1d(groups)
            check_consistent_length(X, groups)
        self._groups, self._column_dtypes = groups, _column_dtypes(X)
        try:
            with self._plain_strategy():
                X_resampled, y_resampled, *_ = super().fit_resample(X, y)
                return X_resampled, y_resampled
        finally:
            del self._groups, self._column_dtypes

    @contextmanager
    def _plain_strategy(self) -> Iterator[None]:
        """Lend imbalanced-learn a dict for any other mapping, which it accepts but cannot read."""
        given = self.sampling_strategy
        if isinstance(given, Mapping):
            self.sampling_strategy = dict(given)
        try:
            yield
        finally:
            self.sampling_strategy = given

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple[Any, Any, bool]:
        self._check_model()
        if np.ndim(y) == 1:
            check_labels(np.asarray(y), owner="GANOversampler")
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
        return X, y, binarize_y

    def _fit_resample(self, X: Any, y: NDArray) -> tuple[Any, NDArray]:
        self.n_original_ = len(y)
        dense = X.toarray() if sparse.issparse(X) else X
        strategy: dict[Any, int] = dict(self.sampling_strategy_)  # pyright: ignore
        added = {label: n for label, n in strategy.items() if n > 0}
        X_parts, y_parts = [dense], [y]
        if added:
            check_classes(dense, y, list(added), owner="GANOversampler")
            labels = np.repeat(np.array(list(added), dtype=y.dtype), list(added.values()))
            random_state = check_generator(self.random_state)
            self.synthesizer_ = self._synthesizer(dense, y, list(added), random_state)
            # A Synthesizer's own seed serves for sampling too, where none is given here.
            own = self.random_state is None and isinstance(self.model, Synthesizer)
            stream = None if own else random_state
            made = self.synthesizer_.sample(y=labels, random_state=stream)[0]
            X_parts += [_rounded(made, self._column_dtypes or [dense.dtype])]
            y_parts += [labels]
        X_resampled = np.concatenate(X_parts, dtype=dense.dtype, casting="unsafe")
        self._set_groups(len(X_resampled))
        if sparse.issparse(X):
            X_resampled = type(X)(X_resampled)
        return X_resampled, np.concatenate(y_parts)

    def _synthesizer(
        self, X: NDArray, y: NDArray, labels: list, random_state: np.random.RandomState
    ) -> Synthesizer:
        """Return a synthesizer that can make these labels: loaded, or trained on their rows."""
        if isinstance(self.model, Synthesizer):
            chosen: Synthesizer = clone(self.model)  # pyright: ignore[reportAssignmentType]
            chosen.set_params(**self._overrides())
        elif self.model in available_models():
            chosen = Synthesizer(str(self.model), **self._overrides())
        else:
            loaded = Synthesizer.load(self.model, device=self.device)
            _check_fits(loaded, X, labels)
            return loaded
        if chosen.random_state is None and self.random_state is not None:
            chosen.set_params(random_state=draw_seed(random_state))
        rows = np.isin(y, labels)
        return chosen.fit(X[rows], y[rows])

    def _check_model(self) -> None:
        """Raise a DataError where `model` is no Synthesizer, no name and no path."""
        if not isinstance(self.model, Synthesizer) and not _looks_like_path(self.model):
            options, folder = available_models(), ", or the folder of a saved Synthesizer"
            owner = type(self).__name__
            check_option(self.model, name="model", owner=owner, options=options, otherwise=folder)

    def _overrides(self) -> dict[str, Any]:
        """Return the parameters that the user set here and a Synthesizer has too."""
        unset = {"per_class": "auto", "n_steps": None, "device": "auto", "n_jobs": None}
        unset |= {"verbose": 0}
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


def _column_dtypes(X: Any) -> list[Any] | None:
    """Return what each column of a DataFrame holds, which one array of all cannot tell."""
    return list(X.dtypes) if hasattr(X, "columns") else None


def _rounded(X: NDArray, dtypes: list[Any]) -> NDArray:
    """Round and clip, where a cast to integers would cut off: all of `X`, or column by column."""
    for column, dtype in enumerate(dtypes):
        if dtype.kind in "iu" and X.dtype != dtype:
            part = X if len(dtypes) == 1 else X[:, column]
            limits = np.iinfo(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype)))
            part[:] = np.clip(np.rint(part), limits.min, limits.max)
    return X


def _looks_like_path(model: str | Path) -> bool:
    if isinstance(model, Path):
        return True
    return model != "" and (Path(model).exists() or any(mark in model for mark in "/\\"))


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
    if missing:
        raise DataError(
            f"The 'y' parameter of GANOversampler may grow the classes of the loaded model, "
            f"{loaded.classes_.tolist()}. Got {missing} as well. {remedy}"
        )
