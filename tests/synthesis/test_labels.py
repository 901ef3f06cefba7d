"""Class labels that can be saved."""

from __future__ import annotations

import numpy as np
import pytest
from synthesizers import DENSE
from toys import make_rows

from bioaug import Synthesizer
from bioaug.exceptions import (
    DataError,
)

X, Y = make_rows((24, 8)), np.arange(24) % 2

pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the generated signals")

LABELS = {
    "text": np.array(["N", "V"]),
    "objects": np.array(["N", "V"], object),
    "a null at the end": np.array(["N", "N\0"], object),
    "long objects": np.array(["N" * 10**5, "V"], object),
    "text beyond ASCII": np.array(["ä\ud800", "💓"], object),
    "integers": np.array([2**62, 2**62 + 1]),
    "other byte order": np.array([1, 2], ">i8"),
    "unsigned": np.array([0, 2**64 - 1], np.uint64),
    "booleans": np.array([False, True]),
    "float16": np.array([1, 2], np.float16),
}


@pytest.mark.parametrize("classes", LABELS.values(), ids=LABELS)
def test_labels_come_back_as_they_were(tmp_path, classes):
    fitted = Synthesizer(**DENSE).fit(X, classes[Y])
    fitted.save(tmp_path)
    loaded = Synthesizer.load(tmp_path)
    assert loaded.classes_.tolist() == classes.tolist()
    assert loaded.classes_.dtype == classes.dtype
    made, again = (found.sample(6, random_state=0) for found in (fitted, loaded))
    np.testing.assert_array_equal(made[0], again[0])
    assert made[1].tolist() == again[1].tolist()
    assert np.abs(fitted.sample(6)[0]).max() > 1e-3  # no row is left as the memory was


UNSTORABLE = {
    "dates": np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
    "time spans": np.array([1, 2], "m8[s]"),
    "long doubles": np.array([1, 2], np.longdouble),
    "very long texts": np.array(["N" * 20_000, "V"]),
}


@pytest.mark.parametrize("classes", UNSTORABLE.values(), ids=UNSTORABLE)
def test_labels_that_cannot_be_saved_are_refused_before_the_training(classes):
    if classes.dtype == np.float64:
        pytest.skip("long doubles are doubles here")
    with pytest.raises(DataError, match=r"must hold (labels that can be saved|text or numbers)"):
        Synthesizer(**DENSE).fit(X, classes[Y])
