"""Places of the query crop and the key crop within one degraded image: little overlap."""

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 256
"""Offsets tried at once; a failure of all of them is left to the corners."""


def draw_crop_pairs(
    generator: np.random.Generator,
    *,
    area: tuple[int, int, int, int],
    crop_size: int,
    max_overlap: float,
    count: int,
) -> NDArray[np.int64]:
    """Draw `count` pairs of square crops whose overlap is at most `max_overlap` of a crop's area.

    Where the area is too small for that, the two crops lie in opposite corners.

    Args:
        generator: decides everything.
        area: (top, left, height, width) within which both crops must lie, in pixels; both sides
            at least `crop_size`.
        crop_size: side of the crops in pixels.
        max_overlap: 0..1.
        count: number of pairs.

    Returns:
        (count, 2, 2): pair, query or key, top and left.
    """
    top, left, height, width = area
    room = np.array([height - crop_size, width - crop_size])
    shifts = generator.integers(0, room + 1, size=(count, CANDIDATES, 2))
    overlaps = np.clip(crop_size - shifts, 0, None).prod(axis=2) / crop_size**2
    fits = overlaps <= max_overlap
    first = fits.argmax(axis=1)
    shift = np.where(fits.any(axis=1)[:, None], shifts[np.arange(count), first], room)
    start = generator.integers(0, room - shift + 1)
    # Which of the two lies further down, and which further right, is drawn independently.
    swap = generator.integers(0, 2, size=(count, 2)).astype(bool)
    query = start + np.where(swap, shift, 0)
    key = start + np.where(swap, 0, shift)
    pairs: NDArray[np.int64] = np.stack([query, key], axis=1) + np.array([top, left])
    return pairs


def overlap_share(pairs: NDArray[np.int64], crop_size: int) -> NDArray[np.float64]:
    """Return the shared part of a crop's area for pairs (N, 2, 2), as (N,) in 0..1."""
    shift = np.abs(pairs[:, 0] - pairs[:, 1])
    shared: NDArray[np.float64] = np.clip(crop_size - shift, 0, None).prod(axis=1) / crop_size**2
    return shared
