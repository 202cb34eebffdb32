"""Correlation of each sample with its own two-dimensional kernel."""

import torch
from torch import Tensor


def correlate(x: Tensor, kernels: Tensor) -> Tensor:
    """Correlate each sample with its own kernel by FFT, borders repeated.

    Args:
        x: (B, C, H, W) float32.
        kernels: (B, K, K) float32 with odd K, point-symmetric or not.
    """
    reach = kernels.shape[-1] // 2
    padded = torch.nn.functional.pad(x, (reach, reach, reach, reach), mode="replicate")
    size = [fast_length(side) for side in padded.shape[-2:]]
    spectrum = torch.fft.rfft2(padded, s=size)
    weights = torch.fft.rfft2(kernels.flip(-1, -2), s=size)
    product = torch.fft.irfft2(spectrum * weights[:, None], s=size)
    height, width = x.shape[-2:]
    inside: Tensor = product[..., 2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width]
    return inside.contiguous()


def fast_length(length: int) -> int:
    """Return the next length of the form 2^a 3^b 5^c, for which an FFT is fast."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1
