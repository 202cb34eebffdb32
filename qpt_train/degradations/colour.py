"""Colour: diffusion, shifted green, and two saturations."""

import math

import torch
from torch import Tensor

from qpt_train.degradations.colour_spaces import lab_from_rgb, rgb_from_lab
from qpt_train.degradations.counter_noise import uniforms
from qpt_train.degradations.separable import blur_gaussian, largest
from qpt_train.degradations.types import Degradation, rows

_DIFFUSIONS = rows(1, 1.5, 2, 3, 5)
_SHIFTS = rows(1, 3, 6, 8, 12)
_EDGE_SIGMA = 4.0
"""Sigma in pixels of the smoothing of the edge map (ARNIQA, color_shift)."""
_LUMA = (0.299, 0.587, 0.114)


def colour_diffusion(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Blur Lab a, b with sigma 1.5 a + 2 and multiply them by a, a = the amount."""
    amount = params[:, 0]
    lab = lab_from_rgb(x)
    blurred = blur_gaussian(lab[:, 1:], 1.5 * amount + 2.0, 1.5 * largest(_DIFFUSIONS) + 2.0)
    return rgb_from_lab(torch.cat([lab[:, :1], blurred * amount[:, None, None, None]], 1))


def colour_shift(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Move green by about `amount` px in a drawn direction, blended in along edges."""
    angle = uniforms(seeds, 1, stream=0)[:, 0] * (2.0 * math.pi)
    down = (params[:, 0] * angle.sin()).round()
    right = (params[:, 0] * angle.cos()).round()
    green = x[:, 1]
    moved = shift_whole_pixels(green, down, right)
    weight = edge_map(x)
    blended = green + weight * (moved - green)
    return torch.stack([x[:, 0], blended, x[:, 2]], 1)


def shift_whole_pixels(plane: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move (B, H, W) by whole pixels (B,), borders repeated."""
    height, width = plane.shape[-2:]
    rows_from = _source_index(height, down)
    columns_from = _source_index(width, right)
    sample = torch.arange(plane.shape[0], device=plane.device)[:, None, None]
    return plane[sample, rows_from[:, :, None], columns_from[:, None, :]]


def _source_index(length: int, shift: Tensor) -> Tensor:
    """Return (B, length) int64: where each place along an axis takes its value from."""
    index = torch.arange(length, device=shift.device, dtype=torch.float32)
    return (index - shift[:, None]).clamp(0, length - 1).to(torch.int64)


def edge_map(x: Tensor) -> Tensor:
    """Return (B, H, W) in [0, 1]: smoothed gradient of the luma, stretched to the full range."""
    luma = x[:, 0] * _LUMA[0] + x[:, 1] * _LUMA[1] + x[:, 2] * _LUMA[2]
    padded = torch.nn.functional.pad(luma[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    downwards = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = torch.hypot(across, downwards)[:, None]
    sigma = torch.full((x.shape[0],), _EDGE_SIGMA, device=x.device)
    smooth = blur_gaussian(strength, sigma, _EDGE_SIGMA)[:, 0]
    low, high = torch.aminmax(smooth.flatten(1), dim=1, keepdim=True)
    return (smooth - low[:, :, None]) / (high - low).clamp(min=1e-6)[:, :, None]


def saturation_hsv(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Multiply HSV saturation by a factor; a negative one gives the complementary colours.

    With V = max(R, G, B), scaling S moves each channel c to V - factor * (V - c).
    """
    value = x.amax(dim=1, keepdim=True)
    return value - (value - x) * params[:, :1, None, None]


def saturation_lab(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Multiply Lab a and b by a factor."""
    lab = lab_from_rgb(x)
    factor = params[:, :1, None, None]
    return rgb_from_lab(torch.cat([lab[:, :1], lab[:, 1:] * factor], 1))


_FLAT = "clip a colourful photo to one flat colour, so that different photos become the same"

DEGRADATIONS = (
    Degradation(
        name="colour_diffusion",
        group="colour",
        parameters=("amount",),
        severities=_DIFFUSIONS,
        apply=colour_diffusion,
        source="ARNIQA, Re-IQA: 1, 3, 6, 8, 12 (true RGB here, ARNIQA swaps red and blue)",
        mended=f"6 and more {_FLAT}: respaced below",
    ),
    Degradation(
        name="colour_shift",
        group="colour",
        parameters=("amount, px",),
        severities=_SHIFTS,
        apply=colour_shift,
        source="ARNIQA, Re-IQA: 1, 3, 6, 8, 12",
        measure="psnr_shrunk",
        mended="any direction, not only down and right; no percentile clip of the edge map",
    ),
    Degradation(
        name="saturation_hsv",
        group="colour",
        parameters=("factor",),
        severities=rows(0.4, 0.2, 0.1, 0, -0.4),
        apply=saturation_hsv,
        source="ARNIQA, Re-IQA: 0.4, 0.2, 0.1, 0, -0.4",
    ),
    Degradation(
        name="saturation_lab",
        group="colour",
        parameters=("factor",),
        severities=rows(1.4, 1.8, 2.4, 3.2, 4.5),
        apply=saturation_lab,
        source="ARNIQA, Re-IQA: 1, 2, 3, 6, 9",
        mended=f"factor 1 is a no-op, 6 and more {_FLAT}: respaced between",
    ),
)
