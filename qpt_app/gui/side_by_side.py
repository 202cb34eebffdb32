"""Several photos at once: compare (linked zoom, a pinned reference) and survey."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from qpt_app.gui.image_loader import ImageKey, ImageLoader
from qpt_app.gui.image_pane import ImagePane
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.theme import Theme
from qpt_app.gui.view_state import ViewState

MAX_COMPARED = 4
MAX_SURVEYED = 24


class SideBySide(QWidget):
    """Panes that share one zoom. Exactly one is framed: the one that keys act on."""

    focused = Signal(object)
    """The user went to another pane; carries its record."""

    def __init__(
        self,
        model: PhotoModel,
        cursor: PhotoCursor,
        loader: ImageLoader,
        theme: Theme,
        *,
        limit: int,
        preview: Callable[[Path], QImage | None] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("surround")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._model = model
        self._cursor = cursor
        self._loader = loader
        self._theme = theme
        self._limit = limit
        self._preview = preview
        self._records: list[PhotoRecord] = []
        self._reference: PhotoRecord | None = None
        self.state = ViewState(self)
        self.panes: list[ImagePane] = []
        self._columns = 1
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 6, 6, 6)
        self._cells = QGridLayout()
        self._cells.setSpacing(6)
        outer.addLayout(self._cells, 1)
        self._hint = QLabel(self.tr("Select two or more photos in the grid, then come back."))
        self._hint.setObjectName("quiet")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        outer.addWidget(self._hint)
        cursor.moved.connect(self._follow)
        model.counts_changed.connect(self._repaint)

    @property
    def records(self) -> list[PhotoRecord]:
        """The photos shown, left to right."""
        return list(self._records)

    @property
    def reference(self) -> PhotoRecord | None:
        """The photo pinned at the left, or None."""
        return self._reference

    def show_records(
        self, records: Sequence[PhotoRecord], framed: PhotoRecord | None = None
    ) -> None:
        """Show photos and frame one: the one asked for, else the current one, else the last."""
        wanted = list(records[: self._limit])
        if self._reference is not None and self._limit == MAX_COMPARED:
            others = [record for record in wanted if record is not self._reference]
            wanted = [self._reference, *others][: self._limit]
        self._records = wanted
        self._make_panes(len(wanted))
        self._hint.setVisible(not wanted)
        for pane, record in zip(self.panes, wanted, strict=True):
            pane.show_record(record)
        framed = framed or self._cursor.record
        if wanted:
            self._cursor.make_current(framed if framed and self.shows(framed) else wanted[-1])
        self._frame()
        self.fetch()

    def clear(self) -> None:
        """Show nothing, as when another folder is opened."""
        self._reference = None
        self.show_records([])

    def pin(self) -> None:
        """Pin the framed photo as the reference, or let it go."""
        current = self._cursor.record
        self._reference = None if current is self._reference else current
        self.show_records(self._records)

    def step(self, direction: int) -> None:
        """Frame the next pane; beyond the last one the next photo takes the challenger's place."""
        if not self.frame_next(direction) and self._limit == MAX_COMPARED and self._records:
            self._slide(direction)

    def frame_next(self, panes: int) -> bool:
        """Frame the pane some places on or back; False if there is none."""
        target = self._framed_at() + panes
        if not 0 <= target < len(self._records):
            return False
        self._cursor.make_current(self._records[target])
        return True

    def frame_row(self, rows: int) -> None:
        """Frame the pane in a row below or above; the last one if the row below is shorter."""
        at, last = self._framed_at(), len(self._records) - 1
        if at // self._columns < last // self._columns or rows < 0:
            self.frame_next(min(last - at, rows * self._columns))

    def frame_end(self, *, last: bool) -> None:
        """Frame the first or last pane."""
        if self._records:
            self._cursor.make_current(self._records[-1 if last else 0])

    def shows(self, record: PhotoRecord | None) -> bool:
        """Whether a photo is in a pane."""
        return any(shown is record for shown in self._records)

    def remove_missing(self) -> None:
        """Drop photos that were moved away; the frame goes to the pane that takes its place."""
        here = [record for record in self._records if self._model.record(record.path) is record]
        if len(here) == len(self._records):
            return
        at = max(0, self._framed_at())
        stays = any(record is self._cursor.record for record in here)
        self.show_records(here, None if stays or not here else here[min(at, len(here) - 1)])

    def fetch(self) -> None:
        """Ask for the pictures of all panes, the framed one first."""
        if not self.isVisible():
            return
        panes = sorted(self.panes, key=lambda pane: not pane.is_current)
        keys: list[ImageKey] = []
        for pane in panes:
            if pane.record is not None and pane.record.file is not None:
                keys.append(pane.fit_key(pane.record.path))
        keys += [key for pane in panes if (key := pane.wanted_key()) is not None]
        self._loader.want(keys)

    def current_pane(self) -> ImagePane | None:
        """Return the framed pane."""
        return next((pane for pane in self.panes if pane.is_current), None)

    def _slide(self, direction: int) -> None:
        """Replace the challenger by the next photo of the folder that is not shown yet."""
        at = self._challenger_at(direction)
        row = self._cursor.row if at < 0 else self._model.row_of(self._records[at])
        row = row if row >= 0 else self._cursor.row
        while (record := self._model.record_at(row := row + direction)) is not None:
            if not self.shows(record):
                break
        else:
            return
        records = [shown for n, shown in enumerate(self._records) if n != at]
        records.insert(at if at >= 0 else len(records), record)
        self.show_records(records, record)

    def _challenger_at(self, direction: int) -> int:
        """Return the pane that slides: the framed one, but never the reference; -1 if none."""
        at = self._framed_at()
        if self._records[at] is not self._reference:
            return at
        others = [n for n, one in enumerate(self._records) if one is not self._reference]
        return others[-1 if direction > 0 else 0] if others else -1

    def _framed_at(self) -> int:
        """Return the number of the framed pane; -1 without one."""
        return next((n for n, pane in enumerate(self.panes) if pane.is_current), -1)

    def _make_panes(self, count: int) -> None:
        """Make or drop panes and lay them out in a grid that suits their number."""
        while len(self.panes) > count:
            pane = self.panes.pop()
            self._cells.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        while len(self.panes) < count:
            pane = ImagePane(self._loader, self.state, self._theme, self, preview=self._preview)
            pane.framed = True
            pane.clicked.connect(lambda pane=pane: self._clicked(pane))
            pane.needs_image.connect(self.fetch)
            self.panes.append(pane)
        columns = self._columns = max(1, count if count <= 3 else math.ceil(math.sqrt(count)))
        for at, pane in enumerate(self.panes):
            self._cells.removeWidget(pane)
            self._cells.addWidget(pane, at // columns, at % columns)
            pane.show()

    def _clicked(self, pane: ImagePane) -> None:
        if pane.record is not None:
            self._cursor.make_current(pane.record)
            self.focused.emit(pane.record)

    def _follow(self, record: PhotoRecord | None) -> None:
        """Move the frame along; `ViewController` leaves for another view if no pane shows it."""
        if self.isVisible() and self.shows(record):
            self._frame()

    def _frame(self) -> None:
        """Frame the pane of the current photo."""
        current = self._cursor.record
        for pane in self.panes:
            pane.is_current = pane.record is current
            pane.is_reference = pane.record is self._reference and self._reference is not None
            pane.update()

    def _repaint(self) -> None:
        if self.isVisible():
            for pane in self.panes:
                pane.update()
