"""Near-duplicates across the two sides of a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_train.data.mos_records import MosItem
from qpt_train.data.near_duplicates import near_duplicate_pairs, photo_prints


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaks:
    """What one side of a split shares with the other."""

    pairs: tuple[tuple[str, str], ...]
    """(photo tested, photo trained on), by name, in order."""
    leaked: NDArray[np.bool_]
    """(N,) for each tested photo: whether it has a near-duplicate on the other side."""


def find_leaks(
    tested: Sequence[MosItem], trained: Sequence[MosItem], *, cache_folder: Path | None = None
) -> Leaks:
    """Find tested photos that are near-duplicates of photos trained on (256-bit dHash <= 20).

    Only pixels are compared, no score is read; the official test part may be on either side.

    Raises:
        DatasetError: if a photo has no pixels.
    """
    items = [*tested, *trained]
    hashes = photo_prints([item.path for item in items], cache_folder=cache_folder).hashes
    count = len(tested)
    pairs = near_duplicate_pairs(hashes[:count], hashes[count:])
    leaked = np.zeros(count, dtype=bool)
    leaked[pairs[:, 0]] = True
    return Leaks(
        pairs=tuple((tested[a].name, trained[b].name) for a, b in pairs.tolist()), leaked=leaked
    )
