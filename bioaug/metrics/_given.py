"""Input of `evaluate`: checks, leaks, and the arguments of each score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import DataError, LeakError, LeakWarning
from bioaug.leakage import TrainingFingerprint, find_synthetic
from bioaug.metrics.base.halves import check_groups
from bioaug.metrics.base.leaks import check_apart
from bioaug.metrics.base.pairs import check_pair
from bioaug.metrics.base.registry import Entry
from bioaug.metrics.privacy.verdict import PrivacyVerdict, privacy_verdict


@dataclass(frozen=True)
class Given:
    """Training, test and synthetic rows with labels and patients."""

    X_train: Any
    X_test: Any
    X_synthetic: Any
    y_train: Any
    y_test: Any
    y_synthetic: Any
    groups_train: Any
    groups_test: Any
    generator: Any
    sampling_rate: float | None
    X_holdout: Any = None
    y_holdout: Any = None
    groups_holdout: Any = None

    def check(self) -> None:
        """Raise a DataError for what no score can use, and a LeakError for what makes them lie."""
        given = [y is not None for y in (self.y_train, self.y_test, self.y_synthetic)]
        if any(given) and not all(given):
            raise DataError(
                "The 'y_train', 'y_test' and 'y_synthetic' parameters of evaluate must be given "
                f"together. Got {sum(given)} of 3. Give all labels or none."
            )
        others = {
            "test": (self.X_test, self.y_test),
            "synthetic": (self.X_synthetic, self.y_synthetic),
        }
        pairs = {}
        for name, (X, y) in others.items():
            pairs[name] = check_pair(
                self.X_train, X, self.y_train, y, owner="evaluate", first="train", other=name
            )
        train, test = pairs["test"].X_real, pairs["test"].X_synthetic
        for name, X in {"train": train, "test": test}.items():
            groups = getattr(self, f"groups_{name}")
            check_groups(groups, len(X), owner="evaluate", name=f"groups_{name}")
            _check_real(X, f"X_{name}")
        check_apart(train, test, owner="evaluate", names=("X_train", "X_test"))
        self._check_patients()
        made = pairs["synthetic"].X_synthetic
        check_apart(test, made, owner="evaluate", names=("X_test", "X_synthetic"))
        _check_generator(self.generator, test, self.groups_test)
        self._check_holdout()

    def _check_holdout(self) -> None:
        if self.X_holdout is None:
            return
        sets = (self.X_train, self.X_holdout, self.y_train, self.y_holdout)
        pair = check_pair(*sets, owner="evaluate", first="train", other="holdout")
        held = pair.X_synthetic
        check_groups(self.groups_holdout, len(held), owner="evaluate", name="groups_holdout")
        _check_real(held, "X_holdout")
        check_apart(pair.X_real, held, owner="evaluate", names=("X_train", "X_holdout"))

    def _check_patients(self) -> None:
        if self.groups_train is None or self.groups_test is None:
            return
        known = TrainingFingerprint.from_rows(np.zeros((1, 1)), self.groups_train)
        shared = known.shared_groups(self.groups_test)
        if shared:
            raise LeakError(
                "The 'groups_test' parameter of evaluate must hold other patients than "
                f"'groups_train'. Got {len(shared)} in both: {', '.join(shared[:5])}"
                f"{', ...' if len(shared) > 5 else ''}. Split by patients, as GroupShuffleSplit "
                "does, and train the generator anew."
            )

    @property
    def labelled(self) -> bool:
        """Whether there are labels."""
        return self.y_train is not None

    def lacking(self, entry: Entry) -> str | None:
        """Return why a score cannot be computed, or None."""
        if "labels" in entry.needs and not self.labelled:
            return "it needs labels (y_train, y_test, y_synthetic)"
        if "sampling_rate" in entry.needs and self.sampling_rate is None:
            return "it needs sampling_rate"
        return None

    def real(self, entry: Entry) -> Any:
        """Return the real rows that a score compares with."""
        return self.X_train if entry.on_train else self.X_test

    def keywords(self, entry: Entry) -> dict[str, Any]:
        """Return labels, patients and held-out rows as a score's function takes them."""
        given: dict[str, Any] = {}
        if self.labelled:
            given |= {"y_real": self.y_train if entry.on_train else self.y_test}
            given |= {"y_synthetic": self.y_synthetic}
        X_holdout, y_holdout, groups_holdout = self.holdout
        if "holdout" in entry.needs | entry.takes:
            given |= {"X_holdout": X_holdout}
            given |= {"y_holdout": y_holdout} if self.labelled else {}
        if "test" in entry.takes:
            given |= {"X_test": self.X_test, "y_test": self.y_test}
        beside = {
            "groups_real": self.groups_train if entry.on_train else self.groups_test,
            "groups_holdout": groups_holdout,
            "sampling_rate": self.sampling_rate,
        }
        return given | {k: v for k, v in beside.items() if k in entry.takes | entry.needs}

    @property
    def holdout(self) -> tuple[Any, Any, Any]:
        """Real rows, labels and patients that privacy scores compare the training rows with."""
        if self.X_holdout is None:
            return self.X_test, self.y_test, self.groups_test
        return self.X_holdout, self.y_holdout, self.groups_holdout

    def privacy_verdict(self, seed: int) -> PrivacyVerdict:
        """Return the verdict on the privacy of the training rows."""
        X_holdout, y_holdout, groups_holdout = self.holdout
        with_groups = self.groups_train is not None and groups_holdout is not None
        return privacy_verdict(
            self.X_train,
            self.X_synthetic,
            X_holdout=X_holdout,
            y_real=self.y_train,
            y_synthetic=self.y_synthetic,
            y_holdout=y_holdout,
            groups_real=self.groups_train if with_groups else None,
            groups_holdout=groups_holdout if with_groups else None,
            random_state=seed,
        )

    def training_rows(self, seed: int) -> tuple[NDArray, NDArray | None] | None:
        """Return random training rows, as many of each class as there are synthetic ones.

        None where a class of the synthetic rows has no training rows.
        """
        order = np.random.RandomState(seed).permutation(len(self.X_train))
        X = np.asarray(self.X_train)
        if not self.labelled:
            return X[order[: len(self.X_synthetic)]], None
        labels = np.asarray(self.y_train)
        chosen = []
        for label, count in zip(*np.unique(self.y_synthetic, return_counts=True), strict=True):
            own = order[labels[order] == label][:count]
            if not len(own):
                return None
            chosen.append(own)
        rows = np.concatenate(chosen)
        return X[rows], labels[rows]


def _check_real(X: NDArray, name: str) -> None:
    """Raise a LeakError where rows that this process has made are passed as real ones."""
    made = find_synthetic(X)
    if made.any():
        raise LeakError(
            f"The {name!r} parameter of evaluate must hold real rows. Got {int(made.sum())} of "
            f"{len(made)} that a generator has made, the first in row {int(made.argmax())}. "
            "Oversample after the split, and give the real rows alone."
        )


def _check_generator(generator: Any, X_test: NDArray, groups_test: Any) -> None:
    """Raise a LeakError where the generator has seen test rows or their patients."""
    if generator is None:
        return
    fingerprint: Any = generator
    if not isinstance(generator, TrainingFingerprint):
        fingerprint = getattr(generator, "training_fingerprint_", NotImplemented)
    if fingerprint is NotImplemented:
        raise DataError(
            "The 'generator' parameter of evaluate must be a fitted Synthesizer or oversampler, or "
            f"its training_fingerprint_. Got {type(generator).__name__} without one. Fit it first."
        )
    if fingerprint is None:
        warn_user(
            "The generator was loaded from a folder without a fingerprint of its training rows, so "
            "evaluate cannot check whether it has seen test rows. Save it with "
            "include_fingerprint=True where the folder stays with you.",
            LeakWarning,
        )
        return
    try:
        fingerprint.check(X_test, groups_test)
    except LeakError as error:
        raise LeakError(
            f"The 'generator' of evaluate must not have seen the test rows or their patients. "
            f"{error}"
        ) from error
