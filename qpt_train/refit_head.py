"""A model file -> the same encoder with a new head, which reads scene statistics too."""

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qpt_app.core.model_file import load_model
from qpt_app.core.model_metadata import ModelMetadata
from qpt_app.core.quality_model import QualityHead, QualityModel, build_quality_model
from qpt_app.errors import CheckpointError, DatasetError
from qpt_train.config import config_to_dict, parse_config
from qpt_train.data.kept_unseen import hashes_of, leave_out
from qpt_train.data.labelled_split import LabelledSplit, split_labelled, subset_numbers
from qpt_train.data.manifest import WHOLE_FILE, Manifest, PhotoPlace
from qpt_train.data.mos_records import MosItem, MosSet
from qpt_train.data.mos_views import ScoringViewSet
from qpt_train.export import FinishedRun
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.head_config import HeadRecipe
from qpt_train.head_fit import LabelledInputs, fit_head
from qpt_train.head_inputs import (
    DegradedPairSet,
    PairedInputs,
    measure_in_parts,
    split_pairs,
)
from qpt_train.weight_averaging import recorded_split

SMALLEST_VIEW = 32
"""Pixels along a side that `scene_statistics` needs."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RefitOptions:
    """What differs from one start to the next."""

    out: Path
    """Folder that keeps what was measured."""
    device: torch.device
    num_workers: int = 2
    on_measured: Callable[[str, int, int], object] = lambda _what, _count, _total: None
    """Told what is measured, how many were just measured and how many there are."""
    on_member: Callable[[int, float], object] = lambda _member, _loss: None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refit:
    """A model with a new head, ready to be exported."""

    run: FinishedRun
    split: LabelledSplit
    notes: dict[str, Any]
    """For the training record: how the encoder came about, and the head."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _PairPhotos:
    """The photos that pairs are made of."""

    labelled: Manifest
    others: Manifest | None
    notes: dict[str, Any]
    """For the training record: which they are."""


def refit_head(
    model_path: Path,
    whole_set: MosSet,
    others: Manifest | None,
    recipe: HeadRecipe,
    options: RefitOptions,
    *,
    unseen: Manifest | None = None,
) -> Refit:
    """Fit a new head to a model's encoder on the photos that its training did not hold out.

    Args:
        model_path: the model file; its weights but for the head are kept as they are.
        whole_set: the labelled set that it was trained on, official test photos among them: they
            are not read, but refused among the others.
        others: photos without labels, for pairs.
        recipe: how.
        options: where and with what.
        unseen: photos that the model is to be tested on, such as those of `qpt-train sensitivity`:
            what resembles them makes no pair.

    Raises:
        ModelError: if there is no such model or it was altered.
        CheckpointError: if the model does not tell its recipe and its split.
        DatasetError: if the split cannot be made again, holds nothing out, a photo cannot be read,
            or photos that are held out, or official test photos, are among the others.
    """
    base, metadata = load_model(model_path)
    base.to(options.device)
    trained = _recipe_of(metadata, model_path)
    split = _split_again(model_path, whole_set.only("train"), trained, options.out)
    _require_usable(metadata, split)
    final = [item for item in whole_set.items if item.official_part == "test"]
    if others is not None:
        _refuse_unseen(others, [*split.heldout, *final])
    wanted = recipe.pairs.weight and recipe.pairs.count
    of = _photos_for_pairs(split, others, unseen, final) if wanted else None
    photos = _measure_photos(base, metadata, split, options)
    pairs = None if of is None else _measure_pairs(base, metadata, of, recipe, options)
    head = fit_head(photos, pairs, recipe, on_member=options.on_member)
    config = dataclasses.replace(
        trained,
        preprocess=metadata.preprocess,
        head_hidden=head.hidden.out_features,
        split=dataclasses.replace(trained.split, validation_share=0.0),
    )
    return Refit(
        run=FinishedRun(
            recipe=config,
            model=_joined(base, head),
            step=int(metadata.training.get("steps", 0)),
            best_epoch=-1,
            best_srcc=-math.inf,  # the encoder's figures are not this model's
            last_srcc=-math.inf,
            split=split.description,
        ),
        split=split,
        notes=_notes(metadata, recipe, {} if of is None else of.notes),
    )


def _recipe_of(metadata: ModelMetadata, path: Path) -> FinetuneRecipe:
    """Return the recipe that a model tells."""
    told = metadata.training.get("recipe")
    if not isinstance(told, dict):
        raise CheckpointError(f"{path} does not tell the recipe of its training")
    return parse_config(told, FinetuneRecipe)


def _split_again(
    path: Path, mos_set: MosSet, trained: FinetuneRecipe, cache_folder: Path
) -> LabelledSplit:
    """Make the model's split again; the photos that chose an epoch then are trained on now."""
    recorded: Mapping[str, Any] = recorded_split(path, trained.split)
    recorded = {name: value for name, value in recorded.items() if name != "parts"}
    config = dataclasses.replace(trained.split, validation_share=0.0)
    return split_labelled(mos_set, config, recorded=recorded, cache_folder=cache_folder)


def _require_usable(metadata: ModelMetadata, split: LabelledSplit) -> None:
    """Refuse before anything is measured what the export would refuse afterwards."""
    if not split.heldout:
        raise DatasetError("calibration needs held-out photos; the model's training held none out")
    smallest = min(metadata.preprocess.crop_size, metadata.preprocess.global_multiple)
    if smallest < SMALLEST_VIEW:
        raise DatasetError(f"scene statistics need views of {SMALLEST_VIEW} pixels or more")


def _refuse_unseen(others: Manifest, unseen: Sequence[MosItem]) -> None:
    """Refuse photos that are to stay unseen, told by name and size, wherever they lie."""
    known = {(item.path.name, item.path.stat().st_size) for item in unseen if item.path.exists()}
    for number in range(len(others)):
        place = others[number]
        if (Path(place.name).name, place.size) in known:
            raise DatasetError(
                f"{place.name} among the photos for pairs is to stay unseen: it is held out, or an "
                "official test photo"
            )


def _measure_photos(
    base: QualityModel, metadata: ModelMetadata, split: LabelledSplit, options: RefitOptions
) -> LabelledInputs:
    """Measure the training photos."""
    items = split.train
    inputs = measure_in_parts(
        base,
        ScoringViewSet([item.path for item in items], metadata.preprocess),
        len(items),
        folder=options.out / "inputs",
        key=f"{metadata.digest} photos {split.description['hash']} {len(items)}",
        device=options.device,
        num_workers=options.num_workers,
        on_part=lambda count: options.on_measured("photos", count, len(items)),
    )
    mos = np.array([item.mos for item in items])
    targets = ((mos - split.mos_mean) / split.mos_std).astype(np.float32)
    return LabelledInputs(inputs, targets, np.array(subset_numbers(items), dtype=np.int64))


def _photos_for_pairs(
    split: LabelledSplit,
    others: Manifest | None,
    unseen: Manifest | None,
    final: Sequence[MosItem],
) -> _PairPhotos:
    """Return training photos and others for pairs, without what resembles a photo kept unseen.

    The others may not resemble held-out and official test photos either; for the training photos
    the split has seen to that.
    """
    labelled, gone, notes = _as_manifest(split.train), tuple[str, ...](), dict[str, Any]()
    tested = _as_manifest([item for item in (*split.heldout, *final) if item.path.exists()])
    if unseen is not None:
        labelled, gone = leave_out(labelled, hashes_of(unseen))
    if others is not None:
        kept = [tested] if unseen is None else [tested, unseen]
        others, more = leave_out(others, np.concatenate([hashes_of(one) for one in kept]))
        gone = (*gone, *more)
        notes["photos"] = _described(others)
    if unseen is not None:
        notes["unseen"] = _described(unseen)
    if gone:
        _log.info("%d photos resemble photos that are kept unseen and make no pairs", len(gone))
    return _PairPhotos(labelled=labelled, others=others, notes={**notes, "left_out": len(gone)})


def _as_manifest(items: Sequence[MosItem]) -> Manifest:
    """Return labelled photos as a list of places."""
    return Manifest(
        [PhotoPlace(item.name, item.path, WHOLE_FILE, item.path.stat().st_size) for item in items]
    )


def _described(photos: Manifest) -> dict[str, Any]:
    """Return how many photos a list has, and its digest."""
    return {"count": len(photos), "digest": photos.digest()}


def _measure_pairs(
    base: QualityModel,
    metadata: ModelMetadata,
    photos: _PairPhotos,
    recipe: HeadRecipe,
    options: RefitOptions,
) -> PairedInputs:
    """Measure pairs of degraded states of training photos and of photos without labels."""
    pairs = recipe.pairs
    drawn = (pairs.count, pairs.operators, pairs.labelled_share, recipe.seed)
    of = "" if photos.others is None else photos.others.digest()
    inputs = measure_in_parts(
        base,
        DegradedPairSet(photos.labelled, photos.others, metadata.preprocess, pairs, recipe.seed),
        pairs.count,
        folder=options.out / "inputs",
        key=f"{metadata.digest} pairs {drawn} {photos.labelled.digest()} {of}",
        device=options.device,
        num_workers=options.num_workers,
        on_part=lambda count: options.on_measured("pairs", count, pairs.count),
    )
    return split_pairs(inputs)


def _joined(base: QualityModel, head: QualityHead) -> QualityModel:
    """Return the encoder of one model under a new head, on the CPU, in eval mode."""
    width = head.hidden.out_features
    model = build_quality_model(base.encoder.name, head_hidden=width, with_statistics=True)
    model.encoder.load_state_dict(base.encoder.state_dict())
    model.head.load_state_dict(head.state_dict())
    return model.eval()


def _notes(metadata: ModelMetadata, recipe: HeadRecipe, pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the training record says besides recipe and split.

    Args:
        metadata: the model's whose encoder was kept.
        recipe: of the head.
        pairs: which photos the pairs were made of, or empty.
    """
    kept: dict[str, Any] = {
        name: metadata.training[name]
        for name in ("data", "init", "averaged")
        if name in metadata.training
    }
    head = {
        "encoder_of": metadata.identity.label,
        "encoder_recipe": metadata.training["recipe"],
        "recipe": config_to_dict(recipe),
        **({"pairs": dict(pairs)} if pairs else {}),
    }
    return {**kept, "head": head}
