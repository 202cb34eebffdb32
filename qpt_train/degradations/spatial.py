"""Spatial: jitter, displaced patches, pixelation, quantised values, colour blocks."""

import torch
from torch import Tensor

from qpt_train.degradations.counter_noise import normals, uniforms, whole_numbers
from qpt_train.degradations.separable import largest, scale_down_up
from qpt_train.degradations.types import Degradation, rows

JITTER_PASSES = 5
PATCH_SIDE = 16
PATCH_REACH = 8
BLOCK_SIDE = 32
"""Passes of jitter, and sides and reach in pixels (ARNIQA, utils/distortions.py)."""

_PATCHES = rows(20, 40, 60, 80, 100)
_BLOCKS = rows(2, 4, 6, 8, 10)


def jitter(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Resample five times at places displaced by normal noise of sd `amount` px (bilinear)."""
    batch, _, height, width = x.shape
    noise = normals(seeds, JITTER_PASSES * 2 * height * width, stream=0)
    moves = noise.reshape(batch, JITTER_PASSES, 2, height, width) * params[:, :, None, None, None]
    right = torch.arange(width, device=x.device) + 0.5
    down = torch.arange(height, device=x.device)[:, None] + 0.5
    for step in range(JITTER_PASSES):
        across = (right + moves[:, step, 0]) * (2.0 / width) - 1.0
        along = (down + moves[:, step, 1]) * (2.0 / height) - 1.0
        grid = torch.stack([across, along], dim=-1)
        x = torch.nn.functional.grid_sample(
            x, grid, mode="bilinear", padding_mode="border", align_corners=False
        )
    return x


def displaced_patches(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Copy `count` 16x16 patches of the original to places within +-8 px; later ones win."""
    height, width = x.shape[-2:]
    limit = int(largest(_PATCHES))
    top = whole_numbers(seeds, limit, 0, height - PATCH_SIDE + 1)
    left = whole_numbers(seeds, limit, 1, width - PATCH_SIDE + 1)
    down = whole_numbers(seeds, limit, 2, 2 * PATCH_REACH + 1) - PATCH_REACH
    right = whole_numbers(seeds, limit, 3, 2 * PATCH_REACH + 1) - PATCH_REACH
    to_top = (top + down).clamp(0, height - PATCH_SIDE)
    to_left = (left + right).clamp(0, width - PATCH_SIDE)
    number = torch.arange(limit, device=x.device)
    owner = _topmost(number, params, to_top, to_left, (height, width))
    shift = (to_top - top) * width + (to_left - left)
    shift = torch.cat([torch.zeros_like(shift[:, :1]), shift], dim=1)
    pixel = torch.arange(height * width, device=x.device)
    source = pixel - shift.gather(1, owner)
    return x.flatten(2).gather(2, source[:, None].expand(-1, 3, -1)).reshape(x.shape)


def _topmost(
    number: Tensor, params: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]
) -> Tensor:
    """Return (B, H*W) int64: 1 + the number of the last patch over each pixel, 0 for none.

    The maximum does not depend on the order of writing, so CUDA gives the same map every time.
    """
    height, width = size
    side = torch.arange(PATCH_SIDE, device=number.device)
    inside = (side[:, None] * width + side).flatten()
    place = (top * width + left)[:, :, None] + inside
    label = ((number + 1) * (number < params)).to(torch.int32)[:, :, None].expand_as(place)
    owner = torch.zeros(params.shape[0], height * width, dtype=torch.int32, device=number.device)
    owner = owner.scatter_reduce(1, place.flatten(1), label.flatten(1), "amax")
    return owner.to(torch.int64)


def pixelate(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Scale down to .95 - strength^.6 and up again, both by nearest neighbour."""
    factor = 1.0 / (0.95 - params[:, 0].pow(0.6))
    return scale_down_up(x, factor, "nearest")


def quantise(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Sort the values into `count` equal bins and stretch the bins to [0, 1]."""
    count = params[:, :1, None, None]
    return (x * count).floor().minimum(count - 1.0) / (count - 1.0)


def colour_blocks(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Lay `count` uniform 32x32 squares over the picture; later ones win."""
    batch, _, height, width = x.shape
    limit = int(largest(_BLOCKS))
    top = whole_numbers(seeds, limit, 0, height - BLOCK_SIDE + 1)
    left = whole_numbers(seeds, limit, 1, width - BLOCK_SIDE + 1)
    palette = uniforms(seeds, 3 * limit, stream=2).reshape(batch, 3, limit)
    number = torch.arange(limit, device=x.device)
    label = (number + 1) * (number < params)
    over_rows = _within(top, height) * label[:, :, None]
    owner = (over_rows[:, :, :, None] * _within(left, width)[:, :, None, :]).amax(dim=1)
    colour = palette.gather(2, (owner - 1).clamp(min=0).flatten(1)[:, None].expand(-1, 3, -1))
    return torch.where(owner[:, None] > 0, colour.reshape(x.shape), x)


def _within(start: Tensor, length: int) -> Tensor:
    """Return (B, K, length) bool: the places of each block along one axis."""
    index = torch.arange(length, device=start.device)
    return (index >= start[:, :, None]) & (index < start[:, :, None] + BLOCK_SIDE)


DEGRADATIONS = (
    Degradation(
        name="jitter",
        group="spatial",
        parameters=("sd, px",),
        severities=rows(0.05, 0.1, 0.2, 0.5, 1),
        apply=jitter,
        source="ARNIQA, Re-IQA: .05, .1, .2, .5, 1",
    ),
    Degradation(
        name="displaced_patches",
        group="spatial",
        parameters=("patches",),
        severities=_PATCHES,
        apply=displaced_patches,
        source="ARNIQA, Re-IQA (non-eccentricity): 20, 40, 60, 80, 100",
    ),
    Degradation(
        name="pixelate",
        group="spatial",
        parameters=("strength",),
        severities=rows(0.01, 0.05, 0.1, 0.2, 0.5),
        apply=pixelate,
        source="ARNIQA, Re-IQA: .01, .05, .1, .2, .5",
    ),
    Degradation(
        name="quantise",
        group="spatial",
        parameters=("bins",),
        severities=rows(20, 16, 13, 10, 7),
        apply=quantise,
        source="ARNIQA: 20, 16, 13, 10, 7",
    ),
    Degradation(
        name="colour_blocks",
        group="spatial",
        parameters=("blocks",),
        severities=_BLOCKS,
        apply=colour_blocks,
        source="ARNIQA, Re-IQA: 2, 4, 6, 8, 10",
    ),
)
