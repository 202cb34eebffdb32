"""sRGB to YCbCr and CIE Lab and back, batched."""

import functools

import numpy as np
import torch
from torch import Tensor

YCBCR_FROM_RGB = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""JFIF 1.02, full range; chroma centred at zero here."""

_XYZ_FROM_RGB = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750),
                 (0.0193339, 0.1191920, 0.9503041))  # fmt: skip
_WHITE = (0.95047, 1.0, 1.08883)
_DELTA = 6.0 / 29.0


def mix_channels(x: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Multiply the three channels of (B, 3, H, W) by a 3x3 matrix."""
    red, green, blue = x.unbind(1)
    return torch.stack(
        [(red * a).add_(green, alpha=b).add_(blue, alpha=c) for a, b, c in matrix], 1
    )


def ycbcr_from_rgb(x: Tensor) -> Tensor:
    """Return luma in [0, 1] and chroma in [-0.5, 0.5]."""
    return mix_channels(x, YCBCR_FROM_RGB)


def rgb_from_ycbcr(x: Tensor) -> Tensor:
    """Invert `ycbcr_from_rgb`."""
    luma, blue, red = x.unbind(1)
    return torch.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], 1
    )


def linear_from_srgb(x: Tensor) -> Tensor:
    """Undo the sRGB transfer curve (IEC 61966-2-1)."""
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055).pow(2.4))


def srgb_from_linear(x: Tensor) -> Tensor:
    """Apply the sRGB transfer curve to values clipped to [0, 1]."""
    x = x.clamp(0.0, 1.0)
    return torch.where(x <= 0.0031308, x * 12.92, 1.055 * x.pow(1.0 / 2.4) - 0.055)


def lab_from_rgb(x: Tensor) -> Tensor:
    """Return CIE Lab (D65): L in [0, 100], a and b about [-128, 127]."""
    xyz = mix_channels(linear_from_srgb(x), _scaled_xyz())
    root = torch.where(xyz > _DELTA**3, xyz.pow(1.0 / 3.0), xyz / (3 * _DELTA**2) + 4.0 / 29.0)
    fx, fy, fz = root.unbind(1)
    return torch.stack([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)], 1)


def rgb_from_lab(x: Tensor) -> Tensor:
    """Invert `lab_from_rgb`; colours outside sRGB are clipped."""
    light, a, b = x.unbind(1)
    fy = (light + 16.0) / 116.0
    root = torch.stack([fy + a / 500.0, fy, fy - b / 200.0], 1)
    xyz = torch.where(root > _DELTA, root * root * root, (root - 4.0 / 29.0) * (3 * _DELTA**2))
    return srgb_from_linear(mix_channels(xyz, _rgb_from_scaled_xyz()))


@functools.cache
def _scaled_xyz() -> tuple[tuple[float, ...], ...]:
    """Return the matrix from linear RGB to XYZ divided by the white point."""
    return tuple(
        tuple(value / white for value in row)
        for row, white in zip(_XYZ_FROM_RGB, _WHITE, strict=True)
    )


@functools.cache
def _rgb_from_scaled_xyz() -> tuple[tuple[float, ...], ...]:
    """Return the inverse of `_scaled_xyz`."""
    return tuple(tuple(row) for row in np.linalg.inv(np.array(_scaled_xyz())).tolist())
