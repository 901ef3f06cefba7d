"""The search for disguised copies, and the verdict on privacy."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from bioaug.datasets import fetch_mitbih, make_ecg
from bioaug.exceptions import DataError, LeakError
from bioaug.metrics import (
    authenticity,
    data_copying,
    disguised_copies,
    distance_to_closest_record,
    evaluate,
    identifiability,
    membership_inference,
    privacy_verdict,
)
from bioaug.metrics.privacy._disguises import disguised_neighbours, plain_neighbours
from bioaug.metrics.privacy._findings import PLAIN, CopySearch
from bioaug.metrics.privacy.members import MembershipTest
from bioaug.metrics.privacy.sets import different_rows


class Beats(NamedTuple):
    """Beats of two leads: training rows, others of the same patients, and of other patients."""

    train: NDArray
    fresh: NDArray
    held_out: NDArray
    other: NDArray
    groups: tuple[NDArray, NDArray, NDArray, NDArray]


def draw_beats(seed: int, n: int = 80) -> Beats:
    settings = {
        "classes": ("N",),
        "leads": ("MLII", "V1"),
        "sampling_rate": 90,
        "window": (22, 26),
    }
    ecg = make_ecg(6 * n, n_patients=12, random_state=seed, **settings)
    own = ecg.groups % 2 == 0
    rows = [*np.split(np.flatnonzero(own)[: 3 * n], 3), np.flatnonzero(~own)[:n]]
    return Beats(*(ecg.data[part] for part in rows), tuple(ecg.groups[part] for part in rows))


@pytest.fixture(scope="module")
def beats() -> Beats:
    return draw_beats(0)


def noise(rows: NDArray, strength: float) -> NDArray:
    return strength * rows.std() * np.random.default_rng(0).standard_normal(rows.shape)


def shifted(rows: NDArray, lag: int) -> NDArray:
    """Later by `lag` samples, the first one repeated."""
    return np.concatenate([np.repeat(rows[..., :1], lag, axis=-1), rows[..., :-lag]], axis=-1)


def between_neighbours(rows: NDArray, n: int) -> NDArray:
    """Random points between each row and one of its five nearest, as SMOTE draws them."""
    rng = np.random.default_rng(0)
    flat = rows.reshape(len(rows), -1)
    near = NearestNeighbors(n_neighbors=6).fit(flat).kneighbors(flat)[1][:, 1:]
    first = rng.integers(len(rows), size=n)
    second = near[first, rng.integers(5, size=n)]
    return rows[first] + rng.random((n, 1, 1)) * (rows[second] - rows[first])


def replaced(rows: NDArray, by: NDArray, share: float) -> NDArray:
    n = round(share * len(rows))
    return np.concatenate([by[:n], rows[n:]])


COPIES = {
    "exact": lambda b: b.train,
    "each twice": lambda b: np.repeat(b.train, 2, axis=0),
    "noise": lambda b: b.train + noise(b.train, 0.03),
    "one sample later": lambda b: shifted(b.train, 1),
    "three samples later": lambda b: shifted(b.train, 3),
    "eight samples later": lambda b: shifted(b.train, 8),
    "turned round": lambda b: np.roll(b.train, 20, axis=-1),
    "upside down": lambda b: -b.train,
    "gain": lambda b: 1.3 * b.train,
    "offset": lambda b: b.train + 0.4,
    "gain of each lead": lambda b: b.train * np.array([0.7, -1.6])[:, None],
    "backwards": lambda b: b.train[..., ::-1],
    "all at once": lambda b: -1.3 * shifted(b.train, 2)[..., ::-1] + 0.4,
    "upside down with noise": lambda b: -b.train + noise(b.train, 0.03),
    "one lead": lambda b: np.stack([b.train[:, 0], b.fresh[:, 1]], axis=1),
    "one lead upside down": lambda b: np.stack([b.fresh[:, 0], -b.train[:, 1]], axis=1),
    "leads exchanged": lambda b: b.train[:, ::-1],
    "one row": lambda b: b.train[:1] + noise(b.train, 0.005),
    "first half": lambda b: np.concatenate([b.train[..., :24], b.fresh[..., 24:]], axis=-1),
    "half of the rows": lambda b: replaced(b.fresh, b.train, 0.5),
    "5 % of the rows": lambda b: replaced(b.fresh, b.train, 0.05),
    "5 % of the rows upside down": lambda b: replaced(b.fresh, -b.train, 0.05),
    "between neighbours": lambda b: between_neighbours(b.train, len(b.train)),
}


QUICK = ("5 % of the rows upside down", "between neighbours")
DISGUISES = [d if d in QUICK else pytest.param(d, marks=pytest.mark.slow) for d in COPIES]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_copies_are_found_whoever_the_held_out_rows_are_of(beats: Beats, disguise: str):
    copies = COPIES[disguise](beats)
    for held_out in (beats.held_out, beats.other):
        verdict = privacy_verdict(beats.train, copies, X_holdout=held_out, random_state=0)
        assert verdict.verdict == "leak", (verdict, verdict.table)
        assert verdict.sentence.startswith("Leak: ")
        assert verdict.findings[0].p_value < 0.05


def test_copies_are_found_without_held_out_rows(beats: Beats):
    verdict = privacy_verdict(beats.train, -beats.train, random_state=0)
    assert verdict.verdict == "leak"
    assert "no held-out rows" in verdict.gaps[0]


def test_fresh_rows_are_no_leak_at_the_stated_rate():
    leaks = []
    for seed in range(1, 7):
        b = draw_beats(seed, 50)
        for made in (b.fresh, b.other):
            verdict = privacy_verdict(b.train, made, X_holdout=b.held_out, random_state=0)
            assert verdict.verdict != "inconclusive"
            leaks.append(verdict.verdict == "leak")
    assert sum(leaks) <= 2  # 12 verdicts of which each errs with a chance of 0.05 at most


def test_smooth_rows_near_all_training_rows_are_no_copies(beats: Beats):
    """Means of many rows lie nearer to training rows than real rows do, but to none more."""
    rng = np.random.default_rng(0)
    means = np.stack([beats.fresh[rng.permutation(80)[:30]].mean(axis=0) for _ in range(80)])
    verdict = privacy_verdict(beats.train, means, X_holdout=beats.held_out, random_state=0)
    assert verdict.verdict == "no leak found"


def test_held_out_rows_of_other_patients_leave_membership_open(beats: Beats):
    train, fresh, _, other, groups = beats
    for given in ({}, {"groups_real": groups[0], "groups_holdout": groups[3]}):
        verdict = privacy_verdict(train, fresh, X_holdout=other, random_state=0, **given)
        assert verdict.verdict == "inconclusive"
        assert "patients" in verdict.gaps[0]
        assert all(found.attack == "copies" for found in verdict.findings)
        for score in (membership_inference, distance_to_closest_record, data_copying):
            copied = score(train, train, X_holdout=other, random_state=0, **given)
            assert copied.reading == "inconclusive"
            assert "patients" in copied.reason


def test_within_patients_the_verdict_is_on_rows(beats: Beats):
    """Held-out rows of other patients beside those of the same ones change nothing."""
    train, fresh, held_out, other, groups = beats
    given = {"X_holdout": np.concatenate([held_out, other]), "groups_real": groups[0]}
    given["groups_holdout"] = np.concatenate(groups[2:])
    assert privacy_verdict(train, fresh, random_state=0, **given).verdict == "no leak found"
    near = train + noise(train, 0.3)
    found = {f.kind: f for f in privacy_verdict(train, near, random_state=0, **given).findings}
    assert found["distance"].p_value < 0.05


def test_training_rows_that_were_given_twice_do_not_hide_copies(beats: Beats):
    train, fresh, held_out = beats[:3]
    for twice in (np.repeat(train, 2, axis=0), np.tile(train, (6, 1, 1))):
        twice = twice + noise(twice, 1e-4)
        kept = different_rows(twice.reshape(len(twice), -1))
        assert len(kept) == 80
        score = identifiability(twice, twice, random_state=0)
        assert (score, score.reading) == (1, "worse than real")
        assert authenticity(twice, twice, random_state=0) == 0
        made = {"X_holdout": held_out, "random_state": 0}
        assert distance_to_closest_record(twice, twice, **made).reading == "worse than real"
        assert membership_inference(twice, twice, **made).reading == "worse than real"
        assert privacy_verdict(twice, -train, **made).verdict == "leak"
        assert privacy_verdict(twice, fresh, **made).verdict == "no leak found"
    assert identifiability(twice, fresh, random_state=0).details["repeated_training_rows"] == 400
    # Many copies of half of the rows give these away, not fewer.
    many = identifiability(train, np.repeat(train[:40], 10, axis=0), n_null=0)
    assert many == 0.5
    assert many.details["analytic_null"] == pytest.approx(40 / 119)


def test_copies_under_another_label_are_found(beats: Beats):
    X = np.concatenate([beats.train, 0.5 * beats.held_out])
    y = np.repeat(["N", "V"], 80)
    made = np.concatenate([beats.fresh, beats.train[:40]])
    y_made = np.repeat(["N", "V"], [80, 40])
    verdict = privacy_verdict(X, made, y_real=y, y_synthetic=y_made, random_state=0)
    assert verdict.verdict == "leak"
    assert verdict.findings[0].label == "V"
    assert set(verdict.table["class"]) == {"N", "V"}


def test_the_score_of_disguised_copies(beats: Beats):
    score = disguised_copies(beats.train, -beats.train, random_state=0)
    assert score == 1
    assert score.reading == "worse than real"
    assert score.details["as they are"]["share"] < 0.1
    fresh = disguised_copies(beats.train, beats.fresh, X_holdout=beats.held_out, random_state=0)
    assert fresh.reading == "as real"
    assert fresh.null.value < 0.06
    again = disguised_copies(beats.train, beats.fresh, X_holdout=beats.held_out, random_state=0)
    assert (again, again.null) == (fresh, fresh.null)


# Distances ----------------------------------------------------------------------------------------


def brute_force_likeness(a: NDArray, b: NDArray) -> float:
    """Return the largest correlation over circular lags, overlaps and directions of time."""
    n, best = a.shape[-1], 0.0
    for one in (a, a[:, ::-1]):
        for lag in range(n):
            turned = np.roll(one, -lag, axis=-1)
            best = max(
                best,
                np.mean([abs(np.corrcoef(*pair)[0, 1]) for pair in zip(turned, b, strict=True)]),
            )
        for lag in range(-(n // 4), n // 4 + 1):
            of_a = slice(max(lag, 0), n + min(lag, 0))
            of_b = slice(max(-lag, 0), n + min(-lag, 0))
            found = []
            for x, y in zip(one, b, strict=True):
                kept = [
                    z[part].var() * len(z[part]) / (z.var() * n)
                    for z, part in ((x, of_a), (y, of_b))
                ]
                enough = min(kept) >= 0.5
                found.append(abs(np.corrcoef(x[of_a], y[of_b])[0, 1]) if enough else 0.0)
            best = max(best, np.mean(found))
    return best


def test_the_disguised_distance_is_that_of_its_formula():
    rng = np.random.default_rng(0)
    rows, train = rng.normal(size=(2, 3, 2, 21)).cumsum(axis=-1)
    found = disguised_neighbours(rows, train)
    for row, index, nearest, second in zip(rows, *found[:3], strict=True):
        likeness = np.array([brute_force_likeness(row, known) for known in train])
        expected = np.sort(np.sqrt(2 * (1 - likeness)))
        assert index == likeness.argmax()
        assert [nearest, second] == pytest.approx(expected[:2])


@pytest.mark.parametrize("lag", [1, 5, 30])
def test_candidates_hold_the_right_row_among_many(lag: int):
    train = np.random.default_rng(0).normal(size=(1000, 1, 128)).cumsum(axis=-1)
    for made in (shifted(train, lag), -np.roll(train, 2 * lag, axis=-1), 3 * train[..., ::-1]):
        found = disguised_neighbours(made[:100], train)
        assert np.mean(found.training_row == np.arange(100)) > (0.5 if lag == 30 else 0.95)


def test_equal_rows_are_at_distance_zero_whatever_the_offset():
    train = np.random.default_rng(0).normal(size=(60, 1, 40)) + 1e6
    found = plain_neighbours(train, train)
    assert (found.nearest == 0).all()
    assert found.equal.all()
    assert (found.ratio == 0).all()
    others = plain_neighbours(train, train, itself=np.arange(60))
    assert (others.training_row != np.arange(60)).all()
    assert not others.equal.any()


def test_flat_rows_are_copies_of_nothing():
    train = np.random.default_rng(0).normal(size=(30, 2, 40))
    train[:10] = 0.3
    for search in (plain_neighbours, disguised_neighbours):
        found = search(train[:10], train)
        assert (found.ratio == 1).all()
        assert not found.equal.any()


# Chances ------------------------------------------------------------------------------------------


def search_of(made: NDArray, real: NDArray, n_equal: int = 0, n_equal_real: int = 0) -> CopySearch:
    """Return a search in which every synthetic row has a training row of its own."""
    return CopySearch(PLAIN, made, real, np.arange(len(made)), len(made), n_equal, n_equal_real)


def test_chances_of_copies_are_those_of_exchangeable_rows():
    rng = np.random.default_rng(0)
    chances = []
    for _ in range(200):
        values = rng.random(90)
        chances.append(search_of(values[:40], values[40:]).p_value())
    assert np.mean(np.array(chances) < 0.05) < 0.08


def test_one_equal_row_is_enough_where_no_real_row_is():
    real = np.linspace(0.3, 1, 200)
    made = np.concatenate([[0.0], np.linspace(0.4, 1, 499)])
    assert search_of(made, real, 1, 0).p_value() == 0
    assert search_of(made, real, 1, 1).p_value() > 0.05  # real rows do so, too


def test_many_rows_near_one_training_row_are_not_many_copies():
    real, made = np.linspace(0.3, 1, 200), np.full(100, 0.28)
    of_one = CopySearch(PLAIN, made, real, np.zeros(100, int), 100, 0, 0)
    assert of_one.share() == 0.02  # one and the mean number
    assert of_one.p_value() > 0.05
    assert search_of(made, real).share() == 1
    assert search_of(made, real).p_value() < 1e-9
    # But for rows that are much nearer than any real one.
    assert CopySearch(PLAIN, made / 5, real, np.zeros(100, int), 100, 0, 0).p_value() == 0


def test_area_within_patients_is_the_mean_weighted_by_pairs():
    rng = np.random.default_rng(0)
    members, others = rng.integers(0, 9, 40), rng.integers(0, 7, 30)  # with ties
    of_members, of_others = np.repeat([1, 2], [25, 15]), np.repeat([1, 2, 3], [10, 15, 5])
    test = MembershipTest.of(members, others, of_members, of_others)
    areas, pairs = [], []
    for patient in (1, 2):
        own, other = members[of_members == patient], others[of_others == patient]
        truth = np.repeat([1, 0], [len(own), len(other)])
        areas.append(roc_auc_score(truth, np.concatenate([own, other])))
        pairs.append(len(own) * len(other))
    assert test.area == pytest.approx(np.average(areas, weights=pairs))
    assert (test.n_members, test.n_others) == (40, 25)
    low, high = test.interval(np.random.RandomState(0))
    assert low < test.area < high


def test_chances_of_membership_are_uniform_without_a_leak():
    rng = np.random.default_rng(0)
    chances, areas = [], []
    for _ in range(200):
        patients = rng.integers(4, size=100)
        suspicion = rng.normal(size=100) + 3 * patients  # some patients look more suspect
        test = MembershipTest.of(suspicion[:60], suspicion[60:], patients[:60], patients[60:])
        chances.append(test._chance_of_area())
        areas.append(test.p_value())
    assert kstest(chances, "uniform").pvalue > 0.01
    assert np.mean(np.array(areas) < 0.05) < 0.08
    swapped = test.chances(400, np.random.RandomState(0))
    assert swapped.mean() == pytest.approx(0.5, abs=0.01)


def test_a_few_members_are_found_at_the_top():
    rng = np.random.default_rng(0)
    members, others = rng.normal(size=(2, 200))
    members[:10] += 10
    test = MembershipTest.of(members, others)
    assert test.area < 0.6
    assert test.p_value() < 0.01


# Edges --------------------------------------------------------------------------------------------


def test_few_rows_are_inconclusive_unless_they_are_copies():
    X = np.random.default_rng(0).normal(size=(30, 1, 40)).cumsum(axis=-1)
    train, fresh, held_out = X[:10], X[10:20], X[20:]
    verdict = privacy_verdict(train, fresh, X_holdout=held_out, random_state=0)
    assert verdict.verdict == "inconclusive"
    assert "10 different training rows are too few to say" in verdict.gaps
    for copies in (train, -train, train + 1e-3, train[:3]):
        assert privacy_verdict(train, copies, random_state=0).verdict == "leak"
    assert privacy_verdict(train[:2], fresh, random_state=0).verdict == "inconclusive"
    assert privacy_verdict(train, fresh, random_state=0).verdict == "inconclusive"


@pytest.mark.parametrize("shape", [(60, 8), (60, 1, 8), (60, 3, 24), (60, 150)])
def test_any_shape_dtype_and_offset(shape):
    rows = 1000 * np.random.default_rng(0).normal(size=(3, *shape)).cumsum(axis=-1)
    for X in (rows.astype(np.int32), rows.astype(np.float32), rows + 1e9):
        train, fresh, held_out = X
        for made, expected in ((train, "leak"), (fresh, "no leak found")):
            verdict = privacy_verdict(train, made, X_holdout=held_out, random_state=0)
            assert verdict.verdict == expected, (X.dtype, verdict)


def test_a_dead_channel_hides_nothing(beats: Beats):
    def dead(rows: NDArray) -> NDArray:
        return np.stack([rows[:, 0], np.full_like(rows[:, 0], 0.7)], axis=1)

    held_out = dead(beats.held_out)
    copied = privacy_verdict(
        dead(beats.train), dead(-beats.train), X_holdout=held_out, random_state=0
    )
    fresh = privacy_verdict(
        dead(beats.train), dead(beats.fresh), X_holdout=held_out, random_state=0
    )
    assert (copied.verdict, fresh.verdict) == ("leak", "no leak found")


def test_periodic_rows_do_not_alarm():
    rng = np.random.default_rng(0)
    time = np.arange(100)

    def waves(n: int) -> NDArray:
        period, phase = rng.uniform(10, 30, (n, 1)), rng.uniform(0, 7, (n, 1))
        return np.sin(2 * np.pi * time / period + phase)[:, None]

    train, fresh, held_out = waves(150), waves(150), waves(150)
    verdict = privacy_verdict(train, fresh, X_holdout=held_out, random_state=0)
    assert verdict.verdict == "no leak found", verdict


def test_faults():
    X = np.random.default_rng(0).normal(size=(40, 20))
    with pytest.raises(DataError, match="'X_synthetic' parameter of privacy_verdict"):
        privacy_verdict(X, np.full_like(X, np.nan))
    with pytest.raises(DataError, match=r"Got \(1, 9\)"):
        disguised_copies(X, X[:, :9])
    with pytest.raises(LeakError, match="'X_holdout' parameter of privacy_verdict"):
        privacy_verdict(X, X, X_holdout=X)
    with pytest.raises(DataError, match=r"at least 2 rows that differ from each other. Got 1"):
        disguised_copies(np.repeat(X[:1], 20, axis=0), X)
    with pytest.raises(DataError, match="'groups_holdout'"):
        privacy_verdict(X, X, X_holdout=X + 1, groups_real=np.arange(40))


def test_evaluate_says_the_verdict(beats: Beats):
    train, fresh, held_out, other, groups = beats
    given = {"X_train": train, "X_test": other, "scores": ["identifiability"], "verbose": 0}
    given |= {"groups_train": groups[0], "groups_test": groups[3], "random_state": 0}
    leaking = evaluate(X_synthetic=-train, **given)
    assert leaking.privacy.verdict == "leak"
    assert leaking.notes[0] == f"Privacy: {leaking.privacy.sentence}"
    assert evaluate(X_synthetic=fresh, **given).privacy.verdict == "inconclusive"
    found = evaluate(X_synthetic=fresh, X_holdout=held_out, groups_holdout=groups[2], **given)
    assert found.privacy.verdict == "no leak found"
    assert '"verdict": "no leak found"' in found.to_json()
    given["scores"] = ["sample_distance"]
    assert evaluate(X_synthetic=fresh, **given).privacy is None


@pytest.mark.slow
@pytest.mark.parametrize("label", ["S", "V"])
def test_heartbeats_of_mit_bih(mitbih_home: Path, label: str):
    beats = fetch_mitbih(data_home=mitbih_home, subset="DS1")
    X = beats.data[beats.target == label]
    X = (X - X.mean(axis=2, keepdims=True)) / X.std(axis=2, keepdims=True)
    leaks = []
    for seed in range(10):
        train, fresh, held_out = np.split(np.random.default_rng(seed).permutation(X)[:750], 3)
        verdict = privacy_verdict(train, fresh, X_holdout=held_out, random_state=0)
        leaks.append(verdict.verdict == "leak")
        for made in (
            between_neighbours(train, 2500),
            -1.2 * shifted(train, 3),
            replaced(fresh, train[..., ::-1], 0.05),
        ):
            assert privacy_verdict(train, made, X_holdout=held_out).verdict == "leak"
    assert sum(leaks) <= 2
