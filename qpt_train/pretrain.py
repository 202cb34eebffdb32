"""Quality-aware pre-training: a folder of photos -> an encoder. Readable top to bottom.

One process: `qpt-train pretrain`; several: `torchrun --nproc-per-node N -m qpt_train pretrain`.
A step is in pretrain_step.py, what is carried from step to step in pretrain_state.py.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import DataLoader

from qpt_app.errors import DatasetError, NonFiniteLossError, UsageError
from qpt_train.checkpoint import list_checkpoints
from qpt_train.config import config_to_dict
from qpt_train.data.contrastive_set import ContrastiveSet, GroupCollate, Skipped, SourceGroup
from qpt_train.data.manifest import Manifest, scan_photos
from qpt_train.data.sampler import GlobalOrder, GroupSampler
from qpt_train.degradations.space import DegradationSpace, describe_space
from qpt_train.distributed import SINGLE, Ranks, gather_objects
from qpt_train.out_folder import make_folder
from qpt_train.pretrain_config import PretrainRecipe
from qpt_train.pretrain_log import PretrainLog
from qpt_train.pretrain_state import (
    PretrainState,
    build_state,
    refuse_used_folder,
    restore_state,
    save_state,
    warm_start,
)
from qpt_train.pretrain_step import Networks, StepResult, apply_step, compute_step, effective_rank
from qpt_train.probe import ProbeSet, load_probe_set, probe_encoder
from qpt_train.stop_flag import survive_first_sigterm
from qpt_train.view_stream import ViewGroup, ViewStream, groups_at_once

PREFETCHED_GROUPS = 4
"""Groups that each DataLoader worker keeps ready."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainOptions:
    """What may differ from one start of the same run to the next."""

    photos: tuple[Path, ...]
    """Folders of photos or of tar parts; searched recursively."""
    out: Path
    """The run's folder: checkpoints, log, record."""
    device: torch.device
    ranks: Ranks = SINGLE
    num_workers: int = 2
    """Decoding processes of this process; 0 decodes in it."""
    resume: bool = False
    init: Path | None = None
    """Encoder weights to start from instead of random ones; the record says so."""
    probe: Path | None = None
    """Labelled set of the online probe; None leaves it out."""
    max_minutes: float | None = None
    """Save and stop cleanly after this time."""
    checkpoint_minutes: float = 10.0
    keep: int = 3
    """Newest checkpoints kept, at least 2."""
    clock: Callable[[], float] = time.monotonic
    should_stop: Callable[[], bool] = lambda: False
    """Asked at every step; true after SIGTERM."""
    on_step: Callable[[int, int, float], None] = lambda _step, _total, _loss: None
    """Told (steps done, steps in all, loss) for a progress bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainSummary:
    """How a run ended."""

    finished: bool
    """False when it was stopped before its last step."""
    step: int
    total_steps: int
    loss: float
    skipped_photos: int
    pairs_per_second: float
    """Rows of the loss per second of this start, over all processes."""
    probe_srcc: float | None


def pretrain(recipe: PretrainRecipe, options: PretrainOptions) -> PretrainSummary:
    """Train an encoder on photos without labels.

    Raises:
        DatasetError: for too few photos, or too many that cannot be read.
        UsageError: for an unknown encoder, or a number of processes that does not fit.
        CheckpointError: for `resume` without a usable checkpoint of the same recipe and photos,
            or a fresh start into a folder that already holds one.
        NonFiniteLossError: before a step with a loss or gradient that is not finite.
    """
    _check_ranks(recipe, options.ranks)
    if recipe.precision == "bfloat16" and options.device.type == "cpu" and not fast_bfloat16():
        _log.warning("this processor computes bfloat16 slowly; add --set precision=float32")
    manifest = scan_photos(options.photos)
    order = global_order(recipe, manifest)
    total = total_steps(recipe, order.steps_per_epoch)
    space = DegradationSpace(recipe.degradations)
    record = run_record(recipe, manifest, space, options.init)
    state = _start(recipe, options, record)
    probe_set = _load_probe(recipe, options)
    stream = view_stream(recipe, options, manifest, space, order, state.step, total)
    with PretrainLog(options.out, options.ranks, manifest) as log:
        log.start(
            describe_space(space),
            step=state.step,
            total_steps=total,
            device=str(options.device),
            processes=options.ranks.world_size,
            **record,
        )
        return _train(recipe, options, state, stream, total, log, probe_set, record)


def _train(
    recipe: PretrainRecipe,
    options: PretrainOptions,
    state: PretrainState,
    stream: ViewStream,
    total: int,
    log: PretrainLog,
    probe_set: ProbeSet | None,
    record: dict[str, Any],
) -> PretrainSummary:
    """Run the steps from `state.step` to the end, or until stopped."""
    networks = training_networks(recipe, state)
    checkpoints = options.out / "checkpoints"
    started = saved = options.clock()
    first_step, loss, probe_srcc = state.step, math.nan, None
    while state.step < total:
        groups = _next_step(recipe, options.ranks, stream)
        now = options.clock()
        out_of_time = options.max_minutes is not None and now - started > 60 * options.max_minutes
        result = compute_step(
            recipe,
            state,
            networks,
            groups,
            ranks=options.ranks,
            stop=options.should_stop() or out_of_time,
            work_ahead=stream.work_ahead,
        )
        if result.any_skipped:
            log.skipped(gather_skipped(groups, options.ranks), state.skipped)
        _refuse_non_finite(result, state.step, checkpoints)
        rates = apply_step(recipe, state, result.bank, total_steps=total, ranks=options.ranks)
        loss = result.values["loss"]
        options.on_step(state.step, total, loss)
        last = state.step == total or result.stop
        if last or state.step % recipe.log_every == 0:
            rank = effective_rank(result.bank.keys)
            log.step(state.step, **result.values, **rates, embedding_rank=rank)
        if probe_set is not None and _probe_is_due(recipe, state.step, last=last):
            probe_srcc = _probe(state, probe_set, options, log)
        if options.ranks.is_first and (last or now - saved > 60 * options.checkpoint_minutes):
            save_state(state, checkpoints, record, keep=options.keep)
            saved = now
        if result.stop:
            break
    seconds = max(1e-9, options.clock() - started)
    rate = (state.step - first_step) * recipe.rows / seconds
    log.stop(step=state.step, finished=state.step == total, pairs_per_second=rate)
    return PretrainSummary(
        finished=state.step == total,
        step=state.step,
        total_steps=total,
        loss=loss,
        skipped_photos=len(state.skipped),
        pairs_per_second=rate,
        probe_srcc=probe_srcc,
    )


def fast_bfloat16() -> bool:
    """Return whether the CPU has what torch's bfloat16 needs to be faster than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def total_steps(recipe: PretrainRecipe, steps_per_epoch: int) -> int:
    """Return the optimiser steps of a run."""
    return recipe.steps or max(1, round(recipe.epochs * steps_per_epoch))


def run_record(
    recipe: PretrainRecipe, manifest: Manifest, space: DegradationSpace, init: Path | None
) -> dict[str, Any]:
    """Return what must be equal for a checkpoint to belong to this run, as JSON values."""
    return {
        "recipe": config_to_dict(recipe),
        "photos": {"count": len(manifest), "digest": manifest.digest()},
        "degradation_chains": str(space.size()),
        "started_from": "random weights" if init is None else f"warm start: {init.name}",
    }


def _start(
    recipe: PretrainRecipe, options: PretrainOptions, record: dict[str, Any]
) -> PretrainState:
    """Build the state: fresh, from given weights, or as a checkpoint left it.

    A resumed run keeps the start that its checkpoint's record names.
    """
    state = build_state(recipe, options.device)
    folder = options.out / "checkpoints"
    if options.resume:
        earlier = restore_state(state, folder, record)
        record["started_from"] = earlier["started_from"]
        _log.info("resuming after step %d", state.step)
        return state
    refuse_used_folder(folder)
    if options.init is not None:
        _log.info("warm start from %s", warm_start(state, options.init))
    if options.ranks.is_first:
        make_folder(options.out)
    return state


def _check_ranks(recipe: PretrainRecipe, ranks: Ranks) -> None:
    """Stop if the processes cannot share the step's groups evenly."""
    if recipe.groups % ranks.world_size or recipe.batch.images % (recipe.groups * ranks.world_size):
        raise UsageError(
            f"{ranks.world_size} processes cannot share {recipe.groups} groups of "
            f"{recipe.batch.group_rows} rows evenly; choose a divisor, or change batch.images"
        )


def global_order(recipe: PretrainRecipe, manifest: Manifest) -> GlobalOrder:
    """Return the order of the photos, or stop if they are too few for one step."""
    if len(manifest) < recipe.batch.images:
        raise DatasetError(
            f"{len(manifest)} photos are too few: one step of this recipe takes "
            f"{recipe.batch.images} (batch.images)"
        )
    return GlobalOrder(count=len(manifest), images_per_step=recipe.batch.images, seed=recipe.seed)


def view_stream(
    recipe: PretrainRecipe,
    options: PretrainOptions,
    manifest: Manifest,
    space: DegradationSpace,
    order: GlobalOrder,
    start_step: int,
    stop_step: int,
) -> ViewStream:
    """Return this process' views from one step to another."""
    loader = group_loader(recipe, options, manifest, space, order, start_step, stop_step)
    return ViewStream(
        iter(loader),
        crop_size=recipe.views.crop_size,
        device=options.device,
        at_once=groups_at_once(recipe.batch.group_rows, options.device),
    )


def prefetched_groups(options: PretrainOptions) -> int:
    """Return how many groups the workers of this process may have ready."""
    return PREFETCHED_GROUPS * options.num_workers


def group_loader(
    recipe: PretrainRecipe,
    options: PretrainOptions,
    manifest: Manifest,
    space: DegradationSpace,
    order: GlobalOrder,
    start_step: int,
    stop_step: int,
) -> Iterable[SourceGroup]:
    """Return this process' source groups from one step to another, decoded by workers."""
    loader = DataLoader(
        ContrastiveSet(manifest, recipe.views, recipe.seed),
        batch_sampler=GroupSampler(
            order,
            images_per_group=recipe.images_per_group,
            groups_per_step=recipe.groups // options.ranks.world_size,
            rank=options.ranks.rank,
            start_step=start_step,
            stop_step=stop_step,
        ),
        collate_fn=GroupCollate(space, recipe.views.compositions, recipe.seed),
        worker_init_fn=survive_first_sigterm,
        num_workers=options.num_workers,
        prefetch_factor=PREFETCHED_GROUPS if options.num_workers else None,
        pin_memory=options.device.type == "cuda",
    )
    return cast(Iterable[SourceGroup], loader)


def training_networks(recipe: PretrainRecipe, state: PretrainState) -> Networks:
    """Return the forward functions, compiled where the recipe asks for it.

    All groups have one shape, so cuDNN may spend the first of them on choosing its algorithms.
    """
    torch.backends.cudnn.benchmark = True
    state.network.train()
    state.momentum_network.train()
    if not recipe.compile:
        return Networks(state.network, state.momentum_network)
    return Networks(torch.compile(state.network), torch.compile(state.momentum_network))


def _next_step(recipe: PretrainRecipe, ranks: Ranks, stream: ViewStream) -> list[ViewGroup]:
    """Return this process' groups of one step."""
    return [stream.next_group() for _ in range(recipe.groups // ranks.world_size)]


def gather_skipped(groups: Sequence[ViewGroup], ranks: Ranks) -> list[Skipped]:
    """Return the photos of this step that any process could not use."""
    own = [photo for group in groups for photo in group.skipped]
    return [Skipped(*photo) for part in gather_objects(own, ranks) for photo in part]


def _refuse_non_finite(result: StepResult, step: int, checkpoints: Path) -> None:
    """Stop before a step that would spoil the weights."""
    if result.is_finite:
        return
    good = list_checkpoints(checkpoints)
    advice = (
        f"the last good checkpoint is {good[-1].path}" if good else "there is no checkpoint yet"
    )
    raise NonFiniteLossError(
        f"the loss is {result.values['loss']} and the gradient norm "
        f"{result.values['gradient_norm']} at step {step}, which was not taken; {advice}; "
        "lower optimiser.learning_rate or set optimiser.clip_norm"
    )


def _load_probe(recipe: PretrainRecipe, options: PretrainOptions) -> ProbeSet | None:
    """Read the probe's photos, on the first process only."""
    if options.probe is None or not options.ranks.is_first:
        return None
    return load_probe_set(
        options.probe,
        photos=recipe.probe.photos,
        crops=recipe.probe.crops,
        crop_size=recipe.views.crop_size,
        screen_side=recipe.views.screen_side,
        cache_folder=options.out,
    )


def _probe_is_due(recipe: PretrainRecipe, step: int, *, last: bool) -> bool:
    """Return whether to probe after `step` steps."""
    return last or (recipe.probe.every > 0 and step % recipe.probe.every == 0)


def _probe(
    state: PretrainState, probe_set: ProbeSet, options: PretrainOptions, log: PretrainLog
) -> float:
    """Probe the frozen features and log the result beside the loss."""
    state.statistics.write()
    result = probe_encoder(state.network.encoder, probe_set, options.device)
    log.probe(state.step, srcc=result.srcc, within_subsets=result.within_subsets)
    return result.srcc
