"""What the two sides of a split have in common: near-duplicates, and scenes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpt_train.data.mos_records import MosItem
from qpt_train.data.near_duplicates import near_duplicate_pairs, photo_prints
from qpt_train.data.splits import scene_groups


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedScenes:
    """How many tested photos lie in one scene with a photo trained on."""

    photos: int
    """Tested photos."""
    shared: int
    """Those of them that do."""
    subsets: dict[str, tuple[int, int]]
    """(shared, photos) by subset, sorted; empty if the set has none."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        subsets = {
            name: {"photos": photos, "shared": shared}
            for name, (shared, photos) in self.subsets.items()
        }
        return {"photos": self.photos, "shared": self.shared, "subsets": subsets}


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaks:
    """What one side of a split shares with the other."""

    pairs: tuple[tuple[str, str], ...]
    """(photo tested, photo trained on), by name, in order."""
    leaked: NDArray[np.bool_]
    """(N,) for each tested photo: whether it has a near-duplicate on the other side."""
    scenes: SharedScenes
    """The scenes that lie on both sides."""


def find_leaks(
    tested: Sequence[MosItem], trained: Sequence[MosItem], *, cache_folder: Path | None = None
) -> Leaks:
    """Find tested photos that are near-duplicates of photos trained on (256-bit dHash <= 20).

    Photos that show one scene, by the rule that keeps scenes together in our own splits, are
    counted. Only pixels are compared, no score is read; the official test part may be on either
    side.

    Raises:
        DatasetError: if a photo has no pixels.
    """
    items = [*tested, *trained]
    prints = photo_prints([item.path for item in items], cache_folder=cache_folder)
    count = len(tested)
    pairs = near_duplicate_pairs(prints.hashes[:count], prints.hashes[count:])
    leaked = np.zeros(count, dtype=bool)
    leaked[pairs[:, 0]] = True
    return Leaks(
        pairs=tuple((tested[a].name, trained[b].name) for a, b in pairs.tolist()),
        leaked=leaked,
        scenes=_count_scenes(tested, scene_groups(items, prints)),
    )


def _count_scenes(tested: Sequence[MosItem], groups: NDArray[np.int64]) -> SharedScenes:
    """Count tested photos whose scene, of those of all photos, has one of the others."""
    count = len(tested)
    shared = np.isin(groups[:count], groups[count:])
    subsets = np.asarray([item.subset or "" for item in tested])
    return SharedScenes(
        photos=count,
        shared=int(shared.sum()),
        subsets={
            name: (int(shared[subsets == name].sum()), int((subsets == name).sum()))
            for name in sorted({item.subset for item in tested if item.subset is not None})
        },
    )
