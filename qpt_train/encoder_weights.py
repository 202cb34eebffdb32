"""Encoder weights with torchvision's names: written by `export-encoder`, read by `--init`.

The metadata of every file says which encoder it is and how it was made. A set too large for one
file is split into shards, `NAME-00001-of-00003.safetensors`, each small enough to be sent alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.encoder import Encoder
from qpt_app.errors import CheckpointError
from qpt_train.checkpoint import load_given

METADATA_KEY = "qpt_encoder"


def write_encoder_weights(
    weights: Mapping[str, Tensor],
    out: Path,
    *,
    description: Mapping[str, object],
    half: bool = False,
    shard_bytes: int = 0,
) -> list[Path]:
    """Write weights as one safetensors file, or as shards of at most `shard_bytes`.

    Args:
        weights: state dict with torchvision's names.
        out: the file to write, ending in .safetensors; shards get numbers before the ending.
        description: JSON values kept in the file: encoder, steps, what it began from.
        half: floating tensors as float16, at half the size.
        shard_bytes: 0 for one file; a single larger tensor gets a shard of its own.

    Returns:
        The files written.

    Raises:
        StorageError: if one cannot be written.
    """
    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
        for name, value in weights.items()
    }
    shards = _split(tensors, shard_bytes) if shard_bytes else [tensors]
    metadata = {METADATA_KEY: json.dumps(dict(description)), "format": "pt"}
    paths = []
    for number, shard in enumerate(shards, start=1):
        path = out
        if len(shards) > 1:
            path = out.with_name(f"{out.stem}-{number:05d}-of-{len(shards):05d}{out.suffix}")
        atomic_write(path, save_tensors(shard, metadata=metadata))
        paths.append(path)
    return paths


def load_encoder_weights(encoder: Encoder, path: Path) -> str:
    """Copy weights into an encoder and say what they were.

    Args:
        encoder: of the same architecture.
        path: a safetensors file, the first of its shards, a checkpoint of `pretrain`, or a run's
            folder (its newest checkpoint). A classifier's weights are left out.

    Raises:
        CheckpointError: if there is nothing usable there, or it belongs to another encoder.
    """
    weights, source = read_encoder_weights(path)
    expected = encoder.network.state_dict()
    missing = sorted(set(expected) - set(weights))
    if missing or any(weights[name].shape != value.shape for name, value in expected.items()):
        detail = f" (lacks {missing[0]})" if missing else ""
        raise CheckpointError(f"{path} does not fit encoder {encoder.name}{detail}")
    encoder.network.load_state_dict(
        {name: weights[name].to(value.dtype) for name, value in expected.items()}
    )
    return source


def read_encoder_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return weights and a line that says where they come from.

    Raises:
        CheckpointError: if they cannot be read.
    """
    if path.is_dir() or path.suffix == ".pt":
        state, _, used = load_given(path)
        return _encoder_of(state, used), f"checkpoint {used.name}"
    weights: dict[str, Tensor] = {}
    for shard in _all_shards(path):
        weights |= _read_file(shard)
    return weights, f"weights {path.name}"


def read_description(path: Path) -> dict[str, object]:
    """Return what `write_encoder_weights` noted in a file; empty for a foreign one.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            noted = (file.metadata() or {}).get(METADATA_KEY, "{}")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read encoder weights {path}: {error}") from error
    return dict(json.loads(noted))


def _encoder_of(state: dict[str, object], path: Path) -> dict[str, Tensor]:
    """Return the encoder in a pre-training checkpoint."""
    weights = state.get("encoder")
    if not isinstance(weights, dict):
        raise CheckpointError(f"{path} is not a pre-training checkpoint: it holds no encoder")
    return weights


def _all_shards(path: Path) -> list[Path]:
    """Return the file, or all shards if it is one of several.

    Raises:
        CheckpointError: if a shard is missing.
    """
    stem, _, total = path.stem.rpartition("-of-")
    if not total.isdigit() or not stem:
        return [path]
    name = stem.rpartition("-")[0]
    shards = [
        path.with_name(f"{name}-{number:05d}-of-{total}{path.suffix}")
        for number in range(1, int(total) + 1)
    ]
    for shard in shards:
        if not shard.is_file():
            raise CheckpointError(f"the weights lack their shard {shard}")
    return shards


def _read_file(path: Path) -> dict[str, Tensor]:
    """Read one safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read encoder weights {path}: {error}") from error


def _split(tensors: dict[str, Tensor], shard_bytes: int) -> list[dict[str, Tensor]]:
    """Split tensors, in order, into dicts of at most `shard_bytes` of data."""
    shards: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, value in tensors.items():
        size = value.numel() * value.element_size()
        if shards[-1] and used + size > shard_bytes:
            shards.append({})
            used = 0
        shards[-1][name] = value
        used += size
    return shards
