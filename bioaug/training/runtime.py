"""The only code that knows a device, a precision, a rank or a number of threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from threadpoolctl import threadpool_limits
from torch import distributed, nn
from torch.nn import Parameter

from bioaug.exceptions import DataError

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Runtime:
    """Where and how a training runs."""

    device: torch.device
    precision: str = "float32"

    @classmethod
    def create(cls, device: str = "auto", precision: str = "float32") -> Runtime:
        """Return the runtime on `device`; "auto" takes a GPU where there is one.

        Raises
        ------
        DataError
            Where torch does not know the device or cannot reach it.
        """
        if isinstance(device, str) and device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            chosen = torch.device(device)
            torch.zeros(1, device=chosen).item()  # starts CUDA too, so that `seeded` forks it
        except (RuntimeError, AssertionError, TypeError, ValueError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0][:100]
            raise DataError(
                f"The 'device' parameter must name a device that is there: 'auto', 'cpu' or a GPU "
                f"such as 'cuda' ({torch.cuda.device_count()} found). Got {device!r} instead "
                f"({reason}). Use device='auto'."
            ) from error
        return cls(chosen, precision)

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in bfloat16 inside this block, where that was asked for."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def broadcast_weights(self, model: nn.Module) -> None:
        """Give every rank the weights of rank 0."""
        if distributed.is_available() and distributed.is_initialized():
            for tensor in model.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def all_reduce_gradients(self, parameters: Sequence[Parameter]) -> None:
        """Average gradients over ranks, after backward; a missing one counts as 0."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= distributed.get_world_size()


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Compute with `n_threads` threads in this block, in torch, numpy and scikit-learn alike.

    Sums depend on their number by rounding, which a training amplifies; workers of joblib have
    fewer than the process that started them. None leaves all as it is.
    """
    if n_threads is None:
        yield
        return
    before = torch.get_num_threads()
    with threadpool_limits(n_threads):
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
