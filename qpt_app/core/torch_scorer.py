"""The torch engine: prepared views -> scores, on CUDA, Apple's GPU or the CPU."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from qpt_app.core.encoder import normalise
from qpt_app.core.model_file import load_model
from qpt_app.core.model_metadata import ModelMetadata
from qpt_app.core.preprocess import Views
from qpt_app.core.quality_model import QualityModel, QualityOutput
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.errors import DeviceError

DEFAULT_BATCH = {"cuda": 64, "mps": 16, "cpu": 8}
"""Photos per forward pass where the user names none."""

_log = logging.getLogger(__name__)


class TorchScorer:
    """A `Scorer` that runs a `QualityModel` with torch."""

    def __init__(
        self,
        model: QualityModel,
        metadata: ModelMetadata,
        *,
        device: torch.device,
        batch_size: int | None = None,
    ) -> None:
        self._model = model.eval().to(device).to(memory_format=torch.channels_last)
        self._metadata = metadata
        self._device = device
        self._batch_size = batch_size or DEFAULT_BATCH[device.type]

    @property
    def identity(self) -> ModelIdentity:
        """The model behind this scorer."""
        return self._metadata.identity

    @property
    def device_name(self) -> str:
        """`cpu`, `cuda` or `mps`."""
        return self._device.type

    @property
    def batch_size(self) -> int:
        """Photos per forward pass; halved for good when memory runs out."""
        return self._batch_size

    def score(self, photos: Sequence[Views]) -> list[PhotoScore]:
        """Score photos in the order given."""
        scores: list[PhotoScore | None] = [None] * len(photos)
        for positions in self._batches(photos):
            results = self._score_batch([photos[position] for position in positions])
            for position, result in zip(positions, results, strict=True):
                scores[position] = result
        return [score for score in scores if score is not None]

    def _batches(self, photos: Sequence[Views]) -> Iterator[list[int]]:
        """Yield positions of photos whose global views share a shape, a batch at a time."""
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for position, photo in enumerate(photos):
            by_shape[(*photo.global_view.shape, *photo.crops.shape)].append(position)
        for positions in by_shape.values():
            start = 0
            while start < len(positions):  # the batch size may shrink on the way
                batch = positions[start : start + self._batch_size]
                start += len(batch)
                yield batch

    def _score_batch(self, photos: list[Views]) -> list[PhotoScore]:
        """Score photos of one shape, in halves when the device's memory does not suffice."""
        try:
            output = self._forward(photos, self._device)
        except torch.OutOfMemoryError:
            return self._score_smaller(photos)
        return self._photo_scores(output)

    def _score_smaller(self, photos: list[Views]) -> list[PhotoScore]:
        """Halve the batch and remember it; a single photo goes to the CPU."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if len(photos) > 1:
            half = len(photos) // 2
            self._batch_size = max(1, min(self._batch_size, half))
            _log.warning("device memory exhausted: going on with batches of %d", self._batch_size)
            return self._score_batch(photos[:half]) + self._score_batch(photos[half:])
        _log.warning("device memory exhausted by one photo: scoring it on the CPU")
        cpu = torch.device("cpu")
        self._model.to(cpu)
        try:
            return self._photo_scores(self._forward(photos, cpu))
        finally:
            self._model.to(self._device)

    def _forward(self, photos: list[Views], device: torch.device) -> QualityOutput:
        """Run the network on photos of one shape."""
        overview = _to_tensor(np.stack([photo.global_view for photo in photos]), device)
        stacked = np.stack([photo.crops for photo in photos])
        count, per_photo, size = stacked.shape[:3]
        crops = _to_tensor(stacked.reshape(count * per_photo, size, size, 3), device)
        with torch.inference_mode():
            output: QualityOutput = self._model(
                overview, crops.reshape(count, per_photo, 3, size, size)
            )
        return output

    def _photo_scores(self, output: QualityOutput) -> list[PhotoScore]:
        """Calibrate a batch's raw scores."""
        raw_scores = output.raw_score.cpu().double().tolist()  # Apple's GPU has no float64
        features = output.feature.cpu().numpy().astype(np.float16)
        calibration = self._metadata.calibration
        results = []
        for raw_score, feature in zip(raw_scores, features, strict=True):
            score = calibration.score(raw_score)
            results.append(PhotoScore(score, calibration.uncertainty(score), raw_score, feature))
        return results


def load_scorer(path: Path, *, device: str = "auto", batch_size: int | None = None) -> TorchScorer:
    """Load a model file onto a device.

    Args:
        path: a qpt model file.
        device: `auto` (CUDA, else Apple's GPU, else CPU), `cpu`, `cuda` or `mps`.
        batch_size: photos per forward pass; None for the device's default.

    Raises:
        ModelError: if the file cannot be used.
        DeviceError: if the device asked for is not there.
    """
    chosen = choose_device(device)
    model, metadata = load_model(path)
    return TorchScorer(model, metadata, device=chosen, batch_size=batch_size)


def choose_device(name: str) -> torch.device:
    """Return the torch device for a name.

    Raises:
        DeviceError: if it is not available or not known.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if name not in available:
        raise DeviceError(f"unknown device {name!r}; choose auto, cpu, cuda or mps")
    if not available[name]:
        raise DeviceError(f"no {name} device on this computer; use --device auto or cpu")
    return torch.device(name)


def _to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    """Turn (N, H, W, 3) uint8 into (N, 3, H, W) normalised float32, channels last."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2)
    return normalise(tensor).contiguous(memory_format=torch.channels_last)
