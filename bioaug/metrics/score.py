"""A score: a number that says what is better, and what real data would score against itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import t as student

Direction = Literal["lower", "higher"]


@dataclass(frozen=True)
class Null:
    """What two halves of the real data score against each other.

    Attributes
    ----------
    value : float
        Mean over `n_draws` random halvings.
    low, high : float
        The 95 % interval in which one more halving falls: value -/+ t * sd * sqrt(1 + 1/n_draws).
    n_draws : int
    """

    value: float
    low: float
    high: float
    n_draws: int

    @classmethod
    def of(cls, draws: Sequence[float]) -> Null:
        """Return the null of at least two draws."""
        mean, n_draws = float(np.mean(draws)), len(draws)
        width = float(student.ppf(0.975, n_draws - 1) * np.std(draws, ddof=1))
        width *= (1 + 1 / n_draws) ** 0.5
        return cls(mean, mean - width, mean + width, n_draws)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class Score(float):
    """A float that carries where it comes from.

    Attributes
    ----------
    value : float
        The score itself; with several classes the mean of `per_class`.
    name : str
    direction : {"lower", "higher"}
        What is better.
    null : Null or None
        What two halves of the real data score, with its 95 % interval; None where `n_null=0`.
    n_real, n_synthetic : int
        Rows that took part.
    seed : int
        With which the score can be made again.
    seconds : float
    per_class : dict
        The score of every class by its label; empty without classes.
    details : dict
        What else the score found, such as a p-value. Of the mean over classes, only
        ``classes_left_out``: classes of the real rows without synthetic ones, where there are any.
    """

    name: str
    direction: Direction
    null: Null | None
    n_real: int
    n_synthetic: int
    seed: int
    seconds: float
    per_class: dict[Any, Score]
    details: dict[str, Any]

    def __new__(cls, value: float, **about: Any) -> Score:
        """Make a score; see the attributes for `about`."""
        score = super().__new__(cls, value)
        defaults = {"name": "score", "direction": "lower", "null": None, "n_real": 0}
        defaults |= {"n_synthetic": 0, "seed": 0, "seconds": 0.0}
        score.__dict__.update(defaults | {"per_class": {}, "details": {}} | about)
        return score

    @property
    def value(self) -> float:
        """The score as a plain float."""
        return float(self)

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, Any]]:
        return (float(self),), dict(self.__dict__)

    def __repr__(self) -> str:
        parts = [f"{self.direction} is better"]
        if self.null is not None:
            low, high = self.null.low, self.null.high
            parts.append(f"real against real {self.null.value:.4g} [{low:.4g}, {high:.4g}]")
        parts.append(f"{self.n_real} real, {self.n_synthetic} synthetic")
        return f"{self.name} {float(self):.4g} ({'; '.join(parts)})"

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        about: Mapping[str, Any] = self.__dict__
        plain = {key: about[key] for key in about if key not in {"null", "per_class"}}
        null = None if self.null is None else vars(self.null)
        classes = {str(label): score.to_dict() for label, score in self.per_class.items()}
        return {"value": float(self)} | plain | {"null": null, "per_class": classes}
