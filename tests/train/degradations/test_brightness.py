"""Brightness curves against polynomials through their points."""

import numpy as np
import torch

from qpt_train.degradations.brightness import brighten, darken, mean_shift
from qpt_train.degradations.colour_spaces import lab_from_rgb, rgb_from_lab

AMOUNTS = [0.1, 0.2, 0.7, 1.1]


def column(values, device):
    """(4, 1) parameters."""
    return torch.tensor(values, device=device)[:, None]


def slow_curve(x: np.ndarray, middle: float) -> np.ndarray:
    """Fit the parabola through (0, 0), (.5, middle), (1, 1) and clip it."""
    return np.polyval(np.polyfit([0.0, 0.5, 1.0], [0.0, middle, 1.0], 2), x).clip(0, 1)


def test_darken_is_the_parabola(few, seeds, device):
    """Within 1e-5 of numpy's polynomial."""
    result = darken(few.to(device), column(AMOUNTS, device), seeds.to(device)).cpu().numpy()
    for row, amount in enumerate(AMOUNTS):
        expected = slow_curve(few[row].numpy().astype(np.float64), 0.5 - amount / 2)
        assert np.abs(result[row] - expected).max() < 1e-5


def test_brighten_mixes_rgb_and_lab(few, seeds, device):
    """Two thirds the curve on RGB, one third on Lab L, within 1e-4."""
    result = brighten(few.to(device), column(AMOUNTS, device), seeds.to(device)).cpu().numpy()
    for row, amount in enumerate(AMOUNTS):
        x = few[row].numpy().astype(np.float64)
        lab = lab_from_rgb(few[row : row + 1].to(torch.float64))
        light = slow_curve(lab[0, 0].numpy() / 100, 0.5 + amount / 2) * 100
        lifted = rgb_from_lab(torch.cat([torch.from_numpy(light)[None, None], lab[:, 1:]], 1))
        expected = (2 * slow_curve(x, 0.5 + amount / 2) + lifted[0].numpy()) / 3
        assert np.abs(result[row] - expected).max() < 1e-4


def test_mean_shift_adds(few, seeds, device):
    """A constant per sample, of either sign."""
    shifts = column([0.08, -0.08, 0.3, -0.3], device)
    result = mean_shift(few.to(device), shifts, seeds.to(device)).cpu()
    assert torch.allclose(result, few + shifts.cpu()[:, :, None, None])
