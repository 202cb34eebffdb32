"""Raw scores of the photos that a model's training held out, and what is fitted on them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.model_file import load_model, save_model
from qpt_app.core.model_metadata import WEIGHT_FORMS, ModelMetadata
from qpt_app.errors import DatasetError, UsageError
from qpt_train.calibrate import calibrate
from qpt_train.evaluate import EvaluationPhotos, choose_photos
from qpt_train.photo_scores import score_paths
from qpt_train.predictions import read_predictions
from qpt_train.subjects import Subject

SPOT_CHECKS = 4
"""Photos scored again to see that predictions are this model's."""
SPOT_TOLERANCE = 0.01
"""Largest difference of such a raw score, in standard deviations of MOS. Our choice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldoutScores:
    """A model, the photos it never trained on, and what it says of them."""

    subject: Subject
    photos: EvaluationPhotos
    raw_scores: NDArray[np.float64]
    """(N,) in the order of `photos.tested`."""


def score_heldout(
    subject: Subject,
    data: Path,
    *,
    predictions: Path | None = None,
    cache_folder: Path | None = None,
    workers: int = 2,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> HeldoutScores:
    """Score a model's held-out photos, or take the scores from its evaluation.

    Args:
        subject: the model.
        data: the labelled set it was trained on.
        predictions: the folder or table of its evaluation on the same photos; a few photos are
            scored again to see that it is this model's.
        cache_folder: keeps the photos' prints between runs.
        workers: threads that decode.
        on_photo: told how many photos were just scored.

    Raises:
        DatasetError: if the split cannot be made again, or the predictions are not of it.
    """
    photos = choose_photos(data, "heldout", subject.split, cache_folder=cache_folder)
    paths = [item.path for item in photos.tested]
    if predictions is None:
        found = score_paths(subject.scorer, paths, workers=workers, on_photo=on_photo)
        return HeldoutScores(subject=subject, photos=photos, raw_scores=found.raw_scores)
    by_name = {row.name: row.raw_score for row in read_predictions(predictions)}
    if set(by_name) != {item.name for item in photos.tested}:
        raise DatasetError(f"{predictions} holds other photos than those that were held out")
    raw = np.asarray([by_name[item.name] for item in photos.tested])
    places = np.unique(np.linspace(0, len(raw) - 1, SPOT_CHECKS).astype(int))
    again = score_paths(subject.scorer, [paths[place] for place in places], workers=workers)
    if np.abs(again.raw_scores - raw[places]).max() > SPOT_TOLERANCE:
        raise DatasetError(f"{predictions} holds the scores of another model")
    return HeldoutScores(subject=subject, photos=photos, raw_scores=raw)


def recalibrate(path: Path, scored: HeldoutScores, out: Path) -> ModelMetadata:
    """Write a model file with the same weights and a calibration fitted anew.

    Raises:
        UsageError: if the file would be written over itself.
        ModelError: if the file cannot be read.
        StorageError: if the new one cannot be written.
    """
    if out.exists() and out.samefile(path):
        raise UsageError(f"{out} is the model itself; write to another file and move it")
    model, metadata = load_model(path)
    old = metadata.calibration
    calibration = calibrate(
        scored.raw_scores,
        scored.photos.tested,
        mos_mean=old.mos_mean,
        mos_std=old.mos_std,
        name=scored.photos.data_name,
    )
    return save_model(
        out,
        model,
        name=metadata.name,
        preprocess=metadata.preprocess,
        calibration=calibration,
        training=metadata.training,
        licence=metadata.licence,
        weight_bits=8 if metadata.weights == WEIGHT_FORMS[8] else 16,
    )
