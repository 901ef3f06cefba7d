"""Time rows from torch's DataLoader beside the model's own rate, and write JSON and Markdown.

    python benchmarks/loader_speed.py --threads 2 --out benchmarks/results/loader_speed

The default model, trained for 20 steps on simulated beats of 200 samples and five classes, which
does not change its speed. Its own rate is that of one call of `Synthesizer.sample`. The main
process has the threads, each worker one, as torch sets it. All take turns; every figure is a
median. Workers are started, and their first pass is done, before the clock runs.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from statistics import median

import torch
from torch.utils.data import DataLoader

from bioaug import AugmentedDataset, Synthesizer, SyntheticBatches, SyntheticDataset
from bioaug.datasets import make_ecg

N_WORKERS, BATCH_SIZES = (0, 1, 2), (64, 256)


def make_loaders(synthesizer, ecg, n_rows):
    """Return a loader of every kind, with about `n_rows` rows."""
    loaders = {}
    for batch_size in BATCH_SIZES:
        datasets = {
            "SyntheticDataset": (SyntheticDataset(synthesizer, n_rows), batch_size),
            "SyntheticBatches": (
                SyntheticBatches(synthesizer, batch_size, n_batches=n_rows // batch_size),
                None,
            ),
            "AugmentedDataset": (AugmentedDataset(ecg.data, ecg.target, synthesizer), batch_size),
        }
        for name, (dataset, size) in datasets.items():
            for n_workers in N_WORKERS:
                loaders[name, batch_size, n_workers] = DataLoader(
                    dataset,
                    batch_size=size,
                    shuffle=name == "AugmentedDataset",
                    num_workers=n_workers,
                    persistent_workers=n_workers > 0,
                )
    return loaders


def rate(call):
    """Return the rows a second of a call that returns how many it made."""
    began = time.perf_counter()
    n_rows = call()
    return n_rows / (time.perf_counter() - began)


def count(loader):
    """Return the rows of one pass."""
    return sum(len(codes) for _, codes in loader)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="passes of each loader, in turns")
    parser.add_argument("--rows", type=int, default=2048, help="synthetic rows of a pass")
    parser.add_argument("--out", type=Path, default=Path("loader_speed"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    load = os.getloadavg()[0]
    ecg = make_ecg(500, random_state=0)
    synthesizer = Synthesizer(n_steps=20, device="cpu", random_state=0).fit(ecg.data, ecg.target)
    loaders = make_loaders(synthesizer, ecg, args.rows)
    calls = {"model": lambda: len(synthesizer.sample(args.rows)[0])}
    calls |= {key: lambda loader=loader: count(loader) for key, loader in loaders.items()}
    rates = {key: [] for key in calls}
    for turn in range(args.rounds + 1):
        for key, call in calls.items():
            found = rate(call)
            if turn:  # the first is to warm up
                rates[key].append(found)
    medians = {key: median(found) for key, found in rates.items()}
    own = medians.pop("model")
    rows = [
        {
            "dataset": name,
            "batch_size": batch_size,
            "workers": n_workers,
            "rows_per_second": round(value),
            "share_of_model": round(value / own, 2),
        }
        for (name, batch_size, n_workers), value in medians.items()
    ]
    grown = AugmentedDataset(ecg.data, ecg.target, synthesizer)
    result = {
        "threads": args.threads,
        "cores": os.cpu_count(),
        "load_average_at_start": load,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "synthetic_share_of_augmented": round(1 - grown.n_real / len(grown), 2),
        "model_rows_per_second": round(own),
        "model_slowest_and_fastest": [round(min(rates["model"])), round(max(rates["model"]))],
        "loaders": rows,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    args.out.with_suffix(".md").write_text(as_markdown(rows, own))
    print(args.out.with_suffix(".md").read_text())


def as_markdown(rows, own):
    """Return the table: rows a second, and in brackets the share of the model's own rate."""
    lines = ["| dataset | batch | no workers | 1 worker | 2 workers |", "|---" * 5 + "|"]
    for start in range(0, len(rows), len(N_WORKERS)):
        same = rows[start : start + len(N_WORKERS)]
        cells = [f"{r['rows_per_second']:,} ({r['share_of_model']:.2f})" for r in same]
        lines.append(f"| {same[0]['dataset']} | {same[0]['batch_size']} | {' | '.join(cells)} |")
    lines.append(f"| `Synthesizer.sample` | all | {round(own):,} (1) | | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
