"""The command line: every command on tiny arrays, and one line for everything that goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toys import make_rows

import bioaug
from bioaug import Synthesizer, cli
from bioaug.cli.parser import COMMANDS, build_parser, load_command
from bioaug.files import read_arrays, write_arrays

QUICK = ["--steps", "1", "--quiet", "--device", "cpu"]
# The command prints warnings by itself; as errors they would end it.
pytestmark = pytest.mark.filterwarnings("always::UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two sets of 60 N, 40 S and 36 V of 12 patients, and a model of the first."""
    folder = tmp_path_factory.mktemp("cli")
    X, y = make_rows((136, 1, 20)), np.repeat(["N", "S", "V"], [60, 40, 36])
    groups = np.arange(136) % 12
    for suffix in ("npz", "csv"):
        write_arrays(folder / f"set.{suffix}", X, y, groups=groups)
    write_arrays(folder / "other.csv", make_rows((136, 1, 20), seed=1), y, groups=groups + 12)
    write_arrays(folder / "flat.npz", X[:, 0], y)
    assert cli.main(["train", str(folder / "set.npz"), "--out", str(folder / "model"), *QUICK]) == 0
    return folder


def call(*words):
    return cli.main([str(word) for word in words])


def failure(capsys, *words):
    """Return the one line that a command fails with."""
    capsys.readouterr()  # what was printed before
    assert call(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("bioaug: error: ")
    assert err.count("\n") == 1
    return err


def test_help_and_version_in_a_process_of_its_own(tmp_path):
    root = Path(bioaug.__file__).parents[1]
    found = subprocess.run(
        [sys.executable, "-m", "bioaug", "--help"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    for command in COMMANDS:
        assert command in found.stdout
    assert found.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_can_be_parsed(capsys, name):
    command = load_command(name)
    with pytest.raises(SystemExit, match="0"):
        call(name, "--help")
    printed = capsys.readouterr().out
    lines = [line.split() for line in command.example.splitlines() if "  bioaug " in line]
    assert lines
    for words in lines:
        assert " ".join(words) in printed
        assert build_parser(words[1:]).parse_args(words[1:]).run is command.run


def test_without_a_command_the_help_is_shown(capsys):
    assert call() == 2
    assert "bioaug demo" in capsys.readouterr().out


def test_demo(tmp_path, capsys):
    out = tmp_path / "demo.png"
    assert call("demo", "--out", out, "--beats", 200, *QUICK) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "before: F 10, N 150, Q 10, S 14, V 16" in printed
    assert "after:  F 150, N 150, Q 150, S 150, V 150" in printed


def test_train_learns_what_it_is_told_to(folder, tmp_path, capsys):
    given = ["--classes", "V", "S", "--per-class", "--seed", 3, "--early-stopping", "mmd"]
    given += ["--include-fingerprint"]
    assert call("train", folder / "set.csv", "--out", tmp_path / "m", *given, *QUICK) == 0
    synthesizer = Synthesizer.load(tmp_path / "m")
    assert synthesizer.classes_.tolist() == ["S", "V"]
    assert synthesizer.signal_shape_ == (1, 20)
    assert synthesizer.per_class is True
    assert synthesizer.random_state == 3
    assert synthesizer.training_fingerprint_ is not None
    assert "trained on S 40, V 36" in capsys.readouterr().out


def test_the_model_is_the_librarys(folder):
    arrays = read_arrays(folder / "set.npz")
    expected = Synthesizer(n_steps=1, random_state=0, device="cpu").fit(arrays.X, arrays.y)
    found = Synthesizer.load(folder / "model")
    assert found.training_fingerprint_ is None
    np.testing.assert_array_equal(found.sample(6)[0], expected.sample(6)[0])


def test_train_without_labels(folder, tmp_path, capsys):
    write_arrays(tmp_path / "a.csv", make_rows((40, 12)))
    assert call("train", tmp_path / "a.csv", "--out", tmp_path / "m", "--unlabelled", *QUICK) == 0
    assert "trained on 40 signals" in capsys.readouterr().out
    assert call("sample", tmp_path / "m", "--n", 3, "--out", tmp_path / "b.csv") == 0
    assert read_arrays(tmp_path / "b.csv").X.shape == (3, 12)
    words = ["train", tmp_path / "a.csv", "--unlabelled", "--classes", "0", "--out", tmp_path / "n"]
    assert "--classes needs labels" in failure(capsys, *words)


def test_sample(folder, tmp_path):
    words = ["sample", folder / "model", "--device", "cpu"]
    assert call(*words, "--counts", "V=3", "N=2", "--out", tmp_path / "a.npz") == 0
    found = read_arrays(tmp_path / "a.npz")
    assert found.y.tolist() == ["V"] * 3 + ["N"] * 2
    assert found.X.shape == (5, 1, 20)
    for name, seed in {"b": 1, "c": 1, "d": 2}.items():
        assert call(*words, "--n", 6, "--seed", seed, "--out", tmp_path / f"{name}.csv") == 0
    b, c, d = (read_arrays(tmp_path / f"{name}.csv").X for name in "bcd")
    np.testing.assert_array_equal(b, c)
    assert not (b == d).any()
    assert call(*words, "--n", 0, "--out", tmp_path / "e.csv") == 0


@pytest.mark.parametrize("suffix", ["npz", "csv"])
def test_grow(folder, tmp_path, suffix):
    out = tmp_path / f"grown.{suffix}"
    words = ["--strategy", "S=50", "V=70", "--model", folder / "model", "--seed", 1]
    assert call("grow", folder / f"set.{suffix}", "--out", out, *words, "--device", "cpu") == 0
    before, after = read_arrays(folder / f"set.{suffix}"), read_arrays(out)
    np.testing.assert_array_equal(after.X[~after.synthetic], before.X)
    assert after.y[after.synthetic].tolist() == ["S"] * 10 + ["V"] * 34
    assert set(after.groups[after.synthetic]) == {12}
    provenance = pd.read_csv(tmp_path / "grown.provenance.csv")
    assert provenance["label"].tolist() == after.y[after.synthetic].tolist()


@pytest.mark.parametrize(
    ("strategy", "sizes"), [("auto", [60] * 3), ("minority", [60, 40, 60]), ("1.0", None)]
)
def test_strategies(folder, tmp_path, capsys, strategy, sizes):
    words = ["grow", folder / "set.npz", "--model", "local", "--strategy", strategy]
    words += ["--out", tmp_path / "a.npz"]
    if sizes is None:  # a ratio is for two classes
        assert "binary" in failure(capsys, *words)
    else:
        assert call(*words) == 0
        assert np.unique(read_arrays(tmp_path / "a.npz").y, return_counts=True)[1].tolist() == sizes


def test_warnings_are_lines(folder, tmp_path, capsys):
    X, y = make_rows((60, 12)), np.repeat([0, 1], [40, 20])
    np.savez(tmp_path / "a.npz", X=X, y=y)
    assert call("grow", tmp_path / "a.npz", "--out", tmp_path / "b.npz", *QUICK) == 0
    err = capsys.readouterr().err
    assert err.startswith("bioaug: warning: GANOversampler: too few rows")
    assert err.count("\n") == 1


@pytest.mark.parametrize("suffix", ["html", "md", "json"])
def test_evaluate(folder, tmp_path, capsys, monkeypatch, suffix):
    seen = {}
    evaluate = bioaug.metrics.evaluate

    def few(*, scores, **options):
        seen.update(scores=scores, options=options)
        return evaluate(scores=["mmd", "closest_record"], **options)

    monkeypatch.setattr("bioaug.metrics.evaluate", few)
    words = ["grow", folder / "set.npz", "--model", "local", "--strategy", "V=60"]
    assert call(*words, "--out", tmp_path / "grown.csv") == 0
    out = tmp_path / f"report.{suffix}"
    words = ["evaluate", folder / "set.npz", tmp_path / "grown.csv", "--out", out, "--quiet"]
    assert call(*words, "--test", folder / "other.csv", "--sampling-rate", 100) == 0
    printed = capsys.readouterr()
    assert "mmd" in printed.out
    assert "class N, S: these rows of TEST are left out" in printed.err
    text = out.read_text()
    assert "closest_record" in (json.loads(text)["scores"] if suffix == "json" else text)
    assert [len(seen["options"][f"X_{name}"]) for name in ("train", "test", "synthetic")] == [
        36,
        36,
        24,
    ]  # class V, synthetic rows alone
    assert seen["options"]["sampling_rate"] == 100
    assert seen["scores"] is None


def test_evaluate_refuses_training_rows_as_test_rows(folder, tmp_path, capsys):
    assert call("sample", folder / "model", "--n", 30, "--out", tmp_path / "a.npz") == 0
    words = ["evaluate", folder / "set.npz", tmp_path / "a.npz", "--test", folder / "set.csv"]
    assert "Got 136 of 136 rows that are (nearly) equal" in failure(capsys, *words)


def test_evaluate_without_test_rows_says_nothing_on_privacy(folder, tmp_path, capsys, monkeypatch):
    seen = {}

    def record(*sets, **options):
        seen.update(sets=sets, options=options)

    monkeypatch.setattr("bioaug.metrics.evaluate", record)
    assert call("sample", folder / "model", "--n", 30, "--out", tmp_path / "a.npz") == 0
    assert call("evaluate", folder / "set.npz", tmp_path / "a.npz") == 0
    assert "no --test" in capsys.readouterr().err
    assert "mmd" in seen["options"]["scores"]
    assert not {"membership", "closest_record"} & set(seen["options"]["scores"])
    train, test = (seen["options"][f"groups_{name}"] for name in ("train", "test"))
    assert not set(train) & set(test)
    assert len(train) + len(test) == 136
    assert call("evaluate", folder / "flat.npz", folder / "flat.npz") == 0
    assert len(seen["options"]["X_train"]) == len(seen["options"]["X_test"]) == 68


def test_test_rows_may_be_other_records(folder, monkeypatch):
    seen = []

    def read(path, *, records=None, **_):
        seen.append((path, records))
        return read_arrays(folder / "set.npz")

    monkeypatch.setattr("bioaug.cli.options.read_arrays", read)
    monkeypatch.setattr("bioaug.metrics.evaluate", lambda *_, **__: None)
    words = ["--records", "DS1", "--test", "mitdb", "--test-records", "DS2"]
    assert call("evaluate", "mitdb", "new.npz", *words) == 0
    assert seen == [("mitdb", ["DS1"]), ("new.npz", None), ("mitdb", ["DS2"])]


def test_evaluate_needs_common_classes(folder, tmp_path, capsys):
    write_arrays(tmp_path / "a.npz", make_rows((4, 1, 20)), ["Q"] * 4)
    words = ["evaluate", tmp_path / "a.npz", folder / "set.npz"]
    assert "REAL must have classes of SYNTHETIC" in failure(capsys, *words)


def test_outputs_are_kept_unless_forced(folder, tmp_path, capsys):
    words = ["sample", folder / "model", "--n", 3, "--out", tmp_path / "a.npz"]
    assert call(*words) == 0
    before = (tmp_path / "a.npz").read_bytes()
    assert "exists" in failure(capsys, *words, "--seed", 1)
    assert "exists" in failure(capsys, "train", folder / "set.npz", "--out", folder / "model")
    assert (tmp_path / "a.npz").read_bytes() == before
    assert call(*words, "--seed", 1, "--force") == 0
    assert (tmp_path / "a.npz").read_bytes() != before
    (tmp_path / "b.provenance.csv").write_text("")
    words = ["grow", folder / "set.npz", "--out", tmp_path / "b.csv"]
    assert "b.provenance.csv' exists" in failure(capsys, *words)


def test_odd_input_gives_one_line(folder, tmp_path, capsys):
    X, y = make_rows((80, 12)), np.repeat([0, 1], 40)
    out = ["--out", tmp_path / "out.npz"]
    np.savez(tmp_path / "no_y.npz", X=X)
    np.savez(tmp_path / "pickled.npz", X=X, y=y.astype(object))
    X[3, 4] = np.nan
    np.savez(tmp_path / "nan.npz", X=X, y=y)
    for name, expected in {
        "missing.npz": "There is none at",
        "set.mat": "must end in .csv, .tsv",
        "no_y.npz": "with the array 'y'. Got X",
        "pickled.npz": "plain arrays",
        "nan.npz": "Got 1 NaN",
    }.items():
        if name == "set.mat":
            (tmp_path / name).write_text("")
        assert expected in failure(capsys, "grow", tmp_path / name, *out)
        assert expected in failure(capsys, "train", tmp_path / name, "--out", tmp_path / "m")
    data = folder / "set.npz"
    assert "must end in" in failure(capsys, "grow", data, "--out", tmp_path / "out.txt")
    assert "no folder" in failure(capsys, "grow", data, "--out", tmp_path / "no" / "out.npz")
    assert "Did you mean 'flow'" in failure(capsys, "grow", data, *out, "--model", "flwo")
    words = ["train", data, "--out", tmp_path / "m"]
    assert "'--classes'" in failure(capsys, *words, "--classes", "X")
    words = ["sample", folder / "model", *out, "--counts"]
    assert "CLASS=N" in failure(capsys, *words, "V")
    assert "'--counts' parameter of bioaug must be one of 'N', 'S'" in failure(
        capsys, *words, "X=1"
    )
    assert "'S' more than once" in failure(capsys, *words, "S=5", "S=7")
    assert "no saved model" in failure(capsys, "sample", tmp_path, *out, "--n", 1)
    words = ["grow", data, *out, "--strategy"]
    assert "one word" in failure(capsys, *words, "S", "V")
    assert "--strategy" not in failure(capsys, *words, "all of them")
    assert [file for file in tmp_path.iterdir() if file.stem == "out"] == []


def test_options_that_nothing_is_read_by_are_refused(folder, tmp_path, capsys):
    words = ["grow", folder / "set.npz", "--out", tmp_path / "out.npz"]
    wrong = failure(capsys, *words, "--leads", "V1", "--window", 9, 9)
    assert "--leads, --window: for WFDB records only. Got " in wrong
    wrong = failure(capsys, *words, "--label-column", 0)
    assert "--label-column: for text tables and Parquet tables only. Got " in wrong
    words = ["evaluate", folder / "set.npz", folder / "set.csv", "--test", "mitdb", "--leads", "V1"]
    assert "no 'mitdb.hea'" in failure(capsys, *words)  # which might have had leads


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5"])
def test_seeds_are_checked_before_anything_is_read(capsys, seed):
    for words in (["train", "a.npz"], ["sample", "m", "--n", "1"], ["evaluate", "a.npz", "b.npz"]):
        with pytest.raises(SystemExit, match="2"):
            call(*words, "--out", "out", "--seed", seed)
        assert f"--seed: must be from 0 to 2**32 - 1. Got '{seed}'" in capsys.readouterr().err


def test_columns_of_ids_are_warned_of(tmp_path, capsys):
    table = pd.DataFrame(make_rows((60, 9))).add_prefix("x").assign(patient=range(60))
    table.assign(label=np.repeat([0, 1], [40, 20])).to_csv(tmp_path / "a.csv", index=False)
    words = ["grow", tmp_path / "a.csv", "--model", "local", "--out", tmp_path / "b.csv"]
    assert call(*words) == 0
    err = capsys.readouterr().err
    assert err.startswith("bioaug: warning: The columns 'patient' of ")
    assert err.count("\n") == 1


def test_debug_shows_where(tmp_path, capsys):
    assert call("train", tmp_path / "a.npz", "--out", tmp_path / "m", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_is_one_line_and_code_130(folder, tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Synthesizer, "fit", interrupt)
    assert call("train", folder / "set.npz", "--out", tmp_path / "m") == 130
    assert capsys.readouterr().err == "bioaug: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_benchmark_and_its_report_again(folder, tmp_path, capsys):
    page = tmp_path / "page.html"
    arms = ["weights", "smote", "distort", "dense"]
    words = ["benchmark", folder / "set.npz", "--arms", *arms, "--folds", "2", "--out", page]
    assert call(*words, *QUICK, "--classifier", "forest") == 0
    told = capsys.readouterr().out
    assert all(f"{arm}: " in told for arm in arms)
    assert "Does augmentation help?" in page.read_text()
    stored = json.loads(page.with_suffix(".json").read_text())
    assert len(stored["runs"]) == 5 * 2
    again = tmp_path / "again.md"
    assert call("report", page.with_suffix(".json"), "--out", again, "--citation", "Cite me") == 0
    assert "Cite me" in again.read_text()
    assert again.with_suffix(".json").read_text() == page.with_suffix(".json").read_text()
    beside = page.with_suffix(".md")  # which has the same numbers
    assert call("report", page.with_suffix(".json"), "--out", beside) == 0
    for name in ("other.json", "other_1.png"):
        kept = tmp_path / name
        kept.write_text("mine")
        of_other = ["--out", tmp_path / "other.md"]
        assert f"{name}' exists" in failure(capsys, "report", again.with_suffix(".json"), *of_other)
        words = ["benchmark", folder / "set.npz", *of_other, "--quiet"]
        assert f"{name}' exists" in failure(capsys, *words)
        assert kept.read_text() == "mine"
        kept.unlink()


def test_a_benchmark_needs_patients(folder, tmp_path, capsys):
    words = ["benchmark", folder / "flat.npz", "--out", tmp_path / "page.html"]
    assert "must name the patient of every row" in failure(capsys, *words, "--quiet")


def test_a_report_of_something_else(folder, tmp_path, capsys):
    (tmp_path / "other.json").write_text("{}")
    words = ["report", tmp_path / "other.json", "--out", tmp_path / "page.html"]
    assert "AugmentationResult.save" in failure(capsys, *words)
    empty = {"protocol": {}, "runs": [], "comparisons": [], "worth": []}
    (tmp_path / "other.json").write_text(json.dumps(empty))
    assert "other.json' must be one that 'bioaug benchmark' wrote" in failure(capsys, *words)
    assert [file.name for file in tmp_path.iterdir()] == ["other.json"]
    page = tmp_path / "page.md"
    page.write_text("mine")
    words = ["report", tmp_path / "other.json", "--out", page, "--force"]
    assert "cannot be shown" in failure(capsys, *words)
    assert page.read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other.json", "page.md"]


# The process


def run_process(code, *words, **options):
    """Run Python with Ctrl-C as a terminal has it, which a job in the background may lack."""
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    environment = os.environ | {"PYTHONPATH": str(Path(bioaug.__file__).parents[1])}
    command = [sys.executable, "-c", heard + code, *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, check=False, **options)


DURING_IMPORTS = """
import sys

class Finder:
    def find_spec(name, *_):
        if name == "torch":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder)
from bioaug.cli import main
sys.exit(main(["train", "a.npz", "--out", "m"]))
"""


def test_an_interruption_during_the_imports_is_one_line():
    found = run_process(DURING_IMPORTS)
    assert (found.returncode, found.stderr) == (130, b"bioaug: interrupted\n")


# A command of its own, so that nothing but the process is tried.
SPEAKS = """
import os, sys, types
import bioaug.cli
from bioaug.cli.command import note

def run(arguments):
    for k in range(3):
        print(k, "\\ud800" * 9, "x" * 100_000, flush=True)
        note("at work")
    open(arguments.out, "w").close()

def build_parser(words):
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.set_defaults(command="speak", run=run, debug=False)
    return parser

sys.modules["bioaug.cli.parser"] = types.SimpleNamespace(build_parser=build_parser)
"""
IN_A_PIPE = """
for stream in (1, 2)[: int(sys.argv[2])]:
    reading, writing = os.pipe()
    os.dup2(writing, stream)
    os.close(writing)
    os.close(reading)
sys.exit(bioaug.cli.main(sys.argv[1:2]))
"""
END = """
def run(arguments):
    from pathlib import Path
    from bioaug.core.atomic import replacing
    with replacing(Path(arguments.out)):
        os.kill(os.getpid(), signal.SIGTERM)

sys.exit(bioaug.cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("n_streams", [1, 2])
def test_work_goes_on_when_nobody_reads_its_output(tmp_path, n_streams):
    found = run_process(SPEAKS + IN_A_PIPE, tmp_path / "out", n_streams)
    assert found.returncode == 0
    assert found.stderr == (b"bioaug: at work\n" * 3 if n_streams == 1 else b"")
    assert (tmp_path / "out").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk to write to")
def test_a_full_disk_of_the_output_is_one_error(tmp_path):
    code = 'os.dup2(os.open("/dev/full", os.O_WRONLY), 1)\nsys.exit(bioaug.cli.main(sys.argv[1:]))'
    found = run_process(SPEAKS + code, tmp_path / "out")
    assert found.returncode == 2
    assert found.stderr.startswith(b"bioaug: error: [Errno 28] No space left")


def test_a_terminated_command_leaves_no_draft(tmp_path):
    found = run_process(SPEAKS + END, tmp_path / "out.csv")
    assert (found.returncode, found.stderr) == (128 + signal.SIGTERM, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 300 + ".npz", "none/a.npz", "folder.npz"])
def test_outputs_that_cannot_be_written_are_refused_before_any_work(
    folder, tmp_path, capsys, monkeypatch, name
):
    (tmp_path / "folder.npz").mkdir()
    monkeypatch.setattr(Synthesizer, "fit", lambda *_: pytest.fail("trained"))
    assert call("grow", folder / "set.npz", "--out", tmp_path / name, "--force") == 2
    assert call("sample", folder / "model", "--n", 2, "--out", tmp_path / name, "--force") == 2
    assert capsys.readouterr().err.count("bioaug: error: ") == 2
    assert [file.name for file in tmp_path.iterdir()] == ["folder.npz"]


def test_a_folder_of_other_things_is_refused_before_the_training(
    folder, tmp_path, capsys, monkeypatch
):
    (tmp_path / "thesis.docx").write_text("precious")
    monkeypatch.setattr(Synthesizer, "fit", lambda *_: pytest.fail("trained"))
    assert call("train", folder / "set.npz", "--out", tmp_path, "--force") == 2
    assert "no saved model, so nothing is written" in capsys.readouterr().err
    assert call("train", folder / "set.npz", "--out", tmp_path / ("x" * 300)) == 2
    assert "File name too long" in capsys.readouterr().err


def test_the_longest_names_can_be_written(folder, tmp_path):
    out = tmp_path / ("x" * 251 + ".npz")
    assert call("sample", folder / "model", "--n", 2, "--out", out) == 0
    assert read_arrays(out).X.shape[0] == 2
