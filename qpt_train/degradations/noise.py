"""Pixel noise: white in RGB and YCbCr, impulse, multiplicative."""

import torch
from torch import Tensor

from qpt_train.degradations.colour_spaces import rgb_from_ycbcr
from qpt_train.degradations.counter_noise import normals, uniforms
from qpt_train.degradations.types import Degradation, rows


def white_noise(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Add normal noise of a variance, independent in R, G and B."""
    return x + _noise_like(x, seeds) * params[:, :1, None, None].sqrt()


def white_noise_ycbcr(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Add normal noise of a variance, independent in Y, Cb and Cr."""
    noise = rgb_from_ycbcr(_noise_like(x, seeds))
    return x + noise * params[:, :1, None, None].sqrt()


def impulse_noise(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Set a share of the values to 0 or 1, half each, every channel on its own."""
    batch, count = x.shape[0], x[0].numel()
    draw = uniforms(seeds, count, stream=0).reshape(batch, *x.shape[1:])
    share = params[:, :1, None, None]
    salted = torch.where(draw < 0.5 * share, 1.0, x)
    return torch.where((draw >= 0.5 * share) & (draw < share), 0.0, salted)


def multiplicative_noise(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Return x + x * n, n normal of a variance (speckle)."""
    return x + x * _noise_like(x, seeds) * params[:, :1, None, None].sqrt()


def _noise_like(x: Tensor, seeds: Tensor) -> Tensor:
    """Return standard normal noise of the shape of (B, 3, H, W)."""
    return normals(seeds, x[0].numel(), stream=0).reshape(x.shape)


_PARAMETER = ("variance",)

DEGRADATIONS = (
    Degradation(
        name="white_noise",
        group="noise",
        parameters=_PARAMETER,
        severities=rows(0.001, 0.002, 0.003, 0.005, 0.01),
        apply=white_noise,
        source="ARNIQA, Re-IQA: .001, .002, .003, .005, .01",
    ),
    Degradation(
        name="white_noise_ycbcr",
        group="noise",
        parameters=_PARAMETER,
        severities=rows(0.0001, 0.0005, 0.001, 0.002, 0.003),
        apply=white_noise_ycbcr,
        source="ARNIQA, Re-IQA: .0001, .0005, .001, .002, .003",
    ),
    Degradation(
        name="impulse_noise",
        group="noise",
        parameters=("share of values",),
        severities=rows(0.001, 0.005, 0.01, 0.02, 0.03),
        apply=impulse_noise,
        source="ARNIQA, Re-IQA: .001, .005, .01, .02, .03 (per channel, as ARNIQA)",
    ),
    Degradation(
        name="multiplicative_noise",
        group="noise",
        parameters=_PARAMETER,
        severities=rows(0.001, 0.005, 0.01, 0.02, 0.05),
        apply=multiplicative_noise,
        source="ARNIQA, Re-IQA: .001, .005, .01, .02, .05",
    ),
)
