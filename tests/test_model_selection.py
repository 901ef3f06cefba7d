from __future__ import annotations

import os
import signal

import joblib
import numpy as np
import pytest
from comparing import TREE, compare, make_beats
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from bioaug import GANOversampler
from bioaug.exceptions import DataError, LeakError
from bioaug.model_selection import cross_validate_augmentation


@pytest.fixture
def beats():
    return make_beats()


ARMS = {
    "weights": {"class_weight": "balanced"},
    "copies": "null",
    "SMOTE": SMOTE(),
    "local": GANOversampler("local"),
    "oracle": "oracle",
}


def test_every_arm_is_compared_on_the_same_folds(beats):
    result = compare(beats, ARMS, n_repeats=2)
    names = ["none", "weights", "copies", "SMOTE", "local"]
    names += ["oracle 25%", "oracle 50%", "oracle 100%"]
    assert result.table.index.tolist() == names
    assert len(result.runs) == 8 * 3 * 2
    for repeat in (0, 1):
        for fold in range(3):
            same = [r for r in result.runs if (r["repeat"], r["fold"]) == (repeat, fold)]
            assert len({(r["seed"], r["n_train"], tuple(r["patients_test"])) for r in same}) == 1
    tested = [tuple(r["patients_test"]) for r in result.runs if r["arm"] == "none"]
    assert len(set(tested)) > 3
    found = {found["arm"]: found for found in result.comparisons}
    assert set(found) == set(names[1:])
    for one in found.values():
        assert one["low"] <= one["difference"] <= one["high"]
        assert one["p"] <= one["p_holm"] <= 1
        assert one["verdict"] in ("helps", "harms", "cannot be told")
        assert one["n_patients"] == 12
    assert {one["arm"] for one in result.worth} == {"copies", "SMOTE", "local"}


def test_the_difference_is_that_of_the_scores(beats):
    result = compare(beats, {"copies": "null"}, cv=4)
    scores = {
        arm: [r["score"] for r in result.runs if r["arm"] == arm] for arm in ("none", "copies")
    }
    difference = np.mean(np.subtract(scores["copies"], scores["none"]))
    assert result.comparisons[0]["difference"] == pytest.approx(difference)
    assert result.table.loc["copies", "score"] == pytest.approx(np.mean(scores["copies"]))


def test_a_fixed_split_is_judged_by_patients(beats):
    _, _, groups = beats
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    result = compare(beats, {"copies": RandomOverSampler()}, cv=split, n_repeats=3)
    found = result.comparisons[0]
    assert found["interval"] == "patients (bootstrap)"
    assert found["difference"] == found["patients"][0]
    assert found["n_patients"] == 6


def test_a_single_training_on_a_fixed_split_is_no_verdict(beats):
    """Two seeds of a classifier differ: that is not what augmentation did."""
    _, _, groups = beats
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    worse = {"nothing learned": {"min_samples_leaf": 150}}
    once = compare(beats, worse, cv=split).comparisons[0]
    assert once["p"] <= 0.05
    assert once["verdict"] == "cannot be told"
    assert "give n_repeats=5" in once["text"]
    fixed = DecisionTreeClassifier(max_depth=3, random_state=0)
    several = compare(beats, {"stump": {"max_leaf_nodes": 2}}, fixed, cv=split, n_repeats=2)
    assert "give n_repeats" not in several.comparisons[0]["text"]


def test_the_sentence_names_the_score(beats):
    found = compare(beats, {"copies": "null"}, scoring="balanced_accuracy").comparisons[0]
    assert "balanced accuracy (95 %" in found["text"]

    def hits(y, predicted):
        return np.mean(y == predicted)

    assert " hits (95 %" in compare(beats, {"copies": "null"}, scoring=hits).comparisons[0]["text"]


def test_macro_f1_is_over_the_classes_that_a_fold_has(beats):
    X, y, groups = beats
    y = y.astype("<U2")
    y[(groups < "p03") & (X[:, 0] > 0.5)] = "F"  # of three patients only
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    result = compare((X, y, groups), {"copies": "null"}, cv=split, n_repeats=2)
    scores = result.table["score"]
    assert result.comparisons[0]["difference"] == pytest.approx(scores["copies"] - scores["none"])


class Predicted(ClassifierMixin, BaseEstimator):
    """Says what the sign of the first value of its training rows' mean says; notes them."""

    def fit(self, X, y):
        self.classes_, self.n_ = np.unique(y), len(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_held_back_rows_are_kept_from_all_arms_but_the_oracle(beats):
    result = compare(beats, {"SMOTE": SMOTE(), "oracle": "oracle"}, Predicted(), hold_back=0.5)
    first = {r["arm"]: r for r in result.runs if r["fold"] == 0}
    n = first["none"]["n_train"]
    assert {r["n_train"] for r in first.values()} == {n}
    back = first["oracle 100%"]["added"]["V"]
    assert 10 < back < 40
    assert first["oracle 50%"]["added"]["V"] == pytest.approx(back / 2, abs=1)
    assert first["oracle 100%"]["added"]["N"] == 0
    assert n + back + first["none"]["n_test"] == 360


def test_a_row_of_the_test_fold_never_reaches_the_generator(beats):
    """Change a test row: the synthetic rows of its fold stay bit-identical."""
    X, y, groups = beats
    seen = []

    class Spy(GANOversampler):
        def fit_resample(self, X, y, *, groups=None):
            out = super().fit_resample(X, y, groups=groups)
            seen.append(out[0].copy())
            return out

    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    for change in (0, 100):
        changed = X.copy()
        changed[-1] += change
        compare((changed, y, groups), {"local": Spy("local")}, cv=split)
    np.testing.assert_array_equal(*seen)


# Leaks


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_patients_on_both_sides_are_refused(beats):
    with pytest.raises(LeakError, match=r"'cv' parameter.*keep every patient on one side.*'p0"):
        compare(beats, {"SMOTE": SMOTE()}, cv=KFold(7))


def test_oversampling_before_the_split_is_refused(beats):
    X, y, groups = beats
    sampler = GANOversampler("local", random_state=0)
    grown, labels = sampler.fit_resample(X, y, groups=groups)
    with pytest.raises(LeakError, match=r"real rows only. Got \d+ synthetic ones"):
        compare((grown, labels, sampler.groups_), {"none": None})
    honest = np.where(sampler.synthetic_mask_, "p00", sampler.groups_)
    with pytest.raises(LeakError, match="real rows only"):
        compare((grown, labels, honest), {"none": None})
    with pytest.raises(LeakError, match=r"real rows only\. Got \d+ synthetic ones"):
        compare((grown * 2.0, labels, honest), {"none": None})
    with pytest.raises(LeakError, match=r"real rows only\. Got some"):
        compare((grown * np.linspace(1, 2, 16), labels, sampler.groups_), {"none": None})


def test_a_row_that_two_patients_share_is_refused(beats):
    X, y, groups = beats
    X[350] = X[3]
    with pytest.raises(LeakError, match=r"\(nearly\) equal to a training row"):
        compare((X, y, groups), {"none": None}, cv=GroupKFold(3))


# Errors


def test_groups_are_needed(beats):
    X, y, _ = beats
    with pytest.raises(DataError, match=r"'groups' parameter.*patient of every row"):
        cross_validate_augmentation(TREE, X, y, groups=None, samplers={"none": None})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samplers": {}}, "'samplers' parameter"),
        ({"samplers": {"a": 3}}, "'samplers' parameter.*Got 3 as 'a'"),
        ({"samplers": {"a": None}, "n_repeats": 0}, "'n_repeats'"),
        ({"samplers": {"a": None}, "hold_back": 1.0}, "'hold_back'"),
        ({"samplers": {"a": None}, "scoring": "f2"}, "'scoring' parameter"),
    ],
)
def test_wrong_parameters_are_named(beats, settings, message):
    with pytest.raises(DataError, match=message):
        compare(beats, **settings)


class Failing(BaseEstimator):
    def fit_resample(self, X, y):
        raise RuntimeError("no rows today")


def test_a_failing_arm_is_named(beats):
    with pytest.raises(RuntimeError, match="no rows today") as caught:
        compare(beats, {"bad": Failing()})
    assert "arm 'bad'" in " ".join(caught.value.__notes__)


# Stopping and going on


def test_finished_runs_are_kept_and_not_done_again(beats, tmp_path, monkeypatch):
    first = compare(beats, ARMS, folder=tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 8 * 3
    calls = []
    monkeypatch.setattr("bioaug.model_selection._scored", lambda *a: calls.append(a))
    second = compare(beats, ARMS, folder=tmp_path)
    assert not calls
    assert second.to_json() == first.to_json()


def centring_tree():
    """Return a pipeline around a function that is a new object at every call."""

    def center(X):
        return X - X.mean(axis=1, keepdims=True)

    return make_pipeline(FunctionTransformer(center), TREE)


def test_runs_of_a_pipeline_around_a_function_are_kept(beats, tmp_path, monkeypatch):
    first = compare(beats, {"copies": "null"}, centring_tree(), folder=tmp_path)
    monkeypatch.setattr("bioaug.model_selection._scored", None)
    second = compare(beats, {"copies": "null"}, centring_tree(), folder=tmp_path)
    assert second.table.equals(first.table)


@pytest.mark.parametrize("change", ["rows", "estimator", "sampler"])
def test_other_settings_are_other_runs(beats, tmp_path, change):
    X, y, groups = beats
    compare(beats, {"SMOTE": SMOTE()}, folder=tmp_path)
    X = X + (change == "rows")
    tree = DecisionTreeClassifier(max_depth=2) if change == "estimator" else TREE
    sampler = SMOTE(k_neighbors=3) if change == "sampler" else SMOTE()
    compare((X, y, groups), {"SMOTE": sampler}, tree, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == (9 if change == "sampler" else 12)


def test_finished_runs_are_scored_anew(beats, tmp_path):
    compare(beats, {"copies": "null"}, folder=tmp_path)
    again = compare(beats, {"copies": "null"}, folder=tmp_path, scoring="accuracy")
    fresh = compare(beats, {"copies": "null"}, scoring="accuracy")
    assert again.table.equals(fresh.table)


def test_stored_runs_are_read_under_the_names_and_the_score_of_this_comparison(beats, tmp_path):
    compare(beats, {"null": "null"}, folder=tmp_path)
    other = compare(beats, {"copies": "null"}, folder=tmp_path, scoring="accuracy")
    fresh = compare(beats, {"copies": "null"}, scoring="accuracy")
    assert other.table.equals(fresh.table)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"half"])
def test_a_damaged_stored_run_is_done_again(beats, tmp_path, damage):
    whole = compare(beats, {"copies": "null"}, folder=tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    stored = file.read_bytes()
    file.write_bytes(stored[: len(stored) // 2] if damage == b"half" else damage)
    with pytest.warns(UserWarning, match="cannot be read.*done again"):
        again = compare(beats, {"copies": "null"}, folder=tmp_path)
    assert again.table.equals(whole.table)


def test_arms_with_one_name_are_refused(beats):
    with pytest.raises(DataError, match=r"every arm a name of its own.*\['none'\]"):
        compare(beats, {"none": SMOTE(), "null": "null"})


def test_a_time_budget_leaves_an_unfinished_comparison(beats):
    result = compare(beats, ARMS, max_time=1e-9)
    assert not result.is_complete
    assert result.protocol["n_finished"] == 0


class Killed(ClassifierMixin, BaseEstimator):
    """Kills its process the first time."""

    def __init__(self, marker):
        self.marker = marker

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if not os.path.exists(self.marker):
            open(self.marker, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.mark.slow
def test_a_killed_worker_is_retried(beats, tmp_path):
    result = compare(beats, {"SMOTE": SMOTE()}, Killed(str(tmp_path / "killed")), n_jobs=2)
    assert result.is_complete
    assert (tmp_path / "killed").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_result(beats):
    distributed = pytest.importorskip("distributed")
    alone = compare(beats, {"local": GANOversampler("local")})
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        spread = compare(beats, {"local": GANOversampler("local")})
    assert [r["score"] for r in spread.runs] == [r["score"] for r in alone.runs]


@pytest.mark.slow
def test_parallel_runs_give_the_same_result(beats):
    alone = compare(beats, ARMS)
    spread = compare(beats, ARMS, n_jobs=2)
    assert [r["score"] for r in spread.runs] == [r["score"] for r in alone.runs]
