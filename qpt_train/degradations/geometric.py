"""Geometric: small rotation, shear and change of aspect about the centre."""

import math

import torch
from torch import Tensor

from qpt_train.degradations.counter_noise import signs
from qpt_train.degradations.types import Degradation, rows


def rotate(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Turn by an angle in degrees, to a drawn side."""
    angle = params[:, 0] * signs(seeds, stream=0) * (math.pi / 180.0)
    cosine, sine = angle.cos(), angle.sin()
    return sample_affine(x, cosine, -sine, sine, cosine)


def shear(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Shear along a drawn axis to a drawn side; the parameter is the tangent of the angle."""
    slope = params[:, 0] * signs(seeds, stream=0)
    sideways = (signs(seeds, stream=1) > 0).to(torch.float32)
    one = torch.ones_like(slope)
    return sample_affine(x, one, slope * sideways, slope * (1.0 - sideways), one)


def change_aspect(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Stretch a drawn axis by a factor and cut back to the old size."""
    shrink = 1.0 / params[:, 0]
    sideways = signs(seeds, stream=0) > 0
    zero, one = torch.zeros_like(shrink), torch.ones_like(shrink)
    return sample_affine(
        x, torch.where(sideways, shrink, one), zero, zero, torch.where(sideways, one, shrink)
    )


def sample_affine(x: Tensor, xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    """Sample at (xx*u + xy*v, yx*u + yy*v), u and v being pixels right and down of the centre.

    Bilinear; places outside the picture are mirrored at its border.
    """
    height, width = x.shape[-2:]
    zero = torch.zeros_like(xx)
    across = torch.stack([xx, xy * (height / width), zero], dim=1)
    down = torch.stack([yx * (width / height), yy, zero], dim=1)
    places = torch.nn.functional.affine_grid(
        torch.stack([across, down], dim=1), list(x.shape), align_corners=False
    )
    return torch.nn.functional.grid_sample(
        x, places, mode="bilinear", padding_mode="reflection", align_corners=False
    )


_OURS = "our choice: neither ARNIQA nor Re-IQA has affine operators"

DEGRADATIONS = (
    Degradation(
        name="rotate",
        group="geometric",
        parameters=("angle, degrees",),
        severities=rows(0.5, 1, 2, 4, 8),
        apply=rotate,
        source=_OURS,
    ),
    Degradation(
        name="shear",
        group="geometric",
        parameters=("tangent",),
        severities=rows(0.01, 0.02, 0.04, 0.08, 0.16),
        apply=shear,
        source=_OURS,
    ),
    Degradation(
        name="change_aspect",
        group="geometric",
        parameters=("stretch",),
        severities=rows(1.02, 1.04, 1.08, 1.16, 1.32),
        apply=change_aspect,
        source=_OURS,
    ),
)
