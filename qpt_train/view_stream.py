"""Source windows -> degraded views on the device, ahead of the step that needs them.

Order of events for one group: copy to the device, repeat M times, degrade each row with its own
chain, cut the two crops out of the degraded window, mirror some. After the degradation nothing
changes quality. On CUDA all this runs on a side stream, one step ahead.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from qpt_train.data.contrastive_set import Skipped, SourceGroup
from qpt_train.degradations.executor import degrade_batch


class ViewGroup(NamedTuple):
    """The views of one group of R = images * M rows, row r = i * M + m."""

    query: Tensor
    """(R, 3, C, C) uint8."""
    key: Tensor
    """(R, 3, C, C) uint8, another place of the same degraded image."""
    image_ids: Tensor
    """(R,) int64."""
    chain_ids: Tensor
    """(R,) int64, equal for equal chains."""
    skipped: tuple[Skipped, ...] = ()


@torch.no_grad()
def make_views(group: SourceGroup, *, crop_size: int, device: torch.device) -> ViewGroup:
    """Turn one group of source windows into query and key views on the device."""
    compositions = group.crops.shape[1]
    sources = group.sources.to(device, non_blocking=True)
    degraded = degrade_batch(sources.repeat_interleave(compositions, dim=0), group.chains)
    crops, flips = group.crops.flatten(0, 1), group.flips.flatten(0, 1)
    query, key = (
        cut_crops(degraded, crops[:, part], flips[:, part], crop_size) for part in range(2)
    )
    return ViewGroup(
        query,
        key,
        group.image_ids.repeat_interleave(compositions).to(device, non_blocking=True),
        group.chain_ids.to(device, non_blocking=True),
        group.skipped,
    )


def cut_crops(windows: Tensor, places: Tensor, flips: Tensor, crop_size: int) -> Tensor:
    """Cut one crop from each window, mirrored where asked.

    Args:
        windows: (R, 3, S, S).
        places: (R, 2) int64 on the CPU, top and left.
        flips: (R,) bool on the CPU.
        crop_size: side of the crops.

    Returns:
        (R, 3, C, C), contiguous, of the windows' type and device.
    """
    steps = torch.arange(crop_size)
    ys = places[:, :1] + steps  # (R, C)
    xs = places[:, 1:] + torch.where(flips[:, None], crop_size - 1 - steps, steps)
    ys, xs = (position.to(windows.device, non_blocking=True)[:, None, :] for position in (ys, xs))
    rows = torch.arange(len(windows), device=windows.device)[:, None, None, None]
    channels = torch.arange(windows.shape[1], device=windows.device)[None, :, None, None]
    return windows[rows, channels, ys[..., None], xs[:, :, None, :]]


class ViewStream:
    """Yields view groups; on CUDA it works ahead on a stream of its own.

    `work_ahead` launches at most one group and returns at once: call it between the parts of a
    step, so that the device is never left waiting for the host to launch degradations.
    """

    def __init__(
        self,
        groups: Iterator[SourceGroup],
        make: Callable[[SourceGroup], ViewGroup],
        *,
        device: torch.device,
        ahead: int,
    ) -> None:
        self._groups = groups
        self._make = make
        self._device = device
        self._ahead = ahead
        self._ready: deque[tuple[ViewGroup, torch.cuda.Event | None]] = deque()
        self._side = _side_stream(device)

    def work_ahead(self) -> None:
        """Launch the next group on the side stream, unless enough are waiting (CUDA only)."""
        if self._side is not None and len(self._ready) < self._ahead:
            with contextlib.suppress(StopIteration):
                self._launch()

    def next_group(self) -> ViewGroup:
        """Return the next group.

        Raises:
            StopIteration: after the last one.
        """
        if not self._ready:
            self._launch()
        views, done = self._ready.popleft()
        if done is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(done)
            for tensor in views[:4]:
                tensor.record_stream(current)
        return views

    def _launch(self) -> None:
        """Make one group, on the side stream where there is one."""
        group = next(self._groups)
        if self._side is None:
            self._ready.append((self._make(group), None))
            return
        with torch.cuda.stream(self._side):
            views = self._make(group)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(self._side)
        self._ready.append((views, done))


def _side_stream(device: torch.device) -> torch.cuda.Stream | None:
    """Return a new stream of a CUDA device; None elsewhere."""
    if device.type != "cuda":
        return None
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
