"""Colour spaces against published values and their own inverses."""

import numpy as np
import pytest
import torch
from PIL import Image

from qpt_train.degradations.colour_spaces import (
    lab_from_rgb,
    rgb_from_lab,
    rgb_from_ycbcr,
    ycbcr_from_rgb,
)

LAB = {
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (53.241, 80.092, 67.203),
    (0.0, 1.0, 0.0): (87.735, -86.183, 83.179),
    (0.0, 0.0, 1.0): (32.297, 79.188, -107.860),
    (0.5, 0.5, 0.5): (53.389, 0.0, 0.0),
}
"""sRGB -> CIE Lab (D65), values as printed by several converters, e.g. brucelindbloom.com."""


@pytest.mark.parametrize("rgb", LAB)
def test_lab_of_known_colours(rgb, device):
    """Within 0.02 of the published value."""
    lab = lab_from_rgb(torch.tensor(rgb, device=device).reshape(1, 3, 1, 1)).flatten().tolist()
    assert lab == pytest.approx(LAB[rgb], abs=0.02)


def test_lab_returns(few, device):
    """RGB -> Lab -> RGB is within 1e-4."""
    x = few.to(device)
    assert (rgb_from_lab(lab_from_rgb(x)) - x).abs().max() < 1e-4


def test_ycbcr_equals_pillow(photos, device):
    """Within one level of Pillow, which truncates to 8 bit, and back within 1e-5."""
    x = photos[:1].to(device, torch.float32) / 255
    ours = ycbcr_from_rgb(x)
    picture = Image.fromarray(photos[0].permute(1, 2, 0).numpy())
    theirs = np.asarray(picture.convert("YCbCr")).astype(np.float64)
    offset = torch.tensor([0.0, 128.0, 128.0], device=device).reshape(1, 3, 1, 1)
    difference = (ours * 255 + offset)[0].permute(1, 2, 0).cpu().numpy() - theirs
    assert np.abs(difference).max() < 1.01
    assert (rgb_from_ycbcr(ours) - x).abs().max() < 1e-5
