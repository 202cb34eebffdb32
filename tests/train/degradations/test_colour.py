"""Colour operators against colorsys, loops and scipy."""

import colorsys
import math

import numpy as np
import torch
from scipy import ndimage

from qpt_train.degradations.colour import (
    colour_diffusion,
    colour_shift,
    saturation_hsv,
    saturation_lab,
)
from qpt_train.degradations.colour_spaces import lab_from_rgb, rgb_from_lab
from qpt_train.degradations.counter_noise import uniforms


def test_saturation_equals_colorsys(few, seeds, device):
    """Within 1e-5 of colorsys for factors that keep S positive, pixel by pixel."""
    factor = torch.tensor([[0.4], [0.1], [0.0], [0.8]], device=device)
    x = few[:, :, :12, :12].contiguous()
    result = saturation_hsv(x.to(device), factor, seeds.to(device)).cpu()
    for row in range(4):
        for down in range(12):
            for right in range(12):
                hue, saturation, value = colorsys.rgb_to_hsv(*x[row, :, down, right].tolist())
                expected = colorsys.hsv_to_rgb(hue, saturation * factor[row].item(), value)
                difference = result[row, :, down, right] - torch.tensor(expected)
                assert difference.abs().max() < 1e-5


def test_negative_saturation_turns_the_hue(seeds, device):
    """Red with S times -0.4 becomes a cyan: (1, 0, 0) -> (1, 1.4, 1.4) before clipping."""
    red = torch.tensor([1.0, 0.0, 0.0], device=device).reshape(1, 3, 1, 1)
    result = saturation_hsv(red, torch.tensor([[-0.4]], device=device), seeds[:1].to(device))
    assert torch.allclose(result.flatten().cpu(), torch.tensor([1.0, 1.4, 1.4]))


def test_lab_saturation_scales_chroma(few, seeds, device):
    """Where no colour is clipped, chroma grows by the factor and L stays, within 0.1."""
    dull = 0.5 + (few.to(device) - 0.5) * 0.1
    factor = torch.tensor([[1.4], [1.8], [2.4], [3.2]], device=device)
    before, after = lab_from_rgb(dull), lab_from_rgb(saturation_lab(dull, factor, seeds.to(device)))
    expected = torch.cat([before[:, :1], before[:, 1:] * factor[:, :, None, None]], 1)
    assert (after - expected).abs().max() < 0.1


def test_diffusion_blurs_and_scales_a_and_b(few, seeds, device):
    """Within 1e-3 of Lab with a, b filtered by scipy and multiplied."""
    amount = torch.tensor([[1.0], [1.5], [3.0], [5.0]], device=device)
    result = colour_diffusion(few.to(device), amount, seeds.to(device)).cpu()
    lab = lab_from_rgb(few)
    for row, value in enumerate(amount[:, 0].tolist()):
        planes = [
            value * ndimage.gaussian_filter(plane.numpy(), 1.5 * value + 2, mode="nearest")
            for plane in lab[row, 1:]
        ]
        expected = rgb_from_lab(
            torch.stack([lab[row, 0], *(torch.from_numpy(plane) for plane in planes)])[None]
        )
        assert (result[row] - expected[0]).abs().max() < 1e-3


def slow_shift(x: np.ndarray, amount: float, turn: float) -> np.ndarray:
    """Shift green by loops and blend it through scipy's smoothed gradient."""
    _, height, width = x.shape
    down, right = round(amount * math.sin(turn)), round(amount * math.cos(turn))
    luma = 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]
    across = ndimage.correlate1d(luma, [-1, 0, 1], axis=1, mode="nearest")
    along = ndimage.correlate1d(luma, [-1, 0, 1], axis=0, mode="nearest")
    edges = ndimage.gaussian_filter(np.hypot(across, along), 4, mode="nearest")
    edges = (edges - edges.min()) / (edges.max() - edges.min())
    moved = np.empty_like(luma)
    for row in range(height):
        for column in range(width):
            source = min(max(row - down, 0), height - 1), min(max(column - right, 0), width - 1)
            moved[row, column] = x[1][source]
    return np.stack([x[0], x[1] + edges * (moved - x[1]), x[2]])


def test_shift_equals_loops(few, seeds, device):
    """Within 1e-4 of the slow version; red and blue untouched."""
    amount = torch.tensor([[1.0], [3.0], [6.0], [12.0]], device=device)
    result = colour_shift(few.to(device), amount, seeds.to(device)).cpu().numpy()
    turns = uniforms(seeds, 1, stream=0)[:, 0].numpy() * 2 * math.pi
    for row in range(4):
        expected = slow_shift(
            few[row].numpy().astype(np.float64), amount[row].item(), float(turns[row])
        )
        assert np.abs(result[row] - expected).max() < 1e-4
        assert np.array_equal(result[row, 0], few[row, 0].numpy())
