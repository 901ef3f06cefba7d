"""Arms of a comparison: what is done to the training rows before the classifier sees them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from bioaug.core.checkpoint_folder import has_checkpoint
from bioaug.core.checks import check_option
from bioaug.core.fingerprint import estimator_repr
from bioaug.exceptions import DataError
from bioaug.models import available_models
from bioaug.oversampling.classical import classical_methods
from bioaug.oversampling.sampler import GANOversampler

OWNER = "cross_validate_augmentation"
NONE, COPIES, ORACLE = "none", "copies", "oracle"
LEVELS = (0.25, 0.5, 1.0)  # fractions of the held-out rows that the oracle adds
CLASSIFIERS = {"forest": RandomForestClassifier, "trees": HistGradientBoostingClassifier}
_REFUSES_3D = re.compile(
    r"array with dim 3|dim <= 2|expect\w* (a )?(2|two)[- ]?d|(2|two)[- ]dimension|must be 2-?d",
    re.I,
)


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes
    ----------
    name : str
    sampler : sampler or None
    params : dict
        Of the classifier.
    level : float
        Fraction of the held-out real rows that is added.
    is_control : bool
        Whether it is there to be compared with, and nobody asks whether it helps.
    """

    name: str
    sampler: Any = None
    params: dict[str, Any] = field(default_factory=dict)
    level: float = 0.0
    is_control: bool = False

    @property
    def settings(self) -> str:
        """Everything that its results depend on, as text."""
        sampler = estimator_repr(self.sampler) if self.sampler is not None else None
        return repr((sampler, sorted(self.params.items()), self.level))

    @property
    def words(self) -> str:
        """What it does, for a reader."""
        if self.level:
            return f"{self.level:.0%} of the held-out real rows are added"
        if self.sampler is not None:
            return in_words(self.sampler)
        params = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"the classifier with {params}" if params else "real rows only"

    def resample(
        self,
        X: NDArray,
        y: NDArray,
        groups: NDArray,
        held_out: tuple[NDArray, NDArray],
        seed: int,
        repeat: int,
    ) -> tuple[Any, Any, Any]:
        """Return the rows to train on, and the sampler that was fitted."""
        if self.level:
            n = round(self.level * len(held_out[1]))
            return (
                np.concatenate([X, held_out[0][:n]]),
                np.concatenate([y, held_out[1][:n]]),
                None,
            )
        if self.sampler is None:
            return X, y, None

        def fit_resample(X: NDArray) -> Any:
            sampler = seeded_clone(self.sampler, seed, repeat)
            takes_groups = "groups" in inspect.signature(sampler.fit_resample).parameters
            given = {"groups": groups} if takes_groups else {}
            return *sampler.fit_resample(X, y, **given), sampler

        X_new, y_new, sampler = in_accepted_shape(fit_resample, X)[0]
        return np.reshape(X_new, (-1, *X.shape[1:])), y_new, sampler


def in_accepted_shape(call: Callable[[NDArray], Any], X: NDArray) -> tuple[Any, bool]:
    """Return what `call` does with `X`, and whether `X` had to be flattened.

    Signals of shape (n, n_channels, n_timesteps) are given as they are; where they are refused for
    their third dimension, as by most of scikit-learn, as ``X.reshape(len(X), -1)``.
    """
    if X.ndim < 3:
        return call(X), False
    try:
        return call(X), False
    except ValueError as error:
        if not _REFUSES_3D.search(str(error)):
            raise
    return call(X.reshape(len(X), -1)), True


def arm_names() -> list[str]:
    """Return the names that an arm can be given by."""
    return [NONE, COPIES, ORACLE, "weights", "smote", *classical_methods(), *available_models()]


def named_arm(name: str, settings: Mapping[str, Any] | None = None) -> Any:
    """Return what a name stands for: a sampler, parameters of the classifier, None, or itself.

    `settings` are those of samplers that train a model, such as ``{"n_steps": 100}``.
    """
    if _is_saved_model(name):
        return GANOversampler(name, **(settings or {}))
    known = name.lower()
    if known not in arm_names():
        check_option(
            name, name="samplers", owner=OWNER, options=arm_names(),
            otherwise=", a sampler, None or a dict of the estimator's parameters",
        )  # fmt: skip
    simple = {NONE: None, COPIES: COPIES, ORACLE: ORACLE, "weights": {"class_weight": "balanced"}}
    if known in simple:
        return simple[known]
    if known == "smote":
        return SMOTE()
    return GANOversampler(known, **({} if known in classical_methods() else settings or {}))


def make_estimator(estimator: Any) -> Any:
    """Return a classifier, which may be given by name, or raise before anything is trained."""
    if isinstance(estimator, str):
        check_option(
            estimator,
            name="estimator",
            owner=OWNER,
            options=CLASSIFIERS,
            otherwise=" or a classifier",
        )
        return CLASSIFIERS[estimator]()
    needed = ("fit", "predict", "get_params", "set_params")
    if isinstance(estimator, type) or not all(hasattr(estimator, name) for name in needed):
        raise DataError(
            f"The 'estimator' parameter of {OWNER} must be a classifier of scikit-learn's kind, or "
            f"one of {', '.join(map(repr, CLASSIFIERS))}. Got {estimator!r:.200} instead."
        )
    _check_settings(estimator, "the 'estimator'")
    return estimator


def make_arms(samplers: Mapping[str, Any] | Sequence[str], estimator: Any) -> list[Arm]:
    """Return the arms, with "none" first, and the oracle as one arm for every level.

    Names and parameters are checked here, before anything is trained.
    """
    given = _by_name(samplers)
    values = {
        str(name): named_arm(value) if isinstance(value, str) else value
        for name, value in given.items()
    }
    arms = [Arm(NONE)]
    for name, value in values.items():
        if value is None:
            arms[0] = Arm(name)
        else:
            arms += _arms_of(name, value, estimator)
    names = [arm.name for arm in arms]
    twice = sorted({name for name in names if names.count(name) > 1})
    n_none = sum(value is None for value in values.values())
    if twice or n_none > 1 or len(values) < len(given) or not all(map(str.strip, names)):
        got = twice or ("None twice" if n_none > 1 else names)
        raise DataError(
            f"The 'samplers' parameter of {OWNER} must give every arm its own name, not empty, "
            f"and None only once ('none' is always there). Got {got}."
        )
    return arms


def _by_name(samplers: Any) -> Mapping[Any, Any]:
    """Return the samplers by name; those of a list of names have this name."""
    given = samplers
    if isinstance(samplers, list | tuple | set | frozenset | Iterator):
        given = samplers = list(samplers)
        is_named = all(isinstance(name, str) for name in samplers)
        if is_named and len(set(samplers)) == len(samplers):
            given = dict(zip(samplers, samplers, strict=True))
    if not isinstance(given, Mapping) or not given:
        raise DataError(
            f"The 'samplers' parameter of {OWNER} must be a dict of samplers by name, or a list of "
            f"names, each once. Got {samplers!r:.200} instead."
        )
    return given


def _arms_of(name: str, value: Any, estimator: Any) -> list[Arm]:
    if isinstance(value, str) and value == COPIES:
        return [Arm(name, RandomOverSampler(), is_control=True)]
    if isinstance(value, str) and value == ORACLE:
        return [Arm(f"{name} {level:.0%}", level=level, is_control=True) for level in LEVELS]
    if isinstance(value, Mapping):
        for parameter in value:
            check_option(
                parameter, name=f"samplers[{name!r}]", owner=OWNER,
                options=sorted(estimator.get_params(deep=True)),
            )  # fmt: skip
        changed: Any = clone(estimator)
        _check_settings(changed.set_params(**value), f"arm {name!r} in the 'samplers'")
        return [Arm(name, params=dict(value))]
    if hasattr(value, "fit_resample") and not isinstance(value, type):
        _check_settings(value, f"arm {name!r} in the 'samplers'")
        return [Arm(name, value)]
    raise DataError(
        f"The 'samplers' parameter of {OWNER} must have samplers, None, dicts of the estimator's "
        f"parameters, or names ({', '.join(arm_names())}). Got {value!r:.200} as {name!r}."
    )


def _check_settings(estimator: Any, where: str) -> None:
    """Raise a DataError where an estimator knows that a parameter of its own is wrong."""
    model = getattr(estimator, "model", None) if isinstance(estimator, GANOversampler) else None
    if isinstance(model, str) and not _is_saved_model(model):
        check_option(
            model, name="model", owner=f"GANOversampler, {where}",
            options=[*available_models(), *classical_methods()],
            otherwise=", or the folder of a saved Synthesizer",
        )  # fmt: skip
    if not hasattr(estimator, "_parameter_constraints"):
        return
    try:
        estimator._validate_params()  # of all classes of scikit-learn and imbalanced-learn
    except ValueError as error:
        raise DataError(f"{OWNER}, {where} parameter: {error}") from error


def _is_saved_model(name: str) -> bool:
    return has_checkpoint(name) or "/" in name or "\\" in name


def seeded_clone(
    estimator: Any, seed: int, repeat: int, params: Mapping[str, Any] | None = None
) -> Any:
    """Return a clone with these parameters, every `random_state` in it set.

    One that was set stays in the first repeat; repeats that it froze would show nothing of another
    training.
    """
    copied: Any = clone(estimator)
    copied.set_params(**(params or {}))
    for name, value in copied.get_params(deep=True).items():
        if name != "random_state" and not name.endswith("__random_state"):
            continue
        if value is None:
            copied.set_params(**{name: seed})
        elif repeat:
            drawn = value if isinstance(value, int | np.integer) else seed
            sequence = np.random.SeedSequence([int(drawn), repeat])
            copied.set_params(**{name: int(sequence.generate_state(1)[0] % 2**31)})
    return copied


def in_words(estimator: Any) -> str:
    """Return an estimator and those of its parameters that are not the defaults, on one line."""
    return " ".join(repr(estimator).split())
