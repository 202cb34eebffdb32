"""Source windows -> degraded views on the device, ahead of the step that needs them.

Order of events: copy to the device, repeat M times, degrade each row with its own chain, cut the
two crops out of the degraded window, mirror some. After the degradation nothing changes quality.
On CUDA all this runs on a side stream, ahead of the steps, for many rows at once: launching the
kernels is what degradations cost there, and it hardly grows with the rows.
"""

import contextlib
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from qpt_train.data.contrastive_set import Skipped, SourceGroup
from qpt_train.degradations.executor import Parts, degrade_in_parts, finish

ROWS_AT_ONCE = 2048
"""Rows that are degraded together on CUDA. One step of the ResNet-50 recipe on one GPU; windows
of 352 px take 3 GB meanwhile, as float32."""


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


def make_views(group: SourceGroup, *, crop_size: int, device: torch.device) -> ViewGroup:
    """Turn one group of source windows into query and key views on the device."""
    return finish(views_in_parts([group], crop_size=crop_size, device=device))[0]


@torch.no_grad()
def views_in_parts(
    groups: Sequence[SourceGroup], *, crop_size: int, device: torch.device
) -> Parts[list[ViewGroup]]:
    """Make the views of several groups, launched part by part (`executor.degrade_in_parts`).

    Whatever comes from the host comes as it lies there (pinned, in a run on CUDA) and is worked
    on by the device, so no copy makes the host wait.
    """
    sources, image_ids, crops, flips, chain_ids = (
        torch.cat([field.to(device, non_blocking=True) for field in fields])
        for fields in zip(
            *((g.sources, g.image_ids, g.crops, g.flips, g.chain_ids) for g in groups), strict=True
        )
    )
    compositions = crops.shape[1]
    degraded = yield from degrade_in_parts(
        sources.repeat_interleave(compositions, dim=0),
        [chain for group in groups for chain in group.chains],
    )
    rows = [len(group.chains) for group in groups]
    crops, flips = crops.flatten(0, 1), flips.flatten(0, 1)
    query, key = (
        cut_crops(degraded, crops[:, part], flips[:, part], crop_size) for part in range(2)
    )
    columns = (query, key, image_ids.repeat_interleave(compositions), chain_ids)
    parts = (torch.split(column, rows) for column in columns)
    return [
        ViewGroup(*fields)
        for fields in zip(*parts, (tuple(group.skipped) for group in groups), strict=True)
    ]


def cut_crops(windows: Tensor, places: Tensor, flips: Tensor, crop_size: int) -> Tensor:
    """Cut one crop from each window, mirrored where asked.

    Args:
        windows: (R, 3, S, S).
        places: (R, 2) int64, top and left, on the windows' device.
        flips: (R,) bool, on the same device.
        crop_size: side of the crops.

    Returns:
        (R, 3, C, C), contiguous, of the windows' type and device.
    """
    device = windows.device
    steps = torch.arange(crop_size, device=device)
    ys = places[:, :1] + steps  # (R, C)
    xs = places[:, 1:] + torch.where(flips[:, None], crop_size - 1 - steps, steps)
    rows = torch.arange(len(windows), device=device)[:, None, None, None]
    channels = torch.arange(windows.shape[1], device=device)[None, :, None, None]
    return windows[rows, channels, ys[:, None, :, None], xs[:, None, None, :]]


def groups_at_once(group_rows: int, device: torch.device) -> int:
    """Return how many groups are degraded together: many on CUDA, one elsewhere."""
    return max(1, ROWS_AT_ONCE // group_rows) if device.type == "cuda" else 1


class ViewStream:
    """Yields view groups; on CUDA it works ahead on a stream of its own.

    Called once for each group that is trained on, `work_ahead` launches such a share of the next
    batch of groups that this is ready when it is needed, and returns: the device is never left
    waiting for the host to launch degradations. The stream has a higher priority than the
    training's, or each of its many small kernels would wait for a large one to end.
    """

    def __init__(
        self,
        groups: Iterator[SourceGroup],
        *,
        crop_size: int,
        device: torch.device,
        at_once: int = 1,
    ) -> None:
        self._groups = groups
        self._crop_size = crop_size
        self._device = device
        self._at_once = at_once
        self._ready: deque[tuple[ViewGroup, torch.cuda.Event | None]] = deque()
        self._work: Parts[list[ViewGroup]] | None = None
        self._share = 1
        self._side = _side_stream(device)

    def work_ahead(self) -> None:
        """Launch a share of the next groups on the side stream (CUDA only)."""
        if self._side is None:
            return
        if self._work is None:
            if len(self._ready) >= self._at_once or not self._begin():
                return
            left = self._advance(1)
            self._share = -(-(left + 1) // self._at_once)
        self._advance(self._share)

    def next_group(self) -> ViewGroup:
        """Return the next group.

        Raises:
            StopIteration: after the last one.
        """
        while not self._ready:
            if self._work is None and not self._begin():
                raise StopIteration
            self._advance(None)
        views, done = self._ready.popleft()
        if done is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(done)
            for tensor in views[:4]:
                tensor.record_stream(current)
        return views

    def _begin(self) -> bool:
        """Take the next source groups, if there are any more."""
        sources = list(itertools.islice(self._groups, self._at_once))
        if sources:
            self._work = views_in_parts(sources, crop_size=self._crop_size, device=self._device)
        return bool(sources)

    def _advance(self, parts: int | None) -> int:
        """Launch some parts of the work, or all; return how many are left."""
        left = 0
        if self._work is None:
            return left
        with contextlib.nullcontext() if self._side is None else torch.cuda.stream(self._side):
            try:
                for _ in itertools.repeat(None) if parts is None else range(parts):
                    left = next(self._work)
            except StopIteration as end:
                self._keep(end.value)
                left = 0
        return left

    def _keep(self, views: list[ViewGroup]) -> None:
        """Put finished groups where `next_group` finds them."""
        self._work = None
        done = None
        if self._side is not None:
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(self._side)
        self._ready.extend((group, done) for group in views)


def _side_stream(device: torch.device) -> torch.cuda.Stream | None:
    """Return a new stream of a CUDA device, of high priority; None elsewhere."""
    if device.type != "cuda":
        return None
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]
