"""The registry of synthetic rows: bounded, of few arrays, for several threads."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toys import make_rows

from bioaug.core.synthetic_rows import SyntheticRegistry
from bioaug.exceptions import LeakWarning

NO_ROWS = np.zeros((0, 20))


def test_the_oldest_rows_are_forgotten_with_a_warning():
    registry, rows = SyntheticRegistry(max_rows=1000), make_rows((1300, 20))
    for start in range(0, 1000, 50):
        registry.add(rows[start : start + 50], NO_ROWS)
    assert registry.find(rows).tolist() == [True] * 1000 + [False] * 300
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for start in range(1000, 1300, 50):
            registry.add(rows[start : start + 50], NO_ROWS)
    assert {warning.category for warning in caught} == {LeakWarning}
    assert "more than 1,000 synthetic rows; the oldest" in str(caught[0].message)
    assert caught[0].filename == __file__
    known = registry.find(rows)
    assert known[-800:].all()
    assert not known[:300].any()
    assert len(registry) <= 2000


def test_many_small_sets_are_kept_in_few_arrays():
    registry, rows = SyntheticRegistry(), make_rows((300, 20))
    for row in rows:
        registry.add(row[None], NO_ROWS)
    assert registry.n_blocks < 20
    assert registry.find(rows).all()
    assert not registry.find(make_rows((50, 20), seed=1)).any()


def test_copies_of_real_rows_are_not_synthetic():
    registry, rows = SyntheticRegistry(), make_rows((30, 20))
    registry.add(rows, rows[:10])
    assert registry.find(rows).tolist() == [False] * 10 + [True] * 20


@pytest.mark.parametrize("rescaled", [lambda X: 2 * X, lambda X: 1.7 * X + 3, lambda X: X / 1000])
def test_rows_are_known_in_another_unit_but_not_by_other_channels(rescaled):
    registry, rows = SyntheticRegistry(), make_rows((30, 20))
    registry.add(rows, NO_ROWS)
    assert registry.find(rescaled(rows)).all()
    assert not registry.find(rows * np.linspace(1, 2, 20)).any()


def test_no_row_is_lost_among_threads():
    registry, rows = SyntheticRegistry(), make_rows((400, 20))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: registry.add(row[None], NO_ROWS), rows))
    assert registry.find(rows).all()
    assert len(registry) == 800
