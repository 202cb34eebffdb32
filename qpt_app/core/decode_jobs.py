"""What a decode worker can be asked for, and what it answers. Runs in any process."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from qpt_app.core.decode import DecodedPhoto, DecodeLimits, decode_photo
from qpt_app.core.preprocess import Pixels, PreprocessConfig, Views, prepare_views
from qpt_app.core.status import PhotoStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeOutcome:
    """The answer to a job."""

    status: PhotoStatus
    reason: str | None = None
    width: int | None = None
    """Upright width of the file's full picture."""
    height: int | None = None
    format: str | None = None
    may_pass: bool = False
    """Whether the cause of a failure is not the content, so that the next try may go well."""
    views: Views | None = None
    """Of a `ViewsJob` whose status has pixels."""
    pixels: Pixels | None = None
    """(H, W, 3) uint8 sRGB, of an `ImageJob` whose status has pixels."""
    seconds: float = 0.0
    """Wall time of decoding and preparing."""
    preparing_s: float = 0.0
    """The part of it that prepared views or fitted pixels."""


class DecodeJob(Protocol):
    """Something to do with one file. Must be picklable; runs in a worker process."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def run(self, limits: DecodeLimits) -> DecodeOutcome:
        """Do it in this process; nothing is raised for a bad photo."""
        ...


@dataclass(frozen=True, slots=True)
class ViewsJob:
    """Decode a photo and prepare what the model sees of it."""

    path: Path
    config: PreprocessConfig

    def run(self, limits: DecodeLimits) -> DecodeOutcome:
        """Do it in this process; nothing is raised for a bad photo."""
        start = time.perf_counter()
        photo = decode_photo(self.path, min_side=self.config.decode_side, limits=limits)
        decoded = time.perf_counter()
        views = None if photo.pixels is None else prepare_views(photo.pixels, self.config)
        return _outcome(photo, start, decoded, views=views)


@dataclass(frozen=True, slots=True)
class ImageJob:
    """Decode a photo for looking at: a thumbnail or, at full size, the loupe."""

    path: Path
    max_side: int | None = None
    """Long side in pixels that a larger photo is fitted to; None keeps native pixels."""

    def run(self, limits: DecodeLimits) -> DecodeOutcome:
        """Do it in this process; nothing is raised for a bad photo."""
        start = time.perf_counter()
        min_side = None if self.max_side is None else 2 * self.max_side
        photo = decode_photo(self.path, min_side=min_side, limits=limits)
        decoded = time.perf_counter()
        pixels = None if photo.pixels is None else fit_within(photo.pixels, self.max_side)
        return _outcome(photo, start, decoded, pixels=pixels)


def fit_within(pixels: Pixels, max_side: int | None) -> Pixels:
    """Shrink (H, W, 3) uint8 so that the long side is at most `max_side`; never enlarge."""
    height, width = pixels.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return pixels
    scale = max_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(resized)


def _outcome(
    photo: DecodedPhoto,
    start: float,
    decoded: float,
    *,
    views: Views | None = None,
    pixels: Pixels | None = None,
) -> DecodeOutcome:
    """Return the answer for a photo decoded between two readings of the clock."""
    ended = time.perf_counter()
    return DecodeOutcome(
        status=photo.status,
        reason=photo.reason,
        width=photo.width,
        height=photo.height,
        format=photo.format,
        may_pass=photo.may_pass,
        views=views,
        pixels=pixels,
        seconds=ended - start,
        preparing_s=ended - decoded,
    )
