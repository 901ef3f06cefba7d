"""Does augmentation help on patients never seen? MIT-BIH and Bonn, and write JSON and Markdown.

    python benchmarks/mitbih_augmentation.py ~/bioaug_data --size small --parts a b c d

(a) DS1 to DS2, the inter-patient split, without record 201, whose patient is record 202's. How far
    the rare classes are grown (to a share of N) is chosen on DS1's patient-grouped folds, for each
    classifier and arm; then DS2 is opened once per arm, several seeds. Also with records 232 and
    213 left out.
(b) all records pooled, patient-grouped 5-fold.
(c) few beats: 50, 100, 200 of each rare class of DS1 are all that classifier and generator have;
    tested on DS2.
(d) Bonn, seizure against the rest, segment-grouped 5-fold, with a tenth of the seizure chunks.

Beats are 200 samples of MLII, each standardised, less the patient's median beat, for which no label
is needed; with them go the twelve RR features of `rr_features`, chosen on DS1's patient-grouped
folds. The generators learn them together with the beat. Classes N, S, V, F. Everything that
finished is kept beside the results, so a stopped benchmark goes on. "small" is a first look in ten
minutes on two cores (`--jobs 2`): 3,000 of the N beats to train on, short trainings, one seed;
"medium" has 6,000 and three seeds; "full" all, five seeds and every registered model. Each result
is an `AugmentationResult` in JSON with a report beside it.
"""

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from beat_cnn import BeatCNN
from imblearn.over_sampling import SMOTE
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from bioaug import AugmentationResult, GANOversampler, available_models
from bioaug.comparison import cross_validate_augmentation, write_report
from bioaug.datasets import fetch_bonn, fetch_mitbih
from bioaug.exceptions import TrainingWarning

N_FEATURES = 12
N_RECENT, N_AROUND = 10, 20  # beats before; beats on either side


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    n_normal: int  # beats of N to train on
    seconds: int  # of training each generator
    n_seeds: int
    classifiers: tuple[str, ...]
    n_few: tuple[int, ...] = (50, 100, 200)  # beats of each rare class in part c
    n_folds: int = 5  # in parts b and d


SIZES = {
    "small": Size(3000, 10, 1, ("trees", "cnn"), (100,), 3),
    "medium": Size(6000, 30, 3, ("trees", "forest", "cnn")),
    "full": Size(10**9, 300, 5, ("trees", "forest", "cnn")),
}
CITATION = (
    "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. IEEE Eng in Med and Biol "
    "20(3):45-50, 2001. Goldberger et al., Circulation 101(23):e215-e220, 2000."
)


def classifiers(names, n_features):
    """Return the classifiers by name."""
    found = {
        "trees": HistGradientBoostingClassifier(max_iter=60),
        "forest": RandomForestClassifier(100, min_samples_leaf=2),
        "cnn": BeatCNN(n_features),
    }
    return {name: found[name] for name in names}


def arms(strategy, seconds, memory, models, n_features, weights):
    """Return the arms, all growing the rare classes by one strategy."""

    def ours(model, **settings):
        return GANOversampler(
            model,
            sampling_strategy=strategy,
            n_features=n_features,
            memory=memory,
            device="cpu",
            **settings,
        )

    trained = {"n_steps": 10**9, "max_time": float(seconds)}
    return {
        "none": None,
        **weights,
        "copies": _copies(strategy),
        "SMOTE": SMOTE(sampling_strategy=strategy),
        "jitter": ours("jitter"),
        "distort": ours("distort"),
        "local": ours("local"),
        **{model: ours(model, **trained) for model in models},
    }


def _copies(strategy):
    from imblearn.over_sampling import RandomOverSampler

    return RandomOverSampler(sampling_strategy=strategy)


class Grow:
    """A strategy: classes to a share of the largest, none made smaller."""

    def __init__(self, share):
        self.share = share

    def __call__(self, y):
        labels, counts = np.unique(y, return_counts=True)
        wanted = round(self.share * counts.max())
        return {
            label: max(int(n), wanted)
            for label, n in zip(labels.tolist(), counts.tolist(), strict=True)
            if n < counts.max()
        }

    def __repr__(self):
        return f"Grow({self.share})"


def load(data_home, subset):
    """Return beats as they differ from the patient's usual one, RR features, classes, patients."""
    beats = fetch_mitbih(data_home=data_home, subset=subset)
    kept = beats.target != "Q"
    X, rr, patients = beats.data[kept, 0], beats.rr[kept], beats.groups[kept]
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    features = np.empty((len(X), N_FEATURES))
    for patient in np.unique(patients):
        own = np.flatnonzero(patients == patient)
        X[own] -= np.median(X[own], axis=0)
        features[own] = rr_features(*rr[own].T)
    return np.column_stack([X, features]).astype(np.float32), beats.target[kept], patients


def rr_features(before, after, relative):
    """Return the intervals of a patient's beats against others of his, (n_beats, 12).

    Before and after: against his median, each other, the mean of the last ten, the median and the
    80th percentile of the 41 around; the intervals one further off against that median; the
    relative deviation of the 41.
    """
    usual = before / relative
    padded = np.pad(before, (N_RECENT, 0), mode="edge")
    recent = np.convolve(padded, np.ones(N_RECENT) / N_RECENT, "valid")[: len(before)]
    padded = np.pad(before, N_AROUND, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * N_AROUND + 1)
    median, slow = np.median(around, axis=1), np.quantile(around, 0.8, axis=1)
    earlier = np.concatenate([before[:1], before[:-1]])
    later = np.concatenate([after[1:], after[-1:]])
    against = [before / usual, after / usual, before / after, before / recent, after / recent]
    against += [before / median, after / median, before / slow, after / slow]
    against += [earlier / median, later / median, around.std(axis=1) / around.mean(axis=1)]
    return np.column_stack(against)


def load_split(data_home):
    """Return DS1 and DS2, DS1 without record 201, whose patient is also in DS2 (record 202)."""
    (X1, y1, g1), second = load(data_home, "DS1"), load(data_home, "DS2")
    kept = ~np.isin(g1, second[2])
    return (X1[kept], y1[kept], g1[kept]), second


def thinned(y, most_n, seed=0):
    """Return the places of all rare beats and of at most `most_n` normal ones."""
    rng = np.random.default_rng(seed)
    normal = rng.permutation(np.flatnonzero(y == "N"))[:most_n]
    return np.sort(np.concatenate([normal, np.flatnonzero(y != "N")]))


def weight_arms(name):
    """Return class weights, and for the CNN the focal loss."""
    found = {"class weights": {"class_weight": "balanced"}}
    return found | ({"focal loss": {"focus": 2.0}} if name == "cnn" else {})


def compare(args, out, name, estimator, X, y, groups, samplers, **settings):
    """Run one comparison, write it and return it."""
    began = time.perf_counter()
    settings |= {"folder": out / "runs", "n_jobs": args.jobs}
    result = cross_validate_augmentation(
        estimator, X, y, groups=groups, samplers=samplers, **settings
    )
    write_report(result, out / f"{name}.html", citation=CITATION)
    print(f"\n{name}: {time.perf_counter() - began:.0f} s\n{result.table.round(4)}", flush=True)
    return result


def part_a(args, out, size):
    """DS1 to DS2."""
    (X1, y1, g1), (X2, y2, g2) = load_split(args.data_home)
    kept = thinned(y1, size.n_normal)
    X1, y1, g1 = X1[kept], y1[kept], g1[kept]
    X, y, g = np.concatenate([X1, X2]), np.concatenate([y1, y2]), np.concatenate([g1, g2])
    split = [(np.arange(len(y1)), np.arange(len(y1), len(y)))]
    for name, estimator in classifiers(size.classifiers, N_FEATURES).items():
        chosen = dict.fromkeys(arms(None, 0, None, args.models, 0, {}), (args.shares[0], 0.0))
        for share in args.shares if len(args.shares) > 1 else []:
            every = arms(Grow(share), size.seconds, out / "models", args.models, N_FEATURES, {})
            result = compare(
                args, out, f"a_{name}_choose_{share}", estimator, X1, y1, g1, every, cv=args.folds
            )
            for arm, line in result.table.iterrows():
                if line["score"] > chosen[arm][1]:
                    chosen[arm] = (share, line["score"])
        final = {"none": None} | weight_arms(name)
        for arm, (share, _) in chosen.items():
            every = arms(Grow(share), size.seconds, out / "models", args.models, N_FEATURES, {})
            final[arm] = every[arm]
        result = compare(
            args, out, f"a_{name}", estimator, X, y, g, final, cv=split, n_repeats=size.n_seeds
        )
        without = result.without(args.left_out)
        write_report(without, out / f"a_{name}_without_records.html", citation=CITATION)
        print(f"without {args.left_out}\n{without.table.round(4)}", flush=True)


def part_b(args, out, size):
    """All records, patient-grouped folds."""
    parts = [load(args.data_home, subset) for subset in ("DS1", "DS2")]
    X, y, g = (np.concatenate(values) for values in zip(*parts, strict=True))
    kept = thinned(y, 2 * size.n_normal)  # two halves; N stays the largest class
    X, y, g = X[kept], y[kept], g[kept]
    for name, estimator in classifiers(size.classifiers[:1], N_FEATURES).items():
        every = arms(
            Grow(args.shares[0]), size.seconds, out / "models", args.models, N_FEATURES,
            weight_arms(name),
        )  # fmt: skip
        every["oracle"] = "oracle"
        compare(args, out, f"b_{name}", estimator, X, y, g, every, cv=size.n_folds)


def part_c(args, out, size):
    """Few beats of each rare class."""
    (X1, y1, g1), (X2, y2, g2) = load_split(args.data_home)
    for n in size.n_few:
        rng = np.random.default_rng(n)
        rare = [rng.permutation(np.flatnonzero(y1 == label))[:n] for label in "SVF"]
        normal = rng.permutation(np.flatnonzero(y1 == "N"))[: min(size.n_normal, 40 * n)]
        kept = np.concatenate([normal, *rare])
        X = np.concatenate([X1[kept], X2])
        y, g = np.concatenate([y1[kept], y2]), np.concatenate([g1[kept], g2])
        split = [(np.arange(len(kept)), np.arange(len(kept), len(y)))]
        for name, estimator in classifiers(size.classifiers[:1], N_FEATURES).items():
            every = arms(
                Grow(args.shares[0]), size.seconds, out / "models", args.models, N_FEATURES,
                weight_arms(name),
            )  # fmt: skip
            settings = {"cv": split, "n_repeats": size.n_seeds}
            compare(args, out, f"c_{n}_{name}", estimator, X, y, g, every, **settings)


def part_d(args, out, size):
    """Bonn EEG: a tenth of the seizure segments, to train on and to be tested on."""
    eeg = fetch_bonn(data_home=args.data_home, labels="binary")
    X = (eeg.data[:, 0] / eeg.data.std()).astype(np.float32)
    y, g = eeg.target, eeg.groups
    labels, counts = np.unique(y, return_counts=True)
    rare = labels[counts.argmin()]
    segments = np.random.default_rng(0).permutation(np.unique(g[y == rare]))
    kept = (y != rare) | np.isin(g, segments[: len(segments) // 10])
    X, y, g = X[kept], y[kept], g[kept]
    for name, estimator in classifiers(size.classifiers[:1], 0).items():
        every = arms(
            Grow(args.shares[0]), size.seconds, out / "models", args.models, 0, weight_arms(name)
        )
        compare(args, out, f"d_{name}", estimator, X, y, g, every, cv=size.n_folds)


def summary(out):
    """Return all results in a folder as one table each: Markdown."""
    lines = []
    for file in sorted(out.glob("*.json")):
        if "choose" in file.stem:
            continue
        result = AugmentationResult.load(file)
        f1 = result.per_class["f1"].unstack()
        names = ["arm", "macro F1", "difference", "95 % interval", "p (Holm)", "verdict"]
        names += [f"F1 {label}" for label in f1.columns]
        lines += [
            f"\n### {file.stem}\n",
            f"{result.comparisons[0].n_patients} patients scored.\n",
        ]
        lines += ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
        for arm, line in result.table.iterrows():
            cells = [arm, f"{line['score']:.3f} ± {line['std']:.3f}"]
            if line["verdict"] == line["verdict"]:  # not the baseline
                cells += [
                    f"{line['difference']:+.3f}",
                    f"{line['low']:+.3f} to {line['high']:+.3f}",
                ]
                cells += [f"{line['p_holm']:.2f}", line["verdict"]]
            else:
                cells += ["", "", "", "baseline"]
            cells += [f"{value:.3f}" for value in f1.loc[arm]]
            lines += ["| " + " | ".join(cells) + " |"]
        if result.worth and all(np.isnan(worth.value) for worth in result.worth):
            lines += ["\nNo worth can be given: held-back real rows did not help either."]
            continue
        for worth in result.worth:
            bound = "at least " if worth.is_bound else ""
            lines += [
                f"\n{worth.arm}: one synthetic row was worth {bound}{worth.value:.3f} real "
                f"ones ({worth.low:.3f} to {worth.high:.3f})."
            ]
    return "\n".join(lines).strip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--parts", nargs="*", default=list("abcd"))
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--shares", nargs="*", type=float)
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--left-out", nargs="*", type=int, default=[232, 213])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/augmentation"))
    args = parser.parse_args()
    args.shares = args.shares or ([1.0] if args.size == "small" else [0.3, 1.0])
    args.models = args.models or (available_models() if args.size == "full" else ["flow", "r3gan"])
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", TrainingWarning)
    out = args.out / args.size
    out.mkdir(parents=True, exist_ok=True)
    for part in args.parts:
        {"a": part_a, "b": part_b, "c": part_c, "d": part_d}[part](args, out, SIZES[args.size])
        (out / "summary.md").write_text(summary(out))


if __name__ == "__main__":
    main()
