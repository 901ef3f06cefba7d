"""Scores as scikit-learn uses them: callables (synthesizer, X, y), greater is better."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from bioaug.core.checks import check_keys, check_option
from bioaug.exceptions import DataError
from bioaug.metrics.catalogue import CATALOGUE


@dataclass(frozen=True)
class SynthesizerScorer:
    """Scores signals that a synthesizer makes against rows that it was not trained on.

    The synthesizer makes as many signals of every class as there are rows, from a seed that is
    the same at every call, so two synthesizers are compared on equal terms.

    Parameters
    ----------
    name : str
        One of `get_scorer_names()`.
    settings : dict
        Parameters of the score's function.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __call__(self, synthesizer: Any, X: NDArray, y: NDArray | None = None) -> float:
        """Return the score of `synthesizer` on the rows `X`; greater is better."""
        entry = CATALOGUE[self.name]
        labels = {"random_state": 0} if y is None else {"y": y, "random_state": 0}
        X_synthetic, y_synthetic = synthesizer.sample(len(X), **labels)
        given = {} if y is None else {"y_real": y, "y_synthetic": y_synthetic}
        if y is None and "labels" in entry.needs:
            raise DataError(
                f"The 'y' parameter of the scorer {self.name!r} must hold labels. Got None. "
                "Give the labels of the rows."
            )
        settings = {"n_null": 0, "random_state": 0, **self.settings}
        score = entry.function(X, X_synthetic, **given, **settings)
        return score.value if score.direction == "higher" else -score.value


def get_scorer_names() -> list[str]:
    """Return the names of all scorers, sorted.

    Privacy is not among them: it is judged on the rows that the generator was trained on.

    Examples
    --------
    >>> from bioaug.metrics import get_scorer_names
    >>> "mmd" in get_scorer_names()
    True
    """
    return sorted(name for name, entry in CATALOGUE.items() if entry.kind != "privacy")


def get_scorer(name: str, **settings: Any) -> SynthesizerScorer:
    """Return a scorer for `cross_validate`, `GridSearchCV` or early stopping of a `Synthesizer`.

    Parameters
    ----------
    name : str
        One of `get_scorer_names()`.
    **settings
        Parameters of the score's function, such as ``sampling_rate=360``.

    Returns
    -------
    scorer : callable (synthesizer, X, y=None) -> float
        Greater is better: scores of which less is better are negated.

    Raises
    ------
    DataError
        Where no scorer has this name, a setting is unknown, or one that is needed is missing.

    Notes
    -----
    `cross_validate` and `GridSearchCV` make folds without a look at the classes unless `cv` says
    otherwise: give a shuffled ``StratifiedKFold``, or ``StratifiedGroupKFold`` with patients.

    "diversity" and "density" rise beyond what real signals score, and "sample_distance" falls
    beyond it where signals crowd: search by "mmd", "frechet", "discriminative" or "coverage".

    Examples
    --------
    >>> from bioaug import Synthesizer
    >>> from bioaug.datasets import make_ecg
    >>> from bioaug.metrics import get_scorer
    >>> ecg = make_ecg(200, classes=("N", "V"), random_state=0)
    >>> synthesizer = Synthesizer(n_steps=2, random_state=0).fit(ecg.data, ecg.target)
    >>> get_scorer("mmd")(synthesizer, ecg.data, ecg.target) > -0.1  # 0 is best
    True
    """
    check_option(name, name="name", owner="get_scorer", options=get_scorer_names())
    parameters = inspect.signature(CATALOGUE[name].function).parameters.values()
    given = {"X_real", "X_synthetic", "y_real", "y_synthetic"}
    free = {parameter.name: parameter for parameter in parameters if parameter.name not in given}
    check_keys(settings, name="settings", owner=f"get_scorer({name!r})", allowed=free)
    for parameter in free.values():
        if parameter.default is parameter.empty and parameter.name not in settings:
            raise DataError(
                f"The {parameter.name!r} parameter of get_scorer({name!r}) must be given. Got "
                f"none. Call get_scorer({name!r}, {parameter.name}=...)."
            )
    return SynthesizerScorer(name, settings)
