"""What README and docs show runs: every Python block, the commands, the names of make targets.

The blocks of a page run in order and share their names, with simulated beats as the data that a
page takes for granted. Trainings take two steps, and sizes are those of `SMALLER`.
"""

from __future__ import annotations

import inspect
import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

import bioaug.datasets
from bioaug.cli import main
from bioaug.datasets import make_ecg
from bioaug.training import Trainer, TrainerState

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SMALLER = {  # what is shown: what runs here
    "HistGradientBoostingClassifier()": "HistGradientBoostingClassifier(max_iter=5)",
    "GroupKFold(5)": "GroupKFold(2)",
    "cv=5": "cv=2",
    "n_repeats=2": "n_repeats=1",
    "range(20)": "range(2)",
    "num_workers=2": "num_workers=0",
    "make_ecg(2000": "make_ecg(240, window=(24, 24)",
    "make_ecg(1200": "make_ecg(240, window=(24, 24)",
    '"width": 512': '"width": 32',
}
FEWER_FOLDS = {"benchmark": ["--folds", "3"], "report": []}
WEIGHTS = {"N": 0.4, "S": 0.2, "V": 0.2, "F": 0.2}

pytestmark = [
    # Two steps of training make poor models, and folds of few beats poor scores.
    pytest.mark.filterwarnings("ignore::bioaug.exceptions.TrainingWarning"),
    pytest.mark.filterwarnings("ignore::bioaug.exceptions.DataWarning"),
    pytest.mark.skipif(not (ROOT / "Makefile").is_file(), reason="only in a checkout"),
]


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of code of a page."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def smaller(text: str) -> str:
    for shown, run in SMALLER.items():
        text = text.replace(shown, run)
    return text


def data() -> dict[str, Any]:
    """Return what the pages take for granted: beats of patients to train on, and of others."""
    ecg = make_ecg(480, class_weights=WEIGHTS, n_patients=8, window=(24, 24), random_state=0)
    train = np.isin(ecg.groups, np.unique(ecg.groups)[::2])
    X, y = ecg.data[train, 0], ecg.target[train]
    return {
        "X": X,
        "y": y,
        "patients": ecg.groups[train],
        "X_train": X,
        "y_train": y,
        "X_test": ecg.data[~train, 0],
        "y_test": ecg.target[~train],
        "groups_test": ecg.groups[~train],
        "rare": y != "N",
    }


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train every generator for two steps, whatever is asked for."""
    fit = Trainer.fit

    def short(trainer: Trainer, *args: Any, **settings: Any) -> TrainerState:
        trainer.config = replace(trainer.config, n_steps=2, max_time=None)
        return fit(trainer, *args, **settings)

    monkeypatch.setattr(Trainer, "fit", short)


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Simulated recordings instead of downloads, and the two tables that the guide reads."""
    for name in ("fetch_mitbih", "fetch_bonn"):
        signature = inspect.signature(getattr(bioaug.datasets, name))

        def simulated(*args: Any, _signature=signature, **settings: Any) -> Bunch:
            _signature.bind(*args, **settings)
            return make_ecg(320, class_weights=WEIGHTS, random_state=0)

        monkeypatch.setattr(bioaug.datasets, name, simulated)
    rng = np.random.default_rng(0)
    beats = np.column_stack([rng.random((20, 187)), np.arange(20) % 5])
    pd.DataFrame(beats).to_csv(tmp_path / "mitbih_train.csv", header=False, index=False)
    names = [f"X{i % 4 + 1}.V1.{i // 4 + 1}" for i in range(20)]
    chunks = pd.DataFrame(rng.integers(-99, 99, (20, 178)), index=names)
    chunks.columns = [f"X{i + 1}" for i in range(178)]
    chunks.assign(y=np.arange(20) // 4 + 1).to_csv(tmp_path / "data.csv")


@pytest.fixture
def figures() -> Iterator[None]:
    yield
    plt.close("all")


def python_pages() -> list[Any]:
    pages = [page for page in PAGES if blocks(page, "python")]
    marks = {"guide.md": pytest.mark.slow, "scores.md": pytest.mark.slow}
    return [pytest.param(page, id=page.name, marks=marks.get(page.name, ())) for page in pages]


@pytest.mark.parametrize("page", python_pages())
@pytest.mark.usefixtures("two_steps", "recordings", "figures")
def test_the_python_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": page.stem}
    for number, block in enumerate(blocks(page, "python"), start=1):
        names |= data()
        exec(compile(smaller(block), f"{page.name}, block {number}", "exec"), names)


def test_every_smaller_size_stands_in_a_page():
    text = "".join(block for page in PAGES for block in blocks(page, "python"))
    assert [shown for shown in SMALLER if shown not in text] == []


EXAMPLES = {
    "mitbih_oversampling.py": ["--steps", "2"],
    "plot_demo.py": [],
    "skorch_balancing.py": ["--beats", "400", "--epochs", "1"],
    "torch_balancing.py": ["--epochs", "1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in (ROOT / "examples").glob("*.py")])
@pytest.mark.usefixtures("two_steps", "recordings", "figures")
def test_every_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [name, *EXAMPLES[name]])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of every call of bioaug in the shell blocks of a page."""
    lines = [line.removeprefix("$ ") for b in blocks(page, "console") for line in b.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("bioaug ")]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda p: p.name)
def test_the_options_of_every_command_exist(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # where no file is, so that nothing else is done
    for arguments in commands(page):
        assert main(arguments) == 2  # argparse would exit
        assert "error: " in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("two_steps")
def test_the_commands_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = data()
    for half in ("train", "test"):
        np.savez(f"{half}.npz", X=given[f"X_{half}"], y=given[f"y_{half}"])
    for arguments in commands(ROOT / "README.md"):
        assert main(arguments) == 0
    assert {"model", "grown.npz", "report.html"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.usefixtures("two_steps")
def test_the_comparison_of_the_command_line_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = data()
    np.savez("beats.npz", X=given["X"], y=given["y"], groups=given["patients"])
    wanted = [each for each in commands(ROOT / "docs/cli.md") if each[0] in ("benchmark", "report")]
    assert [main([*arguments, *FEWER_FOLDS[arguments[0]]]) for arguments in wanted] == [0, 0]
    assert (tmp_path / "report.md").stat().st_size > 0


def test_make_targets_that_pages_name_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"(?:^|`)make ([\w-]+)", page.read_text(), flags=re.MULTILINE)
    }
    assert {each for each in named if each[1] not in targets} == set()
