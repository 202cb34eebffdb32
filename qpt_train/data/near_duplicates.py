"""Photo prints: a difference hash and a thumbnail per photo, and who resembles whom."""

import io
import logging
import os
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.decode import decode_photo
from qpt_app.core.preprocess import Pixels
from qpt_app.errors import DatasetError
from qpt_train.out_folder import make_folder

HASH_SIDE = 16
"""The difference hash has HASH_SIDE ** 2 = 256 bits."""
THUMBNAIL_SIDE = 16
NEAR_DUPLICATE_BITS = 20
"""Photos whose hashes differ in at most this many bits count as near-duplicates
(shared/data/README.md: 648 such pairs in BIQ2021)."""
CACHE_NAME = "photo-prints.npz"
_CACHE_VERSION = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoPrints:
    """The prints of N photos, in their order."""

    hashes: NDArray[np.uint64]
    """(N, 4): 256 bits, each saying that a cell is brighter than its left neighbour."""
    thumbnails: NDArray[np.uint8]
    """(N, 16, 16, 3) sRGB, aspect ratio ignored."""


def photo_prints(paths: Sequence[Path], *, cache_folder: Path | None = None) -> PhotoPrints:
    """Return the prints of photos, made upright by the decode that scoring uses.

    Args:
        paths: the photos.
        cache_folder: where `photo-prints.npz` keeps prints between runs, by file name, size and
            time of change; None for no cache. An unusable cache is made anew.

    Raises:
        DatasetError: if a photo has no pixels.
        StorageError: if the cache cannot be written.
    """
    keys = [_cache_key(path) for path in paths]
    known = _read_cache(cache_folder / CACHE_NAME) if cache_folder else {}
    missing = [number for number, key in enumerate(keys) if key not in known]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        fresh = pool.map(_print_file, [paths[number] for number in missing])
        known.update(zip([keys[number] for number in missing], fresh, strict=True))
    if cache_folder and missing:
        _write_cache(cache_folder / CACHE_NAME, known)
    return PhotoPrints(
        hashes=np.stack([known[key][0] for key in keys]),
        thumbnails=np.stack([known[key][1] for key in keys]),
    )


def print_pixels(pixels: Pixels) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Return the (4,) hash and (16, 16, 3) thumbnail of (H, W, 3) uint8 pixels."""
    image = Image.fromarray(pixels)
    grey = image.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BILINEAR)
    cells = np.asarray(grey, dtype=np.int16)
    bits = np.packbits(cells[:, 1:] > cells[:, :-1])
    small = image.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    return bits.view(np.dtype("<u8")).astype(np.uint64), np.asarray(small)


def hamming_distances(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return (A, B) counts of differing bits of (A, 4) and (B, 4) hashes."""
    differing = one[:, None, :] ^ other[None, :, :]
    return cast("NDArray[np.int64]", np.bitwise_count(differing).sum(axis=2, dtype=np.int64))


def near_duplicate_pairs(
    one: NDArray[np.uint64],
    other: NDArray[np.uint64],
    *,
    max_bits: int = NEAR_DUPLICATE_BITS,
    chunk: int = 256,
) -> NDArray[np.int64]:
    """Return (P, 2) row numbers (a, b) with at most `max_bits` differing bits, in order.

    `chunk` rows of `one` are compared at a time, which bounds the memory.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(one), chunk):
        close = hamming_distances(one[start : start + chunk], other) <= max_bits
        pairs = np.argwhere(close)
        pairs[:, 0] += start
        found.append(pairs)
    return np.concatenate(found)


def thumbnail_vectors(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (N, 768) thumbnails without mean, of unit length: their dot product correlates.

    Exposure and contrast drop out, so that a bracketed scene still resembles itself; a plain
    thumbnail becomes the zero vector, which resembles nothing.
    """
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return cast("NDArray[np.float32]", flat / np.where(length > 0, length, 1.0))


def _print_file(path: Path) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Decode one photo and return its prints."""
    photo = decode_photo(path)  # native pixels: the prints, and so the folds, never depend on draft
    if photo.pixels is None:
        raise DatasetError(f"{path} cannot be decoded: {photo.status} ({photo.reason})")
    return print_pixels(photo.pixels)


def _cache_key(path: Path) -> str:
    """Return what a photo's prints are kept under."""
    try:
        stat = path.stat()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error
    return f"{path.parent.name}/{path.name}\t{stat.st_size}\t{stat.st_mtime_ns}"


def _read_cache(path: Path) -> dict[str, tuple[NDArray[np.uint64], NDArray[np.uint8]]]:
    """Return the cached prints by key; nothing if there is no usable cache."""
    if not path.is_file():
        return {}
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            if int(stored["version"]) != _CACHE_VERSION:
                return {}
            keys = stored["keys"].tolist()
            return dict(
                zip(keys, zip(stored["hashes"], stored["thumbnails"], strict=True), strict=True)
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("the photo prints in %s cannot be used and are made anew: %s", path, error)
        return {}


def _write_cache(
    path: Path, known: dict[str, tuple[NDArray[np.uint64], NDArray[np.uint8]]]
) -> None:
    """Replace the cache."""
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        version=np.asarray(_CACHE_VERSION),
        keys=np.asarray(list(known)),
        hashes=np.stack([entry[0] for entry in known.values()]),
        thumbnails=np.stack([entry[1] for entry in known.values()]),
    )
    make_folder(path.parent)
    atomic_write(path, stream.getvalue())
