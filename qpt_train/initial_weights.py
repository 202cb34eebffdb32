"""Where a run may start from: a model file, an encoder's weights, or a run's checkpoint."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from qpt_app.core.model_file import load_model
from qpt_app.core.quality_model import QualityModel
from qpt_app.errors import CheckpointError, ModelFormatError
from qpt_train.checkpoint import load_checkpoint, load_latest


def load_initial_weights(model: QualityModel, path: Path) -> str:
    """Copy weights into a model and say what they were.

    Args:
        model: built with the same encoder.
        path: a qpt model file (encoder and head), a safetensors file with torchvision's names
            (encoder alone), a checkpoint of `finetune` or `pretrain`, or a run's folder.

    Raises:
        CheckpointError: if there is nothing usable there, or it belongs to another encoder.
    """
    if path.is_dir() or path.suffix == ".pt":
        return _from_checkpoint(model, path)
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint or model file {path}")
    try:
        other, metadata = load_model(path)
    except ModelFormatError:
        _load_encoder(model, _read_encoder_file(path), path)
        return "encoder weights"
    if metadata.encoder != model.encoder.name:
        raise CheckpointError(
            f"{path} holds a {metadata.encoder}, the recipe wants {model.encoder.name}"
        )
    _load_encoder(model, other.encoder.network.state_dict(), path)
    if metadata.head_hidden != model.head.hidden.out_features:
        raise CheckpointError(
            f"{path} has a head of width {metadata.head_hidden}, the recipe wants "
            f"{model.head.hidden.out_features}"
        )
    model.head.load_state_dict(other.head.state_dict())
    return "quality model"


def _from_checkpoint(model: QualityModel, path: Path) -> str:
    """Take the weights of a run: averaged ones of `finetune`, the encoder of `pretrain`."""
    if path.is_dir():
        inner = path / "checkpoints"
        state, _, _ = load_latest(inner if inner.is_dir() else path)
    else:
        state, _ = load_checkpoint(path)
    if "average" in state:
        _load_quality_model(model, state["best_weights"] or state["average"], path)
        return "quality model"
    if "encoder" in state:
        _load_encoder(model, state["encoder"], path)
        return "encoder weights"
    raise CheckpointError(f"{path} holds neither a quality model nor an encoder")


def _load_quality_model(model: QualityModel, weights: dict[str, Tensor], path: Path) -> None:
    """Load a whole quality model."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit encoder {model.encoder.name}") from error


def _load_encoder(model: QualityModel, weights: dict[str, Tensor], path: Path) -> None:
    """Load an encoder with torchvision's names; a classifier's weights are left out."""
    expected = model.encoder.network.state_dict()
    missing = sorted(set(expected) - set(weights))
    if missing or any(weights[name].shape != expected[name].shape for name in expected):
        detail = f" (lacks {missing[0]})" if missing else ""
        raise CheckpointError(f"{path} does not fit encoder {model.encoder.name}{detail}")
    model.encoder.network.load_state_dict(
        {name: weights[name].to(expected[name].dtype) for name in expected}
    )


def _read_encoder_file(path: Path) -> dict[str, Tensor]:
    """Read plain safetensors weights."""
    try:
        return load_tensors(path.read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is not a model file or encoder weights: {error}") from error
