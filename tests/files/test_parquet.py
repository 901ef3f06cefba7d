"""Parquet tables, where pyarrow is installed."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from bioaug.exceptions import DataError
from bioaug.files import read_arrays


def test_parquet_without_pyarrow_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ImportError, match=r"pip install bioaug\[parquet\]"):
        read_arrays(tmp_path / "a.parquet")


def test_parquet_tables(tmp_path):
    pytest.importorskip("pyarrow")
    file = tmp_path / "a.parquet"
    table = pd.DataFrame({"t0": [1.0, 2], "t10": [5.0, 6], "y": ["N", "V"], "groups": ["007", "7"]})
    for step in range(1, 10):
        table[f"t{step}"] = [0.5, 0.25]
    table["synthetic"] = [True, False]
    table.to_parquet(file)
    found = read_arrays(file)
    assert found.X[:, [0, 10]].tolist() == [[1, 5], [2, 6]]
    assert found.groups.tolist() == ["007", "7"]
    assert found.synthetic.tolist() == [True, False]
    table["y"] = ["N", None]
    table.to_parquet(file)
    with pytest.raises(DataError, match="1 missing"):
        read_arrays(file)
    # A named index may hold the patients.
    table.drop(columns=["groups", "y"]).assign(y="N").set_index(
        pd.Index(["p", "q"], name="patient")
    ).to_parquet(file)
    assert read_arrays(file, groups_column="patient").groups.tolist() == ["p", "q"]
    assert read_arrays(file).groups is None
    file.write_bytes(b"text")
    with pytest.raises(DataError, match="Could not read"):
        read_arrays(file)


def test_options_of_text_tables_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"'header' parameter .* for text tables only"):
        read_arrays(tmp_path / "a.parquet", header=True)
