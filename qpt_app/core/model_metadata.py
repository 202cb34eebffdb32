"""What a model file says of itself, read and verified without torch.

A model file is one safetensors file. Its header's `__metadata__` holds one JSON text under
`qpt` and the sha256 of that text followed by all tensor bytes under `sha256`. Nothing in it is
executed, and nothing else of it is believed before the digest fits.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qpt_app.core.calibration import Calibration
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity
from qpt_app.errors import ModelDigestError, ModelFormatError, ModelNotFoundError

FORMAT_VERSION = 3
"""Written by this program, which also reads the older two. Version 2 has no `scene_statistics`: its
scores come from the encoder alone. Version 1 has no `weights` and no calibration of pairs either;
its weights are in half precision."""
STATISTICS_VERSION = 2
"""Of what `qpt_app.core.scene_statistics` measures. Raised whenever the same views would give other
numbers, since a head that was fitted to the old ones would misread them."""
MAX_HEADER_BYTES = 4 << 20
MAX_FILE_BYTES = 1 << 30
_FIELDS_OF_1 = {
    "format_version",
    "name",
    "encoder",
    "head_hidden",
    "preprocess",
    "calibration",
    "training",
    "licence",
}
_FIELDS = {
    1: _FIELDS_OF_1,
    2: _FIELDS_OF_1 | {"weights"},
    FORMAT_VERSION: _FIELDS_OF_1 | {"weights", "scene_statistics"},
}
WEIGHT_FORMS = {16: "float16", 8: "int8-per-channel"}
"""Bits of a weight -> what the description calls that form of keeping them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMetadata:
    """The verified description of a model file."""

    name: str
    encoder: str
    """Encoder name as in `encoder_names()`."""
    head_hidden: int
    """Width of the quality head's hidden layer."""
    preprocess: PreprocessConfig
    calibration: Calibration
    training: dict[str, Any]
    """Data, recipe, seed, git revision, split and figures of the training."""
    licence: str
    scene_statistics: int = 0
    """Version of the scene statistics that its head reads besides the features; 0: none."""
    weights: str = "float16"
    """How the file keeps its weights: `float16` or `int8-per-channel`."""
    digest: str
    """sha256 over description and weights, hexadecimal."""

    @property
    def identity(self) -> ModelIdentity:
        """What identifies the model in caches and rows."""
        return ModelIdentity(name=self.name, digest=self.digest, preprocess=self.preprocess)


def read_metadata(path: Path) -> ModelMetadata:
    """Read and verify the description of a model file.

    Raises:
        ModelNotFoundError: if there is no such file.
        ModelFormatError: if it is no model file or of an unknown version.
        ModelDigestError: if it was altered or cut short.
    """
    metadata, _ = read_verified(path)
    return metadata


def read_verified(path: Path) -> tuple[ModelMetadata, bytes]:
    """Read a model file whole, verify it, and return (description, file content).

    Raises:
        ModelNotFoundError, ModelFormatError, ModelDigestError: as `read_metadata`.
    """
    data = _read_file(path)
    header_end, description, stated = _read_header(path, data)
    actual = content_digest(description, memoryview(data)[header_end:])
    if actual != stated:
        raise ModelDigestError(
            f"model file {path} is damaged: its content does not match its digest; get it again"
        )
    return _parse_description(path, description, actual), data


def content_digest(description: str, tensor_bytes: bytes | memoryview) -> str:
    """Return the sha256 of the JSON description followed by the tensor bytes, hexadecimal."""
    digest = hashlib.sha256(description.encode("utf-8"))
    digest.update(tensor_bytes)
    return digest.hexdigest()


def split_header(path: Path, data: bytes) -> tuple[int, dict[str, Any]]:
    """Return (where the tensor bytes begin, the safetensors header).

    Raises:
        ModelFormatError: if it is not a safetensors file.
    """
    if len(data) < 8:
        raise ModelFormatError(f"{path} is not a model file (only {len(data)} bytes)")
    (length,) = struct.unpack("<Q", data[:8])
    if length > MAX_HEADER_BYTES or 8 + length > len(data):
        raise ModelFormatError(f"{path} is not a safetensors model file, or it is cut short")
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError as error:
        raise ModelFormatError(f"{path} is not a safetensors model file") from error
    if not isinstance(header, dict):
        raise ModelFormatError(f"{path} is not a safetensors model file")
    return 8 + length, header


def _read_file(path: Path) -> bytes:
    """Read a file of a sane size."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelFormatError(f"{path} is too large for a model file ({size} bytes)")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"there is no model file {path}") from error
    except OSError as error:
        raise ModelFormatError(f"cannot read model file {path}: {error.strerror}") from error


def _read_header(path: Path, data: bytes) -> tuple[int, str, str]:
    """Return (start of the tensors, the JSON description, the stated digest)."""
    header_end, header = split_header(path, data)
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or "qpt" not in metadata or "sha256" not in metadata:
        raise ModelFormatError(f"{path} is a safetensors file, but not a qpt model")
    return header_end, str(metadata["qpt"]), str(metadata["sha256"])


def _parse_description(path: Path, description: str, digest: str) -> ModelMetadata:
    """Turn the verified JSON into a `ModelMetadata`."""
    fields = _checked_fields(path, description)
    return ModelMetadata(
        name=str(fields["name"]),
        encoder=str(fields["encoder"]),
        head_hidden=fields["head_hidden"],
        preprocess=PreprocessConfig.from_dict(fields["preprocess"]),
        calibration=Calibration.from_dict(fields["calibration"]),
        training=fields["training"],
        licence=str(fields["licence"]),
        scene_statistics=fields["scene_statistics"],
        weights=fields["weights"],
        digest=digest,
    )


def _checked_fields(path: Path, description: str) -> dict[str, Any]:
    """Parse the JSON of a known version; what an older one does not tell is filled in."""
    try:
        fields = json.loads(description)
    except ValueError as error:
        raise ModelFormatError(f"{path}: its description is not JSON") from error
    version = fields.get("format_version") if isinstance(fields, dict) else None
    expected = _FIELDS.get(version) if isinstance(version, int) else None
    if expected is None:
        known = ", ".join(str(number) for number in _FIELDS)
        raise ModelFormatError(
            f"{path} is of model format {version}, this qpt reads {known}; install a matching qpt"
        )
    if set(fields) != expected:
        odd = ", ".join(sorted(set(fields) ^ expected))
        raise ModelFormatError(f"{path}: unexpected or missing description fields: {odd}")
    fields.setdefault("weights", WEIGHT_FORMS[16])
    fields.setdefault("scene_statistics", 0)
    if fields["weights"] not in WEIGHT_FORMS.values():
        raise ModelFormatError(f"{path}: its weights are in an unknown form, {fields['weights']!r}")
    if fields["scene_statistics"] not in (0, STATISTICS_VERSION):
        raise ModelFormatError(
            f"{path} needs scene statistics {fields['scene_statistics']!r}, this qpt has "
            f"{STATISTICS_VERSION}; install a matching qpt"
        )
    if not isinstance(fields["head_hidden"], int) or not isinstance(fields["training"], dict):
        raise ModelFormatError(f"{path}: its description has a field of the wrong type")
    return dict(fields)
