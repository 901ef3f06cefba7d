from __future__ import annotations

import os
import signal
from typing import ClassVar

import joblib
import numpy as np
import pytest
from comparing import TREE, compare, make_beats
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from bioaug import (
    AugmentationResult,
    GANOversampler,
    cross_validate_augmentation,
    write_report,
)
from bioaug.comparison import Failure
from bioaug.exceptions import DataError, LeakError


@pytest.fixture
def beats():
    return make_beats()


ARMS = {
    "weights": {"class_weight": "balanced"},
    "copies": "copies",
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
            same = [r for r in result.runs if (r.repeat, r.fold) == (repeat, fold)]
            assert len({(r.seed, r.n_train, r.patients_test) for r in same}) == 1
    tested = [r.patients_test for r in result.runs if r.arm == "none"]
    assert len(set(tested)) > 3
    found = {found.arm: found for found in result.comparisons}
    assert set(found) == set(names[1:])
    for one in found.values():
        assert one.difference.low <= one.difference.value <= one.difference.high
        assert one.difference.p <= one.p_holm <= 1
        assert one.verdict.outcome.startswith(("helps", "harms", "inconclusive"))
        assert one.n_patients == 12
    assert {one.arm for one in result.worth} == {"copies", "SMOTE", "local"}


def test_the_difference_is_that_of_the_scores(beats):
    result = compare(beats, {"copies": "copies"}, cv=4)
    scores = {arm: [r.score for r in result.runs if r.arm == arm] for arm in ("none", "copies")}
    difference = np.mean(np.subtract(scores["copies"], scores["none"]))
    assert result.comparisons[0].difference.value == pytest.approx(difference)
    assert result.table.loc["copies", "score"] == pytest.approx(np.mean(scores["copies"]))


def test_a_fixed_split_is_judged_by_patients(beats):
    _, _, groups = beats
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    result = compare(beats, {"copies": RandomOverSampler()}, cv=split, n_repeats=3)
    found = result.comparisons[0]
    assert found.method == "patients (bootstrap)"
    assert found.difference.value == found.by_patients.value
    assert found.n_patients == 6


@pytest.mark.parametrize("n_repeats", [2, 5])
def test_equal_trainings_on_a_fixed_split_are_one(beats, n_repeats):
    """Without chance in the classifier, repeats say the same again."""
    split = [(np.flatnonzero(beats[2] < "p06"), np.flatnonzero(beats[2] >= "p06"))]
    arms, estimator = {"weak": {"C": 1e-4}}, LogisticRegression()
    once = compare(beats, arms, estimator, cv=split).comparisons[0]
    often = compare(beats, arms, estimator, cv=split, n_repeats=n_repeats).comparisons[0]
    assert often.verdict.outcome == once.verdict.outcome
    for name in ("value", "low", "high", "p"):
        values = (getattr(one.difference, name) for one in (often, once))
        assert next(values) == pytest.approx(next(values))
    assert often.n_trainings == 1
    assert "all repeats predicted the same" in often.verdict.text
    assert "give cv=5" in often.verdict.text


def test_a_split_that_comes_twice_counts_once(beats):
    split = [(np.flatnonzero(beats[2] < "p06"), np.flatnonzero(beats[2] >= "p06"))]
    again = [(split[0][0][::-1], np.random.default_rng(0).permutation(split[0][1]))]
    once, twice = (
        compare(beats, ["copies"], cv=cv, n_repeats=2).comparisons for cv in (split, split + again)
    )
    assert once == twice


def test_parts_of_the_test_patients_are_no_further_tests(beats):
    """One training is tested on five parts of the patients: the parts are one fixed split."""
    train, test = np.flatnonzero(beats[2] < "p06"), np.flatnonzero(beats[2] >= "p06")
    parts = [(train, part) for part in np.split(test, 6)]
    found = compare(beats, {"weights": {"class_weight": "balanced"}}, cv=parts).comparisons[0]
    assert found.n_tests == 1
    assert found.method == "patients (bootstrap)"
    assert "each was trained once" in found.verdict.text


def test_splits_that_are_nearly_the_same_are_one_test(beats):
    train, test = np.flatnonzero(beats[2] < "p06"), np.flatnonzero(beats[2] >= "p06")
    nearly = [(train, test), (train[1:], test[1:]), (train[2:], test[:-1])]
    found = compare(beats, {"stump": {"max_leaf_nodes": 2}}, cv=nearly).comparisons[0]
    assert found.n_tests == 1
    assert found.verdict.outcome == "inconclusive"


def test_a_single_training_on_a_fixed_split_is_no_verdict(beats):
    """Two seeds of a classifier differ: that is not what augmentation did."""
    _, _, groups = beats
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    worse = {"nothing learned": {"min_samples_leaf": 150}}
    once = compare(beats, worse, cv=split).comparisons[0]
    assert once.difference.p <= 0.05
    assert once.verdict.outcome == "inconclusive"
    assert "give n_repeats=5" in once.verdict.text
    fixed = DecisionTreeClassifier(max_depth=3, random_state=0)
    several = compare(beats, {"stump": {"max_leaf_nodes": 2}}, fixed, cv=split, n_repeats=2)
    assert "give n_repeats" not in several.comparisons[0].verdict.text


def test_the_sentence_names_the_score(beats):
    found = compare(beats, {"copies": "copies"}, scoring="balanced_accuracy").comparisons[0]
    assert "balanced accuracy was" in found.verdict.text

    def hits(y, predicted):
        return np.mean(y == predicted)

    text = compare(beats, {"copies": "copies"}, scoring=hits).comparisons[0].verdict.text
    assert " hits was " in text


def test_macro_f1_is_over_the_classes_that_a_fold_has(beats):
    X, y, groups = beats
    y = y.astype("<U2")
    y[(groups < "p03") & (X[:, 0] > 0.5)] = "F"  # of three patients only
    split = [(np.flatnonzero(groups < "p06"), np.flatnonzero(groups >= "p06"))]
    result = compare((X, y, groups), {"copies": "copies"}, cv=split, n_repeats=2)
    scores = result.table["score"]
    assert result.comparisons[0].difference.value == pytest.approx(
        scores["copies"] - scores["none"]
    )


class Predicted(ClassifierMixin, BaseEstimator):
    """Says what the sign of the first value of its training rows' mean says; notes them."""

    def fit(self, X, y):
        self.classes_, self.n_ = np.unique(y), len(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_held_out_rows_are_kept_from_all_arms_but_the_oracle(beats):
    result = compare(
        beats, {"SMOTE": SMOTE(), "oracle": "oracle"}, Predicted(), holdout_fraction=0.5
    )
    first = {r.arm: r for r in result.runs if r.fold == 0}
    n = first["none"].n_train
    assert {r.n_train for r in first.values()} == {n}
    back = first["oracle 100%"].added["V"]
    assert 10 < back < 40
    assert first["oracle 50%"].added["V"] == pytest.approx(back / 2, abs=1)
    assert first["oracle 100%"].added["N"] == 0
    assert n + back + first["none"].n_test == 360


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
        ({"samplers": {"a": None}, "holdout_fraction": 1.0}, "'holdout_fraction'"),
        ({"samplers": {"a": None}, "scoring": "f2"}, "'scoring' parameter"),
    ],
)
def test_wrong_parameters_are_named(beats, settings, message):
    with pytest.raises(DataError, match=message):
        compare(beats, **settings)


class Counting(DecisionTreeClassifier):
    """Notes every fit, in this process."""

    fitted: ClassVar[list[int]] = []

    def fit(self, X, y):
        self.fitted.append(len(y))
        return super().fit(X, y)


@pytest.fixture(autouse=True)
def nothing_fitted():
    Counting.fitted.clear()


class Failing(BaseEstimator):
    def fit_resample(self, X, y):
        raise RuntimeError("no rows today")


def test_a_failing_arm_is_named_and_the_others_go_on(beats, tmp_path):
    with pytest.warns(
        UserWarning, match=r"3 runs of 'bad' failed.*repeat 0, fold 0.*no rows today"
    ):
        result = compare(beats, {"bad": Failing(), "SMOTE": SMOTE()})
    alone = compare(beats, {"SMOTE": SMOTE()})
    assert result.comparisons == alone.comparisons
    assert [failure.fold for failure in result.failures] == [0, 1, 2]
    assert result.failures[0] == Failure("bad", 0, 0, "RuntimeError: no rows today")
    assert result.table.loc["bad", "verdict"] == "failed"
    assert "bad: failed in repeat 0, fold 0: RuntimeError: no rows today" in repr(result)
    assert not result.is_complete
    write_report(result, tmp_path / "page.html")
    assert "no rows today" in (tmp_path / "page.html").read_text()
    assert AugmentationResult.load(tmp_path / "page.json").failures == result.failures


def test_the_summary_says_that_all_other_arms_failed(beats):
    with pytest.warns(UserWarning, match="'bad' failed"):
        result = compare(beats, {"bad": Failing(), "copies": "copies"})
    assert result.summary.startswith("Nothing to decide: every arm that was asked about failed")
    with pytest.warns(UserWarning, match="'frail' failed"):
        frail = compare(beats, {"frail": FailingOnce(beats[0][0])})
    assert frail.summary == result.summary.replace("bad", "frail")
    with pytest.warns(UserWarning, match="'frail' failed"):
        other = compare(beats, {"frail": FailingOnce(beats[0][0]), "SMOTE": SMOTE()})
    assert other.summary.endswith("Failed: 'frail'.")


class FailingOnce(BaseEstimator):
    """Fails where the rows trained on do not hold patient p00's first one."""

    def __init__(self, row):
        self.row = row

    def fit_resample(self, X, y):
        if not (self.row == X).all(axis=1).any():
            raise ValueError("not here")
        return X, y


def test_an_arm_that_fails_in_one_fold_costs_the_others_nothing(beats):
    arms = {"frail": FailingOnce(beats[0][0]), "SMOTE": SMOTE()}
    with pytest.warns(UserWarning, match=r"1 run of 'frail' failed.*ValueError: not here"):
        result = compare(beats, arms)
    found = {one.arm: one for one in result.comparisons}
    assert found["SMOTE"].n_pairs == 3
    assert found["frail"].n_pairs == 2
    assert found["frail"].verdict.outcome == "failed"
    assert found["SMOTE"].p_holm == found["SMOTE"].difference.p  # the only one that is asked about


def test_a_comparison_of_failures_alone_is_an_error(beats):
    class Broken(DecisionTreeClassifier):
        def fit(self, X, y):
            raise RuntimeError("no power")

    with pytest.raises(DataError, match=r"every run failed.*RuntimeError: no power"):
        compare(beats, {"SMOTE": SMOTE()}, Broken())


# Names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samplers": ["wieghts"]}, "Got 'wieghts' instead. Did you mean 'weights'"),
        ({"samplers": {"a": "flwo"}}, "Got 'flwo' instead. Did you mean 'flow'"),
        ({"samplers": {"a": GANOversampler("flwo")}}, "arm 'a'.*Did you mean 'flow'"),
        ({"samplers": {"a": {"class_wieght": 1}}}, "Did you mean 'class_weight'"),
        ({"samplers": {"a": {"class_weight": 1}}}, "arm 'a'.*'class_weight' parameter"),
        ({"samplers": {"a": SMOTE(k_neighbors="x")}}, "arm 'a'.*'k_neighbors' parameter"),
        ({"samplers": {"a": SMOTE}}, "Got <class .*SMOTE.* as 'a'"),
        ({"samplers": ["smote", "smote"]}, r"each once. Got \['smote', 'smote'\]"),
        ({"samplers": ["smote"], "scoring": "roc_auc_ov"}, "Did you mean 'roc_auc_ovr'"),
        ({"samplers": ["smote"], "hypotheses": ["smot"]}, "Did you mean 'smote'"),
        ({"samplers": ["smote"], "cv": 1}, "'cv' parameter"),
        ({"samplers": ["smote"], "cv": "five"}, "'cv' parameter"),
        ({"samplers": ["smote"], "cv": [([0, 1], [10**6])]}, "indices from 0 to 359"),
        ({"samplers": ["smote"], "estimator": "fores"}, "Did you mean 'forest'"),
        ({"samplers": ["smote"], "estimator": DecisionTreeClassifier}, "'estimator' parameter"),
        ({"samplers": ["smote"], "estimator": DecisionTreeClassifier(max_depth="x")}, "max_depth"),
    ],
)
def test_names_are_checked_before_the_first_run(beats, settings, message):
    with pytest.raises(DataError, match=message):
        compare(beats, **{"estimator": Counting()} | settings)
    assert not Counting.fitted


def test_each_score_is_offered_once(beats):
    with pytest.raises(DataError) as raised:
        compare(beats, ["smote"], scoring="f3")
    assert str(raised.value).count("'f1_macro'") == 1


def test_python_takes_the_names_of_the_command_line(beats):
    result = compare(beats, ["weights", "SMOTE", "copies", "local"], "trees", cv=2)
    assert result.table.index.tolist() == ["none", "weights", "SMOTE", "copies", "local"]
    assert result.protocol.estimator == "HistGradientBoostingClassifier()"
    assert result.protocol.arms["weights"] == "the classifier with class_weight='balanced'"


# Shapes


class Convolving(ClassifierMixin, BaseEstimator):
    """Takes three dimensions only."""

    def fit(self, X, y):
        if X.ndim != 3:
            raise RuntimeError(f"got {X.ndim} dimensions")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(X[:, 1, -1] > 3).astype(int)]


def test_signals_with_channels_are_flattened_where_they_must_be(beats):
    X, y, groups = beats
    both = np.stack([X[:, ::-1], X], axis=1)
    arms = ["smote", "copies", "local"]
    tree = DecisionTreeClassifier(random_state=0)
    result = compare((both, y, groups), arms, tree)
    assert not result.failures
    flat = compare((both.reshape(len(X), -1), y, groups), ["smote", "copies"], tree)
    for arm in ("none", "smote", "copies"):
        assert result.table.loc[arm, "score"] == flat.table.loc[arm, "score"]
    whole = compare((both, y, groups), arms, Convolving())
    assert not whole.failures
    assert whole.table.loc["none", "score"] > 0.6


# Stopping and going on


def test_finished_runs_are_kept_and_not_done_again(beats, tmp_path):
    first = compare(beats, ARMS, Counting(max_depth=3), folder=tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 8 * 3
    Counting.fitted.clear()
    second = compare(beats, ARMS, Counting(max_depth=3), folder=tmp_path)
    assert not Counting.fitted
    assert second.to_json() == first.to_json()


def centring_tree():
    """Return a pipeline around a function that is a new object at every call."""

    def center(X):
        return X - X.mean(axis=1, keepdims=True)

    return make_pipeline(FunctionTransformer(center), Counting(max_depth=3))


def test_runs_of_a_pipeline_around_a_function_are_kept(beats, tmp_path):
    first = compare(beats, {"copies": "copies"}, centring_tree(), folder=tmp_path)
    assert Counting.fitted
    Counting.fitted.clear()
    second = compare(beats, {"copies": "copies"}, centring_tree(), folder=tmp_path)
    assert second.table.equals(first.table)
    assert not Counting.fitted


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
    compare(beats, {"copies": "copies"}, folder=tmp_path)
    again = compare(beats, {"copies": "copies"}, folder=tmp_path, scoring="accuracy")
    fresh = compare(beats, {"copies": "copies"}, scoring="accuracy")
    assert again.table.equals(fresh.table)


def test_stored_runs_are_read_under_the_names_and_the_score_of_this_comparison(beats, tmp_path):
    compare(beats, {"again": "copies"}, folder=tmp_path)
    other = compare(beats, {"copies": "copies"}, folder=tmp_path, scoring="accuracy")
    fresh = compare(beats, {"copies": "copies"}, scoring="accuracy")
    assert other.table.equals(fresh.table)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"half"])
def test_a_damaged_stored_run_is_done_again(beats, tmp_path, damage):
    whole = compare(beats, {"copies": "copies"}, folder=tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    stored = file.read_bytes()
    file.write_bytes(stored[: len(stored) // 2] if damage == b"half" else damage)
    with pytest.warns(UserWarning, match="cannot be read.*done again"):
        again = compare(beats, {"copies": "copies"}, folder=tmp_path)
    assert again.table.equals(whole.table)


def test_arms_with_one_name_are_refused(beats):
    with pytest.raises(DataError, match=r"every arm its own name.*\['none'\]"):
        compare(beats, {"none": SMOTE(), "copies": "copies"})


@pytest.mark.parametrize("name", ["", "  "])
def test_an_arm_without_a_name_is_refused(beats, name):
    with pytest.raises(DataError, match=r"every arm its own name, not empty"):
        compare(beats, {name: SMOTE()})


def test_a_time_budget_leaves_an_unfinished_comparison(beats):
    result = compare(beats, ARMS, max_time=1e-9)
    assert not result.is_complete
    assert result.protocol.n_finished == 0


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
    assert [r.score for r in spread.runs] == [r.score for r in alone.runs]


@pytest.mark.slow
def test_parallel_runs_give_the_same_result(beats):
    alone = compare(beats, ARMS)
    spread = compare(beats, ARMS, n_jobs=2)
    assert [r.score for r in spread.runs] == [r.score for r in alone.runs]
