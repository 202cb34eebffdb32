"""JPEG without entropy coding (Huffman coding is lossless), batched, a quality per sample.

Follows libjpeg's default path: JFIF colours in 8 bit, 4:2:0 chroma by 2x2 means, 8x8 DCT, scaled
Annex K tables, and triangle ("fancy") chroma upsampling. Within 45 dB of libjpeg at quality 10 to
95; what differs is libjpeg's integer DCT.
"""

import functools
import math

import numpy as np
import torch
from torch import Tensor

from qpt_train.degradations.colour_spaces import rgb_from_ycbcr, ycbcr_from_rgb

_LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""ITU-T T.81, Annex K, tables K.1 and K.2."""

_UNIT = 16
"""Side in pixels of a 4:2:0 coding unit."""


def jpeg(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Code and decode as JPEG 4:2:0 at a quality in [1, 100]."""
    height, width = x.shape[-2:]
    quality = params[:, 0]
    pixels = (x * 255.0).round()
    padding = (0, -width % _UNIT, 0, -height % _UNIT)
    padded = torch.nn.functional.pad(pixels, padding, mode="replicate")
    planes = ycbcr_from_rgb(padded)
    luma = _through_blocks(planes[:, :1].round(), quality, chroma=False)
    chroma = _halve((planes[:, 1:] + 128.0).round().clamp(0.0, 255.0))
    chroma = _through_blocks(chroma, quality, chroma=True)
    chroma = _double(chroma[..., : math.ceil(height / 2), : math.ceil(width / 2)])
    decoded = torch.cat([luma[..., :height, :width], chroma[..., :height, :width] - 128.0], 1)
    return rgb_from_ycbcr(decoded).round().clamp(0.0, 255.0) / 255.0


def quality_tables(quality: Tensor, *, chroma: bool) -> Tensor:
    """Return (B, 64) quantisation steps for (B,) qualities, as libjpeg scales Annex K."""
    base = _constants(str(quality.device))[2 if chroma else 1]
    scale = torch.where(quality < 50.0, (5000.0 / quality).floor(), 200.0 - 2.0 * quality)
    return ((base * scale[:, None] + 50.0) / 100.0).floor().clamp(1.0, 255.0)


def _through_blocks(planes: Tensor, quality: Tensor, *, chroma: bool) -> Tensor:
    """Quantise the 8x8 DCT of (B, C, H, W) planes in [0, 255], sides multiples of 8."""
    batch, channels, height, width = planes.shape
    transform = _constants(str(planes.device))[0]
    steps = quality_tables(quality, chroma=chroma)[:, None, :]
    grid = (batch, channels, height // 8, 8, width // 8, 8)
    blocks = (planes - 128.0).reshape(grid).permute(0, 1, 2, 4, 3, 5).reshape(batch, -1, 64)
    # libjpeg keeps eighths of a coefficient and rounds halves away from zero (jcdctmgr.c).
    coefficients = (torch.matmul(blocks, transform.T) * 8.0).round() / 8.0
    levels = (coefficients.abs() / steps + 0.5).floor() * coefficients.sign()
    restored = torch.matmul(levels * steps, transform) + 128.0
    order = (batch, channels, height // 8, width // 8, 8, 8)
    result = restored.reshape(order).permute(0, 1, 2, 4, 3, 5).reshape(planes.shape)
    return result.round().clamp(0.0, 255.0)


def _halve(planes: Tensor) -> Tensor:
    """Return 2x2 means, rounded with a bias of 1/4 and 1/2 in turn (libjpeg, jcsample.c)."""
    upper, lower = planes[..., 0::2, :], planes[..., 1::2, :]
    rows = upper + lower
    total = rows[..., 0::2] + rows[..., 1::2]
    bias = torch.arange(total.shape[-1], device=planes.device) % 2 + 1
    return ((total + bias) / 4.0).floor()


def _double(planes: Tensor) -> Tensor:
    """Double both sides with triangle weights 3:1 (libjpeg, jdsample.c, h2v2 fancy)."""
    padded = torch.nn.functional.pad(planes, (1, 1, 1, 1), mode="replicate")
    middle = 3.0 * padded[..., 1:-1, :]
    rows = torch.stack([middle + padded[..., :-2, :], middle + padded[..., 2:, :]], dim=-2)
    rows = rows.flatten(-3, -2)
    centre = 3.0 * rows[..., 1:-1]
    left = ((centre + rows[..., :-2] + 8.0) / 16.0).floor()
    right = ((centre + rows[..., 2:] + 7.0) / 16.0).floor()
    return torch.stack([left, right], dim=-1).flatten(-2, -1)


@functools.lru_cache(maxsize=16)
def _constants(device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return the (64, 64) DCT of an 8x8 block and the two tables (64,), float32."""
    order, place = np.arange(8)[:, None], np.arange(8)[None, :]
    basis = np.cos((2 * place + 1) * order * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    arrays = (np.kron(basis, basis), np.ravel(_LUMA_TABLE), np.ravel(_CHROMA_TABLE))
    transform, luma, chroma = (
        torch.from_numpy(np.asarray(array, dtype=np.float32)).to(device) for array in arrays
    )
    return transform, luma, chroma
