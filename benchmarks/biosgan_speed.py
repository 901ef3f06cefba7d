"""Time BioSGAN's training iteration and sampling beside its reference, and write JSON.

    python benchmarks/biosgan_speed.py --threads 2 --out benchmarks/results/biosgan_speed.json

Ours and the reference take turns in one process; every figure is a median, and a 512 x 512 float32
matrix product timed in the same process stands beside them, since machines differ.
"""

import argparse
import json
import os
import platform
import time
from itertools import repeat
from pathlib import Path
from statistics import median

import numpy as np
import torch
from reference_biosgan import Reference, n_parameters

from bioaug import Synthesizer, get_model
from bioaug.datasets import make_ecg
from bioaug.models.base import Batch, SignalSpec
from bioaug.training import Trainer, TrainerConfig, TrainerState
from bioaug.training.runtime import Runtime

PAPER = get_model("biosgan").paper_params
N_TIMESTEPS, N_CLASSES = 187, 5
CONFIGURATIONS = (
    ("paper's configuration, batch 16", PAPER, 16),
    ("default patch size, batch 16", {}, 16),
    ("default, batch 32", {}, 32),
)


def milliseconds(call, n_repeats):
    """Return the wall times of `n_repeats` calls."""
    times = []
    for _ in range(n_repeats):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return times


def our_iteration(model_params, batch):
    """Return a function that runs one full training step of ours on `batch`."""
    model = get_model("biosgan")(SignalSpec(1, N_TIMESTEPS, N_CLASSES), **model_params)
    config = TrainerConfig(grad_clip=5.0, ema_decay=0.999)
    trainer = Trainer(config, Runtime.create("cpu"))
    state, phase = TrainerState.create(model), model.phases()[0]
    return lambda: trainer.step(state, phase, repeat(batch))


def time_iterations(n_rounds):
    """Return one row per configuration, each timed in turns with the reference."""
    rows = []
    for name, model_params, batch_size in CONFIGURATIONS:
        batch = Batch(torch.rand(batch_size, 1, N_TIMESTEPS), torch.arange(batch_size) % N_CLASSES)
        reference = Reference()
        ours = our_iteration(model_params, batch)
        calls = {"ours": ours, "reference": lambda r=reference, b=batch: r.iteration(*b)}
        times = {kind: [] for kind in calls}
        for kind in calls:
            milliseconds(calls[kind], 3)
        for _ in range(n_rounds):
            for kind, call in calls.items():
                times[kind] += milliseconds(call, 1)
        ours_ms, reference_ms = median(times["ours"]), median(times["reference"])
        rows.append(
            {
                "configuration": name,
                "iteration_ms": round(ours_ms, 2),
                "reference_iteration_ms": round(reference_ms, 2),
                "times_as_fast": round(reference_ms / ours_ms, 2),
                "n_rounds": n_rounds,
            }
        )
        print(rows[-1], flush=True)
    return rows


def time_sampling(n_rounds):
    """Return beats per second of the reference and of ours, through the public `sample`."""
    ecg = make_ecg(500, random_state=0)
    beats = ecg.data[:, :, :N_TIMESTEPS]
    reference = Reference()
    rows = []
    for name, model_params in (("paper's configuration", PAPER), ("default", {})):
        synthesizer = Synthesizer(model_params=model_params, n_steps=1, device="cpu").fit(
            beats, ecg.target
        )
        rates = {"ours": [], "reference": []}
        for _ in range(n_rounds):
            rates["ours"].append(5120 / milliseconds(lambda s=synthesizer: s.sample(5120), 1)[0])
            rates["reference"].append(256 / milliseconds(lambda: reference.sample(256), 1)[0])
        ours, theirs = (1000 * median(rates[kind]) for kind in ("ours", "reference"))
        rows.append(
            {
                "configuration": name,
                "beats_per_second": round(ours),
                "reference_beats_per_second": round(theirs),
                "times_as_fast": round(ours / theirs, 1),
            }
        )
        print(rows[-1], flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=25, help="iterations of each, in turns")
    parser.add_argument("--out", type=Path, default=Path("biosgan_speed.json"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    square = torch.randn(512, 512)
    milliseconds(lambda: square @ square, 50)
    result = {
        "threads": args.threads,
        "cpus": os.cpu_count(),
        "load_average_at_start": os.getloadavg()[0],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "matmul_512_ms": round(median(milliseconds(lambda: square @ square, 200)), 3),
        "reference_parameters": [
            n_parameters(Reference().generator),
            n_parameters(Reference().discriminator),
        ],
        "training": time_iterations(args.rounds),
        "sampling": time_sampling(max(args.rounds // 5, 3)),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({k: v for k, v in result.items() if not isinstance(v, list)}, indent=1))
    print("written:", args.out)


if __name__ == "__main__":
    main()
