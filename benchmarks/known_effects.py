"""Does a comparison find the truth? On simulated patients, and write JSON and Markdown.

    python benchmarks/known_effects.py --out benchmarks/results/known_effects

Patients have offsets of their own, class "V" lies off class "N", the classifier is naive Bayes.
Nothing: an arm that is trained on another half of the rows than the baseline is; the halves are
drawn anew in every training, or tossed once by row or by patient, so that folds share them and the
trainings of a fixed split are equal, or nearly so. Truth:
an arm that gets rows of the scarce class from their true distribution. Worth: what one such row is
worth in held-back rows (1 is true), and one of rows of which half are useless (0.5 is true).
`tests/truths.py` has the simulations.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from truths import compare_nothing, compare_truth, compare_worth, tell

FIXED = {"fixed": True, "n_patients": 40}
NOTHING = {
    "folds, halves drawn anew": {"by": "draw"},
    "folds, halves by row": {"by": "row"},
    "folds, halves by patient": {"by": "patient"},
    "two repeats of folds, halves by row": {"by": "row", "n_repeats": 2},
    "fixed split, 1 training": {"by": "draw"} | FIXED,
    "fixed split, 2 trainings": {"by": "draw", "n_repeats": 2} | FIXED,
    "fixed split, 5 trainings": {"by": "draw", "n_repeats": 5} | FIXED,
    "fixed split, 5 equal trainings, halves by row": {"by": "row", "n_repeats": 5} | FIXED,
    "fixed split, 5 equal trainings, halves by patient": {"by": "patient", "n_repeats": 5} | FIXED,
    "fixed split, 5 nearly equal trainings": {"by": "row", "n_repeats": 5, "left_out": 0.02}
    | FIXED,
    "fixed split, 5 seeds of the sampler alone": {"by": "row", "n_repeats": 5, "sampler": True}
    | FIXED,
    "1 training, 5 parts of the test patients": {"by": "row", "parts": True} | FIXED,
}
TRUTH = {
    f"{design}, {n} patients": settings | {"n_patients": n}
    for n in (20, 40, 100)
    for design, settings in (
        ("folds", {}),
        ("fixed split, 5 trainings", {"fixed": True, "n_repeats": 5}),
    )
}


def worth(n_runs):
    """Return what rows were said to be worth, and how often the interval held the truth."""
    runs = [compare_worth(seed) for seed in range(n_runs)]
    found = {}
    for arm, truth in (("all true", 1.0), ("half useless", 0.5)):
        values = [run[arm].value for run in runs]
        held = [run[arm].low <= truth <= run[arm].high for run in runs]
        found[arm] = {
            "runs": n_runs,
            "truth": truth,
            "median": float(np.median(values)),
            "lowest": min(values),
            "highest": max(values),
            "interval holds the truth": float(np.mean(held)),
        }
    return found


def as_markdown(found):
    """Return a table for each question."""
    lines = ["| nothing to find | runs | helps or harms | harms a class | p of at most 0.05 |"]
    lines += ["|---|---|---|---|---|"]
    for name, told in found.get("nothing", {}).items():
        claimed = told["helps"] + told["harms"]
        lines.append(
            f"| {name} | {told['runs']} | {claimed:.1%} | {told.get('harms a class', 0):.1%} "
            f"| {told['p <= 0.05']:.1%} |"
        )
    lines += ["", "| large effect | runs | helps | mean difference |", "|---|---|---|---|"]
    for name, told in found.get("truth", {}).items():
        lines.append(
            f"| {name} | {told['runs']} | {told['helps']:.0%} | {told['mean difference']:+.3f} |"
        )
    lines += ["", "| rows added | runs | true worth | median (range) | interval holds it |"]
    lines += ["|---|---|---|---|---|"]
    for name, told in found.get("worth", {}).items():
        lines.append(
            f"| {name} | {told['runs']} | {told['truth']} | {told['median']:.2f} "
            f"({told['lowest']:.2f} to {told['highest']:.2f}) "
            f"| {told['interval holds the truth']:.0%} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="*", default=["nothing", "truth", "worth"])
    parser.add_argument("--runs", type=int, default=200, help="a quarter of them for an effect")
    parser.add_argument("--out", type=Path, default=Path("known_effects"))
    parser.add_argument("--only", default="", help="designs whose name holds this text")
    args = parser.parse_args()
    out = args.out.with_suffix(".json")
    found = json.loads(out.read_text()) if out.exists() else {}
    some = args.runs // 4
    parts = {
        "nothing": (compare_nothing, NOTHING, args.runs),
        "truth": (compare_truth, TRUTH, some),
    }
    for part, (compare, designs, n_runs) in parts.items():
        before = found.get(part, {})
        for name, settings in designs.items() if part in args.parts else ():
            if args.only in name:
                before[name] = tell(compare, n_runs, **settings)
                found[part] = {known: before[known] for known in designs if known in before}
                write(found, args.out)
    if "worth" in args.parts:
        found["worth"] = worth(some)
        write(found, args.out)
    print(as_markdown(found))


def write(found, out):
    """Write what is known so far."""
    out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    out.with_suffix(".md").write_text(as_markdown(found))


if __name__ == "__main__":
    main()
