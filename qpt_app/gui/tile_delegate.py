"""Paints one tile of the grid: thumbnail, marks, score, name."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from qpt_app.decisions.decision import Flag
from qpt_app.gui import marks
from qpt_app.gui.photo_model import Role
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.theme import Theme
from qpt_app.gui.value_texts import reason_text

MARGIN = 8
FOOT = 38
"""Height of the two lines under a thumbnail."""
MARK = 13
"""Side of a mark."""


class TileDelegate(QStyledItemDelegate):
    """A tile says with shapes what it says with colours."""

    def __init__(
        self,
        theme: Theme,
        thumbnail: Callable[[Path], QImage | None],
        tile_size: Callable[[], int],
        parent: QObject | None = None,
        *,
        promises_scores: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make it; `promises_scores` says whether photos without a score can expect one."""
        super().__init__(parent)
        self._promises_scores = promises_scores
        self._theme = theme
        self._thumbnail = thumbnail
        self._tile_size = tile_size

    def cell_size(self, side: int) -> QSize:
        """Return the smallest size of a cell for thumbnails of a side."""
        return QSize(side + 2 * MARGIN + 6, side + FOOT + 2 * MARGIN)

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Smallest size of a cell."""
        return self.cell_size(self._tile_size())

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the tile of a photo."""
        record: PhotoRecord | None = index.data(Role.RECORD)
        if record is None:
            return
        painter.save()
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        cell = QRectF(option.rect).adjusted(3, 3, -3, -3)
        self._paint_ground(painter, cell, option.state)
        side = self._tile_size()
        box = QRectF(cell.center().x() - side / 2, cell.top() + MARGIN - 3, side, side)
        self._paint_photo(painter, box, record)
        self._paint_corners(painter, self._photo_rect(box, record), record)
        foot = QRectF(box.left(), box.bottom() + 5, side, FOOT)
        self._paint_marks(painter, QRectF(foot.left(), foot.top(), side, 16), record)
        self._paint_name(painter, QRectF(foot.left(), foot.top() + 17, side, 16), record)
        painter.restore()

    def _paint_ground(self, painter: QPainter, cell: QRectF, state: QStyle.StateFlag) -> None:
        """Mark the selection by its ground, the current photo by a frame."""
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("selected"))
            painter.drawRoundedRect(cell, 6, 6)
        if state & QStyle.StateFlag.State_HasFocus:
            pen = QPen(self._theme.colour("accent"), 2)
            if not state & QStyle.StateFlag.State_Active:
                pen.setColor(self._theme.colour("quiet"))
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), 6, 6)

    def _paint_photo(self, painter: QPainter, box: QRectF, record: PhotoRecord) -> None:
        """Paint the thumbnail, or a quiet place for it."""
        image = self._thumbnail(record.path)
        target = self._photo_rect(box, record)
        if image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("raised"))
            painter.drawRoundedRect(target, 2, 2)
            if record.has_failed:
                self._paint_reason(painter, target, record)
            return
        rejected = record.decision.is_rejected
        painter.setOpacity(0.42 if rejected else 1.0)
        painter.drawImage(target, image)
        painter.setOpacity(1.0)

    def _photo_rect(self, box: QRectF, record: PhotoRecord) -> QRectF:
        """Return where the photo stands: on the lower edge of its square, above its marks."""
        image = self._thumbnail(record.path)
        if image is not None:
            size = image.size()
        elif record.result is not None and record.result.width and record.result.height:
            size = QSize(record.result.width, record.result.height)
        else:
            size = QSize(3, 2)
        size = size.scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRectF(QPointF(0, 0), size)
        target.moveCenter(box.center())
        target.moveBottom(box.bottom())
        return target

    def _paint_reason(self, painter: QPainter, box: QRectF, record: PhotoRecord) -> None:
        """Say in the empty tile why there is no picture."""
        if record.result is None:
            return
        painter.setPen(self._theme.colour("quiet"))
        painter.setFont(_font(painter, 11))
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(box.adjusted(12, 26, -12, -8), flags, reason_text(record.result))

    def _paint_corners(self, painter: QPainter, box: QRectF, record: PhotoRecord) -> None:
        """Problem mark at the top right, series mark at the top left."""
        status = record.result.status if record.result is not None else None
        if status is not None and (record.has_failed or record.result.reason):  # type: ignore[union-attr]
            plate = QRectF(box.right() - MARK - 12, box.top() + 6, MARK + 8, MARK + 8)
            self._paint_plate(painter, plate)
            inner = plate.adjusted(4, 4, -4, -5)
            marks.draw_warning(painter, inner, self._theme.colour("warn"))
        if record.series is not None:
            count = _place_in_series(record)
            painter.setFont(_font(painter, 11, bold=True))
            width = QFontMetricsF(painter.font()).horizontalAdvance(count) + MARK + 14
            plate = QRectF(box.left() + 6, box.top() + 6, width, MARK + 8)
            self._paint_plate(painter, plate)
            inner = QRectF(plate.left() + 5, plate.top() + 4, MARK - 1, MARK - 1)
            marks.draw_stack(painter, inner, self._theme.colour("text"))
            painter.setPen(self._theme.colour("text"))
            painter.drawText(
                plate.adjusted(MARK + 8, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), count
            )

    def _paint_plate(self, painter: QPainter, plate: QRectF) -> None:
        """Paint the ground of a mark that lies on a photo."""
        ground = QColor(self._theme.colour("window"))
        ground.setAlpha(225)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(plate, 4, 4)

    def _paint_marks(self, painter: QPainter, line: QRectF, record: PhotoRecord) -> None:
        """Flag, stars and label from the left; score at the right."""
        x = line.left()
        if record.decision.flag is not Flag.NONE:
            box = QRectF(x, line.top() + 1, MARK, MARK)
            picked = record.decision.is_picked
            draw = marks.draw_pick if picked else marks.draw_reject
            draw(painter, box, self._theme.colour("pick" if picked else "reject"))
            x += MARK + 5
        if record.decision.label:
            box = QRectF(x, line.top() + 1, MARK, MARK)
            fill, ink = self._theme.colour(record.decision.label), self._theme.colour("surround")
            marks.draw_letter(painter, box, fill, ink, record.decision.label[0].upper())
            x += MARK + 5
        for _ in range(record.stars):
            marks.draw_star(painter, QRectF(x, line.top() + 1, 12, 12), self._theme.colour("star"))
            x += MARK
        self._paint_score(painter, line, record)

    def _paint_score(self, painter: QPainter, line: QRectF, record: PhotoRecord) -> None:
        """Paint the score."""
        is_known = record.score is not None
        painter.setFont(_font(painter, 13, bold=is_known))
        painter.setPen(self._theme.colour("text" if is_known else "quiet"))
        flags = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(line.adjusted(0, -1, 0, 0), flags, self.score_text(record))

    def score_text(self, record: PhotoRecord) -> str:
        """Say the score as a number, three dots while it is awaited, a dash if none will come."""
        if record.score is not None:
            return f"{record.score:.0f}"
        return "–" if record.has_failed or not self._promises_scores() else "···"

    def _paint_name(self, painter: QPainter, line: QRectF, record: PhotoRecord) -> None:
        """Paint the file name, shortened in its middle."""
        painter.setFont(_font(painter, 11))
        painter.setPen(self._theme.colour("quiet"))
        name = record.name
        if record.file is not None and record.file.companion is not None:
            name += " + " + record.file.companion.suffix.lstrip(".").upper()
        name = QFontMetricsF(painter.font()).elidedText(
            name, Qt.TextElideMode.ElideMiddle, line.width()
        )
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), name)


def _place_in_series(record: PhotoRecord) -> str:
    """Say `2/7` for the second best of a burst of seven, `7` for a frame of what is kept whole."""
    series = record.series
    assert series is not None
    size = len(series.members)
    return str(size) if series.is_protected else f"{series.ranked.index(record.path) + 1}/{size}"


def _font(painter: QPainter, pixels: int, *, bold: bool = False) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font
