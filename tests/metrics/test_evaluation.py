"""All scores in one call, and scores as scikit-learn uses them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from toys import make_rows

from bioaug import Synthesizer
from bioaug.exceptions import DataError, LeakError
from bioaug.leakage import TrainingFingerprint, remember_synthetic
from bioaug.metrics import Evaluation, Score, evaluate, get_scorer, get_scorer_names, mmd

UNRELATED = TrainingFingerprint.from_rows(make_rows((9, 24), seed=9))
CHEAP = ("mmd", "coverage", "identifiability", "closest_record", "tstr")


def judge(X_train, X_test, X_synthetic, *labels, **settings):
    """Call `evaluate` with its arrays in the usual order."""
    names = ("y_train", "y_test", "y_synthetic")
    settings = {"generator": UNRELATED} | settings
    arrays = {"X_train": X_train, "X_test": X_test, "X_synthetic": X_synthetic}
    return evaluate(**arrays, **dict(zip(names, labels, strict=False)), verbose=0, **settings)


@pytest.fixture(scope="module")
def sets():
    rows = make_rows((240, 24))
    y = np.tile(["N", "V"], 40)
    rows[np.tile(["N", "V"], 120) == "V"] += 8
    return rows[:80], rows[80:160], rows[160:], y


@pytest.fixture(scope="module")
def evaluation(sets):
    X_train, X_test, X_synthetic, y = sets
    return judge(X_train, X_test, X_synthetic, y, y, y, scores=CHEAP, random_state=0)


def test_every_score_asked_for_has_a_line_per_class(evaluation):
    assert set(evaluation.scores) | set(evaluation.missing) == set(CHEAP)
    assert evaluation.missing == {}
    lines = evaluation.table.loc["mmd"]
    assert list(lines.index) == ["all", "N", "V"]
    assert lines.loc["all", "value"] == pytest.approx(lines.loc[["N", "V"], "value"].mean())


def test_fidelity_is_judged_on_held_out_rows_and_privacy_on_training_rows(sets, evaluation):
    X_train, X_test, _, y = sets
    copied = judge(X_train, X_test, X_train, y, y, y, scores=CHEAP, random_state=0)
    assert copied.scores["identifiability"] == 1
    assert copied.scores["closest_record"] > 0.95
    assert copied.table.loc[("identifiability", "all"), "reads as"] == "worse than real"
    verdict, scores = copied.notes[:2]
    assert verdict.startswith("Privacy: Leak: 100% of the synthetic rows")
    assert "identifiability" in scores
    assert all(note in text for note in (verdict, scores) for text in (repr(copied), str(copied)))
    expected = mmd(X_test, X_train, y_real=y, y_synthetic=y, n_null=0, random_state=0)
    assert copied.scores["mmd"] == pytest.approx(float(expected))


def test_test_rows_that_were_trained_on(sets):
    X_train, X_test, X_synthetic, _ = sets
    with pytest.raises(LeakError, match=r"'X_test' parameter of evaluate .* Got 80 of 80"):
        judge(X_train, X_train.astype(np.float32), X_synthetic, scores=["mmd"])
    some = np.concatenate([X_train[:20], X_test])
    with pytest.warns(UserWarning, match="Got 20 of 100 rows") as told:
        found = judge(X_train, some, X_synthetic, scores=["closest_record"])
    assert len(told) == 1
    assert not found.missing


def test_what_cannot_be_computed_is_named_with_its_reason(sets):
    X_train, X_test, X_synthetic, _ = sets
    wanted = ("mmd", "tstr", "ecg")
    found = judge(X_train, X_test, X_synthetic, scores=wanted, random_state=0)
    assert list(found.scores) == ["mmd"]
    assert "labels" in found.missing["tstr"]
    assert "sampling_rate" in found.missing["ecg"]
    assert found.table.loc[("tstr", "all"), "reads as"].startswith("not computed: it needs labels")


def test_too_few_rows_are_a_stated_reason(sets):
    X_train, X_test, X_synthetic, _ = sets
    found = judge(X_train, X_test, X_synthetic[:1], scores=["mmd"])
    assert "at least" in found.missing["mmd"]


def test_the_table_is_saved_in_three_forms(evaluation, tmp_path):
    for ending in ("html", "md", "json"):
        evaluation.save(tmp_path / f"scores.{ending}")
    saved = json.loads((tmp_path / "scores.json").read_text())
    assert saved["scores"]["mmd"]["value"] == float(evaluation.scores["mmd"])
    saved_lines = (tmp_path / "scores.md").read_text().splitlines()
    assert sum(line.startswith("| ") for line in saved_lines) == len(evaluation.table) + 2
    with pytest.raises(DataError, match=r"'.html', '.md', '.json'"):
        evaluation.save(tmp_path / "scores.txt")


def test_printing_shows_one_line_per_score(evaluation):
    printed = repr(evaluation)
    assert all(name in printed for name in CHEAP)
    assert "V" not in [line.split()[0] for line in printed.splitlines()]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tier": "quick"}, "'fast', 'full'"),
        ({"scores": ["mdm"]}, "Did you mean 'mmd'"),
        ({"signal": "emg"}, "'ecg', 'eeg'"),
        ({"y_train": np.zeros(80)}, "must be given together"),
        ({"scores": []}, "list of one name at least"),
        ({"scores": "mmd"}, "list of one name at least"),
        ({"sampling_rate": -1}, "'sampling_rate' parameter of evaluate"),
        ({"groups_train": np.zeros(3)}, "'groups_train' parameter of evaluate"),
        ({"X_test": None}, "'X_test' parameter of evaluate must be array-like"),
        ({"X_train": np.full((80, 24), np.nan)}, "'X_train' parameter of evaluate must be finite"),
        ({"X_synthetic": np.zeros((80, 9))}, "as 'X_train' has. Got (1, 9) instead"),
        ({"random_state": "a"}, "'random_state' parameter must be an int"),
    ],
)
def test_wrong_parameters_are_named(sets, wrong, message):
    given = dict(zip(("X_train", "X_test", "X_synthetic"), sets, strict=False)) | wrong
    with pytest.raises(DataError, match=re.escape(message)):
        evaluate(**given)


def test_what_is_missing_is_printed_below_the_table(sets):
    found = judge(*sets[:3], scores=["mmd", "tstr"], random_state=0)
    assert repr(found).splitlines()[-1].startswith("tstr is not computed: it needs labels")
    nothing = judge(*sets[:3], scores=["tstr"])
    assert repr(nothing).startswith("tstr is not computed")
    assert all("tstr" in text for text in (nothing.to_html(), nothing.to_markdown()))


def test_a_class_without_synthetic_signals_is_noted(sets):
    X_train, X_test, X_synthetic, y = sets
    found = judge(
        X_train,
        X_test,
        X_synthetic[y == "N"],
        y,
        y,
        y[y == "N"],
        scores=["mmd"],
    )
    assert found.notes == ["No synthetic signals of class V: scores by class leave it out."]


def test_scores_are_those_of_the_functions_with_the_same_seed(sets):
    found = judge(*sets[:3], scores=["mmd"], random_state=3).scores["mmd"]
    assert found.to_dict() | {"seconds": 0} == mmd(sets[1], sets[2], random_state=3).to_dict() | {
        "seconds": 0
    }


def test_the_kind_of_signal_adds_its_score_to_those_asked_for(sets):
    found = judge(
        *sets[:3],
        scores=["mmd"],
        signal="eeg",
        sampling_rate=40,
        random_state=0,
    )
    assert list(found.scores) == ["mmd", "eeg"]


class Copier:
    """A synthesizer that gives back rows near those it was given."""

    def __init__(self, X, y, off=0.0):
        self.X, self.y, self.off = X, y, off

    def sample(self, n_samples=1, *, y=None, random_state=None):
        labels = self.y[:n_samples] if y is None else np.asarray(y)
        rng = np.random.default_rng(random_state)
        chosen = [rng.choice(np.flatnonzero(self.y == label)) for label in labels]
        return self.X[chosen] + self.off, labels


@pytest.mark.parametrize("name", ["mmd", "coverage", "sample_distance", "frechet"])
def test_greater_is_better(sets, name):
    X_train, X_test, _, y = sets
    scorer = get_scorer(name)
    good, bad = Copier(X_train, y), Copier(X_train, y, off=3.0)
    assert scorer(good, X_test, y) > scorer(bad, X_test, y)
    assert scorer(good, X_test, y) == scorer(good, X_test, y)


def test_scorers_work_in_cross_validation_and_grid_search(sets):
    X, _, _, y = sets
    synthesizer = Synthesizer(training_params={"batch_size": 4}, random_state=0)
    folds = StratifiedKFold(2)
    scores = cross_val_score(
        synthesizer.set_params(n_steps=1), X, y, cv=folds, scoring=get_scorer("mmd")
    )
    assert scores.shape == (2,)
    search = GridSearchCV(
        synthesizer, {"n_steps": [1, 2]}, scoring=get_scorer("coverage"), cv=folds
    ).fit(X, y)
    assert search.best_params_["n_steps"] in (1, 2)
    assert search.best_estimator_.sample(2)[0].shape == (2, 24)


def test_a_scorer_by_name_ends_a_training_early(sets):
    X, _, _, y = sets
    synthesizer = Synthesizer(
        n_steps=8,
        early_stopping="mmd",
        training_params={"batch_size": 4, "log_every": 1},
        random_state=0,
    ).fit(X, y)
    assert all(entry["held-out/score"] <= 0.1 for entry in synthesizer.history_)


def test_scorer_names(sets):
    assert {"mmd", "discriminative", "tstr"} <= set(get_scorer_names())
    assert "membership" not in get_scorer_names()
    with pytest.raises(DataError, match="Did you mean 'coverage'"):
        get_scorer("covrage")
    with pytest.raises(DataError, match="Call get_scorer\\('ecg', sampling_rate="):
        get_scorer("ecg")
    with pytest.raises(DataError, match="Did you mean 'n_null'"):
        get_scorer("mmd", n_nul=0)
    with pytest.raises(DataError, match="must hold labels"):
        get_scorer("tstr")(Copier(sets[0], sets[3]), sets[1])


# What would make every score lie


def labelled(n_each=10, n_patients=8, seed=0, first=0):
    """Return rows of `n_patients` patients, their labels and patients."""
    X = make_rows((n_each * n_patients, 24), seed)
    return X, np.tile(["N", "V"], len(X) // 2), first + np.repeat(np.arange(n_patients), n_each)


@pytest.mark.parametrize("scale", [1, 3])
def test_rows_made_here_are_not_real(sets, scale):
    X_train, X_test, X_synthetic, _ = sets
    made = make_rows((5, 24), seed=77)
    remember_synthetic(made * scale, X_train)
    for train, test, name in (
        (X_train, np.concatenate([X_test, made]), "X_test"),
        (np.concatenate([made, X_train]), X_test, "X_train"),
    ):
        with pytest.raises(LeakError, match=f"'{name}' parameter of evaluate .* Got 5 of 85"):
            judge(train, test, X_synthetic, scores=["mmd"])


@pytest.mark.parametrize("as_text", [False, True])
def test_a_patient_on_both_sides_is_a_leak(as_text):
    X_train, _, train = labelled()
    X_test, _, test = labelled(seed=1, first=7)
    groups = {"groups_train": train, "groups_test": test.astype(str) if as_text else test / 1.0}
    with pytest.raises(LeakError, match=r"Got 1 in both: 7. Split by patients"):
        judge(X_train, X_test, X_train + 1, scores=["mmd"], **groups)


def test_a_generator_that_has_seen_test_rows_or_their_patients(sets):
    X_train, X_test, X_synthetic, _ = sets
    patients = np.arange(80) // 10
    seen = TrainingFingerprint.from_rows(np.concatenate([X_train, X_test[:1]]))
    known = TrainingFingerprint.from_rows(X_train, patients)
    with pytest.raises(LeakError, match=r"'generator' of evaluate .* Got 1 of 80"):
        judge(X_train, X_test, X_synthetic, scores=["mmd"], generator=seen)
    with pytest.raises(LeakError, match=r"'generator' of evaluate .*groups"):
        judge(
            *(X_train, X_test, X_synthetic), scores=["mmd"], generator=known, groups_test=patients
        )
    fitted = Synthesizer(n_steps=1, training_params={"batch_size": 4}, random_state=0).fit(X_test)
    with pytest.raises(LeakError, match="Got 80 of 80"):
        judge(X_train, X_test, X_synthetic, scores=["mmd"], generator=fitted)
    fitted.training_fingerprint_ = None
    with pytest.warns(UserWarning, match="without a fingerprint"):
        judge(X_train, X_test, X_synthetic, scores=["mmd"], generator=fitted)
    with pytest.raises(DataError, match=r"'generator' parameter of evaluate .* Got Synthesizer"):
        judge(X_train, X_test, X_synthetic, scores=["mmd"], generator=Synthesizer())


def test_a_generator_that_is_not_known_is_noted(sets):
    found = judge(*sets[:3], scores=["mmd"], generator=None)
    assert [note for note in found.notes if "generator=" in note]


def test_copies_of_test_rows_are_a_leak(sets):
    X_train, X_test, X_synthetic, _ = sets
    with pytest.raises(LeakError, match=r"'X_synthetic' parameter of evaluate .* Got 80 of 80"):
        judge(X_train, X_test, X_test, scores=["mmd"])
    with pytest.warns(UserWarning, match="Got 5 of 85 rows"):
        judge(X_train, X_test, np.concatenate([X_synthetic, X_test[:5]]), scores=["mmd"])


def test_arrays_are_keyword_only(sets):
    with pytest.raises(TypeError):
        evaluate(*sets[:3])


def test_the_column_real_is_what_training_rows_score(sets, evaluation):
    X_train, X_test, _, y = sets
    expected = mmd(X_test, X_train, y_real=y, y_synthetic=y, n_null=0, random_state=0)
    table = evaluation.table
    assert table.loc[("mmd", "all"), "real"] == pytest.approx(float(expected))
    assert table.loc[("mmd", "V"), "real"] == pytest.approx(float(expected.per_class["V"]))
    assert np.isnan(table.loc[("identifiability", "all"), "real"])
    tstr = evaluation.scores["tstr"].details["real_on_real"]
    assert table.loc[("tstr", "all"), "real"] == tstr
    assert json.loads(evaluation.to_json())["real"]["tstr"] == tstr


def test_the_column_real_has_as_many_rows_as_there_are_synthetic_ones(sets):
    X_train, X_test, X_synthetic, _ = sets
    found = judge(X_train, X_test, X_synthetic[:20], scores=["coverage"], random_state=0)
    assert found.real["coverage"].n_synthetic == 20


def test_too_few_patients_are_inconclusive_and_enough_are_not():
    X_train, y_train, train = labelled(n_patients=4)
    for n_patients, word in ((6, "inconclusive"), (8, "as real")):
        X_test, y_test, test = labelled(n_patients=n_patients, seed=1, first=20)
        found = judge(
            *(X_train, X_test, make_rows((40, 24), seed=2), y_train, y_test, y_train),
            groups_train=train,
            groups_test=test,
            scores=["coverage"],
            random_state=0,
        )
        assert set(found.table["reads as"]) == {word}
        said = [note for note in found.notes if note.startswith("Inconclusive: coverage")]
        assert bool(said) == (word == "inconclusive")
        assert all("6 patients, 8 are needed" in note for note in said)


def test_cells_of_a_page_show_names_as_they_are_and_nothing_for_no_value():
    missing = {"tstr": "a|b\nc <b> $x$"}
    page = Evaluation({"mmd": Score(0.123456)}, missing).to_markdown()
    assert "| mmd | all | fidelity | 0.1235 |  | lower |  |  |  | no null value | 0 |" in page
    assert "not computed: a\\|b c \\<b\\> \\$x\\$ |" in page


def test_saved_html_is_a_whole_page(evaluation, tmp_path):
    evaluation.save(tmp_path / "scores.html")
    page = (tmp_path / "scores.html").read_text()
    assert page.lstrip().startswith('<!doctype html><html lang="en"><head><meta charset="utf-8">')
    assert "<title>Scores of synthetic signals</title>" in page
    assert "<title>" not in evaluation.to_html()
