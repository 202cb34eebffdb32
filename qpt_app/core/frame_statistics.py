"""Scene statistics of the whole frame: exposure, colour, layout, and contrast at each scale."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from qpt_app.core.view_planes import (
    FLOOR,
    QUANTILES,
    quantiles,
    saturation,
    shape_moments,
    view_planes,
)

GRID = 4
"""Cells along each side."""
LEVELS = 5
COLOUR_BINS = 4


def frame_statistics(pixels: Tensor) -> Tensor:
    """Return the statistics of the whole frame, (N, 3, H, W) -> (N, F)."""
    planes = view_planes(pixels)
    maps = [*planes, saturation(pixels)]
    parts = [exposure(maps), clipping(pixels), layout(maps), colour_histogram(pixels)]
    parts += [scale_spectrum(plane) for plane in planes]
    return torch.cat(parts, dim=1)


def exposure(maps: Sequence[Tensor]) -> Tensor:
    """Return mean, spread and quantiles of each map, (N, 1, H, W) -> (N, F)."""
    parts = []
    for plane in maps:
        sparse = plane[:, 0, ::2, ::2].flatten(1)
        parts += [sparse.mean(1, keepdim=True), sparse.std(1, keepdim=True)]
        parts += [quantiles(sparse, QUANTILES)]
    return torch.cat(parts, dim=1)


def clipping(pixels: Tensor) -> Tensor:
    """Return the shares of pixels with a channel at either end, and with all of them, (N, 4)."""
    largest, smallest = pixels.amax(1), pixels.amin(1)
    ends = (largest > 0.99, smallest > 0.99, smallest < 0.01, largest < 0.01)
    return torch.stack([end.float().mean((1, 2)).sqrt() for end in ends], dim=1)


def layout(maps: Sequence[Tensor]) -> Tensor:
    """Return each map's mean, and the first one's detail, in each cell of a grid, (N, F)."""
    luminance = maps[0]
    across = (luminance[..., 1:, 1:] - luminance[..., 1:, :-1]).abs()
    down = (luminance[..., 1:, 1:] - luminance[..., :-1, 1:]).abs()
    grids = [cell_means(plane) for plane in maps]
    grids += [(cell_means(steps) + FLOOR).log() for steps in (across, down)]
    return torch.cat(grids, dim=1)


def cell_means(plane: Tensor) -> Tensor:
    """Return the mean in each cell, (N, 1, H, W) -> (N, 16), for sides that 4 does not divide too.

    The cells are those of `adaptive_avg_pool2d`, which Apple's GPU refuses for such sides.
    """
    rows, columns = (_cells(length) for length in plane.shape[-2:])
    means = [plane[..., a:b, c:d].mean((1, 2, 3)) for a, b in rows for c, d in columns]
    return torch.stack(means, dim=1)


def _cells(length: int) -> list[tuple[int, int]]:
    """Return (first, end) of each cell along a side; they overlap where it cannot be divided."""
    return [(k * length // GRID, -(-(k + 1) * length // GRID)) for k in range(GRID)]


def colour_histogram(pixels: Tensor) -> Tensor:
    """Return the roots of the shares of pixels in each of 4 x 4 x 4 boxes of RGB, (N, 64)."""
    bins = (pixels[..., ::2, ::2] * COLOUR_BINS).long().clamp_max(COLOUR_BINS - 1)
    boxes = (bins[:, 0] * COLOUR_BINS + bins[:, 1]) * COLOUR_BINS + bins[:, 2]
    boxes = boxes.flatten(1)
    each = COLOUR_BINS**3
    first = torch.arange(len(boxes), device=boxes.device)[:, None] * each
    counts = torch.bincount((boxes + first).flatten(), minlength=len(boxes) * each)
    return (counts.reshape(-1, each).float() / boxes.shape[1]).sqrt()


def scale_spectrum(plane: Tensor) -> Tensor:
    """Return log contrast and peakedness of each octave, (N, F)."""
    parts = []
    for _ in range(LEVELS):
        smaller = functional.avg_pool2d(plane, 2)
        back = functional.interpolate(smaller, scale_factor=2.0, mode="nearest")
        height, width = back.shape[-2:]
        spread, peakedness = shape_moments((plane[..., :height, :width] - back)[:, 0])
        parts += [(spread + FLOOR).log(), peakedness]
        plane = smaller
    return torch.stack(parts, dim=1)
