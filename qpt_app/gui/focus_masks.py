"""What is in focus in each photo, ready to be painted over it, in memory that is bounded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from qpt_app.gui.image_loader import ImageKey, ImageLoader, LoadedImage
from qpt_app.gui.tokens import PEAKING
from qpt_app.gui.value_texts import gap_text, status_text
from qpt_app.photos.focus import CELL

LEAST_LIT = 1e-4
"""Share of a photo below which what is painted is a speck, and nothing is said to be sharp."""


class FocusMasks(ImageLoader):
    """Loads masks as other loaders load pictures: a pixel for each cell, its index the strength.

    They are measured on the photo's own pixels, whatever is on screen: what looks sharp when it is
    fitted may be soft at 100 %. The decode process measures and sends the mask alone.
    """

    def _bytes_at(self, width: int, height: int) -> int:
        return (width // CELL) * (height // CELL)

    def _read(self, key: ImageKey, outcome: Any) -> LoadedImage:
        size = (outcome.width, outcome.height) if outcome.width and outcome.height else None
        if outcome.paint is None:
            reason = outcome.reason or status_text(outcome.status)
            if outcome.gap is not None:
                reason = gap_text(outcome.gap)
            return LoadedImage(key, None, reason, size)
        return LoadedImage(key, to_mask(outcome.paint), None, size)


def to_mask(paint: NDArray[np.uint8]) -> QImage:
    """Return (h, w) strengths as a picture in the colour of what is in focus."""
    paint = np.ascontiguousarray(paint)
    height, width = paint.shape
    mask = QImage(paint.data, width, height, width, QImage.Format.Format_Indexed8).copy()
    colours = [QColor(PEAKING) for _ in range(256)]
    for alpha, colour in enumerate(colours):
        colour.setAlpha(alpha)
    mask.setColorTable([colour.rgba() for colour in colours])
    return mask


def strengths(mask: QImage) -> NDArray[np.uint8]:
    """Return the (h, w) strengths that a mask was made of, as a view."""
    lines = np.frombuffer(mask.constBits(), np.uint8).reshape(mask.height(), mask.bytesPerLine())
    return lines[:, : mask.width()]


def is_lit(mask: QImage) -> bool:
    """Whether anything is in focus."""
    return bool((strengths(mask) > 64).mean() > LEAST_LIT)


def shrunk(mask: QImage, factor: int) -> QImage:
    """Return a mask for a small picture, in which thin edges are as strong as in the large one."""
    paint = strengths(mask)
    height, width = (max(1, side // factor) for side in paint.shape)
    rows, columns = min(factor, paint.shape[0]), min(factor, paint.shape[1])
    whole = paint[: height * rows, : width * columns]
    return to_mask(whole.reshape(height, rows, width, columns).max(axis=(1, 3)))
