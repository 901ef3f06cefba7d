"""Writes the saved model and the saved sampler that later versions of bioaug must load.

    python tests/data/make_model.py

It makes `tests/data/model_<version>/` once for each release (see "To release" in CONTRIBUTING.md);
folders of earlier versions stay as they are. Only before 0.1.0 is released may its folder be made
anew.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioaug import GANOversampler, Synthesizer, __version__

SHAPE = (2, 40)  # channels, time steps
DENSE = {"latent_dim": 8, "generator_widths": [16, 16], "discriminator_widths": [16]}
FLOW = {"width": 16, "depth": 1}


def make_rows() -> tuple[NDArray[np.float32], NDArray]:
    """Return 90 noisy sines of class "slow" and 40 of class "fast", in microvolts."""
    rng = np.random.default_rng(0)
    y = np.repeat(["slow", "fast"], [90, 40])
    cycles = np.where(y == "slow", 1.0, 3.0)[:, None]
    phase = rng.uniform(0, 0.5, (len(y), 1))
    wave = np.sin(2 * np.pi * (cycles * np.linspace(0, 1, SHAPE[1]) + phase))
    X = np.stack([100 * wave, 40 * wave], axis=1) + rng.normal(0, 5, (len(y), *SHAPE))
    return X.astype(np.float32), y


def write(folder: Path) -> None:
    """Train, save, and write down what is generated."""
    X, y = make_rows()
    given = {"training_params": {"batch_size": 16, "log_every": 100}, "random_state": 0}
    synthesizer = Synthesizer("dense", model_params=DENSE, n_steps=400, **given).fit(X, y)
    synthesizer.save(folder / "synthesizer", include_fingerprint=True)
    flow = Synthesizer("flow", model_params=FLOW, n_steps=400, per_class=True, **given)
    sampler = GANOversampler(flow, random_state=0)
    sampler.fit_resample(X, y)
    sampler.save(folder / "sampler", include_fingerprint=True)
    expected = {}
    for label in synthesizer.classes_.tolist():
        rows, _ = synthesizer.sample(y=[label] * 200, random_state=1)
        expected[label] = {
            "mean": [round(float(v), 1) for v in rows.mean(axis=(0, 2))],
            "std": [round(float(v), 1) for v in rows.std(axis=(0, 2))],
        }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # short trainings
    write(Path(__file__).parent / f"model_{__version__}")
