"""What frozen features know of quality: ridge regression on a small labelled set."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qpt_app.core.decode import decode_photo
from qpt_app.core.encoder import normalise
from qpt_app.core.preprocess import crop_offsets, fit_to_screen, pad_to
from qpt_app.errors import DatasetError, UsageError
from qpt_train.data.mos_records import MosItem
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.splits import grouped_folds
from qpt_train.metrics import srcc

FOLDS = 5
ALPHAS = tuple(10.0**exponent for exponent in range(-3, 6))
"""Ridge penalties tried on standardised features; the choice is made inside each training part."""

Matrix = NDArray[np.float64]


class ProbeResult(NamedTuple):
    """Agreement of cross-validated predictions with the opinion scores."""

    srcc: float
    """Mean over the folds, -1..1."""
    within_subsets: float | None
    """Mean over folds and subsets of the SRCC within each; None for a set without subsets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeSet:
    """Labelled photos, cut and ready."""

    crops: NDArray[np.uint8]
    """(N, K, S, S, 3)."""
    mos: Matrix
    """(N,) higher is better."""
    subsets: tuple[str, ...]
    """N names, all empty for a set without subsets."""
    folds: NDArray[np.int64]
    """(N,) 0..4; photos that belong together share one."""

    def digest(self) -> str:
        """Return the sha256 (hexadecimal) of all that a figure on this set depends on."""
        hasher = hashlib.sha256(repr((self.crops.shape, self.subsets)).encode())
        for values in (self.crops, self.mos, self.folds):
            hasher.update(np.ascontiguousarray(values).data)
        return hasher.hexdigest()


def load_probe_set(
    path: Path,
    *,
    photos: int,
    crops: int,
    crop_size: int,
    screen_side: int,
    cache_folder: Path | None = None,
) -> ProbeSet:
    """Read at most `photos` labelled photos, evenly spread over the set.

    Args:
        path: a labelled set, never its official test part.
        photos: at most this many; 0 takes all.
        crops: 1, 2 or 4 crops per photo, along its long side or at its corners.
        crop_size: side of the crops in pixels.
        screen_side: larger photos are fitted to this long side; 0 keeps them.
        cache_folder: where the photos' prints, which decide the folds, are kept.

    Raises:
        UsageError: for another number of crops.
        DatasetError: if the set or one of its photos cannot be read.
    """
    if crops not in (1, 2, 4):
        raise UsageError(f"a probe photo has 1, 2 or 4 crops, not {crops}")
    items = _spread(load_mos_set(path, part="train").items, photos)
    folds = grouped_folds(items, folds=FOLDS, seed=0, cache_folder=cache_folder)
    return ProbeSet(
        crops=np.stack([_read_crops(i.path, crops, crop_size, screen_side) for i in items]),
        mos=np.array([item.mos for item in items]),
        subsets=tuple(item.subset or "" for item in items),
        folds=np.array(folds),
    )


@torch.no_grad()
def extract_features(
    encoder: nn.Module, probe_set: ProbeSet, device: torch.device, *, batch_size: int = 64
) -> Matrix:
    """Return the mean feature over each photo's crops, (N, C).

    The encoder is used in evaluation mode and left in the mode it had.
    """
    count, per_photo = probe_set.crops.shape[:2]
    flat = torch.from_numpy(probe_set.crops).flatten(0, 1).permute(0, 3, 1, 2)
    was_training = encoder.training
    encoder.eval()
    parts: list[Tensor] = []
    for batch in torch.split(flat, batch_size):
        views = normalise(batch.to(device)).contiguous(memory_format=torch.channels_last)
        parts.append(encoder(views).float().cpu())
    encoder.train(was_training)
    features: Matrix = torch.cat(parts).reshape(count, per_photo, -1).mean(dim=1).double().numpy()
    return features


def probe_encoder(encoder: nn.Module, probe_set: ProbeSet, device: torch.device) -> ProbeResult:
    """Probe the frozen features of an encoder on `device`."""
    return probe_features(extract_features(encoder, probe_set, device), probe_set)


def probe_batches(
    probe_set: ProbeSet, device: torch.device, *, batch_size: int = 64
) -> Iterator[Tensor]:
    """Yield the probe's crops, normalised, for `settle_batch_norm`."""
    flat = torch.from_numpy(probe_set.crops).flatten(0, 1).permute(0, 3, 1, 2)
    for batch in torch.split(flat, batch_size):
        yield normalise(batch.to(device))


def probe_features(features: Matrix, probe_set: ProbeSet) -> ProbeResult:
    """Predict every fold from the other four by ridge regression and correlate.

    The SRCCs are means over the folds: predictions of different folds come from different fits,
    and pooling them is biased downwards where there is little to find.

    Args:
        features: (N, C).
        probe_set: the photos' scores and folds.
    """
    labels = np.array(probe_set.subsets)
    names = sorted(set(probe_set.subsets))
    overall: list[float] = []
    within: list[float] = []
    for fold in np.unique(probe_set.folds):
        held_out = probe_set.folds == fold
        predicted = ridge_predict(features[~held_out], probe_set.mos[~held_out], features[held_out])
        mos, subset = probe_set.mos[held_out], labels[held_out]
        overall.append(srcc(predicted, mos))
        within += [
            srcc(predicted[subset == name], mos[subset == name])
            for name in names
            if (subset == name).sum() > 1
        ]
    mean_within = float(np.mean(within)) if len(names) > 1 and within else None
    return ProbeResult(float(np.mean(overall)), mean_within)


def ridge_predict(features: Matrix, targets: Matrix, others: Matrix) -> Matrix:
    """Fit ridge regression and predict.

    Features are standardised with the training part's statistics. The penalty is the one of
    `ALPHAS` with the least generalised cross-validation error on the training part (Golub, Heath
    and Wahba 1979), so nothing is chosen on the photos that are predicted.

    Args:
        features: (N, C) of the training part.
        targets: (N,).
        others: (K, C) to predict.

    Returns:
        (K,) predictions.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    standard = (features - mean) / scale
    centred = targets - targets.mean()
    left, singular, right = np.linalg.svd(standard, full_matrices=False)
    projected = left.T @ centred
    best, coefficients = np.inf, np.zeros(features.shape[1])
    for alpha in ALPHAS:
        shrink = singular**2 / (singular**2 + alpha)
        residual = centred - left @ (shrink * projected)
        # The mean, which was taken off, is one more degree of freedom.
        freedom = len(targets) - 1 - shrink.sum()
        error = len(targets) * float(residual @ residual) / max(freedom, 1e-9) ** 2
        if error < best:
            best = error
            coefficients = right.T @ (singular / (singular**2 + alpha) * projected)
    predictions: Matrix = (others - mean) / scale @ coefficients + targets.mean()
    return predictions


def _spread(items: Sequence[MosItem], photos: int) -> list[MosItem]:
    """Return at most `photos` items at even distances."""
    if photos == 0 or photos >= len(items):
        return list(items)
    return [items[position * len(items) // photos] for position in range(photos)]


def _read_crops(path: Path, crops: int, size: int, screen_side: int) -> NDArray[np.uint8]:
    """Return (K, S, S, 3) crops of one photo."""
    photo = decode_photo(path, min_side=2 * screen_side if screen_side else None)
    if photo.pixels is None:
        raise DatasetError(f"cannot read the probe photo {path}: {photo.status} {photo.reason}")
    pixels = fit_to_screen(photo.pixels, screen_side) if screen_side else photo.pixels
    pixels = pad_to(pixels, size)
    height, width = pixels.shape[:2]
    down, right = _grid(crops, height > width)
    return np.stack(
        [
            pixels[top : top + size, left : left + size]
            for top in crop_offsets(height, size, down)
            for left in crop_offsets(width, size, right)
        ]
    )


def _grid(crops: int, upright: bool) -> tuple[int, int]:
    """Return (rows, columns) of 1, 2 or 4 crops."""
    if crops == 2:
        return (2, 1) if upright else (1, 2)
    return (1, 1) if crops == 1 else (2, 2)
