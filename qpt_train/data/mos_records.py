"""What a labelled set is made of. Mean opinion scores are higher-is-better from here on."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from qpt_app.errors import DatasetError

OfficialPart = Literal["train", "validation", "test"]
"""The part of a set's official split that a photo belongs to."""

Part = Literal["train", "test", "all"]
"""What to load: `train` is everything but the official test photos, and the default everywhere."""


class MosScale(NamedTuple):
    """The scale that a set's mean opinion scores are given on, higher is better."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MosItem:
    """One labelled photo."""

    path: Path
    """The file."""
    name: str
    """The set's own name of it, unique within the set; split hashes are made of these."""
    mos: float
    """Mean opinion score on the set's own scale, higher is better (DMOS is turned)."""
    subset: str | None = None
    """The set's own subset, such as `ss01`; None if it has none."""
    content_id: str | None = None
    """Which pristine image it comes from; such photos never cross a split. None if unknown."""
    official_part: OfficialPart | None = None
    """Part of the official split; None if the set has no official split."""
    shot_number: int | None = None
    """Number in the order the photos were taken or collected, where neighbours may show one scene;
    counted within a subset. None where the set's numbers mean nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MosSet:
    """A labelled set, or the part of one that was asked for."""

    name: str
    """Short name, such as `biq2021`."""
    folder: Path
    """Where it lies."""
    items: tuple[MosItem, ...]
    """The photos, in the order of the set's own list."""
    scale: MosScale
    """The scale of the mean opinion scores."""
    part: Part = "all"
    """Which part of the official split the items are."""

    @property
    def subsets(self) -> tuple[str, ...]:
        """The names of the subsets, sorted; empty if the set has none."""
        return tuple(sorted({item.subset for item in self.items if item.subset is not None}))

    @property
    def holds_official_test(self) -> bool:
        """Whether any photo belongs to the official test part."""
        return any(item.official_part == "test" for item in self.items)

    def only(self, part: Part) -> "MosSet":
        """Return the set restricted to one part of its official split.

        Raises:
            DatasetError: if nothing is left, as with `test` of a set without an official split.
        """
        if part == "all":
            kept = self.items
        else:
            kept = tuple(
                item for item in self.items if (item.official_part == "test") == (part == "test")
            )
        if not kept:
            raise DatasetError(f"{self.name} in {self.folder} has no official {part} part")
        return replace(self, items=kept, part=part)


def checked_set(name: str, folder: Path, items: list[MosItem], scale: MosScale) -> MosSet:
    """Return a set of unique names with scores on their scale.

    Raises:
        DatasetError: for no items, a repeated name or a score outside the scale.
    """
    if not items:
        raise DatasetError(f"{name} in {folder} lists no photos")
    repeated = [item for item, count in Counter(item.name for item in items).items() if count > 1]
    if repeated:
        raise DatasetError(f"{name} in {folder} lists {repeated[0]!r} more than once")
    slack = 1e-6 * (scale.high - scale.low)
    for item in items:
        if not scale.low - slack <= item.mos <= scale.high + slack:
            raise DatasetError(
                f"{name}: the score of {item.name!r} is {item.mos}, "
                f"expected {scale.low} to {scale.high}"
            )
    return MosSet(name=name, folder=folder, items=tuple(items), scale=scale)


def refuse_official_test(items: "tuple[MosItem, ...] | list[MosItem]", purpose: str) -> None:
    """Stop if a photo of an official test part is about to be used for something else.

    Raises:
        DatasetError: naming the first such photo and the purpose.
    """
    for item in items:
        if item.official_part == "test":
            raise DatasetError(
                f"{item.name!r} belongs to the official test part, which is for a final number "
                f"only; it cannot be used for {purpose}"
            )
