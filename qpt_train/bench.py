"""Pairs per second of each part of pre-training, and how near the whole comes to its bound.

A pair is one row of the loss: a query crop and a key crop of one degraded image.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from qpt_train.bench_bound import Bound, encoder_bound
from qpt_train.data.contrastive_set import SourceGroup
from qpt_train.data.manifest import scan_photos
from qpt_train.degradations.executor import finish
from qpt_train.degradations.space import DegradationSpace
from qpt_train.distributed import SINGLE
from qpt_train.pretrain import (
    PretrainOptions,
    global_order,
    group_loader,
    prefetched_groups,
    training_networks,
    view_stream,
)
from qpt_train.pretrain_config import PretrainRecipe
from qpt_train.pretrain_state import PretrainState, build_state
from qpt_train.pretrain_step import Networks, apply_step, compute_step
from qpt_train.view_stream import ViewGroup, ViewStream, groups_at_once, views_in_parts

DEVICE_RATES: dict[str, tuple[float, float]] = {"H200": (790e12, 4.3e12), "H100": (790e12, 3.0e12)}
"""Part of a GPU's name -> achievable bfloat16 FLOP/s and bytes/s: assumptions, not measured by the
project. Other devices, and float32, get a measured pair of rates from `measure_rates`."""

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchOptions:
    """What to measure on."""

    photos: tuple[Path, ...]
    device: torch.device
    num_workers: int = 2
    steps: int = 10
    """Timed steps, after `warmup` that are not."""
    warmup: int = 3
    clock: Clock = time.perf_counter


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchResult:
    """Rates in pairs per second, unless a name says otherwise."""

    device: str
    encoder: str
    crop_size: int
    precision: str
    rows_per_step: int
    decode: float
    """Workers alone: read, decode, cut; pairs that these photos would make."""
    degrade: float
    """Degradations and crops alone, on the device."""
    forward_backward: float
    """Whole optimiser step on views that lie ready: synthetic input."""
    end_to_end: float
    """Everything, as in a run."""
    degrade_share: float
    """Time of the degradations over that of the step on ready views."""
    bound: dict[str, Any]
    share_of_bound: float | None
    """`forward_backward` over the bound."""


def bench(recipe: PretrainRecipe, options: BenchOptions) -> BenchResult:
    """Measure each part alone, then the whole.

    Raises:
        QptError: as `pretrain` does for its recipe and photos.
    """
    source = _Source(recipe, options)
    decode = _decode_rate(source)
    degrade, views = _degrade_rate(source)
    state = build_state(recipe, options.device)
    networks = training_networks(recipe, state)
    compute = _rate(
        source,
        options.warmup,
        lambda: _step(recipe, state, networks, views, lambda: None),
    )
    whole = _whole_rate(source, state, networks)
    bound = _bound(recipe, options)
    limit = bound.pairs_per_s
    return BenchResult(
        device=_device_name(options.device),
        encoder=recipe.encoder,
        crop_size=recipe.views.crop_size,
        precision=recipe.precision,
        rows_per_step=recipe.rows,
        decode=decode,
        degrade=degrade,
        forward_backward=compute,
        end_to_end=whole,
        degrade_share=compute / degrade,
        bound=asdict(bound) | {"pairs_per_s": limit},
        share_of_bound=None if limit is None else compute / limit,
    )


class _Source:
    """Where the parts get their photos from."""

    def __init__(self, recipe: PretrainRecipe, options: BenchOptions) -> None:
        self.recipe = recipe
        self.options = options
        self.run = PretrainOptions(
            photos=options.photos,
            out=Path(),
            device=options.device,
            num_workers=options.num_workers,
        )
        self._manifest = scan_photos(options.photos)
        self._space = DegradationSpace(recipe.degradations)
        self._order = global_order(recipe, self._manifest)

    @property
    def at_once(self) -> int:
        """Groups that are degraded together."""
        return groups_at_once(self.recipe.batch.group_rows, self.options.device)

    @property
    def warmup(self) -> int:
        """Steps after which nothing is left of what workers and the stream had ready.

        Timed from the first step on, a short run would count photos decoded before the clock
        started.
        """
        ready = prefetched_groups(self.run) + 2 * self.at_once
        return max(self.options.warmup, -(-ready // self.recipe.groups))

    def groups(self, steps: int) -> Iterator[SourceGroup]:
        """Return the source groups of so many steps, decoded by new workers."""
        parts = (self.recipe, self.run, self._manifest, self._space, self._order)
        return iter(group_loader(*parts, 0, steps))

    def stream(self, steps: int) -> ViewStream:
        """Return the views of so many steps."""
        parts = (self.recipe, self.run, self._manifest, self._space, self._order)
        return view_stream(*parts, 0, steps)


def report(result: BenchResult) -> str:
    """Return the result as text for a person."""
    bound = result.bound
    lines = [
        f"{result.device}; {result.encoder} at {result.crop_size}, {result.rows_per_step} rows",
        f"decode            {result.decode:10.1f} pairs/s",
        f"degrade           {result.degrade:10.1f} pairs/s "
        f"({100 * result.degrade_share:.0f} % of the step)",
        f"forward+backward  {result.forward_backward:10.1f} pairs/s (views lie ready)",
        f"end to end        {result.end_to_end:10.1f} pairs/s",
        f"one forward: {bound['multiply_adds']:.2f} G multiply-adds, "
        f"{bound['activation_values']:.2f} M values; one pair: "
        f"{bound['bytes_per_pair']:.0f} MB of memory traffic in {result.precision}",
    ]
    if result.share_of_bound is not None:
        lines.append(
            f"bound: {bound['pairs_per_s']:.0f} pairs/s (arithmetic "
            f"{bound['compute_pairs_per_s']:.0f}, memory {bound['memory_pairs_per_s']:.0f}); "
            f"reached {100 * result.share_of_bound:.0f} %"
        )
    return "\n".join(lines)


def measure_rates(
    device: torch.device, dtype: torch.dtype, clock: Clock = time.perf_counter
) -> tuple[float, float]:
    """Measure a device: (matrix FLOP/s in a type, bytes/s of a copy, read plus write)."""
    side = 4096 if device.type == "cuda" else 1024
    one = torch.randn(side, side, device=device).to(dtype)
    flat = torch.empty(64 * side * side // 4, dtype=torch.uint8, device=device)
    target = torch.empty_like(flat)

    def seconds(work: Callable[[], object], repeats: int = 10) -> float:
        work()
        _wait(device)
        start = clock()
        for _ in range(repeats):
            work()
        _wait(device)
        return (clock() - start) / repeats

    flops = 2.0 * side**3 / seconds(lambda: one @ one)
    return flops, 2.0 * flat.numel() / seconds(lambda: target.copy_(flat))


def _decode_rate(source: _Source) -> float:
    """Return how many pairs per second the workers can feed."""
    groups = source.groups(source.warmup + source.options.steps)
    for _ in range(source.warmup * source.recipe.groups):
        next(groups)
    start = source.options.clock()
    count = sum(len(group.chains) for group in groups)
    return count / (source.options.clock() - start)


def _degrade_rate(source: _Source) -> tuple[float, list[ViewGroup]]:
    """Return the rate of degrading and cutting as a run does it, and one step's views."""
    recipe, device = source.recipe, source.options.device
    together = max(source.at_once, recipe.groups)
    steps = -(-together // recipe.groups)
    groups = list(itertools.islice(source.groups(steps), together))
    batches = [groups[n : n + source.at_once] for n in range(0, together, source.at_once)]

    def work() -> list[ViewGroup]:
        return [
            views
            for batch in batches
            for views in finish(
                views_in_parts(batch, crop_size=recipe.views.crop_size, device=device)
            )
        ]

    views = work()
    rate = _rate(source, source.options.warmup, work)
    return rate * together / recipe.groups, views[: recipe.groups]


def _whole_rate(source: _Source, state: PretrainState, networks: Networks) -> float:
    """Return the rate of everything together, as in a run."""
    recipe = source.recipe
    beyond = -(-2 * source.at_once // recipe.groups)
    stream = source.stream(source.warmup + source.options.steps + beyond)

    def work() -> None:
        views = [stream.next_group() for _ in range(recipe.groups)]
        _step(recipe, state, networks, views, stream.work_ahead)

    return _rate(source, source.warmup, work)


def _step(
    recipe: PretrainRecipe,
    state: PretrainState,
    networks: Networks,
    views: list[ViewGroup],
    work_ahead: Callable[[], None],
) -> None:
    """Do one optimiser step."""
    result = compute_step(recipe, state, networks, views, ranks=SINGLE, work_ahead=work_ahead)
    apply_step(recipe, state, result.bank, total_steps=1_000_000, ranks=SINGLE)


def _rate(source: _Source, warmup: int, work: Callable[[], object]) -> float:
    """Return rows per second of repeated work on a step's rows."""
    options = source.options
    for _ in range(warmup):
        work()
    _wait(options.device)
    start = options.clock()
    for _ in range(options.steps):
        work()
    _wait(options.device)
    return options.steps * source.recipe.rows / (options.clock() - start)


def _bound(recipe: PretrainRecipe, options: BenchOptions) -> Bound:
    """Return the bound of the recipe's encoder on this device."""
    name = _device_name(options.device)
    rates = next((rates for part, rates in DEVICE_RATES.items() if part in name), None)
    if rates is None or recipe.precision != "bfloat16":
        dtype = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
        rates = measure_rates(options.device, dtype, options.clock)
    return encoder_bound(
        recipe.encoder,
        recipe.views.crop_size,
        flops_per_s=rates[0],
        bytes_per_s=rates[1],
        precision=recipe.precision,
    )


def _device_name(device: torch.device) -> str:
    """Return what the device is called."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def _wait(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
