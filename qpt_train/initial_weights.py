"""Where fine-tuning may start from: a model file, an encoder's weights, or a run's checkpoint."""

from pathlib import Path

from torch import Tensor

from qpt_app.core.model_file import load_model
from qpt_app.core.quality_model import QualityModel
from qpt_app.errors import CheckpointError, ModelFormatError
from qpt_train.checkpoint import load_given
from qpt_train.encoder_weights import load_encoder_weights


def load_initial_weights(model: QualityModel, path: Path) -> str:
    """Copy weights into a model and say what they were.

    Args:
        model: built with the same encoder.
        path: a qpt model file, a fine-tuning run or its checkpoint (encoder and head), or what
            `load_encoder_weights` reads: safetensors with torchvision's names, its first shard, a
            pre-training run or its checkpoint (encoder alone).

    Raises:
        CheckpointError: if there is nothing usable there, or it belongs to another network.
    """
    if path.is_dir() or path.suffix == ".pt":
        state, _, _ = load_given(path)
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


def _load_quality_model(model: QualityModel, weights: dict[str, Tensor], path: Path) -> None:
    """Load encoder and head."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} does not fit encoder {model.encoder.name} with a head of width "
            f"{model.head.hidden.out_features}"
        ) from error
