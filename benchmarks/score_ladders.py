"""Which score sees what: every score along ladders of controlled corruptions of real beats.

    python benchmarks/score_ladders.py ~/bioaug_data --out benchmarks/results/score_ladders

The rows are beats of MIT-BIH DS1, standardised (for "eeg": chunks of the Bonn EEG); a third is the
reference (and the training rows of the privacy scores), a third is fresh and gets corrupted step
by step, a third is held out. Written are, as JSON and Markdown, Kendall's tau between strength and
badness: +1 where a score always sees more of the corruption as worse, -1 where it always rewards
it. In bold are the ladders that a score claims to see, which the tests check.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from ladders import CLAIMS, LADDERS, STRENGTHS, climb, load_beats, load_eeg, tau

from bioaug.metrics.catalogue import CATALOGUE

SLOW_ROWS = {"wavelet_coherence": 100, "predictive": 200}
SLOW_SEEDS = {"predictive": 1}


def as_markdown(taus):
    """Return the table of Kendall's tau."""
    lines = ["| score | " + " | ".join(LADDERS) + " |", "|---" * (len(LADDERS) + 1) + "|"]
    for name, of in taus.items():
        cells = [
            f"**{of[x]:+.2f}**" if x in CLAIMS.get(name, ()) else f"{of[x]:+.2f}" for x in LADDERS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scores", nargs="*", default=list(CATALOGUE), help="names; default: all")
    parser.add_argument("--out", type=Path, default=Path("score_ladders"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = args.out.with_suffix(".json")
    found = json.loads(out.read_text())["badness"] if out.exists() else {}  # taken up again
    rows = dict.fromkeys(CATALOGUE, args.rows) | SLOW_ROWS
    seeds = dict.fromkeys(CATALOGUE, args.seeds) | SLOW_SEEDS
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in args.scores:
        began = time.perf_counter()
        load, home = load_beats, args.data_home
        if name == "eeg":
            load, home = load_eeg, f"{home}/bonn_eeg"
        parts = [load(home, rows[name], seed) for seed in range(seeds[name])]
        found[name] = {ladder: climb(name, parts, ladder) for ladder in LADDERS}
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
        found = {known: found[known] for known in CATALOGUE if known in found}
        taus = {k: {x: round(tau(v), 2) for x, v in of.items()} for k, of in found.items()}
        about = {"rows": rows, "seeds": seeds, "strengths": STRENGTHS}
        out.write_text(json.dumps(about | {"tau": taus, "badness": found}, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(as_markdown(taus))
    print(as_markdown(taus))


if __name__ == "__main__":
    main()
