"""Keeps photos unseen: takes those and everything that resembles them out of a list of photos."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from qpt_app.errors import DatasetError
from qpt_train.data.contrastive_set import read_photo
from qpt_train.data.manifest import Manifest, PhotoPlace
from qpt_train.data.near_duplicates import near_duplicate_pairs, print_pixels

_PRINT_SIDE = 512
"""Long side that a photo may be decoded at for its hash, which has 17 x 16 cells."""


def hashes_of(photos: Manifest) -> NDArray[np.uint64]:
    """Return the (N, 4) difference hashes of photos, of a scaled decode.

    Raises:
        DatasetError: if a photo has no pixels: whether it is among others could not be told.
    """
    found: list[NDArray[np.uint64]] = []
    for place, one in _hashed(photos):
        if one is None:
            raise DatasetError(f"{place.path} cannot be decoded, so it cannot be kept unseen")
        found.append(one)
    return np.stack(found)


def leave_out(photos: Manifest, unseen: NDArray[np.uint64]) -> tuple[Manifest, tuple[str, ...]]:
    """Take near-duplicates of unseen photos out (256-bit dHash <= 20), whatever their names.

    Args:
        photos: a list of photos; one that has no pixels stays, as nothing can be learnt from it.
        unseen: (N, 4) hashes, by `hashes_of`.

    Returns:
        The photos that are left, in their order, and the names of those left out.

    Raises:
        DatasetError: if none is left.
    """
    kept: list[PhotoPlace] = []
    gone: list[PhotoPlace] = []
    for place, one in _hashed(photos):
        is_close = one is not None and len(near_duplicate_pairs(one[None], unseen)) > 0
        (gone if is_close else kept).append(place)
    if not kept:
        raise DatasetError("all of the photos for pairs resemble photos that are kept unseen")
    return Manifest(kept), tuple(place.name for place in gone)


def _hashed(photos: Manifest) -> list[tuple[PhotoPlace, NDArray[np.uint64] | None]]:
    """Return every photo's place and hash, in their order."""
    places = [photos[number] for number in range(len(photos))]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(zip(places, pool.map(_hash_of, places), strict=True))


def _hash_of(place: PhotoPlace) -> NDArray[np.uint64] | None:
    """Return a photo's (4,) difference hash; None if it has no pixels."""
    pixels = read_photo(place, _PRINT_SIDE).pixels
    return None if pixels is None else print_pixels(pixels)[0]
