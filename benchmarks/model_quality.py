"""Every generator under the same training time on the same rows, and write JSON and Markdown.

    python benchmarks/model_quality.py ~/bioaug_data --out benchmarks/results/model_quality

One class at a time: S, V and F of MIT-BIH DS1 (200 samples of MLII, every beat standardised) and
the seizure chunks of the Bonn EEG (178 samples). A quarter of the class's rows is held out, at
random, so both parts are of the same patients. Each run has a process and one thread of its own;
two run side by side. A stopped benchmark goes on where it ended.

Beside the registered models: copies (random oversampling), SMOTE, draws from local Gaussians
(`bioaug.nn.parzen`, no training), and the references' published procedures, rebuilt, under the same
time; their fixed lengths are met by linear resampling, there and back.

Scores: AUC of the small CNN (mean of 3) and of the boosted trees (mean of 3), trained on training
against synthetic rows, tested on held-out against fresh synthetic rows, 0.5 is perfect; unbiased
MMD and coverage (k=5) against the held-out rows; the median distance to the nearest training row,
as a share of the held-out rows' own.
"""

import argparse
import importlib
import json
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from imblearn.over_sampling import SMOTE
from sklearn.metrics import roc_auc_score

from bioaug import Synthesizer, available_models
from bioaug.core.distances import nearest
from bioaug.datasets import fetch_bonn, fetch_mitbih
from bioaug.metrics import coverage, mmd
from bioaug.metrics.base.classifiers import make_probe
from bioaug.nn.parzen import ManifoldParzen

CONTROLS = ("copies", "smote", "local")
REFERENCES = tuple(f"reference {n}" for n in ("biosgan", "transgan", "dense", "wavegan", "stagan"))
SETS = ("S", "V", "F", "seizure")
ROWS = Path(__file__).parent / "results" / "rows"
MOST_ROWS = 1500  # of each side that a classifier is trained on
COLUMNS = {
    "cnn": "CNN AUC",
    "trees": "trees AUC",
    "mmd": "MMD",
    "coverage": "coverage",
    "nearest": "nearest training row",
    "fit_seconds": "training, s",
    "rate": "rows a second",
    "parameters": "parameters",
    "peak_mib": "peak memory, MiB",
}


def load(data_home, which, seed):
    """Return training and held-out rows of one class."""
    if which == "seizure":
        X = fetch_bonn(data_home=data_home, sets="S").data[:, 0]
        X = X / X.std()
    else:
        beats = fetch_mitbih(data_home=data_home, subset="DS1")
        X = beats.data[beats.target == which, 0]
        X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    X = np.random.default_rng(seed).permutation(X.astype(np.float32))
    return np.split(X, [round(0.75 * len(X))])


def fitted(name, train, seconds, seed):
    """Return a function n -> synthetic rows, and the number of parameters."""
    rng = np.random.default_rng(seed)
    if name == "copies":
        return lambda n: train[rng.integers(len(train), size=n)], 0
    if name == "smote":
        return lambda n: smote(train, n, int(rng.integers(2**31))), 0
    if name == "local":
        return local(train), 0
    if name.startswith("reference"):
        return reference(name.split()[1], train, seconds, seed)
    synthesizer = Synthesizer(name, n_steps=10**9, max_time=seconds, random_state=seed)
    synthesizer.fit(train[:, None])
    model = synthesizer.models_[0].model
    return lambda n: synthesizer.sample(n)[0][:, 0], sum(p.numel() for p in model.parameters())


def smote(train, n, seed):
    """Return `n` rows that SMOTE adds to the class, against a larger class of zeros."""
    X = np.concatenate([train, np.zeros((len(train) + n, train.shape[1]), train.dtype)])
    y = np.repeat([1, 0], [len(train), len(train) + n])
    grown, _ = SMOTE(random_state=seed).fit_resample(X, y)
    return grown[len(X) :]


def local(train):
    """Return draws from the Gaussians of each row's neighbours, standardised where the rows are."""
    rows = torch.from_numpy(train)
    gaussians = ManifoldParzen(rows, torch.zeros(len(rows), dtype=torch.int64), 0.9)
    is_standardised = np.allclose(train.std(axis=1), 1, atol=1e-3)

    def draw(n):
        made = gaussians.draw(torch.randint(len(rows), (n,))).numpy()
        if is_standardised:
            made = made - made.mean(axis=1, keepdims=True)
            made = made / made.std(axis=1, keepdims=True)
        return made

    return draw


def reference(name, train, seconds, seed):
    """Train a reference's published procedure for a time, on rows scaled to [-1, 1]."""
    module = importlib.import_module(f"reference_{name}")
    torch.manual_seed(seed)
    model = module.Reference()
    largest = np.abs(train).max()
    signals = resampled(torch.from_numpy(train / largest)[:, None], module.SHAPE[1])
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        batch = signals[torch.randint(len(signals), (module.BATCH,))]
        model.iteration(batch, torch.zeros(module.BATCH, dtype=torch.int64))
    networks = (model.generator, model.discriminator)

    def sample(n):
        made = torch.cat([torch.as_tensor(model.sample(256)) for _ in range(-(-n // 256))])[:n]
        return (largest * resampled(made.reshape(n, 1, -1), train.shape[1])[:, 0]).numpy()

    return sample, sum(p.numel() for network in networks for p in network.parameters())


def resampled(signals, n_timesteps):
    """Return signals of another length."""
    return torch.nn.functional.interpolate(signals, n_timesteps, mode="linear", align_corners=True)


def auc(probe, train, held_out, made, fresh):
    """Return how well probes tell fresh synthetic from held-out rows; the mean of three."""
    n = len(made)
    X = np.concatenate([train[:n], made])[:, None]
    X_new = np.concatenate([held_out, fresh])[:, None]
    y, y_new = np.repeat([0, 1], n), np.repeat([0, 1], [len(held_out), len(fresh)])
    found = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(2 * n)
        fitted_probe = make_probe(probe, seed=seed, owner="benchmark").fit(X[order], y[order])
        found.append(roc_auc_score(y_new, fitted_probe.predict_proba(X_new)[:, 1]))
    return float(np.mean(found))


def run(name, which, seconds, seed, data_home):
    """Return one row of results."""
    torch.set_num_threads(1)
    train, held_out = load(data_home, which, seed)
    began = time.perf_counter()
    make, n_parameters = fitted(name, train, seconds, seed)
    fit_seconds = time.perf_counter() - began
    n_fresh = min(4 * len(held_out), MOST_ROWS)
    began = time.perf_counter()
    rows = make(min(len(train), MOST_ROWS) + n_fresh)
    rate = len(rows) / (time.perf_counter() - began)
    learned, fresh = rows[n_fresh:], rows[:n_fresh]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    made = fresh[: len(held_out)]
    if seed == 0:  # for benchmarks/model_pictures.py
        ROWS.mkdir(exist_ok=True)
        np.savez(ROWS / f"{which} {name}.npz", real=held_out[:12], made=made[:12])
    near, near_real = (np.median(nearest(rows, train)) for rows in (made, held_out))
    return {
        "model": name,
        "set": which,
        "seed": seed,
        "seconds": seconds,
        "n_train": len(train),
        "n_held_out": len(held_out),
        "cnn": auc("cnn", train, held_out, learned, fresh),
        "trees": auc("trees", train, held_out, learned, fresh),
        "mmd": float(mmd(held_out, made, n_null=0, random_state=0)),
        "coverage": float(coverage(held_out, made, n_null=0, random_state=0)),
        "nearest": float(near / near_real),
        "fit_seconds": fit_seconds,
        "rate": rate,
        "parameters": n_parameters,
        "peak_mib": peak,
    }


def as_markdown(rows):
    """Return a table per set, best CNN AUC first: mean and deviation over seeds."""
    lines = []
    for which in SETS:
        of_set = [row for row in rows if row["set"] == which]
        if not of_set:
            continue
        lines += [f"\n### {which}: {of_set[0]['n_train']} training rows\n"]
        lines += ["| model | seeds | " + " | ".join(COLUMNS.values()) + " |"]
        lines += ["|---" * (len(COLUMNS) + 2) + "|"]
        names = {row["model"] for row in of_set}
        of = {name: [row for row in of_set if row["model"] == name] for name in names}
        for name in sorted(of, key=lambda n: np.mean([row["cnn"] for row in of[n]])):
            cells = [cell(column, [row[column] for row in of[name]]) for column in COLUMNS]
            lines += [f"| {name} | {len(of[name])} | " + " | ".join(cells) + " |"]
    return "\n".join(lines).strip() + "\n"


def cell(column, values):
    """Return mean and deviation of one column as text."""
    if column in ("rate", "parameters", "peak_mib"):
        return f"{np.mean(values):,.0f}"
    if column == "fit_seconds":
        return f"{np.mean(values):.0f}"
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=5)
    everything = [*CONTROLS, *available_models(), *REFERENCES]
    parser.add_argument("--models", nargs="*", default=everything)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("model_quality"))
    args = parser.parse_args()
    out = args.out.with_suffix(".json")
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = json.loads(out.read_text()) if out.exists() else []
    done = {(row["model"], row["set"], row["seed"], row["seconds"]) for row in rows}
    wanted = [
        (name, which, args.seconds, seed, args.data_home)
        for seed in range(args.seeds)
        for which in args.sets
        for name in args.models
        if (name, which, seed, args.seconds) not in done
    ]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, mp_context=spawn, max_tasks_per_child=1) as pool:
        for future in as_completed([pool.submit(run, *each) for each in wanted]):
            rows.append(future.result())
            out.write_text(json.dumps(rows, indent=1) + "\n")
            args.out.with_suffix(".md").write_text(as_markdown(rows))
            print(
                {k: v for k, v in rows[-1].items() if k in ("model", "set", *COLUMNS)}, flush=True
            )
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
