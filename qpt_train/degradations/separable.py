"""Separable linear operators as two matrices per sample: y = A x B^T.

One batched product serves a different setting in every sample: Gaussian blur of any sigma,
down-up scaling with any filter and factor.
"""

from typing import Literal

import torch
from torch import Tensor

Filter = Literal["nearest", "area", "bilinear", "bicubic", "lanczos"]


def apply_separable(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return rows @ x @ columns^T: (B, C, H, W), (B, H, H), (B, W, W) -> (B, C, H, W)."""
    across = torch.matmul(x, columns.transpose(1, 2)[:, None])
    return torch.matmul(rows[:, None], across)


def blur_gaussian(x: Tensor, sigma: Tensor, largest_sigma: float) -> Tensor:
    """Blur every channel, borders repeated.

    Args:
        x: (B, C, H, W) float32.
        sigma: (B,) float32 in pixels.
        largest_sigma: no sigma of the batch is larger (kept on the host to avoid a sync).
    """
    height, width = x.shape[-2:]
    columns = gaussian_matrix(sigma, width, largest_sigma)
    rows = columns if height == width else gaussian_matrix(sigma, height, largest_sigma)
    return apply_separable(x, rows, columns)


def gaussian_matrix(sigma: Tensor, length: int, largest_sigma: float) -> Tensor:
    """Return the (B, length, length) matrices of Gaussian blur, borders repeated.

    The kernel is cut at 4 sigma, as scipy.ndimage.gaussian_filter does.
    """
    reach = int(4.0 * largest_sigma + 0.5)
    offset = torch.arange(-reach, reach + 1, device=sigma.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]).square())
    kernel = kernel * (offset.abs() <= (4.0 * sigma[:, None] + 0.5).floor())
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    return _banded(kernel, length)


def _banded(kernel: Tensor, length: int) -> Tensor:
    """Return the matrix of correlation with (B, 2R+1) kernels, borders repeated."""
    batch, taps = kernel.shape
    reach = taps // 2
    # Row i of the wide matrix holds the kernel from column i on: writing rows one element longer
    # than the matrix is wide shifts each by one.
    wide = length + taps - 1
    padded = torch.nn.functional.pad(kernel, (0, wide + 1 - taps))
    shifted = padded[:, None].expand(batch, length, wide + 1).reshape(batch, -1)
    extended = shifted[:, : length * wide].reshape(batch, length, wide)
    left = extended[:, :, : reach + 1].sum(dim=2, keepdim=True)
    right = extended[:, :, length + reach - 1 :].sum(dim=2, keepdim=True)
    return torch.cat([left, extended[:, :, reach + 1 : length + reach - 1], right], dim=2)


def scale_down_up(x: Tensor, factor: Tensor, name: Filter) -> Tensor:
    """Shrink by `factor` (B,) >= 1 and enlarge to the old size, both with the same filter."""
    height, width = x.shape[-2:]
    columns = down_up_matrix(factor, width, name)
    rows = columns if height == width else down_up_matrix(factor, height, name)
    return apply_separable(x, rows, columns)


def down_up_matrix(factor: Tensor, length: int, name: Filter) -> Tensor:
    """Return the (B, length, length) matrices of scaling down and up again.

    The coarse grid has round(length / factor) samples, at least one. The area filter weighs by
    overlap; bilinear, bicubic and lanczos are Pillow's, antialiased on the way down.
    """
    coarse = (length / factor).round().clamp(min=1.0)
    if name == "nearest":
        return _nearest(coarse.to(torch.int64), length)
    index = torch.arange(length, device=factor.device, dtype=torch.float32)
    coarse = coarse[:, None, None]
    scale = length / coarse
    if name == "area":
        overlap = torch.minimum(index + 1.0, (index[:, None] + 1.0) * scale)
        overlap = overlap - torch.maximum(index, index[:, None] * scale)
        overlap = overlap.clamp(min=0.0) * (index[:, None] < coarse)
        return torch.bmm(_normalised(overlap.transpose(1, 2)), _normalised(overlap))
    # (B, coarse sample, fine sample): rows past the coarse grid are zero.
    down = _filter_weights((index + 0.5) / scale - (index[:, None] + 0.5), name)
    down = down * (index[:, None] < coarse)
    # (B, fine sample, coarse sample)
    up = _filter_weights(index + 0.5 - (index[:, None] + 0.5) / scale, name) * (index < coarse)
    return torch.bmm(_normalised(up), _normalised(down))


def _nearest(coarse: Tensor, length: int) -> Tensor:
    """Return the nearest-neighbour matrices for (B,) int64 coarse lengths, in whole numbers."""
    odd = 2 * torch.arange(length, device=coarse.device) + 1
    coarse = coarse[:, None]
    from_fine = torch.div(odd * length, 2 * coarse, rounding_mode="floor").clamp(max=length - 1)
    from_coarse = torch.div(odd * coarse, 2 * length, rounding_mode="floor")
    source = torch.gather(from_fine, 1, from_coarse)
    return (source[:, :, None] == odd // 2).to(torch.float32)


def _normalised(weights: Tensor) -> Tensor:
    """Make the rows of (B, M, N) sum to 1; rows of zeros stay."""
    total = weights.sum(dim=2, keepdim=True)
    return weights / torch.where(total.abs() < 1e-6, 1.0, total)


def _filter_weights(distance: Tensor, name: Filter) -> Tensor:
    """Evaluate a resampling filter; the formulas are those of Pillow's Resample.c."""
    away = distance.abs()
    if name == "bilinear":
        return (1.0 - away).clamp(min=0.0)
    if name == "bicubic":
        near = (1.5 * away - 2.5) * away * away + 1.0
        far = ((-0.5 * away + 2.5) * away - 4.0) * away + 2.0
        return torch.where(away < 1.0, near, far * (away < 2.0))
    return torch.sinc(away) * torch.sinc(away / 3.0) * (away < 3.0)


def largest(values: tuple[tuple[float, ...], ...]) -> float:
    """Return the largest first parameter of a degradation's rows, as a host constant."""
    return max(row[0] for row in values)
