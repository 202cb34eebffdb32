"""Raw scores of photos from files, through the same views as the program."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from tqdm import tqdm

from qpt_app.core.encoder import normalise
from qpt_app.core.preprocess import PreprocessConfig, Views
from qpt_app.core.quality_model import QualityModel
from qpt_train.data.mos_views import ScoringViewSet

PREDICT_BATCH = 8
"""Photos fetched at a time; each is scored with its own global view's shape."""


def predict_raw_scores(
    model: QualityModel,
    paths: list[Path],
    preprocess: PreprocessConfig,
    *,
    device: torch.device,
    num_workers: int,
    progress: bool = False,
) -> NDArray[np.float64]:
    """Return the raw scores of photos, (N,), in the order given; the model is left in eval mode.

    Raises:
        DatasetError: if a photo cannot be read.
    """
    model.eval()
    loader: DataLoader[Views] = DataLoader(
        ScoringViewSet(paths, preprocess),
        batch_size=PREDICT_BATCH,
        num_workers=num_workers,
        collate_fn=list,
    )
    scores: list[float] = []
    with tqdm(total=len(paths), unit="photo", disable=not progress, leave=False) as bar:
        for photos in loader:
            scores.extend(_score_photos(model, photos, device))
            bar.update(len(photos))
    return np.array(scores)


def _score_photos(model: QualityModel, photos: list[Views], device: torch.device) -> list[float]:
    """Score a few photos; those with equally shaped views share a forward pass."""
    scores = [0.0] * len(photos)
    shapes = {photo.global_view.shape for photo in photos}
    for shape in sorted(shapes):
        places = [place for place, photo in enumerate(photos) if photo.global_view.shape == shape]
        overview = _batch([photos[place].global_view for place in places], device)
        crops = torch.stack([_batch(list(photos[place].crops), device) for place in places])
        with torch.inference_mode():
            raw = model(overview, crops).raw_score
        for place, value in zip(places, raw.double().cpu().tolist(), strict=True):
            scores[place] = value
    return scores


def _batch(images: list[NDArray[np.uint8]], device: torch.device) -> torch.Tensor:
    """Stack (H, W, 3) uint8 images into a normalised (N, 3, H, W) tensor, channels last."""
    stacked = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)
    return normalise(stacked).contiguous(memory_format=torch.channels_last)
