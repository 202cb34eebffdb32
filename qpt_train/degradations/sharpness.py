"""Sharpness and contrast: over-sharpening, contrast raised, lowered and squeezed."""

import torch
from torch import Tensor

from qpt_train.degradations.colour_spaces import lab_from_rgb, rgb_from_lab
from qpt_train.degradations.separable import apply_separable
from qpt_train.degradations.types import Degradation, rows

SHARPEN_TAPS = 13
SHARPEN_SIGMA = 6.0
"""Size and sigma in pixels of the Gaussian that is subtracted (ARNIQA, high_sharpen)."""


def over_sharpen(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Filter Lab L with I + a (I - G), G a 13x13 Gaussian of sigma 6."""
    lab = lab_from_rgb(x)
    light = lab[:, :1]
    height, width = x.shape[-2:]
    smooth = apply_separable(light, _smoothing(height, x.device), _smoothing(width, x.device))
    sharp = light + params[:, :1, None, None] * (light - smooth)
    return rgb_from_lab(torch.cat([sharp.clamp(0.0, 100.0), lab[:, 1:]], 1))


def _smoothing(length: int, device: torch.device) -> Tensor:
    """Return the (1, length, length) matrix of the 13-tap Gaussian, borders repeated."""
    reach = SHARPEN_TAPS // 2
    index = torch.arange(length, device=device)
    taps = torch.arange(-reach, reach + 1, device=device)
    kernel = torch.exp(-0.5 * (taps / SHARPEN_SIGMA).square())
    kernel = kernel / kernel.sum()
    source = (index[:, None] + taps).clamp(0, length - 1)
    hits = source[:, :, None] == index
    return (hits * kernel[:, None]).sum(dim=1)[None]


def linear_contrast(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Apply the cubic curve through (0, 0), (.3, .25 - a/4), (.7, .75 + a/4), (1, 1).

    It is the identity at a = -0.2; with u = x - 1/2 it is x + (a + .2)/.168 * u (1/4 - u^2).
    """
    centred = x - 0.5
    strength = (params[:, :1, None, None] + 0.2) / 0.168
    return x + strength * centred * (0.25 - centred.square())


def contrast_squeeze(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Squeeze the range [0, 1] to 0.5 +- offset."""
    return 0.5 + (x - 0.5) * (2.0 * params[:, :1, None, None])


_SPLIT = (
    "the published signs alternate, so the index is no severity: split into raise and lower; "
    "-.2 is the identity, amounts keep their distance from it"
)

DEGRADATIONS = (
    Degradation(
        name="over_sharpen",
        group="sharpness_contrast",
        parameters=("amount",),
        severities=rows(1, 2, 3, 6, 12),
        apply=over_sharpen,
        source="ARNIQA, Re-IQA: 1, 2, 3, 6, 12",
    ),
    Degradation(
        name="contrast_raise",
        group="sharpness_contrast",
        parameters=("amount",),
        severities=rows(-0.1, 0, 0.15, 0.3, 0.6),
        apply=linear_contrast,
        source="ARNIQA: 0, .15, -.4, .3, -.6",
        mended=_SPLIT,
    ),
    Degradation(
        name="contrast_lower",
        group="sharpness_contrast",
        parameters=("amount",),
        severities=rows(-0.3, -0.4, -0.5, -0.6, -0.75),
        apply=linear_contrast,
        source="ARNIQA: 0, .15, -.4, .3, -.6",
        mended=_SPLIT,
    ),
    Degradation(
        name="contrast_squeeze",
        group="sharpness_contrast",
        parameters=("offset",),
        severities=rows(0.4, 0.3, 0.2, 0.1, 0.05),
        apply=contrast_squeeze,
        source="ARNIQA (its 'non-linear' contrast, in fact linear): .4, .3, .2, .1, .05",
    ),
)
