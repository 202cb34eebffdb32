"""Paints what is in focus over a photo, and says what the paint stands for."""

from PySide6.QtCore import QCoreApplication, QRectF
from PySide6.QtGui import QImage, QPainter

from qpt_app.gui.focus_masks import FocusMasks, is_lit, shrunk
from qpt_app.gui.image_loader import ImageKey
from qpt_app.photos.focus import CELL

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""


class FocusPaint:
    """The paint of one pane; it remembers what it worked out of the mask painted last."""

    def __init__(self, masks: FocusMasks) -> None:
        self._masks = masks
        self._small_mask: tuple[tuple[int, int], QImage] | None = None
        self._lit_mask: tuple[int, bool] | None = None

    def note(self, key: ImageKey) -> str:
        """Say what the paint of a photo stands for, or why there is none."""
        mask, reason = self._masks.image(*key), self._masks.failure(*key)
        if reason is not None:
            return translate("FocusPaint", "focus not measured: %1").replace("%1", reason)
        if mask is None:
            return translate("FocusPaint", "measuring focus …")
        size = self._masks.full_size(key.path) or (0, 0)
        if mask.width() * CELL < 0.9 * size[0]:  # of some RAW files there is no larger picture
            megapixels = mask.width() * mask.height() * CELL**2 / 1e6
            text = translate("FocusPaint", "painted: sharp in the preview of %1 MP")
            if not self._is_lit(mask):
                text = translate("FocusPaint", "nothing sharp in the preview of %1 MP")
            return text.replace("%1", f"{megapixels:.1f}")
        if not self._is_lit(mask):
            return translate("FocusPaint", "nothing sharp at 100 %")
        return translate("FocusPaint", "painted: sharp at 100 %")

    def paint(self, painter: QPainter, key: ImageKey, target: QRectF, ratio: float) -> None:
        """Paint over a photo that fills `target`, with so many device pixels for one of Qt's."""
        mask = self._masks.image(*key)
        if mask is None:
            return
        size = self._masks.full_size(key.path) or (0, 0)
        covered = [  # whole cells alone are measured: up to 3 pixels at the far sides are not
            cells * CELL / side if side // CELL == cells else 1.0
            for cells, side in zip((mask.width(), mask.height()), size, strict=True)
        ]
        place = QRectF(
            target.x(), target.y(), target.width() * covered[0], target.height() * covered[1]
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, self._mask_for(mask, place.width() * ratio))

    def _is_lit(self, mask: QImage) -> bool:
        """Whether anything of it is painted; looked at once, not at every repaint."""
        if self._lit_mask is None or self._lit_mask[0] != mask.cacheKey():
            self._lit_mask = (mask.cacheKey(), is_lit(mask))
        return self._lit_mask[1]

    def _mask_for(self, mask: QImage, width: float) -> QImage:
        """Return the mask for a picture so many device pixels wide, thin edges and all."""
        factor = int(mask.width() / max(1.0, width) + 0.5)
        if factor < 2:
            return mask
        key = (mask.cacheKey(), factor)
        if self._small_mask is None or self._small_mask[0] != key:
            self._small_mask = (key, shrunk(mask, factor))
        return self._small_mask[1]
