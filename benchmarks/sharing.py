"""Attack a generator and its saved mixture for the rows trained on, and write a line of JSON a run.

    python benchmarks/sharing.py ../shared/data --out benchmarks/results/sharing.jsonl

Class S or V of MIT-BIH DS1, every beat standardised. Half of the beats of each patient are trained
on (members); the others are held out, half of them as the attacker's reference. Attacks as AUC, and
the share of members found at 1 % false alarms: "calibrated" takes the distance to the nearest of
ten times as many synthetic rows as members, by that to the nearest reference row; "likelihood" that
of the mixture that stands in the saved folder of `flow` and `r3gan`; "centre" the distance to the
nearest centre of it, of which "stored" says how many lie within a thousandth of a member. Beside
them the quality, as in `model_quality.py`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from model_quality import MOST_ROWS, auc
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from bioaug import Synthesizer
from bioaug.datasets import fetch_mitbih
from bioaug.metrics import coverage

FALSE_ALARMS = 0.01
STORED = 1e-3  # of a value's standard deviation


def split(data_home, which, seed):
    """Return members and held-out rows, half of each patient's beats."""
    beats = fetch_mitbih(data_home=data_home, subset="DS1")
    own = beats.target == which
    X, groups = beats.data[own, 0], beats.groups[own]
    X = ((X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)).astype(np.float32)
    rng, is_member = np.random.default_rng(seed), np.zeros(len(X), bool)
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        is_member[rows[: (len(rows) + 1) // 2]] = True
    return X[is_member], rng.permutation(X[~is_member])


def distance(rows, others):
    """Return the distance of each row to the nearest other."""
    return NearestNeighbors(n_neighbors=1).fit(others).kneighbors(rows)[0][:, 0]


def found(members, others):
    """Return AUC and share of members found, of scores that are higher for members."""
    scores = np.concatenate([members, others])
    truth = np.repeat([1, 0], [len(members), len(others)])
    share = np.mean(members > np.quantile(others, 1 - FALSE_ALARMS))
    return float(roc_auc_score(truth, scores)), float(share)


def log_likelihood(fitted, rows):
    """Return that of rows under the stored mixture."""
    mixture, axes = fitted.model.mixture, fitted.model.axes
    encoded, _ = fitted.codec.encode(rows[:, None], np.zeros(len(rows), np.int64))
    coordinates, of_components = axes(encoded).double(), []
    for i, centre in enumerate(mixture.centres.double()):
        factors, rest = (
            part[mixture.group[i]].double() for part in (mixture.factors, mixture.rest)
        )
        covariance = factors.T @ factors + torch.diag(rest.square().clamp(min=1e-4))
        normal = torch.distributions.MultivariateNormal(centre, covariance)
        of_components.append(normal.log_prob(coordinates) + mixture.weights[0, i].double().log())
    return torch.logsumexp(torch.stack(of_components), dim=0).numpy()


def run(name, which, steps, seed, data_home):
    """Return one row of results."""
    members, held_out = split(data_home, which, seed)
    reference, attacked = np.array_split(held_out, 2)
    synthesizer = Synthesizer(name, n_steps=steps, random_state=seed).fit(members[:, None])
    many = synthesizer.sample(10 * len(members), random_state=1)[0][:, 0]
    calibrated = [
        -distance(rows, many) / np.maximum(distance(rows, reference), 1e-9)
        for rows in (members, attacked)
    ]
    result = {"model": name, "set": which, "steps": steps, "seed": seed, "n_members": len(members)}
    result["calibrated"], result["calibrated_found"] = found(*calibrated)
    fitted = synthesizer.models_[0]
    if hasattr(fitted.model, "mixture"):
        scores = [log_likelihood(fitted, rows) for rows in (members, attacked)]
        result["likelihood"], result["likelihood_found"] = found(*scores)
        signals = fitted.model.axes.inverse(fitted.model.mixture.centres)
        centres = fitted.codec.decode(signals)[:, 0]
        scores = [-distance(rows, centres) for rows in (members, attacked)]
        result["centre"], result["centre_found"] = found(*scores)
        result["stored"] = int((-scores[0] < STORED * members.shape[1] ** 0.5).sum())
    return result | quality(synthesizer, members, held_out)


def quality(synthesizer, members, held_out):
    """Return the columns of `model_quality.py`."""
    n_fresh = min(4 * len(held_out), MOST_ROWS)
    n_made = min(len(members), MOST_ROWS) + n_fresh
    rows = synthesizer.sample(n_made, random_state=2)[0][:, 0]
    fresh, learned = rows[:n_fresh], rows[n_fresh:]
    made = fresh[: len(held_out)]
    near = np.median(distance(fresh, members)) / np.median(distance(held_out, members))
    return {
        "cnn": auc("cnn", members, held_out, learned, fresh),
        "trees": auc("trees", members, held_out, learned, fresh),
        "coverage": float(coverage(held_out[:, None], made[:, None], n_null=0, random_state=0)),
        "nearest": float(near),
    }


def main():
    """Run what was asked for and is not yet there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--models", nargs="*", default=["flow", "r3gan"])
    parser.add_argument("--sets", nargs="*", default=["S", "V"])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("sharing.jsonl"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(args.seeds):
        for which in args.sets:
            for name in args.models:
                result = run(name, which, args.steps, seed, args.data_home)
                with args.out.open("a") as stream:
                    stream.write(json.dumps(result) + "\n")
                print(result, flush=True)


if __name__ == "__main__":
    main()
