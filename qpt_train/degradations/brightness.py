"""Brightness: brighten, darken, and the mean shifted up or down."""

import torch
from torch import Tensor

from qpt_train.degradations.colour_spaces import lab_from_rgb, rgb_from_lab
from qpt_train.degradations.types import Degradation, rows


def brighten(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Lift the mid-tones: two parts the curve on RGB, one part the curve on Lab L."""
    amount = params[:, :1, None, None]
    lab = lab_from_rgb(x)
    light = parabola(lab[:, :1] / 100.0, amount) * 100.0
    lifted = rgb_from_lab(torch.cat([light, lab[:, 1:]], 1))
    return (2.0 * parabola(x, amount) + lifted) / 3.0


def darken(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Lower the mid-tones of R, G and B."""
    return parabola(x, -params[:, :1, None, None])


def mean_shift(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Add a constant to every value."""
    return x + params[:, :1, None, None]


def parabola(x: Tensor, amount: Tensor) -> Tensor:
    """Return the parabola through (0, 0), (.5, .5 + amount/2), (1, 1), clipped to [0, 1]."""
    return (x + 2.0 * amount * x * (1.0 - x)).clamp(0.0, 1.0)


_SPLIT = "0 is a no-op and the sign alternates: split into up and down, five steps each"

DEGRADATIONS = (
    Degradation(
        name="brighten",
        group="brightness",
        parameters=("amount",),
        severities=rows(0.1, 0.2, 0.4, 0.7, 1.1),
        apply=brighten,
        source="ARNIQA, Re-IQA: .1, .2, .4, .7, 1.1",
    ),
    Degradation(
        name="darken",
        group="brightness",
        parameters=("amount",),
        severities=rows(0.05, 0.1, 0.2, 0.4, 0.8),
        apply=darken,
        source="ARNIQA, Re-IQA: .05, .1, .2, .4, .8",
    ),
    Degradation(
        name="mean_shift_up",
        group="brightness",
        parameters=("shift",),
        severities=rows(0.04, 0.08, 0.15, 0.22, 0.3),
        apply=mean_shift,
        source="ARNIQA: 0, .08, -.08, .15, -.15",
        mended=_SPLIT,
    ),
    Degradation(
        name="mean_shift_down",
        group="brightness",
        parameters=("shift",),
        severities=rows(-0.04, -0.08, -0.15, -0.22, -0.3),
        apply=mean_shift,
        source="ARNIQA: 0, .08, -.08, .15, -.15",
        mended=_SPLIT,
    ),
)
