"""The Score: a float with its direction and the null value of real data against itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import t as student

from bioaug.core.checks import check_keys, check_option
from bioaug.exceptions import DataError

Direction = Literal["lower", "higher"]
Reading = Literal["as real", "worse than real", "beyond real", "inconclusive"]

LEAST_DRAWS = 8  # with fewer, the width of the interval is itself a guess
QUANTILE_DRAWS = 39  # from here on, 2.5 % of the draws are one draw
_DIRECTIONS = ("lower", "higher")


@dataclass(frozen=True)
class Null:
    """What two parts of the real data score against each other.

    Attributes
    ----------
    value : float
        Mean over `n_draws` random parts, of patients where these are known.
    low, high : float
        The 95 % interval in which the score of fresh real rows falls: from 39 draws on, their
        2.5 and 97.5 % quantiles, the (n_draws + 1) * p-th of them in order; of fewer,
        value -/+ t * sd * sqrt(1 + 1/n_draws).
    n_draws : int
    """

    value: float
    low: float
    high: float
    n_draws: int

    @classmethod
    def of(cls, draws: Sequence[float], *, least_width: float = 0.0) -> Null:
        """Return the null of at least two draws; `least_width` is that of half the interval."""
        mean, n_draws = float(np.mean(draws)), len(draws)
        if n_draws >= QUANTILE_DRAWS:
            low, high = np.quantile(draws, (0.025, 0.975), method="weibull").tolist()
        else:
            width = float(student.ppf(0.975, n_draws - 1) * np.std(draws, ddof=1))
            width *= (1 + 1 / n_draws) ** 0.5
            low, high = mean - width, mean + width
        return cls(mean, min(low, mean - least_width), max(high, mean + least_width), n_draws)

    def __contains__(self, value: float) -> bool:
        # Draws that are all equal leave no width, and a mean of equal numbers is off by rounding.
        tolerance = 1e-12 * max(abs(self.low), abs(self.high), 1e-300)
        return self.low - tolerance <= value <= self.high + tolerance


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
        What parts of the real data score against each other, with its 95 % interval; None where
        `n_null=0`, or where the rows or the patients are too few.
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
    inconclusive : str
        Why the score cannot be read against its null; empty where it can.
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
    inconclusive: str

    def __new__(cls, value: float, **about: Any) -> Score:
        """Make a score; see the attributes for `about`.

        Raises
        ------
        DataError
            For a value that is no number, or an attribute that a score does not have.
        """
        defaults: dict[str, Any] = {"name": "score", "direction": "lower", "null": None}
        defaults |= {"n_real": 0, "n_synthetic": 0, "seed": 0, "seconds": 0.0}
        defaults |= {"per_class": {}, "details": {}, "inconclusive": ""}
        check_keys(about, name="about", owner="Score", allowed=defaults)
        about = defaults | about
        check_option(about["direction"], name="direction", owner="Score", options=_DIRECTIONS)
        if not isinstance(about["null"], Null | None):
            raise DataError(
                f"The 'null' parameter of Score must be a Null or None. Got {about['null']!r}. "
                "Make one by Null.of(draws)."
            )
        try:
            score = super().__new__(cls, value)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"The 'value' parameter of Score must be a number. Got {value!r}. Give a float."
            ) from error
        score.__dict__.update(about)
        return score

    @property
    def value(self) -> float:
        """The score as a plain float."""
        return float(self)

    @property
    def reading(self) -> Reading | None:
        """What the null makes of the score; None without a null that was asked for.

        "as real" inside the null's interval, "worse than real" or "beyond real" outside of it, and
        "inconclusive" where `inconclusive` says why, or where the score lies inside an interval
        of so few draws (below 8) that its width says little.
        """
        return read_against(self.value, self)

    @property
    def reason(self) -> str:
        """Why the reading is "inconclusive"; empty where it is not."""
        if self.inconclusive or self.reading != "inconclusive":
            return self.inconclusive
        if self.null is not None and self.null.n_draws < LEAST_DRAWS:
            return f"{self.null.n_draws} null draws, {LEAST_DRAWS} are needed to say 'as real'"
        return "the value is not a number"

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, Any]]:
        return (float(self),), dict(self.__dict__)

    def __repr__(self) -> str:
        parts = [f"{self.direction} is better"]
        if self.null is not None:
            low, high = self.null.low, self.null.high
            parts.append(f"real against real {self.null.value:.4g} [{low:.4g}, {high:.4g}]")
        if self.reason:
            parts.append(f"inconclusive: {self.reason}")
        parts.append(f"{self.n_real} real, {self.n_synthetic} synthetic")
        return f"{self.name} {float(self):.4g} ({'; '.join(parts)})"

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        about: Mapping[str, Any] = self.__dict__
        plain = {key: about[key] for key in about if key not in {"null", "per_class"}}
        null = None if self.null is None else vars(self.null)
        classes = {str(label): score.to_dict() for label, score in self.per_class.items()}
        read = {"reading": self.reading, "inconclusive": self.reason}
        return {"value": float(self)} | plain | read | {"null": null, "per_class": classes}


def read_against(value: float, score: Score) -> Reading | None:
    """Return what the null of `score` makes of `value`; see `Score.reading`."""
    null = score.null
    if score.inconclusive:
        return "inconclusive"
    if null is None:
        return None
    if np.isnan(value):
        return "inconclusive"
    if value in null:
        return "as real" if null.n_draws >= LEAST_DRAWS else "inconclusive"
    return (
        "beyond real" if (value > null.high) == (score.direction == "higher") else "worse than real"
    )
