"""The arms of a comparison: what is done to the training rows before the classifier sees them."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import NDArray
from sklearn.base import clone

from bioaug._identity import identity
from bioaug.checkpoint import CONFIG, has_checkpoint
from bioaug.exceptions import DataError

NONE, NULL, ORACLE = "none", "null", "oracle"
LEVELS = (0.25, 0.5, 1.0)  # shares of the held-back rows that the oracle adds


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
        Share of the held-back real rows that is added.
    """

    name: str
    sampler: Any = None
    params: dict[str, Any] = field(default_factory=dict)
    level: float = 0.0

    @property
    def settings(self) -> str:
        """Everything that its results depend on, as text."""
        sampler = settings_of(self.sampler) if self.sampler is not None else None
        return repr((sampler, sorted(self.params.items()), self.level))

    @property
    def words(self) -> str:
        """What it does, for a reader."""
        if self.level:
            return f"{self.level:.0%} of the held-back real rows are added"
        if self.sampler is not None:
            return in_words(self.sampler)
        params = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"the classifier with {params}" if params else "real rows only"

    def resample(
        self,
        X: NDArray,
        y: NDArray,
        groups: NDArray,
        held_back: tuple[NDArray, NDArray],
        seed: int,
        repeat: int,
    ) -> tuple[Any, Any, Any]:
        """Return the rows to train on, and the sampler that was fitted."""
        if self.level:
            n = round(self.level * len(held_back[1]))
            return (
                np.concatenate([X, held_back[0][:n]]),
                np.concatenate([y, held_back[1][:n]]),
                None,
            )
        if self.sampler is None:
            return X, y, None
        sampler = seeded_clone(self.sampler, seed, repeat)
        takes_groups = "groups" in inspect.signature(sampler.fit_resample).parameters
        X, y = sampler.fit_resample(X, y, **({"groups": groups} if takes_groups else {}))
        return X, y, sampler


def make_arms(samplers: Mapping[str, Any]) -> list[Arm]:
    """Return the arms, with "none" first, and the oracle as one arm for every level."""
    if not isinstance(samplers, Mapping) or not samplers:
        raise DataError(
            "The 'samplers' parameter of cross_validate_augmentation must be a dict of samplers by "
            f"name. Got {samplers!r} instead."
        )
    arms = [Arm(NONE)]
    for name, value in samplers.items():
        if value is None:
            arms[0] = Arm(str(name))
        elif isinstance(value, str) and value == NULL:
            arms.append(Arm(str(name), RandomOverSampler()))
        elif isinstance(value, str) and value == ORACLE:
            arms += [Arm(f"{name} {level:.0%}", level=level) for level in LEVELS]
        elif isinstance(value, Mapping):
            arms.append(Arm(str(name), params=dict(value)))
        elif hasattr(value, "fit_resample"):
            arms.append(Arm(str(name), value))
        else:
            raise DataError(
                "The 'samplers' parameter of cross_validate_augmentation must have samplers, "
                "None, 'null', 'oracle' or dicts of the estimator's parameters. Got "
                f"{value!r} as {name!r}."
            )
    names = [arm.name for arm in arms]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or sum(value is None for value in samplers.values()) > 1:
        raise DataError(
            "The 'samplers' parameter of cross_validate_augmentation must give every arm a name of "
            f"its own, None only once ('none' is always there). Got {twice or 'None twice'}."
        )
    return arms


def seeded_clone(
    estimator: Any, seed: int, repeat: int, params: Mapping[str, Any] | None = None
) -> Any:
    """Return a clone with these parameters, every `random_state` in it set.

    One that was set stays in the first repeat; repeats that it froze would tell nothing of another
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


def settings_of(estimator: Any) -> str:
    """Return an estimator and all its parameters as text."""
    params = (
        estimator.get_params(deep=True) if hasattr(estimator, "get_params") else vars(estimator)
    )
    kind = type(estimator)
    values = sorted((name, _value(value)) for name, value in params.items())
    return repr((kind.__module__, kind.__qualname__, values))


def _value(value: Any) -> str:
    """Return a parameter as text that differs where the value does."""
    if isinstance(value, str | Path) and has_checkpoint(value):  # another model may lie there later
        config = Path(value).expanduser() / CONFIG
        return f"{value} {hashlib.sha256(config.read_bytes()).hexdigest()}"
    return identity(value)
