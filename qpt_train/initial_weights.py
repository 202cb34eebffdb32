"""Where fine-tuning may start from: a model file, an encoder's weights, or a run's checkpoint."""

from pathlib import Path
from typing import Any

from torch import Tensor

from qpt_app.core.model_file import load_model
from qpt_app.core.quality_model import QualityModel
from qpt_app.errors import CheckpointError, ModelFormatError
from qpt_train.checkpoint import load_checkpoint, load_latest
from qpt_train.encoder_weights import load_encoder_weights


def load_initial_weights(model: QualityModel, path: Path) -> str:
    """Copy weights into a model and say what they were.

    Args:
        model: built with the same encoder.
        path: a qpt model file or a fine-tuning run (encoder and head), or whatever
            `load_encoder_weights` reads: safetensors with torchvision's names, its first shard, a
            pre-training run (encoder alone).

    Raises:
        CheckpointError: if there is nothing usable there, or it belongs to another network.
    """
    if path.is_dir() or path.suffix == ".pt":
        state = _read_state(path)
        if "average" in state:
            _load_quality_model(model, state["best_weights"] or state["average"], path)
            return "quality model"
        return load_encoder_weights(model.encoder, path)
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint or model file {path}")
    try:
        other, _ = load_model(path)
    except ModelFormatError:
        return load_encoder_weights(model.encoder, path)
    if other.with_statistics and not model.with_statistics:
        raise CheckpointError(
            f"the head of {path} reads scene statistics, which fine-tuning has not: start from the "
            "model or run that fit-head was given, and fit a head afterwards"
        )
    _load_quality_model(model, other.state_dict(), path)
    return "quality model"


def _read_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint, or the newest good one of a run's folder."""
    if path.is_dir():
        inner = path / "checkpoints"
        state, _, _ = load_latest(inner if inner.is_dir() else path)
    else:
        state, _ = load_checkpoint(path)
    return state


def _load_quality_model(model: QualityModel, weights: dict[str, Tensor], path: Path) -> None:
    """Load encoder and head."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} does not fit encoder {model.encoder.name} with a head of width "
            f"{model.head.hidden.out_features}"
        ) from error
