"""The two forms in which a model file keeps weights: half precision, or 8 bits per channel.

Eight bits: a weight matrix or kernel becomes int8 with one float32 scale for each output channel
(symmetric, no zero point), and float32 again when it is loaded, so nothing but the file is
different. What is small (biases, norms, kernels of less than `SMALL_WEIGHTS` values) stays in half
precision: it costs little space and, in the first layers, most of the accuracy.
"""

from typing import Literal

import torch
from torch import Tensor

from qpt_app.errors import ModelFormatError

WeightBits = Literal[8, 16]

SCALE_SUFFIX = "/scale"
"""Name of a weight's scales: its own name and this, which no module name can hold."""
SMALL_WEIGHTS = 1 << 15
"""Weights of fewer values are never kept in 8 bits. Our choice."""
_LARGEST = 127
_WHOLE = ("running_", "statistic_")
"""Parts of the names of what stays in float32: batch-norm statistics span too wide a range for half
precision, and the knots of the scene statistics lie too close together."""


def stored_tensors(state: dict[str, Tensor], bits: WeightBits) -> dict[str, Tensor]:
    """Return the tensors to write for a network's state."""
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        plain = value.detach().cpu().contiguous()
        if any(part in key for part in _WHOLE) or not plain.is_floating_point():
            stored[key] = plain.clone()
        elif bits == 8 and _worth_eight_bits(plain):
            stored[key], stored[key + SCALE_SUFFIX] = quantise_per_channel(plain)
        else:
            stored[key] = plain.to(torch.float16)
    return stored


def restored_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn 8-bit weights back into float32; everything else is handed through.

    Raises:
        ModelFormatError: if a weight and its scales do not belong together.
    """
    restored: dict[str, Tensor] = {}
    for key, value in tensors.items():
        if key.endswith(SCALE_SUFFIX):
            if key.removesuffix(SCALE_SUFFIX) not in tensors:
                raise ModelFormatError(f"the scales {key} belong to no weight")
            continue
        scale = tensors.get(key + SCALE_SUFFIX)
        if scale is not None:
            restored[key] = _dequantised(key, value, scale)
        elif value.dtype == torch.int8:
            raise ModelFormatError(f"the 8-bit weight {key} has no scales")
        else:
            restored[key] = value
    return restored


def quantise_per_channel(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return (int8 values, (C,) float32 scales) of a weight whose first axis are its channels.

    A channel's largest value is the end of its scale: ending it earlier, which is worth it at
    fewer bits, lowered the squared error of no channel of qpt-small.
    """
    rows = weight.float().flatten(1)
    smallest = torch.finfo(torch.float32).tiny * _LARGEST  # a channel of zeros needs a scale too
    scale = rows.abs().amax(dim=1).clamp_min(smallest) / _LARGEST
    values = (rows / scale[:, None]).round().clamp(-_LARGEST, _LARGEST).to(torch.int8)
    return values.reshape(weight.shape), scale


def _worth_eight_bits(value: Tensor) -> bool:
    """Whether a tensor is a matrix or kernel of some size."""
    return value.ndim >= 2 and value.numel() >= SMALL_WEIGHTS


def _dequantised(key: str, value: Tensor, scale: Tensor) -> Tensor:
    """Return an 8-bit weight in float32."""
    fits = value.dtype == torch.int8 and scale.dtype == torch.float32 and value.ndim >= 2
    if not fits or scale.shape != value.shape[:1] or not bool(torch.isfinite(scale).all()):
        raise ModelFormatError(f"the 8-bit weight {key} and its scales do not fit")
    return value.float() * scale.reshape(-1, *[1] * (value.ndim - 1))
