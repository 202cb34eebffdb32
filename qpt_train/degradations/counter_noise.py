"""Random numbers that depend on a sample's own seed only, on any device and in any batch.

Each number is a hash of (seed, stream, position), so there is no state: the same sample gets the
same noise in any batch, order, process or restart. Only integer operations, a table look-up and
one exact scaling are used, so CPU and CUDA agree bit for bit.

The hash is two rounds of multiply and xor-shift with the constants of C. Wellons' lowbias32
(github.com/skeeto/hash-prospector, public domain), the second half of the seed entering between
them; tests/train/degradations/test_counter_noise.py checks uniformity, normality and
independence of neighbouring seeds, streams and positions.
"""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_STREAM_STEP = 0x9E3779B1
_FIRST_FACTOR = 0x7FEB352D
_SECOND_FACTOR = 0x846CA68B
_NORMAL_LEVELS = 1 << 16


def pack_seeds(seeds: Sequence[int]) -> Tensor:
    """Return 64-bit seeds as (B, 2) int32 on the CPU.

    Each is mixed one-to-one, so that neighbouring numbers become unrelated seeds.
    """
    words = mix_words(np.array([seed & 0xFFFFFFFFFFFFFFFF for seed in seeds], dtype=np.uint64))
    return torch.from_numpy(words.astype("<u8").view("<i4").reshape(-1, 2).copy())


def mix_words(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return SplitMix64's finaliser (Steele, Lea, Flood 2014) of each word, a bijection."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def random_bits(seeds: Tensor, count: int, stream: int) -> Tensor:
    """Return `count` random 32-bit words per sample.

    Args:
        seeds: (B, 2) int32.
        count: words per sample.
        stream: a small number that sets apart the draws of one operator.

    Returns:
        (B, count) int32, uniform over all 32-bit words.
    """
    position = torch.arange(count, dtype=torch.int32, device=seeds.device)
    word = (position + _signed(stream * _STREAM_STEP)) ^ seeds[:, :1]
    word ^= (word >> 16) & 0xFFFF
    word *= _FIRST_FACTOR
    word ^= seeds[:, 1:]
    word ^= (word >> 15) & 0x1FFFF
    word *= _signed(_SECOND_FACTOR)
    word ^= (word >> 16) & 0xFFFF
    word *= _FIRST_FACTOR
    word ^= (word >> 15) & 0x1FFFF
    return word


def uniforms(seeds: Tensor, count: int, stream: int) -> Tensor:
    """Return (B, count) float32 uniform on the 2^24 multiples of 2^-24 in [0, 1)."""
    words = random_bits(seeds, count, stream)
    return ((words >> 8) & 0xFFFFFF).to(torch.float32) * 2.0**-24


def normals(seeds: Tensor, count: int, stream: int) -> Tensor:
    """Return (B, count) float32 standard normal numbers.

    Each 32-bit word gives two indices into the 65,536 quantiles of the normal distribution; the
    largest is 4.3 and the variance 0.9999.
    """
    words = random_bits(seeds, (count + 1) // 2, stream)
    halves = torch.cat([words & 0xFFFF, (words >> 16) & 0xFFFF], dim=1)[:, :count]
    table = _normal_quantiles(str(seeds.device))
    return table.index_select(0, halves.reshape(-1)).reshape(halves.shape)


def whole_numbers(seeds: Tensor, count: int, stream: int, limit: int) -> Tensor:
    """Return (B, count) int64 uniform on 0 .. limit - 1, for limits far below 2^24."""
    return (uniforms(seeds, count, stream) * limit).to(torch.int64).clamp_(max=limit - 1)


def signs(seeds: Tensor, stream: int) -> Tensor:
    """Return (B,) float32, -1 or 1 with equal probability."""
    return (uniforms(seeds, 1, stream)[:, 0] < 0.5).to(torch.float32) * 2 - 1


@functools.lru_cache(maxsize=16)
def _normal_quantiles(device: str) -> Tensor:
    """Return the 65,536 mid-point quantiles of the standard normal distribution."""
    from scipy.special import ndtri

    centres = (np.arange(_NORMAL_LEVELS) + 0.5) / _NORMAL_LEVELS
    return torch.from_numpy(ndtri(centres).astype(np.float32)).to(device)


def _signed(word: int) -> int:
    """Return the low 32 bits of `word` as a signed number."""
    return (word + 0x80000000) % 0x100000000 - 0x80000000
