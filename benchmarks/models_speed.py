"""Time every model's training iteration and sampling beside its reference, and write JSON.

    python benchmarks/models_speed.py --threads 2 --out benchmarks/results/models_speed

Ours and the reference take turns in one process, in the reference's own configuration; every
figure is a median, and a 512 x 512 float32 matrix product timed in the same process stands beside
them, since machines differ. Our default's sampling rate is that of `Synthesizer.sample`.
"""

import argparse
import importlib
import json
import os
import platform
import time
from itertools import repeat
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bioaug import Synthesizer, available_models, get_model
from bioaug.models.base import Batch, SignalSpec
from bioaug.training import Trainer, TrainerConfig, TrainerState
from bioaug.training.runtime import Runtime

REFERENCES = ("transgan", "timegan", "dense", "wavegan", "stagan")  # biosgan has its own script
N_TIMESTEPS = 200


def milliseconds(call):
    """Return the wall time of a call."""
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def in_turns(calls, n_rounds):
    """Return the median time of every call, the calls taking turns."""
    times = {name: [] for name in calls}
    for _ in range(2):
        for call in calls.values():
            call()
    for _ in range(n_rounds):
        for name, call in calls.items():
            times[name].append(milliseconds(call))
    return {name: median(of) for name, of in times.items()}


def beside_reference(name, n_rounds):
    """Return one row: iteration and sampling of ours and of the reference, its configuration."""
    module = importlib.import_module(f"reference_{name}")
    reference, cls = module.Reference(), get_model(name)
    params = cls.paper_params | getattr(module, "PARAMS", {})
    model = cls(SignalSpec(*module.SHAPE, module.N_CLASSES), **params)
    labels = torch.arange(module.BATCH) % module.N_CLASSES
    batch = Batch(2 * torch.rand(module.BATCH, *module.SHAPE) - 1, labels)
    trainer = Trainer(TrainerConfig(), Runtime.create("cpu"))
    state, phase = TrainerState.create(model.train()), model.phases()[-1]
    trained = in_turns(
        {
            "ours": lambda: trainer.step(state, phase, repeat(batch)),
            "reference": lambda: reference.iteration(*batch),
        },
        n_rounds,
    )
    model.eval().requires_grad_(False)
    sampled = in_turns(
        {
            "ours": lambda: model.generate(torch.zeros(256, dtype=torch.int64)),
            "reference": lambda: reference.sample(256),
        },
        max(n_rounds // 3, 3),
    )
    return {
        "model": name,
        "iteration_ms": round(trained["ours"], 2),
        "reference_iteration_ms": round(trained["reference"], 2),
        "iteration_times_as_fast": round(trained["reference"] / trained["ours"], 2),
        "rows_per_second": round(256e3 / sampled["ours"]),
        "reference_rows_per_second": round(256e3 / sampled["reference"]),
        "sampling_times_as_fast": round(sampled["reference"] / sampled["ours"], 2),
    }


def default(name, n_rounds):
    """Return our default's step and sampling rate on beats of 200 samples."""
    rows = np.random.default_rng(0).normal(size=(600, N_TIMESTEPS)).cumsum(axis=1)
    synthesizer = Synthesizer(name, n_steps=3, random_state=0, device="cpu").fit(rows)
    times = [milliseconds(lambda: synthesizer.sample(4096)) for _ in range(max(n_rounds // 3, 3))]
    return round(4096e3 / median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9, help="iterations of each, in turns")
    parser.add_argument("--out", type=Path, default=Path("models_speed"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    square = torch.randn(512, 512)
    about = {
        "threads": args.threads,
        "cores": os.cpu_count(),
        "load_average_at_start": os.getloadavg()[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
        "matmul_512_ms": round(
            median(milliseconds(lambda: square @ square) for _ in range(200)), 3
        ),
    }
    rows = []
    for name in REFERENCES:
        rows.append(beside_reference(name, args.rounds))
        print(rows[-1], flush=True)
    rates = {name: default(name, args.rounds) for name in available_models()}
    print(rates)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    result = about | {"beside_reference": rows, "default_rows_per_second": rates}
    args.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    args.out.with_suffix(".md").write_text(as_markdown(rows, rates))


def as_markdown(rows, rates):
    """Return both tables."""
    lines = ["| model | iteration, ms | reference | times as fast | rows a second | reference |"]
    lines[0] += " times as fast |"
    lines.append("|---" * 7 + "|")
    for row in rows:
        lines.append(
            "| "
            + " | ".join(
                f"{value:,}" if not isinstance(value, str) else value for value in row.values()
            )
            + " |"
        )
    lines += ["", "| default | rows a second |", "|---|---|"]
    lines += [f"| {name} | {rate:,} |" for name, rate in rates.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
