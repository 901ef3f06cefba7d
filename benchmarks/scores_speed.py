"""Time and peak memory of every fast score, and of `evaluate`, and write JSON and Markdown.

    python benchmarks/scores_speed.py ~/bioaug_data --out benchmarks/results/scores_speed

Every score gets 5,000 against 5,000 normal beats of MIT-BIH (200 samples, no labels, its settings
of the tier "fast") in a process of its own, whose peak memory is the process's, Python and torch
included. `evaluate` gets 2,000 + 2,000 + 2,000 beats of N, S, V and F with all that it takes.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bioaug.datasets import fetch_mitbih
from bioaug.metrics import evaluate
from bioaug.metrics.catalogue import CATALOGUE

FULL = "evaluate, tier fast, 2,000 + 2,000 + 2,000 beats of 4 classes"
BARE = "(imports and data alone)"


def load(data_home, classes):
    """Return shuffled beats of these classes, labels and patients."""
    beats = fetch_mitbih(data_home=data_home, subset="DS1")
    rows = np.concatenate([np.flatnonzero(beats.target == c)[:n] for c, n in classes.items()])
    rows = np.random.default_rng(0).permutation(rows)
    return beats.data[rows, 0], beats.target[rows], beats.groups[rows]


def one_score(name, data_home):
    """Run one score on 5,000 against 5,000 normal beats, 5,000 more held out."""
    X, _, _ = load(data_home, {"N": 15000})
    first, second, third = np.split(X, 3)
    if name == BARE:
        return 0.0
    entry = CATALOGUE[name]
    given = {"random_state": 0} | dict(entry.quick)
    if "holdout" in entry.needs:
        given["X_holdout"] = third
    if "sampling_rate" in entry.needs:
        given["sampling_rate"] = 360.0
    return entry.function(first, second, **given).seconds


def everything(name, data_home):
    """Run `evaluate` on three sets of 2,000 beats."""
    X, y, groups = load(data_home, {"N": 2500, "S": 900, "V": 2200, "F": 400})
    (a, b, c), (ya, yb, yc), (ga, gb, _) = (np.split(part, 3) for part in (X, y, groups))
    began = time.perf_counter()
    evaluate(
        X_train=a,
        X_test=b,
        X_synthetic=c,
        y_train=ya,
        y_test=yb,
        y_synthetic=yc,
        groups_train=ga,
        groups_test=gb,
        signal="ecg",
        sampling_rate=360.0,
        random_state=0,
        verbose=0,
    )
    return time.perf_counter() - began


def child(function, name, data_home, threads, sender):
    """Run in a process of its own, and send seconds and peak memory in MiB."""
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        seconds = function(name, data_home)
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measured(function, name, data_home, threads, n_repeats):
    """Return median seconds and median peak memory."""
    found = []
    for _ in range(n_repeats):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        arguments = (function, name, data_home, threads, sender)
        process = multiprocessing.get_context("spawn").Process(target=child, args=arguments)
        process.start()
        found.append(receiver.recv())
        process.join()
    seconds, memory = (median(part) for part in zip(*found, strict=True))
    print(f"{name}: {seconds:.2f} s, {memory:.0f} MiB", flush=True)
    return {"seconds": round(seconds, 2), "peak_mib": round(memory)}


def product_ms(threads):
    """Return the median time of a 512 x 512 float32 matrix product."""
    torch.set_num_threads(threads)
    A = torch.rand(512, 512)
    times = []
    for _ in range(50):
        began = time.perf_counter()
        A @ A
        times.append(1000 * (time.perf_counter() - began))
    return round(median(times), 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("scores_speed"))
    args = parser.parse_args()
    names = [
        name
        for name, entry in CATALOGUE.items()
        if entry.fast and "labels" not in entry.needs and name != "eeg"
    ]
    where = (args.data_home, args.threads, args.repeats)
    found = {name: measured(one_score, name, *where) for name in (BARE, *names)}
    found[FULL] = measured(everything, FULL, *where)
    about = {
        "threads": args.threads,
        "repeats": args.repeats,
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "product_512_ms": product_ms(args.threads),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".json").write_text(json.dumps(about | {"found": found}, indent=1) + "\n")
    lines = ["| score | seconds | peak memory, MiB |", "|---|---|---|"]
    lines += [f"| {name} | {of['seconds']} | {of['peak_mib']} |" for name, of in found.items()]
    args.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
