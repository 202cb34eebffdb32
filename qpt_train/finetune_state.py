"""A fine-tuning run between two steps: built anew, from given weights, or as it was left."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qpt_app.core.quality_model import QualityModel, build_quality_model
from qpt_app.errors import CheckpointError
from qpt_train.checkpoint import list_checkpoints, load_latest, save_checkpoint
from qpt_train.config import config_to_dict
from qpt_train.data.labelled_split import LabelledSplit
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.initial_weights import load_initial_weights
from qpt_train.randomness import seed_initialisation
from qpt_train.subset_head import SubsetHead


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """What differs from one start of the same run to the next."""

    out: Path
    """The run's folder: checkpoints, log, record."""
    device: torch.device
    num_workers: int = 2
    resume: bool = False
    init: Path | None = None
    """A checkpoint, model file or encoder weights to start from."""
    max_minutes: float | None = None
    """Save and stop cleanly after this time."""
    checkpoint_minutes: float = 5.0
    keep: int = 2
    clock: Callable[[], float] = time.monotonic
    should_stop: Callable[[], bool] = lambda: False
    """Asked at every step; true after SIGTERM."""
    on_step: Callable[[int, int, float], None] = lambda _step, _total, _loss: None
    """Told (steps done, steps in all, loss) for a progress bar."""


@dataclasses.dataclass(slots=True)
class FinetuneState:
    """Everything a checkpoint holds."""

    model: QualityModel
    average: dict[str, Tensor]
    """Running mean of the model's weights, which is what is evaluated and exported."""
    optimiser: torch.optim.AdamW
    subset_head: SubsetHead | None = None
    """Of the second task; None without it."""
    step: int = 0
    """Steps done."""
    best_srcc: float = -math.inf
    """The highest on the validation photos."""
    best_epoch: int = -1
    """Its epoch, from 1; -1 before the first validation."""
    best_weights: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    """`average` as it was then; empty before."""
    last_srcc: float = -math.inf


def start_run(
    recipe: FinetuneRecipe, options: RunOptions, record: dict[str, Any], subsets: int
) -> FinetuneState:
    """Build the model and optimiser, fresh, from given weights, or as a checkpoint left them.

    Args:
        recipe: of the network and the optimiser.
        options: where from, and on which device.
        record: what must be equal in a checkpoint to go on from.
        subsets: how many are told apart as a second task; 0: none.

    Raises:
        CheckpointError: as `finetune`.
    """
    seed_initialisation(recipe.seed)
    model = build_quality_model(
        recipe.encoder, head_hidden=recipe.head_hidden, dropout=recipe.dropout
    )
    if options.init is not None:
        load_initial_weights(model, options.init)
    model.to(options.device).to(memory_format=torch.channels_last)
    subset_head = None
    if subsets:
        subset_head = SubsetHead(2 * model.encoder.feature_dim, subsets).to(options.device)
    state = FinetuneState(
        model=model,
        average={name: value.clone() for name, value in model.state_dict().items()},
        optimiser=_build_optimiser(recipe, model, subset_head),
        subset_head=subset_head,
    )
    folder = options.out / "checkpoints"
    if options.resume:
        _restore(state, folder, record)
    elif list_checkpoints(folder):
        raise CheckpointError(f"{folder} already holds a run; add --resume or choose another --out")
    return state


def _restore(state: FinetuneState, folder: Path, record: dict[str, Any]) -> None:
    """Load the newest good checkpoint into the state."""
    saved, manifest, path = load_latest(folder)
    for name, value in record.items():
        if manifest.get(name) != value:
            raise CheckpointError(f"{path} is of another run: its {name} differs")
    state.model.load_state_dict(saved["model"])
    if state.subset_head is not None:
        state.subset_head.load_state_dict(saved["subset_head"])
    for name, value in saved["average"].items():
        state.average[name].copy_(value)
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step = saved["step"]
    state.best_srcc, state.best_epoch = saved["best_srcc"], saved["best_epoch"]
    state.best_weights, state.last_srcc = saved["best_weights"], saved["last_srcc"]


def save_run(state: FinetuneState, options: RunOptions, record: dict[str, Any]) -> None:
    """Write a checkpoint.

    Raises:
        StorageError: if it cannot be written.
    """
    content = {
        "model": state.model.state_dict(),
        "average": state.average,
        "optimiser": state.optimiser.state_dict(),
        "step": state.step,
        "best_srcc": state.best_srcc,
        "best_epoch": state.best_epoch,
        "best_weights": state.best_weights,
        "last_srcc": state.last_srcc,
    }
    if state.subset_head is not None:
        content["subset_head"] = state.subset_head.state_dict()
    save_checkpoint(options.out / "checkpoints", state.step, content, record, keep=options.keep)


def run_record(recipe: FinetuneRecipe, split: LabelledSplit) -> dict[str, Any]:
    """Return what must be equal for a checkpoint to belong to this run, as JSON values."""
    return {"recipe": config_to_dict(recipe), "split": split.description}


def _build_optimiser(
    recipe: FinetuneRecipe, model: QualityModel, subset_head: SubsetHead | None
) -> torch.optim.AdamW:
    """Return AdamW with groups for encoder and heads, each with and without weight decay."""
    groups = []
    parts: list[tuple[nn.Module, float]] = [
        (model.encoder, recipe.optimiser.encoder_rate),
        (model.head, 1.0),
    ]
    if subset_head is not None:
        parts.append((subset_head, 1.0))
    for part, factor in parts:
        parameters = list(part.parameters())
        for decayed in (True, False):
            chosen = [p for p in parameters if (p.ndim > 1) is decayed]
            decay = recipe.optimiser.weight_decay if decayed else 0.0
            groups.append({"params": chosen, "weight_decay": decay, "rate_factor": factor})
    return torch.optim.AdamW(groups, lr=recipe.optimiser.learning_rate)
