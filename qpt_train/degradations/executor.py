"""Runs every sample's own chain over a batch.

On CUDA the samples are grouped by (slot, operator): all index lists, parameters and seeds are
laid out on the host and sent in one copy each, and nothing in the loop waits for the device.
What it costs there is launching: a group is some fifty kernels, however few its samples, so large
batches are worth much, and `degrade_in_parts` lets the caller spread the launching. On the CPU
each sample runs through its chain alone, which keeps it in the cache and makes its pixels
independent of the batch to the last bit. Arithmetic is float32 with TF32 and autocast off.
"""

import contextlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from qpt_train.degradations.chain import Chain, Step
from qpt_train.degradations.counter_noise import pack_seeds
from qpt_train.degradations.draws import row_seeds
from qpt_train.degradations.table import DEGRADATIONS
from qpt_train.degradations.types import SMALLEST_SIDE

T = TypeVar("T")

Parts = Generator[int, None, T]
"""Work that is launched part by part: yields how many parts are left, returns its result."""

LARGEST_GROUP = 96
"""Most samples of one call on CUDA; bounds the scratch memory (about 40 MB a sample at 352)."""


class StepGroup(NamedTuple):
    """The samples that one call degrades: rows `start` to `stop` of the plan's tables."""

    name: str
    start: int
    stop: int


class Plan(NamedTuple):
    """Who is degraded by what, in order."""

    groups: list[StepGroup]
    samples: Tensor
    """(T,) int64: the sample of each table row."""
    params: Tensor
    """(T, P) float32."""
    seeds: Tensor
    """(T, 2) int32."""


def degrade_batch(x: Tensor, chains: Sequence[Chain]) -> Tensor:
    """Degrade each sample by its own chain.

    Args:
        x: (B, 3, H, W) sRGB, uint8 or floating in [0, 1], sides of at least 32 px; not written
            to.
        chains: B chains.

    Returns:
        A new tensor of the shape, dtype and device of `x`, rounded to whole 1/255.

    Raises:
        ValueError: if shapes or counts do not fit.
    """
    return finish(degrade_in_parts(x, chains))


@torch.no_grad()  # torch enters it anew each time a generator goes on, so callers never see it
def degrade_in_parts(x: Tensor, chains: Sequence[Chain]) -> Parts[Tensor]:
    """Do what `degrade_batch` does, on CUDA one operator group at a time.

    The current stream must be the same whenever the generator goes on.
    """
    _check_batch(x, len(chains))
    work = x.to(torch.float32)
    work = work / 255.0 if x.dtype == torch.uint8 else work.clamp(0.0, 1.0)
    work = work.contiguous()
    if x.device.type == "cpu":
        with full_precision(x.device):
            _degrade_one_by_one(work, chains)
    elif any(chain.steps for chain in chains):
        yield from run_plan(work, plan_groups(chains))
    levels = work.mul_(255.0).round_()
    return levels.to(torch.uint8) if x.dtype == torch.uint8 else levels.div_(255.0).to(x.dtype)


def finish(parts: Parts[T]) -> T:
    """Launch all the parts that are left and return the result."""
    while True:
        try:
            next(parts)
        except StopIteration as end:
            result: T = end.value
            return result


def degrade_single(x: Tensor, name: str, severity: int, seed: int) -> Tensor:
    """Degrade (3, H, W) or a whole batch by one degradation at one severity.

    Args:
        x: as for `degrade_batch`, with or without the batch axis.
        name: of the degradation.
        severity: 1 .. 5.
        seed: each row of a batch gets a seed of its own from it.

    Raises:
        ValueError: if the degradation is unknown or the shape does not fit.
    """
    batch = x if x.ndim == 4 else x[None]
    chains = [
        Chain((Step(name=name, severity=severity, seed=row_seed),))
        for row_seed in row_seeds(seed, len(batch))
    ]
    result = degrade_batch(batch, chains)
    return result if x.ndim == 4 else result[0]


def plan_groups(chains: Sequence[Chain], largest_group: int = LARGEST_GROUP) -> Plan:
    """Lay out the calls: slot by slot, and in a slot operator by operator."""
    groups: list[StepGroup] = []
    rows: list[tuple[int, Step]] = []
    for slot in range(max((len(chain.steps) for chain in chains), default=0)):
        members: dict[str, list[tuple[int, Step]]] = {name: [] for name in DEGRADATIONS}
        for number, chain in enumerate(chains):
            if slot < len(chain.steps):
                step = chain.steps[slot]
                members[step.name].append((number, step))
        for name, present in members.items():
            for first in range(0, len(present), largest_group):
                part = present[first : first + largest_group]
                groups.append(StepGroup(name, len(rows), len(rows) + len(part)))
                rows.extend(part)
    return Plan(
        groups,
        torch.tensor([number for number, _ in rows], dtype=torch.int64),
        torch.tensor([step.params for _, step in rows], dtype=torch.float32),
        pack_seeds([step.seed for _, step in rows]),
    )


@torch.no_grad()
def run_plan(work: Tensor, plan: Plan) -> Parts[None]:
    """Degrade (B, 3, H, W) float32 in place, a group a part, without waiting for the device."""
    tables = [plan.samples, plan.params, plan.seeds]
    if work.is_cuda:
        tables = [table.pin_memory().to(work.device, non_blocking=True) for table in tables]
    samples, params, seeds = tables
    for number, group in enumerate(plan.groups, start=1):
        part = slice(group.start, group.stop)
        operator = DEGRADATIONS[group.name].apply
        with full_precision(work.device):
            degraded = operator(work.index_select(0, samples[part]), params[part], seeds[part])
        work.index_copy_(0, samples[part], degraded.clamp(0.0, 1.0))
        yield len(plan.groups) - number


def _degrade_one_by_one(work: Tensor, chains: Sequence[Chain]) -> None:
    """Degrade the batch in place, every sample on one thread, as many at once as torch may use.

    The planes of one crop are too small to share: two threads inside each operation take longer
    than one, many times longer on a busy machine. It also makes the pixels independent of the
    number of threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=_prepare_thread) as pool:
            for _ in pool.map(_degrade_sample, torch.split(work, 1), chains):
                pass
    finally:
        torch.set_num_threads(threads)


def _prepare_thread() -> None:
    """Set up a thread of the pool; both settings belong to the thread in torch."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)


def _degrade_sample(sample: Tensor, chain: Chain) -> None:
    """Degrade (1, 3, H, W) in place."""
    if not chain.steps:
        return
    seeds = pack_seeds([step.seed for step in chain.steps])
    for slot, step in enumerate(chain.steps):
        params = torch.tensor([step.params], dtype=torch.float32)
        degraded = DEGRADATIONS[step.name].apply(sample, params, seeds[slot : slot + 1])
        torch.clamp(degraded, 0.0, 1.0, out=sample)


@contextlib.contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Switch TF32 and autocast off: TF32's error of 1e-3 is a quarter of an 8-bit level."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _check_batch(x: Tensor, count: int) -> None:
    """Check the arguments of `degrade_batch`."""
    if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[-2:]) < SMALLEST_SIDE:
        raise ValueError(
            f"a batch must be (B, 3, H, W) with sides >= {SMALLEST_SIDE}, not {tuple(x.shape)}"
        )
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise ValueError(f"a batch must be uint8 or floating, not {x.dtype}")
    if len(x) != count:
        raise ValueError(f"{len(x)} samples but {count} chains")
