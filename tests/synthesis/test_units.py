"""Comparison of units: which rows differ in scale from those of the training."""

from __future__ import annotations

import numpy as np
import pytest
from sampling import classes_of_three_sizes
from toys import make_rows

from bioaug.synthesis.codec import SignalCodec
from bioaug.synthesis.row_scale import RowScale
from bioaug.synthesis.units import unit_mismatch


def offset_rows(n, seed=0):
    return make_rows((n, 24), seed) + 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: 1000 * X, r"x1000: millivolts against microvolts"),
        (lambda X: X / 1000, r"x1000: millivolts against microvolts"),
        (lambda X: 1e6 * X, r"x1e\+06: volts against microvolts"),
        (lambda X: 3 * X, "another unit or gain"),
        (lambda X: X / 5, "another unit or gain"),
        (
            lambda X: (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True),
            "are these rows standardised",
        ),
        (lambda X: X + 500, "another offset"),
        (lambda X: 0 * X, "are these rows flat"),
    ],
)
def test_rows_of_other_units_are_named_with_both_scales(change, message):
    X, y = offset_rows(80), np.repeat([0, 1], 40)
    codec = SignalCodec.fit(X, y)
    assert unit_mismatch([codec], offset_rows(80, 1), y) is None
    found = unit_mismatch([codec], change(offset_rows(80, 1)), y)
    assert found is not None
    assert message.replace("\\", "") in found
    assert f"and {codec.scales[0].std:.2g}"[:6] in found
    back = unit_mismatch([SignalCodec.from_json(codec.to_json())], change(offset_rows(80, 1)), y)
    assert back == found


def test_standardised_training_rows_are_named_as_such():
    X = offset_rows(60)
    scaled = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    found = unit_mismatch([SignalCodec.fit(scaled, np.zeros(60))], 10 * X, np.zeros(60))
    assert "are the rows of the training standardised" in (found or "")


def test_no_row_can_be_told_by_the_scale_of_its_class():
    X, _ = classes_of_three_sizes()
    X = 1e3 + 20 * X[:61]
    scale = RowScale.from_rows(X)
    of_rows = X.std(axis=1)
    assert np.count_nonzero(np.abs(of_rows - scale.std) < 1e-9) == 0
    assert scale.std == float(f"{np.median(of_rows):.3g}")
    assert abs(scale.mean - np.median(X.mean(axis=1))) < 1e-2 * scale.std
