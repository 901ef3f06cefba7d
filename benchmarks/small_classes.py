"""Which way of growing suits which class size, and write JSON and Markdown.

    python benchmarks/small_classes.py ~/bioaug_data --out benchmarks/results/small_classes

From MIT-BIH DS1 (200 samples of MLII, every beat standardised), n beats of class S, V or F are
taken, for n = 2 to 128, and grown to 500 by every generator of the fallback chain: a model of the
class's own, a conditional model shared with the other classes, the same fine-tuned on the class,
draws between neighbours, distortion (time warp, gain, noise), noise alone, SMOTE, copies.
Everything is compared with 300 other beats of the class (fewer for F); they share patients with the
n.

Scores: AUC of boosted trees that tell those beats from the grown ones (half to train, half to
test, both ways), unbiased MMD, coverage (k=5); and utility: macro F1, on the 300 and as many other
N beats, of boosted trees trained on 1,000 N beats and the grown class.
"""

import argparse
import json
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import torch
from imblearn.over_sampling import SMOTE
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score

from bioaug import Synthesizer
from bioaug.core.row_noise import row_seeds
from bioaug.datasets import fetch_mitbih
from bioaug.metrics import coverage, mmd
from bioaug.oversampling.classical import ClassicalMethod

SIZES = (2, 4, 8, 16, 32, 64, 128)
WAYS = ("own", "shared", "fine-tuned", "local", "distort", "jitter", "smote", "copies")
GROWN, HELD_OUT, OTHERS = 500, 300, 1000
COLUMNS = {"trees": "trees AUC", "mmd": "MMD", "coverage": "coverage", "utility": "macro F1"}


def load(data_home):
    """Return standardised beats of DS1 and their classes."""
    beats = fetch_mitbih(data_home=data_home, subset="DS1")
    X = beats.data[:, 0]
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    return X.astype(np.float32), beats.target


def grown(way, few, others, seconds, seed):
    """Return GROWN rows made from `few`; `others` is (X, y) of other classes."""
    seeds = row_seeds(seed, GROWN)
    if way in ("local", "distort", "jitter"):
        return ClassicalMethod.fit(way, few).generate(seeds)
    if way == "copies":
        return few[np.random.default_rng(seed).integers(len(few), size=GROWN)]
    if way == "smote":
        smote = SMOTE(k_neighbors=min(5, len(few) - 1), random_state=seed)
        X = np.concatenate([few, np.zeros((len(few) + GROWN, few.shape[1]), few.dtype)])
        y = np.repeat([1, 0], [len(few), len(few) + GROWN])
        return smote.fit_resample(X, y)[0][len(X) :]
    X, y = few, np.full(len(few), "grown")
    if way != "own":
        X, y = np.concatenate([few, others[0]]), np.concatenate([y, others[1]])
    synthesizer = Synthesizer("flow", n_steps=10**9, max_time=seconds, random_state=seed).fit(X, y)
    if way == "fine-tuned":
        synthesizer.fine_tune(few, np.full(len(few), "grown"), n_steps=10**9, max_time=seconds / 4)
    return synthesizer.sample(y=["grown"] * GROWN, random_state=seed)[0]


def two_sample(held_out, made, seed):
    """Return how well boosted trees tell the two apart: AUC, mean over the two halves."""
    X, y = np.concatenate([held_out, made]), np.repeat([0, 1], [len(held_out), len(made)])
    fold = np.random.default_rng(seed).integers(2, size=len(X))
    found = []
    for k in (0, 1):
        trees = HistGradientBoostingClassifier(max_iter=100, random_state=seed)
        trees.fit(X[fold != k], y[fold != k])
        found.append(roc_auc_score(y[fold == k], trees.predict_proba(X[fold == k])[:, 1]))
    return float(np.mean(found))


def run(way, which, n, seed, X, y, seconds):
    """Return one row of results."""
    rng = np.random.default_rng([seed, n])
    rows = rng.permutation(np.flatnonzero(y == which))
    few, held_out = X[rows[:n]], X[rows[n:][:HELD_OUT]]
    normal = X[rng.permutation(np.flatnonzero(y == "N"))[: OTHERS + HELD_OUT]]
    kept = [rng.permutation(np.flatnonzero(y == c))[:OTHERS] for c in "NSVF" if c != which]
    kept = np.concatenate(kept)
    made = grown(way, few, (X[kept], y[kept]), seconds, seed)
    trees = HistGradientBoostingClassifier(max_iter=100, random_state=seed)
    train = np.concatenate([normal[:OTHERS], few, made])
    trees.fit(train, np.repeat([0, 1], [OTHERS, len(few) + len(made)]))
    test = np.concatenate([normal[OTHERS:], held_out])
    truth = np.repeat([0, 1], [HELD_OUT, len(held_out)])
    return {
        "way": way,
        "class": which,
        "n": n,
        "seed": seed,
        "trees": two_sample(held_out, made[: len(held_out)], seed),
        "mmd": float(mmd(held_out, made[: len(held_out)], n_null=0, random_state=0)),
        "coverage": float(coverage(held_out, made[: len(held_out)], n_null=0, random_state=0)),
        "utility": float(f1_score(truth, trees.predict(test), average="macro")),
    }


def as_markdown(rows):
    """Return one table per score: ways down, class sizes across, mean over classes and seeds."""
    lines = []
    for column, title in COLUMNS.items():
        lines += [f"\n### {title}\n", "| way | " + " | ".join(map(str, SIZES)) + " |"]
        lines += ["|---" * (len(SIZES) + 1) + "|"]
        for way in WAYS:
            of = [[r[column] for r in rows if r["way"] == way and r["n"] == n] for n in SIZES]
            cells = [f"{np.mean(values):.3f}" if values else "" for values in of]
            lines += [f"| {way} | " + " | ".join(cells) + " |"]
    return "\n".join(lines).strip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--seconds", type=float, default=8, help="of each training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    parser.add_argument("--out", type=Path, default=Path("small_classes"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    out = args.out.with_suffix(".json")
    rows = json.loads(out.read_text()) if out.exists() else []
    done = {(r["way"], r["class"], r["n"], r["seed"]) for r in rows}
    X, y = load(args.data_home)
    for seed, n, which, way in product(range(args.seeds), SIZES, "SVF", args.ways):
        if (way, which, n, seed) in done:
            continue
        rows.append(run(way, which, n, seed, X, y, args.seconds))
        out.write_text(json.dumps(rows, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(as_markdown(rows))
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
