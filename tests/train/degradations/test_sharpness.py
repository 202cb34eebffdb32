"""Sharpening against scipy, contrast curves against their points."""

import numpy as np
import torch
from scipy import ndimage

from qpt_train.degradations.colour_spaces import lab_from_rgb, rgb_from_lab
from qpt_train.degradations.sharpness import contrast_squeeze, linear_contrast, over_sharpen


def column(values, device):
    """(4, 1) parameters."""
    return torch.tensor(values, device=device)[:, None]


def test_over_sharpen_equals_scipy(few, seeds, device):
    """Within 1e-3 of L + a (L - G L), G a 13x13 Gaussian of sigma 6."""
    amounts = [1.0, 2.0, 6.0, 12.0]
    result = over_sharpen(few.to(device), column(amounts, device), seeds.to(device)).cpu()
    taps = np.exp(-0.5 * (np.arange(-6, 7) / 6.0) ** 2)
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    lab = lab_from_rgb(few.to(torch.float64))
    for row, amount in enumerate(amounts):
        light = lab[row, 0].numpy()
        smooth = ndimage.correlate(light, kernel, mode="nearest")
        sharp = torch.from_numpy((light + amount * (light - smooth)).clip(0, 100))
        expected = rgb_from_lab(torch.cat([sharp[None], lab[row, 1:]])[None])[0]
        assert (result[row] - expected).abs().max() < 1e-3


def test_linear_contrast_is_the_cubic(few, seeds, device):
    """Within 1e-5 of numpy's cubic through the four points; -0.2 is the identity."""
    amounts = [-0.2, 0.15, -0.6, 0.6]
    result = (
        linear_contrast(few.to(device), column(amounts, device), seeds.to(device)).cpu().numpy()
    )
    for row, amount in enumerate(amounts):
        heights = [0.0, 0.25 - amount / 4, 0.75 + amount / 4, 1.0]
        cubic = np.polyfit([0.0, 0.3, 0.7, 1.0], heights, 3)
        expected = np.polyval(cubic, few[row].numpy().astype(np.float64))
        assert np.abs(result[row] - expected).max() < 1e-5
    assert np.abs(result[0] - few[0].numpy()).max() < 1e-6


def test_squeeze_maps_the_ends(seeds, device):
    """0 and 1 go to 0.5 -+ offset, the middle stays."""
    x = torch.tensor([0.0, 0.5, 1.0], device=device).reshape(1, 3, 1, 1).expand(4, -1, -1, -1)
    result = contrast_squeeze(x, column([0.4, 0.3, 0.2, 0.05], device), seeds.to(device)).cpu()
    for row, offset in enumerate((0.4, 0.3, 0.2, 0.05)):
        expected = torch.tensor([0.5 - offset, 0.5, 0.5 + offset])
        assert torch.allclose(result[row].flatten(), expected)
