"""Has a decode process measure where a photo is in focus: what comes back is small."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.decode import DecodedPhoto, DecodeLimits, decode_photo
from qpt_app.core.decode_jobs import DecodeOutcome, fit_within
from qpt_app.core.preprocess import Pixels
from qpt_app.photos.focus import LEAST_SIDE, FocusGap, FocusMap, blur_of_photo, measure_focus


@dataclass(frozen=True, kw_only=True, slots=True)
class FocusOutcome(DecodeOutcome):
    """The answer to a `FocusJob`; a photo that cannot be measured has a gap, or a reason."""

    paint: NDArray[np.uint8] | None = None
    """(h, w) as in `FocusMap`, of the pixels that there are."""
    sharpest: float | None = None
    """As in `FocusMap`, but in pixels of the photo at the job's side, or at its own if that is
    smaller, whatever was measured; None too where that cannot be told."""
    gap: FocusGap | None = None


@dataclass(frozen=True, slots=True)
class FocusJob:
    """Decode a photo and measure where it is in focus. Runs in a worker process."""

    path: Path
    max_side: int | None = None
    """Long side in pixels of what is measured; None for the photo's own pixels."""

    def run(self, limits: DecodeLimits) -> FocusOutcome:
        """Do it in this process; nothing is raised for a bad photo."""
        start = time.perf_counter()
        photo = decode_photo(self.path, min_side=self.max_side, limits=limits)
        decoded = time.perf_counter()
        pixels = None if photo.pixels is None else fit_within(photo.pixels, self.max_side)
        focus, sharpest, gap = None, None, None
        if pixels is not None and min(pixels.shape[:2]) < LEAST_SIDE:
            gap = FocusGap.TOO_SMALL
        elif pixels is not None:
            focus = measure_focus(pixels)
            sharpest, gap = self._judge(focus, pixels, photo)
        ended = time.perf_counter()
        return FocusOutcome(
            status=photo.status,
            reason=photo.reason,
            width=photo.width,
            height=photo.height,
            format=photo.format,
            may_pass=photo.may_pass,
            seconds=ended - start,
            preparing_s=ended - decoded,
            paint=None if focus is None else focus.paint,
            sharpest=sharpest,
            gap=gap,
        )

    def _judge(
        self, focus: FocusMap, pixels: Pixels, photo: DecodedPhoto
    ) -> tuple[float | None, FocusGap | None]:
        """Return the blur of the sharpest part of the photo itself, or why it cannot be told.

        Of a RAW file a preview is measured, or a development at half the size; the photo has more
        pixels, and what is sharp in the smaller picture may be soft in them.
        """
        if focus.sharpest is None:
            return None, None
        measured = max(pixels.shape[:2])
        side = max(photo.width or measured, photo.height or measured)
        if self.max_side is not None:
            side = min(side, self.max_side)
        blur = blur_of_photo(focus.sharpest, side / measured)
        return blur, FocusGap.SMALL_PREVIEW if blur is None else None
