"""Fine-tuning on human scores: labelled photos -> a quality model. Readable top to bottom."""

import dataclasses
import logging
import math
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from qpt_app.core.encoder import normalise
from qpt_app.core.quality_model import QualityModel, QualityOutput
from qpt_app.errors import DatasetError, NonFiniteLossError
from qpt_train.data.labelled_split import LabelledSplit, subset_numbers
from qpt_train.data.mos_views import (
    StepSampler,
    TrainingBatch,
    TrainingViewSet,
    ViewSampling,
    collate_photos,
)
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.finetune_loss import (
    average_weights,
    quality_loss,
    ramped_decay,
    ranking_loss,
    within_group_loss,
)
from qpt_train.finetune_state import FinetuneState, RunOptions, run_record, save_run, start_run
from qpt_train.metrics import srcc
from qpt_train.predict import predict_raw_scores
from qpt_train.randomness import derive_seed
from qpt_train.run_log import RunLog
from qpt_train.schedules import warmup_cosine
from qpt_train.stop_flag import survive_first_sigterm

LOG_EVERY = 10
"""Steps between two lines of the log."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneSummary:
    """How a run ended."""

    finished: bool
    """False when it was stopped before its last step."""
    step: int
    total_steps: int
    best_epoch: int
    best_validation_srcc: float
    last_validation_srcc: float


def finetune(recipe: FinetuneRecipe, split: LabelledSplit, options: RunOptions) -> FinetuneSummary:
    """Train a quality model, from scratch, from `options.init` or from a checkpoint.

    Raises:
        DatasetError: if there are fewer training photos than one batch, or one cannot be read,
            if a single photo is to choose the epoch, or if subsets are to be told apart where
            there is only one.
        CheckpointError: for `resume` without a usable checkpoint of the same recipe and data,
            or a fresh start into a folder that already holds one.
        NonFiniteLossError: before a step with a loss that is not finite.
    """
    steps_per_epoch = len(split.train) // recipe.batch_size
    if steps_per_epoch == 0:
        raise DatasetError(f"{len(split.train)} training photos are less than one batch")
    if len(split.validation) == 1:
        raise DatasetError(
            "one validation photo has no order to choose an epoch by; use a larger "
            "split.validation_share, or 0 and the last weights"
        )
    total = recipe.epochs * steps_per_epoch
    record = run_record(recipe, split)
    state = start_run(recipe, options, record, _count_subsets(recipe, split))
    with RunLog(options.out / "log.jsonl") as log:
        log.write("start", step=state.step, total_steps=total, init=str(options.init), **record)
        _run_steps(recipe, state, split, options, record, total, log)
        log.write("stop", step=state.step, best_epoch=state.best_epoch, best_srcc=state.best_srcc)
    return FinetuneSummary(
        finished=state.step == total,
        step=state.step,
        total_steps=total,
        best_epoch=state.best_epoch,
        best_validation_srcc=state.best_srcc,
        last_validation_srcc=state.last_srcc,
    )


def _run_steps(
    recipe: FinetuneRecipe,
    state: FinetuneState,
    split: LabelledSplit,
    options: RunOptions,
    record: dict[str, Any],
    total: int,
    log: RunLog,
) -> None:
    """Do steps until the last one, the time limit or the call to stop; save on the way."""
    steps_per_epoch = total // recipe.epochs
    started = saved = options.clock()
    for batch in _training_loader(recipe, split, options, state.step):
        loss, norm = _train_step(recipe, state, batch, options.device, total)
        options.on_step(state.step, total, loss)
        if state.step % LOG_EVERY == 0 or state.step == total:
            rate = state.optimiser.param_groups[0]["lr"]
            log.write("step", step=state.step, loss=loss, gradient_norm=norm, learning_rate=rate)
        if state.step % steps_per_epoch == 0:
            _validate(recipe, state, split, options, state.step // steps_per_epoch, log)
        now = options.clock()
        out_of_time = options.max_minutes is not None and now - started > 60 * options.max_minutes
        stop = options.should_stop() or out_of_time
        if stop or state.step == total or now - saved > 60 * options.checkpoint_minutes:
            save_run(state, options, record)
            saved = now
        if stop:
            break


def _train_step(
    recipe: FinetuneRecipe,
    state: FinetuneState,
    batch: TrainingBatch,
    device: torch.device,
    total: int,
) -> tuple[float, float]:
    """Do one optimiser step; return (loss, gradient norm before clipping)."""
    torch.manual_seed(derive_seed(recipe.seed, "dropout", state.step))
    _set_rates(recipe, state, total)
    state.model.train()
    autocast = torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16"
    )
    with autocast:
        output = _forward(state.model, batch, device)
    loss = batch_loss(recipe, output.raw_score.float(), batch)
    if state.subset_head is not None:
        logits = state.subset_head(output.feature[: len(batch.targets)])
        loss = loss + recipe.subset_weight * functional.cross_entropy(
            logits, batch.groups.to(device)
        )
    value = float(loss.detach())
    if not math.isfinite(value):
        raise NonFiniteLossError(
            f"the loss is {value} at step {state.step} (photos {batch.positions.tolist()}); "
            "the last checkpoint is good: lower optimiser.learning_rate and resume"
        )
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    trained = list(state.model.parameters())
    if state.subset_head is not None:
        trained += state.subset_head.parameters()
    norm = nn.utils.clip_grad_norm_(trained, recipe.optimiser.clip_norm)
    state.optimiser.step()
    state.step += 1
    average_weights(
        state.average, state.model.state_dict(), ramped_decay(recipe.weight_average, state.step)
    )
    return value, float(norm)


def _forward(model: QualityModel, batch: TrainingBatch, device: torch.device) -> QualityOutput:
    """Return raw scores and features of the photos and, behind them, of their degraded copies."""
    overview = normalise(batch.global_views.to(device))
    crops = batch.crops.to(device)
    flat = normalise(crops.flatten(0, 1))
    output: QualityOutput = model(
        overview.contiguous(memory_format=torch.channels_last),
        flat.reshape(*crops.shape[:2], *flat.shape[1:]),
    )
    return output


def batch_loss(recipe: FinetuneRecipe, raw_scores: Tensor, batch: TrainingBatch) -> Tensor:
    """Return the loss of a batch: agreement with people, and ranking of the degraded copies."""
    count = len(batch.targets)
    photos = raw_scores[:count]
    loss = quality_loss(
        photos,
        batch.targets.to(raw_scores.device),
        beta=recipe.smooth_l1_beta,
        correlation_weight=recipe.correlation_weight,
    )
    if recipe.within_subset_weight:
        loss = loss + recipe.within_subset_weight * within_group_loss(
            photos, batch.targets.to(raw_scores.device), batch.groups.to(raw_scores.device)
        )
    if len(batch.degraded_rows):
        rows, severities = (
            part.to(raw_scores.device) for part in (batch.degraded_rows, batch.severities)
        )
        loss = loss + recipe.ranking.weight * ranking_loss(
            photos[rows], raw_scores[count:], severities, recipe.ranking.margin
        )
    return loss


def _validate(
    recipe: FinetuneRecipe,
    state: FinetuneState,
    split: LabelledSplit,
    options: RunOptions,
    epoch: int,
    log: RunLog,
) -> None:
    """Score the validation photos with the averaged weights and remember the best epoch."""
    if not split.validation or (epoch % recipe.validate_every and epoch != recipe.epochs):
        return
    current = {name: value.clone() for name, value in state.model.state_dict().items()}
    state.model.load_state_dict(state.average)
    predictions = predict_raw_scores(
        state.model,
        [item.path for item in split.validation],
        recipe.preprocess,
        device=options.device,
        num_workers=options.num_workers,
    )
    state.model.load_state_dict(current)
    mos = np.array([item.mos for item in split.validation])
    state.last_srcc = srcc(predictions, mos)
    if state.last_srcc > state.best_srcc:
        state.best_srcc, state.best_epoch = state.last_srcc, epoch
        state.best_weights = {name: value.clone() for name, value in state.average.items()}
    log.write("validation", step=state.step, epoch=epoch, srcc=state.last_srcc)
    _log.info("epoch %d: validation SRCC %.4f", epoch, state.last_srcc)


def _count_subsets(recipe: FinetuneRecipe, split: LabelledSplit) -> int:
    """Return how many subsets are to be told apart; 0: none."""
    if not recipe.subset_weight:
        return 0
    count = len(set(subset_numbers(split.train)))
    if count < 2:
        raise DatasetError("the photos are of one subset; leave subset_weight at 0")
    return count


def _set_rates(recipe: FinetuneRecipe, state: FinetuneState, total: int) -> None:
    """Set each group's learning rate for the coming step."""
    warmup = max(1, round(recipe.optimiser.warmup_share * total))
    rate = recipe.optimiser.learning_rate * warmup_cosine(state.step, total=total, warmup=warmup)
    for group in state.optimiser.param_groups:
        group["lr"] = rate * group["rate_factor"]


def _training_loader(
    recipe: FinetuneRecipe, split: LabelledSplit, options: RunOptions, start_step: int
) -> Iterator[TrainingBatch]:
    """Return the batches from `start_step` to the end of the run."""
    mos = np.array([item.mos for item in split.train])
    sampling = ViewSampling(
        preprocess=recipe.preprocess,
        crops_per_photo=recipe.crops_per_photo,
        crop_size=recipe.training_crop or recipe.preprocess.crop_size,
        global_crop=recipe.global_crop,
        seed=recipe.seed,
        ranking=recipe.ranking,
        cut_mix_share=recipe.cut_mix_share,
    )
    loader = DataLoader(
        TrainingViewSet(
            [item.path for item in split.train],
            (mos - split.mos_mean) / split.mos_std,
            sampling,
            groups=subset_numbers(split.train),
        ),
        batch_sampler=StepSampler(
            count=len(split.train),
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            seed=recipe.seed,
            start_step=start_step,
        ),
        collate_fn=collate_photos,
        worker_init_fn=survive_first_sigterm,
        num_workers=options.num_workers,
        persistent_workers=options.num_workers > 0,
        pin_memory=options.device.type == "cuda",
    )
    return cast(Iterator[TrainingBatch], iter(loader))
