"""How a scoring run goes about its work, and what it wants of a decode pool."""

import os
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from qpt_app.core.decode_pool import DecodeOutcome, ViewsJob

WINDOW = 4096
"""Most results that wait for an earlier photo before reading on stops."""
CPU_BATCH = 8
"""Photos a batch on a CPU: enough to be efficient, few enough that rows keep coming."""
FIRST_CPU_BATCH = 2
"""Photos in a run's first batch on a CPU, twice as many in each that follows: the first rows come
in a quarter of a whole batch's time."""
GPU_BATCH = 32
"""Photos a batch on a GPU."""


class PhotoPool(Protocol):
    """Decodes photos elsewhere; `DecodePool` is one."""

    def submit(self, job: "ViewsJob", *, priority: int = 0) -> "Future[DecodeOutcome]":
        """Queue a job; a lower number goes first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoringOptions:
    """How a run goes about its work; no choice here changes a score."""

    batch_size: int | None = None
    """Photos given to the scorer at a time; None for `GPU_BATCH`, or `CPU_BATCH` after a few small
    ones."""
    workers: int = os.cpu_count() or 1
    """How many decode processes there are to keep busy."""
    lookahead: int = 512
    """Most files looked up in the cache at a time. Files are taken from the iterator no sooner than
    needed, so a caller that decides the order as it goes wants a small number."""
    in_order: bool = True
    """Results in the order of the files; otherwise each as soon as it is known."""
    with_features: bool = True
    """Whether results carry the encoder's vector (some kilobytes each)."""
    retry_failed: bool = False
    """Whether photos that failed before are tried again although the cache knows them."""
