"""Provenance of synthetic rows: where each came from, and generating it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from bioaug.core.checks import as_labels, check_option
from bioaug.core.containers import check_array_like
from bioaug.exceptions import DataError
from bioaug.oversampling._generate import ClassRows, provenance_dtype
from bioaug.oversampling._generators import RowGenerator
from bioaug.oversampling._input import InputFormat
from bioaug.oversampling._model import Label
from bioaug.oversampling._training import Generators
from bioaug.synthesis.quality import ClassQuality
from bioaug.synthesis.synthesizer import Synthesizer

ADDRESS = ["generator", "label", "seed", "index"]  # columns that a row is generated from


@dataclass(frozen=True, eq=False)
class Resampling:
    """What a sampler keeps of its last `fit_resample` to generate rows again.

    Attributes
    ----------
    input_format : InputFormat
    generators : dict of RowGenerator
        By name.
    synthesizer : Synthesizer or None
    groups : ndarray or None
        Of all rows, where groups were given.
    main : dict
        The name of the generator that made most rows of each class.
    """

    input_format: InputFormat
    generators: dict[str, RowGenerator]
    synthesizer: Synthesizer | None
    groups: NDArray | None
    main: dict[Label, str]


class ProvenanceMixin:
    """What a sampler tells of its synthetic rows, and how it generates them again, and more."""

    n_original_: int
    synthetic_mask_: NDArray[np.bool_]
    synthetic_provenance_: pd.DataFrame
    generator_names_: dict[Label, list[str]]
    rejected_: dict[Label, dict[str, int]]
    _resampling: Resampling

    def _note(
        self,
        input_format: InputFormat,
        n_original: int,
        new: Sequence[ClassRows],
        used: Generators | None,
    ) -> None:
        """Keep where the new rows of all classes came from."""
        tables = [rows.provenance for rows in new]
        table = np.concatenate([np.zeros(0, provenance_dtype(input_format.label_dtype)), *tables])
        self.n_original_ = n_original
        self.synthetic_mask_ = np.arange(n_original + len(table)) >= n_original
        self.synthetic_provenance_ = pd.DataFrame(table)
        self.generator_names_ = {rows.label: rows.generator_names for rows in new}
        self.rejected_ = {rows.label: rows.rejected for rows in new}
        by_class: Any = self.synthetic_provenance_.groupby("label", observed=True)["generator"]
        self._resampling = Resampling(
            input_format=input_format,
            generators=used.by_name if used else {},
            synthesizer=used.synthesizer if used else None,
            groups=input_format.grown_groups(len(table)),
            main={label: names.mode()[0] for label, names in by_class},
        )

    @property
    def synthesizer_(self) -> Synthesizer:
        """The generator in use; AttributeError where none was needed."""
        check_is_fitted(self, "synthetic_provenance_")
        if self._resampling.synthesizer is None:
            raise AttributeError("No Synthesizer was needed, so there is no 'synthesizer_'.")
        return self._resampling.synthesizer

    @property
    def groups_(self) -> NDArray:
        """The group of every row; AttributeError where no groups were given."""
        check_is_fitted(self, "synthetic_provenance_")
        if self._resampling.groups is None:
            raise AttributeError(
                "No 'groups' were given to fit_resample, so there is no 'groups_'."
            )
        return self._resampling.groups

    @property
    def classes_(self) -> NDArray:
        """The labels of the classes that were grown, which `generate` knows."""
        check_is_fitted(self, "synthetic_provenance_")
        labels = list(self.generator_names_)
        return np.unique(np.array(labels, dtype=self._resampling.input_format.label_dtype))

    @property
    def quality_(self) -> dict[Label, ClassQuality]:
        """A note on the rows of each class that a model of `Synthesizer` makes, see there."""
        check_is_fitted(self, "synthetic_provenance_")
        synthesizer = self._resampling.synthesizer
        return {} if synthesizer is None else synthesizer.quality_

    @property
    def signal_shape_(self) -> tuple[int, ...]:
        """The shape of a row."""
        check_is_fitted(self, "synthetic_provenance_")
        return self._resampling.input_format.shape

    def remake(self, provenance: pd.DataFrame) -> NDArray:
        """Generate synthetic rows again, from nothing but their provenance.

        Parameters
        ----------
        provenance : DataFrame of n rows
            Any of `synthetic_provenance_`.

        Returns
        -------
        X : ndarray of shape (n, ...)
            The same rows, up to the rounding of another batch.

        Raises
        ------
        DataError
            For what is no such table.
        """
        check_is_fitted(self, "synthetic_provenance_")
        if not isinstance(provenance, pd.DataFrame) or not set(ADDRESS) <= set(provenance.columns):
            raise DataError(
                "The 'provenance' parameter of remake must be rows of synthetic_provenance_, a "
                f"DataFrame with the columns {', '.join(ADDRESS)}. Got a "
                f"{type(provenance).__name__} instead."
            )
        names, labels, seeds, index = (provenance[column].to_numpy() for column in ADDRESS)
        return self._generated(names, labels, seeds, index)

    def generate(self, labels: Any, seeds: Any) -> NDArray:
        """Generate further rows of the classes that `fit_resample` has grown, without judging them.

        Parameters
        ----------
        labels : array-like of shape (n,)
            The class of each row, of those in `generator_names_`.
        seeds : array-like of int of shape (n,)
            A row of the same class and seed is the same, whatever else is generated with it.

        Returns
        -------
        X : ndarray of shape (n, ...)
            Each by the generator that made the rows of its class; of several, the one that made
            most.

        Raises
        ------
        DataError
            For classes that were not grown.
        """
        check_is_fitted(self, "synthetic_provenance_")
        labels = as_labels(labels, owner="generate", name="labels")
        check_array_like(seeds, owner="generate", name="seeds")
        numbers = np.asarray(seeds)
        if numbers.shape != labels.shape or numbers.dtype.kind not in "iu":
            raise DataError(
                f"The 'seeds' parameter of generate must be {len(labels)} integers, one for each "
                f"row. Got {numbers.dtype} of shape {numbers.shape} instead."
            )
        main = self._resampling.main
        for label in set(labels.tolist()):
            check_option(label, name="labels", owner="generate", options=main)
        names = np.array([main[label] for label in labels.tolist()], dtype=object)
        seed, index = numbers.copy(), np.zeros_like(numbers)
        for name in set(names.tolist()):
            rows = names == name
            seed[rows], index[rows] = self._resampling.generators[name].addressed(numbers[rows])
        return self._generated(names, labels, seed, index)

    def _generated(
        self, names: NDArray, labels: NDArray, seeds: NDArray, index: NDArray
    ) -> NDArray:
        """Return one row for each generator's name, label, seed and index."""
        form = self._resampling.input_format
        labels = labels.astype(form.label_dtype)
        X = np.empty((len(names), *form.shape), form.dtype)
        for name in np.unique(names.astype(str)):
            rows = names == name
            generator = self._resampling.generators[name]
            X[rows] = form.round(generator.generate(labels[rows], seeds[rows], index[rows]))
        return X
