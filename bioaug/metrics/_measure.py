"""What all scores share: checks, units, classes, the null value, seeds and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioaug._random import check_generator, draw_seed
from bioaug._validation import LARGEST, check_signals
from bioaug.codec import as_3d
from bioaug.exceptions import DataError
from bioaug.metrics.score import Direction, Null, Score


class Found(NamedTuple):
    """What a score's formula finds: its value, and what else it has to say.

    Details that take long are given as a function, which is not called for the null value.
    """

    value: float
    details: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = {}


Formula = Callable[[NDArray, NDArray, np.random.RandomState], Found]


Halvings = Callable[[NDArray, int, np.random.RandomState], list[float]]


class Pair(NamedTuple):
    """Real and synthetic signals of shape (n, n_channels, n_timesteps) with their labels."""

    X_real: NDArray
    X_synthetic: NDArray
    y_real: NDArray | None
    y_synthetic: NDArray | None


def measure(
    formula: Formula,
    X_real: Any,
    X_synthetic: Any,
    *,
    name: str,
    direction: Direction,
    y_real: Any = None,
    y_synthetic: Any = None,
    least: int = 2,
    n_null: int = 20,
    random_state: int | np.random.RandomState | None = None,
    scale: bool = True,
    halvings: Halvings | None = None,
) -> Score:
    """Return the score that `formula` gives, class by class, with its null value.

    Parameters
    ----------
    formula : callable (real, synthetic, random_state) -> Found
        Real and synthetic signals of one class, float64, shape (n, n_channels, n_timesteps). It
        must train on no row that it tests on, and take all randomness from `random_state`.
    X_real, X_synthetic : array-like, 2-D or 3-D
    name : str
        Of the score, for errors and for printing.
    direction : {"lower", "higher"}
        What is better.
    y_real, y_synthetic : array-like, optional
        With labels, every class is scored by itself and the score is the mean.
    least : int
        Smallest number of rows that the formula takes on either side; the null halves the real
        rows, so it is left out (None) where the real rows are fewer than twice as many.
    n_null : int
        Random halvings of the real rows for the null value; 0 for none, else at least 2.
    random_state : int, RandomState or None
    scale : bool
        Whether every channel is shifted and scaled by the real rows' mean and deviation, which
        makes the score free of units.
    halvings : callable (real, n_null, random_state) -> list of float, optional
        What random halves of the real rows score, where that is found faster than by `formula`
        once for each.
    """
    began = time.perf_counter()
    seed = seed_of(random_state)
    check_n_null(n_null, owner=name)
    pair = check_pair(X_real, X_synthetic, y_real, y_synthetic, owner=name)
    if scale:
        pair = in_real_units(pair)
    parts = {}
    for label, real, synthetic in by_class(pair, owner=name):
        check_enough(real, synthetic, least=least, owner=name, label=label)
        rng = np.random.RandomState(seed)
        found = formula(real, synthetic, rng)
        details = dict(found.details() if callable(found.details) else found.details)
        draws = []
        if n_null and len(real) >= 2 * least:
            find = halvings or partial(null_draws, formula)
            draws = find(real, n_null, rng)
        found = found._replace(details=details)
        parts[label] = (found, draws, len(real), len(synthetic))
    about = {"name": name, "direction": direction, "seed": seed}
    return combine(parts, pair.y_real, about | {"seconds": time.perf_counter() - began})


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed: the given one, or one drawn from the generator, or a fresh one for None."""
    rng = check_generator(random_state)
    return int(random_state) if isinstance(random_state, Integral) else draw_seed(rng)


def check_n_null(n_null: Any, *, owner: str) -> None:
    """Raise a DataError unless `n_null` is a number of draws that a null can be made of."""
    if not isinstance(n_null, Integral) or (n_null != 0 and n_null < 2):
        raise DataError(
            f"The 'n_null' parameter of {owner} must be the int 0 or at least 2. "
            f"Got {n_null!r} instead."
        )


def null_draws(
    formula: Formula, real: NDArray, n_null: int, rng: np.random.RandomState
) -> list[float]:
    """Return what `n_null` random halvings of the real rows score."""
    draws = []
    for _ in range(n_null):
        order = rng.permutation(len(real))
        first, second = order[: len(real) // 2], order[len(real) // 2 :]
        draws.append(formula(real[first], real[second], rng).value)
    return draws


def combine(
    parts: dict[Any, tuple[Found, list[float], int, int]], y_real: Any, about: dict
) -> Score:
    """Return the score of the one part without label, or the mean over classes."""
    scores = {
        label: Score(
            found.value,
            null=Null.of(draws) if draws else None,
            n_real=n_real,
            n_synthetic=n_synthetic,
            details=found.details,
            **about,
        )
        for label, (found, draws, n_real, n_synthetic) in parts.items()
    }
    if list(scores) == [None]:
        return scores[None]
    draws = [part[1] for part in parts.values()]
    left_out = [label for label in np.unique(y_real).tolist() if label not in scores]
    return Score(
        float(np.mean([float(score) for score in scores.values()])),
        null=Null.of(np.mean(draws, axis=0)) if all(draws) else None,
        n_real=sum(score.n_real for score in scores.values()),
        n_synthetic=sum(score.n_synthetic for score in scores.values()),
        per_class=scores,
        details={"classes_left_out": left_out} if left_out else {},
        **about,
    )


def check_pair(
    X_real: Any,
    X_synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    *,
    owner: str,
    first: str = "real",
    other: str = "synthetic",
) -> Pair:
    """Return both sets as 3-D float64 with labels, or raise one clear DataError.

    `first` and `other` are how the parameters of the sets are called, as in X_holdout and y_holdout
    for "holdout".
    """
    if (y_real is None) != (y_synthetic is None):
        missing = f"y_{first if y_real is None else other}"
        raise DataError(
            f"The {missing!r} parameter of {owner} must be given where the other labels are. "
            "Got None. Give both or neither."
        )
    X_real, y_real = check_set(X_real, y_real, owner=owner, which=f"_{first}")
    X_synthetic, y_synthetic = check_set(X_synthetic, y_synthetic, owner=owner, which=f"_{other}")
    real, synthetic = as_3d(X_real), as_3d(X_synthetic)
    if real.shape[1:] != synthetic.shape[1:]:
        raise DataError(
            f"The 'X_{other}' parameter of {owner} must have signals of (n_channels, "
            f"n_timesteps) = {real.shape[1:]}, as 'X_{first}' has. Got {synthetic.shape[1:]} "
            "instead. Cut or resample one of them."
        )
    return Pair(real.astype(np.float64), synthetic.astype(np.float64), y_real, y_synthetic)


def check_set(X: Any, y: Any, *, owner: str, which: str = "") -> tuple[NDArray, NDArray | None]:
    """Return one set as `check_signals` does, but raise nothing else than a DataError.

    `which` is what its parameters have behind X and y, as "_real".
    """
    X_name, y_name = f"X{which}", f"y{which}"
    shapes = "(n, n_timesteps) or (n, n_channels, n_timesteps)"
    with _refused(f"The {X_name!r} parameter of {owner} must hold numbers, of shape {shapes}."):
        X, _ = check_signals(X, owner=owner, names=(X_name, y_name))
    with _refused(f"The {y_name!r} parameter of {owner} must hold a class for each of the rows."):
        return check_signals(X, y, owner=owner, names=(X_name, y_name))


@contextmanager
def _refused(rule: str) -> Iterator[None]:
    """Raise what scikit-learn refuses as a DataError that begins with the rule."""
    try:
        yield
    except DataError:
        raise
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(":.")
        raise DataError(f"{rule} scikit-learn refuses what came: {reason}.") from error


def in_real_units(pair: Pair) -> Pair:
    """Shift and scale every channel by the real rows' mean and deviation."""
    mean = pair.X_real.mean(axis=(0, 2), keepdims=True)
    deviation = pair.X_real.std(axis=(0, 2), keepdims=True)
    deviation = np.where(deviation > 0, deviation, 1)
    with np.errstate(over="ignore"):
        real, synthetic = ((X - mean) / deviation for X in (pair.X_real, pair.X_synthetic))
    if np.abs(synthetic).max() > LARGEST:
        raise DataError(
            f"The synthetic signals must lie within {LARGEST:g} standard deviations of the real "
            "ones, for squares must be finite. Give both in the same unit."
        )
    return pair._replace(X_real=real, X_synthetic=synthetic)


def by_class(pair: Pair, *, owner: str) -> list[tuple[Any, NDArray, NDArray]]:
    """Return (label, real, synthetic) for every class of the synthetic rows, or for None."""
    if pair.y_real is None or pair.y_synthetic is None:
        return [(None, pair.X_real, pair.X_synthetic)]
    classes, made = np.unique(pair.y_real).tolist(), np.unique(pair.y_synthetic).tolist()
    if unknown := sorted(set(made) - set(classes), key=str):
        raise DataError(
            f"The 'y_synthetic' parameter of {owner} must hold classes of 'y_real', {classes}. "
            f"Got {unknown} as well. Leave those rows out."
        )
    return [
        (label, pair.X_real[pair.y_real == label], pair.X_synthetic[pair.y_synthetic == label])
        for label in made
    ]


def check_enough(
    real: NDArray, synthetic: NDArray, *, least: int, owner: str, label: Any = None
) -> None:
    """Raise a DataError where either side has fewer than `least` rows."""
    for name, rows in (("X_real", real), ("X_synthetic", synthetic)):
        if len(rows) < least:
            of_class = "" if label is None else f" of class {label!r}"
            raise DataError(
                f"The {name!r} parameter of {owner} must have at least {least} rows{of_class}. "
                f"Got {len(rows)}. Give more rows, or leave this score out."
            )
