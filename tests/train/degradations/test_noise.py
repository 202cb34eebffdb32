"""Noise: its size, its independence, its formulas."""

import numpy as np
import pytest
import torch

from qpt_train.degradations.colour_spaces import YCBCR_FROM_RGB
from qpt_train.degradations.counter_noise import normals, uniforms
from qpt_train.degradations.noise import (
    impulse_noise,
    multiplicative_noise,
    white_noise,
    white_noise_ycbcr,
)

VARIANCES = [0.001, 0.002, 0.005, 0.01]


@pytest.fixture
def grey(device):
    """Four flat grey pictures, (4, 3, 64, 80)."""
    return torch.full((4, 3, 64, 80), 0.5, device=device)


def column(values, device):
    """(4, 1) parameters."""
    return torch.tensor(values, device=device)[:, None]


def test_white_noise_has_its_variance_in_each_channel(grey, seeds, device):
    """Within 6 % of the variance, mean near 0, channels uncorrelated."""
    noise = (white_noise(grey, column(VARIANCES, device), seeds.to(device)) - grey).cpu().numpy()
    for row, variance in enumerate(VARIANCES):
        flat = noise[row].reshape(3, -1).astype(np.float64)
        assert flat.var(axis=1) == pytest.approx([variance] * 3, rel=0.06)
        assert np.abs(flat.mean(axis=1)).max() < 4 * np.sqrt(variance / flat.shape[1])
        assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < 0.06


def test_ycbcr_noise_is_white_in_ycbcr(grey, seeds, device):
    """Turned back to YCbCr, every plane has the variance."""
    result = white_noise_ycbcr(grey, column(VARIANCES, device), seeds.to(device))
    noise = (result - grey).cpu().numpy().astype(np.float64)
    for row, variance in enumerate(VARIANCES):
        planes = np.array(YCBCR_FROM_RGB) @ noise[row].reshape(3, -1)
        assert planes.var(axis=1) == pytest.approx([variance] * 3, rel=0.06)
        assert np.abs(np.corrcoef(planes) - np.eye(3)).max() < 0.06


def test_multiplicative_noise_grows_with_the_value(few, seeds, device):
    """Equals x (1 + n sd) with the sample's own normal numbers."""
    result = multiplicative_noise(few.to(device), column(VARIANCES, device), seeds.to(device)).cpu()
    for row, variance in enumerate(VARIANCES):
        noise = normals(seeds[row : row + 1], few[0].numel(), 0).numpy().reshape(few[0].shape)
        expected = few[row].numpy() * (1 + noise * np.sqrt(variance))
        assert np.abs(result[row].numpy() - expected).max() < 1e-5


def test_impulse_noise_hits_its_share(grey, seeds, device):
    """Half of the values hit are 0, half 1, the others untouched; equal to the slow rule."""
    shares = [0.005, 0.01, 0.03, 0.2]
    result = impulse_noise(grey, column(shares, device), seeds.to(device)).cpu().numpy()
    draws = uniforms(seeds, grey[0].numel(), 0).numpy().reshape(grey.shape)
    for row, share in enumerate(np.float32(shares)):
        expected = np.where(draws[row] < share / 2, 1.0, np.where(draws[row] < share, 0.0, 0.5))
        assert np.array_equal(result[row], expected.astype(np.float32))
        assert (result[row] != 0.5).mean() == pytest.approx(share, rel=0.25)


def test_other_seeds_other_noise(few, seeds):
    """Two samples with different seeds do not share their noise."""
    same = few[:1].expand(4, -1, -1, -1).contiguous()
    result = white_noise(same, torch.full((4, 1), 0.01), seeds) - same
    assert np.abs(np.corrcoef(result.flatten(1).numpy()) - np.eye(4)).max() < 0.05
