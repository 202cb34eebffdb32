"""Batch-norm statistics of an encoder that was never trained, from pixels alone."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from qpt_app.core.encoder import normalise
from qpt_app.core.preprocess import PreprocessConfig
from qpt_train.data.mos_views import ScoringViewSet

SETTLING_PHOTOS = 64
"""Photos whose crops give the statistics. Our choice."""

_PHOTOS_TOGETHER = 8
"""In one batch: its variance has to hold what differs between photos too."""


@torch.no_grad()
def settle_batch_norm(encoder: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give every batch-norm layer the mean statistics over batches of (N, 3, H, W) normalised.

    Layers keep mean 0 and variance 1 until something is trained. Features of a random encoder are
    then a few directions large and the rest next to nothing, and a comparison with it flatters
    whatever was trained (docs/evaluation.md has figures).
    """
    for layer in encoder.modules():
        if isinstance(layer, _BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over the batches
    encoder.train()
    for batch in batches:
        encoder(batch.contiguous(memory_format=torch.channels_last))
    encoder.eval()


def scoring_batches(
    paths: Sequence[Path], preprocess: PreprocessConfig, *, photos: int = SETTLING_PHOTOS
) -> Iterator[Tensor]:
    """Yield the scorer's crops of photos at even distances in the list, several photos at a time.

    Global views are left out: they differ in shape from photo to photo.

    Raises:
        DatasetError: if a photo cannot be read.
    """
    places = np.unique(np.linspace(0, len(paths) - 1, min(photos, len(paths))).astype(int))
    views = ScoringViewSet([paths[place] for place in places], preprocess)
    for start in range(0, len(views), _PHOTOS_TOGETHER):
        together = range(start, min(start + _PHOTOS_TOGETHER, len(views)))
        crops = np.concatenate([views[place].crops for place in together])
        yield normalise(torch.from_numpy(crops).permute(0, 3, 1, 2))
