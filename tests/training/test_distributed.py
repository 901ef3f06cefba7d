"""Two ranks that share weights and gradients."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from ranks import leave
from safetensors.torch import load_file, save_file
from torch import distributed, multiprocessing
from toys import CPU, Duel, make_batch

from bioaug.core.seeding import seeded
from bioaug.models.base import SignalSpec
from bioaug.nn.objectives import wasserstein_gp
from bioaug.training import Trainer, TrainerConfig
from bioaug.training.batches import balanced_batches

SPEC = SignalSpec(1, 8, 2)
CONFIG = TrainerConfig(n_steps=5, batch_size=8, grad_clip=1.0, ema_decay=0.9)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="gloo over a file"),
]


class Halves(Duel):
    """A model of which rank 1 skips a part, so that some of its gradients are missing."""

    def discriminator_loss(self, batch, context):
        losses = super().discriminator_loss(batch, context)
        if distributed.get_rank() == 1:
            losses = {"adversarial": (self.discriminator.linear.weight**2).sum()}
        return losses


def train_rank(rank: int, folder: str, model_name: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    try:
        with seeded(rank):  # other weights, noise and rows on each rank
            model = {"duel": Duel, "halves": Halves}[model_name](SPEC, wasserstein_gp())
            batches = balanced_batches(*make_batch(SPEC, 16, seed=rank), CONFIG.batch_size)
            first = {name: value.clone() for name, value in model.state_dict().items()}
            Trainer(CONFIG, CPU).fit(model, batches)
        save_file(model.state_dict(), f"{folder}/{rank}.safetensors")
        save_file(first, f"{folder}/{rank}-first.safetensors")
        leave()
    finally:
        distributed.destroy_process_group()


def run_two_ranks(folder: Path, model_name: str) -> list[dict[str, torch.Tensor]]:
    multiprocessing.spawn(train_rank, args=(str(folder), model_name), nprocs=2)
    return [load_file(folder / f"{name}.safetensors") for name in ("0", "1", "0-first", "1-first")]


@pytest.mark.parametrize("model_name", ["duel", "halves"])
def test_two_ranks_end_with_the_same_weights(tmp_path, model_name):
    zero, one, zero_first, one_first = run_two_ranks(tmp_path, model_name)
    assert not all(torch.equal(zero_first[name], one_first[name]) for name in zero)
    assert all(torch.equal(zero[name], one[name]) for name in zero)
    trained = [name for name in zero if name != "augmentation.chance"]
    assert not any(torch.equal(zero[name], zero_first[name]) for name in trained)
    assert all(torch.isfinite(value).all() for value in zero.values())


def average_rank(rank: int, folder: str) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    try:
        parameters = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(3))]
        parameters[0].grad = torch.tensor([1.0, 2.0]) * (rank + 1)
        if rank == 0:
            parameters[1].grad = torch.full((3,), 4.0)
        CPU.all_reduce_gradients(parameters)
        gradients = {str(index): p.grad for index, p in enumerate(parameters)}
        save_file(gradients, f"{folder}/{rank}.safetensors")
        leave()
    finally:
        distributed.destroy_process_group()


def test_gradients_are_averaged_and_missing_ones_count_as_0(tmp_path):
    multiprocessing.spawn(average_rank, args=(str(tmp_path),), nprocs=2)
    for rank in (0, 1):
        found = load_file(tmp_path / f"{rank}.safetensors")
        assert found["0"].tolist() == [1.5, 3.0]
        assert found["1"].tolist() == [2.0, 2.0, 2.0]


def test_alone_nothing_is_shared():
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    other = torch.nn.Parameter(torch.zeros(2))
    CPU.all_reduce_gradients([parameter, other])
    assert parameter.grad.tolist() == [1.0, 2.0]
    assert other.grad is None
