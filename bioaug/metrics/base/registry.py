"""Registry of scores: what each needs, its tier in `evaluate`, and what it detects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from bioaug.metrics.base.score import Score

Kind = Literal["fidelity", "utility", "privacy", "biosignal"]


@dataclass(frozen=True)
class Entry:
    """One score.

    Attributes
    ----------
    function : callable (X_real, X_synthetic, ...) -> Score
    kind : {"fidelity", "utility", "privacy", "biosignal"}
        Privacy scores compare with the training rows, the others with held-out rows.
    fast : bool
        Whether it belongs to the tier "fast".
    needs : frozenset of {"labels", "holdout", "sampling_rate"}
    takes : frozenset of {"groups_real", "groups_holdout", "holdout", "test", "sampling_rate"}
        What it can use besides.
    quick : mapping
        Settings that the tier "fast" changes.
    detects : tuple of str
        Corruptions of real rows along which the score worsens steadily, from none to the strongest;
        the tests hold each score to that (Kendall's tau is at least 0.9).
    """

    function: Callable[..., Score]
    kind: Kind
    fast: bool = True
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    quick: Mapping[str, Any] = field(default_factory=dict)
    detects: tuple[str, ...] = ()

    @property
    def on_train(self) -> bool:
        """Whether the real rows of the score are the generator's training rows."""
        return self.kind == "privacy" or "test" in self.takes


# Corruptions of real rows, which the tests make stronger step by step.
FAULTS = (
    "noise",
    "shift",
    "smoothing",
    "scale",
    "collapse to the mean",
    "dropped patients",
    "another class mixed in",
    "time reversal",
)
COPIES = ("exact copies", "near copies")

_Function = TypeVar("_Function", bound=Callable[..., Score])
_ENTRIES: dict[str, Entry] = {}


def register_score(
    name: str,
    kind: Kind,
    *,
    fast: bool = True,
    needs: Iterable[str] = (),
    takes: Iterable[str] = (),
    quick: Mapping[str, object] | None = None,
    detects: tuple[str, ...] = (),
) -> Callable[[_Function], _Function]:
    """Give a score its name in `evaluate` and `get_scorer`; the parameters are those of `Entry`.

    Raises
    ------
    ValueError
        Where another score has this name.
    """

    def register(function: _Function) -> _Function:
        taken = _ENTRIES.get(name)
        if taken is not None and taken.function.__qualname__ != function.__qualname__:
            raise ValueError(
                f"The name {name!r} of {function.__qualname__} must be new. It is that of "
                f"{taken.function.__qualname__}. Choose another."
            )
        _ENTRIES[name] = Entry(
            function, kind, fast, frozenset(needs), frozenset(takes), quick or {}, detects
        )
        return function

    return register


def faults_but(*names: str) -> tuple[str, ...]:
    """Return all faults but those named."""
    return tuple(fault for fault in FAULTS if fault not in names)


def registered_scores() -> dict[str, Entry]:
    """Return the scores of the modules imported so far, by name."""
    return dict(_ENTRIES)
