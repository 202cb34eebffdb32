"""A model's agreement with people on photos it never trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qpt_app.errors import DatasetError, UsageError
from qpt_train.data.mos_records import MosItem, MosSet
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.near_duplicates import photo_prints
from qpt_train.data.recorded_splits import recorded_folds
from qpt_train.data.splits import group_photos
from qpt_train.group_measures import BootstrapConfig, SplitMeasure, measure_split
from qpt_train.leaks import SharedScenes, find_leaks
from qpt_train.photo_scores import PhotoScores, score_paths
from qpt_train.subjects import Subject

SplitName = Literal["heldout", "official-test", "all"]

FINAL_WARNING = (
    "FINAL NUMBER: these are official test photos. Nothing may be chosen or changed because of "
    "what follows; use them once per final model."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationPhotos:
    """The photos of one evaluation."""

    data_name: str
    split: SplitName
    tested: tuple[MosItem, ...]
    others: tuple[MosItem, ...]
    """The rest of the set, which the model may have trained on; for the leak check."""
    split_hash: str | None
    """Hash of the whole split into folds; None where no folds were made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The result of one evaluation."""

    model: str
    data: str
    split: SplitName
    split_hash: str | None
    measures: SplitMeasure
    without_leaks: SplitMeasure | None
    """The same without photos that have a near-duplicate among the others; None if not asked, or
    if fewer than two are left."""
    leak_pairs: int | None
    shared_scenes: SharedScenes | None
    """Tested photos that show a scene of the others; None if not asked."""
    bootstrap: BootstrapConfig
    groups: int
    """Groups (scenes, near-duplicates) among the tested photos, which the bootstrap draws."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "schema": 1,
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "split_hash": self.split_hash,
            "final": self.split == "official-test",
            "bootstrap": {
                "resamples": self.bootstrap.resamples,
                "level": self.bootstrap.level,
                "seed": self.bootstrap.seed,
                "groups": self.groups,
            },
            "measures": self.measures.to_dict(),
            "leak_pairs": self.leak_pairs,
            "shared_scenes": self.shared_scenes.to_dict() if self.shared_scenes else None,
            "without_leaks": self.without_leaks.to_dict() if self.without_leaks else None,
        }


def parse_split(name: str) -> SplitName:
    """Return a split's name as given on a command line.

    Raises:
        UsageError: if there is none of that name.
    """
    match name:
        case "heldout" | "official-test" | "all":
            return name
    raise UsageError(f"the split is heldout, official-test or all, not {name!r}")


def choose_photos(
    data: Path,
    split: SplitName,
    trained_split: dict[str, Any] | None,
    *,
    final: bool = False,
    cache_folder: Path | None = None,
) -> EvaluationPhotos:
    """Choose the photos to evaluate on.

    Args:
        data: the labelled set.
        split: `heldout` (the fold that the model's training left out), `official-test` (needs
            `final`) or `all` (every photo but the official test part).
        trained_split: the split in the model's own record; needed for `heldout`.
        final: says that the official test photos may be read, for a final number.
        cache_folder: keeps the photos' prints between runs.

    Raises:
        UsageError: for `official-test` without `final`.
        DatasetError: if the split cannot be made again exactly as it was in training.
    """
    if split == "official-test":
        if not final:
            raise UsageError(
                "the official test photos are for a final number only; add --final if this is one"
            )
        everything = load_mos_set(data, part="all")
        return EvaluationPhotos(
            data_name=everything.name,
            split=split,
            tested=everything.only("test").items,
            others=everything.only("train").items,
            split_hash=None,
        )
    mos_set = load_mos_set(data, part="train")
    if split == "all":
        return EvaluationPhotos(
            data_name=mos_set.name, split=split, tested=mos_set.items, others=(), split_hash=None
        )
    return _heldout_photos(mos_set, trained_split, cache_folder)


def evaluate(
    subject: Subject,
    photos: EvaluationPhotos,
    *,
    bootstrap: BootstrapConfig,
    leak_check: bool = False,
    cache_folder: Path | None = None,
    workers: int = 2,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> tuple[Evaluation, PhotoScores]:
    """Score the photos and measure the agreement; also return the single scores.

    Raises:
        DatasetError: for fewer than two photos, if one has no pixels, or a score is not finite.
    """
    if len(photos.tested) < 2:
        raise DatasetError(
            f"{photos.data_name}: agreement needs two photos to test on or more, not "
            f"{len(photos.tested)}"
        )
    found = score_paths(
        subject.scorer, [item.path for item in photos.tested], workers=workers, on_photo=on_photo
    )
    if not np.isfinite(found.raw_scores).all():
        place = int(np.flatnonzero(~np.isfinite(found.raw_scores))[0])
        raise DatasetError(f"the model gives {photos.tested[place].path} no finite score")
    groups = groups_of_tested(photos, cache_folder=cache_folder)
    everything = np.ones(len(photos.tested), dtype=bool)
    measures = _measure(found, photos.tested, everything, groups, bootstrap)
    without, pairs, scenes = None, None, None
    if leak_check:
        leaks = find_leaks(photos.tested, photos.others, cache_folder=cache_folder)
        if np.count_nonzero(~leaks.leaked) >= 2:
            without = _measure(found, photos.tested, ~leaks.leaked, groups, bootstrap)
        pairs, scenes = len(leaks.pairs), leaks.scenes
    result = Evaluation(
        model=subject.label,
        data=photos.data_name,
        split=photos.split,
        split_hash=photos.split_hash,
        measures=measures,
        without_leaks=without,
        leak_pairs=pairs,
        shared_scenes=scenes,
        bootstrap=bootstrap,
        groups=len(np.unique(groups)),
    )
    return result, found


def groups_of_tested(
    photos: EvaluationPhotos, *, cache_folder: Path | None = None
) -> NDArray[np.int64]:
    """Return (N,) labels of the tested photos; near-duplicates and scenes share one.

    Raises:
        DatasetError: if a photo cannot be decoded.
    """
    prints = photo_prints([item.path for item in photos.tested], cache_folder=cache_folder)
    return group_photos(photos.tested, prints)


def _heldout_photos(
    mos_set: MosSet, trained_split: dict[str, Any] | None, cache_folder: Path | None
) -> EvaluationPhotos:
    """Make the training's split again and take the fold it left out."""
    wanted = {"seed", "folds", "heldout_fold", "hash"}
    if trained_split is None or not wanted <= set(trained_split):
        raise DatasetError(
            "the model does not say which split it was trained with; use --split all or "
            "official-test"
        )
    heldout = trained_split["heldout_fold"]
    if heldout is None:
        raise DatasetError("the model was trained without holding out a fold")
    folds = recorded_folds(mos_set.items, trained_split, cache_folder=cache_folder)
    pairs = list(zip(mos_set.items, folds, strict=True))
    return EvaluationPhotos(
        data_name=mos_set.name,
        split="heldout",
        tested=tuple(item for item, fold in pairs if fold == heldout),
        others=tuple(item for item, fold in pairs if fold != heldout),
        split_hash=str(trained_split["hash"]),
    )


def _measure(
    found: PhotoScores,
    items: Sequence[MosItem],
    kept: NDArray[np.bool_],
    groups: NDArray[np.int64],
    bootstrap: BootstrapConfig,
) -> SplitMeasure:
    """Measure the photos marked in `kept`, (N,) bool."""
    chosen = [item for item, keep in zip(items, kept, strict=True) if keep]
    return measure_split(
        found.raw_scores[kept],
        [item.mos for item in chosen],
        [item.subset for item in chosen],
        bootstrap,
        groups=groups[kept],
    )
