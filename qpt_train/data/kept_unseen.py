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
    places = [photos[number] for number in range(len(photos))]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(_hash_of, places))
    for place, one in zip(places, found, strict=True):
        if one is None:
            raise DatasetError(f"{place.path} cannot be decoded, so it cannot be kept unseen")
    return np.stack([one for one in found if one is not None])


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
    places = [photos[number] for number in range(len(photos))]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(_hash_of, places))
    readable = [number for number, one in enumerate(found) if one is not None]
    hashes = [one for one in found if one is not None]
    close: set[int] = set()
    if hashes and len(unseen):
        close = {readable[row] for row in near_duplicate_pairs(np.stack(hashes), unseen)[:, 0]}
    if len(close) == len(places):
        raise DatasetError("all of the photos for pairs resemble photos that are kept unseen")
    kept = [place for number, place in enumerate(places) if number not in close]
    return Manifest(kept), tuple(places[number].name for number in sorted(close))


def _hash_of(place: PhotoPlace) -> NDArray[np.uint64] | None:
    """Return a photo's (4,) difference hash; None if it has no pixels."""
    pixels = read_photo(place, _PRINT_SIDE).pixels
    return None if pixels is None else print_pixels(pixels)[0]
