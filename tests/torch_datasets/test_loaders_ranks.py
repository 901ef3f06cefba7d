"""Our datasets in loaders of two real ranks, and of eight workers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ranks import leave
from safetensors.torch import load_file, save_file
from torch import distributed, multiprocessing
from torch.utils.data import DataLoader, DistributedSampler
from toys import distances, make_rows

from bioaug import AugmentedDataset, Synthesizer, SyntheticBatches, SyntheticDataset

N_EPOCHS = 2
KINDS = {"synthetic": "spawn", "augmented": "fork", "batches": "fork"}  # how workers start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="gloo over a file"),
]


def load_rows():
    X = make_rows((40, 2, 18))
    y = np.repeat(["N", "V"], [30, 10])
    X[y == "V"] += 8
    return X, y


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ranks")
    params = {"width": 8, "depth": 1}
    Synthesizer("flow", model_params=params, n_steps=2, random_state=0).fit(*load_rows()).save(
        path / "model"
    )
    return path


def make_dataset(folder, kind, rank=0, world_size=1):
    synthesizer = Synthesizer.load(folder / "model")
    if kind == "synthetic":
        return SyntheticDataset(synthesizer, 48)
    if kind == "augmented":
        return AugmentedDataset(*load_rows(), synthesizer, mix=0.5)
    return SyntheticBatches(synthesizer, 8, n_batches=6, rank=rank, world_size=world_size)


def passes(dataset, sampler=None, n_workers=0, start="fork"):
    """Return the signals and codes of every epoch, one loader for all."""
    in_batches = isinstance(dataset, SyntheticBatches)
    loader = DataLoader(
        dataset,
        batch_size=None if in_batches else 8,
        sampler=sampler,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        multiprocessing_context=start if n_workers else None,
    )
    found = {}
    for epoch in range(N_EPOCHS):
        dataset.set_epoch(epoch)
        if sampler is not None:
            sampler.set_epoch(epoch)
        signals, codes = zip(*loader, strict=True)
        found |= {f"signals {epoch}": torch.cat(signals), f"codes {epoch}": torch.cat(codes)}
    return found


def load_in_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    try:
        for kind, start in KINDS.items():
            dataset = make_dataset(Path(folder), kind, rank, 2)
            sampler = None if kind == "batches" else DistributedSampler(dataset, seed=3)
            found = passes(dataset, sampler, 2, start)
            if sampler is not None:
                for epoch in range(N_EPOCHS):
                    sampler.set_epoch(epoch)
                    found[f"places {epoch}"] = torch.tensor(list(sampler))
            save_file(found, f"{folder}/{kind} {rank}.safetensors")
        leave()
    finally:
        distributed.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(folder):
    """What each rank saw of every kind."""
    multiprocessing.spawn(load_in_rank, args=(str(folder),), nprocs=2)
    return {k: [load_file(folder / f"{k} {rank}.safetensors") for rank in (0, 1)] for k in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_two_ranks_see_every_item_once_and_what_one_process_sees(folder, ranks, kind):
    whole, parts = passes(make_dataset(folder, kind)), ranks[kind]
    for epoch in range(N_EPOCHS):
        signals, codes, wanted = f"signals {epoch}", f"codes {epoch}", whole[f"signals {epoch}"]
        if kind == "batches":  # the ranks take turns
            places = torch.arange(48).reshape(3, 2, 8).transpose(0, 1).flatten()
        else:
            places = torch.cat([part[f"places {epoch}"] for part in parts])
        assert sorted(places.tolist()) == list(range(len(wanted)))
        found = torch.cat([part[signals] for part in parts])
        torch.testing.assert_close(found, wanted[places], rtol=0, atol=1e-4)
        assert torch.equal(torch.cat([part[codes] for part in parts]), whole[codes][places])
    if kind != "augmented":  # whose real rows stay
        apart = distances(whole["signals 0"].flatten(1), whole["signals 1"].flatten(1))
        assert float(apart.min()) > 1e-3


def test_the_second_epoch_shuffles_again_and_renews_what_is_synthetic(folder, ranks):
    assert not torch.equal(*(ranks["augmented"][0][f"places {epoch}"] for epoch in (0, 1)))
    first, second = (
        passes(make_dataset(folder, "augmented"))[f"signals {epoch}"] for epoch in (0, 1)
    )
    real = torch.from_numpy(load_rows()[0]).float()
    assert 0 < int((first[:40] == real).all(dim=(1, 2)).sum()) < 40
    assert not (first[40:] == second[40:]).all(dim=(1, 2)).any()


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_eight_workers_do_not_change_the_stream(folder, kind):
    whole, found = (passes(make_dataset(folder, kind), n_workers=n) for n in (0, 8))
    assert whole.keys() == found.keys()
    for name, value in whole.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-4)
