"""Draw real rows above rows of every model, as `model_quality.py` left them.

python benchmarks/model_pictures.py docs/images
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from model_quality import ROWS, SETS

SHOWN = 8


def draw(which, out):
    """Draw one row of panels per model, of one set."""
    files = sorted(ROWS.glob(f"{which} *.npz"))
    names = [path.stem.split(" ", 1)[1] for path in files]
    rows = {"real, held out": np.load(files[0])["real"]}
    rows |= {name: np.load(path)["made"] for name, path in zip(names, files, strict=True)}
    size = (1.4 * SHOWN, 0.8 * len(rows))
    figure, axes = plt.subplots(len(rows), SHOWN, sharex=True, sharey=True, figsize=size)
    for of_model, (name, signals) in zip(axes, rows.items(), strict=True):
        color = "0.2" if name.startswith("real") else "C3" if "reference" in name else "C0"
        for ax, signal in zip(of_model, signals, strict=False):
            ax.plot(signal, color=color, linewidth=0.8)
            ax.set_axis_off()
        place = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 8}
        of_model[0].text(-0.05, 0.5, name, transform=of_model[0].transAxes, **place)
    low, high = np.quantile(rows["real, held out"], [0, 1])
    axes[0, 0].set_ylim(low - 0.2 * (high - low), high + 0.2 * (high - low))
    figure.subplots_adjust(left=0.16, right=0.99, top=0.99, bottom=0.01, hspace=0.05, wspace=0.05)
    figure.savefig(out / f"models_{which}.png", dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    for which in SETS:
        if list(ROWS.glob(f"{which} *.npz")):
            draw(which, args.out)


if __name__ == "__main__":
    main()
