"""A wavelet codec in tensor operations, in the place of JPEG 2000.

JPEG 2000 itself cannot run on a GPU in batches (its entropy coder is serial), so this keeps what
damages the picture: the irreversible colour transform, the 9/7 wavelet of JPEG 2000 over five
scales with symmetric borders, and dead-zone quantisation with mid-point reconstruction. The
parameter is the quantisation step in 8-bit units, one step for all bands, since the basis scaled
as here is close to orthonormal; JPEG 2000's own rate control comes to about the same step for
the whole picture (it equalises the slope of error over bits).
"""

import functools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qpt_train.degradations.colour_spaces import rgb_from_ycbcr, ycbcr_from_rgb

SCALES = 5
"""Wavelet scales: the default of JPEG 2000 coders."""

_LIFTING = (-1.586134342, -0.052980118, 0.882911075, 0.443506852)
_GAIN = 1.149604398
"""Lifting steps and gain of the 9/7 wavelet (ITU-T T.800, Annex F, table F.4); the gain here
gives the low band a DC gain of sqrt(2), which makes the basis nearly orthonormal."""


def wavelet(x: Tensor, params: Tensor, seeds: Tensor) -> Tensor:
    """Code and decode with a quantisation step in 8-bit units."""
    step = params[:, :1, None, None]
    planes = ycbcr_from_rgb((x * 255.0).round())
    planes = torch.cat([planes[:, :1] - 128.0, planes[:, 1:]], 1)
    for level in range(_levels(planes)):
        _transform_corner(planes, level, inverse=False)
    level_of = (planes.abs() / step).floor()
    planes = torch.where(level_of > 0, (level_of + 0.5) * step * planes.sign(), 0.0)
    for level in reversed(range(_levels(planes))):
        _transform_corner(planes, level, inverse=True)
    planes = torch.cat([planes[:, :1] + 128.0, planes[:, 1:]], 1)
    return rgb_from_ycbcr(planes).round().clamp(0.0, 255.0) / 255.0


def _levels(planes: Tensor) -> int:
    """Return the number of scales that the size allows (a side of two at least)."""
    return min(SCALES, int(math.log2(min(planes.shape[-2:]))))


def _transform_corner(planes: Tensor, level: int, *, inverse: bool) -> None:
    """Transform the low-pass corner of one scale in place: our own buffer, never the input."""
    height, width = (math.ceil(side / 2**level) for side in planes.shape[-2:])
    kind = 1 if inverse else 0
    rows = _matrices(height, str(planes.device))[kind]
    columns = _matrices(width, str(planes.device))[kind]
    corner = planes[..., :height, :width]
    corner.copy_(rows @ (corner @ columns.T))


@functools.lru_cache(maxsize=128)
def _matrices(length: int, device: str) -> tuple[Tensor, Tensor]:
    """Return one scale of the transform along an axis, (length, length), and its inverse."""
    forward = analysis_matrix(length)
    return tuple(  # type: ignore[return-value]
        torch.from_numpy(matrix.astype(np.float32)).to(device)
        for matrix in (forward, np.linalg.inv(forward))
    )


def analysis_matrix(length: int) -> NDArray[np.float64]:
    """Return the matrix from samples to (low band, high band), by lifting the identity."""
    state = np.eye(length)
    if length == 1:
        return state
    even, odd = np.arange(0, length, 2), np.arange(1, length, 2)
    for step, weight in enumerate(_LIFTING):
        target = odd if step % 2 == 0 else even
        before, after = np.abs(target - 1), target + 1
        after = np.where(after >= length, 2 * (length - 1) - after, after)
        state[target] += weight * (state[before] + state[after])
    return np.concatenate([state[even] * _GAIN, state[odd] / _GAIN])
