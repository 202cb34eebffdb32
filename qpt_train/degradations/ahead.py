"""Prepares one batch ahead on a CUDA side stream; on the CPU a plain loop."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class _Prepared(NamedTuple):
    """Tensors under way on the side stream, and the event that says they are there."""

    tensors: tuple[Tensor, ...]
    ready: torch.cuda.Event


def prepare_ahead(
    items: Iterable[T], work: Callable[[T], tuple[Tensor, ...]], device: torch.device
) -> Iterator[tuple[Tensor, ...]]:
    """Yield `work(item)` for every item, in order.

    On CUDA `work` runs on a side stream and one item ahead, so that its kernels fill the gaps of
    the training step; the tensors may be used on the current stream as they come. Elsewhere it is
    `map(work, items)`.

    Args:
        items: what to prepare; read one ahead of what is yielded on CUDA.
        work: returns tensors on `device`, without waiting for the device.
        device: of the tensors.
    """
    if device.type != "cuda":
        yield from map(work, items)
        return
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    waiting: _Prepared | None = None
    for item in items:
        upcoming = _launch(item, work, side)
        if waiting is not None:
            yield _hand_over(waiting, device)
        waiting = upcoming
    if waiting is not None:
        yield _hand_over(waiting, device)


def _launch(item: T, work: Callable[[T], tuple[Tensor, ...]], side: torch.cuda.Stream) -> _Prepared:
    """Queue the work on the side stream, behind nothing but the side stream itself."""
    side.wait_stream(torch.cuda.current_stream(side.device))
    with torch.cuda.stream(side):
        tensors = work(item)
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
        ready.record(side)
    return _Prepared(tensors, ready)


def _hand_over(prepared: _Prepared, device: torch.device) -> tuple[Tensor, ...]:
    """Make the current stream wait for the tensors and own their memory."""
    stream = torch.cuda.current_stream(device)
    stream.wait_event(prepared.ready)
    for tensor in prepared.tensors:
        tensor.record_stream(stream)
    return prepared.tensors
