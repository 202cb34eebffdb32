"""Writes model files, and loads the network of one. Safetensors only; nothing is unpickled."""

import json
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.calibration import Calibration
from qpt_app.core.model_metadata import (
    FORMAT_VERSION,
    STATISTICS_VERSION,
    WEIGHT_FORMS,
    ModelMetadata,
    content_digest,
    read_metadata,
    read_verified,
    split_header,
)
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import QualityModel, build_quality_model
from qpt_app.core.weight_storage import WeightBits, restored_tensors, stored_tensors
from qpt_app.errors import ModelFormatError


def save_model(
    path: Path,
    model: QualityModel,
    *,
    name: str,
    preprocess: PreprocessConfig,
    calibration: Calibration,
    training: dict[str, Any],
    licence: str,
    weight_bits: WeightBits = 16,
) -> ModelMetadata:
    """Write a model file atomically, weights in half precision or in 8 bits per channel.

    Returns:
        The description as read back and verified.

    Raises:
        StorageError: if it cannot be written.
    """
    tensors = stored_tensors(model.state_dict(), weight_bits)
    description = json.dumps(
        {
            "format_version": FORMAT_VERSION,
            "name": name,
            "encoder": model.encoder.name,
            "head_hidden": model.head.hidden.out_features,
            "scene_statistics": STATISTICS_VERSION if model.with_statistics else 0,
            "preprocess": preprocess.to_dict(),
            "calibration": calibration.to_dict(),
            "training": training,
            "licence": licence,
            "weights": WEIGHT_FORMS[weight_bits],
        },
        sort_keys=True,
        allow_nan=False,
    )
    plain = save_tensors(tensors)
    start, _ = split_header(path, plain)
    digest = content_digest(description, memoryview(plain)[start:])
    atomic_write(path, save_tensors(tensors, {"qpt": description, "sha256": digest}))
    return read_metadata(path)


def load_model(path: Path) -> tuple[QualityModel, ModelMetadata]:
    """Verify a model file and build its network in float32, in evaluation mode, on the CPU.

    Raises:
        ModelNotFoundError, ModelDigestError: as `read_metadata`.
        ModelFormatError: also if the weights do not fit the network that the file names.
    """
    metadata, data = read_verified(path)
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, struct.error) as error:
        raise ModelFormatError(f"{path}: its weights cannot be read: {error}") from error
    model = build_quality_model(
        metadata.encoder,
        head_hidden=metadata.head_hidden,
        with_statistics=metadata.scene_statistics > 0,
    )
    if metadata.weights == WEIGHT_FORMS[8]:
        tensors = _restored(path, tensors)
    _load_weights(path, model, tensors)
    return model.eval(), metadata


def _load_weights(path: Path, model: QualityModel, tensors: dict[str, Tensor]) -> None:
    """Copy the weights into the network, converting them to its precision."""
    expected = model.state_dict()
    if set(tensors) != set(expected):
        odd = sorted(set(tensors) ^ set(expected))
        raise ModelFormatError(f"{path}: its weights do not fit its encoder (such as {odd[0]})")
    for key, value in tensors.items():
        if value.shape != expected[key].shape:
            raise ModelFormatError(
                f"{path}: weight {key} has shape {tuple(value.shape)}, "
                f"expected {tuple(expected[key].shape)}"
            )
    model.load_state_dict({key: value.to(expected[key].dtype) for key, value in tensors.items()})


def _restored(path: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn 8-bit weights back into float32; an error names the file."""
    try:
        return restored_tensors(tensors)
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error
