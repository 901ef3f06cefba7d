"""Synthetic signals in loaders: the same stream whoever makes it, new ones every epoch."""

from __future__ import annotations

import copy
import io
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KernelDensity
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    TensorDataset,
)
from toys import distances, make_rows

from bioaug import (
    AugmentedDataset,
    GANOversampler,
    MixOnDevice,
    Synthesizer,
    SyntheticBatches,
    SyntheticDataset,
)
from bioaug.exceptions import DataError, DataWarning, TrainingWarning

SHAPE = (2, 18)


@pytest.fixture(scope="module")
def rows():
    X = make_rows((40, *SHAPE))
    y = np.repeat(["N", "V"], [30, 10])
    X[y == "V"] += 8
    return X, y


@pytest.fixture(scope="module")
def synthesizer(rows):
    params = {"width": 8, "depth": 1}
    return Synthesizer("flow", model_params=params, n_steps=2, random_state=0).fit(*rows)


def stream(loader):
    """Return all signals and codes of one pass."""
    signals, codes = zip(*loader, strict=True)
    return torch.cat(signals), torch.cat(codes)


def same(one, other):
    torch.testing.assert_close(one[0], other[0], rtol=0, atol=1e-4)
    assert torch.equal(one[1], other[1])


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_workers_do_not_change_the_stream(synthesizer, rows, n_workers):
    settings = {"num_workers": n_workers, "persistent_workers": True}
    for dataset, batch_size in (
        (SyntheticDataset(synthesizer, 50), 16),
        (AugmentedDataset(*rows, synthesizer, mix=0.5), 16),
        (SyntheticBatches(synthesizer, 16, n_batches=5), None),
    ):
        loader = DataLoader(dataset, batch_size=batch_size, **settings)
        plain = DataLoader(dataset, batch_size=batch_size)
        for epoch in (0, 1):
            dataset.set_epoch(epoch)
            same(stream(loader), stream(plain))


def test_every_epoch_is_new_and_nothing_is_repeated_in_it(synthesizer):
    dataset = SyntheticDataset(synthesizer, 300)
    passes = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        passes.append(stream(DataLoader(dataset, batch_size=64))[0].flatten(1))
    apart = distances(torch.cat(passes), torch.cat(passes)) + 1e9 * torch.eye(600)
    assert float(apart.min()) > 1e-3
    dataset.set_epoch(0)
    assert torch.equal(stream(DataLoader(dataset, batch_size=64))[0].flatten(1), passes[0])


def test_any_batch_size_gives_the_same_items(synthesizer):
    dataset = SyntheticDataset(synthesizer, 40)
    same(stream(DataLoader(dataset, batch_size=40)), stream(DataLoader(dataset, batch_size=7)))
    signal, code = dataset[-1]
    torch.testing.assert_close(
        signal, stream(DataLoader(dataset, batch_size=40))[0][-1], atol=1e-4, rtol=0
    )
    assert signal.shape == SHAPE
    assert signal.dtype == torch.float32
    assert code.dtype == torch.int64
    with pytest.raises(IndexError):
        dataset[40]


def test_ranks_share_the_epoch_out(synthesizer):
    dataset = SyntheticDataset(synthesizer, 40)
    whole = stream(DataLoader(dataset, batch_size=8))
    seen = []
    for rank in (0, 1):
        sampler = DistributedSampler(dataset, 2, rank, shuffle=False)
        seen.append(stream(DataLoader(dataset, batch_size=8, sampler=sampler)))
    same((torch.stack([s[0] for s in seen], 1).flatten(0, 1), whole[1]), whole)
    batches = stream(DataLoader(SyntheticBatches(synthesizer, 8, n_batches=6), batch_size=None))
    parts = [
        list(SyntheticBatches(synthesizer, 8, n_batches=6, rank=rank, world_size=2))
        for rank in (0, 1)
    ]
    mixed = [batch for pair in zip(*parts, strict=True) for batch in pair]
    same(stream(mixed), batches)


def test_a_stream_goes_on_in_the_middle(synthesizer):
    dataset = SyntheticBatches(synthesizer, 8, n_batches=6)
    whole = list(dataset)
    dataset.set_epoch(0, start=4)
    for n_workers in (0, 2):
        rest = list(DataLoader(dataset, batch_size=None, num_workers=n_workers))
        assert len(rest) == 2
        same(stream(rest), stream(whole[4:]))


def test_classes_come_in_their_proportions(synthesizer):
    codes = SyntheticDataset(synthesizer, 1000)
    counts = np.bincount([int(c) for _, c in codes.__getitems__(range(1000))])
    assert abs(counts[0] - 500) <= 2
    biased = SyntheticDataset(synthesizer, 200, proportions={"V": 3, "N": 1})
    counts = np.bincount([int(c) for _, c in biased.__getitems__(range(200))])
    assert abs(counts[1] - 150) <= 2
    only = SyntheticBatches(synthesizer, 10, n_batches=1, proportions={"V": 1})
    signals, found = next(iter(only))
    assert found.tolist() == [1] * 10
    assert float(signals.mean()) > 2


def test_real_rows_are_grown_to_balance(rows, synthesizer):
    X, y = rows
    dataset = AugmentedDataset(X, y, synthesizer)
    signals, codes = stream(DataLoader(dataset, batch_size=13))
    torch.testing.assert_close(signals[:40], torch.from_numpy(X).float())
    assert codes.tolist() == dataset.labels_.tolist()
    assert np.bincount(codes).tolist() == [30, 30]
    assert float(signals[40:].mean()) > 2  # all of class V
    assert dataset.classes_.tolist() == ["N", "V"]
    assert len(AugmentedDataset(X, y, synthesizer, grow={"N": 3, "V": 5})) == 48
    assert len(AugmentedDataset(X, y, synthesizer, grow=None)) == 40


def test_mixing_follows_its_schedule(rows, synthesizer):
    X, y = rows
    dataset = AugmentedDataset(X, y, synthesizer, grow=None, mix=lambda epoch: epoch / 4)
    real = torch.from_numpy(X).float()
    kept = []
    for epoch in (0, 2, 4):
        dataset.set_epoch(epoch)
        signals, codes = stream(DataLoader(dataset, batch_size=40))
        assert codes.tolist() == [0] * 30 + [1] * 10
        kept.append(int((signals == real).all(dim=(1, 2)).sum()))
    assert kept[0] == 40
    assert 10 < kept[1] < 30
    assert kept[2] == 0


def test_a_dataset_can_be_grown(rows, synthesizer):
    X, y = rows

    class Plain(Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, index):
            return X[index], "ignored"

    grown = AugmentedDataset(Plain(), y, synthesizer)
    wanted = AugmentedDataset(X, y, synthesizer)
    same(stream(DataLoader(grown, batch_size=16)), stream(DataLoader(wanted, batch_size=16)))


def test_mixing_a_batch_on_its_device(rows, synthesizer):
    X, y = rows
    dataset = AugmentedDataset(X, y, synthesizer, grow=None)
    plain = stream(DataLoader(dataset, batch_size=20))
    for share, least, most in ((0.0, 40, 40), (0.5, 10, 30), (1.0, 0, 0)):
        mix = MixOnDevice(synthesizer, dataset.classes_, share)
        signals, codes = stream(DataLoader(dataset, batch_size=20, collate_fn=mix))
        assert torch.equal(codes, plain[1])
        assert least <= int((signals == plain[0]).all(dim=(1, 2)).sum()) <= most


def one_worker():
    return SimpleNamespace(id=0, num_workers=1)


def test_mixing_refuses_workers_which_would_repeat_each_other(rows, synthesizer, monkeypatch):
    dataset = AugmentedDataset(*rows, synthesizer, grow=None)
    mix = MixOnDevice(synthesizer, dataset.classes_, 0.5)
    # Not in a real worker: torch waits five seconds for one that ended with an error.
    monkeypatch.setattr("torch.utils.data.get_worker_info", one_worker)
    with pytest.raises(DataError, match=r"'num_workers' parameter.*must be 0.*Got 1"):
        mix([dataset[0]])


def test_classes_that_the_synthesizer_does_not_know_stay_as_they_are(rows, synthesizer):
    X, y = rows
    y = np.where(np.arange(40) < 5, "F", y)
    dataset = AugmentedDataset(X, y, synthesizer, mix=1.0)
    signals, codes = stream(DataLoader(dataset, batch_size=64))
    torch.testing.assert_close(signals[:5], torch.from_numpy(X[:5]).float())
    assert np.bincount(codes).tolist() == [5, 25, 25]
    assert dataset.classes_.tolist() == ["F", "N", "V"]


def test_codes_may_be_given(rows, synthesizer):
    X, y = rows
    dataset = AugmentedDataset(X, y, synthesizer, classes=["V", "Q", "N"])
    assert dataset.classes_.tolist() == ["V", "Q", "N"]
    assert np.bincount(dataset.labels_).tolist() == [30, 0, 30]
    assert (dataset.classes_[dataset.labels_[:40]] == y).all()
    signals, codes = stream(DataLoader(dataset, batch_size=64))
    assert codes.tolist() == dataset.labels_.tolist()
    assert float(signals[40:].mean()) > 2  # all of class V


def test_global_generators_are_left_alone(synthesizer):
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    SyntheticDataset(synthesizer, 10).__getitems__(range(10))
    assert torch.equal(torch.rand(3), wanted)


def test_a_signal_is_made_again_alone_from_its_seed(synthesizer):
    seeds = np.arange(12) * 7
    whole, _ = synthesizer.sample(y=["N", "V"] * 6, seeds=seeds)
    alone, _ = synthesizer.sample(y=["V"], seeds=seeds[[5]])
    np.testing.assert_allclose(alone[0], whole[5], atol=1e-4)
    with pytest.raises(DataError, match=r"'seeds' parameter of sample must be 1 integers"):
        synthesizer.sample(y=["V"], seeds=[1.5])


def test_bad_input_is_named(rows, synthesizer):
    X, y = rows
    cases = [
        (lambda: SyntheticDataset("flow", 5), "'synthesizer' parameter of SyntheticDataset"),
        (lambda: SyntheticDataset(synthesizer, 0), "'n_samples'"),
        (lambda: SyntheticDataset(synthesizer, 5, proportions={"Q": 1}), "'proportions'.*Got"),
        (lambda: SyntheticDataset(synthesizer, 5, proportions={"N": 0}), "'proportions'"),
        (lambda: SyntheticBatches(synthesizer, 5, rank=2, world_size=2), "'rank'"),
        (lambda: AugmentedDataset(X, y[:-1], synthesizer), "'y'"),
        (lambda: AugmentedDataset(X, y, synthesizer, grow={"Q": 1}), "'grow'"),
        (lambda: AugmentedDataset(X, y, synthesizer, grow="all"), "'grow'.*Got 'all'"),
        (lambda: AugmentedDataset(X, y, synthesizer, mix=1.5), "'mix'.*or a callable"),
        (lambda: AugmentedDataset(X, y, synthesizer, classes=["N"]), "'classes'.*'N', 'V'"),
        (lambda: AugmentedDataset(X, y, synthesizer, classes=["N", "V", "V"]), "'classes'"),
        (lambda: MixOnDevice(synthesizer, ["N", "V"], -1.0), "'mix'"),
        (lambda: SyntheticDataset(synthesizer, 5).set_epoch(-1), "'epoch'"),
    ]
    for call, message in cases:
        with pytest.raises(DataError, match=message):
            call()


def test_an_augmented_set_refuses_rows_that_it_cannot_batch(synthesizer):
    X = np.ones((4, *synthesizer.signal_shape_), np.float32)
    with pytest.raises(DataError, match=r"of shape .*as the synthesizer generates.*Reshape"):
        AugmentedDataset(X[..., :-1], np.zeros(4), synthesizer)
    with pytest.raises(DataError, match="labels of one kind"):
        AugmentedDataset(X, np.array([0, "N", 1, 1], object), synthesizer)
    with pytest.raises(DataError, match="infinity"):
        AugmentedDataset(X.astype(np.float64) * 1e60, np.zeros(4), synthesizer)


def test_an_augmented_set_takes_read_only_rows(rows, synthesizer):
    X = rows[0].astype(np.float32)
    X.flags.writeable = False
    assert len(AugmentedDataset(X, rows[1], synthesizer, grow=None)) == 40


def torch_saved(dataset):
    buffer = io.BytesIO()
    torch.save(dataset, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize(
    "copied", [lambda d: pickle.loads(pickle.dumps(d)), copy.deepcopy, torch_saved]
)
def test_workers_see_the_epoch_of_a_copy(synthesizer, rows, copied, monkeypatch):
    for dataset in (
        SyntheticDataset(synthesizer, 8),
        SyntheticBatches(synthesizer, 8, n_batches=1),
        AugmentedDataset(*rows, synthesizer),
    ):
        dataset.set_epoch(3)
        made = copied(dataset)
        with monkeypatch.context() as patched:
            patched.setattr("torch.utils.data.get_worker_info", one_worker)
            assert made.epoch == 3  # which raises where the number is not shared
        made.set_epoch(4)
        assert dataset.epoch == 3  # each has its own


def test_persistent_workers_see_every_epoch_of_a_copy(synthesizer):
    dataset = copy.deepcopy(SyntheticDataset(synthesizer, 8))
    loader = DataLoader(dataset, batch_size=8, num_workers=1, persistent_workers=True)
    batches = SyntheticBatches(synthesizer, 8, n_batches=3)
    stretch = DataLoader(batches, batch_size=None, num_workers=1, persistent_workers=True)
    lengths = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        same(stream(loader), stream(DataLoader(dataset, batch_size=8)))
        batches.set_epoch(epoch, start=epoch)
        lengths.append(len(list(stretch)))
    assert lengths == [3, 2]


def test_without_shared_memory_only_workers_are_refused(synthesizer, monkeypatch):
    def none(self):
        raise RuntimeError("unable to open shared memory object")

    with monkeypatch.context() as patched:
        patched.setattr(torch.Tensor, "share_memory_", none)
        dataset = SyntheticDataset(synthesizer, 8)
    dataset.set_epoch(2)
    assert len(list(DataLoader(dataset, batch_size=4))) == 2
    monkeypatch.setattr("torch.utils.data.get_worker_info", one_worker)
    with pytest.raises(DataError, match=r"'num_workers' parameter.*must be 0.*/dev/shm"):
        dataset[0]


def test_many_indices_give_a_batch_as_a_tensor_dataset_does(rows, synthesizer):
    for dataset in (AugmentedDataset(*rows, synthesizer), SyntheticDataset(synthesizer, 40)):
        signals, codes = stream(DataLoader(dataset, batch_size=len(dataset)))
        mask = torch.zeros(len(dataset), dtype=torch.bool)
        mask[3:5] = True
        for index in ([3, 4], np.array([3, 4]), torch.tensor([3, 4]), slice(3, 5), mask):
            same(dataset[index], (signals[3:5], codes[3:5]))
        for index in (3, np.int64(3), torch.tensor(3)):
            assert dataset[index][0].shape == SHAPE
        sampler = BatchSampler(range(len(dataset)), 8, False)
        batches = DataLoader(dataset, batch_size=None, sampler=sampler)
        same(stream(batches), (signals, codes))
        for index in (1.5, "1", [], None, [[1]], [True, False], {1, 2}):
            with pytest.raises(DataError, match="must be an integer, or a slice"):
                dataset[index]


def test_codes_of_synthetic_sets_may_be_given(rows, synthesizer):
    order = ["F", "V", "N"]
    dataset = SyntheticDataset(synthesizer, 20, classes=order)
    batches = SyntheticBatches(synthesizer, 20, n_batches=1, classes=np.array(order))
    for made in (dataset, batches):
        assert list(made.classes_) == order
    whole = stream(DataLoader(dataset, batch_size=20))
    same(next(iter(batches)), whole)
    plain = stream(DataLoader(SyntheticDataset(synthesizer, 20), batch_size=20))
    same((whole[0], 2 - whole[1]), plain)  # V was 1, N was 0
    real = AugmentedDataset(*rows, synthesizer, grow=None, classes=order)
    _, codes = stream(DataLoader(ConcatDataset([real, dataset]), batch_size=60))
    assert np.bincount(codes).tolist() == [0, 10 + 10, 30 + 10]
    only = SyntheticDataset(synthesizer, 4, proportions={"V": 1}, classes=["V"])
    assert [int(code) for _, code in only.__getitems__(range(4))] == [0] * 4
    for classes in (["V"], ["V", "N", "N"], []):
        with pytest.raises(DataError, match="'classes' parameter of SyntheticDataset"):
            SyntheticDataset(synthesizer, 4, classes=classes)


class Items(Dataset):
    """Items made by a function of the signal."""

    def __init__(self, X, make):
        self.X, self.make = X, make

    def __len__(self):
        return len(self.X)

    def __getitem__(self, index):
        return self.make(self.X[index])


def test_items_of_a_wrapped_set_are_kept_or_refused(rows, synthesizer):
    X, y = rows
    wanted = AugmentedDataset(X, y, synthesizer)[:40]
    for make in (lambda x: x, lambda x: (x,), lambda x: [x, 5], lambda x: (torch.tensor(x), "N")):
        same(AugmentedDataset(Items(X, make), y, synthesizer)[:40], wanted)
    same(AugmentedDataset(TensorDataset(torch.tensor(X)), y, synthesizer)[:40], wanted)
    for make, got in (
        (lambda x: {"signal": x}, "Got dict"),
        (lambda x: (x, 1, 0.5), "Got a tuple of 3"),
        (lambda x: x.tolist(), "Got"),
        (lambda x: x[:, 1:], r"shape \(2, 18\).*Got \(2, 17\)"),
    ):
        with pytest.raises(DataError, match=f"'X' parameter of AugmentedDataset.*{got}"):
            AugmentedDataset(Items(X, make), y, synthesizer)
    with pytest.raises(DataError, match=r"Got .2, 17"):
        AugmentedDataset(Items([*X[:-1], X[-1, :, 1:]], lambda x: x), y, synthesizer)

    class Endless(IterableDataset):
        def __iter__(self):
            return iter(X)

    with pytest.raises(DataError, match=r"map-style data set.*Got Endless"):
        AugmentedDataset(Endless(), y, synthesizer)


@pytest.mark.parametrize("whole", [True, False])
def test_signals_of_other_units_are_warned_of(rows, synthesizer, whole):
    X, y = rows
    given = 1000 * X if whole else Items(1000 * X, lambda x: x)
    with pytest.warns(DataWarning, match="AugmentedDataset: the rows have another scale.*x1000"):
        AugmentedDataset(given, y, synthesizer)
    mix = MixOnDevice(synthesizer, ["N", "V"], 0.5)
    batch = torch.tensor(1000 * X, dtype=torch.float32), torch.tensor([0] * 30 + [1] * 10)
    with pytest.warns(DataWarning, match="MixOnDevice: the rows have another scale"):
        mix(batch)
    mix(batch)  # said once


def test_a_fitted_sampler_grows_small_classes_too():
    X, y = make_rows((70, 18)), np.repeat(["N", "V", "F"], [40, 24, 6])
    limits = {"own": 20, "shared": 20}
    sampler = GANOversampler(
        "dense", n_steps=2, min_samples=limits, quality_filter=False, random_state=0
    )
    with pytest.warns(TrainingWarning, match="too few rows"):
        sampler.fit_resample(X, y)
    assert sampler.classes_.tolist() == ["F", "V"]
    assert sampler.signal_shape_ == (18,)
    dataset = AugmentedDataset(X, y, sampler)
    signals, codes = stream(DataLoader(dataset, batch_size=32))
    assert np.bincount(codes).tolist() == [40, 40, 40]
    same(stream(DataLoader(dataset, batch_size=7)), (signals, codes))
    made = signals[70:].numpy()
    assert len(np.unique(made, axis=0)) == len(made)
    only = SyntheticDataset(sampler, 12, proportions={"F": 1, "V": 1})
    assert stream(DataLoader(only, batch_size=4))[0].shape == (12, 18)
    with pytest.raises(NotFittedError):
        SyntheticDataset(GANOversampler(), 4)


def test_a_sampler_of_an_adapted_object_makes_items_too():
    X, y = make_rows((60, 18)), np.repeat([0, 1], [40, 20])
    few = {"own": 4}
    sampler = GANOversampler(KernelDensity(), min_samples=few, quality_filter=False, random_state=0)
    sampler.fit_resample(X, y)
    dataset = AugmentedDataset(X, y, sampler)
    same(stream(DataLoader(dataset, batch_size=32)), stream(DataLoader(dataset, batch_size=9)))
