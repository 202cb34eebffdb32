"""A short form of the encoder's vector: enough to tell alike frames, small enough to keep all."""

import functools

import numpy as np
from numpy.typing import NDArray

COMPACT_DIMENSION = 128
"""Cosines near 1 move by about (1 - cos²) / sqrt(128) (Johnson and Lindenstrauss)."""
_SEED = 20260101


def compact_feature(feature: NDArray[np.float16]) -> NDArray[np.float16]:
    """Return a (128,) float16 random projection of a (C,) feature, the same in every run.

    Lengths and angles are kept nearly; 50,000 photos need 13 MB instead of some hundred.
    """
    projection = _projection(feature.shape[0])
    return np.asarray(feature.astype(np.float32) @ projection, dtype=np.float16)


def cosines(
    features: NDArray[np.float16], others: NDArray[np.float16], mean: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the cosine of each row with the same row of `others`, (N,) in [-1, 1].

    Args:
        features: (N, D).
        others: (N, D).
        mean: (D,) the folder's mean, which is taken off first: encoders that end in a ReLU give
            vectors that all point the same way, and only what differs tells photos apart.
    """
    first = features.astype(np.float32) - mean
    second = others.astype(np.float32) - mean
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = np.einsum("nd,nd->n", first, second)
    result = np.divide(products, lengths, out=np.ones_like(products), where=lengths > 1e-6)
    return np.asarray(result, dtype=np.float32)


@functools.cache
def _projection(dimension: int) -> NDArray[np.float32]:
    """Return the (C, 128) matrix for features of length C."""
    generator = np.random.default_rng((_SEED, dimension))
    matrix = generator.standard_normal((dimension, COMPACT_DIMENSION)) / COMPACT_DIMENSION**0.5
    return np.asarray(matrix, dtype=np.float32)
