"""Classification tasks whose training or test rows are synthetic."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import StratifiedKFold

from bioaug.core.checks import check_option
from bioaug.core.seeding import draw_seed
from bioaug.exceptions import DataError
from bioaug.metrics.base.classifiers import make_probe
from bioaug.metrics.base.halves import LEAST_PATIENTS, check_groups
from bioaug.metrics.base.measure import check_n_null, seed_of
from bioaug.metrics.base.pairs import by_class, check_pair, in_real_units
from bioaug.metrics.base.score import Null, Score

_LEAST = 4  # rows of a class: two in each half
_TRIES = 50  # halves of the patients, until one has every class on both sides


@dataclass(frozen=True)
class Rows:
    """Signals of shape (n_samples, n_channels, n_timesteps) and their labels."""

    X: NDArray
    y: NDArray

    def take(self, rows: NDArray) -> Rows:
        """Return the given rows."""
        return Rows(self.X[rows], self.y[rows])

    def part(self, n_rows: int, rng: np.random.RandomState) -> Rows:
        """Return about `n_rows` random rows, with the classes in the same shares."""
        order = rng.permutation(len(self.y))
        classes = (order[self.y[order] == label] for label in np.unique(self.y))
        kept = [own[: -(-len(own) * n_rows // len(self.y))] for own in classes]
        return self.take(np.concatenate(kept))


@dataclass(frozen=True)
class Task:
    """What is trained, tested and compared."""

    real: Rows
    synthetic: Rows
    test: Rows | None
    groups: NDArray | None
    classifier: Any
    scoring: str
    owner: str

    def halves(self, rng: np.random.RandomState) -> list[tuple[Rows, Rows]]:
        """Return (training, test) rows for each random half of the real rows."""
        if self.groups is None:
            folds = StratifiedKFold(2, shuffle=True, random_state=draw_seed(rng))
            splits = list(folds.split(self.real.y, self.real.y))
        else:
            first = _half_of_patients(self.groups, self.real.y, rng)
            splits = [(np.flatnonzero(train), np.flatnonzero(~train)) for train in (first, ~first)]
        return [
            (self.real.take(train), self.test or self.real.take(test)) for train, test in splits
        ]

    def score(self, train: Rows, test: Rows, rng: np.random.RandomState) -> NDArray[np.float64]:
        """Return the score, or the F1 of every class of the real rows, NaN where there is none."""
        if len(np.unique(train.y)) < 2:
            raise DataError(
                f"The 'groups_real' parameter of {self.owner} must leave several classes on each "
                f"half of the patients. Got the one class {train.y[0]!r} on a half. Give rows of "
                "more patients, or no groups."
            )
        probe = make_probe(self.classifier, seed=draw_seed(rng), owner=self.owner)
        probe.fit(train.X, train.y)
        if self.scoring != "f1_macro":
            return np.array([get_scorer(self.scoring)(probe, test.X, test.y)])
        labels, predicted = np.unique(self.real.y), probe.predict(test.X)
        return np.array([_f1(test.y == label, predicted == label) for label in labels])

    def comparison(
        self, trained_on: Literal["synthetic", "real"], rng: np.random.RandomState
    ) -> tuple[NDArray, NDArray, float]:
        """Return the scores with synthetic rows, those of real rows, and the rows trained on."""
        with_synthetic, real_only, sizes = [], [], []
        for train, test in self.halves(rng):
            if trained_on == "synthetic":
                n_train = min(len(train.y), len(self.synthetic.y))
                train = train.part(n_train, rng)
                made = self.synthetic.part(n_train, rng)
                with_synthetic.append(self.score(made, test, rng))
            else:
                with_synthetic.append(self.score(train, self.synthetic, rng))
            real_only.append(self.score(train, test, rng))
            sizes.append(len(train.y))
        return _mean(with_synthetic), _mean(real_only), float(np.mean(sizes))

    def null_draw(
        self, trained_on: Literal["synthetic", "real"], rng: np.random.RandomState
    ) -> NDArray[np.float64]:
        """Return the scores where real rows stand in for the synthetic ones."""
        train, test = self.halves(rng)[0]
        if trained_on == "synthetic":
            train = train.part(min(len(train.y), len(self.synthetic.y)), rng)
        elif self.test is not None:  # the synthetic rows would be other test rows
            test = test.take(self._like_synthetic(test.y, rng))
        return self.score(train, test, rng)

    def _like_synthetic(self, y: NDArray, rng: np.random.RandomState) -> NDArray[np.int64]:
        """Return random rows, with repeats, as many of each class as there are synthetic ones."""
        chosen = [
            rng.choice(np.flatnonzero(y == label), count)
            for label, count in zip(*np.unique(self.synthetic.y, return_counts=True), strict=True)
            if (y == label).any()
        ]
        return np.concatenate(chosen) if chosen else np.arange(len(y))

    def guess(
        self, trained_on: Literal["synthetic", "real"], rng: np.random.RandomState
    ) -> NDArray[np.float64]:
        """Return the scores of classifiers trained on real rows with shuffled labels."""
        found = []
        for train, test in self.halves(rng):
            shuffled = Rows(train.X, rng.permutation(train.y))
            found.append(
                self.score(shuffled, test if trained_on == "synthetic" else self.synthetic, rng)
            )
        return _mean(found)

    def few_patients(self) -> dict[Any, str]:
        """Return why nothing can be told of a class of too few patients."""
        if self.groups is None:
            return {}
        numbers = {
            label: len(np.unique(self.groups[self.real.y == label]))
            for label in np.unique(self.real.y).tolist()
        }
        return {
            label: f"{number} patients, {LEAST_PATIENTS} are needed"
            for label, number in numbers.items()
            if number < LEAST_PATIENTS
        }

    def null_draws(
        self, trained_on: Literal["synthetic", "real"], n_null: int, rng: np.random.RandomState
    ) -> NDArray[np.float64]:
        """Return `n_null` rows of such scores, spread as much as those of fresh rows would be."""
        draws = np.array([self.null_draw(trained_on, rng) for _ in range(n_null)])
        if self.test is None or not n_null:
            return draws
        # Halves of one set, drawn without replacement, have half the variance of fresh rows. Where
        # the other half is tested on, the change of test rows makes up for it.
        mean = _mean(list(draws))
        return mean + (draws - mean) * 2**0.5


def _half_of_patients(groups: NDArray, y: NDArray, rng: np.random.RandomState) -> NDArray[np.bool_]:
    """Return which rows are of a random half of the patients, with the classes on both sides.

    StratifiedGroupKFold finds the same halves for nearly every seed.
    """
    best, most = np.zeros(len(y), dtype=bool), -1
    patients = np.unique(groups)
    for _ in range(_TRIES):
        first = np.isin(groups, rng.permutation(patients)[: len(patients) // 2])
        n_shared = len(np.intersect1d(y[first], y[~first]))
        if n_shared > most:
            best, most = first, n_shared
        if most == len(np.unique(y)):
            break
    return best


def make_task(
    real: tuple[Any, Any],
    synthetic: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    groups_real: Any,
    classifier: Any,
    scoring: str,
    owner: str,
) -> Task:
    """Return the checked and scaled task, or raise one clear DataError."""
    check_option(scoring, name="scoring", owner=owner, options=get_scorer_names())
    pair = in_real_units(check_pair(real[0], synthetic[0], real[1], synthetic[1], owner=owner))
    by_class(pair, owner=owner)  # synthetic classes must be real ones
    rows = {"y_real": Rows(pair.X_real, pair.y_real)}  # pyright: ignore[reportArgumentType]
    rows["y_synthetic"] = Rows(pair.X_synthetic, pair.y_synthetic)  # pyright: ignore[reportArgumentType]
    tested = None
    if test[0] is None and test[1] is not None:
        raise DataError(
            f"The 'X_test' parameter of {owner} must be given where 'y_test' is. Got None. "
            "Give both or neither."
        )
    if test[0] is not None:
        held = check_pair(real[0], test[0], real[1], test[1], owner=owner, other="test")
        held = in_real_units(held)
        tested = Rows(held.X_synthetic, held.y_synthetic)  # pyright: ignore[reportArgumentType]
    for name, own in rows.items():
        _check_classes(name, own.y, owner)
    groups = None if groups_real is None else _checked_groups(groups_real, pair.X_real, owner)
    if classifier is None:
        classifier = HistGradientBoostingClassifier(
            max_iter=50, learning_rate=0.2, max_leaf_nodes=8, min_samples_leaf=5, max_bins=63
        )
    return Task(rows["y_real"], rows["y_synthetic"], tested, groups, classifier, scoring, owner)


def _check_classes(name: str, y: Any, owner: str) -> None:
    labels, counts = (None, [0]) if y is None else np.unique(y, return_counts=True)
    if labels is None or len(labels) < 2:
        got = "None" if labels is None else f"the one class {labels.tolist()[0]!r}"
        raise DataError(
            f"The {name!r} parameter of {owner} must hold labels of several classes. Got {got}. "
            "A classifier has nothing to tell apart."
        )
    if name == "y_real" and min(counts) < _LEAST:
        raise DataError(
            f"The 'y_real' parameter of {owner} must have at least {_LEAST} rows of every class. "
            f"Got {min(counts)} of {labels.tolist()[int(np.argmin(counts))]!r}. Give more rows, or "
            "leave this class out."
        )


def _checked_groups(groups_real: Any, X_real: NDArray, owner: str) -> NDArray:
    groups = check_groups(groups_real, len(X_real), owner=owner, name="groups_real")
    if groups is None or len(np.unique(groups)) < 2:
        raise DataError(
            f"The 'groups_real' parameter of {owner} must hold 2 patients at least. Got 1. Give no "
            "groups where there is one patient only."
        )
    return groups


def measure_task(
    task: Task,
    *,
    trained_on: Literal["synthetic", "real"],
    n_null: int,
    random_state: int | np.random.RandomState | None,
) -> Score:
    """Return the score of a task with its null value."""
    began = time.perf_counter()
    check_n_null(n_null, owner=task.owner)
    seed = seed_of(random_state)
    rng = np.random.RandomState(seed)
    found, real_only, n_train = task.comparison(trained_on, rng)
    draws = task.null_draws(trained_on, n_null, rng)
    guess = task.guess(trained_on, rng) if n_null else np.full(len(found), -np.inf)
    few = task.few_patients() if n_null else {}
    about: dict[str, Any] = {"name": task.owner, "direction": "higher", "seed": seed}
    about["seconds"] = time.perf_counter() - began
    value, null = float(np.nanmean(found)), None
    guessed = float(np.nanmean(guess))
    if n_null:
        null = Null.of(np.nanmean(draws, axis=1).tolist())
    reason = "; ".join(f"class {label}: {why}" for label, why in few.items())
    return Score(
        value,
        null=null,
        n_real=len(task.real.y),
        n_synthetic=len(task.synthetic.y),
        per_class=_per_class(task, found, draws, guess, few, about)
        if task.scoring == "f1_macro"
        else {},
        details=_compared(found, real_only)
        | {"n_train": n_train}
        | ({"guessing": guessed} if n_null else {}),
        inconclusive=reason or _near_guessing(value, null, guessed),
        **about,
    )


def _near_guessing(value: float, null: Null | None, guessed: float) -> str:
    """Return why a value inside its null tells nothing: the null holds guessing as well."""
    if null is None or value not in null or not null.low <= guessed:
        return ""
    return f"guessing ({guessed:.2g}) lies inside the null"


def _per_class(
    task: Task,
    found: NDArray,
    draws: NDArray,
    guess: NDArray,
    few: dict[Any, str],
    about: dict,
) -> dict[Any, Score]:
    """Return the F1 of every class that has one."""
    scores = {}
    for position, label in enumerate(np.unique(task.real.y).tolist()):
        if np.isnan(found[position]):
            continue
        own = draws[:, position] if len(draws) else np.empty(0)
        own = own[~np.isnan(own)]
        value, null = float(found[position]), Null.of(own.tolist()) if len(own) > 1 else None
        scores[label] = Score(
            value,
            null=null,
            n_real=int(np.sum(task.real.y == label)),
            n_synthetic=int(np.sum(task.synthetic.y == label)),
            inconclusive=few.get(label) or _near_guessing(value, null, float(guess[position])),
            **about,
        )
    return scores


def _compared(found: NDArray, real_only: NDArray) -> dict[str, float]:
    real_on_real = float(np.nanmean(real_only))
    ratio = float(np.nanmean(found)) / real_on_real if real_on_real else float("nan")
    return {"real_on_real": real_on_real, "ratio": ratio}


def _f1(true: NDArray, predicted: NDArray) -> float:
    """Return the F1 of a class; NaN where it is neither there nor predicted."""
    n_both = true.sum() + predicted.sum()
    return 2 * float((true & predicted).sum()) / float(n_both) if n_both else float("nan")


def _mean(values: list[NDArray]) -> NDArray[np.float64]:
    """Return the mean of arrays without their NaN; NaN where there is nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=0)
