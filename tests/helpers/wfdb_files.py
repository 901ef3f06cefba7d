"""WFDB records that tests write."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3 with pandas 3
    import wfdb


def write_signals(
    folder: Path,
    name: str,
    signals: ArrayLike,
    *,
    leads: Sequence[str] = ("MLII",),
    units: str = "mV",
    gain: float = 200.0,
    fs: float = 360,
    fmt: str = "16",
) -> None:
    """Write the header and the signals, of shape (n_timesteps, n_leads), of a record."""
    signals = np.asarray(signals, dtype=float).reshape(len(np.asarray(signals)), -1)
    n = signals.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wfdb.wrsamp(
            name,
            fs=fs,
            units=[units] * n,
            sig_name=list(leads),
            fmt=[fmt] * n,
            p_signal=signals,
            adc_gain=[gain] * n,
            baseline=[0] * n,
            write_dir=str(folder),
        )


def write_beats(
    folder: Path,
    name: str,
    samples: ArrayLike,
    symbols: Sequence[str] | None = None,
    **options: Any,
) -> None:
    """Write the annotations of a record; all beats are normal unless there are symbols."""
    samples = np.asarray(samples)
    symbols = ["N"] * len(samples) if symbols is None else list(symbols)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wfdb.wrann(name, "atr", samples, symbols, write_dir=str(folder), **options)
