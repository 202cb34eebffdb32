"""Spatial operators against loops and scipy, with the sample's own draws."""

import numpy as np
import torch
from scipy import ndimage

from qpt_train.degradations.counter_noise import normals, uniforms, whole_numbers
from qpt_train.degradations.spatial import (
    colour_blocks,
    displaced_patches,
    jitter,
    pixelate,
    quantise,
)


def column(values, device):
    """(4, 1) parameters."""
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None]


def test_jitter_equals_scipy(few, seeds, device):
    """Within 1e-3 of five passes of scipy's bilinear map_coordinates."""
    amounts = [0.05, 0.2, 0.5, 1.0]
    result = jitter(few.to(device), column(amounts, device), seeds.to(device)).cpu().numpy()
    height, width = few.shape[-2:]
    noise = normals(seeds, 10 * height * width, 0).numpy().reshape(4, 5, 2, height, width)
    places = np.mgrid[0:height, 0:width].astype(np.float64)
    for row, amount in enumerate(amounts):
        planes = few[row].numpy().astype(np.float64)
        for step in range(5):
            where = places + amount * noise[row, step, ::-1]
            planes = np.stack(
                [ndimage.map_coordinates(p, where, order=1, mode="nearest") for p in planes]
            )
        assert np.abs(result[row] - planes).max() < 1e-3


def test_displaced_patches_equal_loops(few, seeds, device):
    """Exactly the picture that copying one patch after the other gives."""
    counts = [0, 20, 60, 100]
    result = displaced_patches(few.to(device), column(counts, device), seeds.to(device)).cpu()
    height, width = few.shape[-2:]
    limits = [height - 15, width - 15, 17, 17]
    draws = [whole_numbers(seeds, 100, stream, limit) for stream, limit in enumerate(limits)]
    for row, count in enumerate(counts):
        expected = few[row].clone()
        for number in range(count):
            top, left, down, right = (int(draw[row, number]) for draw in draws)
            to_top = min(max(top + down - 8, 0), height - 16)
            to_left = min(max(left + right - 8, 0), width - 16)
            patch = few[row, :, top : top + 16, left : left + 16]
            expected[:, to_top : to_top + 16, to_left : to_left + 16] = patch
        assert torch.equal(result[row], expected)


def test_pixelate_repeats_samples(few, seeds, device):
    """Exactly the picture that nearest look-ups down and up in whole numbers give."""
    strengths = [0.01, 0.05, 0.2, 0.5]
    result = pixelate(few.to(device), column(strengths, device), seeds.to(device)).cpu().numpy()
    for row, strength in enumerate(strengths):
        places = []
        for fine in few.shape[-2:]:
            coarse = round(fine * (0.95 - strength**0.6))
            index = np.arange(fine)
            places.append((2 * ((2 * index + 1) * coarse // (2 * fine)) + 1) * fine // (2 * coarse))
        assert np.array_equal(result[row], few[row].numpy()[:, places[0]][:, :, places[1]])


def test_quantise_makes_that_many_values(seeds, device):
    """A ramp falls into equal bins that are stretched to [0, 1]."""
    ramp = torch.linspace(0, 1, 3 * 40 * 40, device=device).reshape(1, 3, 40, 40)
    result = quantise(ramp.expand(4, -1, -1, -1), column([20, 13, 10, 7], device), seeds.to(device))
    for row, count in enumerate((20, 13, 10, 7)):
        values, sizes = result[row].unique(return_counts=True)
        assert torch.allclose(values.cpu(), torch.linspace(0, 1, count), atol=1e-6)
        assert sizes.max() - sizes.min() <= 2


def test_colour_blocks_equal_loops(few, seeds, device):
    """Exactly the picture that painting one square after the other gives."""
    counts = [0, 2, 6, 10]
    result = colour_blocks(few.to(device), column(counts, device), seeds.to(device)).cpu()
    height, width = few.shape[-2:]
    tops, lefts = whole_numbers(seeds, 10, 0, height - 31), whole_numbers(seeds, 10, 1, width - 31)
    palette = uniforms(seeds, 30, 2).reshape(4, 3, 10)
    for row, count in enumerate(counts):
        expected = few[row].clone()
        for number in range(count):
            top, left = int(tops[row, number]), int(lefts[row, number])
            expected[:, top : top + 32, left : left + 32] = palette[row, :, number, None, None]
        assert torch.equal(result[row], expected)
