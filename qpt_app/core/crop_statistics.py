"""Scene statistics of native pixels: noise, blur, sharpening, compression.

The luminance divided by its local contrast, and products of neighbours (the MSCN statistics of
BRISQUE: Mittal, Moorthy and Bovik, "No-Reference Image Quality Assessment in the Spatial Domain",
TIP 2012), as moments here, where BRISQUE fits distributions; how sharp a photo's sharpest and
softest parts are; how much finest detail light and colours hold; whether edges sit on a grid of
eight pixels.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from qpt_app.core.view_planes import (
    FLOOR,
    QUANTILES,
    mean_square,
    quantiles,
    shape_moments,
    view_planes,
)

WINDOW_REACH = 3
"""BRISQUE's window of local mean and contrast: 7 x 7, three standard deviations to its edge."""
_WINDOW_SIGMA = 7 / 6
_HALF_WINDOW = [math.exp(-0.5 * (k / _WINDOW_SIGMA) ** 2) for k in range(WINDOW_REACH + 1)]
WINDOW = [weight / (2 * sum(_HALF_WINDOW) - 1) for weight in _HALF_WINDOW]
"""Its weights along one axis, from the middle outwards."""
STEADY = 1 / 255
"""Added to the local contrast, as in BRISQUE (1 where pixels go to 255)."""
FAINT = STEADY / 4
"""Added to the local contrast before a logarithm: a quarter of a step of 8 bits. Our choice."""
LOST = 1e-7
"""Taken off the local variance: more than float32 leaves of a flat place by cancellation (3e-8),
a tenth of an 8-bit step of contrast. A flat place's contrast is exactly nought with it."""
SCALES = 3
JPEG_GRID = 8


def crop_statistics(pixels: Tensor, per_photo: int) -> Tensor:
    """Return the statistics of native pixels, (N * K, 3, S, S) -> (N, F)."""
    planes = view_planes(pixels)
    parts: list[Tensor] = []
    # Contrast does not depend on the mean; without it less is lost to rounding.
    luminance = planes.luminance - planes.luminance.mean((1, 2, 3), keepdim=True)
    for scale in range(SCALES):
        mean, contrast = local_contrast(luminance)
        inner = luminance[..., WINDOW_REACH:-WINDOW_REACH, WINDOW_REACH:-WINDOW_REACH]
        mscn = (inner - mean) / (contrast + STEADY)
        parts += [_pooled(mscn_moments(mscn), per_photo)]
        parts += [contrast_spread(contrast, per_photo, step=4 >> scale)]
        if scale < SCALES - 1:
            luminance = functional.avg_pool2d(luminance, 2)
    finest = [finest_detail(plane) for plane in planes[:3]]
    parts += [_pooled(torch.cat(finest, dim=1), per_photo)]
    parts += [_pooled(grid_edges(planes.luminance), per_photo)]
    return torch.cat(parts, dim=1)


def _pooled(values: Tensor, per_photo: int) -> Tensor:
    """Average (N * K, F) over a photo's crops."""
    return values.reshape(-1, per_photo, values.shape[1]).mean(1)


def local_contrast(plane: Tensor) -> tuple[Tensor, Tensor]:
    """Return (mean, standard deviation) in the window around each inner pixel, (N, 1, H-6, W-6).

    The variance is `LOST` less than it is, at least 0.
    """
    mean = _blur(plane)
    return mean, (_blur(plane * plane) - mean * mean - LOST).clamp_min(0).sqrt()


def _blur(plane: Tensor) -> Tensor:
    """Blur (N, 1, H, W) with BRISQUE's window; the result is without the edge."""
    return _blur_along(_blur_along(plane, 3), 2)


def _blur_along(plane: Tensor, axis: int) -> Tensor:
    """Blur along one axis; sums of shifted planes, a third of a convolution's time on a CPU."""
    length = plane.shape[axis] - 2 * WINDOW_REACH
    blurred = plane.narrow(axis, WINDOW_REACH, length) * WINDOW[0]
    for distance in range(1, WINDOW_REACH + 1):
        before = plane.narrow(axis, WINDOW_REACH - distance, length)
        after = plane.narrow(axis, WINDOW_REACH + distance, length)
        blurred = blurred.add(before + after, alpha=WINDOW[distance])
    return blurred


def mscn_moments(mscn: Tensor) -> Tensor:
    """Return moments of (N, 1, H, W) and of its neighbours' products in four directions."""
    plane = mscn[:, 0]
    down, right = plane[:, 1:], plane[:, :, 1:]
    products = (
        plane[:, :, :-1] * right,
        plane[:, :-1] * down,
        plane[:, :-1, :-1] * plane[:, 1:, 1:],
        plane[:, :-1, 1:] * plane[:, 1:, :-1],
    )
    moments = [*shape_moments(plane)]
    for product in products:
        moments += [*shape_moments(product), product.mean((1, 2))]
        moments += [
            mean_square(half).sqrt() for half in (product.clamp_min(0), product.clamp_max(0))
        ]
    return torch.stack(moments, dim=1)


def contrast_spread(contrast: Tensor, per_photo: int, step: int) -> Tensor:
    """Return quantiles of the local contrast over a photo and over its crops' means, (N, F)."""
    crop_means = (contrast.mean((1, 2, 3)) + FAINT).log().reshape(-1, per_photo)
    sparse = contrast[..., ::step, ::step].reshape(len(crop_means), -1)
    over_photo = (quantiles(sparse, QUANTILES) + FAINT).log()
    over_crops = quantiles(crop_means, (0.0, 0.25, 0.5, 0.75, 1.0))
    return torch.cat([over_photo, over_crops], dim=1)


def finest_detail(plane: Tensor) -> Tensor:
    """Return (log spread, peakedness) of what differs from the four neighbours' mean, (N, 2)."""
    values = plane[:, 0]
    neighbours = values[:, :-2, 1:-1] + values[:, 2:, 1:-1] + values[:, 1:-1, :-2]
    neighbours = neighbours + values[:, 1:-1, 2:]
    spread, peakedness = shape_moments(values[:, 1:-1, 1:-1] - neighbours / 4)
    return torch.stack([(spread + FLOOR).log(), peakedness], dim=1)


def grid_edges(luminance: Tensor) -> Tensor:
    """Return how much one phase of eight stands out among the steps between pixels, (N, 4).

    Across and down, the largest phase's mean step to the median phase's (log), and the same of
    the smallest. Wherever a crop begins, JPEG's blocks put their edges into one phase.
    """
    values = luminance[:, 0]
    ratios = []
    for steps in (values.diff(dim=2).abs().mean(1), values.diff(dim=1).abs().mean(2)):
        whole = steps.shape[1] // JPEG_GRID * JPEG_GRID
        phases = steps[:, :whole].reshape(len(steps), -1, JPEG_GRID).mean(1) + FLOOR
        ordered = phases.log().sort(dim=1).values
        middle = ordered[:, JPEG_GRID // 2]
        ratios += [ordered[:, -1] - middle, ordered[:, 0] - middle]
    return torch.stack(ratios, dim=1)
