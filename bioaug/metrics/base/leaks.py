"""Check that training and test rows are disjoint."""

from __future__ import annotations

from numpy.typing import NDArray

from bioaug.core.user_warnings import warn_user
from bioaug.exceptions import LeakError
from bioaug.leakage import TrainingFingerprint


def check_apart(
    X_train: NDArray,
    X_test: NDArray,
    *,
    owner: str,
    names: tuple[str, str] = ("X_real", "X_holdout"),
) -> None:
    """Raise a LeakError where more than half of the test rows are training rows; warn of fewer.

    Rows count as the same as in `TrainingFingerprint.check`. A few may be the same by chance, such
    as flat ones. `names` is what `owner` calls the two sets.
    """
    n_shared = int(TrainingFingerprint.from_rows(X_train).contains(X_test).sum())
    if not n_shared:
        return
    first, second = names
    message = (
        f"The {second!r} parameter of {owner} must hold other rows than {first!r}. Got {n_shared} "
        f"of {len(X_test)} rows that are (nearly) equal to one of {first!r}. Split first, by "
        "patients, and give test rows of patients that the generator was not trained on."
    )
    if n_shared > len(X_test) / 2:
        raise LeakError(message)
    warn_user(f"{message} Scores that compare both are off by these rows.")
