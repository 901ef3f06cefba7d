"""Training rows are recognised by keyed hashes, also nearly equal ones, and cannot be read off."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from bioaug.core.row_hashes import RowHashes
from bioaug.datasets import make_ecg


@pytest.fixture(scope="module")
def beats():
    data = make_ecg(1200, random_state=0).data
    return data.reshape(len(data), -1).astype(np.float64)


@pytest.fixture(scope="module")
def known(beats):
    return RowHashes.from_rows(beats[:600], ["patient 1", "patient 2"])


def moved(rows, mean, by):
    """Return rows at a distance from theirs, as a fraction of that from the mean."""
    noise = np.random.default_rng(1).normal(size=rows.shape)
    size = by * np.linalg.norm(rows - mean, axis=1) / np.linalg.norm(noise, axis=1)
    return rows + size[:, None] * noise


@pytest.mark.parametrize(
    ("by", "least", "most"),
    [(0, 1, 1), (1e-4, 0.999, 1), (1e-3, 0.97, 1), (0.01, 0, 0.4), (0.03, 0, 0.01), (0.1, 0, 0)],
)
def test_near_copies_are_found_and_other_rows_are_not(beats, known, by, least, most):
    found = known.contains(moved(beats[:600], beats[:600].mean(axis=0), by)).mean()
    assert least <= found <= most


def test_unseen_beats_are_no_copies(beats, known):
    assert not known.contains(beats[600:]).any()


@pytest.mark.parametrize("again", [lambda X: X.astype(np.float32), lambda X: X.round(4)])
def test_copies_that_went_through_another_format_are_found(beats, known, again):
    assert known.contains(again(beats[:600])).all()


def test_every_fingerprint_has_a_key_of_its_own(beats):
    one, other = (RowHashes.from_rows(beats[:50], ["patient 1"]) for _ in range(2))
    assert one.key != other.key
    assert not np.isin(one.hashes, other.hashes, kind="sort").any()
    assert not np.isin(one.groups, other.groups, kind="sort").any()


def test_nothing_in_a_fingerprint_is_a_value_of_a_row_or_a_name(beats, known):
    """Hashes are uniform whatever the rows, and the centre is too coarse for a measurement."""
    bits = np.unpackbits(known.hashes.view(np.uint8)).mean()
    assert abs(bits - 0.5) < 0.01
    units = np.abs(known.centre[known.centre != 0])
    assert len(np.unique(known.centre)) <= 16
    assert (units / units.min() == np.round(units / units.min())).all()
    assert b"patient 1" not in pickle.dumps(known)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_of_few_rows_no_centre_is_kept(beats, n):
    few = RowHashes.from_rows(beats[:n], [])
    assert not few.centre.any()
    assert few.contains(beats[:20]).tolist() == [True] * n + [False] * (20 - n)


def test_equal_rows_leave_no_centre(beats):
    equal = RowHashes.from_rows(np.repeat(beats[:1], 20, axis=0), [])
    assert not equal.centre.any()
    assert equal.contains(beats[:2]).tolist() == [True, False]


def test_groups_are_known_by_name(known):
    assert known.shared_groups(["patient 2", "patient 3"]) == {"patient 2"}
    assert known.shared_groups([]) == set()
