"""Privacy verdict: the strongest of all attacks, corrected for their number."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bioaug.metrics.base.measure import seed_of
from bioaug.metrics.base.pairs import check_pair
from bioaug.metrics.privacy._findings import (
    FALSE_ALARMS,
    PLAIN,
    CopySearch,
    real_rows,
    search_copies,
)
from bioaug.metrics.privacy.membership import attack_rows
from bioaug.metrics.privacy.sets import Given, Sets, classes_of, different_rows, why_not_comparable

FEWEST = 20  # rows of every set, below which nothing found means nothing
_LEAST_SEARCHED = 3  # training rows, below which not even equal rows are searched for
_P_LEAK = 0.05  # over all attacks and classes together
_P_CERTAIN = 1e-9  # below which findings are ordered by their size
_ATTACKS = ("calibrated", "distance")


@dataclass(frozen=True)
class PrivacyFinding:
    """What one attack found in one class.

    Attributes
    ----------
    attack : str
        "copies" or "membership".
    kind : str
        How copies are disguised, or which attack on membership it is.
    label : object
        The class; None without labels.
    value, null_value : float
        The share of synthetic rows that lie near to a single training row, or the area under the
        ROC curve, and what either is without a leak.
    p_value : float
        Of no leak, corrected for all attacks on all classes (Bonferroni).
    text : str
        The same in words.
    """

    attack: Literal["copies", "membership"]
    kind: str
    label: Any
    value: float
    null_value: float
    p_value: float
    text: str

    @property
    def size(self) -> float:
        """How much it is, from 0 for no leak to 1."""
        return (self.value - self.null_value) / (1 - self.null_value)


@dataclass(frozen=True)
class PrivacyVerdict:
    """Whether synthetic rows give away the training rows, as far as the attacks can tell.

    Attributes
    ----------
    verdict : {"leak", "no leak found", "inconclusive"}
    sentence : str
        The verdict with its reason.
    findings : list of PrivacyFinding
    gaps : list of str
        What could not be attacked.
    """

    verdict: Literal["leak", "no leak found", "inconclusive"]
    sentence: str
    findings: list[PrivacyFinding]
    gaps: list[str]

    @property
    def table(self) -> pd.DataFrame:
        """The findings as a table, one line per attack and class."""
        lines = [
            {
                "class": "all" if found.label is None else str(found.label),
                "attack": found.attack,
                "kind": found.kind,
                "value": found.value,
                "null": found.null_value,
                "p": found.p_value,
            }
            for found in self.findings
        ]
        return pd.DataFrame(lines)

    def __str__(self) -> str:
        return self.sentence

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        findings = [vars(found) | {"label": str(found.label)} for found in self.findings]
        about = {"verdict": self.verdict, "sentence": self.sentence}
        return about | {"findings": findings, "gaps": self.gaps}


def privacy_verdict(
    X_real: Any,
    X_synthetic: Any,
    *,
    X_holdout: Any = None,
    y_real: Any = None,
    y_synthetic: Any = None,
    y_holdout: Any = None,
    groups_real: Any = None,
    groups_holdout: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> PrivacyVerdict:
    """Return whether synthetic rows give away training rows, by the strongest of several attacks.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_timesteps) or (n_real, n_channels, n_timesteps)
        The rows that the generator was trained on, in any unit.
    X_synthetic : array-like of shape (n_synthetic, ...)
        Synthetic signals, in the same unit, best ten times as many as there are training rows.
    X_holdout : array-like of shape (n_holdout, ...), optional
        Real rows of the same patients that the generator never saw. Without them, or where they
        are of other patients, membership cannot be tested, and the verdict is "inconclusive" where
        no copies are found.
    y_real, y_synthetic, y_holdout : array-like of shape (n,), optional
        Labels. With them, every class is attacked by itself; copies are searched for among the
        training rows of all classes.
    groups_real, groups_holdout : array-like of shape (n_real,) and (n_holdout,), optional
        The patient of every row.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are searched where there are very many.

    Returns
    -------
    verdict : PrivacyVerdict
        "leak" where an attack succeeds as it would by chance in fewer than 5 of 100 cases, however
        many attacks were tried, or where rows equal a training row; "no leak found" where all fail
        on at least 20 rows of every set; "inconclusive" otherwise.

    Raises
    ------
    LeakError
        Where more than half of the held-out rows are training rows; a UserWarning tells of fewer.
    DataError
        For unequal lengths or channels, NaN, labels or groups of another length.

    Notes
    -----
    The attacks are the searches of `disguised_copies` and two of `membership_inference`,
    "calibrated" and "distance". That none succeeds does not prove that there is no leak: other
    attacks, more synthetic rows or the saved model itself may tell more.

    Examples
    --------
    >>> import numpy as np
    >>> from bioaug.metrics import privacy_verdict
    >>> X = np.random.default_rng(0).normal(size=(120, 20)).cumsum(axis=1)
    >>> privacy_verdict(X[:60], -X[:60], X_holdout=X[60:], random_state=0).verdict
    'leak'
    """
    owner = "privacy_verdict"
    rng = np.random.RandomState(seed_of(random_state))
    labels = y_real, y_synthetic, X_holdout, y_holdout
    given = Given(X_real, X_synthetic, *labels, groups_real, groups_holdout)
    classes = classes_of(given, owner)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The 'X_holdout' parameter")  # warned of above
        everything = classes_of(
            replace(given, y_real=None, y_synthetic=None, y_holdout=None), owner
        )
    bank = _Bank.of(
        everything[None], check_pair(X_real, X_synthetic, y_real, y_synthetic, owner=owner).y_real
    )
    findings: list[PrivacyFinding] = []
    gaps: dict[str, list[str]] = {}  # the classes of each
    for label, sets in classes.items():
        of_class = "" if label is None else f" of class {label}"
        attacked = _Attacked(sets.without_repeats(), label, of_class)
        findings += [*attacked.copies(bank, rng), *attacked.membership(bank, rng)]
        for reason in attacked.gaps():
            gaps.setdefault(reason, []).append(str(label))
    return _judge(findings, [reason + _of_classes(of) for reason, of in gaps.items()])


def _of_classes(labels: list[str]) -> str:
    """Return the classes that a gap is of; nothing without labels."""
    if labels == ["None"]:
        return ""
    return f" (class {', '.join(labels)})"


@dataclass(frozen=True)
class _Bank:
    """The training rows of all classes, each once, and all synthetic rows."""

    train: NDArray[np.float64]
    synthetic: NDArray[np.float64]
    labels: NDArray | None

    @classmethod
    def of(cls, sets: Sets, labels: NDArray | None) -> _Bank:
        kept = different_rows(sets.train)
        train = sets.deep(sets.train[kept])
        return cls(train, sets.synthetic, None if labels is None else labels[kept])

    def rows_of(self, label: Any) -> NDArray[np.int64]:
        if self.labels is None:
            return np.arange(len(self.train))
        return np.flatnonzero(self.labels == label)


@dataclass(frozen=True)
class _Attacked:
    """The rows of one class, repeated ones once."""

    sets: Sets
    label: Any
    of_class: str

    def copies(self, bank: _Bank, rng: np.random.RandomState) -> Iterator[PrivacyFinding]:
        """Yield what searches for copies find."""
        rows = bank.rows_of(self.label)
        if len(rows) < _LEAST_SEARCHED:
            return
        sets = self.sets
        for search in search_copies(
            bank.train, sets.deep(sets.synthetic), real_rows(sets), rows, rng
        ):
            level = search.strongest_level
            value, null = search.share(level), search.real_share(level)
            text = self._of_copies(search, value, null)
            yield PrivacyFinding(
                "copies", search.disguise, self.label, value, null, search.p_value(), text
            )

    def _of_copies(self, search: CopySearch, share: float, real_share: float) -> str:
        how = "" if search.disguise == PLAIN else f" ({search.disguise})"
        n_rows = len(search.synthetic)
        if search.is_certain and share <= 2 * FALSE_ALARMS:
            what = (
                f"{search.n_equal} of {n_rows} synthetic rows{self.of_class} equal a training row"
            )
            if not search.n_equal:
                what = (
                    f"{search.n_nearer} of {n_rows} synthetic rows{self.of_class} are several "
                    "times nearer to a single training row"
                )
            return f"{what}{how}, as no real row is"
        return (
            f"{share:.0%} of the synthetic rows{self.of_class} lie as near to a single training "
            f"row{how} as {real_share:.1%} of the real rows do"
        )

    def membership(self, bank: _Bank, rng: np.random.RandomState) -> Iterator[PrivacyFinding]:
        """Yield what attacks on membership find, where they can find rows."""
        if self._why_no_membership():
            return
        sets = replace(self.sets.of_own_patients(), synthetic=bank.synthetic)
        for attack in _ATTACKS:
            test = attack_rows(attack, sets, rng).test
            text = (
                f"training rows{self.of_class} are told from held-out rows with an area under the "
                f"ROC curve of {test.area:.2f} (0.50 without a leak), and {test.found_share:.0%} "
                f"of them are found at {FALSE_ALARMS:.0%} false alarms"
            )
            yield PrivacyFinding(
                "membership", attack, self.label, test.area, 0.5, test.p_value(), text
            )

    def _why_no_membership(self) -> str:
        sets = self.sets
        if not len(sets.holdout):
            return "there are no held-out rows, without which membership cannot be tested"
        reason = why_not_comparable(sets)
        if not reason and min(len(sets.of_own_patients().holdout), len(sets.train)) < 2:
            reason = "there are fewer than 2 different rows to tell apart"
        return reason

    def gaps(self) -> Iterator[str]:
        """Yield what leaves an attack without power."""
        if reason := self._why_no_membership():
            yield reason
        sets = self.sets.of_own_patients()
        sizes = {"training": sets.train, "synthetic": sets.synthetic, "held-out": sets.holdout}
        for name, rows in sizes.items():
            if len(rows) < FEWEST and not (name == "held-out" and self._why_no_membership()):
                yield f"{len(rows)} different {name} rows are too few to say"


def _judge(findings: list[PrivacyFinding], gaps: list[str]) -> PrivacyVerdict:
    """Return the verdict on all findings, the strongest first."""
    n_attacks = len(findings)
    findings = [replace(one, p_value=min(1.0, n_attacks * one.p_value)) for one in findings]
    findings.sort(key=lambda one: (max(one.p_value, _P_CERTAIN), -one.size))
    leaks = [one for one in findings if one.p_value < _P_LEAK]
    if leaks:
        others = "" if len(leaks) == 1 else f"; {len(leaks)} of {n_attacks} attacks succeed"
        return PrivacyVerdict("leak", f"Leak: {leaks[0].text}{others}.", findings, gaps)
    strongest = f" (the strongest: {findings[0].text})" if findings else ""
    tried = f"none of {n_attacks} attacks succeeds{strongest}"
    if gaps:
        sentence = f"Inconclusive: {'; '.join(gaps)}. Otherwise, {tried}."
        return PrivacyVerdict("inconclusive", sentence, findings, gaps)
    return PrivacyVerdict("no leak found", f"No leak found: {tried}.", findings, gaps)
