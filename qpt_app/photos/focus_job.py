"""Has a decode process measure where a photo is in focus: what comes back is small."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.decode import DecodeLimits, decode_photo
from qpt_app.core.decode_jobs import DecodeOutcome, fit_within
from qpt_app.photos.focus import measure_focus


@dataclass(frozen=True, kw_only=True, slots=True)
class FocusOutcome(DecodeOutcome):
    """The answer to a `FocusJob`; a photo that cannot be measured has a reason."""

    paint: NDArray[np.uint8] | None = None
    """(h, w) as in `FocusMap`."""
    sharpest: float | None = None
    """As in `FocusMap`."""


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
        focus, reason = None, photo.reason
        if photo.pixels is not None:
            try:
                focus = measure_focus(fit_within(photo.pixels, self.max_side))
            except ValueError as error:
                reason = str(error)
        ended = time.perf_counter()
        return FocusOutcome(
            status=photo.status,
            reason=reason,
            width=photo.width,
            height=photo.height,
            format=photo.format,
            seconds=ended - start,
            preparing_s=ended - decoded,
            paint=None if focus is None else focus.paint,
            sharpest=None if focus is None else focus.sharpest,
        )
