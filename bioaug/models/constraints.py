"""What the parameters of a model may be, declared as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

from bioaug.core import checks
from bioaug.core.checks import Interval, check_number, check_option
from bioaug.exceptions import DataError


class Constraint(Protocol):
    """Anything that can check the value of a parameter."""

    def check(self, value: Any, *, name: str, owner: str) -> None:
        """Raise a DataError that names the parameter unless `value` is allowed."""
        ...


@dataclass(frozen=True)
class Number:
    """A number in an interval, or None or "auto" where these are allowed."""

    allowed: Interval
    optional: bool = False
    auto: bool = False

    def check(self, value: Any, *, name: str, owner: str) -> None:
        """Raise a DataError that names the parameter unless `value` is allowed."""
        if self.auto and isinstance(value, str) and value == "auto":
            return
        otherwise = " or 'auto'" if self.auto else ""
        check_number(
            value,
            self.allowed,
            name=name,
            owner=owner,
            optional=self.optional,
            otherwise=otherwise,
        )


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    options: tuple[Any, ...]

    def check(self, value: Any, *, name: str, owner: str) -> None:
        """Raise a DataError that names the parameter unless `value` is allowed."""
        check_option(value, name=name, owner=owner, options=self.options)


@dataclass(frozen=True)
class Multiple:
    """A positive multiple of an integer."""

    of: int
    what: str

    def check(self, value: Any, *, name: str, owner: str) -> None:
        """Raise a DataError that names the parameter unless `value` is allowed."""
        is_integer = isinstance(value, Integral) and not isinstance(value, bool)
        if not is_integer or value < 1 or value % self.of:
            raise DataError(
                f"The {name!r} parameter of {owner} must be a positive multiple of {self.what} "
                f"{self.of}. Got {value!r} instead."
            )


@dataclass(frozen=True)
class Counts:
    """A sequence of positive integers, at least one."""

    what: str

    def check(self, value: Any, *, name: str, owner: str) -> None:
        """Raise a DataError that names the parameter unless `value` is allowed."""
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise DataError(
                f"The {name!r} parameter of {owner} must be a sequence {self.what}. "
                f"Got {value!r} instead."
            )
        for number in value:
            COUNT.check(number, name=name, owner=owner)


COUNT = Number(checks.COUNT)
NOT_NEGATIVE_INT = Number(checks.NOT_NEGATIVE_INT)
POSITIVE = Number(checks.POSITIVE)
NOT_NEGATIVE = Number(checks.NOT_NEGATIVE)
UNIT = Number(checks.UNIT)
BELOW_ONE = Number(Interval(Real, 0, 1, closed="left"))
BOOLEAN = Choice((True, False))
COUNT_OR_AUTO = Number(checks.COUNT, auto=True)
POSITIVE_OR_NONE = Number(checks.POSITIVE, optional=True)
UNIT_OR_NONE = Number(checks.UNIT, optional=True)
