"""Affine operators against scipy."""

import math

import numpy as np
import torch
from scipy import ndimage

from qpt_train.degradations.counter_noise import signs
from qpt_train.degradations.geometric import change_aspect, rotate, shear


def slow_affine(plane: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    """Sample at matrix @ (down, right) about the centre, bilinear, mirrored borders."""
    centre = (np.array(plane.shape) - 1) / 2
    offset = centre - np.array(matrix) @ centre
    return ndimage.affine_transform(plane, np.array(matrix), offset, order=1, mode="reflect")


def check(result: torch.Tensor, few: torch.Tensor, matrices: list[list[list[float]]]) -> None:
    """Compare each sample with scipy's transform, within 1e-3."""
    for row, matrix in enumerate(matrices):
        expected = slow_affine(few[row, 1].numpy().astype(np.float64), matrix)
        assert np.abs(result[row, 1].cpu().numpy() - expected).max() < 1e-3


def test_rotation_equals_scipy(few, seeds, device):
    """To the side that the seed says, by the angle."""
    angles = torch.tensor([0.5, 2.0, 4.0, 8.0])
    result = rotate(few.to(device), angles[:, None].to(device), seeds.to(device))
    turns = (angles * signs(seeds, 0) * math.pi / 180).tolist()
    matrices = [[[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]] for t in turns]
    check(result, few, matrices)


def test_shear_equals_scipy(few, seeds, device):
    """Along the axis and to the side that the seed says."""
    slopes = torch.tensor([0.01, 0.04, 0.08, 0.16])
    result = shear(few.to(device), slopes[:, None].to(device), seeds.to(device))
    signed, axis = (slopes * signs(seeds, 0)).tolist(), signs(seeds, 1).tolist()
    matrices = [
        [[1.0, 0.0], [s, 1.0]] if a > 0 else [[1.0, s], [0.0, 1.0]]
        for s, a in zip(signed, axis, strict=True)
    ]
    check(result, few, matrices)


def test_aspect_equals_scipy(few, seeds, device):
    """One axis is stretched, the one that the seed says."""
    factors = torch.tensor([1.02, 1.08, 1.16, 1.32])
    result = change_aspect(few.to(device), factors[:, None].to(device), seeds.to(device))
    matrices = [
        [[1.0, 0.0], [0.0, 1 / f]] if a > 0 else [[1 / f, 0.0], [0.0, 1.0]]
        for f, a in zip(factors.tolist(), signs(seeds, 0).tolist(), strict=True)
    ]
    check(result, few, matrices)
