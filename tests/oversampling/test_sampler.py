from __future__ import annotations

import copy
import pickle
import warnings
from collections import ChainMap, Counter, OrderedDict
from types import MappingProxyType

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
)
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks
from toys import SMALL, Recorder, Unconditional, make_rows, same_weights

from bioaug import GANOversampler, Synthesizer, available_models
from bioaug.exceptions import CheckpointError, DataError

SAMPLER = GANOversampler(n_steps=1, random_state=0)
SMALL_CLASSES = pytest.mark.filterwarnings("ignore:GANOversampler. too few rows")


def listed(mark: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Give pytest a list of checks, for it no longer takes a generator."""
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)


@SMALL_CLASSES
@pytest.mark.usefixtures("untyped")
@listed(imblearn_checks([SAMPLER]))
def test_imbalanced_learns_contract(estimator, check, request):
    check(estimator)


@pytest.mark.usefixtures("untyped")
@listed(sklearn_checks([SAMPLER]))
def test_scikit_learns_contract(estimator, check, request):
    check(estimator)


OTHERS = [
    GANOversampler(name, n_steps=1, quality_filter=False, min_samples={"own": 2}, random_state=0)
    for name in available_models()
    if name != SAMPLER.model
]


@pytest.mark.slow
@pytest.mark.usefixtures("untyped")
@listed(imblearn_checks(OTHERS))
def test_imbalanced_learns_contract_of_the_other_models(estimator, check, request):
    check(estimator)


@pytest.mark.slow
@pytest.mark.usefixtures("untyped")
@listed(sklearn_checks(OTHERS))
def test_scikit_learns_contract_of_the_other_models(estimator, check, request):
    check(estimator)


@pytest.mark.parametrize("name", available_models())
@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_model_grows_a_class_of_10_rows(name, n_classes):
    counts = [24] + [10] * (n_classes - 1)
    X, y = make_rows((sum(counts), 2, 31)), np.repeat(np.arange(n_classes), counts)
    sampler = GANOversampler(
        name, n_steps=2, quality_filter=False, min_samples={"own": 2}, random_state=0
    )
    grown, labels = sampler.fit_resample(X, y)
    assert sampler.generator_names_ == {label: [name] for label in range(1, n_classes)}
    assert grown.shape == (24 * n_classes, 2, 31)
    assert np.isfinite(grown).all()
    assert np.bincount(labels).tolist() == [24] * n_classes


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_imbalanced_learns_other_checks(check):
    check("GANOversampler", clone(SAMPLER))


def make(**params):
    model = Synthesizer("biosgan", model_params=SMALL, n_steps=2)
    plain = {"model": model, "quality_filter": False, "min_samples": {"own": 2}, "random_state": 0}
    return GANOversampler(**plain | params)


def three_classes(n_timesteps=12, dtype=np.float64, labels=("N", "S", "V")):
    X = make_rows((50, n_timesteps)) * 10
    return X.astype(dtype), np.repeat(np.array(labels), [30, 12, 8])[::-1]


# What comes out


@pytest.mark.parametrize("shape", [(48, 20), (48, 1, 20), (48, 2, 20)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "int64", "uint8"])
def test_originals_come_first_and_bit_equal(shape, dtype, y):
    X = (make_rows(shape) * 4 + 100).astype(dtype)
    sampler = make()
    X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert X_resampled.shape == (72, *shape[1:])
    assert X_resampled.dtype == dtype
    assert y_resampled.dtype == y.dtype
    np.testing.assert_array_equal(X_resampled[:48], X)
    np.testing.assert_array_equal(y_resampled, [*y, *["V"] * 24])
    assert sampler.n_original_ == 48


def test_new_rows_follow_class_by_class():
    X, y = three_classes()
    _, y_resampled = make().fit_resample(X, y)
    assert y_resampled[50:].tolist() == ["S"] * 18 + ["V"] * 22


def test_integers_are_rounded():
    X, y = three_classes(dtype=np.int16)
    made = make().fit_resample(X, y)[0][50:]
    exact = make().fit_resample(X.astype(np.float64), y)[0][50:]
    np.testing.assert_array_equal(made, np.rint(exact))
    assert (np.rint(exact) != np.trunc(exact)).any()


def test_3d_signals_of_one_channel_equal_2d_ones(X, y):
    flat, _ = make().fit_resample(X, y)
    deep, _ = make().fit_resample(X[:, None], y)
    np.testing.assert_array_equal(deep[:, 0], flat)


def test_the_same_seed_gives_the_same_rows(X, y):
    first, second = make().fit_resample(X, y)[0], make().fit_resample(X, y)[0]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(make(random_state=1).fit_resample(X, y)[0][48:], first[48:])
    sampler = make()
    np.testing.assert_array_equal(sampler.fit_resample(X, y)[0], sampler.fit_resample(X, y)[0])


def test_global_generators_are_left_alone(X, y):
    before = np.random.get_state(), torch.get_rng_state()
    make().fit_resample(X, y)
    after = np.random.get_state(), torch.get_rng_state()
    assert all(np.array_equal(one, other) for one, other in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])


@pytest.mark.parametrize("form", ["array", "read-only", "frame", "list", "csr"])
def test_the_input_is_never_modified(X, y, form):
    y.flags.writeable = X.flags.writeable = form != "read-only"
    given = {"frame": pd.DataFrame, "list": np.ndarray.tolist, "csr": sparse.csr_matrix}
    given = given.get(form, lambda values: values)(X)
    before = copy.deepcopy(given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit_resample(given, y)
    if form == "csr":
        assert (given != before).nnz == 0
    else:
        np.testing.assert_array_equal(np.asarray(given), np.asarray(before))


# Containers


def test_a_list_comes_back_as_a_list(X, y):
    X_resampled, y_resampled = make().fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_resampled, list)
    assert isinstance(y_resampled, list)
    assert X_resampled[:48] == X.tolist()
    deep, _ = make().fit_resample(X[:, None].tolist(), y.tolist())
    assert deep[:48] == X[:, None].tolist()


def test_a_frame_keeps_names_and_dtypes(X, y):
    frame = pd.DataFrame(X, columns=[f"t{i}" for i in range(20)], index=np.arange(48) * 2)
    frame = frame.astype({"t3": "float32"})
    X_resampled, y_resampled = make().fit_resample(frame, pd.Series(y, name="beat"))
    assert X_resampled.columns.tolist() == frame.columns.tolist()
    assert X_resampled.dtypes.tolist() == frame.dtypes.tolist()
    assert y_resampled.name == "beat"
    assert y_resampled.index.equals(X_resampled.index)
    np.testing.assert_array_equal(X_resampled.to_numpy()[:48], frame.to_numpy())


def test_integer_columns_of_a_mixed_frame_are_rounded_and_clipped(X, y):
    frame = pd.DataFrame(X * 3, columns=[f"t{i}" for i in range(20)])
    frame["t1"] = np.rint(frame["t1"]).astype("int16")
    frame["t2"] = np.rint(frame["t2"].clip(lower=0)).astype("uint8")
    made = make().fit_resample(frame, y)[0][48:]
    exact = make().fit_resample(frame.astype("float64"), y)[0][48:]
    assert made.dtypes.tolist() == frame.dtypes.tolist()
    np.testing.assert_array_equal(made["t1"], np.rint(exact["t1"]))
    np.testing.assert_array_equal(made["t2"], np.rint(exact["t2"]).clip(0, 255))
    assert (exact["t2"] < 0).any()
    np.testing.assert_array_equal(made["t0"], exact["t0"])


@pytest.mark.parametrize(
    "container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array]
)
def test_a_sparse_matrix_stays_one(X, y, container):
    given = container(np.where(np.abs(X) > 1, X, 0))
    X_resampled, _ = make().fit_resample(given, y)
    assert type(X_resampled) is container
    assert (X_resampled[:48] != given).nnz == 0
    dense, _ = make().fit_resample(given.toarray(), y)
    np.testing.assert_array_equal(X_resampled.toarray(), dense)


def test_categorical_labels_stay_categorical(X, y):
    _, y_resampled = make().fit_resample(X, pd.Series(y, dtype="category"))
    assert y_resampled.dtype == "category"
    assert Counter(y_resampled) == {"N": 36, "V": 36}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ((0, 1), "int64"),
        ((-1, 7), "int8"),
        ((2.0, 1.0), "float64"),
        ((True, False), "bool"),
        (("N", "long name"), None),
        (("N", "long name"), object),
    ],
)
def test_labels_of_every_kind(X, labels, kind):
    y = np.array([labels[0]] * 36 + [labels[1]] * 12, dtype=kind)
    _, y_resampled = make().fit_resample(X, y)
    assert y_resampled.dtype == y.dtype
    assert y_resampled.tolist() == [*y.tolist(), *[labels[1]] * 24]


# Which classes grow, and by how much


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", {"N": 30, "S": 30, "V": 30}),
        ("not majority", {"N": 30, "S": 30, "V": 30}),
        ("all", {"N": 30, "S": 30, "V": 30}),
        ("minority", {"N": 30, "S": 12, "V": 30}),
        ("not minority", {"N": 30, "S": 30, "V": 8}),
        ({"S": 13, "V": 40}, {"N": 30, "S": 13, "V": 40}),
        ({"S": 12, "V": 9}, {"N": 30, "S": 12, "V": 9}),
        (OrderedDict(V=9), {"N": 30, "S": 12, "V": 9}),
        (MappingProxyType({"V": 9}), {"N": 30, "S": 12, "V": 9}),
        (ChainMap({"V": 9}, {"S": 15}), {"N": 30, "S": 15, "V": 9}),
        (lambda y: {"V": 2 * int((y == "V").sum())}, {"N": 30, "S": 12, "V": 16}),
    ],
)
def test_every_kind_of_sampling_strategy(strategy, counts):
    X, y = three_classes()
    sampler = make(sampling_strategy=strategy)
    _, y_resampled = sampler.fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == counts
    assert {k: int((y == k).sum()) + n for k, n in sampler.sampling_strategy_.items()} == {
        k: counts[k] for k in sampler.sampling_strategy_
    }
    assert sampler.sampling_strategy is strategy
    assert sampler.fit(X, y).sampling_strategy is strategy


@pytest.mark.parametrize(("ratio", "n_minority"), [(0.5, 18), (0.75, 27), (1.0, 36)])
def test_a_ratio(X, y, ratio, n_minority):
    _, y_resampled = make(sampling_strategy=ratio).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": n_minority}


@pytest.mark.parametrize("strategy", [0.1, 1.5, "majority", {"V": 3}, {"Q": 30}, {"V": -1}])
def test_strategies_that_cannot_be_met_are_refused(X, y, strategy):
    with pytest.raises(ValueError, match=r"strategy|sampling|samples|class|ratio|range"):
        make(sampling_strategy=strategy).fit_resample(X, y)


@pytest.mark.parametrize(
    "strategy", [{"V": 30.0}, {"V": "30"}, {"V": None}, {"V": np.nan}, lambda y: {"V": 30.0}]
)
def test_counts_that_are_no_integers_are_refused(X, y, strategy):
    with pytest.raises(
        DataError, match=r"'sampling_strategy' parameter.*int.*for each class\. Got"
    ):
        make(sampling_strategy=strategy).fit_resample(X, y)


def test_a_class_with_nothing_to_add_is_not_trained():
    X, y = three_classes()
    sampler = make(sampling_strategy={"S": 12, "V": 20})
    sampler.fit_resample(X, y)
    assert sampler.synthesizer_.classes_.tolist() == ["V"]
    other = X.copy()
    other[y != "V"] *= 100
    again = make(sampling_strategy={"S": 12, "V": 20}).fit_resample(other, y)[0]
    np.testing.assert_array_equal(again[50:], sampler.fit_resample(X, y)[0][50:])


def test_where_nothing_is_added_nothing_is_trained(X, y):
    sampler = make().fit(X, y)
    assert not hasattr(sampler, "synthesizer_")
    sampler.fit_resample(X, y)
    assert hasattr(sampler, "synthesizer_")
    X_resampled, y_resampled = sampler.fit_resample(X[24:], y[24:])
    np.testing.assert_array_equal(X_resampled, X[24:])
    np.testing.assert_array_equal(y_resampled, y[24:])
    assert not hasattr(sampler, "synthesizer_")
    assert sampler.n_original_ == 24


@pytest.mark.parametrize("n_rows", [2, 3, 5])
@pytest.mark.parametrize("n_timesteps", [1, 2, 3, 16])
def test_small_classes_and_short_signals(n_rows, n_timesteps):
    X, y = make_rows((20, n_timesteps)), np.arange(20) < n_rows
    X_resampled, _ = make().fit_resample(X, y)
    assert len(X_resampled) == 2 * (20 - n_rows)
    assert np.isfinite(X_resampled).all()


# The model behind it


def test_common_settings_reach_the_synthesizer(X, y):
    given = {"n_steps": 1, "per_class": True, "device": "cpu", "random_state": 0}
    sampler = GANOversampler(**given, min_samples={"own": 2})
    sampler.fit_resample(X, y)
    inner = sampler.synthesizer_.get_params()
    wanted = {"model": "flow", "n_steps": 1, "per_class": True, "device": "cpu"}
    assert {name: inner[name] for name in wanted} == wanted
    assert [entry["step"] for entry in sampler.synthesizer_.history_] == [1]


def test_a_synthesizer_is_cloned_not_fitted(X, y):
    synthesizer = Synthesizer("biosgan", model_params=SMALL, n_steps=2)
    before = synthesizer.get_params()
    sampler = make(model=synthesizer, n_steps=1)
    sampler.fit_resample(X, y)
    assert synthesizer.get_params() == before
    assert not hasattr(synthesizer, "classes_")
    assert sampler.model is synthesizer
    assert sampler.synthesizer_.n_steps == 1
    assert sampler.synthesizer_.model_params == SMALL


def test_a_synthesizers_own_seed_wins(X, y):
    trained = []
    for seed in (1, 2):
        model = Synthesizer("biosgan", model_params=SMALL, n_steps=2, random_state=0)
        sampler = make(model=model, random_state=seed)
        sampler.fit_resample(X, y)
        trained.append(sampler.synthesizer_.models_[0].model)
    assert same_weights(*trained)


def test_one_model_for_each_class():
    X, y = three_classes()
    sampler = make(per_class=True)
    _, y_resampled = sampler.fit_resample(X, y)
    assert len(sampler.synthesizer_.models_) == 2
    assert Counter(y_resampled.tolist()) == {"N": 30, "S": 30, "V": 30}


@pytest.mark.slow
def test_models_trained_side_by_side_are_the_same():
    X, y = three_classes()
    alone, _ = make(per_class=True).fit_resample(X, y)
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel, _ = make(per_class=True, n_jobs=2).fit_resample(X, y)
    np.testing.assert_array_equal(parallel, alone)


def test_an_unconditional_model_grows_several_classes():
    X, y = three_classes()
    _, y_resampled = make(model=Synthesizer(Unconditional, n_steps=2)).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 30, "S": 30, "V": 30}


def test_an_unknown_model_is_named_with_the_nearest_one(X, y):
    message = (
        r"The 'model' parameter of GANOversampler must be one of .*'biosgan'.*, or the folder of a "
        r"saved Synthesizer\. Got 'biosgam' instead\. Did you mean 'biosgan'\?"
    )
    with pytest.raises(DataError, match=message):
        GANOversampler("biosgam").fit_resample(X, y)


def test_the_progress_bar_is_shown_when_asked(X, y, capfd):
    make().fit_resample(X, y)
    assert capfd.readouterr() == ("", "")
    make(verbose=1).fit_resample(X, y)
    assert "biosgan V" in capfd.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(X, y):
    with pytest.raises(DataError, match=r"'device'.*\(0 found\)\. Got 'cuda'.*device='auto'"):
        make(device="cuda").fit_resample(X, y)


# A saved model


@pytest.fixture
def saved(X, y, tmp_path):
    Synthesizer("biosgan", model_params=SMALL, n_steps=2, random_state=0).fit(X, y).save(
        tmp_path / "saved"
    )
    return tmp_path / "saved"


@SMALL_CLASSES
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_saved_model_is_loaded_and_not_trained(saved, X, y, kind):
    sampler = GANOversampler(kind(saved), random_state=0)
    X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": 36}
    loaded = Synthesizer.load(saved)
    assert same_weights(sampler.synthesizer_.models_[0].model, loaded.models_[0].model)
    again, _ = GANOversampler(kind(saved), random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(again, X_resampled)
    other, _ = GANOversampler(kind(saved), random_state=1).fit_resample(X, y)
    assert not np.array_equal(other, X_resampled)


@SMALL_CLASSES
def test_a_folder_name_without_a_slash_is_found(saved, X, y, monkeypatch):
    monkeypatch.chdir(saved.parent)
    _, y_resampled = GANOversampler("saved", random_state=0).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": 36}


@SMALL_CLASSES
def test_a_saved_model_of_other_dtype_gives_rounded_integers(saved, X, y):
    exact = GANOversampler(saved, random_state=0).fit_resample(X, y)[0][48:]
    made = GANOversampler(saved, random_state=0).fit_resample(X.astype(np.int16), y)[0][48:]
    assert made.dtype == np.int16
    np.testing.assert_array_equal(made, np.rint(exact))


@SMALL_CLASSES
def test_a_saved_model_of_more_classes_is_fine(saved, X, y):
    _, y_resampled = GANOversampler(saved, sampling_strategy={"V": 14}).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 36, "V": 14}


def test_a_saved_model_of_another_length(saved, X, y):
    message = r"'X'.*shape \(20,\), as the loaded model.*Got \(19,\) instead\. Load a model trained"
    with pytest.raises(DataError, match=message):
        GANOversampler(saved).fit_resample(X[:, 1:], y)
    with pytest.raises(DataError, match=r"shape \(20,\).*Got \(2, 10\)"):
        GANOversampler(saved).fit_resample(X.reshape(48, 2, 10), y)


def test_a_saved_model_without_the_class(saved, X, y):
    y = np.where(y == "V", "Q", y)
    with pytest.raises(DataError, match=r"'y'.*\['N', 'V'\].*Got \['Q'\] alone.*Load a model"):
        GANOversampler(saved).fit_resample(X, y)


def test_a_damaged_saved_model(saved, X, y):
    (weights,) = saved.glob("weights-*")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"is damaged.*Copy the folder again"):
        GANOversampler(saved).fit_resample(X, y)


def test_a_folder_that_is_not_there(tmp_path, X, y):
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere.*Synthesizer\.save"):
        GANOversampler(tmp_path / "nowhere").fit_resample(X, y)
    with pytest.raises(CheckpointError, match=r"no saved model in .*nowhere"):
        GANOversampler("some/nowhere").fit_resample(X, y)


# Groups


@pytest.mark.parametrize(
    ("groups", "own"),
    [
        (np.repeat([101, 203, 105], 16), 204),
        (np.repeat(np.array([1, 127, 3], dtype=np.int8), 16), 128),
        (np.repeat([1.0, 2.0, 0.5], 16), 3.0),
        (np.repeat(["p1", "p2", "p3"], 16), "synthetic"),
        (np.repeat(np.array(["p1", "p2", "p3"], dtype=object), 16), "synthetic"),
        (np.repeat(np.array([7, 2, 3], dtype=object), 16), 8),
    ],
)
def test_synthetic_rows_form_a_group_of_their_own(X, y, groups, own):
    sampler = make()
    sampler.fit_resample(X, y, groups=groups)
    assert sampler.groups_.tolist() == [*groups.tolist(), *[own] * 24]
    assert len(np.unique(sampler.groups_)) == 4


@pytest.mark.parametrize("groups", [np.arange(24), np.arange(24).astype(str)])
def test_groups_where_nothing_is_added(X, y, groups):
    sampler = make()
    sampler.fit_resample(X[24:], y[24:], groups=groups)
    np.testing.assert_array_equal(sampler.groups_, groups)
    assert sampler.groups_.dtype == groups.dtype


def test_groups_given_as_series_or_list(X, y):
    for groups in (pd.Series([1, 2] * 24), [1, 2] * 24, pd.Series(["a", "b"] * 24)):
        sampler = make()
        sampler.fit_resample(X, y, groups=groups)
        assert len(sampler.groups_) == 72


def test_without_groups_there_is_no_attribute(X, y):
    sampler = make()
    sampler.fit_resample(X, y, groups=np.arange(48))
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "groups_")


def test_groups_of_another_length_are_refused_before_training(X, y):
    recorder = Recorder()
    model = Synthesizer("biosgan", model_params=SMALL, n_steps=2, callbacks=[recorder])
    with pytest.raises(DataError, match=r"'groups' parameter of fit_resample.* 48 values. Got 47"):
        make(model=model).fit_resample(X, y, groups=np.arange(47))
    assert recorder.events == []


def test_groups_are_routed_through_a_pipeline(X, y):
    with config_context(enable_metadata_routing=True):
        sampler = make().set_fit_resample_request(groups=True)
        pipeline = make_pipeline(sampler, DecisionTreeClassifier(random_state=0))
        pipeline.fit(X, y, groups=np.repeat([1, 2, 3], 16))
        assert pipeline[0].groups_.tolist() == [1] * 16 + [2] * 16 + [3] * 16 + [4] * 24


# Copies


def test_trained_samplers_can_be_pickled_and_cloned(X, y, tmp_path):
    sampler = make()
    wanted, _ = sampler.fit_resample(X, y)
    joblib.dump(sampler, tmp_path / "sampler.joblib")
    copies = [
        pickle.loads(pickle.dumps(sampler)),
        copy.deepcopy(sampler),
        joblib.load(tmp_path / "sampler.joblib"),
    ]
    for other in copies:
        np.testing.assert_array_equal(
            other.synthesizer_.sample(3, random_state=1)[0],
            sampler.synthesizer_.sample(3, random_state=1)[0],
        )
        np.testing.assert_array_equal(other.fit_resample(X, y)[0], wanted)
    cloned = clone(sampler)
    assert not hasattr(cloned, "synthesizer_")
    np.testing.assert_array_equal(cloned.fit_resample(X, y)[0], wanted)


# Clear errors


def test_one_class_only(X):
    with pytest.raises(ValueError, match=r"more than 1 class\. Got 1 class"):
        make().fit_resample(X, np.zeros(48))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0.0] * 40 + [np.nan] * 8), "label for every row"),
        (np.array(["N"] * 30 + [None] * 18, dtype=object), "label for every row"),
        ([1] * 30 + ["N"] * 18, "labels of one kind"),
    ],
)
def test_labels_that_are_missing_or_mixed(X, labels, message):
    with pytest.raises(
        DataError, match="'y' parameter of GANOversampler must hold .*" + message[-8:]
    ):
        make().fit_resample(X, labels)


@pytest.mark.parametrize("missing", [np.nan, np.datetime64("2020")])
def test_groups_that_cannot_be_named_are_refused_before_the_training(X, y, missing):
    with pytest.raises(DataError, match="'groups' parameter of fit_resample"):
        make(model="no training").fit_resample(X, y, groups=np.array([missing] * 48))


def test_one_hot_lists(X):
    _, y_resampled = make().fit_resample(X, [(1, 0, 0)] * 30 + [(0, 1, 0)] * 10 + [(0, 0, 1)] * 8)
    assert np.sum(y_resampled, axis=0).tolist() == [30, 30, 30]


def test_a_class_of_one_row_that_is_left_alone(X):
    y = np.array(["N"] * 35 + ["S"] * 12 + ["V"])
    _, y_resampled = make(sampling_strategy={"S": 20}).fit_resample(X, y)
    assert Counter(y_resampled.tolist()) == {"N": 35, "S": 20, "V": 1}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, sparse.csr_matrix])
def test_values_that_are_not_finite(X, y, value, form):
    X[5, 3] = value
    with pytest.raises(DataError, match=r"'X' parameter of GANOversampler must be finite.*Interp"):
        make().fit_resample(form(X), y)


def test_constant_signals(X, y):
    X[40] = 2.0
    with pytest.raises(DataError, match=r"no constant signal\. Got 1 of 12 in class V"):
        make().fit_resample(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_steps": -1}, "'n_steps' parameter of GANOversampler must be an int in the range"),
        ({"per_class": "yes"}, "'per_class' parameter of GANOversampler must be"),
        ({"device": 3}, "'device' parameter of GANOversampler must be"),
        ({"model": 3}, "'model' parameter of GANOversampler must be"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter of GANOversampler must be"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_parameters_out_of_range_are_refused(X, y, params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit_resample(X, y)


def test_four_dimensions(X, y):
    with pytest.raises(ValueError, match=r"must have 2 dimensions.*or 3"):
        make().fit_resample(X.reshape(48, 2, 5, 2), y)
