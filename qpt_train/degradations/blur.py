"""Blur: Gaussian, lens (disc) and motion (line)."""

import math

import torch
from torch import Tensor

from qpt_train.degradations.counter_noise import uniforms
from qpt_train.degradations.kernels import correlate
from qpt_train.degradations.separable import blur_gaussian, largest
from qpt_train.degradations.types import Degradation, rows

_SIGMAS = rows(0.5, 1, 2, 3, 5)
_RADII = rows(1, 2, 4, 6, 8)
_LENGTHS = rows(3, 5, 8, 12, 18)


def gaussian_blur(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Blur with a Gaussian of sigma pixels."""
    return blur_gaussian(x, params[:, 0], largest(_SIGMAS))


def lens_blur(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Blur with a disc of `radius` pixels."""
    return correlate(x, disc_kernels(params[:, 0], int(largest(_RADII)) + 1))


def motion_blur(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Blur along a line of `length` pixels at an angle drawn from the seed."""
    angle = uniforms(seeds, 1, stream=0)[:, 0] * math.pi
    return correlate(x, line_kernels(params[:, 0], angle, math.ceil(largest(_LENGTHS) / 2)))


def disc_kernels(radius: Tensor, reach: int) -> Tensor:
    """Return (B, 2*reach+1, 2*reach+1) discs that sum to 1; the rim falls off over one pixel."""
    down, right = _grid(reach, radius.device)
    distance = torch.hypot(down, right)
    disc = (radius[:, None, None] + 0.5 - distance).clamp(0.0, 1.0)
    return disc / disc.sum(dim=(1, 2), keepdim=True)


def line_kernels(length: Tensor, angle: Tensor, reach: int) -> Tensor:
    """Return (B, 2*reach+1, 2*reach+1) lines that sum to 1.

    A pixel's weight is 1 minus its distance to the segment, at least 0 (MATLAB's fspecial).

    Args:
        length: (B,) pixels.
        angle: (B,) radians, anticlockwise from the horizontal.
        reach: at least half the largest length, pixels.
    """
    down, right = _grid(reach, length.device)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    half = ((length - 1.0) / 2.0)[:, None, None]
    along = right * cosine - down * sine
    across = right * sine + down * cosine
    beyond = (along.abs() - half).clamp(min=0.0)
    line = (1.0 - torch.hypot(beyond, across)).clamp(min=0.0)
    return line / line.sum(dim=(1, 2), keepdim=True)


def _grid(reach: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the row and column offsets of a (2*reach+1)-square kernel, one broadcast axis each."""
    offset = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    return offset[:, None], offset[None, :]


DEGRADATIONS = (
    Degradation(
        name="gaussian_blur",
        group="blur",
        parameters=("sigma, px",),
        severities=_SIGMAS,
        apply=gaussian_blur,
        source="ARNIQA, Re-IQA: 0.1, 0.5, 1, 2, 5",
        mended="0.1 is a no-op (its 3x3 kernel is a delta): dropped, 3 added between 2 and 5",
    ),
    Degradation(
        name="lens_blur",
        group="blur",
        parameters=("radius, px",),
        severities=_RADII,
        apply=lens_blur,
        source="ARNIQA, Re-IQA: 1, 2, 4, 6, 8",
    ),
    Degradation(
        name="motion_blur",
        group="blur",
        parameters=("length, px",),
        severities=_LENGTHS,
        apply=motion_blur,
        source="ARNIQA: 1, 2, 4, 6, 10; Re-IQA: 12, 16, 20, 24, 28",
        mended="length 1 is a no-op: respaced between the two published lists",
    ),
)
