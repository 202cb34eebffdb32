"""The processes of one run. Every function does nothing, or the plain thing, on a single one.

Rows of a step are in rank order everywhere: rank r holds the r-th equal part of the images.
Only keys are gathered, and keys carry no gradient, so no gradient has to flow through a gather:
each rank's loss is its rows' share of the step's mean and the gradients are summed.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from qpt_app.errors import DeviceError

T = TypeVar("T")

COLLECTIVE_TIMEOUT = timedelta(minutes=10)


class Ranks(NamedTuple):
    """This process among the others."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes the log and the checkpoints."""
        return self.rank == 0


SINGLE = Ranks()
"""The only process of a run."""


@contextlib.contextmanager
def process_group(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that torchrun started, or be the only one.

    torchrun says by environment variables which rank this is. The group leaves together: a
    barrier keeps the first from tearing down what the last still needs.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=COLLECTIVE_TIMEOUT)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
        dist.barrier()
    finally:
        dist.destroy_process_group()


def local_device(name: str) -> torch.device:
    """Return the device of this process: `auto`, `cpu`, `cuda` (its own GPU) or `mps`.

    Raises:
        DeviceError: if there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        index = int(os.environ.get("LOCAL_RANK", "0"))
        if index >= torch.cuda.device_count():
            raise DeviceError(
                f"process {index} has no CUDA device of its own; {torch.cuda.device_count()} found"
            )
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if name == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("there is no MPS device here")
    if name not in ("cpu", "mps"):
        raise DeviceError(f"unknown device {name!r}; known: auto, cpu, cuda, mps")
    return torch.device(name)


def gather_rows(rows: Tensor, ranks: Ranks) -> Tensor:
    """Return the rows of all ranks in rank order, (world * N, ...). Not differentiable."""
    if ranks.world_size == 1:
        return rows
    out = rows.new_empty((ranks.world_size * rows.shape[0], *rows.shape[1:]))
    dist.all_gather_into_tensor(out, rows.contiguous())
    return out


def exchange_groups(rows: Tensor, groups: int, ranks: Ranks) -> Tensor:
    """Bring each key group together on one rank.

    Args:
        rows: (groups * P, ...) this rank's part of every group, group after group.
        groups: number of groups of the whole step, a multiple of the number of ranks.
        ranks: the processes.

    Returns:
        The same number of rows: this rank's groups (rank r has the r-th equal part of them),
        each complete, in rank order, which is image order.
    """
    if ranks.world_size == 1:
        return rows
    received = torch.empty_like(rows)
    dist.all_to_all_single(received, rows.contiguous())
    shape = (ranks.world_size, groups // ranks.world_size, -1, *rows.shape[1:])
    return received.reshape(shape).transpose(0, 1).reshape(rows.shape)


def sum_gradients(parameters: list[nn.Parameter], ranks: Ranks) -> None:
    """Add up the gradients of all ranks, in place and in one message."""
    if ranks.world_size == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
    torch._foreach_copy_(gradients, [p.view_as(g) for p, g in zip(pieces, gradients, strict=True)])


def mean_over_ranks(tensors: list[Tensor], ranks: Ranks) -> None:
    """Replace tensors by their mean over the ranks, in place."""
    if ranks.world_size == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    flat /= ranks.world_size
    pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
    torch._foreach_copy_(tensors, [p.view_as(t) for p, t in zip(pieces, tensors, strict=True)])


def sum_over_ranks(values: Tensor, ranks: Ranks) -> Tensor:
    """Return the sum of a small vector over the ranks; the same on all of them."""
    if ranks.world_size > 1:
        dist.all_reduce(values)
    return values


def gather_objects(value: T, ranks: Ranks) -> list[T]:
    """Return every rank's value, in rank order. Slow: for what happens seldom."""
    if ranks.world_size == 1:
        return [value]
    values: list[T | None] = [None] * ranks.world_size
    dist.all_gather_object(values, value)
    return [each for each in values if each is not None]
