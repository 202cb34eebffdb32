"""The noise is well distributed and belongs to the sample alone."""

import numpy as np
import pytest
import torch
from scipy import stats

from qpt_train.degradations.counter_noise import (
    normals,
    pack_seeds,
    random_bits,
    signs,
    uniforms,
    whole_numbers,
)

COUNT = 60_000


def slow_word(seed: int, stream: int, position: int) -> int:
    """Re-derive one word in Python's whole numbers."""
    mask, wide = 0xFFFFFFFF, 2**64 - 1
    seed = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & wide
    seed = ((seed ^ (seed >> 27)) * 0x94D049BB133111EB) & wide
    seed ^= seed >> 31
    word = ((position + stream * 0x9E3779B1) & mask) ^ (seed & mask)
    word = ((word ^ (word >> 16)) * 0x7FEB352D) & mask
    word ^= (seed >> 32) & mask
    word = ((word ^ (word >> 15)) * 0x846CA68B) & mask
    word = ((word ^ (word >> 16)) * 0x7FEB352D) & mask
    return word ^ (word >> 15)


def test_words_equal_the_slow_derivation(device):
    """Every word is the hash that the docstring describes, on any device."""
    seeds = [0, 1, 2**63 + 12345, 2**64 - 1]
    words = random_bits(pack_seeds(seeds).to(device), 50, stream=3).cpu().numpy().view(np.uint32)
    expected = [[slow_word(seed, 3, position) for position in range(50)] for seed in seeds]
    assert words.tolist() == expected


def test_numbers_do_not_depend_on_the_batch(device):
    """A sample draws the same numbers alone, in a batch, and among a longer draw."""
    seeds = pack_seeds([5, 6, 7]).to(device)
    together = normals(seeds, 1001, stream=1)
    for row in range(3):
        assert torch.equal(normals(seeds[row : row + 1], 1001, stream=1)[0], together[row])
    assert torch.equal(uniforms(seeds, 100, 0), uniforms(seeds, 1000, 0)[:, :100])


@pytest.mark.gpu
def test_devices_agree_bit_for_bit():
    """CUDA draws the CPU's numbers."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    seeds = pack_seeds([1, 2, 3])
    assert torch.equal(normals(seeds.cuda(), 5001, 2).cpu(), normals(seeds, 5001, 2))
    assert torch.equal(uniforms(seeds.cuda(), 5001, 2).cpu(), uniforms(seeds, 5001, 2))


def test_uniforms_are_uniform():
    """Kolmogorov-Smirnov over several seeds finds nothing, and the range is half open."""
    draws = uniforms(pack_seeds(list(range(20))), COUNT, stream=0).numpy()
    values = [stats.kstest(row, "uniform").pvalue for row in draws]
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    assert min(values) > 0.001
    assert stats.kstest(values, "uniform").pvalue > 0.001


def test_normals_are_normal():
    """Distribution, moments and tails are those of the standard normal."""
    draws = normals(pack_seeds(list(range(20))), COUNT, stream=0).numpy().astype(np.float64)
    values = [stats.kstest(row, "norm").pvalue for row in draws]
    assert min(values) > 0.001
    everything = draws.ravel()
    assert abs(everything.mean()) < 5 / np.sqrt(everything.size)
    assert abs(everything.var() - 1) < 5 * np.sqrt(2 / everything.size)
    assert abs(stats.skew(everything)) < 0.02
    assert abs(stats.kurtosis(everything)) < 0.04
    assert abs((abs(everything) > 3).mean() / 0.0026998 - 1) < 0.1


def test_bits_are_balanced_and_avalanche():
    """Each bit is set half of the time, and flips half of the time when a seed bit flips."""
    first = random_bits(pack_seeds([77]), COUNT, 0).numpy().view(np.uint32)[0]
    for bit in range(64):
        other = random_bits(pack_seeds([77 ^ (1 << bit)]), COUNT, 0).numpy().view(np.uint32)[0]
        flips = [((first ^ other) >> out & 1).mean() for out in range(32)]
        assert np.allclose(flips, 0.5, atol=0.02), bit
    assert np.allclose([(first >> out & 1).mean() for out in range(32)], 0.5, atol=0.011)


def test_neighbours_are_uncorrelated():
    """Neighbouring seeds, streams, positions and the two halves of a word do not correlate."""
    seeds = pack_seeds([1000, 1001, 1000 + 2**32])
    a, b, c = normals(seeds, COUNT, 0).numpy()
    d = normals(seeds[:1], COUNT, 1).numpy()[0]
    limit = 5 / np.sqrt(COUNT)
    pairs = [(a, b), (a, c), (b, c), (a, d), (a[:-1], a[1:]), (a[:-96], a[96:])]
    pairs.append((a[: COUNT // 2], a[COUNT // 2 :]))
    for left, right in pairs:
        assert abs(np.corrcoef(left, right)[0, 1]) < 1.5 * limit
        assert abs(np.corrcoef(left**2, right**2)[0, 1]) < 1.5 * limit


def test_whole_numbers_and_signs_are_fair():
    """All values occur about equally often."""
    seeds = pack_seeds(list(range(4000)))
    numbers = whole_numbers(seeds, 5, 0, limit=17).numpy().ravel()
    assert stats.chisquare(np.bincount(numbers, minlength=17)).pvalue > 0.001
    assert abs(signs(seeds, 0).mean().item()) < 5 / np.sqrt(4000)
    assert set(signs(seeds, 0).tolist()) == {-1.0, 1.0}


def test_seeds_stay_apart():
    """Packing loses nothing: different 64-bit seeds give different pairs of words."""
    seeds = [0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, *range(100, 1100)]
    assert len({tuple(pair) for pair in pack_seeds(seeds).tolist()}) == len(seeds)
