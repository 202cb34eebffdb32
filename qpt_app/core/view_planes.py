"""What scene statistics are made of: a view's planes, and moments and quantiles of numbers."""

from typing import NamedTuple

import torch
from torch import Tensor

from qpt_app.core.encoder import CHANNEL_MEAN, CHANNEL_STD

FLOOR = 1e-4
"""Added before a logarithm: a fortieth of a step of 8 bits."""
LARGEST_PIXEL = 255
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Planes(NamedTuple):
    """A view's channels, each (N, 1, H, W)."""

    luminance: Tensor
    """0 to 1 (ITU-R BT.601 weights)."""
    red_green: Tensor
    yellow_blue: Tensor
    """Opponent colours as Hasler and Suesstrunk (2003) take them."""


def view_pixels(views: Tensor) -> Tensor:
    """Undo `normalise`: (N, 3, H, W) in [0, 1], float32, each value a whole step of 8 bits.

    Views are made of 8-bit pixels; putting each back on its step takes away what rounding added,
    so that statistics do not depend on how a device multiplies.
    """
    mean = torch.tensor(CHANNEL_MEAN, device=views.device).view(1, 3, 1, 1)
    std = torch.tensor(CHANNEL_STD, device=views.device).view(1, 3, 1, 1)
    steps = ((views.float() * std + mean) * LARGEST_PIXEL).round()
    # CUDA divides by a number as it multiplies by its inverse; so every device does the same.
    return steps.contiguous().clamp(0, LARGEST_PIXEL) * (1 / LARGEST_PIXEL)


def view_planes(pixels: Tensor) -> Planes:
    """Return luminance and opponent colours of (N, 3, H, W) in [0, 1]."""
    red, green, blue = pixels.unbind(1)
    planes = (
        0.299 * red + 0.587 * green + 0.114 * blue,
        red - green,
        0.5 * (red + green) - blue,
    )
    return Planes(*(plane[:, None] for plane in planes))


def saturation(pixels: Tensor) -> Tensor:
    """Return (largest - smallest)/largest channel, (N, 1, H, W) in 0..1."""
    largest, smallest = pixels.amax(1, keepdim=True), pixels.amin(1, keepdim=True)
    return (largest - smallest) / (largest + 1e-3)


def shape_moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return (spread, peakedness) of (N, H, W): peakedness is 2/pi for a Gaussian."""
    square = mean_square(values)
    magnitude = torch.linalg.vector_norm(values, ord=1, dim=(1, 2)) / values[0].numel()
    return square.sqrt(), magnitude**2 / square


def mean_square(values: Tensor) -> Tensor:
    """Return the mean square of (N, H, W), never quite 0: (N,)."""
    root: Tensor = torch.linalg.vector_norm(values, dim=(1, 2))
    return root * root / values[0].numel() + 1e-12


def quantiles(values: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Return quantiles of each row, (N, M) -> (N, L); values that occur, no interpolation."""
    ordered = values.sort(dim=1).values
    places = [min(values.shape[1] - 1, int(level * values.shape[1])) for level in levels]
    return ordered[:, places]
