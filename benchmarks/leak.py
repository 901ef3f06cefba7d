"""How much do leaks flatter a score? Beats of MIT-BIH, and write JSON and Markdown.

    python benchmarks/leak.py ~/bioaug_data --out benchmarks/results/leak

About 6,000 beats (N, S, V, F) of all patients; a random forest's macro F1, out of five folds:
patients kept together (honest); shuffled beats (patients on both sides); and classes grown to the
size of N before the shuffled split, by SMOTE and by draws between neighbours ("local"), where
synthetic beats are tested on too, or only real ones. Growing inside the honest folds stands
beside. Then, what `cross_validate_augmentation` says to each leak.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from mitbih_augmentation import load
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from bioaug import GANOversampler, cross_validate_augmentation
from bioaug.exceptions import LeakError

N_BEATS = {"N": 3600, "S": 900, "V": 1100, "F": 400}
N_RR = 3
FOREST = RandomForestClassifier(30, min_samples_leaf=2)
GROWN = ("SMOTE", "local")


def subsample(X, y, groups, seed):
    """Return N_BEATS beats of every class."""
    rng = np.random.default_rng(seed)
    kept = [rng.permutation(np.flatnonzero(y == label))[:n] for label, n in N_BEATS.items()]
    kept = np.sort(np.concatenate(kept))
    return X[kept], y[kept], groups[kept]


def macro_f1(model, X, y, folds, *counted):
    """Return macro F1 of the predictions of all folds; of several, the first so many rows each."""
    predicted = np.empty_like(y)
    for train, test in folds:
        predicted[test] = model.fit(X[train], y[train]).predict(X[test])
    found = []
    for n in counted or (len(y),):
        of = f1_score(y[:n], predicted[:n], average=None, labels=list(N_BEATS))
        found.append({"macro F1": of.mean()} | dict(zip(N_BEATS, of.tolist(), strict=True)))
    return found if counted else found[0]


def samplers(seed):
    """Return the ways of growing by name."""
    return {
        "copies": RandomOverSampler(random_state=seed),
        "SMOTE": SMOTE(random_state=seed),
        "local": GANOversampler("local", n_features=N_RR, random_state=seed),
    }


def scores(X, y, groups, seed):
    """Yield the name and the score of every design."""
    forest = FOREST.set_params(random_state=seed)
    by_patient = list(StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(X, y, groups))
    shuffled = StratifiedKFold(5, shuffle=True, random_state=seed)
    yield "patients kept together", macro_f1(forest, X, y, by_patient)
    yield "patients on both sides", macro_f1(forest, X, y, shuffled.split(X, y))
    for name in GROWN:
        sampler = samplers(seed)[name]
        grown, labels = sampler.fit_resample(X, y)
        folds = list(shuffled.split(grown, labels))
        of_all, of_real = macro_f1(forest, grown, labels, folds, len(labels), len(y))
        yield f"{name} before the split", of_all
        yield f"{name} before the split, tested on real beats", of_real
        inside = make_pipeline(sampler, forest)
        yield f"{name} inside the folds of patients", macro_f1(inside, X, y, by_patient)


def refusals(X, y, groups, seed):
    """Return what cross_validate_augmentation says to each leak."""
    every, found = samplers(seed), {}
    shuffled = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y))
    grown, labels = every["local"].fit_resample(X, y, groups=groups)
    copies, copied = every["copies"].fit_resample(X, y)
    patients = np.random.default_rng(seed).choice(np.unique(groups), len(copied))
    patients[: len(y)] = groups
    leaks = {
        "patients on both sides": (X, y, groups, shuffled),
        "local before the split": (grown, labels, every["local"].groups_, 5),
        "copies before the split, under made-up patients": (copies, copied, patients, 5),
    }
    for name, (rows, classes, of, cv) in leaks.items():
        try:
            cross_validate_augmentation(
                FOREST, rows, classes, groups=of, samplers={"none": None}, cv=cv
            )
            found[name] = "not refused"
        except LeakError as error:
            found[name] = str(error)
    return found


def as_markdown(found):
    """Return the table of the scores."""
    honest = found["scores"]["patients kept together"]["macro F1"]
    lines = ["| design | macro F1 | above the honest one | " + " | ".join(N_BEATS) + " |"]
    lines += ["|---" * 7 + "|"]
    for name, of in found["scores"].items():
        cells = " | ".join(f"{of[label]:.3f}" for label in N_BEATS)
        lines.append(
            f"| {name} | {of['macro F1']:.3f} | {of['macro F1'] - honest:+.3f} | {cells} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("leak"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    parts = [load(args.data_home, subset) for subset in ("DS1", "DS2")]
    rows = subsample(*(np.concatenate(values) for values in zip(*parts, strict=True)), args.seed)
    found = {"beats": N_BEATS, "patients": len(np.unique(rows[2])), "seed": args.seed}
    found |= {"refusals": refusals(*rows, args.seed), "scores": {}}
    for name, of in scores(*rows, args.seed):
        found["scores"][name] = of
        args.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(as_markdown(found))
        print(f"{name}: {of['macro F1']:.3f}", flush=True)


if __name__ == "__main__":
    main()
