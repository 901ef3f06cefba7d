"""Whatever comes in: a call works, or raises one of our errors or of scikit-learn's checks."""

from __future__ import annotations

import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from bioaug import AugmentedDataset, GANOversampler, Synthesizer, metrics
from bioaug.exceptions import BioaugError

pytestmark = [
    pytest.mark.usefixtures("untyped"),
    pytest.mark.filterwarnings("ignore::bioaug.exceptions.TrainingWarning"),
    pytest.mark.filterwarnings("ignore::bioaug.exceptions.DataWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
    # scikit-learn's look at targets that hold NaN, before it refuses them
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning"),
    # Many classes among few rows, which is what these tests are full of.
    pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning"),
]
SMALL = {
    "dense": {"latent_dim": 4, "generator_widths": (8,), "discriminator_widths": (8,)},
    "flow": {"width": 8, "depth": 1},
}
DTYPES = ["f2", "f4", "f8", ">f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
OTHER_DTYPES = ["?", "c8", "O", "U9", "S9", "M8[s]", "m8[s]"]
FEW = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
MANY = settings(FEW, max_examples=1000)


def attempt(call):
    """Return what `call` gives, or None for an error that is documented; others pass through."""
    try:
        return call()
    except BioaugError:
        return None
    except (TypeError, ValueError) as error:
        modules = [
            Path(frame.filename).parts for frame in traceback.extract_tb(error.__traceback__)
        ]
        ours = max((i for i, parts in enumerate(modules) if "bioaug" in parts), default=-1)
        checks = any({"sklearn", "imblearn"} & set(parts) for parts in modules[ours + 1 :])
        if not checks or not str(error):
            raise
        return None


# What comes in


def rows(usual):
    return st.integers(12, 16) if usual else st.integers(0, 14)


@st.composite
def values(draw, n_rows=None, usual=False):
    """Arrays of numbers such as a user has, or, where not `usual`, of every other kind."""
    n_rows = draw(rows(usual)) if n_rows is None else n_rows
    strange = not usual and draw(st.integers(0, 4)) == 0
    tails = [(6,), (1, 6), (2, 5), (1,), (2, 1), (3,)]
    odd = [(), (0,), (0, 5), (2, 0), (1, 2, 3)]
    shape = (n_rows, *draw(st.sampled_from(tails + odd if strange else tails)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    X = rng.normal(size=shape)
    if X.ndim > 1:
        X = X.cumsum(axis=-1)
    kinds = ["walk", "counts", "standard", "offset"]
    kinds += ["huge", "tiny", "flat row", "flat channel", "zeros", "nan", "inf"] * (not usual)
    kind = draw(st.sampled_from(kinds))
    dtype = draw(st.sampled_from(DTYPES + OTHER_DTYPES * strange))
    if kind == "counts" or dtype[-2:-1] in ("i", "u"):
        X = np.round(X * 20)
    if kind == "standard" and X.size:
        X = (X - X.mean(axis=-1, keepdims=True)) / (X.std(axis=-1, keepdims=True) + 1e-12)
    X = X + 1e4 * (kind == "offset")
    if dtype[-2:-1] == "u":
        X = np.abs(X)
    if np.dtype(dtype).kind == "f":
        limits = np.finfo(dtype)
        X = X.astype(dtype)
        with np.errstate(all="ignore"):
            X *= {"huge": limits.max / 8, "tiny": limits.tiny}.get(kind, 1)
    if kind == "huge" and np.dtype(dtype).kind in "iu" and X.size:
        limits = np.iinfo(dtype)
        X = rng.integers(limits.min, limits.max, size=shape, dtype=dtype, endpoint=True)
    if kind == "zeros":
        X = X * 0
    if n_rows and X.size and X.ndim > 1:
        if kind == "flat row":
            X[rng.integers(n_rows)] = 3
        if kind == "flat channel":
            X[:, 0] = 3
        if kind in ("nan", "inf") and np.dtype(dtype).kind == "f":
            X.reshape(-1)[rng.integers(X.size)] = float(kind)
    with np.errstate(all="ignore"):
        return X.astype(np.int64).astype(dtype) if dtype[0] in "Mm" else X.astype(dtype)


LABELS = {
    "int": [0, 1, 2],
    "negative": [-5, 3, 7],
    "text": ["N", "V", "a long one"],
    "bool": [False, True, True],
    "float": [0.0, 1.0, 2.0],
    "fraction": [0.5, 1.5, 2.25],
    "large": [2**62, 2**62 + 1, -(2**62)],
    "mixed": [1, "N", 2.0],
    "missing": ["N", None, "V"],
    "nan": [0.0, np.nan, 1.0],
    "bytes": [b"N", b"V", b"S"],
    "empty text": ["", " ", "/"],
    "tuples": [(1, 2), (3, 4), (5, 6)],
}
ODD_COUNTS = [(10, 0, 0), (9, 1, 0), (8, 1, 1), (5, 5, 0), (1, 2, 7)]
USUAL_LABELS = ["int", "negative", "text", "bool", "float"]
LABEL_FORMS = ["array", "list", "object", "series", "categorical", "column", "one-hot", "short"]


@st.composite
def labels(draw, n_rows, usual=False):
    """One label for each row, in many forms."""
    kind = draw(st.sampled_from(USUAL_LABELS if usual else list(LABELS)))
    counts = draw(st.sampled_from([(5, 3, 2), (7, 3, 0), (6, 0, 4)] + ODD_COUNTS * (not usual)))
    codes = np.resize(np.repeat([0, 1, 2], counts), n_rows)
    chosen = [LABELS[kind][code] for code in codes]
    form = draw(st.sampled_from(LABEL_FORMS[:2] if usual else LABEL_FORMS))
    if form == "one-hot" and len(set(codes)) == 3:  # imbalanced-learn makes one column of two
        return np.eye(3, dtype=int)[codes]
    if form == "short":
        chosen = chosen[:-1]
    plain = kind not in ("mixed", "missing", "tuples")
    y = np.empty(len(chosen), object)
    y[:] = chosen
    y = np.array(chosen) if plain and form != "object" else y
    forms = {
        "list": lambda: chosen if kind != "tuples" else y,  # a list fails within imbalanced-learn
        "series": lambda: pd.Series(chosen, name="label"),
        "categorical": lambda: pd.Series(chosen, dtype="category"),
        "column": lambda: y[:, None],
    }
    return forms.get(form, lambda: y)()


CONTAINERS = ["array", "list", "frame", "mixed frame", "csr", "csc", "coo", "fortran", "read-only"]
CONTAINERS += ["view", "sparse frame"]


def containers(usual):
    return st.sampled_from([c for c in CONTAINERS if not usual or c not in ("csr", "csc", "coo")])


def contain(X, container):
    """Return `X` in another container, where it can be."""
    flat = X.ndim == 2 and X.dtype.kind in "fiu" and X.dtype.char != "g"
    if container == "list":
        return X.tolist()
    if container == "frame" and X.ndim == 2:
        return pd.DataFrame(X, columns=[f"t{i}" for i in range(X.shape[1])])
    if container == "mixed frame" and flat and X.shape[1]:
        return pd.DataFrame(X).astype({0: "float64"})
    if container in ("csr", "csc", "coo") and flat and X.dtype != np.float16:
        return sparse.csr_matrix(X.astype(X.dtype.newbyteorder("="))).asformat(container)
    if container == "sparse frame" and flat and X.shape[1]:
        return pd.DataFrame(X.astype("f8")).astype(pd.SparseDtype("float64", 0.0))
    if container == "fortran":
        return np.asfortranarray(X)
    if container == "view" and X.ndim > 1:
        return X[::-1, ..., ::-1]
    if container == "read-only":
        X.flags.writeable = False
    return X


def dense(X):
    """Return one numpy array of what `X` holds."""
    if sparse.issparse(X):
        return X.toarray()
    return np.asarray(X)


STRATEGIES = ["auto", "all", "minority", "not minority", 0.7, 1.0, "dict", "callable"]
OTHER_STRATEGIES = ["majority", "bogus", 0.0, 2.0, -1, {"nobody": 3}, {0: -1}, None, {}]


@st.composite
def strategies(draw, usual):
    kinds = STRATEGIES if usual else STRATEGIES + OTHER_STRATEGIES
    chosen, more = draw(st.sampled_from(kinds)), draw(st.integers(0, 3))
    if chosen == "callable":
        return lambda y: {label: n + more for label, n in Counter(y).items()}
    return more if chosen == "dict" else chosen


# What must come out


def check_resampled(X, y, X_new, y_new, sampler):
    before, after = dense(X), dense(X_new)
    n = len(before)
    # imbalanced-learn takes COO and gives CSR back.
    assert type(X_new) is (sparse.csr_matrix if isinstance(X, sparse.coo_matrix) else type(X))
    assert after.dtype == before.dtype
    assert after.shape == (len(y_new), *before.shape[1:])
    np.testing.assert_array_equal(after[:n], before)
    assert np.isfinite(after.astype(np.float64)).all() or before.dtype.char == "g"
    codes, codes_new = (np.asarray(labels).tolist() for labels in (y, y_new))
    if np.shape(y)[1:] == (1,):  # imbalanced-learn makes one dimension of it
        codes = np.ravel(y).tolist()
    assert codes_new[:n] == codes
    added = Counter(map(str, codes_new[n:]))
    wanted = {str(label): k for label, k in sampler.sampling_strategy_.items() if k}
    assert sum(added.values()) == sum(wanted.values())
    if np.ndim(codes) == 1:
        assert added == wanted
    if isinstance(X, pd.DataFrame):
        assert (X_new.dtypes == X.dtypes).all()
        assert (X_new.columns == X.columns).all()


def oversample(data, usual):
    X = data.draw(values(usual=usual), label="X")
    y = data.draw(labels(len(X), usual=usual), label="y")
    container = data.draw(st.sampled_from(CONTAINERS), label="container")
    strategy = data.draw(strategies(usual), label="strategy")
    if isinstance(strategy, int) and strategy >= 0 and isinstance(y, np.ndarray) and y.ndim == 1:
        strategy = {label: n + strategy for label, n in Counter(y.tolist()).items()}
    model = data.draw(st.sampled_from(list(SMALL)), label="model")
    X, before = contain(X, container), dense(contain(X.copy(), container))
    min_samples = data.draw(
        st.sampled_from([None, {"own": 2, "shared": 2, "local": 2}]), label="min_samples"
    )
    per_class = data.draw(st.sampled_from(["auto", True]), label="per_class")
    chosen = Synthesizer(model, model_params=SMALL[model], n_steps=1, random_state=0)
    sampler = GANOversampler(
        chosen,
        sampling_strategy=strategy,
        per_class=per_class,
        min_samples=min_samples,
        random_state=0,
    )
    found = attempt(lambda: sampler.fit_resample(X, y))
    np.testing.assert_array_equal(dense(X), before)
    if found is not None:
        check_resampled(X, y, *found, sampler)


@given(data=st.data(), usual=st.booleans())
@FEW
def test_oversampling(data, usual):
    oversample(data, usual)


@pytest.mark.slow
@given(data=st.data(), usual=st.booleans())
@MANY
def test_much_oversampling(data, usual):
    oversample(data, usual)


def synthesize(data, usual):
    X = data.draw(values(usual=usual), label="X")
    y = data.draw(st.none() | labels(len(X), usual=usual), label="y")
    X = contain(X, data.draw(containers(usual), label="container"))
    model = data.draw(st.sampled_from(list(SMALL)), label="model")
    odd = [-1, 2.5, "3", True] * (not usual)
    n_samples = data.draw(st.sampled_from([0, 1, 5, *odd]), label="n_samples")
    asked = data.draw(st.none() if usual else st.none() | labels(3), label="asked")
    synthesizer = Synthesizer(model, model_params=SMALL[model], n_steps=1, random_state=0)
    if attempt(lambda: synthesizer.fit(X, y)) is None:
        return None
    found = attempt(lambda: synthesizer.sample(n_samples, y=asked))
    if found is not None:
        rows, made_of = found
        assert len(rows) == len(made_of) == (n_samples if asked is None else len(asked))
        assert rows.shape[1:] == dense(X).shape[1:]
        if not isinstance(X, list | pd.DataFrame) and X.dtype.kind != "O":
            assert rows.dtype == X.dtype
        assert np.isfinite(rows).all()
        assert set(made_of.tolist()) <= set(synthesizer.classes_.tolist())
    return synthesizer, X, y


@given(data=st.data(), usual=st.booleans())
@FEW
def test_synthesis(data, usual):
    synthesize(data, usual)


@pytest.mark.slow
@given(data=st.data(), usual=st.booleans())
@MANY
def test_much_synthesis(data, usual):
    synthesize(data, usual)


def score(data, usual):
    n, m = data.draw(rows(usual), label="n"), data.draw(rows(usual), label="m")
    real = data.draw(values(n_rows=n, usual=usual), label="real")
    made = data.draw(values(n_rows=m, usual=usual), label="synthetic")
    if made.size and (usual or data.draw(st.booleans())):
        made = np.resize(made, (m, *real.shape[1:]))
    real, made = (contain(X, data.draw(containers(usual))) for X in (real, made))
    given_labels = data.draw(st.booleans(), label="with labels")
    y_real = data.draw(labels(n, usual=usual)) if given_labels else None
    y_made = np.resize(y_real, m) if usual and given_labels else None
    if given_labels and not usual:
        y_made = data.draw(labels(m))
    metric = data.draw(st.sampled_from(["mmd", "coverage", "identifiability", "authenticity"]))
    odd = [1, -1, None] * (not usual)
    n_null = data.draw(st.sampled_from([0, 2, 3, *odd]), label="n_null")
    found = attempt(
        lambda: getattr(metrics, metric)(
            real, made, y_real=y_real, y_synthetic=y_made, n_null=n_null, random_state=0
        )
    )
    if found is not None:
        assert np.isfinite(found.value)
        least, most = (-2, 2) if metric == "mmd" else (0, 1)
        assert least <= found.value <= most + 1e-9
        assert found.null is None or np.isfinite(found.null.value)


@given(data=st.data(), usual=st.booleans())
@FEW
def test_scores(data, usual):
    score(data, usual)


@pytest.mark.slow
@given(data=st.data(), usual=st.booleans())
@MANY
def test_many_scores(data, usual):
    score(data, usual)


@pytest.fixture(scope="module")
def synthesizer():
    X = np.random.default_rng(0).normal(size=(12, 6)).cumsum(axis=1)
    dense = Synthesizer("dense", model_params=SMALL["dense"], n_steps=1, random_state=0)
    return dense.fit(X, np.resize([0, 1, 2], 12))


def augment(data, usual, synthesizer):
    n = data.draw(rows(usual), label="n")
    X = data.draw(values(n_rows=n, usual=usual))
    if X.size and (usual or data.draw(st.booleans())):
        X = np.resize(X, (n, 6))
    X = contain(X, data.draw(containers(usual), label="container"))
    y = data.draw(labels(n, usual=usual), label="y")
    odd = [{1: -1}, {"N": 1}, 3, "bogus"] * (not usual)
    grow = data.draw(st.sampled_from(["balanced", None, {0: 3}, *odd]), label="grow")
    odd = [-0.1, "x"] * (not usual)
    mix = data.draw(st.sampled_from([0.0, 0.5, 1, lambda epoch: 0.5, *odd]), label="mix")
    dataset = attempt(lambda: AugmentedDataset(X, y, synthesizer, grow=grow, mix=mix))
    if dataset is None:
        return
    items = dataset.__getitems__(range(len(dataset)))
    assert len(items) == len(dataset.labels_)
    assert [int(code) for _, code in items] == dataset.labels_.tolist()
    signals = torch.stack([signal for signal, _ in items])
    assert signals.dtype == torch.float32
    if mix == 0.0:
        real = torch.from_numpy(dense(X).astype(np.float32))
        assert torch.equal(signals[:n], real)
    assert bool(torch.isfinite(signals).all())


@given(data=st.data(), usual=st.booleans())
@FEW
def test_augmented_sets(data, usual, synthesizer):
    augment(data, usual, synthesizer)


@pytest.mark.slow
@given(data=st.data(), usual=st.booleans())
@MANY
def test_many_augmented_sets(data, usual, synthesizer):
    augment(data, usual, synthesizer)
