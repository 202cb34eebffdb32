"""The loupe: one photo, its neighbours fetched ahead, its information on top."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from qpt_app.gui.focus_masks import FocusMasks
from qpt_app.gui.image_loader import ImageKey, ImageLoader, LoadedImage
from qpt_app.gui.image_pane import ImagePane, paint_decision
from qpt_app.gui.info_overlay import InfoOverlay
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.theme import Theme
from qpt_app.gui.view_state import ViewState

AHEAD, BEHIND = 3, 1
"""How many neighbours are fetched before they are asked for."""


class LoupeView(QWidget):
    """Follows the cursor while it is on screen."""

    described = Signal(object)
    """The information of a `PhotoRecord` is shown: what is not known of it yet is wanted."""

    def __init__(
        self,
        model: PhotoModel,
        cursor: PhotoCursor,
        loader: ImageLoader,
        theme: Theme,
        *,
        preview: Callable[[Path], QImage | None] | None = None,
        focus: FocusMasks | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("surround")
        self._model = model
        self._cursor = cursor
        self._loader = loader
        self._focus = focus
        self.percentile_of: Callable[[float], float | None] = lambda _: None
        """Gives a score's percentile in the folder."""
        self.state = ViewState(self)
        self.pane = ImagePane(loader, self.state, theme, self, preview=preview, focus=focus)
        self.overlay = InfoOverlay(theme, self)
        self.overlay.move(16, 16)
        self.strip = DecisionStrip(theme, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.pane, 1)
        layout.addWidget(self.strip)
        self.setFocusProxy(self.pane)
        self.pane.needs_image.connect(self.fetch)
        if focus is not None:
            focus.loaded.connect(self._focus_arrived)
        cursor.moved.connect(self._follow)
        model.refreshed.connect(lambda _: self._follow(cursor.record))  # its place, its neighbours
        model.counts_changed.connect(self.refresh)
        model.renamed.connect(lambda *_: self.pane.show_record(self.pane.record))

    def activate(self) -> None:
        """Show the current photo; called when the loupe comes on screen."""
        self._show(self._cursor.record)

    def set_info(self, shown: bool) -> None:
        """Show or hide the information."""
        self.overlay.setVisible(shown)
        self.refresh()

    def set_peaking(self, shown: bool) -> None:
        """Paint what is in focus, or no more."""
        self.pane.set_peaking(shown)
        if not shown and self._focus is not None:
            self._focus.want([])
        self.refresh()

    def refresh(self) -> None:
        """Say again what is known of the photo."""
        if self.isVisible():
            record = self.pane.record
            row = -1 if record is None else self._model.row_of(record)
            note = self.pane.focus_note()
            self.strip.show_record(record, row, self._model.rowCount(), note)
            self.strip.setAccessibleName("" if record is None else self._model.describe(record))
            if self.overlay.isVisible():
                score = None if record is None else record.score
                percentile = None if score is None else self.percentile_of(score)
                self.overlay.show_record(record, percentile)
                if record is not None and not record.is_focus_measured:
                    self.described.emit(record)

    def fetch(self) -> None:
        """Ask for the picture on screen first, then for its neighbours at the zoom in use."""
        if not self.isVisible() or self.pane.record is None:
            return
        keys: list[ImageKey] = []
        fit = self.pane.fit_key(self.pane.record.path)
        wanted = self.pane.wanted_key()
        keys += [key for key in (fit, wanted) if key is not None]
        row = self._cursor.row
        for step in (*range(1, AHEAD + 1), *range(-1, -BEHIND - 1, -1)):
            record = self._model.record_at(row + step)
            if record is not None and record.file is not None:
                near = self.pane.wanted_key(record)
                keys += [self.pane.fit_key(record.path), *([] if near is None else [near])]
        self._loader.want(keys, shown=wanted)
        self._fetch_focus()

    def _fetch_focus(self) -> None:
        """Ask for what is in focus in the photo on screen, then in those beside it."""
        shown = self.pane.focus_key()
        if shown is None or self._focus is None:
            return
        beside = (self._model.record_at(self._cursor.row + step) for step in (1, -1))
        keys = [self.pane.focus_key(record) for record in beside if record is not None]
        self._focus.want([shown, *(key for key in keys if key is not None)], shown=shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fetch the new size."""
        super().resizeEvent(event)
        self.fetch()

    def _focus_arrived(self, answer: LoadedImage) -> None:
        if self.pane.record is not None and answer.key.path == self.pane.record.path:
            self.refresh()

    def _follow(self, record: PhotoRecord | None) -> None:
        if self.isVisible():
            self._show(record)

    def _show(self, record: PhotoRecord | None) -> None:
        if self.pane.record is not record:
            self.pane.show_record(record)
        else:
            self.fetch()
        self.refresh()


class DecisionStrip(QWidget):
    """One line under the photo: place, name, decision, score."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._record: PhotoRecord | None = None
        self._place = ""
        self.setFixedHeight(34)

    def show_record(self, record: PhotoRecord | None, row: int, count: int, note: str = "") -> None:
        """Show a photo's decision and its place among those shown; at row -1 it has none.

        `note` says what is painted on the photo.
        """
        self._record = record
        place = f"{row + 1} / {count}" if row >= 0 else ""
        self._place = "    ".join(text for text in (place, note) if text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.colour("window"))
        if self._record is not None:
            line = QRectF(self.rect()).adjusted(14, 7, -14, -7)
            paint_decision(painter, line, self._record, self._theme, place=self._place)
        painter.end()
