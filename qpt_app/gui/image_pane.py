"""One photo, fitted or at 100 %, with the marks that say what a key will do to it."""

from collections.abc import Callable, Set
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from qpt_app.decisions.decision import Flag
from qpt_app.gui import marks
from qpt_app.gui.focus_masks import FocusMasks
from qpt_app.gui.focus_paint import FocusPaint
from qpt_app.gui.image_loader import ImageKey, ImageLoader, LoadedImage
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.theme import Theme
from qpt_app.gui.value_texts import reason_text
from qpt_app.gui.view_state import ViewState, exact_rect, point_in_photo, target_rect, zoomed_at

NOTCH = 120
"""Qt's unit of a wheel's turn that is one notch; touchpads send many small parts of it."""
SIDE_STEP = 128
"""Sizes asked of the pool are multiples of this, so that a small resize needs no new decode."""


class ImagePane(QWidget):
    """Paints what the loader has: the right size, else the best it holds, else a quiet text."""

    clicked = Signal()
    needs_image = Signal()
    """The photo, the size or the zoom changed: ask the loader for `wanted_key`."""

    def __init__(
        self,
        loader: ImageLoader,
        state: ViewState,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        preview: Callable[[Path], QImage | None] | None = None,
        focus: FocusMasks | None = None,
    ) -> None:
        """Make a pane.

        Args:
            loader: has the pictures.
            state: zoom and position.
            theme: the colours.
            parent: the widget that it is in.
            preview: gives a small picture to show until the right one is there.
            focus: knows what is in focus.
        """
        super().__init__(parent)
        self._preview = preview
        self._paint = None if focus is None else FocusPaint(focus)
        self.peaking = False
        """Whether what is in focus is painted."""
        self._loader = loader
        self._state = state
        self._theme = theme
        self._record: PhotoRecord | None = None
        self._drag: QPointF | None = None
        self._moved = False
        self.is_current = False
        self.is_reference = False
        self.framed = False
        """Whether to paint a frame and a caption, as where several panes stand side by side."""
        self.sharpness = 1.0
        """Part of the photo's own pixels, along a side, that there is memory for when zoomed in."""
        self.setMinimumSize(80, 80)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        state.changed.connect(self._zoomed)
        loader.loaded.connect(self._arrived)
        loader.forgotten.connect(self._forgotten)
        if focus is not None:
            focus.loaded.connect(self._focus_arrived)
            focus.forgotten.connect(self._forgotten)

    # -- what is shown ---------------------------------------------------------------------

    @property
    def record(self) -> PhotoRecord | None:
        """The photo shown."""
        return self._record

    def show_record(self, record: PhotoRecord | None) -> None:
        """Show another photo at the same zoom and position."""
        self._record = record
        self.setAccessibleDescription(self.focus_note())
        self.setAccessibleName(self.tr("Photo %1").replace("%1", record.name if record else ""))
        self.needs_image.emit()
        self.update()

    def wanted_key(self, record: PhotoRecord | None = None) -> ImageKey | None:
        """Return the picture that suits this pane for its photo, or for another one."""
        record = record or self._record
        if record is None or record.file is None:
            return None
        fit = self.fit_key(record.path)
        if self._state.is_fit:
            return fit
        if self.sharpness >= 1:
            return ImageKey(record.path, None)
        size = self._loader.full_size(record.path)
        side = 0 if size is None else int(max(size) * self.sharpness) // SIDE_STEP * SIDE_STEP
        return max(fit, ImageKey(record.path, side))

    def set_peaking(self, shown: bool) -> None:
        """Paint what is in focus, or no more."""
        self.peaking = shown
        self.setAccessibleDescription(self.focus_note())
        self.needs_image.emit()
        self.update()

    def focus_key(self, record: PhotoRecord | None = None) -> ImageKey | None:
        """Return the mask to ask for: it is of the photo's own pixels at every zoom."""
        record = record or self._record
        if not self.peaking or self._paint is None or record is None or record.file is None:
            return None
        return ImageKey(record.path, None)

    def focus_note(self) -> str:
        """Say what the paint stands for, or why there is none; empty without peaking."""
        key = self.focus_key()
        return "" if key is None or self._paint is None else self._paint.note(key)

    @property
    def lacks_sharpness(self) -> bool:
        """Whether the zoom would show more of the photo than there is memory for."""
        scale = self._state.place.scale
        return scale is not None and self.sharpness < min(1.0, scale)

    def fit_key(self, path: Path) -> ImageKey:
        """Return the picture that fits this pane, at its number of device pixels."""
        ratio = self.devicePixelRatioF()
        room = self._room()
        size = self._loader.full_size(path)
        side = max(room.width(), room.height()) * ratio
        if size is not None:
            scale = min(room.width() * ratio / size[0], room.height() * ratio / size[1], 1.0)
            side = max(size) * scale
        return ImageKey(path, max(SIDE_STEP, -int(-side // SIDE_STEP) * SIDE_STEP))

    def pointer_in_photo(self) -> tuple[float, float] | None:
        """Return where the pointer is, as fractions of the photo; None if it is elsewhere."""
        at = self.mapFromGlobal(self.cursor().pos())
        return self.fraction_at(at) if self.rect().contains(at) else None

    def fraction_at(self, at: QPoint) -> tuple[float, float]:
        """Return a point of the pane as fractions of the photo."""
        return point_in_photo(QPointF(at), self._target())

    # -- painting --------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the photo, or why there is none."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surround"))
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        if self._record is not None:
            image = self._best_image()
            if image is not None:
                painter.save()
                painter.setClipRect(self._room())
                target = self._target()
                scale = self._state.place.scale
                if scale is not None and scale >= 1:
                    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
                if self._record.decision.is_rejected and self.framed:
                    painter.setOpacity(0.45)
                painter.drawImage(target, image)
                key = self.focus_key()
                if key is not None and self._paint is not None:
                    self._paint.paint(painter, key, target, self.devicePixelRatioF())
                painter.restore()
            else:
                self._paint_absence(painter)
            if self.framed:
                self._paint_frame(painter)
        painter.end()

    def _best_image(self) -> QImage | None:
        """Return the wanted picture, else whatever size is in memory."""
        assert self._record is not None
        path = self._record.path
        key = self.wanted_key()
        image = self._loader.image(*key) if key is not None else None
        image = image or self._loader.any_image(path)
        return image or (self._preview(path) if self._preview is not None else None)

    def _paint_absence(self, painter: QPainter) -> None:
        """Say that the photo is being read, or why it cannot be shown."""
        record = self._record
        assert record is not None
        key = self.wanted_key()
        reason = self._loader.failure(*key) if key is not None else None
        if record.result is not None and record.has_failed:
            reason = reason_text(record.result)
        painter.setPen(self._theme.colour("quiet"))
        text = self.tr("Loading …") if reason is None else reason
        painter.drawText(
            self.rect().adjusted(24, 24, -24, -24),
            int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
            text,
        )

    def _paint_frame(self, painter: QPainter) -> None:
        """Frame the pane that keys act on; write name, score and decision under the photo."""
        record = self._record
        assert record is not None
        frame = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.colour("accent" if self.is_current else "raised"),
                            2.5 if self.is_current else 1))  # fmt: skip
        painter.drawRoundedRect(frame, 5, 5)
        line = QRectF(12, self.height() - 28, self.width() - 24, 20)
        notes = [self.tr("reference")] if self.is_reference else []
        notes += [note] if (note := self.focus_note()) else []
        if self.lacks_sharpness:
            percent = f"{100 * self.sharpness:.0f}"
            notes.append(self.tr("sharp to %1 %, for lack of memory").replace("%1", percent))
        paint_decision(painter, line, record, self._theme, place="    ".join(notes))

    # -- mouse -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a drag, or a click."""
        self._drag = event.position()
        self._moved = False
        self.clicked.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the photo under the pointer."""
        if self._drag is None or self._state.is_fit:
            return
        target = self._target()
        delta = event.position() - self._drag
        if not self._moved and delta.manhattanLength() < 4:
            return
        self._moved = True
        self._drag = event.position()
        self._state.pan(-delta.x() / target.width(), -delta.y() / target.height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit or 100 % at the pointer."""
        self._state.toggle(self.fraction_at(event.position().toPoint()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer: a quarter per notch, by parts of it on a touchpad."""
        room, size, ratio = self._room(), self._photo_size(), self.devicePixelRatioF()
        target = exact_rect(self._state.place, size, room.size(), ratio)
        if target.isEmpty() or event.angleDelta().y() == 0:
            return
        scale = target.width() * ratio / size.width()
        scale *= 1.25 ** (event.angleDelta().y() / NOTCH)
        at = event.position() - room.topLeft()
        self._state.set_place(zoomed_at(at, scale, self._state.place, size, room.size(), ratio))
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another size may need another picture."""
        super().resizeEvent(event)
        self.needs_image.emit()

    # -- inner -----------------------------------------------------------------------------

    def _room(self) -> QRectF:
        """Return the part of the pane that the photo may fill."""
        if not self.framed:
            return QRectF(self.rect())
        return QRectF(self.rect()).adjusted(8, 8, -8, -32)

    def _photo_size(self) -> QSizeF:
        """Return the size of the whole photo in its own pixels, as far as known."""
        if self._record is None:
            return QSizeF()
        size = self._loader.full_size(self._record.path)
        if size is None:
            image = self._best_image()
            size = None if image is None else (image.width(), image.height())
        return QSizeF() if size is None else QSizeF(*size)

    def _target(self) -> QRectF:
        room = self._room()
        ratio = self.devicePixelRatioF()
        target = target_rect(self._state.place, self._photo_size(), room.size(), ratio)
        return target.translated(room.topLeft())

    def _zoomed(self) -> None:
        if self.isVisible():
            self.needs_image.emit()
            self.update()

    def _arrived(self, answer: LoadedImage) -> None:
        if self._record is not None and answer.key.path == self._record.path:
            key = self.wanted_key()
            if key is not None and key != answer.key and not self._loader.holds(key):
                self.needs_image.emit()  # the photo's shape is known now
            self.update()

    def _focus_arrived(self, answer: LoadedImage) -> None:
        if self._record is not None and answer.key.path == self._record.path:
            self.setAccessibleDescription(self.focus_note())
            self.update()

    def _forgotten(self, paths: Set[Path]) -> None:
        if self._record is not None and self._record.path in paths:
            self.needs_image.emit()
            self.update()


def paint_decision(
    painter: QPainter, line: QRectF, record: PhotoRecord, theme: Theme, *, place: str
) -> None:
    """Paint one line about a photo: decision, name and `place` at the left, score at the right."""
    x, top = line.left(), line.center().y() - 7
    if record.decision.flag is not Flag.NONE:
        picked = record.decision.is_picked
        draw = marks.draw_pick if picked else marks.draw_reject
        draw(painter, QRectF(x, top, 14, 14), theme.colour("pick" if picked else "reject"))
        x += 21
    for _ in range(record.stars):
        marks.draw_star(painter, QRectF(x, top, 14, 14), theme.colour("star"))
        x += 15
    if record.decision.label is not None:
        letter = record.decision.label.value[0].upper()
        fill, ink = theme.colour(record.decision.label.value), theme.colour("surround")
        marks.draw_letter(painter, QRectF(x + 3, top, 14, 14), fill, ink, letter)
        x += 22
    middle = int(Qt.AlignmentFlag.AlignVCenter)
    painter.setPen(theme.colour("text"))
    score = "" if record.score is None else f"{record.score:.0f}"
    painter.drawText(line, middle | int(Qt.AlignmentFlag.AlignRight), score)
    painter.setPen(theme.colour("quiet"))
    room = line.adjusted(x - line.left() + (6 if x > line.left() else 0), 0, -44, 0)
    text = f"{record.name}    {place}" if place else record.name
    text = painter.fontMetrics().elidedText(
        text, Qt.TextElideMode.ElideMiddle, max(10, int(room.width()))
    )
    painter.drawText(room, middle, text)
