"""FFT correlation against scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from qpt_train.degradations.kernels import correlate, fast_length


def test_correlation_equals_scipy(few, device):
    """Within 1e-5 of scipy.ndimage.correlate, for kernels that are not symmetric."""
    kernels = torch.rand(4, 9, 9, generator=torch.Generator().manual_seed(1))
    kernels /= kernels.sum(dim=(1, 2), keepdim=True)
    result = correlate(few.to(device), kernels.to(device)).cpu().numpy()
    for row in range(4):
        for channel in range(3):
            expected = ndimage.correlate(
                few[row, channel].numpy().astype(np.float64), kernels[row].numpy(), mode="nearest"
            )
            assert np.abs(result[row, channel] - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("length", "expected"), [(1, 1), (7, 8), (241, 243), (256, 256), (257, 270)]
)
def test_fast_lengths(length, expected):
    """The next length of small prime factors."""
    assert fast_length(length) == expected
