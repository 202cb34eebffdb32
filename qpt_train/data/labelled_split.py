"""Which labelled photos train, which choose the epoch, which are held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qpt_app.errors import DatasetError
from qpt_train.data.mos_records import MosItem, MosSet, refuse_official_test
from qpt_train.data.recorded_splits import (
    fold_letters,
    part_letters,
    recorded_folds,
    recorded_parts,
)
from qpt_train.data.splits import grouped_folds, grouped_part, split_hash


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """Which labelled photos train, which choose, which are held out."""

    folds: int = 5
    """Parts of equal size that photos of one scene never straddle."""
    heldout_fold: int | None = 0
    """The fold that is never trained on and never chooses anything; "none" trains on all."""
    validation_share: float = 0.08
    """Share of the remaining photos (whole groups) that chooses the best epoch."""
    returned_share: float = 0.0
    """Share of the held-out fold (whole groups) that is trained on after all: for a final run
    whose recipe was settled with the fold held out. The validation photos stay the same."""
    seed: int = 0
    """Decides the folds; not the seed of the weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledSplit:
    """The three parts of a labelled set; photos of one scene are never in two of them."""

    train: list[MosItem]
    validation: list[MosItem]
    heldout: list[MosItem]
    mos_mean: float
    """Mean MOS of the training photos."""
    mos_std: float
    """Its standard deviation."""
    description: dict[str, Any]
    """Readable record: set, seed, folds, held-out fold, split hash, each photo's fold and part,
    sizes, mean and deviation of MOS."""


def split_labelled(
    mos_set: MosSet,
    config: SplitConfig,
    *,
    recorded: Mapping[str, Any] | None = None,
    cache_folder: Path | None = None,
) -> LabelledSplit:
    """Split a labelled set, official test photos refused.

    Args:
        mos_set: the labelled photos.
        config: folds, held-out fold, validation share, seed.
        recorded: the description of an earlier run's split, which is then made again exactly.
        cache_folder: a folder that remembers the photos' perceptual hashes from run to run.

    Raises:
        DatasetError: if official test photos are among them, a part would be empty, or the
            recorded split cannot be made again.
    """
    items = list(mos_set.items)
    refuse_official_test(items, "fine-tuning")
    if recorded is not None:
        folds = recorded_folds(items, recorded, cache_folder=cache_folder)
    else:
        folds = grouped_folds(
            items, folds=config.folds, seed=config.seed, cache_folder=cache_folder
        )
        folds = _give_back(items, folds, config, cache_folder)
    pairs = list(zip(items, folds, strict=True))
    heldout = [item for item, fold in pairs if fold == config.heldout_fold]
    returned = [item for item, fold in pairs if fold == config.folds]
    rest = [item for item, fold in pairs if fold not in (config.heldout_fold, config.folds)]
    parts = {} if recorded is None else recorded_parts(items, recorded)
    validation, train = _take_validation(rest, config, parts, cache_folder)
    train = train + returned
    if not train:
        raise DatasetError(f"{mos_set.name}: no photos are left to train on")
    mos = np.array([item.mos for item in train])
    mean, std = float(mos.mean()), float(mos.std()) or 1.0
    return LabelledSplit(
        train=train,
        validation=validation,
        heldout=heldout,
        mos_mean=mean,
        mos_std=std,
        description={
            "set": mos_set.name,
            "seed": config.seed,
            "folds": config.folds,
            "heldout_fold": config.heldout_fold,
            "hash": split_hash(items, folds),
            "assignment": fold_letters(items, folds),
            "parts": part_letters(train=train, validation=validation, heldout=heldout),
            "train": len(train),
            "validation": len(validation),
            "heldout": len(heldout),
        },
    )


def subset_numbers(items: Sequence[MosItem]) -> list[int]:
    """Number the subsets of photos by name, from 0; photos of no subset are a subset too."""
    names = sorted({item.subset or "" for item in items})
    return [names.index(item.subset or "") for item in items]


def _give_back(
    items: list[MosItem], folds: list[int], config: SplitConfig, cache_folder: Path | None
) -> list[int]:
    """Return the folds with a share of the held-out one, whole groups, as fold `config.folds`."""
    if not config.returned_share or config.heldout_fold is None:
        return folds
    places = [place for place, fold in enumerate(folds) if fold == config.heldout_fold]
    drawn = grouped_part(
        [items[place] for place in places],
        share=config.returned_share,
        seed=config.seed + 2,
        cache_folder=cache_folder,
    )
    given = {place for place, part in zip(places, drawn, strict=True) if part}
    return [config.folds if place in given else fold for place, fold in enumerate(folds)]


def _take_validation(
    items: list[MosItem], config: SplitConfig, parts: Mapping[str, str], cache_folder: Path | None
) -> tuple[list[MosItem], list[MosItem]]:
    """Return (validation, train): as recorded, else whole groups, near the share asked for."""
    if parts:
        drawn = [parts[item.name] == "v" for item in items]
    elif not config.validation_share:
        return [], items
    else:
        drawn = grouped_part(
            items, share=config.validation_share, seed=config.seed + 1, cache_folder=cache_folder
        )
    chosen = [item for item, part in zip(items, drawn, strict=True) if part]
    rest = [item for item, part in zip(items, drawn, strict=True) if not part]
    return chosen, rest
