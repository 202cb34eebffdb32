"""Everything a pre-training run carries from step to step, and its checkpoint."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from qpt_app.errors import CheckpointError
from qpt_train.checkpoint import list_checkpoints, load_latest, save_checkpoint
from qpt_train.contrastive.batch_norm import RunningStatistics
from qpt_train.contrastive.momentum import momentum_copy
from qpt_train.contrastive.negative_queue import NegativeQueue
from qpt_train.contrastive.network import ContrastiveNetwork
from qpt_train.encoder_weights import load_encoder_weights
from qpt_train.pretrain_config import OptimiserConfig, PretrainRecipe
from qpt_train.randomness import seed_initialisation


@dataclass(slots=True)
class PretrainState:
    """The networks, the queue and the optimiser. `step` counts optimiser steps done."""

    network: ContrastiveNetwork
    momentum_network: ContrastiveNetwork
    statistics: RunningStatistics
    queue: NegativeQueue
    optimiser: torch.optim.Optimizer
    step: int = 0
    skipped: dict[int, str] = field(default_factory=dict)
    """Photos that could not be used: number in the manifest -> reason."""


def build_state(recipe: PretrainRecipe, device: torch.device) -> PretrainState:
    """Build everything fresh; the weights depend on the recipe's seed only.

    Raises:
        UsageError: if the encoder is unknown.
    """
    seed_initialisation(recipe.seed)
    network = ContrastiveNetwork(
        recipe.encoder, recipe.projector.hidden_dim, recipe.projector.embedding_dim
    )
    network.to(device).to(memory_format=torch.channels_last)
    return PretrainState(
        network=network,
        momentum_network=momentum_copy(network),
        statistics=RunningStatistics(network),
        queue=NegativeQueue(recipe.loss.queue_size, recipe.projector.embedding_dim).to(device),
        optimiser=build_optimiser(recipe.optimiser, network),
    )


def build_optimiser(config: OptimiserConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser with two groups: weights, which decay, and biases and batch norm."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.kind == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.sgd_momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def save_state(state: PretrainState, folder: Path, record: dict[str, Any], *, keep: int) -> Path:
    """Write a checkpoint; `encoder` in it has torchvision's names and running statistics.

    Raises:
        StorageError: if it cannot be written; earlier checkpoints stay.
    """
    state.statistics.write()
    content = {
        "encoder": state.network.encoder.network.state_dict(),
        "projector": state.network.projector.state_dict(),
        "momentum_encoder": state.momentum_network.encoder.network.state_dict(),
        "momentum_projector": state.momentum_network.projector.state_dict(),
        "queue": state.queue.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "step": state.step,
        "skipped": state.skipped,
    }
    return save_checkpoint(folder, state.step, content, record, keep=keep)


def restore_state(state: PretrainState, folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Load the newest good checkpoint of the same run; return its record.

    Raises:
        CheckpointError: if there is none, or its recipe or photos differ.
    """
    saved, manifest, path = load_latest(folder)
    for name in ("recipe", "photos"):
        if manifest.get(name) != record[name]:
            raise CheckpointError(
                f"{path} is of another run: its {name} differs; resume with the same "
                "recipe and photos, or choose another --out"
            )
    state.network.encoder.network.load_state_dict(saved["encoder"])
    state.network.projector.load_state_dict(saved["projector"])
    state.momentum_network.encoder.network.load_state_dict(saved["momentum_encoder"])
    state.momentum_network.projector.load_state_dict(saved["momentum_projector"])
    state.queue.load_state_dict(saved["queue"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step = saved["step"]
    state.skipped = dict(saved["skipped"])
    state.statistics.restore(state.step)
    return manifest


def refuse_used_folder(folder: Path) -> None:
    """Stop a fresh start into a folder that already holds a run.

    Raises:
        CheckpointError: if it holds a checkpoint.
    """
    if list_checkpoints(folder):
        raise CheckpointError(f"{folder} already holds a run; add --resume or choose another --out")


def warm_start(state: PretrainState, path: Path) -> str:
    """Begin from an encoder's weights instead of random ones; return what they were.

    Args:
        state: freshly built.
        path: encoder weights with torchvision's names (one safetensors file or a folder of
            shards), a checkpoint of `pretrain`, or a run's folder.

    Raises:
        CheckpointError: if there is nothing usable there.
    """
    source = load_encoder_weights(state.network.encoder, path)
    state.momentum_network.load_state_dict(state.network.state_dict())
    state.statistics.restore(0)
    return source
