"""The matrices of separable operators against scipy and Pillow."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from qpt_train.degradations.separable import (
    blur_gaussian,
    down_up_matrix,
    gaussian_matrix,
    scale_down_up,
)

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def test_gaussian_equals_scipy(few, device):
    """Within 1e-5 of scipy.ndimage.gaussian_filter, each sample with its own sigma."""
    sigma = torch.tensor([0.5, 1.3, 4.0, 20.0])
    blurred = blur_gaussian(few.to(device), sigma.to(device), 20.0).cpu().numpy()
    for row in range(4):
        for channel in range(3):
            expected = ndimage.gaussian_filter(
                few[row, channel].numpy().astype(np.float64), sigma[row].item(), mode="nearest"
            )
            assert np.abs(blurred[row, channel] - expected).max() < 1e-5


def test_gaussian_rows_sum_to_one():
    """A constant picture stays as it is, at the borders too."""
    matrix = gaussian_matrix(torch.tensor([0.5, 30.0]), 40, 30.0)
    assert torch.allclose(matrix.sum(dim=2), torch.ones(2, 40), atol=1e-5)
    assert (matrix >= 0).all()


@pytest.mark.parametrize("name", FILTERS)
def test_scaling_equals_pillow(name, few, device):
    """Within 1e-5 of Pillow's float resize down and up."""
    factors = torch.tensor([1.5, 2.0, 3.0, 7.3])
    scaled = scale_down_up(few.to(device), factors.to(device), name).cpu().numpy()
    height, width = few.shape[-2:]
    for row, factor in enumerate(factors.tolist()):
        small = (round(width / factor), round(height / factor))
        for channel in range(3):
            plane = Image.fromarray(few[row, channel].numpy(), mode=None)
            coarse = plane.resize(small, FILTERS[name])
            expected = np.asarray(coarse.resize((width, height), FILTERS[name]))
            assert np.abs(scaled[row, channel] - expected).max() < 1e-5


def slow_nearest(fine: int, coarse: int) -> np.ndarray:
    """Look up each sample's source in whole fractions, down and up."""
    down = [min(int(Fraction(2 * i + 1, 2) * fine / coarse), fine - 1) for i in range(coarse)]
    matrix = np.zeros((fine, fine))
    for i in range(fine):
        matrix[i, down[int(Fraction(2 * i + 1, 2) * coarse / fine)]] = 1.0
    return matrix


def slow_area(fine: int, coarse: int) -> np.ndarray:
    """Weigh by the overlap of the samples' intervals in whole fractions, down and up."""
    scale = Fraction(fine, coarse)
    down = np.array(
        [
            [
                float(max(0, min(j + 1, (i + 1) * scale) - max(j, i * scale)) / scale)
                for j in range(fine)
            ]
            for i in range(coarse)
        ]
    )
    return (down.T * float(scale)) @ down


@pytest.mark.parametrize(("name", "slow"), [("nearest", slow_nearest), ("area", slow_area)])
def test_nearest_and_area_equal_whole_fractions(name, slow, device):
    """Nearest exactly, area within 5e-5, for lengths and factors with and without ties."""
    factors = [1.5, 2.0, 3.0, 5.0, 7.3]
    for length in (83, 96, 160):
        matrices = down_up_matrix(torch.tensor(factors, device=device), length, name)
        for matrix, factor in zip(matrices.cpu().numpy(), factors, strict=True):
            expected = slow(length, round(length / factor))
            assert np.abs(matrix - expected).max() <= (0.0 if name == "nearest" else 5e-5)
