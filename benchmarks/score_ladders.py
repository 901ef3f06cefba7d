"""Which score sees what: every score along ladders of controlled corruptions of real beats.

    python benchmarks/score_ladders.py ../shared/data --out benchmarks/results/score_ladders

The rows are normal beats of MIT-BIH DS1, standardised; one half is the reference (and the training
rows of the privacy scores), the other half is fresh and gets corrupted step by step. Written are,
as JSON and Markdown, Kendall's tau between strength and badness, +1 where a score always sees
more of the corruption as worse, -1 where it always rewards it.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from ladders import LADDERS, STRENGTHS, Beats

from bioaug.datasets import fetch_mitbih
from bioaug.metrics._catalogue import CATALOGUE

LEFT_OUT = ("inception", "tstr", "trts", "predictive", "eeg")  # need labels, or are not for beats


def load(data_home, n_rows, seed):
    """Return reference, fresh and held-out normal beats, and ventricular ones."""
    beats = fetch_mitbih(data_home=data_home, subset="DS1")
    X = beats.data[:, 0]
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    normal = rng.permutation(np.flatnonzero(beats.target == "N"))[: 3 * n_rows]
    other = rng.permutation(np.flatnonzero(beats.target == "V"))[:n_rows]
    parts = np.split(normal, 3)
    pair = Beats(X[parts[0]], X[parts[1]], beats.groups[parts[1]], X[other])
    return pair, X[parts[2]]


def badness(name, reference, made, held_out, seed):
    """Return a score's value, negated where greater is better."""
    entry = CATALOGUE[name]
    given = {"n_null": 0, "random_state": seed}
    if "holdout" in entry.needs:
        given["X_holdout"] = held_out
    if "sampling_rate" in entry.needs:
        given["sampling_rate"] = 360.0
    score = entry.function(reference, made, **given)
    return float(score) if score.direction == "lower" else -float(score)


def climb(data_home, names, n_rows, n_seeds):
    """Return the mean badness of every score on every step of every ladder."""
    found = {name: {ladder: np.zeros(len(STRENGTHS)) for ladder in LADDERS} for name in names}
    for seed in range(n_seeds):
        beats, held_out = load(data_home, n_rows, seed)
        for ladder, corrupt in LADDERS.items():
            for step, strength in enumerate(STRENGTHS):
                made = corrupt(beats, strength, np.random.default_rng(seed))
                for name in names:
                    value = badness(name, beats.reference, made, held_out, seed)
                    found[name][ladder][step] += value / n_seeds
            print(f"seed {seed}, {ladder}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scores", nargs="*", help="names; all that fit where left out")
    parser.add_argument("--out", type=Path, default=Path("score_ladders"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = args.scores or [name for name in CATALOGUE if name not in LEFT_OUT]
    found = climb(args.data_home, names, args.rows, args.seeds)
    tau = {
        name: {
            ladder: round(float(kendalltau(STRENGTHS, v).statistic), 2) for ladder, v in of.items()
        }
        for name, of in found.items()
    }
    values = {name: {k: v.tolist() for k, v in of.items()} for name, of in found.items()}
    about = {"rows": args.rows, "seeds": args.seeds, "strengths": STRENGTHS}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about | {"tau": tau, "badness": values}, indent=1)
    args.out.with_suffix(".json").write_text(text + "\n")
    lines = ["| score | " + " | ".join(LADDERS) + " |", "|---" * (len(LADDERS) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(f"{of[ladder]:+.2f}" for ladder in LADDERS) + " |"
        for name, of in tau.items()
    ]
    args.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
