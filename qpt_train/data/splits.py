"""Splits that never part what belongs together, the same on every machine for one seed.

Three things tie photos into one group: the same pristine content, near-duplicate pixels, and one
scene shot several times in a row. Groups are transitive. The rule for scenes was chosen by looking
at BIQ2021's train photos: in `ss01` about ten neighbouring numbers show one object at different
exposures and focus; correlating 16x16 colour thumbnails of photos at most six numbers apart at
0.6 finds 118 of the 120 neighbours that belong together in numbers 401 to 558, at the price of
joining 5 of 14 scene changes (some of which go on in the same room). Whole runs are then gathered
into short blocks of neighbouring numbers, so that what the thumbnails miss mostly stays together.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_train.data.mos_records import MosItem
from qpt_train.data.near_duplicates import (
    PhotoPrints,
    near_duplicate_pairs,
    photo_prints,
    thumbnail_vectors,
)
from qpt_train.randomness import numpy_generator

SCENE_CORRELATION = 0.6
"""Least correlation of two thumbnails of one scene."""
SCENE_REACH = 6
"""Largest difference of the shot numbers compared; photos in between join the scene."""
BLOCK_SIZE = 8
"""Neighbouring scenes are gathered until a block holds at least this many photos."""


class Groups:
    """Disjoint sets of the numbers 0..count-1 (union-find)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, member: int) -> int:
        """Return the smallest member of the group, halving the path on the way."""
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member

    def join(self, one: int, other: int) -> None:
        """Make two groups one."""
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low

    def labels(self) -> NDArray[np.int64]:
        """Return for each number the smallest member of its group, (count,)."""
        return np.asarray([self.find(member) for member in range(len(self._parent))])


def grouped_folds(
    items: Sequence[MosItem], *, folds: int = 5, seed: int = 0, cache_folder: Path | None = None
) -> list[int]:
    """Return the fold (0..folds-1) of each item; groups stay whole, subsets are spread evenly.

    Args:
        items: the photos to split.
        folds: how many folds, at least 2.
        seed: the folds are a function of it, the items and their pixels, not of their order.
        cache_folder: where prints of the photos are kept between runs, such as the run's folder.

    Raises:
        DatasetError: if a photo cannot be decoded.
        ValueError: for fewer than two folds.
    """
    prints = photo_prints([item.path for item in items], cache_folder=cache_folder)
    groups = group_photos(items, prints)
    strata = [item.subset or "" for item in items]
    return assign_folds(
        [item.name for item in items], groups.tolist(), strata, folds=folds, seed=seed
    )


def group_photos(items: Sequence[MosItem], prints: PhotoPrints) -> NDArray[np.int64]:
    """Return the (N,) group label of each photo; photos that belong together share one."""
    groups = _join_contents(items)
    for one, other in near_duplicate_pairs(prints.hashes, prints.hashes).tolist():
        if one < other:
            groups.join(one, other)
    for block in scene_blocks(items, thumbnail_vectors(prints.thumbnails)):
        for one, other in pairwise(block):
            groups.join(one, other)
    return groups.labels()


def scene_groups(items: Sequence[MosItem], prints: PhotoPrints) -> NDArray[np.int64]:
    """Return (N,) labels that photos of one pristine content or of one scene share.

    Closer than `group_photos`: neither near-duplicates nor neighbouring scenes are joined.
    """
    groups = _join_contents(items)
    for scenes in shot_scenes(items, thumbnail_vectors(prints.thumbnails)):
        for scene in scenes:
            for one, other in pairwise(scene):
                groups.join(one, other)
    return groups.labels()


def content_groups(items: Sequence[MosItem]) -> NDArray[np.int64]:
    """Return (N,) labels that only versions of one pristine content share; no pixel is read."""
    return _join_contents(items).labels()


def _join_contents(items: Sequence[MosItem]) -> Groups:
    """Return groups in which photos of one content id are one."""
    groups = Groups(len(items))
    by_content: dict[str, int] = {}
    for number, item in enumerate(items):
        if item.content_id is not None:
            groups.join(number, by_content.setdefault(item.content_id, number))
    return groups


def scene_blocks(items: Sequence[MosItem], vectors: NDArray[np.float32]) -> list[list[int]]:
    """Return blocks of item numbers: whole scenes in order of their shot numbers, per subset.

    Args:
        items: the photos; those without a shot number are in no block.
        vectors: (N, C) of unit length, as of `thumbnail_vectors`.
    """
    blocks: list[list[int]] = []
    for scenes in shot_scenes(items, vectors):
        block: list[int] = []
        for scene in scenes:
            block += scene
            if len(block) >= BLOCK_SIZE:
                blocks.append(block)
                block = []
        if block:
            blocks.append(block)
    return blocks


def shot_scenes(items: Sequence[MosItem], vectors: NDArray[np.float32]) -> list[list[list[int]]]:
    """Return each subset's scenes, in order of their shot numbers, as lists of item numbers.

    Args:
        items: the photos; those without a shot number are in no scene.
        vectors: (N, C) of unit length, as of `thumbnail_vectors`.
    """
    by_subset: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        if item.shot_number is not None:
            by_subset[item.subset or ""].append(number)
    found = []
    for members in by_subset.values():
        members.sort(key=lambda number: (items[number].shot_number or 0, items[number].name))
        shots = np.asarray([items[number].shot_number for number in members])
        ordered = iter(members)
        lengths = split_scenes(shots, vectors[members])
        found.append([[next(ordered) for _ in range(length)] for length in lengths])
    return found


def split_scenes(shots: NDArray[np.int64], vectors: NDArray[np.float32]) -> list[int]:
    """Return the lengths of consecutive scenes, which sum to the number of photos.

    Args:
        shots: (N,) shot numbers, rising.
        vectors: (N, C) thumbnails of unit length in the same order.

    Two photos at most `SCENE_REACH` numbers apart whose thumbnails correlate by at least
    `SCENE_CORRELATION` lie in one scene together with all photos between them.
    """
    count = len(shots)
    joined = np.zeros(max(0, count - 1), dtype=bool)
    for lag in range(1, min(SCENE_REACH, count - 1) + 1):
        near = shots[lag:] - shots[:-lag] <= SCENE_REACH
        alike = np.einsum("nc,nc->n", vectors[:-lag], vectors[lag:]) >= SCENE_CORRELATION
        for start in np.flatnonzero(near & alike):
            joined[start : start + lag] = True
    edges = [0, *(np.flatnonzero(~joined) + 1).tolist(), count]
    return [end - start for start, end in pairwise(edges) if end > start]


def assign_folds(
    names: Sequence[str], groups: Sequence[int], strata: Sequence[str], *, folds: int, seed: int
) -> list[int]:
    """Deal whole groups to folds, the largest first, always to the fold that has least of them.

    "Least" is counted in photos of the group's commonest stratum, then in photos at all. Groups of
    one size come in an order drawn from the seed.

    Args:
        names: (N,) unique names; they, not the order of the items, fix the draw.
        groups: (N,) group label of each item.
        strata: (N,) stratum of each item, such as its subset.
        folds: how many folds, at least 2.
        seed: seed of the draw.

    Raises:
        ValueError: for fewer than two folds.
    """
    if folds < 2:
        raise ValueError(f"a split needs at least two folds, not {folds}")
    members: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    ordered = sorted(members.values(), key=lambda group: min(names[number] for number in group))
    draw = numpy_generator(seed, "grouped folds").permutation(len(ordered))
    shuffled = sorted((ordered[position] for position in draw), key=len, reverse=True)
    in_fold, in_stratum = [0] * folds, defaultdict[str, list[int]](lambda: [0] * folds)
    result = [0] * len(names)
    for photos in shuffled:
        counts = Counter(strata[number] for number in photos)
        main = min(counts, key=lambda stratum: (-counts[stratum], stratum))
        fold = min(range(folds), key=lambda f: (in_stratum[main][f], in_fold[f], f))
        for number in photos:
            result[number] = fold
            in_stratum[strata[number]][fold] += 1
        in_fold[fold] += len(photos)
    return result


def draw_part(
    names: Sequence[str],
    groups: Sequence[int],
    strata: Sequence[str],
    *,
    share: float,
    seed: int,
) -> list[bool]:
    """Draw whole groups at random until every stratum has given its share; never more than that.

    Groups come in an order drawn from the seed, and one that would overshoot the share of a stratum
    stays out. `assign_folds` deals the largest groups first and so sends the same
    ones to the same fold whatever the seed: right for folds, wrong for a part that is drawn again
    and again, or a small one, which would be little but the largest group.

    Args:
        names: (N,) unique names; they, not the order of the items, fix the draw.
        groups: (N,) group label of each item.
        strata: (N,) stratum of each item, such as its subset.
        share: of the items, 0 to 1.
        seed: seed of the draw.

    Returns:
        (N,) whether an item was drawn; at least one group for a share above 0.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    ordered = sorted(members.values(), key=lambda group: min(names[number] for number in group))
    draw = numpy_generator(seed, "grouped part").permutation(len(ordered))
    shuffled = [ordered[position] for position in draw]
    room = {stratum: share * count for stratum, count in Counter(strata).items()}
    drawn = [False] * len(names)
    for photos in shuffled:
        counts = Counter(strata[number] for number in photos)
        if all(count <= room[stratum] + 0.5 for stratum, count in counts.items()):
            for number in photos:
                room[strata[number]] -= 1
                drawn[number] = True
    if share > 0 and shuffled and not any(drawn):
        for number in min(shuffled, key=len):
            drawn[number] = True
    return drawn


def grouped_part(
    items: Sequence[MosItem], *, share: float, seed: int, cache_folder: Path | None = None
) -> list[bool]:
    """Return which items are drawn for a part; groups stay whole, see `draw_part`.

    Raises:
        DatasetError: if a photo cannot be decoded.
    """
    prints = photo_prints([item.path for item in items], cache_folder=cache_folder)
    groups = group_photos(items, prints).tolist()
    strata = [item.subset or "" for item in items]
    return draw_part([item.name for item in items], groups, strata, share=share, seed=seed)


def split_hash(items: Sequence[MosItem], folds: Sequence[int]) -> str:
    """Return the sha256 (hexadecimal) of the sorted `name<TAB>fold` lines."""
    lines = sorted(f"{item.name}\t{fold}\n" for item, fold in zip(items, folds, strict=True))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
