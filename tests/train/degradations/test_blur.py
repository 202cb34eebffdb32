"""Blur kernels against slow loops, operators against scipy."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from qpt_train.degradations.blur import (
    disc_kernels,
    gaussian_blur,
    lens_blur,
    line_kernels,
    motion_blur,
)
from qpt_train.degradations.counter_noise import uniforms


def slow_line(length: float, angle: float, reach: int) -> np.ndarray:
    """Weigh each pixel by 1 minus its distance to the segment, found by walking along it."""
    half = (length - 1) / 2
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    walk = np.linspace(-half, half, 20001)
    points = np.stack([-walk * math.sin(angle), walk * math.cos(angle)])
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            distance = np.hypot(points[0] - down, points[1] - right).min()
            kernel[down + reach, right + reach] = max(0.0, 1.0 - distance)
    return kernel / kernel.sum()


@pytest.mark.parametrize(("length", "angle"), [(3.0, 0.0), (8.0, 0.6), (12.0, 2.2)])
def test_lines_equal_a_walk_along_the_segment(length, angle, device):
    """Within 1e-5 of the slow kernel, and they sum to 1."""
    kernel = line_kernels(
        torch.tensor([length], device=device), torch.tensor([angle], device=device), 7
    )
    assert np.abs(kernel[0].cpu().numpy() - slow_line(length, angle, 7)).max() < 1e-5


def test_discs_equal_a_fine_grid(device):
    """Close to the share of each pixel inside the circle, counted on a fine grid."""
    kernels = disc_kernels(torch.tensor([2.0, 6.0], device=device), 7).cpu().numpy()
    fine = (np.arange(15 * 20) + 0.5) / 20 - 7.5
    for kernel, radius in zip(kernels, (2.0, 6.0), strict=True):
        inside = np.hypot(fine[:, None], fine[None, :]) < radius
        share = inside.reshape(15, 20, 15, 20).mean(axis=(1, 3))
        assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
        assert np.abs(kernel - share / share.sum()).max() < 0.25 / inside.reshape(-1).sum() * 400


def test_operators_use_their_kernels(few, seeds, device):
    """Lens and motion blur equal scipy's correlation with the kernel, within 1e-5."""
    x, keys = few.to(device), seeds.to(device)
    radius = torch.tensor([[1.0], [2.0], [4.0], [8.0]], device=device)
    length = torch.tensor([[3.0], [5.0], [8.0], [18.0]], device=device)
    angle = uniforms(keys, 1, stream=0)[:, 0] * math.pi
    cases = [
        (lens_blur(x, radius, keys), disc_kernels(radius[:, 0], 9)),
        (motion_blur(x, length, keys), line_kernels(length[:, 0], angle, 9)),
    ]
    for result, kernels in cases:
        for row in range(4):
            plane = few[row, 1].numpy().astype(np.float64)
            expected = ndimage.correlate(plane, kernels[row].cpu().numpy(), mode="nearest")
            assert np.abs(result[row, 1].cpu().numpy() - expected).max() < 1e-5


def test_gaussian_blur_follows_sigma(few, seeds, device):
    """Within 1e-5 of scipy's Gaussian filter."""
    sigma = torch.tensor([[0.5], [1.0], [2.0], [5.0]], device=device)
    result = gaussian_blur(few.to(device), sigma, seeds.to(device)).cpu().numpy()
    for row in range(4):
        plane = few[row, 2].numpy().astype(np.float64)
        expected = ndimage.gaussian_filter(plane, sigma[row].item(), mode="nearest")
        assert np.abs(result[row, 2] - expected).max() < 1e-5
